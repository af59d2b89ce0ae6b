package gevent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
	"github.com/stretchr/testify/require"
)

func TestSmoke(t *testing.T) {
	var out []string
	c := netpoll.NewVirtualClock()
	err := gevent.Run(func() {
		g := gevent.SpawnValue(func() (int, error) { gevent.Sleep(2 * time.Second); out = append(out, "b"); return 3, nil })
		h := gevent.Spawn(func() { gevent.Sleep(time.Second); out = append(out, "a") })
		k := gevent.Spawn(func() { defer func() { out = append(out, "killed") }(); gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		k.Kill()
		gevent.JoinAll(g, h)
		v, err := g.Get()
		out = append(out, fmt.Sprint(v, err))
		gevent.Offload(func() { time.Sleep(time.Millisecond); out = append(out, "off") })
		l := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		_ = l
	}, gevent.WithClock(c))
	require.NoError(t, err)
	require.Equal(t, []string{"killed", "a", "b", "3 <nil>", "off"}, out)
	err = gevent.Run(func() {
		var g *gevent.Greenlet
		h := gevent.Spawn(func() { gevent.Sleep(0); g.Join() })
		g = gevent.Spawn(func() { h.Join() })
		h.Join()
	})
	t.Log(err)
	require.ErrorIs(t, err, gevent.ErrLoopExit)
}

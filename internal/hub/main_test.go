package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// job is the simplest owner of a Proc: a function.
type job struct {
	hub.Proc
	f func(p *hub.Proc)
}

// Exec runs the function, and lets a kill end it.
func (j *job) Exec() {
	defer func() {
		if v := recover(); v != nil {
			_ = v.(*baton.Unwind)
		}
	}()
	j.f(&j.Proc)
}

func (j *job) Exited() {}

func (j *job) Cancelled(error) {}

// spawn starts a greenlet.
func spawn(h *hub.Hub, f func(p *hub.Proc)) *hub.Proc {
	j := &job{f: f}
	j.Init(h, j, "")
	j.Start()
	return &j.Proc
}

// inside runs f as the root of a hub on a virtual clock.
func inside(t *testing.T, f func(h *hub.Hub)) {
	t.Helper()
	h, err := hub.New(netpoll.WithClock(netpoll.NewVirtualClock()))
	require.NoError(t, err)
	h.Enter()
	defer h.Close()
	f(h)
	require.Empty(t, h.KillAll(errKilled))
	require.Zero(t, h.Live())
}

//go:build unix

package hub_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

func TestADescriptorWakesOnceAlthoughItsDeadlineIsInTheSameTurn(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		r, w := pipe(t)
		d, err := h.Loop.Open(r)
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Release()) }()
		var causes []hub.Cause
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			for range 2 {
				d.Drained(netpoll.ReadSide)
				c, err := p.ParkIO(f, hub.Wait{Op: "read"}, d, netpoll.ReadSide, h.Loop.UpdateTime()+time.Second)
				require.NoError(t, err)
				causes = append(causes, c)
			}
		})
		yield(t)
		_, err = syscall.Write(w, []byte("x"))
		require.NoError(t, err)
		f, root := hub.Here()
		for !p.Done() {
			_, err = root.ParkFor(f, hub.Wait{Op: "root"}, time.Second)
			require.NoError(t, err)
		}
		require.Equal(t, []hub.Cause{hub.IO, hub.TimedOut}, causes)
		require.Nil(t, d.Waiter(netpoll.ReadSide))
	})
}

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	fr, fw, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { fr.Close(); fw.Close() })
	r, w = int(fr.Fd()), int(fw.Fd())
	require.NoError(t, syscall.SetNonblock(r, true))
	return r, w
}

func TestARootThatIsMadeToExitInParkIOWaitsForNothingAnyMore(t *testing.T) {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		h, err := hub.New()
		require.NoError(t, err)
		h.Enter()
		defer h.Close()
		r, w := pipe(t)
		d, err := h.Loop.Open(r)
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Release()) }()
		f, root := hub.Here()
		defer func() {
			require.Nil(t, d.Waiter(netpoll.ReadSide))
			require.Zero(t, h.Loop.Stats().Timers)
			// It may wait again.
			_, err := syscall.Write(w, []byte("x"))
			require.NoError(t, err)
			d.Drained(netpoll.ReadSide)
			c, err := root.ParkIO(f, hub.Wait{Op: "read"}, d, netpoll.ReadSide, 0)
			require.NoError(t, err)
			require.Equal(t, hub.IO, c)
			require.Nil(t, d.Waiter(netpoll.ReadSide))
		}()
		spawn(h, func(*hub.Proc) { runtime.Goexit() })
		d.Drained(netpoll.ReadSide)
		_, _ = root.ParkIO(f, hub.Wait{Op: "read"}, d, netpoll.ReadSide, h.Loop.UpdateTime()+time.Hour)
		t.Error("not reached")
	}()
	<-exited
}

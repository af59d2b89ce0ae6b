package hub_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
)

func TestWakeNextIsFirstOnlyForCallbacks(t *testing.T) {
	for where, want := range map[string][]string{"callback": {"woken", "ready"}, "greenlet": {"ready", "woken"}} {
		t.Run(where, func(t *testing.T) {
			inside(t, func(h *hub.Hub) {
				var got []string
				sleeper := spawn(h, func(p *hub.Proc) {
					f, _ := hub.Here()
					c, err := p.Park(f, hub.Wait{Op: "test"})
					require.NoError(t, err)
					require.Equal(t, hub.Woken, c)
					got = append(got, "woken")
				})
				yield(t)
				wake := func() {
					spawn(h, func(*hub.Proc) { got = append(got, "ready") })
					require.True(t, sleeper.WakeNext())
					require.False(t, sleeper.WakeNext(), "once")
				}
				if where == "callback" {
					h.Loop.CallSoon(wake)
				} else {
					spawn(h, func(*hub.Proc) { wake() })
				}
				yield(t)
				yield(t)
				require.Equal(t, want, got)
			})
		})
	}
}

func TestANotificationCountsUntilItsProcRuns(t *testing.T) {
	reason := errors.New("reason")
	for name, c := range map[string]struct {
		limit time.Duration
		first func(p *hub.Proc)
		told  bool
		want  hub.Cause
	}{
		"parked":      {time.Hour, func(*hub.Proc) {}, true, hub.Woken},
		"woken":       {time.Hour, func(p *hub.Proc) { p.Wake() }, true, hub.Woken},
		"time is up":  {0, func(*hub.Proc) {}, true, hub.Woken},
		"interrupted": {time.Hour, func(p *hub.Proc) { p.Interrupt(reason) }, false, hub.Interrupted},
	} {
		t.Run(name, func(t *testing.T) {
			inside(t, func(h *hub.Hub) {
				ran := false
				waiter := spawn(h, func(p *hub.Proc) {
					// This runs in the next iteration, at the beginning of which times are
					// looked at: one that is up makes p ready behind it.
					spawn(h, func(*hub.Proc) {
						c.first(p)
						require.Equal(t, name == "parked", p.Parked())
						require.False(t, ran)
						require.Equal(t, c.told, p.Notifiable())
						require.Equal(t, c.told, p.Notify())
					})
					f, _ := hub.Here()
					cause, err := p.ParkFor(f, hub.Wait{Op: "test"}, c.limit)
					require.Equal(t, c.want, cause)
					require.Equal(t, c.want == hub.Interrupted, err == reason)
					ran = true
				})
				for range 4 {
					yield(t)
				}
				require.True(t, ran)
				require.False(t, waiter.Notify(), "it has ended")
			})
		})
	}
}

func TestWhatIsPutBackComesFirst(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	inside(t, func(h *hub.Hub) {
		var got []error
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			for i := range 3 {
				_, err := p.Park(f, hub.Wait{Op: "test"})
				if i == 0 {
					p.PutBack(err)
				} else {
					got = append(got, err)
				}
			}
		})
		yield(t)
		p.Interrupt(first)
		p.Interrupt(second)
		yield(t)
		require.Equal(t, []error{first, second}, got)
	})
}

package hub_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

var errKilled = errors.New("killed")

// yield lets everything run that is ready.
func yield(t *testing.T) {
	t.Helper()
	f, p := hub.Here()
	require.NoError(t, p.Yield(f))
}

func TestOnlyTheFirstCauseWakes(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var cause hub.Cause
		var err error
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			cause, err = p.ParkFor(f, hub.Wait{Op: "test"}, time.Second)
		})
		yield(t)
		require.True(t, p.Parked())
		require.True(t, p.Wake())
		require.False(t, p.Wake(), "it is ready already, so this one goes to somebody else")
		p.Interrupt(errKilled)
		yield(t)
		require.Equal(t, hub.Woken, cause)
		require.NoError(t, err, "the interrupt waits for the next park, and there was none")
		require.True(t, p.Done())
		require.False(t, p.Wake())
		require.Zero(t, h.Loop.Stats().Timers, "the timer was taken back")
	})
}

func TestAnInterruptIsTakenAtTheNextPark(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var causes []hub.Cause
		var errs []error
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			for range 3 {
				c, err := p.ParkFor(f, hub.Wait{Op: "test"}, time.Second)
				causes, errs = append(causes, c), append(errs, err)
			}
		})
		yield(t)
		p.Wake()
		p.Interrupt(errKilled)
		for !p.Done() {
			yield(t)
			h.Loop.UpdateTime()
			f, root := hub.Here()
			_, err := root.ParkFor(f, hub.Wait{Op: "root"}, 2*time.Second)
			require.NoError(t, err)
		}
		require.Equal(t, []hub.Cause{hub.Woken, hub.Interrupted, hub.TimedOut}, causes)
		require.Equal(t, []error{nil, errKilled, nil}, errs)
	})
}

func TestAnInterruptCanBeWithdrawnUntilItHasMadeItsVictimReady(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		other := errors.New("other")
		var got error
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			_, got = p.Park(f, hub.Wait{Op: "test"})
		})
		yield(t)
		p.Interrupt(errKilled)
		require.False(t, p.Withdraw(other))
		require.False(t, p.Withdraw(errKilled), "too late")
		p.Interrupt(other)
		require.True(t, p.Withdraw(other))
		yield(t)
		require.Equal(t, errKilled, got)
	})
}

func TestCancelKeepsAGreenletFromStarting(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		ran := false
		p := spawn(h, func(*hub.Proc) { ran = true })
		require.True(t, p.Cancel())
		require.False(t, p.Cancel())
		later := &job{f: func(*hub.Proc) { ran = true }}
		later.Init(h, later, "")
		later.StartAfter(time.Second)
		require.Equal(t, 1, h.Live())
		require.True(t, later.Cancel())
		yield(t)
		require.False(t, ran)
		require.Zero(t, h.Live())
		begun := spawn(h, func(p *hub.Proc) { f, _ := hub.Here(); _, _ = p.Park(f, hub.Wait{Op: "test"}) })
		yield(t)
		require.False(t, begun.Cancel())
		begun.Wake()
	})
}

func TestAPanicOfACallbackIsReportedAndTheHubGoesOn(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var reports []string
		h.OnError = func(where string, err error) { reports = append(reports, where+": "+err.Error()) }
		ran := false
		h.Loop.CallSoon(func() { panic("kaboom") })
		h.Loop.CallSoon(func() { ran = true })
		yield(t)
		require.True(t, ran)
		require.Len(t, reports, 1)
		require.Contains(t, reports[0], "callback: panic: kaboom")
	})
}

func TestBlockingInACallbackIsRefused(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var message any
		h.Loop.CallSoon(func() {
			defer func() { message = recover() }()
			hub.Sleep(time.Second)
		})
		yield(t)
		require.Contains(t, message, "a callback of the loop must not block")
	})
}

func TestDoRunsInAGreenletForAForeignGoroutine(t *testing.T) {
	var h *hub.Hub
	done := make(chan error, 3)
	inside(t, func(hub_ *hub.Hub) {
		h = hub_
		h.Hope()
		go func() {
			var inner *hub.Hub
			err := h.Do("call", func() { inner = hub.Current(); hub.Sleep(time.Second) })
			if err == nil && inner != h {
				err = errors.New("it ran elsewhere")
			}
			done <- err
			func() {
				defer func() {
					if recover() == nil {
						done <- errors.New("the panic did not come through")
					} else {
						done <- nil
					}
				}()
				_ = h.Do("call", func() { panic("kaboom") })
			}()
			_ = h.Post(func() { h.Unhope(); h.Root().Wake() })
		}()
		f, root := hub.Here()
		_, err := root.Park(f, hub.Wait{Op: "root"})
		require.NoError(t, err)
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		go func() { done <- h.Do("never ends", func() { hub.Sleep(time.Hour) }) }()
		for h.Live() == 0 {
			yield(t)
			time.Sleep(time.Microsecond)
		}
	})
	require.ErrorIs(t, <-done, netpoll.ErrClosed, "it was killed at the end")
	require.ErrorIs(t, h.Do("late", func() {}), netpoll.ErrClosed)
}

func TestAHubCanBeLeftAndEnteredAgainElsewhere(t *testing.T) {
	h, err := hub.New(netpoll.WithClock(netpoll.NewVirtualClock()))
	require.NoError(t, err)
	var ran []int
	for i := range 3 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.Enter()
			defer h.Leave()
			spawn(h, func(*hub.Proc) {
				for range 3 {
					hub.Sleep(time.Second)
					ran = append(ran, i)
				}
			})
			f, root := hub.Here()
			_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, 1500*time.Millisecond)
		}()
		<-done
	}
	require.Equal(t, []int{0, 0, 1, 0, 1, 2}, ran)
	h.Enter()
	require.Empty(t, h.KillAll(errKilled))
	h.Close()
}

// TestWakesAndInterruptsAreNeitherLostNorDoubled hands tokens to parked greenlets
// from all sides at random and counts them.
func TestWakesAndInterruptsAreNeitherLostNorDoubled(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		inside(t, func(h *hub.Hub) {
			const n, tokens = 10, 300
			var waiting []*hub.Proc
			given, taken, interrupts, interrupted, timeouts := 0, 0, 0, 0, 0
			stop := false
			for range n {
				spawn(h, func(p *hub.Proc) {
					f, _ := hub.Here()
					for !stop {
						waiting = append(waiting, p)
						var c hub.Cause
						if rng.IntN(2) == 0 {
							c, _ = p.Park(f, hub.Wait{Op: "token"})
						} else {
							c, _ = p.ParkFor(f, hub.Wait{Op: "token"}, time.Duration(rng.IntN(100)))
						}
						switch c {
						case hub.Woken:
							taken++
						case hub.Interrupted:
							interrupted++
						case hub.TimedOut:
							timeouts++
						}
					}
				})
			}
			yield(t)
			for given < tokens {
				p := waiting[rng.IntN(len(waiting))]
				switch rng.IntN(4) {
				case 0:
					yield(t)
				case 1:
					f, root := hub.Here()
					_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, time.Duration(rng.IntN(50)))
				case 2:
					p.Interrupt(errKilled)
					interrupts++
				default:
					if p.Wake() {
						given++
					}
				}
			}
			stop = true
			for h.Live() > 0 {
				for _, p := range waiting {
					if p.Wake() {
						given++
					}
				}
				yield(t)
			}
			require.Equal(t, given, taken)
			require.LessOrEqual(t, interrupted, interrupts)
			require.Zero(t, h.Loop.Stats().Timers)
		})
	}
}

package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
)

// parkOn parks the calling greenlet on the list.
func parkOn(ls *hub.Links) (hub.Cause, error) {
	f, p := hub.Here()
	return p.ParkOn(f, ls, hub.Wait{Op: "test"}, false, 0)
}

// A counter is a Listener that counts, and takes what it is told of or does not.
type counter struct {
	hub.Link
	n     int
	takes bool
}

func (c *counter) Told() bool { c.n++; return c.takes }

func newCounter(takes bool) *counter {
	c := &counter{takes: takes}
	c.Link = hub.NewLink(c)
	return c
}

func TestEverybodyInAListIsToldOnceAndInOrder(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls hub.Links
		var got []int
		for i := range 20 {
			if i%3 == 0 {
				ls.Rawlink(h, false, func() {
					got = append(got, i)
					ls.Rawlink(h, false, func() { got = append(got, 100+i) })
				})
			} else {
				spawn(h, func(*hub.Proc) {
					c, err := parkOn(&ls)
					require.NoError(t, err)
					require.Equal(t, hub.Woken, c)
					got = append(got, i)
				})
			}
			yield(t)
		}
		require.Equal(t, 20, ls.Len())
		require.Equal(t, 13, ls.NotifyAll())
		require.True(t, ls.Empty())
		yield(t)
		require.Len(t, got, 20)
		require.True(t, slices.IsSorted(got))
		require.Equal(t, 7, ls.Len(), "those added by the notified wait for the next time")
		got = nil
		require.Zero(t, ls.NotifyAll(), "callbacks take nothing")
		yield(t)
		require.Equal(t, []int{100, 103, 106, 109, 112, 115, 118}, got)
	})
}

func TestNotifyOneWakesTheFirstWhoCanBeWoken(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls hub.Links
		var got []string
		var procs []*hub.Proc
		for i := range 4 {
			procs = append(procs, spawn(h, func(*hub.Proc) {
				c, err := parkOn(&ls)
				got = append(got, fmt.Sprint(i, c, err))
			}))
		}
		yield(t)
		onlooker, taker := newCounter(false), newCounter(true)
		ls.Add(&onlooker.Link)
		ls.Add(&taker.Link)
		ls.Rawlink(h, false, func() { got = append(got, "callback") })
		procs[0].Interrupt(errKilled)
		require.True(t, ls.NotifyOne(), "the first is ready for another reason")
		procs[1].Interrupt(errKilled)
		require.Equal(t, 5, ls.Len(), "the one passed over is out")
		yield(t)
		require.Equal(t, []string{fmt.Sprint(0, hub.Interrupted, errKilled), fmt.Sprint(1, hub.Woken, error(nil))}, got)
		require.True(t, ls.NotifyOne())
		require.True(t, ls.NotifyOne())
		require.Equal(t, []int{0, 0}, []int{onlooker.n, taker.n})
		require.True(t, ls.NotifyOne())
		require.Equal(t, []int{1, 1}, []int{onlooker.n, taker.n})
		require.False(t, ls.NotifyOne(), "nobody took it")
		require.True(t, ls.Empty())
		require.False(t, ls.NotifyOne())
		yield(t)
		require.Equal(t, "callback", got[len(got)-1])
	})
}

func TestALimitedParkLeavesTheListWhenItsTimeIsUp(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls hub.Links
		var cause hub.Cause
		var at time.Duration
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			cause, _ = p.ParkOn(f, &ls, hub.Wait{Op: "test"}, true, time.Second)
			at = h.Loop.UpdateTime()
		})
		start := h.Loop.UpdateTime()
		f, root := hub.Here()
		_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, 300*time.Millisecond)
		require.True(t, p.Wake(), "a stray one")
		_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, 300*time.Millisecond)
		require.False(t, p.Done(), "it kept its place")
		require.Equal(t, 1, ls.Len())
		_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, time.Hour)
		require.Equal(t, hub.TimedOut, cause)
		require.Equal(t, time.Second, at-start)
		require.True(t, ls.Empty())
		require.Zero(t, h.Loop.Stats().Timers)
	})
}

func TestAStrayWakeThatComesWithAnInterruptIsAnInterrupt(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls hub.Links
		var cause hub.Cause
		p := spawn(h, func(*hub.Proc) { cause, _ = parkOn(&ls) })
		yield(t)
		p.Wake()
		p.Interrupt(errKilled)
		yield(t)
		require.Equal(t, hub.Interrupted, cause)
		require.True(t, ls.Empty())
	})
}

func TestALinkThatWasTakenBackIsNotTold(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls, other hub.Links
		l := ls.Rawlink(h, false, func() { t.Error("it was told") })
		require.False(t, other.Remove(l))
		require.True(t, ls.Remove(l))
		l = ls.Rawlink(h, true, func() { t.Error("it was told") })
		require.True(t, ls.Empty())
		require.True(t, l.Unlink())
		require.False(t, l.Unlink())
		c := newCounter(true)
		ls.Add(&c.Link)
		require.Panics(t, func() { other.Add(&c.Link) })
		ls.Rawlink(h, false, func() {})
		ls.UnlinkAll()
		require.Equal(t, 1, ls.Len())
		require.Panics(t, func() { ls.Rawlink(h, false, nil) })
		yield(t)
	})
}

// TestTokensHandedOverByListsAreNeitherLostNorDoubled hands tokens to whoever
// waits, while others are interrupted and time out, and counts them.
func TestTokensHandedOverByListsAreNeitherLostNorDoubled(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		inside(t, func(h *hub.Hub) {
			const n, tokens = 10, 300
			var ls hub.Links
			given, taken, interrupts, interrupted := 0, 0, 0, 0
			stop := false
			var procs []*hub.Proc
			for range n {
				procs = append(procs, spawn(h, func(p *hub.Proc) {
					f, _ := hub.Here()
					for !stop {
						switch c, _ := p.ParkOn(f, &ls, hub.Wait{Op: "token"}, rng.IntN(2) == 0, time.Duration(rng.IntN(50))); c {
						case hub.Woken:
							taken++
						case hub.Interrupted:
							interrupted++
						}
					}
				}))
			}
			f, root := hub.Here()
			for given < tokens {
				switch rng.IntN(5) {
				case 0:
					yield(t)
				case 1:
					_, _ = root.ParkFor(f, hub.Wait{Op: "root"}, time.Duration(rng.IntN(50)))
				case 2:
					procs[rng.IntN(n)].Interrupt(errKilled)
					interrupts++
				case 3:
					given += ls.NotifyAll()
				default:
					if ls.NotifyOne() {
						given++
					}
				}
			}
			for stop = true; h.Live() > 0; yield(t) {
				given += ls.NotifyAll()
			}
			require.Equal(t, given, taken)
			require.LessOrEqual(t, interrupted, interrupts)
			require.True(t, ls.Empty())
			require.Zero(t, h.Loop.Stats().Timers)
		})
	}
}

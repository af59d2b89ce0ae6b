package gevent_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

func TestAGeneratorWhoseBodySleepsIsRunningForAllOthers(t *testing.T) {
	var tr trace
	run(t, func() {
		c := coro.Generate(func(yield func(int) error) error {
			defer tr.add("closed")
			for i := range 2 {
				gevent.Sleep(time.Second)
				if err := yield(i); err != nil {
					return err
				}
			}
			return nil
		})
		a := gevent.Spawn(func() { v, err := c.Next(); tr.add(fmt.Sprint("a ", v, err)) })
		b := gevent.Spawn(func() {
			_, err := c.Next()
			require.ErrorIs(t, err, coro.ErrRunning)
			_, err = c.Throw(errOdd)
			require.ErrorIs(t, err, coro.ErrRunning)
			require.ErrorIs(t, c.Close(), coro.ErrRunning)
			a.Join()
			_, _ = c.Next()
			tr.add("not reached")
		})
		a.Join()
		gevent.Sleep(time.Millisecond)
		b.Kill()
		require.ErrorIs(t, b.Get(), gevent.ErrGreenletExit, "the kill went through the generator's body")
		_, err := c.Next()
		require.ErrorIs(t, err, coro.ErrDone)
	})
	require.Equal(t, trace{"a 0 <nil>", "closed"}, tr)
}

func TestAKillReachesTheGreenletAndTheEndWhatItDrove(t *testing.T) {
	var tr trace
	run(t, func() {
		g := gevent.Spawn(func() {
			raw := greenlet.New(func() {
				defer tr.add("raw")
				_, _ = coro.Generate(func(func(int) error) error {
					defer tr.add("generator")
					gevent.Sleep(time.Hour)
					return nil
				}).Next()
			})
			_, err := raw.Switch()
			tr.add(fmt.Sprint(err))
		})
		gevent.Sleep(0)
		g.Kill()
		tr.add("killed")
	})
	require.Equal(t, trace{"greenlet: exit", "killed", "generator", "raw"}, tr)
}

func TestThrowEndsARawGreenletThatIsParkedInTheHubAsInPython(t *testing.T) {
	var tr trace
	run(t, func() {
		var raw *greenlet.Greenlet
		parent := gevent.Spawn(func() {
			raw = greenlet.New(func() { defer tr.add("raw"); gevent.Sleep(time.Hour) })
			v, err := raw.Switch()
			tr.add(fmt.Sprint(v, err))
		})
		gevent.Sleep(0)
		gevent.Spawn(func() { _, _ = raw.Throw(nil) })
		require.NoError(t, parent.Get(), "the child's orderly end does not kill the parent")
	})
	require.Equal(t, trace{"raw", "greenlet: exit <nil>"}, tr)
}

func TestARawGreenletThatOutlivesItsParentGivesTheBatonToTheHub(t *testing.T) {
	var tr trace
	var reports []string
	err := gevent.Run(func() {
		parent := gevent.Spawn(func() {
			for i, end := range []func(){func() {}, explode} {
				raw := greenlet.New(func() {
					gevent.Sleep(time.Duration(i+1) * time.Second)
					tr.add("raw")
					end()
				})
				gevent.Spawn(func() { _, _ = raw.Switch() })
			}
			gevent.Sleep(0)
		})
		parent.Join()
		gevent.Sleep(time.Minute)
		tr.add("main was not disturbed")
	}, virtual(), gevent.WithErrorHook(func(where string, err error) {
		reports = append(reports, where+": "+err.Error())
	}))
	require.NoError(t, err)
	require.Equal(t, trace{"raw", "raw", "main was not disturbed"}, tr)
	require.Len(t, reports, 1)
	require.Contains(t, reports[0], "raw greenlet: panic: kaboom")
}

func TestTheParentOfAGreenletIsTheHubAndThatOfTheHubIsMain(t *testing.T) {
	run(t, func() {
		main := greenlet.Current()
		var parent, inCallback *greenlet.Greenlet
		gevent.Spawn(func() { parent = greenlet.Current().Parent() })
		hub.Current().Loop.CallSoon(func() { inCallback = greenlet.Current() })
		gevent.Sleep(0)
		require.Same(t, inCallback, parent)
		require.Same(t, main, parent.Parent())
	})
}

func TestAPanicInTheCleanUpOfAKilledRawGreenletIsReported(t *testing.T) {
	var reports []string
	err := gevent.Run(func() {
		raw := greenlet.New(func() { defer explode(); gevent.Sleep(time.Hour) })
		gevent.Spawn(func() { _, _ = raw.Switch() })
		gevent.Sleep(0)
	}, virtual(), gevent.WithErrorHook(func(_ string, err error) { reports = append(reports, err.Error()) }))
	require.NoError(t, err)
	require.Len(t, reports, 1)
	require.Contains(t, reports[0], "kaboom")
}

func TestAWaitThatIsEndedByHandLeavesNoWakeUpBehind(t *testing.T) {
	var slept time.Duration
	err := gevent.Run(func() {
		loop := hub.Current().Loop
		target := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		var self *greenlet.Greenlet
		g := gevent.Spawn(func() {
			self = greenlet.Current()
			func() {
				defer func() { _ = recover() }()
				target.Join()
			}()
			start := loop.UpdateTime()
			gevent.Sleep(time.Minute)
			slept = loop.UpdateTime() - start
		})
		gevent.Sleep(0)
		gevent.Spawn(func() { _, _ = self.Switch("by mistake") })
		g.Join()
	}, virtual())
	require.NoError(t, err)
	require.Equal(t, time.Minute, slept)
}

func TestMainGoesOnAfterALoopExit(t *testing.T) {
	run(t, func() {
		var g *gevent.Greenlet
		g = gevent.Spawn(func() { g.Join() })
		for range 3 {
			var err error
			func() {
				defer func() { err, _ = recover().(error) }()
				g.Join()
			}()
			require.ErrorIs(t, err, gevent.ErrLoopExit)
			gevent.Sleep(time.Second)
		}
		_, err := greenlet.New(func() { g.Join() }).Switch()
		require.ErrorIs(t, err, gevent.ErrLoopExit, "in a Switch it is an error")
		_, err = coro.Generate(func(func(int) error) (err error) {
			defer func() { err, _ = recover().(error) }()
			g.Join()
			return nil
		}).Next()
		require.ErrorIs(t, err, gevent.ErrLoopExit, "in a generator that main drives it reaches the body")
	})
}

func TestACallbackThatSwitchesByHandGoesOnWhenTheHubIsNeeded(t *testing.T) {
	t.Run("also from inside a generator", func(t *testing.T) {
		var tr trace
		run(t, func() {
			hub.Current().Loop.CallSoon(func() {
				c := coro.Generate(func(yield func(int) error) error {
					_, _ = greenlet.New(func() { gevent.Sleep(time.Second); tr.add("raw") }).Switch()
					tr.add("back")
					return yield(1)
				})
				v, err := c.Next()
				tr.add(fmt.Sprint(v, err, c.Close()))
			})
			gevent.Sleep(time.Minute)
		})
		require.Equal(t, trace{"back", "1 <nil> <nil>", "raw"}, tr)
	})
	t.Run("and loses nothing if it does so again and again", func(t *testing.T) {
		var tr trace
		run(t, func() {
			hub.Current().Loop.CallSoon(func() {
				for i := range 3 {
					_, _ = greenlet.New(func() { tr.add(fmt.Sprint("raw ", i)); gevent.Sleep(time.Second) }).Switch()
				}
			})
			for i := range 3 {
				gevent.Spawn(tr.adds(fmt.Sprint("greenlet ", i)))
				hub.Current().Loop.CallSoon(tr.adds(fmt.Sprint("callback ", i)))
			}
			gevent.Sleep(time.Minute)
		})
		require.Equal(t, trace{"raw 0", "raw 1", "raw 2", "greenlet 0", "callback 0",
			"greenlet 1", "callback 1", "greenlet 2", "callback 2"}, tr)
	})
	t.Run("and at the end of the thread", func(t *testing.T) {
		before := runtime.NumGoroutine()
		var tr trace
		run(t, func() {
			main := greenlet.Current()
			hub.Current().Loop.CallSoon(func() {
				c := coro.Generate(func(yield func(int) error) error {
					defer tr.add("closed")
					_, _ = main.Throw(errOdd)
					return yield(1)
				})
				_, _ = c.Next()
				tr.add("back")
			})
			defer func() { require.ErrorIs(t, recover().(error), errOdd) }()
			gevent.Sleep(time.Minute)
		})
		require.Equal(t, trace{"back", "closed"}, tr)
		requireGoroutines(t, before)
	})
}

func TestWhatCleanUpBeginsIsEndedToo(t *testing.T) {
	before := runtime.NumGoroutine()
	var tr trace
	run(t, func() {
		raw := greenlet.New(func() {
			defer func() {
				gevent.Spawn(func() {
					defer tr.add("greenlet of a raw greenlet")
					c := coro.Generate(func(yield func(int) error) error {
						defer tr.add("generator of that")
						return yield(1)
					})
					_, _ = c.Next()
					gevent.Sleep(time.Hour)
				})
				gevent.Sleep(0)
			}()
			_, _ = greenlet.Main().Switch()
		})
		_, _ = raw.Switch()
		c := coro.Generate(func(yield func(int) error) error {
			defer func() {
				gevent.Spawn(func() { defer tr.add("greenlet of a generator"); gevent.Sleep(time.Hour) })
				gevent.Sleep(0)
			}()
			return yield(1)
		})
		_, _ = c.Next()
	})
	require.ElementsMatch(t, trace{"greenlet of a raw greenlet", "generator of that", "greenlet of a generator"}, tr)
	requireGoroutines(t, before)
}

func TestAGreenletThatSwitchesAwayWithAKillPendingIsEndedWithTheThread(t *testing.T) {
	before := runtime.NumGoroutine()
	run(t, func() {
		var first *greenlet.Greenlet
		gevent.Spawn(func() {
			first = greenlet.Current()
			_, _ = greenlet.New(func() { gevent.Sleep(time.Minute) }).Switch()
		})
		gevent.Spawn(func() {
			gevent.Current().KillAsync(nil) // is to be taken in a call that parks
			_, err := greenlet.New(func() { _, _ = first.Switch() }).Switch()
			require.ErrorIs(t, err, gevent.ErrGreenletExit)
		})
		gevent.Sleep(0)
	})
	requireGoroutines(t, before)
	require.Zero(t, greenlet.LiveCount())
}

func TestARawGreenletThatWithstandsKillingIsNamedAndHoldsUpNobody(t *testing.T) {
	err := gevent.Run(func() {
		gevent.Spawn(func() { _, _ = greenlet.New(stubborn).Switch() })
		gevent.Sleep(0)
	}, virtual())
	require.ErrorIs(t, err, gevent.ErrSurvivors)
	require.ErrorContains(t, err, "parked in gevent.Sleep")
	require.Zero(t, greenlet.LiveCount())
}

func TestAWakeUpForALostGreenletIsPassedOver(t *testing.T) {
	run(t, func() {
		var lost *hub.Proc
		_, _ = greenlet.New(func() { defer waitForNothing(&lost); _, _ = greenlet.Main().Switch() }).Switch()
		c := coro.Generate(func(yield func(int) error) error {
			defer func() { lost.Wake(); gevent.Sleep(0) }()
			return yield(1)
		})
		_, _ = c.Next()
	})
}

// waitForNothing parks the calling greenlet for good. Its goroutine is lost, which
// TestMain knows.
func waitForNothing(p **hub.Proc) {
	self, me := hub.Here()
	*p = me
	for {
		_, _ = me.Park(self, hub.Wait{Op: "nothing"})
	}
}

func TestRunSaysWhyItCannotBeCalledAmongSuspendedGenerators(t *testing.T) {
	c := coro.Generate(func(yield func(int) error) error { return yield(1) })
	_, err := c.Next()
	require.NoError(t, err)
	require.PanicsWithValue(t, "gevent.Run: greenlets or generators are suspended on the calling goroutine, outside of any Run; "+
		"start them inside, or Run on a goroutine of its own", func() { _ = gevent.Run(func() {}) })
	require.NoError(t, c.Close())
	run(t, func() {})
}

var errOdd = errors.New("odd")

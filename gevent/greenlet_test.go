package gevent_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/netpoll"
)

func TestSpawnOnlySchedulesAndStartsInOrder(t *testing.T) {
	var tr trace
	run(t, func() {
		a := gevent.Spawn(tr.adds("a"))
		b := gevent.Spawn(tr.adds("b"))
		tr.add("main")
		require.True(t, a.Started())
		gevent.JoinAll(b, a)
		require.False(t, a.Started())
	})
	require.Equal(t, trace{"main", "a", "b"}, tr)
}

func TestSleepZeroAlternatesAndSleepOrdersByTime(t *testing.T) {
	var tr trace
	clock := netpoll.NewVirtualClock()
	require.NoError(t, gevent.Run(func() {
		for _, name := range []string{"a", "b"} {
			gevent.Spawn(func() {
				for range 3 {
					tr.add(name)
					gevent.Sleep(0)
				}
			})
		}
		five := gevent.Spawn(func() { gevent.Sleep(5 * time.Second); tr.add("5 s") })
		two := gevent.Spawn(func() { gevent.Sleep(2 * time.Second); tr.add("2 s") })
		also := gevent.Spawn(func() { gevent.Sleep(2 * time.Second); tr.add("2 s, later") })
		gevent.JoinAll(five, two, also)
	}, gevent.WithClock(clock)))
	require.Equal(t, trace{"a", "b", "a", "b", "a", "b", "2 s", "2 s, later", "5 s"}, tr)
	require.Equal(t, 5*time.Second, clock.Now().Round(time.Millisecond), "sleeps run side by side")
}

func TestSpawnLaterStartsWhenItsTimeHasCome(t *testing.T) {
	var tr trace
	run(t, func() {
		late := gevent.SpawnLater(time.Second, tr.adds("late"))
		soon := gevent.SpawnLater(0, tr.adds("soon"))
		gevent.Spawn(tr.adds("now"))
		never := gevent.SpawnLater(time.Minute, tr.adds("never"))
		gevent.JoinAll(late, soon)
		never.Kill()
		require.True(t, never.Ready())
		gevent.Sleep(time.Hour)
	})
	require.Equal(t, trace{"now", "soon", "late"}, tr)
}

func TestJoinAllReturnsGreenletsInTheOrderOfTheirEnds(t *testing.T) {
	run(t, func() {
		slow := gevent.Spawn(func() { gevent.Sleep(3) })
		quick := gevent.SpawnValue(func() (string, error) { gevent.Sleep(1); return "quick", nil })
		before := gevent.Spawn(func() {})
		before.Join()
		require.Equal(t, []gevent.Joinable{before, quick, slow}, gevent.JoinAll[gevent.Joinable](slow, quick, before))
		require.Equal(t, "quick", quick.Value())
		require.Empty(t, gevent.JoinAll[*gevent.Greenlet]())
		list := []*gevent.Greenlet{slow, slow}
		require.Equal(t, list, gevent.JoinAll(list...), "twice is twice")
	})
}

func TestTimeLimitsReturnWhatThereIs(t *testing.T) {
	run(t, func() {
		slow := gevent.SpawnValue(func() (int, error) { gevent.Sleep(time.Minute); return 1, nil })
		quick := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		require.Equal(t, []gevent.Joinable{quick}, gevent.JoinAllTimeout[gevent.Joinable](2*time.Second, slow, quick))
		require.False(t, slow.JoinTimeout(time.Second))
		_, err := slow.GetTimeout(time.Second)
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout interface{ Timeout() bool }
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		n, err := slow.GetTimeout(time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		at := gevent.Spawn(func() {})
		require.True(t, at.JoinTimeout(0), "callbacks run before timers")
	})
}

func TestKillUnwindsAndWaitsForTheEnd(t *testing.T) {
	var tr trace
	run(t, func() {
		g := gevent.Spawn(func() {
			defer tr.add("outer")
			func() {
				defer func() {
					if recover() != nil {
						tr.add("caught")
					}
				}()
				gevent.Sleep(time.Hour)
			}()
			gevent.Sleep(time.Second)
		})
		gevent.Sleep(0)
		g.Kill()
		tr.add("joined")
		require.NoError(t, g.Get(), "it recovered and returned, so it was not killed after all")

		self := gevent.Spawn(func() error {
			defer tr.add("self")
			gevent.Current().Kill()
			return errors.New("not reached")
		})
		require.ErrorIs(t, self.Get(), gevent.ErrGreenletExit)

		next := gevent.Spawn(func() {
			gevent.Current().KillAsync(nil)
			tr.add("still here")
			gevent.Sleep(0)
			tr.add("not here")
		})
		require.ErrorIs(t, next.Get(), gevent.ErrGreenletExit)
	})
	require.Equal(t, trace{"caught", "outer", "joined", "self", "still here"}, tr)
}

func TestAKillDoesNotLoseWhatItsVictimWasWokenWith(t *testing.T) {
	var tr trace
	run(t, func() {
		first := gevent.Spawn(func() { gevent.Sleep(0) })
		victim := gevent.Spawn(func() {
			first.Join()
			tr.add("woken")
			gevent.Sleep(0)
			tr.add("not reached")
		})
		gevent.Sleep(0)
		gevent.Sleep(0) // first has ended and made victim ready
		victim.KillAsync(nil)
		victim.Join()
	})
	require.Equal(t, trace{"woken"}, tr)
}

func TestAPanicEndsItsGreenletAndIsReportedOnceWithItsStack(t *testing.T) {
	var reports []string
	err := gevent.Run(func() {
		bad := gevent.Spawn(func() { explode() })
		bad.SetName("bad")
		good := gevent.Spawn(func() { gevent.Sleep(1) })
		gevent.JoinAll(bad, good)
		var p *gevent.PanicError
		require.ErrorAs(t, bad.Get(), &p)
		require.Equal(t, "kaboom", p.Value)
		require.True(t, good.Successful())
	}, virtual(), gevent.WithErrorHook(func(where string, err error) {
		reports = append(reports, fmt.Sprintf("%s: %v; %+v", where, err, err))
	}))
	require.NoError(t, err)
	require.Len(t, reports, 1)
	require.Contains(t, reports[0], "greenlet bad: panic: kaboom; panic: kaboom\n\ngoroutine ")
	require.Contains(t, reports[0], "explode", "the stack is that of the panic")
}

func explode() { panic("kaboom") }

func TestTheEndOfRunKillsWhatIsLeft(t *testing.T) {
	var tr trace
	run(t, func() {
		gevent.Spawn(func() { defer tr.add("asleep"); gevent.Sleep(time.Hour) })
		gevent.Spawn(func() {
			defer func() { gevent.Sleep(time.Hour); tr.add("not reached: clean-up may not block") }()
			gevent.Sleep(time.Hour)
		})
		gevent.SpawnLater(time.Hour, tr.adds("never"))
		gevent.Sleep(0)
		gevent.Spawn(tr.adds("unborn"))
	})
	require.Equal(t, trace{"asleep"}, tr)
}

func TestRunReturnsTheErrorOfItsFunctionAndPassesPanicsOn(t *testing.T) {
	require.Equal(t, io.EOF, gevent.Run(func() error { return io.EOF }))
	cleaned := false
	require.PanicsWithValue(t, "kaboom", func() {
		_ = gevent.Run(func() {
			gevent.Spawn(func() { defer func() { cleaned = true }(); gevent.Sleep(time.Hour) })
			gevent.Sleep(0)
			explode()
		})
	})
	require.True(t, cleaned)
}

func TestGreenletsThatWithstandKillingAreNamed(t *testing.T) {
	err := gevent.Run(func() {
		gevent.Spawn(stubborn).SetName("stubborn")
		gevent.Sleep(0)
	}, virtual())
	require.ErrorIs(t, err, gevent.ErrSurvivors)
	require.ErrorContains(t, err, "greenlets left, 1")
	require.ErrorContains(t, err, "stubborn: parked in gevent.Sleep")
}

// stubborn withstands being killed. Its goroutine is lost, which TestMain knows.
func stubborn() {
	for {
		func() {
			defer func() { _ = recover() }()
			gevent.Sleep(time.Hour)
		}()
	}
}

func TestGoexitEndsTheGreenletAndThenTheRoot(t *testing.T) {
	var tr trace
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer tr.add("root")
		_ = gevent.Run(func() {
			gevent.Spawn(func() { defer tr.add("other"); gevent.Sleep(time.Hour) })
			gevent.Spawn(func() { defer tr.add("exits"); runtime.Goexit() })
			gevent.Sleep(time.Hour)
			tr.add("not reached")
		}, virtual())
		tr.add("not reached")
	}()
	<-done
	require.Equal(t, trace{"exits", "other", "root"}, tr)
}

func TestRawGreenletsParkInTheHub(t *testing.T) {
	var tr trace
	run(t, func() {
		gevent.Spawn(func() {
			outer := greenlet.Current()
			raw := greenlet.New(func(args ...any) (any, error) {
				tr.add("raw " + args[0].(string))
				gevent.Sleep(2 * time.Second)
				tr.add("raw slept")
				back, err := outer.Switch("from raw")
				tr.add("raw " + back.(string))
				return "done", err
			}, greenlet.WithParent(outer))
			v, err := raw.Switch("hello")
			require.NoError(t, err)
			tr.add("outer " + v.(string))
			v, err = raw.Switch("again")
			require.NoError(t, err)
			tr.add("outer " + v.(string))
		})
		gevent.Spawn(func() { gevent.Sleep(time.Second); tr.add("meanwhile") })
		gevent.Sleep(time.Minute)
	})
	require.Equal(t, trace{"raw hello", "meanwhile", "raw slept", "outer from raw", "raw again", "outer done"}, tr)
}

func TestRawGreenletsAreEndedWithTheThread(t *testing.T) {
	var tr trace
	run(t, func() {
		raw := greenlet.New(func() { defer tr.add("parked in the hub"); gevent.Sleep(time.Hour) })
		gevent.Spawn(func() { _, _ = raw.Switch() })
		suspended := greenlet.New(func() { defer tr.add("switched away"); _, _ = greenlet.Main().Switch() })
		_, _ = suspended.Switch()
		gevent.Sleep(0)
	})
	require.ElementsMatch(t, trace{"parked in the hub", "switched away"}, tr)
}

func TestWhatWouldBlockForEverIsReportedWithEveryWaiter(t *testing.T) {
	err := gevent.Run(func() {
		var a, b *gevent.Greenlet
		a = gevent.Spawn(func() { b.Join() })
		b = gevent.Spawn(func() { a.Join() })
		a.SetName("alice")
		b.SetName("bob")
		a.Join()
	}, virtual())
	require.ErrorIs(t, err, gevent.ErrLoopExit)
	var exit *gevent.LoopExit
	require.ErrorAs(t, err, &exit)
	require.Len(t, exit.Waiting, 3)
	for _, want := range []string{"main: parked in gevent.Join alice", "alice: parked in gevent.Join bob", "bob: parked in gevent.Join alice", "TestWhatWouldBlockForEver"} {
		require.Contains(t, err.Error(), want)
	}
	for _, inside := range []string{"baton.(*Fiber)", "(*waiter)", "(*runner)", "(*Greenlet).exec"} {
		require.NotContains(t, err.Error(), inside, "it is the same for all")
	}
	require.Contains(t, err.Error(), "gevent.(*Greenlet).Join(")
}

func TestMisuseSaysWhatToDoAndHarmsNothing(t *testing.T) {
	panics := func(f func()) string {
		message := ""
		func() {
			defer func() { message = fmt.Sprint(recover()) }()
			f()
		}()
		return message
	}
	require.Contains(t, panics(func() { gevent.Spawn(func() {}) }), "gevent.Spawn: the calling goroutine belongs to no thread (it was started by go, time.AfterFunc, net/http, iter.Pull, t.Run ...); call it inside gevent.Run")
	require.Contains(t, panics(func() { gevent.Sleep(0) }), "gevent.Sleep: the calling goroutine belongs to no thread")
	require.Contains(t, panics(func() { _ = gevent.Run((func())(nil)) }), "gevent.Run: the function is nil")
	run(t, func() {
		require.Contains(t, panics(func() { _ = gevent.Run(func() {}) }), "gevent.Run: the calling goroutine is in a thread already")
		require.Contains(t, panics(func() { gevent.Spawn((func())(nil)) }), "the function is nil")
		g := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		foreign := make(chan string)
		go func() { foreign <- panics(func() { g.Join() }) }()
		require.Contains(t, <-foreign, "belongs to another thread, thread ")
		go func() { foreign <- panics(func() { g.Kill() }) }()
		require.Contains(t, <-foreign, "belongs to another thread, thread ")
		go func() {
			_ = gevent.Run(func() { foreign <- panics(func() { g.Join() }) })
		}()
		require.Contains(t, <-foreign, "belongs to another thread")
		g.Join()
		require.True(t, g.Successful())
	})
}

func TestOffloadRunsBesideTheThread(t *testing.T) {
	var tr trace
	run(t, func() {
		begun, end := make(chan struct{}), make(chan struct{})
		g := gevent.Spawn(func() {
			gevent.Offload(func() { close(begun); <-end })
			tr.add("offloaded")
		})
		gevent.Sleep(0)
		<-begun
		tr.add("thread goes on")
		close(end)
		g.Join()
		require.PanicsWithError(t, "kaboom", func() {
			defer func() {
				if p, ok := recover().(*gevent.PanicError); ok {
					require.Contains(t, string(p.Stack), "explode")
					panic(errors.New(p.Value.(string)))
				}
			}()
			gevent.Offload(explode)
		})
	})
	require.Equal(t, trace{"thread goes on", "offloaded"}, tr)
}

func TestThreadsRunInParallelAndLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	results := make(chan int)
	const threads = 100
	for range threads {
		go func() {
			n := 0
			_ = gevent.Run(func() {
				for range 50 {
					gevent.Spawn(func() { gevent.Sleep(time.Microsecond); n++ })
				}
				gevent.Sleep(10 * time.Millisecond)
				for n < 50 {
					gevent.Sleep(time.Millisecond)
				}
			})
			results <- n
		}()
	}
	for range threads {
		require.Equal(t, 50, <-results)
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestNamesCountAndCurrentIsWhoCalls(t *testing.T) {
	run(t, func() {
		require.Nil(t, gevent.Current(), "the main greenlet is none of gevent's")
		var inside *gevent.Greenlet
		g := gevent.Spawn(func() { inside = gevent.Current() })
		require.True(t, strings.HasPrefix(g.Name(), "Greenlet-"))
		g.Join()
		require.Same(t, g, inside)
		v := gevent.SpawnValue(func() (*gevent.Greenlet, error) { return gevent.Current(), nil })
		self, _ := v.Get()
		require.Same(t, &v.Greenlet, self)
	})
	require.Nil(t, gevent.Current())
}

func TestTheHubOutlivesWhatIsEndedWithTheThread(t *testing.T) {
	var tr trace
	run(t, func() {
		g := coro.Generate(func(yield func(int) error) error {
			defer func() { gevent.Sleep(time.Second); tr.add("generator closed") }()
			return yield(1)
		})
		_, err := g.Next()
		require.NoError(t, err)
		raw := greenlet.New(func() {
			defer func() { gevent.Sleep(time.Second); tr.add("greenlet ended") }()
			_, _ = greenlet.Main().Switch()
		})
		_, err = raw.Switch()
		require.NoError(t, err)
	})
	require.Equal(t, trace{"greenlet ended", "generator closed"}, tr)
}

func TestAPanicOfARawChildGoesOnInItsParkedParent(t *testing.T) {
	require.PanicsWithError(t, "kaboom", func() {
		defer func() {
			p, ok := recover().(*gevent.PanicError)
			require.True(t, ok)
			require.Contains(t, string(p.Stack), "explode")
			panic(errors.New(p.Value.(string)))
		}()
		_ = gevent.Run(func() {
			raw := greenlet.New(func() {
				_, _ = greenlet.Main().Switch()
				explode()
			})
			_, _ = raw.Switch()
			g := gevent.Spawn(func() { _, _ = raw.Switch() })
			g.Join()
			t.Error("not reached")
		}, virtual())
	})
}

func TestAGreenletThatIsSwitchedToWhileItWaitsSaysSo(t *testing.T) {
	reports := 0
	err := gevent.Run(func() {
		var self *greenlet.Greenlet
		g := gevent.Spawn(func() {
			self = greenlet.Current()
			gevent.Sleep(time.Second)
		})
		gevent.Sleep(0)
		_, _ = self.Switch("unasked")
		require.ErrorContains(t, g.Get(), "was switched to by hand while it waited in gevent.Sleep")
		gevent.Sleep(time.Minute)
	}, virtual(), gevent.WithErrorHook(func(string, error) { reports++ }))
	require.NoError(t, err)
	require.Equal(t, 1, reports)
}

package gevent_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// TestGoexitAnywhereExitsTheRootAndLeavesNothing is about t.FailNow, which calls
// runtime.Goexit.
func TestGoexitAnywhereExitsTheRootAndLeavesNothing(t *testing.T) {
	soon := func(f func()) func(func(int) error) error {
		return func(func(int) error) error { gevent.Sleep(1); f(); return nil }
	}
	suspended := func(cleanUp func()) {
		_, _ = greenlet.New(func() { defer cleanUp(); _, _ = greenlet.Main().Switch() }).Switch()
	}
	for name, f := range map[string]func(){
		"in main": runtime.Goexit,
		"in a callback": func() {
			hub.Current().Loop.CallSoon(runtime.Goexit)
			gevent.Sleep(time.Hour)
		},
		"in a generator": func() {
			gevent.Spawn(func() { _, _ = coro.Generate(soon(runtime.Goexit)).Next() })
			gevent.Sleep(time.Hour)
		},
		"in a generator of main": func() { _, _ = coro.Generate(soon(runtime.Goexit)).Next() },
		"in a raw greenlet": func() {
			gevent.Spawn(func() { _, _ = greenlet.New(func() { gevent.Sleep(1); runtime.Goexit() }).Switch() })
			gevent.Sleep(time.Hour)
		},
		"in a raw greenlet of main": func() {
			_, _ = greenlet.New(func() { gevent.Sleep(1); runtime.Goexit() }).Switch()
		},
		"while main is in a generator in a generator": func() {
			gevent.Spawn(runtime.Goexit)
			_, _ = coro.Generate(soon(func() {
				_, _ = coro.Generate(soon(func() { gevent.Sleep(time.Hour) })).Next()
			})).Next()
		},
		"while others are in generators in raw greenlets": func() {
			inside := func() { _, _ = coro.Generate(soon(func() { gevent.Sleep(time.Hour) })).Next() }
			gevent.Spawn(func() { _, _ = greenlet.New(inside).Switch() })
			gevent.SpawnLater(time.Second, runtime.Goexit)
			_, _ = greenlet.New(inside).Switch()
		},
		"in the clean-up of killed greenlets": func() {
			for range 50 {
				gevent.Spawn(func() { defer runtime.Goexit(); gevent.Sleep(time.Hour) })
			}
			gevent.Sleep(0)
		},
		"in the clean-up of raw greenlets": func() {
			suspended(runtime.Goexit)
			suspended(runtime.Goexit)
			suspended(func() { gevent.Sleep(1) })
		},
		"in the clean-up of generators": func() {
			for range 2 {
				_, _ = coro.Generate(func(yield func(int) error) error { defer runtime.Goexit(); return yield(1) }).Next()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			exited := true
			onGoroutine(t, func() {
				_ = gevent.Run(func() {
					gevent.Spawn(func() { gevent.Sleep(2 * time.Hour) })
					f()
				}, virtual())
				exited = false
			})
			require.True(t, exited)
			requireGoroutines(t, before)
			require.Zero(t, greenlet.LiveCount())
			require.Zero(t, coro.Live())
		})
	}
}

func TestAGeneratorThatMainDrivesExitsBeforeMain(t *testing.T) {
	var tr trace
	onGoroutine(t, func() {
		_ = gevent.Run(func() {
			defer tr.add("main")
			gevent.Spawn(runtime.Goexit)
			_, _ = coro.Generate(func(func(int) error) error {
				defer tr.add("generator")
				gevent.Sleep(time.Hour)
				return nil
			}).Next()
			tr.add("not reached")
		}, virtual())
	})
	require.Equal(t, trace{"generator", "main"}, tr)
}

func TestGoexitInTheCleanUpOfOneKilledGreenletSparesTheOthers(t *testing.T) {
	var tr trace
	onGoroutine(t, func() {
		defer tr.add("root")
		_ = gevent.Run(func() {
			for i := range 3 {
				gevent.Spawn(func() { defer runtime.Goexit(); defer tr.add(fmt.Sprint(i)); gevent.Sleep(time.Hour) })
			}
			gevent.Spawn(func() { defer tr.add("last"); gevent.Sleep(time.Hour) })
			gevent.Sleep(0)
		}, virtual())
		tr.add("not reached")
	})
	require.Equal(t, trace{"0", "1", "2", "last", "root"}, tr)
}

func TestMainMayWaitInItsDeferredFunctionsWhenItIsMadeToExit(t *testing.T) {
	for name, exit := range map[string]func(){
		"by a greenlet":     func() { gevent.Spawn(runtime.Goexit) },
		"by a raw greenlet": func() { gevent.Spawn(func() { _, _ = greenlet.New(runtime.Goexit).Switch() }) },
		"by a callback":     func() { hub.Current().Loop.CallSoon(runtime.Goexit) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := netpoll.NewVirtualClock()
			var joined, slept time.Duration
			onGoroutine(t, func() {
				_ = gevent.Run(func() {
					g := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
					defer func() {
						g.Join()
						joined = clock.Now()
					}()
					exit()
					gevent.Sleep(time.Minute)
				}, gevent.WithClock(clock))
			})
			require.Equal(t, time.Hour, joined, "the time of the interrupted sleep is of no consequence")
			start := clock.Now()
			onGoroutine(t, func() {
				_ = gevent.Run(func() {
					g := gevent.Spawn(func() { gevent.Sleep(time.Second) })
					defer func() {
						gevent.Sleep(time.Hour)
						slept = clock.Now() - start
					}()
					exit()
					g.Join()
				}, gevent.WithClock(clock))
			})
			require.Equal(t, time.Hour, slept, "the interrupted wait is of no consequence")
		})
	}
}

func TestAGoexitThatEndsTheThreadIsReported(t *testing.T) {
	where := `: it called runtime.Goexit in github.com/baton-go/baton/gevent_test.exits \(.*exit_test.go:\d+\); its thread ends with it$`
	for name, c := range map[string]struct {
		f    func()
		want string
	}{
		"of a greenlet":                       {func() { gevent.Spawn(exits).SetName("alice"); gevent.Sleep(time.Hour) }, "^greenlet alice" + where},
		"of a greenlet with value":            {func() { gevent.SpawnValue(func() (int, error) { exits(); return 0, nil }).Join() }, "^greenlet Greenlet-1" + where},
		"of a callback":                       {func() { gevent.CurrentHub().Loop().CallSoon(exits); gevent.Sleep(time.Hour) }, "^callback" + where},
		"of main, which is no surprise to it": {exits, ""},
		"of a test that is skipped": {func() {
			gevent.Spawn(func() { new(testing.T).SkipNow() })
			gevent.Sleep(time.Hour)
		}, ""},
		"of a test that fails": {func() {
			gevent.Spawn(func() { require.FailNow(new(testing.T), "no") })
			gevent.Sleep(time.Hour)
		}, ""},
		"of a test that fails in a generator": {func() {
			gevent.Spawn(func() {
				_, _ = coro.Generate(func(func(int) error) error { new(testing.T).FailNow(); return nil }).Next()
			})
			gevent.Sleep(time.Hour)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var reports []string
			hook := gevent.WithErrorHook(func(where string, err error) { reports = append(reports, fmt.Sprint(where, ": ", err)) })
			onGoroutine(t, func() {
				_ = gevent.Run(c.f, virtual(), hook)
				t.Error("Run returned")
			})
			if c.want == "" {
				require.Empty(t, reports)
				return
			}
			require.Len(t, reports, 1)
			require.Regexp(t, c.want, reports[0])
		})
	}
}

func exits() { runtime.Goexit() }

package gevent_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

func TestScope(t *testing.T) {
	test(t, "ends when its function and all greenlets have ended", func(t *testing.T) {
		var tr trace
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			require.Zero(t, s.Len())
			v := gevent.ScopeValue(s, func() (int, error) { gevent.Sleep(2); tr.add("two"); return 2, nil })
			s.Spawn(func() error {
				gevent.Sleep(1)
				tr.add("one")
				s.Spawn(func() error { gevent.Sleep(5); tr.add("spawned by one"); return nil })
				return nil
			})
			require.Equal(t, 2, s.Len())
			n, err := v.Get()
			require.NoError(t, err)
			tr.add(fmt.Sprint("got ", n))
			return nil
		}))
		tr.add("end")
		require.Equal(t, trace{"one", "two", "got 2", "spawned by one", "end"}, tr)
		require.NoError(t, gevent.WithScope(func(*gevent.Scope) error { return nil }))
		require.Same(t, errBoom, gevent.WithScope(func(*gevent.Scope) error { return errBoom }))
	})
	test(t, "the first error cancels the rest, and the function", func(t *testing.T) {
		for _, inFunction := range []bool{true, false} {
			var tr trace
			loop := hub.Current().Loop
			start := loop.UpdateTime()
			var victim, unborn *gevent.Greenlet
			err := gevent.WithScope(func(s *gevent.Scope) error {
				victim = s.Spawn(func() error {
					defer func() { gevent.Sleep(time.Second); tr.add("cleaned up") }()
					gevent.Sleep(time.Hour)
					return nil
				})
				s.Spawn(func() error {
					gevent.Sleep(time.Second)
					unborn = s.Spawn(func() error { t.Error("it has run"); return nil })
					return errBoom
				})
				if inFunction {
					defer tr.add("function")
					gevent.Sleep(time.Hour)
					t.Error("not reached")
				}
				return nil
			})
			require.Same(t, errBoom, err)
			require.Equal(t, killed, stateOf(victim))
			require.Equal(t, killed, stateOf(unborn))
			require.Equal(t, 2*time.Second, loop.UpdateTime()-start)
			require.Contains(t, tr, "cleaned up")
		}
	})
	test(t, "errors come in the order of the spawns, the function's first", func(t *testing.T) {
		fail := func(d time.Duration, name string) func() error {
			return func() error {
				_ = gevent.Try(func() error { gevent.Sleep(d); return nil })
				return errors.New(name)
			}
		}
		err := gevent.WithScope(func(s *gevent.Scope) error {
			s.Spawn(fail(3, "first"))
			s.Spawn(func() error { gevent.Sleep(9); return nil })
			s.Spawn(fail(1, "second"))
			s.Spawn(fail(2, "third"))
			return fail(1, "function")()
		})
		require.EqualError(t, err, "function\nfirst\nsecond\nthird")
	})
	t.Run("a panic is the error, with its stack, and is not reported", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			err := gevent.WithScope(func(s *gevent.Scope) error { s.Spawn(func() error { explode(); return nil }); return nil })
			var p *gevent.PanicError
			require.ErrorAs(t, err, &p)
			require.Contains(t, string(p.Stack), "explode")
		}, virtual(), gevent.WithErrorHook(func(_ string, err error) { t.Error(err) })))
	})
	t.Run("a panic of the function goes on, when the greenlets have ended; their errors are reported", func(t *testing.T) {
		var reports []string
		require.NoError(t, gevent.Run(func() {
			var child *gevent.Greenlet
			require.PanicsWithValue(t, "kaboom", func() {
				_ = gevent.WithScope(func(s *gevent.Scope) error {
					child = s.Spawn(func() error {
						_ = gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
						gevent.Sleep(time.Second)
						return errBoom
					})
					gevent.Sleep(0)
					explode()
					return nil
				})
			})
			require.True(t, child.Ready())
		}, virtual(), gevent.WithErrorHook(func(where string, err error) { reports = append(reports, where+": "+err.Error()) })))
		require.Equal(t, []string{"scope of main: boom"}, reports)
	})
	test(t, "a kill of the owner cancels the greenlets, in the function and while it waits", func(t *testing.T) {
		for _, inFunction := range []bool{true, false} {
			var tr trace
			owner := gevent.Spawn(func() error {
				defer tr.add("owner")
				return gevent.WithScope(func(s *gevent.Scope) error {
					s.Spawn(func() error {
						defer func() { gevent.Sleep(time.Minute); tr.add("child") }()
						gevent.Sleep(time.Hour)
						return nil
					})
					if inFunction {
						gevent.Sleep(time.Hour)
					}
					return nil
				})
			})
			gevent.Sleep(time.Second)
			owner.KillAsync(errBoom)
			gevent.Sleep(time.Second)
			owner.KillAsync(errOdd) // must wait for the child as well
			owner.Join()
			require.Same(t, errBoom, owner.Get())
			require.Equal(t, trace{"child", "owner"}, tr)
		}
	})
	test(t, "a time-out around it limits all of it", func(t *testing.T) {
		loop := hub.Current().Loop
		start := loop.UpdateTime()
		var child *gevent.Greenlet
		for _, d := range []time.Duration{0, time.Hour} {
			outer, inner := gevent.NewTimeout(time.Second), gevent.NewTimeout(time.Hour)
			require.Same(t, outer, outer.Do(func() error {
				return inner.Do(func() error {
					return gevent.WithScope(func(s *gevent.Scope) error {
						child = s.Spawn(sleep(time.Hour))
						gevent.Sleep(d)
						return nil
					})
				})
			}))
			require.Equal(t, killed, stateOf(child))
		}
		require.Equal(t, 2*time.Second, loop.UpdateTime()-start)
	})
	test(t, "two time-outs while it waits for a clean-up: both are delivered where they belong", func(t *testing.T) {
		outer, inner := gevent.NewTimeout(2*time.Second), gevent.NewTimeout(time.Second)
		reached := false
		require.Same(t, outer, outer.Do(func() error {
			require.Same(t, inner, inner.Do(func() error {
				return gevent.WithScope(func(s *gevent.Scope) error {
					s.Spawn(func() error {
						defer gevent.Sleep(time.Minute)
						gevent.Sleep(time.Hour)
						return nil
					})
					return nil
				})
			}))
			reached = true
			gevent.Sleep(0)
			t.Error("not reached")
			return nil
		}))
		require.True(t, reached)
	})
	test(t, "nested scopes: the inner one's error ends the outer", func(t *testing.T) {
		var outerChild, innerChild *gevent.Greenlet
		err := gevent.WithScope(func(outer *gevent.Scope) error {
			outerChild = outer.Spawn(sleep(time.Hour))
			outer.Spawn(func() error {
				return gevent.WithScope(func(inner *gevent.Scope) error {
					innerChild = inner.Spawn(sleep(time.Hour))
					inner.Spawn(func() error { gevent.Sleep(1); return errBoom })
					return nil
				})
			})
			return nil
		})
		require.Same(t, errBoom, err)
		require.Equal(t, []state{killed, killed}, []state{stateOf(outerChild), stateOf(innerChild)})
	})
	test(t, "the outer scope's cancellation goes through the inner one", func(t *testing.T) {
		var innerChild *gevent.Greenlet
		err := gevent.WithScope(func(outer *gevent.Scope) error {
			outer.Spawn(func() error { gevent.Sleep(1); return errBoom })
			return gevent.WithScope(func(inner *gevent.Scope) error {
				innerChild = inner.Spawn(sleep(time.Hour))
				return nil
			})
		})
		require.Same(t, errBoom, err)
		require.Equal(t, killed, stateOf(innerChild))
	})
	test(t, "Cancel ends it without an error; who spawns then gets a killed greenlet", func(t *testing.T) {
		var g *gevent.Greenlet
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			s.Spawn(sleep(time.Hour))
			s.Cancel()
			s.Cancel()
			require.True(t, s.Cancelled())
			g = s.Spawn(func() error { t.Error("it has run"); return nil })
			gevent.Sleep(0)
			t.Error("not reached")
			return nil
		}))
		require.Equal(t, killed, stateOf(g))
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			s.Spawn(func() error { s.Cancel(); gevent.Sleep(0); t.Error("not reached"); return nil })
			return nil
		}))
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			s.Cancel()
			return gevent.Try(func() error { gevent.Sleep(0); return nil })
		}), "also if the function catches it")
		gevent.Sleep(1) // nothing is left over for the next call
	})
	test(t, "a greenlet that somebody kills is no failure", func(t *testing.T) {
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
			a := s.Spawn(sleep(time.Hour))
			s.Spawn(func() error { gevent.Sleep(1); a.Kill(); return nil })
			return nil
		}))
	})
	test(t, "nothing can ever happen: the scope ends with a LoopExit", func(t *testing.T) {
		err := gevent.Try(func() error {
			return gevent.WithScope(func(s *gevent.Scope) error {
				s.Spawn(func() error { gevent.NewGreenlet(func() {}).Join(); return nil }).SetName("alice")
				return nil
			})
		})
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.ErrorContains(t, err, "main: parked in gevent.WithScope for 1: alice")
	})
	t.Run("runtime.Goexit in the function ends the greenlets first", func(t *testing.T) {
		var tr trace
		onGoroutine(t, func() {
			defer tr.add("root")
			_ = gevent.Run(func() {
				_ = gevent.WithScope(func(s *gevent.Scope) error {
					s.Spawn(func() error { defer tr.add("child"); gevent.Sleep(time.Hour); return nil })
					gevent.Sleep(0)
					runtime.Goexit()
					return nil
				})
			}, virtual())
		})
		require.Equal(t, trace{"child", "root"}, tr)
	})
	t.Run("at the end of the thread", func(t *testing.T) {
		var tr trace
		run(t, func() {
			gevent.Spawn(func() error {
				defer tr.add("owner")
				return gevent.WithScope(func(s *gevent.Scope) error {
					for range 3 {
						s.Spawn(func() error { defer tr.add("child"); gevent.Sleep(time.Hour); return nil })
					}
					return nil
				})
			})
			gevent.Sleep(1)
		})
		require.Equal(t, trace{"child", "child", "child", "owner"}, tr)
	})
	test(t, "a kill while a panic of the function waits for a clean-up comes afterwards", func(t *testing.T) {
		reached := false
		owner := gevent.Spawn(func() {
			func() {
				defer func() { require.Equal(t, "odd", recover()) }()
				_ = gevent.WithScope(func(s *gevent.Scope) error {
					s.Spawn(func() error {
						defer gevent.Sleep(time.Second)
						gevent.Sleep(time.Hour)
						return nil
					})
					gevent.Sleep(0)
					panic("odd")
				})
			}()
			reached = true
			gevent.Sleep(time.Hour)
		})
		gevent.Sleep(time.Millisecond)
		owner.KillAsync(errBoom)
		require.Equal(t, errBoom, owner.Get())
		require.True(t, reached)
	})
	t.Run("any goroutine may cancel it, as a context", func(t *testing.T) {
		var scope *gevent.Scope
		require.NoError(t, gevent.Run(func() {
			ended := 0
			require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error {
				scope = s
				for range 3 {
					s.Spawn(func() error { defer func() { ended++ }(); gevent.Sleep(time.Hour); return nil })
				}
				gevent.Sleep(0)
				for range 3 {
					go s.Cancel()
				}
				go func() { _ = gevent.Run(s.Cancel) }()
				gevent.Sleep(time.Hour)
				return nil
			}))
			require.Equal(t, 3, ended)
			require.True(t, scope.Cancelled())
			require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error { scope = s; return nil }))
			scope.Cancel()
			gevent.Offload(scope.Cancel)
			gevent.Sleep(0)
			require.False(t, scope.Cancelled(), "it had ended")
		}))
		scope.Cancel()
		require.False(t, scope.Cancelled())
	})
	test(t, "misuse says what to do", func(t *testing.T) {
		var ended *gevent.Scope
		require.NoError(t, gevent.WithScope(func(s *gevent.Scope) error { ended = s; return nil }))
		require.PanicsWithValue(t, "gevent.Scope.Spawn: the scope has ended; spawn before its function and its greenlets have ended",
			func() { ended.Spawn(sleep(0)) })
		message := make(chan any)
		go func() {
			defer func() { message <- recover() }()
			ended.Spawn(sleep(0))
		}()
		require.ErrorIs(t, (<-message).(error), gevent.ErrWrongThread)
	})
}

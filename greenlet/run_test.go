package greenlet_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/greenlet"
)

func TestRunEndsWhatIsSuspended(t *testing.T) {
	t.Run("2.9.2 with ErrExit, once, and the deferred functions run", func(t *testing.T) {
		var errs []error
		finally := 0
		greenlet.Run(func() {
			greenlet.New(func() {
				defer func() { finally++ }()
				_, err := parentSwitch()
				errs = append(errs, err)
			}).Switch()
		})
		require.Equal(t, []error{greenlet.ErrExit}, errs)
		require.Equal(t, 1, finally)
	})
	t.Run("the last one started first", func(t *testing.T) {
		var order []int
		greenlet.Run(func() {
			for i := range 5 {
				greenlet.New(func() {
					defer func() { order = append(order, i) }()
					parentSwitch()
				}).Switch()
			}
		})
		require.Equal(t, []int{4, 3, 2, 1, 0}, order)
	})
	t.Run("2.9.1 fifty at once and ten inside each other", func(t *testing.T) {
		ended := 0
		greenlet.Run(func() {
			main := greenlet.Current()
			suspend := func() {
				defer func() { ended++ }()
				main.Switch()
			}
			for range 50 {
				greenlet.New(suspend).Switch()
			}
			var nest func(n int)
			nest = func(n int) {
				if n == 0 {
					suspend()
					return
				}
				greenlet.New(func() {
					defer func() { ended++ }()
					nest(n - 1)
					if _, err := main.Switch(); err == nil {
						t.Error("went on")
					}
				}).Switch()
			}
			nest(10)
			require.Len(t, greenlet.Live(), 60)
		})
		require.Equal(t, 61, ended)
		require.Zero(t, greenlet.LiveCount())
	})
	t.Run("one that ignores its error is unwound", func(t *testing.T) {
		var a, b *greenlet.Greenlet
		unwound := 0
		forever := func(other **greenlet.Greenlet) func() {
			return func() {
				defer func() { unwound++ }()
				for i := 0; ; i++ {
					if i == 3 {
						greenlet.Main().Switch()
					}
					(*other).Switch()
				}
			}
		}
		greenlet.Run(func() {
			a, b = greenlet.New(forever(&b)), greenlet.New(forever(&a))
			a.Switch()
			require.Len(t, greenlet.Live(), 2)
		})
		require.Equal(t, 2, unwound)
		require.True(t, a.Dead() && b.Dead())
	})
	t.Run("one that recovers from that too ends by Goexit", func(t *testing.T) {
		ended := false
		greenlet.Run(func() {
			main := greenlet.Current()
			greenlet.New(func() {
				defer func() { ended = true }()
				for {
					func() {
						defer func() { _ = recover() }()
						main.Switch()
					}()
				}
			}).Switch()
		})
		require.True(t, ended)
	})
	t.Run("no greenlet can be started by then", func(t *testing.T) {
		greenlet.Run(func() {
			main := greenlet.Current()
			greenlet.New(func() {
				main.Switch()
				greenlet.New(func() { t.Error("ran") }).Switch()
				t.Error("went on")
			}).Switch()
		})
	})
	t.Run("a panic meanwhile goes on when all have ended", func(t *testing.T) {
		ended := 0
		v := recovered(func() {
			greenlet.Run(func() {
				main := greenlet.Current()
				for range 3 {
					greenlet.New(func() {
						main.Switch()
						ended++
						if ended == 1 {
							panic("boom")
						}
					}).Switch()
				}
			})
		})
		require.Equal(t, "boom", v.(*greenlet.PanicError).Value)
		require.Equal(t, 3, ended)
	})
}

func TestRunLetsEverythingOutOfItsFunction(t *testing.T) {
	suspend := func(ended *bool) {
		greenlet.New(func() {
			defer func() { *ended = true }()
			parentSwitch()
		}).Switch()
	}
	t.Run("a panic", func(t *testing.T) {
		ended := false
		v := recovered(func() {
			greenlet.Run(func() {
				suspend(&ended)
				panic("boom")
			})
		})
		require.Equal(t, "boom", v)
		require.True(t, ended)
	})
	t.Run("the panic of a greenlet", func(t *testing.T) {
		ended := false
		v := recovered(func() {
			greenlet.Run(func() {
				suspend(&ended)
				greenlet.New(explode).Switch()
			})
		})
		require.Equal(t, "boom", v.(*greenlet.PanicError).Value)
		require.True(t, ended)
	})
	t.Run("runtime.Goexit", func(t *testing.T) {
		ended := false
		onGoroutine(func() {
			greenlet.Run(func() {
				suspend(&ended)
				runtime.Goexit()
			})
			t.Error("went on")
		})
		require.True(t, ended)
	})
}

func TestGoexitInAGreenletThatIsBeingEndedGoesOnInRun(t *testing.T) {
	before := runtime.NumGoroutine()
	ended := 0
	returned := false
	onGoroutine(func() {
		greenlet.Run(func() {
			for range 3 {
				greenlet.New(func() {
					defer runtime.Goexit()
					defer func() { ended++ }()
					greenlet.Main().Switch()
				}).Switch()
			}
		})
		returned = true
	})
	require.False(t, returned)
	require.Equal(t, 3, ended, "when all have ended")
	requireGoroutines(t, before)
	require.Zero(t, greenlet.LiveCount())
}

func TestGoexitInAGreenletEndsItAndTheRoot(t *testing.T) {
	t.Run("and no other greenlet, until Run ends", func(t *testing.T) {
		var log []string
		onGoroutine(func() {
			defer func() { log = append(log, "root") }()
			greenlet.Run(func() {
				parent := greenlet.New(func() {
					g := greenlet.New(func() {
						defer func() { log = append(log, "deferred") }()
						runtime.Goexit()
					})
					_, err := g.Switch()
					log = append(log, fmt.Sprint("parent: ", err, ", dead: ", g.Dead()))
				})
				defer func() { log = append(log, fmt.Sprint("main, parent active: ", parent.Active())) }()
				parent.Switch()
				log = append(log, "went on")
			})
			log = append(log, "went on")
		})
		require.Equal(t, []string{
			"deferred",
			"main, parent active: true",
			"parent: greenlet: exit, dead: true",
			"root",
		}, log)
	})
	t.Run("in an implicit thread", func(t *testing.T) {
		var log []string
		before := runtime.NumGoroutine()
		onGoroutine(func() {
			defer func() {
				// The goroutine can use greenlets even now.
				greenlet.New(func() { log = append(log, "in a deferred function") }).Switch()
			}()
			greenlet.New(runtime.Goexit).Switch()
			log = append(log, "went on")
		})
		require.Equal(t, []string{"in a deferred function"}, log)
		requireGoroutines(t, before)
	})
}

// requireGoroutines waits until no more than n goroutines are left.
func requireGoroutines(t *testing.T, n int) {
	t.Helper()
	for range 5000 {
		if runtime.NumGoroutine() <= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), n)
}

// onGoroutine runs f on a goroutine and waits for its end, also by Goexit.
func onGoroutine(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestRunRefusesMisuse(t *testing.T) {
	require.PanicsWithValue(t, "greenlet.Run: nil function; pass the function that is to be run",
		func() { greenlet.Run(nil) })
	greenlet.Run(func() {
		require.Regexp(t, `^greenlet.Run: the calling goroutine belongs to thread \d+ already; call Run on a goroutine of its own$`,
			recovered(func() { greenlet.Run(func() {}) }))
	})
}

func TestRunLeavesNothingBehind(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(main *greenlet.Greenlet)
	}{
		{"2.7 after 10,000 that finished", func(*greenlet.Greenlet) {
			for range 10_000 {
				greenlet.New(func() {}).Switch()
			}
		}},
		{"2.7 after 10,000 that were suspended", func(main *greenlet.Greenlet) {
			for range 10_000 {
				greenlet.New(func() { main.Switch() }).Switch()
			}
		}},
		{"2.7 after 10,000 that were killed", func(main *greenlet.Greenlet) {
			all := make([]*greenlet.Greenlet, 10_000)
			for i := range all {
				all[i] = greenlet.New(func() { main.Switch() })
				all[i].Switch()
			}
			for _, g := range all {
				g.Throw(nil)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			greenlet.Run(func() { c.f(greenlet.Current()) })
			requireGoroutines(t, before)
			require.Zero(t, greenlet.LiveCount())
		})
	}
}

func TestLockOSThreadBeforeRunWorks(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	greenlet.Run(func() {
		var order []int
		var a, b *greenlet.Greenlet
		a = greenlet.New(func() {
			order = append(order, 1)
			b.Switch()
			order = append(order, 3)
		})
		b = greenlet.New(func() {
			order = append(order, 2)
			greenlet.New(func() { a.Switch() }).Switch()
		})
		a.Switch()
		require.Equal(t, []int{1, 2, 3}, order)
	})
}

func TestRunInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		greenlet.Run(func() {
			main := greenlet.Current()
			g := greenlet.New(func() {
				for {
					time.Sleep(time.Hour)
					if _, err := main.Switch(); err != nil {
						return
					}
				}
			})
			for range 3 {
				g.Switch()
			}
		})
		require.Equal(t, 3*time.Hour, time.Since(start))
	})
	synctest.Test(t, func(*testing.T) {
		g := greenlet.New(func() { parentSwitch() })
		g.Switch()
		g.Switch() // an implicit thread leaves the bubble clean too
	})
}

// A greenlet may be suspended inside a generator that it drives. Both end.
func TestRunEndsAGreenletThatIsSuspendedInAGenerator(t *testing.T) {
	var log []string
	before := runtime.NumGoroutine()
	greenlet.Run(func() {
		main := greenlet.Current()
		c := coro.New(func(yield func(int) (struct{}, error)) (struct{}, error) {
			defer func() { log = append(log, "generator") }()
			for i := 0; ; i++ {
				main.Switch(i)
				if _, err := yield(i); err != nil {
					return struct{}{}, err
				}
			}
		})
		g := greenlet.New(func() {
			defer func() { log = append(log, "greenlet") }()
			for {
				if _, err := c.Next(); err != nil {
					return
				}
				if _, err := main.Switch(); err != nil {
					return
				}
			}
		})
		returns(t, 0)(g.Switch())
		returns(t, nil)(g.Switch())
		returns(t, 1)(g.Switch())
		require.Contains(t, g.Stack(), "coro")
	})
	require.Equal(t, []string{"greenlet", "generator"}, log)
	requireGoroutines(t, before)
}

package greenlet_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
)

func TestThreadsAreIndependent(t *testing.T) {
	t.Run("2.1.8 many at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 300 {
			wg.Go(func() {
				greenlet.Run(func() {
					sum := 0
					all := make([]*greenlet.Greenlet, 10)
					for i := range all {
						all[i] = greenlet.New(func() {
							for range 10 {
								sum += i
								parentSwitch()
							}
						})
					}
					for range 11 {
						for _, g := range all {
							g.Switch()
						}
					}
					if sum != 450 {
						t.Errorf("sum is %d", sum)
					}
				})
			})
		}
		wg.Wait()
	})
	t.Run("2.1.16 one that blocks blocks no other", func(t *testing.T) {
		start := time.Now()
		var wg sync.WaitGroup
		for _, d := range []time.Duration{20 * time.Millisecond, 30 * time.Millisecond} {
			wg.Go(func() { greenlet.New(func() { time.Sleep(d) }).Switch() })
		}
		wg.Wait()
		require.Less(t, time.Since(start), 5*time.Second)
	})
	t.Run("each has its own number, main greenlet and tracer", func(t *testing.T) {
		run(t, "in Run", func(t *testing.T) {
			mine := greenlet.Current()
			greenlet.SetTrace(func(greenlet.Event, *greenlet.Greenlet, *greenlet.Greenlet) error { return nil })
			onGoroutine(func() {
				if other := greenlet.Current(); other == mine || other.Thread() == mine.Thread() {
					t.Error("the thread of another goroutine is the same")
				}
				if greenlet.Trace() != nil {
					t.Error("a new thread has a tracer")
				}
			})
		})
	})
}

func TestASwitchFromAnotherThreadIsRefused(t *testing.T) {
	states := map[string]func(*greenlet.Greenlet){
		"not begun": func(*greenlet.Greenlet) {},
		"suspended": func(g *greenlet.Greenlet) { g.Switch() },
		"dead":      func(g *greenlet.Greenlet) { g.Throw(nil) },
	}
	callers := map[string]func(func()){
		"a goroutine without a thread": onGoroutine,
		"another thread":               func(f func()) { onGoroutine(func() { greenlet.Run(f) }) },
		"a greenlet of another thread": func(f func()) { onGoroutine(func() { greenlet.New(f).Switch() }) },
	}
	for state, prepare := range states {
		for caller, call := range callers {
			run(t, fmt.Sprintf("2.1.19 %s, from %s", state, caller), func(t *testing.T) {
				g := greenlet.New(func(...any) (any, error) { return parentSwitch() })
				prepare(g)
				before := g.String()
				call(func() {
					for _, f := range []func() (any, error){
						func() (any, error) { return g.Switch() },
						func() (any, error) { return g.Switch(1, 2) },
						func() (any, error) { return g.Throw(errSome) },
						func() (any, error) { return g.Throw(nil) },
						func() (any, error) { return greenlet.New(func() {}, greenlet.WithParent(g)).Switch() },
					} {
						v, err := f()
						if v != nil || err == nil {
							t.Errorf("returned %v, %v", v, err)
							continue
						}
						require.ErrorIs(t, err, greenlet.ErrWrongThread)
						require.NotErrorIs(t, err, greenlet.ErrThreadExited)
						require.Regexp(t, fmt.Sprintf(`current: .*(thread|goroutine) \d+.*; expected: thread %d, <greenlet`, g.Thread()), err.Error())
					}
				})
				require.Equal(t, before, g.String())
			})
		}
	}
}

func TestTheGreenletsOfAnExitedThread(t *testing.T) {
	var main, suspended, pending *greenlet.Greenlet
	onGoroutine(func() {
		greenlet.Run(func() {
			main = greenlet.Current()
			suspended = greenlet.New(func() { main.Switch() })
			suspended.Switch()
			pending = greenlet.New(func() {})
		})
	})
	t.Run("2.2.8 are dead if they had begun", func(t *testing.T) {
		for range 3 {
			require.Contains(t, main.String(), ") (thread exited) dead>")
			require.Contains(t, suspended.String(), ") (thread exited) dead>")
			require.Contains(t, pending.String(), ") pending>")
		}
		require.True(t, main.Dead())
		require.True(t, suspended.Dead())
		require.False(t, pending.Dead())
	})
	t.Run("2.1.27 cannot be switched to", func(t *testing.T) {
		for _, g := range []*greenlet.Greenlet{main, suspended, pending} {
			fails(t, greenlet.ErrThreadExited)(g.Switch())
			fails(t, greenlet.ErrThreadExited)(g.Throw(errSome))
			fails(t, greenlet.ErrWrongThread)(g.Throw(nil))
		}
	})
	run(t, "2.2.2 nor can one that was moved there", func(t *testing.T) {
		g := greenlet.New(func() {})
		require.NoError(t, g.SetParent(main))
		fails(t, greenlet.ErrThreadExited)(g.Switch())
	})
}

func TestParentsInOtherThreads(t *testing.T) {
	// inOther runs f in a thread that lasts until f returns, with a greenlet of
	// another one that is suspended meanwhile.
	inOther := func(t *testing.T, f func(t *testing.T, other *greenlet.Greenlet)) {
		t.Helper()
		others := make(chan *greenlet.Greenlet)
		over := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			greenlet.Run(func() {
				others <- greenlet.Current()
				<-over
			})
		})
		greenlet.Run(func() { f(t, <-others) })
		close(over)
		wg.Wait()
	}
	t.Run("2.2.1 are refused by a greenlet that has begun", func(t *testing.T) {
		inOther(t, func(t *testing.T, other *greenlet.Greenlet) {
			g := greenlet.New(func() { parentSwitch() })
			g.Switch()
			err := g.SetParent(other)
			require.ErrorIs(t, err, greenlet.ErrWrongThread)
			require.Contains(t, err.Error(), fmt.Sprintf("thread %d", other.Thread()))
			require.Same(t, greenlet.Current(), g.Parent())
		})
	})
	t.Run("2.2.3 move one that has not begun, which cannot be started here any more", func(t *testing.T) {
		inOther(t, func(t *testing.T, other *greenlet.Greenlet) {
			g := greenlet.New(func() {})
			require.NoError(t, g.SetParent(other))
			require.Equal(t, other.Thread(), g.Thread())
			fails(t, greenlet.ErrWrongThread)(g.Switch())
			require.False(t, g.Started())
			child := greenlet.New(func() {})
			middle := greenlet.New(func() {})
			require.NoError(t, child.SetParent(middle))
			require.NoError(t, middle.SetParent(other))
			fails(t, greenlet.ErrWrongThread)(child.Switch())
			require.False(t, child.Started())
		})
	})
	t.Run("do not get what is sent to a dead child", func(t *testing.T) {
		inOther(t, func(t *testing.T, other *greenlet.Greenlet) {
			p := greenlet.New(func() {})
			g := greenlet.New(func() {}, greenlet.WithParent(p))
			fails(t, errSome)(g.Throw(errSome))
			p = greenlet.New(func() {})
			require.NoError(t, g.SetParent(p))
			require.NoError(t, p.SetParent(other))
			fails(t, greenlet.ErrWrongThread)(g.Switch())
		})
	})
	t.Run("to which a greenlet is handed over before it begins", func(t *testing.T) {
		handed := make(chan *greenlet.Greenlet)
		onGoroutine(func() {
			there := make(chan *greenlet.Greenlet)
			go greenlet.Run(func() {
				there <- greenlet.Current()
				v, err := (<-handed).Switch()
				if v != "result" || err != nil {
					t.Errorf("got %v, %v", v, err)
				}
				close(handed)
			})
			greenlet.Run(func() {
				g := greenlet.New(func(...any) (any, error) { return "result", nil })
				if err := g.SetParent(<-there); err != nil {
					t.Error(err)
				}
				handed <- g
			})
		})
		<-handed
	})
	run(t, "do not get the result of a child that had begun here", func(t *testing.T) {
		// The parent moves away after its child has begun: nobody is left to get
		// the result but the child's own main greenlet.
		done := make(chan struct{})
		moved := make(chan *greenlet.Greenlet)
		go func() {
			defer close(done)
			greenlet.Run(func() { moved <- greenlet.Current(); <-moved })
		}()
		other := <-moved
		p := greenlet.New(func() {})
		g := greenlet.New(func() { greenlet.Main().Switch() }, greenlet.WithParent(p))
		g.Switch()
		require.NoError(t, p.SetParent(other))
		fails(t, greenlet.ErrWrongThread)(g.Switch())
		require.True(t, g.Dead())
		moved <- nil
		<-done
	})
}

// Sixteen threads own a suspended greenlet each, and sixteen others switch to it
// while it is not dead (2.1.9).
func TestSwitchingToManyThreadsAtOnce(t *testing.T) {
	for range 20 {
		var wg sync.WaitGroup
		for range 16 {
			suspended := make(chan *greenlet.Greenlet)
			over := make(chan struct{})
			wg.Go(func() {
				greenlet.Run(func() {
					main := greenlet.Current()
					g := greenlet.New(func() { main.Switch() })
					g.Switch()
					suspended <- g
					<-over
				})
			})
			wg.Go(func() {
				g := <-suspended
				for n := 0; !g.Dead(); n++ {
					if _, err := g.Switch(); err == nil {
						t.Error("switched to another thread")
					}
					if n == 10 {
						close(over)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestAnImplicitThreadComesAndGoes(t *testing.T) {
	onGoroutine(func() {
		before := runtime.NumGoroutine()
		main := greenlet.Current()
		for range 3 {
			g := greenlet.New(func(...any) (any, error) {
				return parentSwitch(1)
			})
			if v, err := g.Switch(); v != 1 || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
			if n := len(greenlet.Live()); n != 1 {
				t.Errorf("%d are live", n)
			}
			if greenlet.Current() != main {
				t.Error("the main greenlet is another one")
			}
			if v, err := g.Switch(2); v != 2 || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
			runtime.GC()
			if greenlet.Current() != main || len(greenlet.Live()) != 0 {
				t.Error("the thread changed")
			}
		}
		requireGoroutines(t, before)
		if n := greenlet.LiveCount(); n != 0 {
			t.Errorf("%d are live", n)
		}
	})
}

func TestAnImplicitThreadKeepsWhatItWasGiven(t *testing.T) {
	onGoroutine(func() {
		var local greenlet.Local[int]
		local.Set(7)
		greenlet.Current().SetName("keeper")
		greenlet.SetTrace(func(greenlet.Event, *greenlet.Greenlet, *greenlet.Greenlet) error { return nil })
		for range 3 {
			runtime.GC()
		}
		if v, ok := local.Get(); v != 7 || !ok {
			t.Error("the local value is gone")
		}
		if greenlet.Current().Name() != "keeper" {
			t.Error("the name is gone")
		}
		if greenlet.Trace() == nil {
			t.Error("the tracer is gone")
		}
		local.Delete()
		greenlet.Current().SetName("")
		greenlet.SetTrace(nil)
	})
}

func TestLive(t *testing.T) {
	run(t, "lists those that have begun and not ended, in order", func(t *testing.T) {
		require.Empty(t, greenlet.Live())
		var all []*greenlet.Greenlet
		for range 100 {
			g := greenlet.New(func() { parentSwitch() })
			require.Len(t, greenlet.Live(), len(all))
			g.Switch()
			all = append(all, g)
			require.Equal(t, len(all), greenlet.LiveCount())
		}
		require.Equal(t, all, greenlet.Live())
		all[3].Switch()
		all[50].Throw(nil)
		all = append(append(append([]*greenlet.Greenlet(nil), all[:3]...), all[4:50]...), all[51:]...)
		require.Equal(t, all, greenlet.Live())
		require.Equal(t, 98, greenlet.LiveCount())
	})
	run(t, "another thread's are counted", func(t *testing.T) {
		for range 200 {
			greenlet.New(func() { greenlet.Main().Switch() }).Switch()
		}
		onGoroutine(func() {
			if n := greenlet.LiveCount(); n < 200-32 || n > 200+32 {
				t.Errorf("%d are live", n)
			}
			if n := len(greenlet.Live()); n != 0 {
				t.Errorf("%d of the new thread are live", n)
			}
		})
	})
}

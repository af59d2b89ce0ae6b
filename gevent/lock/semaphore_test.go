package lock_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/internal/hub"
)

// anyLock is what all locks have.
type anyLock interface {
	sync.Locker
	Acquire()
	AcquireTimeout(time.Duration) bool
	TryAcquire() bool
	Release()
	With(func())
	Locked() bool
	Ready() bool
}

// eachLock runs f for all kinds of locks that are free and can be taken once.
func eachLock(t *testing.T, name string, f func(t *testing.T, l anyLock)) {
	t.Helper()
	for kind, make := range map[string]func() anyLock{
		"Semaphore":        func() anyLock { return lock.NewSemaphore(1) },
		"BoundedSemaphore": func() anyLock { return lock.NewBoundedSemaphore(1) },
		"RLock":            func() anyLock { return lock.NewRLock() },
	} {
		test(t, name+", "+kind, func(t *testing.T) { f(t, make()) })
	}
}

func TestFairness(t *testing.T) {
	t.Run("T062 those who release and block do not starve a third", func(t *testing.T) {
		s := lock.NewSemaphore(1)
		var keep1, keep2, exiting *gevent.Greenlet
		var order trace
		keep := func(name string) func() {
			return func() {
				s.Acquire()
				order.add(name)
				// Somebody else holds it on, for each round a new one.
				for {
					s.Release()
					g := gevent.Spawn(s.Acquire)
					g.Join()
				}
			}
		}
		err := gevent.Run(func() {
			keep1 = gevent.Spawn(keep("keep1"))
			keep2 = gevent.Spawn(keep("keep2"))
			exiting = gevent.Spawn(func() { s.Acquire(); order.add("exiting") })
			gevent.JoinAll(keep1, keep2, exiting)
		}, virtual())
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		require.Contains(t, order, "exiting", "the third waiter got its turn")
	})
	test(t, "who is told in vain waits on in its place", func(t *testing.T) {
		s := lock.NewSemaphore(0)
		var order trace
		for _, name := range []string{"a", "b", "c"} {
			gevent.Spawn(func() { s.Acquire(); order.add(name) })
		}
		gevent.Sleep(0)
		s.Release()
		s.Release()
		require.True(t, s.TryAcquire(), "a releaser that does not block goes first")
		require.True(t, s.TryAcquire())
		gevent.Sleep(0)
		require.Empty(t, order)
		require.Equal(t, 3, s.LinkCount())
		for range 3 {
			s.Release()
			gevent.Sleep(0)
		}
		require.Equal(t, trace{"a", "b", "c"}, order)
		require.Zero(t, s.LinkCount())
	})
	test(t, "T212 who was told before it is killed has the permit, who is killed before has not", func(t *testing.T) {
		s := lock.NewSemaphore(0)
		got := 0
		take := func() { s.Acquire(); got++; gevent.Sleep(time.Hour) }
		a, b := gevent.Spawn(take), gevent.Spawn(take)
		gevent.Sleep(0)
		s.Release()
		a.Kill()
		require.Equal(t, 1, got)
		require.Zero(t, s.Counter())
		require.Equal(t, 1, s.LinkCount(), "b waits on")
		b.KillAsync(nil)
		s.Release()
		b.Join()
		require.Equal(t, 1, got)
		require.Equal(t, 1, s.Counter(), "the permit is there for the next")
		require.Zero(t, s.LinkCount())
	})
	test(t, "T212 who was killed or whose time was up leaves the permit for the next", func(t *testing.T) {
		s := lock.NewSemaphore(0)
		a := gevent.Spawn(s.Acquire)
		b := gevent.SpawnValue(func() (bool, error) { return s.AcquireTimeout(time.Millisecond), nil })
		c := gevent.Spawn(s.Acquire)
		gevent.Sleep(0)
		a.KillAsync(nil)
		gevent.Sleep(2 * time.Millisecond)
		s.Release()
		gevent.JoinAll[gevent.Joinable](a, b, c)
		require.False(t, b.Value())
		require.True(t, c.Successful() && !c.Killed())
	})
}

func TestLocks(t *testing.T) {
	eachLock(t, "no time is enough for what those do who are ready", func(t *testing.T, l anyLock) {
		for _, ready := range []int{1, 2, 10, 100, 1000} {
			for _, limit := range []time.Duration{0, -1} {
				holder := gevent.Spawn(func() {
					l.Acquire()
					defer l.Release()
					gevent.NewGreenlet(func() {}).Join()
				})
				gevent.Sleep(0)
				for range ready {
					gevent.Spawn(func() {})
				}
				holder.KillAsync(nil)
				require.True(t, l.AcquireTimeout(limit), ready)
				l.Release()
			}
		}
	})
	eachLock(t, "T063 a limit runs out with false", func(t *testing.T, l anyLock) {
		gevent.Spawn(l.Acquire)
		gevent.Sleep(0)
		require.False(t, l.AcquireTimeout(10*time.Millisecond))
		require.False(t, l.AcquireTimeout(0))
		require.False(t, l.AcquireTimeout(-1))
		require.False(t, l.TryAcquire())
		require.True(t, l.Locked())
		require.False(t, l.Ready())
	})
	eachLock(t, "T069 five waiters have it one after the other, and With gives it back", func(t *testing.T, l anyLock) {
		inside, most, n := 0, 0, 0
		var gs []*gevent.Greenlet
		for range 5 {
			gs = append(gs, gevent.Spawn(func() {
				l.With(func() {
					inside++
					most = max(most, inside)
					gevent.Sleep(time.Millisecond)
					inside--
					n++
				})
			}))
		}
		gevent.JoinAll(gs...)
		require.Equal(t, 1, most)
		require.Equal(t, 5, n)
		require.PanicsWithValue(t, "odd", func() { l.With(func() { panic("odd") }) })
		require.True(t, l.Ready())
		l.Lock()
		require.True(t, l.Locked())
		l.Unlock()
		require.True(t, l.TryAcquire())
		l.Release()
	})
	eachLock(t, "T076 a try that fails lets the holder go on", func(t *testing.T, l anyLock) {
		gevent.Spawn(func() { l.With(func() { gevent.Sleep(0) }) })
		gevent.Sleep(0)
		for !l.TryAcquire() {
		}
		l.Release()
	})
	test(t, "T070 a Semaphore is not reentrant, and anybody may release it", func(t *testing.T) {
		s := lock.NewSemaphore(1)
		s.Acquire()
		phase := 0
		g := gevent.Spawn(func() {
			s.Acquire()
			phase = 1
			s.Acquire()
			phase = 2
		})
		gevent.Sleep(0)
		require.Equal(t, 0, phase)
		s.Release()
		gevent.Sleep(0)
		require.Equal(t, 1, phase)
		s.Release()
		g.Join()
		require.Equal(t, 2, phase)
	})
	test(t, "T071 an RLock is reentrant, and only its owner releases it", func(t *testing.T) {
		l := lock.NewRLock()
		require.PanicsWithValue(t, "lock.Release: the RLock is held by nobody, and not by the caller, main; release it in the greenlet that acquired it", l.Release)
		l.Acquire()
		require.True(t, l.TryAcquire())
		require.True(t, l.AcquireTimeout(0))
		require.True(t, l.IsOwned())
		require.Equal(t, []string{"main"}, l.Holders())
		other := gevent.Spawn(func() {
			require.False(t, l.IsOwned())
			require.False(t, l.TryAcquire())
			require.PanicsWithValue(t, "lock.Release: the RLock is held by main, and not by the caller, other; release it in the greenlet that acquired it", l.Release)
			l.Acquire()
			require.True(t, l.IsOwned())
		})
		other.SetName("other")
		gevent.Sleep(time.Millisecond)
		l.Release()
		l.Release()
		require.True(t, l.IsOwned())
		l.Release()
		require.False(t, l.IsOwned())
		other.Join()
		require.Equal(t, []string{"other (ended)"}, l.Holders())
		require.Regexp(t, `^RLock 0x\w+ \(depth 1, held by other \(ended\)\)$`, l.String())
	})
	test(t, "T074 permits, phases and too many releases", func(t *testing.T) {
		require.PanicsWithValue(t, "lock.NewSemaphore: a negative number of permits; pass 0 for none", func() { lock.NewSemaphore(-1) })
		require.PanicsWithValue(t, "lock.NewBoundedSemaphore: a negative number of permits; pass 0 for none", func() { lock.NewBoundedSemaphore(-1) })
		s := lock.NewSemaphore(7)
		s.Acquire()
		phase := 0
		var one, two []int
		var gs []*gevent.Greenlet
		for range 10 {
			gs = append(gs, gevent.Spawn(func() {
				s.Acquire()
				one = append(one, phase)
				s.Acquire()
				two = append(two, phase)
			}))
		}
		gevent.Sleep(0)
		require.Equal(t, 6, len(one)+len(two))
		phase = 1
		for range 7 {
			s.Release()
		}
		gevent.Sleep(0)
		require.Equal(t, 13, len(one)+len(two))
		phase = 2
		for range 6 {
			s.Release()
		}
		gevent.Sleep(0)
		count := map[int]int{}
		for _, p := range append(one, two...) {
			count[p]++
		}
		require.Equal(t, map[int]int{0: 6, 1: 7, 2: 6}, count)
		s.Release()
		gevent.JoinAll(gs...)
		over := lock.NewSemaphore(1)
		over.Release()
		require.Equal(t, 2, over.Counter())
		bounded := lock.NewBoundedSemaphore(1)
		require.PanicsWithValue(t, "lock.Release: the BoundedSemaphore was released too many times; release once for each time that it was acquired", bounded.Release)
		require.Equal(t, 1, bounded.Counter())
		require.True(t, bounded.TryAcquire(), "it still works")
	})
	test(t, "T064 linked functions are called once each, however often it is released", func(t *testing.T) {
		s := lock.NewSemaphore(1)
		var calls trace
		s.Rawlink(func() { calls.add("a") })
		s.Release()
		s.Rawlink(func() { calls.add("b") })
		s.Release()
		gevent.Sleep(time.Millisecond)
		require.ElementsMatch(t, trace{"a", "b"}, calls)
		taken := lock.NewSemaphore(0)
		taken.Rawlink(func() { calls.add("c") })
		taken.Rawlink(func() { calls.add("d") }).Unlink()
		taken.Release()
		gevent.Sleep(0)
		require.Equal(t, "c", calls[2])
		require.Len(t, calls, 3)
		require.Equal(t, 1, taken.Counter(), "a function takes nothing")
	})
	test(t, "T065 a free one is ready for Wait", func(t *testing.T) {
		require.Len(t, gevent.Wait[gevent.Linkable](lock.NewSemaphore(1), lock.NewRLock()), 2)
		s := lock.NewSemaphore(0)
		gevent.Spawn(s.Release)
		require.Len(t, gevent.Wait(s), 1)
		require.Equal(t, 1, s.Counter())
		l := lock.NewRLock()
		gevent.Spawn(func() { l.With(func() { gevent.Sleep(time.Millisecond) }) })
		gevent.Sleep(0)
		require.Len(t, gevent.Wait(l), 1)
		require.Zero(t, l.LinkCount())
	})
	test(t, "Wait does not take, and wakes the next", func(t *testing.T) {
		s := lock.NewSemaphore(0)
		var seen []int
		for range 3 {
			gevent.Spawn(func() { seen = append(seen, s.Wait()) })
		}
		gevent.Sleep(0)
		s.Release()
		gevent.Sleep(time.Millisecond)
		require.Equal(t, []int{1, 1, 1}, seen)
		require.Equal(t, 1, s.Wait())
		require.Equal(t, 1, s.WaitTimeout(0))
	})
	test(t, "T219 a callback releases and tries, and does not wait", func(t *testing.T) {
		s := lock.NewSemaphore(0)
		hub.Current().Loop.CallSoon(s.Release)
		s.Acquire()
		var message any
		tried := true
		hub.Current().Loop.CallSoon(func() {
			defer func() { message = recover() }()
			tried = s.TryAcquire()
			s.Acquire()
		})
		gevent.Sleep(0)
		require.False(t, tried)
		require.Equal(t, "lock.Acquire: a callback of the loop must not block; spawn a greenlet in it, and block there", message)
	})
	test(t, "a DummySemaphore never runs out", func(t *testing.T) {
		var d lock.DummySemaphore
		var l anyLock = d
		l.Acquire()
		l.Lock()
		require.True(t, l.Ready())
		l.Unlock()
		l.Release()
		require.True(t, l.TryAcquire() && l.AcquireTimeout(-1) && l.Ready())
		require.False(t, l.Locked())
		require.Equal(t, 3, d.Wait()+d.WaitTimeout(0)+d.Counter())
		ran := false
		l.With(func() { ran = true })
		require.True(t, ran)
	})
	test(t, "a hand-over allocates nothing", func(t *testing.T) {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("here it costs allocations to find out which goroutine calls")
		}
		there, back := lock.NewSemaphore(0), lock.NewSemaphore(0)
		g := gevent.Spawn(func() {
			for {
				there.Acquire()
				back.Release()
			}
		})
		there.Release()
		back.Acquire()
		require.Zero(t, testing.AllocsPerRun(100, func() {
			there.Release()
			back.Acquire()
		}))
		g.Kill()
	})
}

func TestADeadlockReportSaysWhoHoldsTheLock(t *testing.T) {
	// cross has two greenlets take two locks in opposite orders.
	cross := func(a, b anyLock) error {
		return gevent.Run(func() {
			one := gevent.Spawn(func() { a.Acquire(); gevent.Sleep(1); b.Acquire() })
			one.SetName("one")
			two := gevent.Spawn(func() { b.Acquire(); gevent.Sleep(1); a.Acquire() })
			two.SetName("two")
			gevent.JoinAll(one, two)
		}, virtual())
	}
	err := cross(lock.NewSemaphore(1), lock.NewRLock())
	require.ErrorIs(t, err, gevent.ErrLoopExit)
	require.ErrorContains(t, err, "(depth 1, held by two)")
	require.ErrorContains(t, err, "(counter 0, held by one)")
	require.ErrorContains(t, err, "deadlock of 2:")
	require.NotContains(t, err.Error(), "internal/waitlist")

	signal := lock.NewSemaphore(1)
	require.NoError(t, gevent.Run(func() { signal.Acquire(); gevent.Spawn(signal.Release).Join() }, virtual()))
	err = cross(signal, lock.NewRLock())
	require.ErrorIs(t, err, gevent.ErrLoopExit)
	require.NotContains(t, err.Error(), "deadlock of", "somebody else might release it again")
}

func TestHoldersAreKnownWhoeverReleases(t *testing.T) {
	run(t, func() {
		s := lock.NewSemaphore(40)
		for i := range 20 {
			g := gevent.Spawn(func() { s.Acquire() })
			g.SetName(fmt.Sprint(i))
		}
		gevent.Sleep(0)
		require.Len(t, s.Holders(), 16)
		require.Equal(t, "0 (ended)", s.Holders()[0])
		s.Release()
		require.Equal(t, "1 (ended)", s.Holders()[0])
		s.Acquire()
		require.Equal(t, "main", s.Holders()[15])
		s.Release()
		require.Len(t, s.Holders(), 15)
		for range 21 {
			s.Release()
		}
		require.Empty(t, s.Holders())
		require.Regexp(t, `^Semaphore 0x\w+ \(counter 42\)$`, s.String())
	})
}

// T066, T067 and the rest between threads.
func TestLocksBetweenThreads(t *testing.T) {
	for kind, l := range map[string]interface {
		anyLock
		Share()
		LinkCount() int
	}{
		"Semaphore":        lock.NewSemaphore(1),
		"BoundedSemaphore": lock.NewBoundedSemaphore(1),
		"RLock":            lock.NewRLock(),
	} {
		l.Share()
		t.Run("T066 held in one thread, acquired in another, "+kind, func(t *testing.T) {
			result := make(chan bool)
			require.NoError(t, gevent.Run(func() {
				l.Acquire()
				acquire := func(limited bool) {
					err := gevent.Run(func() {
						if limited {
							result <- l.AcquireTimeout(time.Millisecond)
							return
						}
						l.Acquire()
						l.Release()
						result <- true
					})
					if err != nil {
						t.Error(err)
					}
				}
				go acquire(true)
				var got bool
				gevent.Offload(func() { got = <-result })
				require.False(t, got)
				go acquire(false)
				for l.LinkCount() == 0 {
					gevent.Sleep(time.Millisecond)
				}
				l.Release()
				gevent.Offload(func() { got = <-result })
				require.True(t, got)
				l.Acquire()
				l.Release()
			}))
		})
		t.Run("T067 duelling threads, "+kind, func(t *testing.T) {
			n := 10_000
			if testing.Short() {
				n = 1000
			}
			var wg sync.WaitGroup
			counter := 0
			for range 2 {
				wg.Go(func() {
					err := gevent.Run(func() {
						for range n {
							l.With(func() { counter++ })
						}
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			if kind != "RLock" {
				wg.Go(func() { // a goroutine of no thread
					for i := range n {
						if i%2 == 0 {
							for !l.AcquireTimeout(4 * time.Second) {
								t.Error("it starves")
							}
						} else {
							for !l.TryAcquire() {
							}
						}
						counter++
						l.Release()
					}
				})
			} else {
				require.Panics(t, func() { l.TryAcquire() })
			}
			wg.Wait()
			want := 3 * n
			if kind == "RLock" {
				want = 2 * n
			}
			require.Equal(t, want, counter)
			require.Zero(t, l.LinkCount())
		})
	}
}

func TestAKillThatComesWhileALockIsTaken(t *testing.T) {
	odd := errors.New("odd")
	eachLock(t, "leaves no waiter", func(t *testing.T, l anyLock) {
		gevent.Spawn(func() { l.Acquire(); gevent.Sleep(time.Second); l.Release() })
		gevent.Sleep(0)
		g := gevent.Spawn(func() { l.With(func() { t.Error("it has the lock") }) })
		gevent.Sleep(0)
		g.KillWith(odd)
		require.Same(t, odd, g.Get())
		require.Zero(t, l.(interface{ LinkCount() int }).LinkCount())
		l.Acquire()
	})
}

// A greenlet that waits for the lock of its Condition is told from outside, is killed
// before that arrives, finds that another was quicker, and waits on. What arrives then
// wakes it for nothing; a release before it runs must not pass it over.
func TestAWakeUpThatComesTooLateCostsNobodyTheNextOne(t *testing.T) {
	for turns := range 6 { // the release hits that moment in one of them
		l := lock.NewSemaphore(1)
		c := lock.NewCondition(l)
		c.Share()
		release, released := make(chan int), make(chan int)
		go func() {
			defer close(released)
			<-release
			l.Release()
		}()
		require.NoError(t, gevent.Run(func() {
			w := gevent.Spawn(func() {
				c.With(c.Wait)
				gevent.Sleep(time.Hour) // it was notified: the kill is for this call
			})
			gevent.Sleep(0)
			c.Lock()
			c.NotifyAll()
			gevent.Sleep(0)
			require.Equal(t, 1, l.LinkCount(), "it wants the lock")
			close(release)
			<-released
			w.KillAsync(nil)
			require.True(t, l.TryAcquire())
			for range turns {
				gevent.Sleep(0)
			}
			l.Release()
			require.True(t, w.JoinTimeout(time.Minute), "after %d turns: %v", turns, l)
			require.True(t, w.Killed())
		}))
	}
}

func TestAThreadThatHasEndedTakesNothingAlong(t *testing.T) {
	s := lock.NewSemaphore(0)
	s.Share()
	ended := make(chan int)
	go func() {
		defer close(ended)
		_ = gevent.Run(func() {
			gevent.Spawn(runtime.Goexit) // which makes the main greenlet exit where it waits
			s.Acquire()
		})
	}()
	<-ended
	run(t, func() {
		g := gevent.Spawn(s.Acquire)
		gevent.Sleep(0)
		s.Release()
		require.True(t, g.JoinTimeout(time.Minute))
		require.Zero(t, s.Counter())
	})
}

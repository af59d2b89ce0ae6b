package lock_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

func TestCondition(t *testing.T) {
	for kind, make := range map[string]func() lock.Lock{
		"RLock":            func() lock.Lock { return nil },
		"Semaphore":        func() lock.Lock { return lock.NewSemaphore(1) },
		"BoundedSemaphore": func() lock.Lock { return lock.NewBoundedSemaphore(1) },
	} {
		test(t, "T073 notify wakes as many as it says, "+kind, func(t *testing.T) {
			c := lock.NewCondition(make())
			phase := 0
			var one, two []int
			var gs []*gevent.Greenlet
			for range 5 {
				gs = append(gs, gevent.Spawn(func() {
					c.Lock()
					c.Wait()
					one = append(one, phase)
					c.Wait()
					two = append(two, phase)
					c.Unlock()
				}))
			}
			gevent.Sleep(0)
			step := func(p int, notify func()) {
				c.With(func() { phase = p; notify() })
				gevent.Sleep(time.Millisecond)
			}
			step(1, func() { c.Notify(3) })
			require.Equal(t, []int{1, 1, 1}, one)
			require.Empty(t, two)
			step(2, func() { c.Notify(5) })
			step(3, c.NotifyAll)
			gevent.JoinAll(gs...)
			slices.Sort(two)
			require.Equal(t, []int{1, 1, 1, 2, 2}, one)
			require.Equal(t, []int{2, 2, 2, 3, 3}, two)
			require.Zero(t, c.Waiting())
		})
		test(t, "T073 without the lock it panics, "+kind, func(t *testing.T) {
			c := lock.NewCondition(make())
			require.PanicsWithValue(t, "lock.Condition.Wait: the caller does not hold the lock of the Condition; Lock it first", c.Wait)
			require.PanicsWithValue(t, "lock.Condition.Notify: the caller does not hold the lock of the Condition; Lock it first", func() { c.Notify(1) })
			require.PanicsWithValue(t, "lock.Condition.NotifyAll: the caller does not hold the lock of the Condition; Lock it first", c.NotifyAll)
		})
		test(t, "T073 a limit, and what it waits for, "+kind, func(t *testing.T) {
			c := lock.NewCondition(make())
			c.Lock()
			require.False(t, c.WaitTimeout(200*time.Millisecond))
			n := 0
			gevent.Spawn(func() {
				for range 3 {
					gevent.Sleep(time.Millisecond)
					c.With(func() { n++; c.NotifyAll() })
				}
			})
			require.False(t, c.WaitForTimeout(2*time.Millisecond, func() bool { return n == 3 }))
			require.True(t, c.WaitForTimeout(time.Second, func() bool { return n == 3 }))
			c.WaitFor(func() bool { return true })
			c.Unlock()
		})
		test(t, "who is killed has the lock again before it unwinds, "+kind, func(t *testing.T) {
			c := lock.NewCondition(make())
			odd, twice := errors.New("odd"), errors.New("twice")
			inside := false
			g := gevent.Spawn(func() {
				c.Lock()
				defer c.Unlock() // panics if it has not the lock
				defer func() { inside = true }()
				c.Wait()
			})
			gevent.Sleep(0)
			c.Lock()
			g.KillAsync(odd)
			gevent.Sleep(time.Millisecond)
			g.KillAsync(twice) // it waits for the lock now
			gevent.Sleep(time.Millisecond)
			require.False(t, inside)
			require.False(t, g.Ready())
			c.Unlock()
			require.Same(t, odd, g.Get())
			require.True(t, inside)
			require.Zero(t, c.Waiting())
			c.With(func() {})
		})
	}
	test(t, "an RLock is released altogether, and taken as often", func(t *testing.T) {
		l := lock.NewRLock()
		c := lock.NewCondition(l)
		gevent.Spawn(func() { c.With(func() { c.Notify(1) }) })
		c.Lock()
		c.Lock()
		c.Wait()
		c.Unlock()
		require.True(t, l.IsOwned())
		c.Unlock()
		require.False(t, l.IsOwned())
		require.Contains(t, c.String(), "of RLock 0x")
	})
	t.Run("between threads", func(t *testing.T) {
		c := lock.NewCondition(nil)
		c.Share()
		turn, last := 0, 2000
		play := func(me int) error {
			return gevent.Run(func() {
				c.Lock()
				defer c.Unlock()
				for turn < last {
					if turn%3 == me {
						turn++
						c.NotifyAll()
					} else {
						c.Wait()
					}
				}
			})
		}
		errs := make(chan error)
		for me := range 3 {
			go func() { errs <- play(me) }()
		}
		for range 3 {
			require.NoError(t, <-errs)
		}
	})
	test(t, "no time is enough for one turn of those who are ready", func(t *testing.T) {
		c := lock.NewCondition(nil)
		c.With(func() {
			done := false
			gevent.Spawn(func() { c.With(func() { done = true; c.Notify(1) }) })
			require.True(t, c.WaitForTimeout(0, func() bool { return done }))
			require.False(t, c.WaitForTimeout(0, func() bool { return !done }))
		})
	})
	test(t, "a lock that cannot be released is reported, and does no harm", func(t *testing.T) {
		c := lock.NewCondition(lock.NewBoundedSemaphore(0)) // which looks as if it were held
		require.PanicsWithValue(t, "lock.Condition.Wait: the BoundedSemaphore was released too many times; release once for each time that it was acquired", c.Wait)
		done := make(chan int)
		go func() { done <- c.Waiting() }()
		select {
		case n := <-done:
			require.Zero(t, n)
		case <-time.After(time.Minute):
			t.Fatal("the Condition is locked for ever")
		}
	})
	t.Run("at the end of a thread the lock of another is waited for", func(t *testing.T) {
		c := lock.NewCondition(nil)
		c.Share()
		released := false
		held, end, done := make(chan int), make(chan int), make(chan error)
		go func() {
			done <- gevent.Run(func() {
				<-held // somebody waits
				c.With(func() {
					close(end)
					gevent.Sleep(5 * time.Millisecond)
					released = true
				})
			})
		}()
		require.NoError(t, gevent.Run(func() {
			gevent.Spawn(func() {
				c.Lock()
				defer c.Unlock()
				defer func() { require.True(t, released) }()
				c.Wait()
			})
			gevent.Sleep(0)
			close(held)
			<-end
		}))
		require.NoError(t, <-done)
	})
	t.Run("nothing is a LoopExit", func(t *testing.T) {
		err := gevent.Run(func() {
			c := lock.NewCondition(nil)
			gevent.Spawn(func() {
				gevent.Sleep(time.Millisecond)
				c.Lock() // for good
			})
			c.Lock()
			c.WaitTimeout(time.Second) // cannot get the lock again
		}, virtual())
		require.ErrorIs(t, err, gevent.ErrLoopExit)
	})
}

func TestBarrier(t *testing.T) {
	const parties = 5
	// meet has so many greenlets call f.
	meet := func(n int, f func()) {
		var gs []*gevent.Greenlet
		for range n {
			gs = append(gs, gevent.Spawn(f))
		}
		for _, g := range gs {
			_ = g.Get()
		}
	}
	test(t, "T075 it can be passed again and again", func(t *testing.T) {
		for _, passes := range []int{1, 10} {
			b := lock.NewBarrier(parties)
			require.Equal(t, parties, b.Parties())
			var rounds [10]int
			meet(parties, func() {
				for i := range passes {
					rounds[i]++
					_, err := b.Wait()
					require.NoError(t, err)
					require.Equal(t, parties, rounds[i])
				}
			})
			require.Zero(t, b.Waiting())
			require.False(t, b.Broken())
		}
	})
	test(t, "T075 each gets another number, and the action runs once", func(t *testing.T) {
		actions, sum := 0, 0
		b := lock.NewBarrier(parties, lock.Action(func() { actions++ }))
		meet(parties, func() {
			n, err := b.Wait()
			require.NoError(t, err)
			require.Equal(t, 1, actions)
			sum += n
		})
		require.Equal(t, 10, sum)
	})
	test(t, "T075 Abort breaks it, Reset mends it", func(t *testing.T) {
		b := lock.NewBarrier(parties)
		passed, failed := 0, 0
		wait := func(f func(n int)) func() {
			came := 0
			return func() {
				came++
				f(came)
				if _, err := b.Wait(); err != nil {
					require.ErrorIs(t, err, lock.ErrBrokenBarrier)
					failed++
				} else {
					passed++
				}
			}
		}
		meet(parties-1, wait(func(n int) {
			if n == parties-1 {
				gevent.Spawn(b.Abort)
			}
		}))
		require.Equal(t, 0, passed)
		require.Equal(t, parties-1, failed)
		require.True(t, b.Broken())
		_, err := b.Wait()
		require.ErrorIs(t, err, lock.ErrBrokenBarrier)
		b.Reset()
		require.False(t, b.Broken())
		failed = 0
		meet(parties-1, wait(func(n int) {
			if n == parties-1 {
				gevent.Spawn(b.Reset)
			}
		}))
		require.Equal(t, parties-1, failed)
		meet(parties, wait(func(int) {}))
		require.Equal(t, parties, passed)
	})
	test(t, "T075 a limit breaks it for all", func(t *testing.T) {
		for name, wait := range map[string]func(*lock.Barrier) (int, error){
			"own":     func(b *lock.Barrier) (int, error) { return b.WaitTimeout(500 * time.Millisecond) },
			"default": func(b *lock.Barrier) (int, error) { return b.Wait() },
		} {
			b := lock.NewBarrier(parties, lock.Limit(300*time.Millisecond))
			timeouts := 0
			meet(parties-1, func() {
				_, err := wait(b)
				require.ErrorIs(t, err, lock.ErrBrokenBarrier)
				if errors.Is(err, gevent.ErrTimeout) {
					timeouts++
				}
			})
			require.Equal(t, 1, timeouts, name)
			require.True(t, b.Broken())
		}
	})
	test(t, "T075 a barrier for one", func(t *testing.T) {
		b := lock.NewBarrier(1)
		for range 2 {
			n, err := b.Wait()
			require.NoError(t, err)
			require.Zero(t, n)
		}
		require.PanicsWithValue(t, "lock.NewBarrier: there are no parties; pass a positive number", func() { lock.NewBarrier(0) })
	})
	test(t, "who is killed has not come", func(t *testing.T) {
		b := lock.NewBarrier(2)
		g := gevent.Spawn(func() { _, _ = b.Wait() })
		gevent.Sleep(0)
		require.Equal(t, 1, b.Waiting())
		g.Kill()
		require.Zero(t, b.Waiting())
		passed := 0
		meet(2, func() {
			if _, err := b.Wait(); err == nil {
				passed++
			}
		})
		require.Equal(t, 2, passed)
	})
	test(t, "the numbers are those of who came, in the order of coming, whoever is killed", func(t *testing.T) {
		const waiting = 4
		for victims := range 1 << waiting {
			b := lock.NewBarrier(waiting)
			var numbers []int
			come := func() *gevent.Greenlet {
				g := gevent.Spawn(func() {
					n, err := b.Wait()
					require.NoError(t, err)
					numbers = append(numbers, n)
				})
				gevent.Sleep(0)
				return g
			}
			var gs []*gevent.Greenlet
			for range waiting - 1 {
				gs = append(gs, come())
			}
			for i, g := range gs {
				if victims&(1<<i) != 0 {
					g.Kill()
				}
			}
			for b.Waiting() < waiting-1 {
				come()
			}
			come()
			gevent.Sleep(1)
			// The last one goes on first, and then the others, in the order of waiting.
			require.Equal(t, []int{3, 0, 1, 2}, numbers, victims)
		}
	})
	test(t, "an action that never ends is a LoopExit, also for who waits for the others", func(t *testing.T) {
		never := gevent.NewGreenlet(func() {})
		b := lock.NewBarrier(2, lock.Action(never.Join))
		g := gevent.SpawnLater(1, func() { _, _ = b.Wait() })
		err := gevent.Try(func() error { _, err := b.Wait(); return err })
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		g.Kill()
		require.True(t, b.Broken())
	})
	test(t, "an action that panics breaks it", func(t *testing.T) {
		b := lock.NewBarrier(2, lock.Action(func() { panic("odd") }))
		g := gevent.SpawnValue(b.Wait)
		gevent.Sleep(0)
		require.PanicsWithValue(t, "odd", func() { _, _ = b.Wait() })
		_, err := g.Get()
		require.ErrorIs(t, err, lock.ErrBrokenBarrier)
		require.True(t, b.Broken())
	})
}

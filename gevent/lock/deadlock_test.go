package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/lock"
)

// acquirer is what the locks of this package have in common.
type acquirer interface {
	Acquire()
	Release()
}

// crosswise has two greenlets acquire two locks in different orders.
func crosswise(a, b acquirer) {
	both := func(first, second acquirer) func() {
		return func() {
			first.Acquire()
			defer first.Release()
			gevent.Sleep(time.Millisecond)
			second.Acquire()
			defer second.Release()
		}
	}
	gevent.Spawn(both(a, b)).SetName("A")
	gevent.Spawn(both(b, a)).SetName("B")
	gevent.Sleep(time.Second)
}

func TestTwoWhoAcquireInDifferentOrdersAreFound(t *testing.T) {
	for name, two := range map[string][2]acquirer{
		"RLock":            {lock.NewRLock(), lock.NewRLock()},
		"Semaphore":        {lock.NewSemaphore(1), lock.NewSemaphore(1)},
		"BoundedSemaphore": {lock.NewBoundedSemaphore(1), lock.NewBoundedSemaphore(1)},
		"both":             {lock.NewSemaphore(1), lock.NewRLock()},
	} {
		test(t, name, func(t *testing.T) {
			crosswise(two[0], two[1])
			found := gevent.FindDeadlocks()
			require.Len(t, found, 1)
			require.Equal(t, "A", found[0].Waits[0].Name)
			require.Equal(t, []string{"B"}, found[0].Waits[0].HeldBy)
			require.Equal(t, "B", found[0].Waits[1].Name)
			require.Equal(t, []string{"A"}, found[0].Waits[1].HeldBy)
			require.Regexp(t, "(?s)^deadlock of 2:\n  A waits in lock.Acquire .*held by B.*\n  B waits in lock.Acquire .*held by A", found[0].String())
		})
	}
	test(t, "one RLock cures it", func(t *testing.T) {
		l := lock.NewRLock()
		crosswise(l, l)
		require.Empty(t, gevent.FindDeadlocks())
		require.Zero(t, gevent.Stats().Greenlets)
	})
}

func TestALoopExitSaysWhoHasTheLock(t *testing.T) {
	l := lock.NewRLock()
	err := gevent.Run(func() {
		g := gevent.Spawn(l.Acquire)
		g.SetName("forgetful")
		g.Join()
		l.Acquire()
	}, virtual())
	var exit *gevent.LoopExit
	require.ErrorAs(t, err, &exit)
	require.Len(t, exit.Deadlocks, 1)
	require.Equal(t, "forgetful", exit.Deadlocks[0].Ended)
	require.ErrorContains(t, err, "deadlock of 1:\n  main waits in lock.Acquire RLock")
	require.ErrorContains(t, err, ", which has ended\n")
}

func TestASemaphoreThatIsASignalIsNoLock(t *testing.T) {
	run(t, func() {
		s := lock.NewSemaphore(0)
		gevent.Spawn(func() {
			for {
				s.Acquire()
			}
		})
		producer := gevent.Spawn(func() {
			for range 3 {
				gevent.Sleep(time.Second)
				s.Release()
			}
			gevent.Sleep(time.Hour)
		})
		for range 5 {
			gevent.Sleep(700 * time.Millisecond)
			require.Empty(t, gevent.FindDeadlocks(), "the producer may release")
		}
		producer.Kill()
	})
}

func TestManyHoldersAreNotAllKnown(t *testing.T) {
	run(t, func() {
		s := lock.NewSemaphore(20)
		for range 20 {
			gevent.Spawn(func() {
				s.Acquire()
				s.Acquire() // each waits for the others
			})
		}
		gevent.Sleep(time.Second)
		require.Empty(t, gevent.FindDeadlocks())
		few := lock.NewSemaphore(3)
		for range 3 {
			gevent.Spawn(func() {
				few.Acquire()
				gevent.Sleep(0)
				few.Acquire()
			})
		}
		gevent.Sleep(time.Second)
		require.Len(t, gevent.FindDeadlocks(), 1)
	})
}

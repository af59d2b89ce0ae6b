package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// Whoever waits for a coroutine of another thread learns that its loop was closed
// before it began.
func TestALoopThatClosesFirstEndsAConcurrentFuture(t *testing.T) {
	ended := func(t *testing.T, f *asyncio.ConcurrentFuture[none]) {
		select {
		case <-f.Done():
		case <-time.After(time.Minute):
			require.Fail(t, "it is not done")
		}
		_, err := f.Result(context.Background())
		require.ErrorIs(t, err, asyncio.ErrLoopClosed)
	}
	nothing := proc(func(ctx) error { return nil })
	t.Run("whether it is waited for", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		f := asyncio.RunCoroutineThreadsafe(l, nothing)
		done := f.Done()
		require.NoError(t, l.Close())
		<-done
		ended(t, f)
	})
	t.Run("or not yet", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		f := asyncio.RunCoroutineThreadsafe(l, nothing)
		require.NoError(t, l.Close())
		ended(t, f)
	})
	t.Run("and also if its thread goes on", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			l, err := asyncio.NewLoop()
			require.NoError(t, err)
			made := make(chan *asyncio.ConcurrentFuture[none])
			go func() { made <- asyncio.RunCoroutineThreadsafe(l, nothing) }()
			f := <-made // in the midst of the thread's work: it cannot begin
			require.NoError(t, l.Close())
			gevent.Sleep(0)
			gevent.Sleep(0)
			ended(t, f)
			return nil
		}))
	})
}

func TestALoopFactoryThatFails(t *testing.T) {
	nothing := proc(func(ctx) error { return nil })
	t.Run("by returning nothing is a mistake", func(t *testing.T) {
		require.PanicsWithValue(t,
			"asyncio.WithLoopFactory: the function returned neither a loop nor an error; return that of NewLoop",
			func() {
				_, _ = asyncio.Run(nothing, asyncio.WithLoopFactory(func() (*asyncio.Loop, error) { return nil, nil }))
			})
	})
	t.Run("by returning a closed loop is told", func(t *testing.T) {
		l, err := asyncio.NewLoop()
		require.NoError(t, err)
		require.NoError(t, l.Close())
		_, err = asyncio.Run(nothing, asyncio.WithLoopFactory(func() (*asyncio.Loop, error) { return l, nil }))
		require.ErrorIs(t, err, asyncio.ErrLoopClosed)
	})
}

// An executorForEver takes nothing back.
type executorForEver struct{}

func (executorForEver) Execute(run, _ func()) (take func() bool, err error) {
	go run()
	return nil, nil
}

func TestAJobThatItsExecutorCannotTakeBackIsCancelledAllTheSame(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		ended := make(chan none)
		f := asyncio.RunInExecutor(c, executorForEver{}, func() (int, error) { close(ended); return 1, nil })
		require.True(t, f.Cancel())
		require.Equal(t, "cancelled", outcome(f.Await(c)))
		<-ended
		return nil
	}))
}

// A greenlet that is killed does not wait for the coroutines of its race, but has told
// them.
func TestKillingAStaggeredRaceCancelsIt(t *testing.T) {
	var o trace
	require.NoError(t, gevent.Run(func() error {
		wait := func(name string) asyncio.Coroutine[none] {
			return func(c ctx) (none, error) {
				err := asyncio.Sleep(c, time.Hour)
				o.add(name, " ", err)
				return none{}, err
			}
		}
		g := gevent.Spawn(func() error {
			_, _, _, err := asyncio.StaggeredRace(context.Background(), []asyncio.Coroutine[none]{wait("a"), wait("b"), wait("c")}, 0)
			return err
		})
		for range 10 {
			gevent.Sleep(0)
		}
		g.Kill()
		for range 10 {
			gevent.Sleep(0)
		}
		return nil
	}))
	require.ElementsMatch(t, trace{"a asyncio: cancelled", "b asyncio: cancelled", "c asyncio: cancelled"}, o)
}

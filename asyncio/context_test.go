package asyncio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

type key string

func TestATaskHasTheValuesOfItsMakersContext(t *testing.T) {
	base := context.WithValue(t.Context(), key("base"), 1)
	require.NoError(t, run(t, func(c ctx) error {
		inner := asyncio.CreateTask(context.WithValue(c, key("k"), 2), func(c ctx) (int, error) {
			deeper := asyncio.CreateTask(c, func(c ctx) (int, error) {
				return c.Value(key("base")).(int) + c.Value(key("k")).(int), nil
			})
			return deeper.Await(c)
		})
		v, err := inner.Await(c)
		require.Equal(t, 3, v)
		require.Nil(t, c.Value(key("k")))
		return err
	}, asyncio.WithContext(base)))
}

func TestATasksContextEndsWithItsCancelAndWithItself(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		var theirs, child ctx
		w := spawn(c, func(c ctx) error {
			theirs = c
			require.NoError(t, c.Err())
			spawn(c, func(c ctx) error { child = c; return asyncio.Sleep(c, time.Hour) })
			_ = asyncio.Sleep(c, time.Hour)
			require.ErrorIs(t, c.Err(), context.Canceled)
			require.ErrorIs(t, context.Cause(c), asyncio.ErrCancelled)
			<-c.Done()
			return nil
		})
		_ = yield(c, 2)
		w.Cancel("why")
		_ = asyncio.Sleep(c, 0)
		require.True(t, w.Done())
		require.EqualError(t, context.Cause(theirs), "asyncio: cancelled: why")
		require.NoError(t, child.Err(), "a task's cancellation is its own")

		q := spawn(c, func(c ctx) error { theirs = c; return nil })
		_, err := q.Await(c)
		require.ErrorIs(t, theirs.Err(), context.Canceled)
		<-theirs.Done()
		return err
	}))
}

func TestADeadlineFromOutsideEndsAWaitAndNothingElse(t *testing.T) {
	_, err := asyncio.Run(func(c ctx) (int, error) {
		slow := asyncio.CreateTask(c, func(c ctx) (int, error) { return 7, asyncio.Sleep(c, 50*ms) })
		short, cancel := context.WithTimeout(c, ms)
		defer cancel()
		_, err := slow.Await(short)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, asyncio.Sleep(short, time.Hour), context.DeadlineExceeded, "it has ended for good")
		_, err = asyncio.Gather(short, slow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		done, left, err := asyncio.Wait(short, []*asyncio.Task[int]{slow})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, done)
		require.Len(t, left, 1)
		v, err := slow.Await(c)
		require.Equal(t, 7, v)
		require.NoError(t, err)
		v, err = slow.Await(short)
		require.Equal(t, 7, v, "what is done is not waited for")
		return 0, err
	})
	require.NoError(t, err)
}

func TestAContextFromOutsideIsWaitedFor(t *testing.T) {
	outer, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*ms, func() { cancel(errBad) })
	require.NoError(t, run(t, func(c ctx) error {
		f := asyncio.NewFuture[int](asyncio.RunningLoop(c))
		_, err := f.Await(outer)
		require.Equal(t, context.Canceled, err)
		return nil
	}))
}

func TestATaskMadeWithADeadlineEndsWithIt(t *testing.T) {
	_, err := asyncio.Run(func(c ctx) (int, error) {
		short, cancel := context.WithTimeout(c, ms)
		defer cancel()
		bound := spawn(short, func(c ctx) error {
			when, ok := c.Deadline()
			require.True(t, ok)
			require.WithinDuration(t, time.Now(), when, time.Minute)
			child := spawn(c, func(c ctx) error { return asyncio.Sleep(c, time.Hour) })
			_, err := child.Await(context.WithoutCancel(c))
			require.ErrorIs(t, err, context.DeadlineExceeded, "and so do its children")
			return asyncio.Sleep(c, time.Hour)
		})
		_, err := bound.Await(c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, bound.Cancelled())
		_, ok := c.Deadline()
		require.False(t, ok)
		return 0, nil
	})
	require.NoError(t, err)
}

func TestCancellingATaskEndsAContextDerivedFromItsOwn(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		w := spawn(c, func(c ctx) error {
			derived, cancel := context.WithCancel(c)
			defer cancel()
			first := asyncio.Sleep(derived, time.Hour)
			second := asyncio.Sleep(derived, time.Hour)
			third := asyncio.Sleep(c, time.Hour)
			require.ErrorIs(t, first, asyncio.ErrCancelled)
			require.ErrorIs(t, second, asyncio.ErrCancelled, "a context that has ended stays so")
			require.NoError(t, third, "a cancellation is delivered once")
			return errors.Join(first, second)
		})
		_ = asyncio.Sleep(c, 0)
		w.Cancel()
		_, err := w.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		return nil
	}))
}

func TestRunEndsWithTheContextItIsGiven(t *testing.T) {
	outer, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*ms, cancel)
	_, err := asyncio.Run(func(c ctx) (int, error) {
		return 0, asyncio.Sleep(c, time.Hour)
	}, asyncio.WithContext(outer))
	require.ErrorIs(t, err, context.Canceled)
}

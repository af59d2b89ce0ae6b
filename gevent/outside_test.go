package gevent_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

var errReason = errors.New("the reason")

func TestWaitContextParksUntilTheContextEnds(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		ctx, cancel := context.WithCancel(context.Background())
		others := 0
		g := gevent.Spawn(func() { others++; go cancel() })
		require.Equal(t, context.Canceled, gevent.WaitContext(ctx))
		require.Equal(t, context.Canceled, gevent.WaitContext(ctx), "it has ended already")
		require.Equal(t, 1, others)
		g.Join()

		timed, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, gevent.WaitContext(timed), context.DeadlineExceeded)

		caused, cancelCause := context.WithCancelCause(context.Background())
		cancelCause(errReason)
		err := gevent.WaitContext(caused)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errReason)
	}))
	err := gevent.Run(func() error { return gevent.WaitContext(context.Background()) })
	require.ErrorIs(t, err, gevent.ErrLoopExit, "it never ends")
}

func TestWaitForAContextAmongOthers(t *testing.T) {
	run(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		end := gevent.FromContext(ctx)
		never := gevent.NewGreenlet(func() {})
		objs := []gevent.Linkable{never, end}
		require.Empty(t, gevent.WaitWith(objs, gevent.Within(time.Second)))
		gevent.SpawnLater(time.Second, func() { cancel() })
		require.Equal(t, []gevent.Linkable{end}, gevent.WaitWith(objs, gevent.Count(1)))
		require.Equal(t, context.Canceled, end.Err())
		called := false
		end.Rawlink(func() { called = true })
		gevent.Sleep(0)
		require.True(t, called)
	})
}

func TestAWaitForAContextCanBeInterrupted(t *testing.T) {
	run(t, func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		err := gevent.WithTimeout(time.Hour, func() error { return gevent.WaitContext(ctx) })
		require.ErrorIs(t, err, gevent.ErrTimeout)
		g := gevent.Spawn(func() { _ = gevent.WaitContext(ctx) })
		gevent.Sleep(0)
		g.Kill()
		require.True(t, g.Killed())
	})
}

func TestAContextThatNobodyWaitsForAnyMoreKeepsNoThreadWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timer := time.AfterFunc(10*time.Second, cancel) // so that a failure does not hang
	defer timer.Stop()
	err := gevent.Run(func() error {
		end := gevent.FromContext(ctx)
		never := gevent.NewGreenlet(func() {})
		require.Empty(t, gevent.WaitWith([]gevent.Linkable{end, never}, gevent.Within(time.Millisecond)))
		for range gevent.IWaitWith([]gevent.Linkable{end, never, gevent.Spawn(func() {})}, gevent.Within(time.Minute)) {
			break
		}
		a, b := end.Rawlink(func() {}), end.Rawlink(func() {})
		require.True(t, a.Unlink())
		require.False(t, a.Unlink())
		require.True(t, b.Unlink())
		gevent.JoinHub()
		return never.Get()
	})
	require.ErrorIs(t, err, gevent.ErrLoopExit)
	require.NoError(t, ctx.Err())
}

func TestWithContextUnwindsWhenTheContextEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	require.NoError(t, gevent.Run(func() {
		ctx, cancel := context.WithCancelCause(context.Background())
		gevent.Spawn(func() { go cancel(errReason) })
		cleaned := false
		err := gevent.WithContext(ctx, func() error {
			defer func() { cleaned = true }()
			gevent.Sleep(time.Hour)
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, errReason)
		require.True(t, cleaned)

		called := false
		err = gevent.WithContext(ctx, func() error { called = true; return nil })
		require.ErrorIs(t, err, errReason)
		require.False(t, called, "it had ended before")

		// One that ends while f does, which does not wait any more, comes too late.
		during, cancelDuring := context.WithCancel(context.Background())
		require.Equal(t, errReason, gevent.WithContext(during, func() error {
			cancelDuring()
			time.Sleep(10 * time.Millisecond) // the thread is told, and has no time to see that
			return errReason
		}))
		gevent.Sleep(time.Millisecond)
		// One that ends later, or never, does not matter.
		later, cancelLater := context.WithCancel(context.Background())
		require.Equal(t, errReason, gevent.WithContext(later, func() error { return errReason }))
		cancelLater()
		gevent.Sleep(time.Millisecond)
		require.NoError(t, gevent.WithContext(context.Background(), func() error { gevent.Sleep(0); return nil }))
	}))
	requireGoroutines(t, before)
}

func TestWithContextLeavesOtherInterruptsAlone(t *testing.T) {
	run(t, func() {
		inner, cancelInner := context.WithCancel(context.Background())
		defer cancelInner()
		outer, cancelOuter := context.WithCancelCause(context.Background())
		reached := false
		gevent.SpawnLater(time.Second, func() { cancelOuter(errReason) })
		err := gevent.WithContext(outer, func() error {
			err := gevent.WithContext(inner, func() error {
				for { // the end of a context comes from outside, which a virtual clock does not wait for
					gevent.Offload(func() { time.Sleep(time.Millisecond) })
					gevent.Sleep(time.Second)
				}
			})
			reached = true
			return err
		})
		require.ErrorIs(t, err, errReason)
		require.False(t, reached)

		g := gevent.Spawn(func() error {
			return gevent.WithContext(inner, func() error { gevent.Sleep(time.Hour); return nil })
		})
		gevent.Sleep(0)
		g.Kill()
		require.True(t, g.Killed())
	})
}

func TestTheContextOfAGreenletEndsWithIt(t *testing.T) {
	var ofMain context.Context
	run(t, func() {
		ofMain = gevent.Context()
		require.Same(t, ofMain, gevent.Context())
		var ctx context.Context
		spawn := func(f func() error) *gevent.Greenlet {
			g := gevent.Spawn(func() error {
				ctx = gevent.Context()
				require.Same(t, ctx, gevent.Context())
				return f()
			})
			gevent.Sleep(0)
			return g
		}
		g := spawn(func() error { gevent.Sleep(time.Hour); return nil })
		require.NoError(t, ctx.Err())
		g.Kill()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		require.ErrorIs(t, context.Cause(ctx), gevent.ErrGreenletExit)

		spawn(func() error { return errReason })
		require.Equal(t, errReason, context.Cause(ctx))
		spawn(func() error { return nil })
		require.Equal(t, context.Canceled, context.Cause(ctx))

		// What it is for.
		ended := make(chan struct{})
		g = spawn(func() error {
			ctx := ctx
			gevent.Offload(func() { <-ctx.Done(); close(ended) })
			return nil
		})
		g.Kill()
		<-ended
		require.NoError(t, ofMain.Err())
	})
	require.ErrorIs(t, ofMain.Err(), context.Canceled)
	require.Panics(t, func() { gevent.Context() })
}

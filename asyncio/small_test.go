package asyncio_test

import (
	"context"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// What a crowd of tasks costs is mostly its size.
func TestATaskFitsIntoItsSizeClass(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("the figure is for words of 64 bits")
	}
	require.LessOrEqual(t, reflect.TypeFor[asyncio.Task[int]]().Size(), uintptr(352))
	require.LessOrEqual(t, reflect.TypeFor[asyncio.Task[string]]().Size(), uintptr(352))
	require.LessOrEqual(t, reflect.TypeFor[asyncio.Task[struct{}]]().Size(), uintptr(352))
}

func TestLoopsOfOneThreadKnowTheirOwnTasksOldestFirst(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		idle := func(ctx) error { return nil }
		var loops [2]*asyncio.Loop
		var want [2][]asyncio.AnyTask
		for i := range loops {
			l, err := asyncio.NewLoop()
			require.NoError(t, err)
			loops[i] = l
		}
		for i := range 10 {
			gevent.Spawn(func() {})
			l := i * i % 2
			want[l] = append(want[l], spawn(loops[l].Context(), idle))
		}
		for i, l := range loops {
			require.Equal(t, want[i], l.AllTasks())
		}
		want[0][2].Cancel()
		gevent.Sleep(0)
		for _, l := range loops {
			require.Empty(t, l.AllTasks())
			require.NoError(t, l.Close())
		}
	}))
}

// A task's context is made when somebody looks at it, who may be any goroutine, just
// when the task ends.
func TestATasksContextMayBeLookedAtWhileItEnds(t *testing.T) {
	type key struct{}
	for _, look := range []func(ctx){
		func(c ctx) { <-c.Done() },
		func(c ctx) {
			for c.Err() == nil {
			}
		},
		func(c ctx) {
			derived, cancel := context.WithCancel(c)
			defer cancel()
			<-derived.Done()
		},
		func(c ctx) { _ = c.Value(key{}); <-c.Done() },
	} {
		for i := range 50 {
			var wg sync.WaitGroup
			_, err := asyncio.Run(proc(func(c ctx) error {
				made := spawn(context.WithValue(c, key{}, i), func(c ctx) error {
					for range 3 {
						wg.Go(func() {
							look(c)
							<-c.Done()
							require.ErrorIs(t, c.Err(), context.Canceled)
							require.ErrorIs(t, context.Cause(c), context.Canceled)
							require.Equal(t, i, c.Value(key{}))
						})
					}
					return asyncio.Sleep(c, 0)
				})
				if i%2 == 0 {
					_, err := made.Await(c)
					return err
				}
				require.NoError(t, asyncio.Sleep(c, 0))
				made.Cancel()
				_, err := made.Await(c)
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				return nil
			}))
			require.NoError(t, err)
			wg.Wait()
		}
	}
}

func TestAContextThatIsLookedAtLateKnowsWhyItEnded(t *testing.T) {
	_, err := asyncio.Run(proc(func(c ctx) error {
		var kept ctx
		made := spawn(c, func(c ctx) error { kept = c; return asyncio.Sleep(c, 0) })
		require.NoError(t, asyncio.Sleep(c, 0))
		require.NoError(t, kept.Err())
		made.Cancel("enough")
		require.ErrorIs(t, kept.Err(), context.Canceled)
		var e *asyncio.CancelledError
		require.ErrorAs(t, context.Cause(kept), &e)
		require.Equal(t, "enough", e.Msg)
		_, err := made.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.ErrorAs(t, context.Cause(kept), &e, "the task's end does not change it")

		ended := spawn(c, func(c ctx) error { kept = c; return nil })
		_, err = ended.Await(c)
		require.NoError(t, err)
		require.ErrorIs(t, kept.Err(), context.Canceled)
		require.Equal(t, context.Canceled, context.Cause(kept))
		<-kept.Done()
		return nil
	}))
	require.NoError(t, err)
}

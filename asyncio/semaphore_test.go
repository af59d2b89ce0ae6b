package asyncio_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

func TestSemaphore(t *testing.T) {
	acquirers := func(c ctx, s *asyncio.Semaphore, n int, got *[]int) []*task {
		return syncSpawn(c, n, func(c ctx, i int) error {
			err := s.Acquire(c)
			if err == nil {
				*got = append(*got, i)
			}
			return err
		})
	}
	syncTest(t, "SE-01 a released permit is that of the first in line", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(3)
		require.NoError(t, s.Acquire(c))
		requireState(t, s, "unlocked, value:2", 0)
		require.NoError(t, s.Acquire(c))
		require.False(t, s.Locked())
		var got []int
		ts := acquirers(c, s, 4, &got)
		tick(t, c)
		require.Equal(t, []int{0}, got)
		requireState(t, s, "locked", 3)
		s.Release()
		s.Release()
		require.Zero(t, s.Value())
		tick(t, c)
		require.Zero(t, s.Value())
		require.Equal(t, []int{0, 1, 2}, got)
		requireState(t, s, "locked", 1)
		require.False(t, ts[3].Done())
		s.Release()
		require.NoError(t, syncJoin(c, ts...))
	})
	syncTest(t, "SE-02 a permit goes to the first who was not cancelled", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(0)
		var got []int
		ts := acquirers(c, s, 4, &got)
		tick(t, c)
		ts[0].Cancel()
		ts[1].Cancel()
		s.Release()
		require.NoError(t, yield(c, 2))
		require.Equal(t, []int{2}, got)
		require.False(t, ts[3].Done())
		ts[3].Cancel()
		require.NoError(t, syncJoin(c, ts[3]))
		requireState(t, s, "locked", 0)
	})
	syncTest(t, "SE-02 a cancel and a release at a time let the second one go on", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(0)
		var got []int
		ts := acquirers(c, s, 2, &got)
		tick(t, c)
		ts[0].Cancel()
		s.Release()
		require.NoError(t, yield(c, 2))
		require.True(t, s.Locked())
		require.True(t, ts[1].Done())
	})
	syncTest(t, "SE-02 a permit that was given to one who is cancelled can be had again", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(1)
		var second *task
		first := spawn(c, func(c ctx) error {
			err := s.With(c, func() error { return asyncio.Sleep(c, 0) })
			second.Cancel()
			return err
		})
		second = spawn(c, func(c ctx) error {
			return s.With(c, func() error { t.Error("not called"); return nil })
		})
		require.NoError(t, syncJoin(c, first, second))
		require.False(t, first.Cancelled())
		require.True(t, second.Cancelled())
		require.NoError(t, asyncio.WithTimeout(c, time.Second, s.Acquire))
	})
	syncTest(t, "SE-03 who releases and acquires again comes last", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(1)
		var got []int
		take := func(c ctx, i int) {
			require.NoError(t, s.Acquire(c))
			got = append(got, i)
		}
		ts := []*task{
			spawn(c, func(c ctx) error { take(c, 1); return nil }),
			spawn(c, func(c ctx) error { take(c, 2); s.Release(); take(c, 4); return nil }),
			spawn(c, func(c ctx) error { take(c, 3); return nil }),
		}
		tick(t, c)
		s.Release()
		s.Release()
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{1, 2, 3, 4}, got)
	})
	syncTest(t, "SE-03 the order is kept without one who is cancelled", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(0)
		var got []int
		ts := acquirers(c, s, 3, &got)
		tick(t, c)
		ts[0].Cancel()
		tick(t, c)
		s.Release()
		s.Release()
		require.NoError(t, syncJoin(c, ts...))
		require.Equal(t, []int{1, 2}, got)
	})
	syncTest(t, "SE-03 one who goes on wakes those for whom there are permits", func(t *testing.T, c ctx) {
		s := asyncio.NewSemaphore(0)
		var got []int
		add := func(i int) { got = append(got, i) }
		var fourth *task
		ts := []*task{
			spawn(c, func(c ctx) error {
				require.Zero(t, s.Value())
				err := s.Acquire(c)
				require.Zero(t, s.Value())
				fourth = spawn(c, func(ctx) error { add(4); return nil })
				add(1)
				return err
			}),
			spawn(c, func(c ctx) error {
				s.Release()
				s.Release()
				s.Release()
				require.Equal(t, 2, s.Value())
				require.True(t, s.Locked(), "the first one has not gone on yet")
				err := s.Acquire(c)
				add(2)
				return err
			}),
			spawn(c, func(c ctx) error {
				err := s.Acquire(c)
				require.True(t, s.Locked())
				add(3)
				return err
			}),
		}
		tick(t, c)
		requireState(t, s, "locked", 3)
		require.Equal(t, 2, s.Value())
		tick(t, c)
		require.NoError(t, syncJoin(c, append(ts, fourth)...))
		require.Equal(t, []int{1, 2, 3, 4}, got)
	})
	syncTest(t, "SE-04 N28 a BoundedSemaphore has no more permits than at first", func(t *testing.T, c ctx) {
		s := asyncio.NewBoundedSemaphore(1)
		err := s.Release()
		require.ErrorIs(t, err, asyncio.ErrReleasedTooOften)
		require.EqualError(t, err, "asyncio.BoundedSemaphore.Release: the semaphore was released too often")
		require.Equal(t, 1, s.Value())
		require.NoError(t, s.Acquire(c))
		require.True(t, s.Locked())
		require.NoError(t, s.Release())
		require.Contains(t, s.String(), "<asyncio.BoundedSemaphore 0x")
		requireState(t, s, "unlocked, value:1", 0)
		require.Equal(t, errBad, s.With(c, func() error {
			require.True(t, s.Locked())
			return errBad
		}))
		require.ErrorIs(t, s.With(c, s.Release), asyncio.ErrReleasedTooOften)
		require.Equal(t, 1, s.Value())
	})
	syncTest(t, "SE-04 N28 a number of permits below zero panics", func(t *testing.T, c ctx) {
		require.PanicsWithValue(t, "asyncio.NewSemaphore: the value is -1; give it the number of permits, 0 or more", func() { asyncio.NewSemaphore(-1) })
		require.PanicsWithValue(t, "asyncio.NewBoundedSemaphore: the value is -1; give it the number of permits, 0 or more", func() { asyncio.NewBoundedSemaphore(-1) })
		require.Zero(t, asyncio.NewSemaphore(0).Value())
	})
}

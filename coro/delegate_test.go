package coro_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
)

// through delegates to sub and returns twice what sub does.
func through(sub *coro.Coroutine[int, int, int]) *coro.Coroutine[int, int, int] {
	return coro.New(func(yield func(int) (int, error)) (int, error) {
		ret, err := coro.YieldFrom(yield, sub)
		return 2 * ret, err
	})
}

func TestDelegationPassesSendsThrough(t *testing.T) {
	c := through(through(echo()))
	v, err := c.Next()
	require.NoError(t, err)
	assert.Equal(t, -1, v)
	for i := range 3 {
		v, err = c.Send(i + 1)
		require.NoError(t, err)
		assert.Equal(t, i+1, v)
	}
	_, err = c.Send(0)
	assert.ErrorIs(t, err, coro.ErrDone)
	ret, err := c.Result()
	assert.NoError(t, err)
	assert.Equal(t, 4*6, ret)
	requireDone(t, c)
}

func TestDelegationPassesThrowsThrough(t *testing.T) {
	var got error
	sub := coro.New(func(yield func(int) (int, error)) (int, error) {
		_, got = yield(1)
		v, err := yield(2)
		return v, err
	})
	c := through(sub)
	c.Next()
	v, err := c.Throw(errTest)
	assert.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, errTest, got)
	_, err = c.Throw(errTest)
	assert.Equal(t, errTest, err)
	requireDone(t, sub)
	requireDone(t, c)
}

func TestDelegationPassesCloseThrough(t *testing.T) {
	t.Run("and the body is told too", func(t *testing.T) {
		sub := echo()
		var told error
		c := coro.New(func(yield func(int) (int, error)) (int, error) {
			_, told = coro.YieldFrom(yield, sub)
			assert.Equal(t, coro.Closed, sub.State())
			return 0, told
		})
		c.Next()
		assert.NoError(t, c.Close())
		assert.Equal(t, coro.ErrClosed, told)
		requireDone(t, c)
	})
	t.Run("and returns what closing the inner one went wrong with", func(t *testing.T) {
		sub := coro.New(func(yield func(int) (int, error)) (int, error) {
			yield(1)
			return 0, errTest
		})
		c := through(sub)
		c.Next()
		assert.Equal(t, errTest, c.Close())
		requireDone(t, c)
	})
}

func TestDelegationToAFinishedOneReturnsTheZeroValue(t *testing.T) {
	sub := coro.New(func(func(int) (int, error)) (int, error) { return 7, nil })
	sub.Next()
	c := through(sub)
	_, err := c.Next()
	assert.ErrorIs(t, err, coro.ErrDone)
	ret, err := c.Result()
	assert.NoError(t, err)
	assert.Zero(t, ret)
}

func TestTheInnerOneMayBeDrivenByOthersMeanwhile(t *testing.T) {
	sub := echo()
	c := through(sub)
	c.Next()
	v, err := sub.Send(5)
	require.NoError(t, err)
	assert.Equal(t, 5, v)
	_, err = sub.Send(0)
	require.ErrorIs(t, err, coro.ErrDone)
	_, err = c.Send(1)
	assert.ErrorIs(t, err, coro.ErrDone)
	ret, _ := c.Result()
	assert.Zero(t, ret, "the value was returned to the other")
	requireDone(t, c)
}

func TestYieldAll(t *testing.T) {
	g := coro.Generate(func(yield func(int) error) error {
		for n := range 3 {
			if err := coro.YieldAll(yield, upTo(n+1)); err != nil {
				return err
			}
		}
		return nil
	})
	assert.Equal(t, []int{0, 0, 1, 0, 1, 2}, slices.Collect(g.All()))
	requireDone(t, g)
}

func TestDeepDelegationWorksFromTheInside(t *testing.T) {
	var tree func(depth int) *coro.Generator[int]
	tree = func(depth int) *coro.Generator[int] {
		return coro.Generate(func(yield func(int) error) error {
			if depth == 0 {
				return nil
			}
			return errors.Join(
				coro.YieldAll(yield, tree(depth-1)),
				yield(depth),
				coro.YieldAll(yield, tree(depth-1)))
		})
	}
	g := tree(6)
	n, sum := 0, 0
	for {
		v, err := g.Next()
		if err != nil {
			require.ErrorIs(t, err, coro.ErrDone)
			break
		}
		n, sum = n+1, sum+v
	}
	assert.Equal(t, 63, n)
	assert.Equal(t, 120, sum)
	requireDone(t, g)
}

package coro_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
)

var errTest = errors.New("test error")

// upTo yields 0 to n-1.
func upTo(n int) *coro.Generator[int] {
	return coro.Generate(func(yield func(int) error) error {
		for i := range n {
			if err := yield(i); err != nil {
				return err
			}
		}
		return nil
	})
}

// echo yields what it was sent, and returns the sum when it gets a 0.
func echo(opts ...coro.Option) *coro.Coroutine[int, int, int] {
	return coro.New(func(yield func(int) (int, error)) (int, error) {
		sum := 0
		for got := -1; got != 0; {
			var err error
			if got, err = yield(got); err != nil {
				return sum, err
			}
			sum += got
		}
		return sum, nil
	}, opts...)
}

// requireDone checks that g is finished and says so each time.
func requireDone[In, Out, Ret any](t *testing.T, g *coro.Coroutine[In, Out, Ret]) {
	t.Helper()
	var none Out
	require.Equal(t, coro.Closed, g.State())
	for range 2 {
		v, err := g.Next()
		require.ErrorIs(t, err, coro.ErrDone)
		require.Equal(t, none, v)
		_, err = g.Send(*new(In))
		require.ErrorIs(t, err, coro.ErrDone)
		_, err = g.Throw(errTest)
		require.Equal(t, errTest, err)
		require.NoError(t, g.Close())
	}
	require.Zero(t, coro.Live())
}

func TestNextYieldsAndThenIsDone(t *testing.T) {
	g := upTo(3)
	assert.Equal(t, coro.Created, g.State())
	for i := range 3 {
		v, err := g.Next()
		require.NoError(t, err)
		assert.Equal(t, i, v)
		assert.Equal(t, coro.Suspended, g.State())
		assert.Equal(t, 1, coro.Live())
	}
	_, err := g.Next()
	assert.ErrorIs(t, err, coro.ErrDone)
	requireDone(t, g)
}

func TestNothingRunsBeforeTheFirstNext(t *testing.T) {
	ran := false
	g := coro.Generate(func(yield func(int) error) error {
		ran = true
		return nil
	})
	assert.False(t, ran)
	_, err := g.Next()
	assert.ErrorIs(t, err, coro.ErrDone)
	assert.True(t, ran)
}

func TestSendReachesTheYieldThatWaits(t *testing.T) {
	c := echo()
	v, err := c.Next()
	require.NoError(t, err)
	assert.Equal(t, -1, v)
	for i := range 5 {
		v, err = c.Send(i + 1)
		require.NoError(t, err)
		assert.Equal(t, i+1, v)
	}
	_, err = c.Send(0)
	assert.ErrorIs(t, err, coro.ErrDone)
	sum, err := c.Result()
	assert.NoError(t, err)
	assert.Equal(t, 15, sum)
	requireDone(t, c)
}

func TestNextSendsTheZeroValueAfterASend(t *testing.T) {
	var got []string
	c := coro.New(func(yield func(int) (string, error)) (int, error) {
		for i := range 3 {
			s, _ := yield(i)
			got = append(got, s)
		}
		return 0, nil
	})
	c.Next()
	c.Send("a")
	c.Next()
	c.Send("b")
	assert.Equal(t, []string{"a", "", "b"}, got)
	requireDone(t, c)
}

func TestSendToAnUnstartedOneIsRefused(t *testing.T) {
	c := echo()
	_, err := c.Send(1)
	assert.ErrorIs(t, err, coro.ErrNotStarted)
	assert.Equal(t, coro.Created, c.State())
	_, err = c.Next()
	assert.NoError(t, err)
	assert.NoError(t, c.Close())
}

func TestABodysErrorComesOutOnce(t *testing.T) {
	g := coro.Generate(func(yield func(int) error) error {
		yield(1)
		return fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)
	})
	g.Next()
	_, err := g.Next()
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = g.Result()
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	requireDone(t, g)
}

func TestABodyThatReturnsErrDoneFailsWithAnother(t *testing.T) {
	inner := upTo(0)
	body := func(yield func(int) error) error {
		_, err := inner.Next()
		return fmt.Errorf("inner: %w", err)
	}
	for name, run := range map[string]func(g *coro.Generator[int]) error{
		"Next": func(g *coro.Generator[int]) error {
			_, err := g.Next()
			return err
		},
		"All": func(g *coro.Generator[int]) error {
			for range g.All() {
			}
			_, err := g.Result()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := coro.Generate(body)
			err := run(g)
			assert.ErrorIs(t, err, coro.ErrReturnedDone)
			assert.NotErrorIs(t, err, coro.ErrDone)
			assert.ErrorContains(t, err, "inner: coro: the generator is finished")
			requireDone(t, g)
		})
	}
}

func TestThrow(t *testing.T) {
	t.Run("is what yield returns", func(t *testing.T) {
		g := coro.Generate(func(yield func(error) error) error {
			return yield(yield(yield(nil)))
		})
		g.Next()
		v, err := g.Throw(errTest)
		assert.Equal(t, errTest, v)
		assert.NoError(t, err)
		v, err = g.Next()
		assert.NoError(t, v)
		assert.NoError(t, err)
		_, err = g.Next()
		assert.ErrorIs(t, err, coro.ErrDone)
	})
	t.Run("comes back from a body that does not handle it", func(t *testing.T) {
		g := upTo(3)
		g.Next()
		_, err := g.Throw(errTest)
		assert.Equal(t, errTest, err)
		requireDone(t, g)
	})
	t.Run("finishes an unstarted one without running it", func(t *testing.T) {
		g := coro.Generate(func(func(int) error) error { panic("must not run") })
		_, err := g.Throw(errTest)
		assert.Equal(t, errTest, err)
		_, err = g.Result()
		assert.Equal(t, errTest, err)
		requireDone(t, g)
	})
	t.Run("of nil is a mistake", func(t *testing.T) {
		assert.PanicsWithValue(t, "coro.Throw: the error is nil; pass the one that yield is to return, or call Next",
			func() { upTo(1).Throw(nil) })
	})
}

func TestClose(t *testing.T) {
	closing := func(after func(yield func(int) error, err error) error) *coro.Generator[int] {
		g := coro.Generate(func(yield func(int) error) error { return after(yield, yield(1)) })
		_, err := g.Next()
		require.NoError(t, err)
		return g
	}
	t.Run("of an unstarted one finishes it without running it", func(t *testing.T) {
		g := coro.Generate(func(func(int) error) error { panic("must not run") })
		assert.NoError(t, g.Close())
		_, err := g.Result()
		assert.NoError(t, err)
		requireDone(t, g)
	})
	t.Run("lets the body clean up", func(t *testing.T) {
		var got error
		g := closing(func(_ func(int) error, err error) error {
			got = err
			return err
		})
		assert.NoError(t, g.Close())
		assert.Equal(t, coro.ErrClosed, got)
		_, err := g.Result()
		assert.NoError(t, err)
		requireDone(t, g)
	})
	t.Run("accepts a body that returns nil", func(t *testing.T) {
		g := closing(func(func(int) error, error) error { return nil })
		assert.NoError(t, g.Close())
		requireDone(t, g)
	})
	t.Run("returns another error of the body", func(t *testing.T) {
		g := closing(func(func(int) error, error) error { return errTest })
		assert.Equal(t, errTest, g.Close())
		_, err := g.Result()
		assert.Equal(t, errTest, err)
		requireDone(t, g)
	})
	t.Run("reports a body that yields instead", func(t *testing.T) {
		g := closing(func(yield func(int) error, _ error) error { return yield(2) })
		assert.ErrorIs(t, g.Close(), coro.ErrIgnoredClose)
		assert.Equal(t, coro.Suspended, g.State())
		_, err := g.Result()
		assert.ErrorIs(t, err, coro.ErrNotDone)
		assert.NoError(t, g.Close())
		requireDone(t, g)
	})
	t.Run("gets a panic of the body", func(t *testing.T) {
		g := closing(func(func(int) error, error) error { panic("cleaning up") })
		e := catch(func() { g.Close() }).(*coro.PanicError)
		assert.Equal(t, "cleaning up", e.Value)
		requireDone(t, g)
	})
}

// catch returns what f panics with.
func catch(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestResultIsNotThereBeforeTheEnd(t *testing.T) {
	c := echo()
	_, err := c.Result()
	assert.ErrorIs(t, err, coro.ErrNotDone)
	c.Next()
	_, err = c.Result()
	assert.ErrorIs(t, err, coro.ErrNotDone)
	assert.NoError(t, c.Close())
	_, err = c.Result()
	assert.NoError(t, err)
}

func TestARunningGeneratorRefusesEverything(t *testing.T) {
	var g *coro.Coroutine[int, string, int]
	g = coro.New(func(yield func(string) (int, error)) (int, error) {
		assert.Equal(t, coro.Running, g.State())
		_, err := g.Next()
		assert.ErrorIs(t, err, coro.ErrRunning)
		_, err = g.Send(1)
		assert.ErrorIs(t, err, coro.ErrRunning)
		_, err = g.Throw(errTest)
		assert.ErrorIs(t, err, coro.ErrRunning)
		assert.ErrorIs(t, g.Close(), coro.ErrRunning)
		_, err = g.Result()
		assert.ErrorIs(t, err, coro.ErrNotDone)
		assert.Panics(t, func() {
			for range g.All() {
			}
		})
		_, err = coro.YieldFrom(yield, g)
		assert.ErrorIs(t, err, coro.ErrRunning)
		_, err = yield("still well")
		return 0, err
	})
	v, err := g.Next()
	require.NoError(t, err)
	assert.Equal(t, "still well", v)
	assert.NoError(t, g.Close())
}

func TestGeneratorsNest(t *testing.T) {
	const depth = 200
	var nest func(n int) *coro.Generator[int]
	nest = func(n int) *coro.Generator[int] {
		return coro.Generate(func(yield func(int) error) error {
			if n == 0 {
				return errors.Join(yield(1), yield(2))
			}
			sub := nest(n - 1)
			for {
				v, err := sub.Next()
				if errors.Is(err, coro.ErrDone) {
					return nil
				}
				if err := yield(v + 1); err != nil {
					return err
				}
			}
		})
	}
	g := nest(depth)
	v, err := g.Next()
	require.NoError(t, err)
	assert.Equal(t, depth+1, v)
	assert.Equal(t, depth+1, coro.Live())
	v, err = g.Next()
	require.NoError(t, err)
	assert.Equal(t, depth+2, v)
	_, err = g.Next()
	assert.ErrorIs(t, err, coro.ErrDone)
	requireDone(t, g)
}

func TestNamesAndStates(t *testing.T) {
	g := echo(coro.WithName("lexer"))
	assert.Equal(t, "lexer", g.Name())
	assert.Equal(t, `generator "lexer" (created)`, g.String())
	g.Next()
	assert.Equal(t, `generator "lexer" (suspended)`, g.String())
	g.Close()
	assert.Equal(t, `generator "lexer" (closed)`, g.String())

	assert.Empty(t, upTo(1).Name())
	assert.Regexp(t, `^generator 0x[0-9a-f]+ \(created\)$`, upTo(1).String())
	assert.Equal(t, "running", coro.Running.String())
	assert.Equal(t, "State(9)", coro.State(9).String())
}

func TestAMissingBodyIsAMistake(t *testing.T) {
	assert.PanicsWithValue(t, "coro.New: the body is nil; pass the function to run",
		func() { coro.New[int, int, int](nil) })
	assert.PanicsWithValue(t, "coro.Generate: the body is nil; pass the function to run",
		func() { coro.Generate[int](nil) })
	assert.PanicsWithValue(t, "coro.FromSeq: the iterator is nil; pass the one to convert",
		func() { coro.FromSeq[int](nil) })
	assert.PanicsWithValue(t, "coro.FromSeq2: the iterator is nil; pass the one to convert",
		func() { coro.FromSeq2[int, int](nil) })
}

package coro_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/internal/baton"
)

// elsewhere runs f on another goroutine and waits for it.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// requireGoroutines waits until no more than n goroutines are left.
func requireGoroutines(t *testing.T, n int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Fatalf("%d goroutines, expected %d\n%s", runtime.NumGoroutine(), n, buf[:runtime.Stack(buf, true)])
}

// requireWrongThread checks that every use of g is refused.
func requireWrongThread(t *testing.T, g *coro.Coroutine[int, int, int]) {
	_, err := g.Next()
	assert.ErrorIs(t, err, coro.ErrWrongThread)
	_, err = g.Send(1)
	assert.ErrorIs(t, err, coro.ErrWrongThread)
	_, err = g.Throw(errTest)
	assert.ErrorIs(t, err, coro.ErrWrongThread)
	assert.ErrorIs(t, g.Close(), coro.ErrWrongThread)
	assert.Contains(t, catch(func() {
		for range g.All() {
		}
	}), "coro.All: generator ")
}

func TestASuspendedGeneratorIsRefusedToOtherThreads(t *testing.T) {
	g := echo(coro.WithName("mine"))
	_, err := g.Next()
	require.NoError(t, err)
	elsewhere(func() {
		requireWrongThread(t, g)
		_, err := g.Next()
		assert.Regexp(t, fmt.Sprintf(`^coro\.Next: generator "mine" belongs to thread \d+, but goroutine %d, `+
			`which belongs to no thread, used it; use it in its own thread, `, baton.ID()), err.Error())
	})
	elsewhere(func() {
		own := upTo(2)
		own.Next()
		requireWrongThread(t, g)
		_, err := g.Next()
		assert.Regexp(t, `, which belongs to thread \d+, used it`, err.Error())
		assert.NoError(t, own.Close())
	})
	v, err := g.Send(3)
	assert.NoError(t, err)
	assert.Equal(t, 3, v)
	assert.NoError(t, g.Close())
	requireDone(t, g)
}

func TestARunningGeneratorIsRefusedToOtherThreads(t *testing.T) {
	var g *coro.Coroutine[int, int, int]
	g = coro.New(func(yield func(int) (int, error)) (int, error) {
		elsewhere(func() { requireWrongThread(t, g) })
		v, err := yield(1)
		elsewhere(func() { requireWrongThread(t, g) })
		return v, err
	})
	v, err := g.Next()
	require.NoError(t, err)
	assert.Equal(t, 1, v)
	_, err = g.Send(8)
	assert.ErrorIs(t, err, coro.ErrDone)
	ret, err := g.Result()
	assert.NoError(t, err)
	assert.Equal(t, 8, ret)
}

// The refusal must not depend on luck: no state of the generator's is read that
// its thread may be writing. The race detector watches.
func TestMisuseWhileItRunsIsNoRace(t *testing.T) {
	g := upTo(1 << 30)
	g.Next()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	refused := make(chan struct{}, 1)
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := g.Next()
				assert.ErrorIs(t, err, coro.ErrWrongThread)
				select {
				case refused <- struct{}{}:
				default:
				}
				runtime.Gosched()
			}
		})
	}
	<-refused
	for i := range 2000 {
		v, err := g.Next()
		require.NoError(t, err)
		require.Equal(t, i+1, v)
	}
	close(stop)
	wg.Wait()
	assert.NoError(t, g.Close())
}

func TestAFinishedGeneratorBelongsToNobody(t *testing.T) {
	g := through(echo())
	g.Next()
	require.NoError(t, g.Close())
	elsewhere(func() {
		requireDone(t, g)
		_, err := g.Result()
		assert.NoError(t, err)
	})
}

func TestAnUnstartedGeneratorBelongsToWhoeverStartsIt(t *testing.T) {
	g := upTo(3)
	elsewhere(func() {
		g.Next()
		v, err := g.Next()
		assert.NoError(t, err)
		assert.Equal(t, 1, v)
		assert.NoError(t, g.Close())
	})
	requireDone(t, g)
}

func TestYieldBelongsToTheBody(t *testing.T) {
	t.Run("not to another goroutine", func(t *testing.T) {
		g := coro.Generate(func(yield func(int) error) error {
			elsewhere(func() {
				assert.Regexp(t, `^coro\.yield: called on goroutine \d+, but the body of generator "g" runs on goroutine \d+; `,
					catch(func() { yield(1) }))
			})
			return yield(2)
		}, coro.WithName("g"))
		v, err := g.Next()
		assert.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.NoError(t, g.Close())
	})
	t.Run("not to a generator inside", func(t *testing.T) {
		g := coro.New(func(yield func(int) (int, error)) (int, error) {
			inner := coro.Generate(func(func(int) error) error {
				_, err := yield(1)
				return err
			})
			assert.Contains(t, catch(func() { inner.Next() }).(error).Error(), "only the body itself may yield")
			return yield(2)
		})
		v, err := g.Next()
		assert.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.NoError(t, g.Close())
	})
	t.Run("not after its end, on the same pooled goroutine", func(t *testing.T) {
		keep := upTo(1) // keeps the thread and so the pool
		keep.Next()
		var old func(int) error
		g := coro.Generate(func(yield func(int) error) error {
			old = yield
			return nil
		})
		g.Next()
		g = coro.Generate(func(yield func(int) error) error {
			assert.Contains(t, catch(func() { old(1) }), "is finished")
			return yield(2)
		})
		v, err := g.Next()
		assert.NoError(t, err)
		assert.Equal(t, 2, v)
		assert.NoError(t, g.Close())
		assert.NoError(t, keep.Close())
	})
	t.Run("not to a goroutine while a loop runs the body", func(t *testing.T) {
		g := coro.Generate(func(yield func(int) error) error {
			elsewhere(func() { assert.Panics(t, func() { yield(1) }) })
			return nil
		})
		for range g.All() {
			t.Error("yielded")
		}
	})
}

func TestManyGoroutinesLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for i := range 10_000 {
		wg.Go(func() {
			g := upTo(3)
			switch i % 4 {
			case 0: // to the end
				for range 4 {
					g.Next()
				}
			case 1:
				g.Next()
				g.Close()
			case 2: // one inside another
				outer := coro.Generate(func(yield func(int) error) error { return coro.YieldAll(yield, g) })
				outer.Next()
				outer.Close()
			case 3: // one panics, with another suspended
				g.Next()
				bad := nested(1, panickingBody)
				bad.Next()
				catch(func() { bad.Next() })
				g.Close()
			}
			if baton.Self() != nil {
				t.Error("the goroutine is still in a thread")
			}
		})
	}
	wg.Wait()
	assert.Zero(t, coro.Live())
	requireGoroutines(t, before)
}

func TestTheStayInAThreadLastsWhileOneIsSuspended(t *testing.T) {
	a, b := upTo(2), upTo(2)
	assert.Nil(t, baton.Self())
	a.Next()
	b.Next()
	assert.NotNil(t, baton.Self())
	a.Close()
	assert.NotNil(t, baton.Self())
	b.Close()
	assert.Nil(t, baton.Self())
}

func TestARootThatLeftItsThreadIsRefused(t *testing.T) {
	thread := baton.NewThread()
	thread.Enter()
	g := upTo(5)
	g.Next()
	thread.Leave()
	_, err := g.Next()
	assert.ErrorIs(t, err, coro.ErrWrongThread)

	other := baton.NewThread()
	otherRoot := other.Enter()
	_, err = g.Next()
	assert.ErrorIs(t, err, coro.ErrWrongThread)
	other.End(otherRoot)

	root := thread.Enter() // the same goroutine, another fiber
	v, err := g.Next()
	assert.NoError(t, err)
	assert.Equal(t, 1, v)
	v, err = g.Next()
	assert.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.NoError(t, g.Close())
	thread.End(root)
}

func TestTheEndOfAThreadClosesItsGenerators(t *testing.T) {
	before := runtime.NumGoroutine()
	thread := baton.NewThread()
	root := thread.Enter()
	closed := 0
	for i := range 5 {
		g := coro.Generate(func(yield func(int) error) error {
			err := yield(1)
			assert.Equal(t, coro.ErrClosed, err)
			closed++
			switch i {
			case 2:
				panic("clean-up")
			case 3:
				yield(2)
				yield(3)
			}
			return err
		})
		_, err := g.Next()
		require.NoError(t, err)
	}
	e := catch(func() { thread.End(root) }).(*coro.PanicError)
	assert.Equal(t, "clean-up", e.Value)
	assert.Equal(t, 5, closed)
	assert.Zero(t, coro.Live())
	requireGoroutines(t, before)
}

package coro_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
)

// loops runs a test over a new generator, which All pushes from, and over a
// started one, which it pulls from. The first value of each is 0 and is dropped.
func loops(t *testing.T, test func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int])) {
	t.Run("new", func(t *testing.T) {
		test(t, func(g *coro.Generator[int]) *coro.Generator[int] { return g })
	})
	t.Run("started", func(t *testing.T) {
		test(t, func(g *coro.Generator[int]) *coro.Generator[int] {
			started := coro.Generate(func(yield func(int) error) error {
				if err := yield(-1); err != nil {
					return err
				}
				return coro.YieldAll(yield, g)
			})
			_, err := started.Next()
			require.NoError(t, err)
			return started
		})
	})
}

func TestALoopGetsEveryValue(t *testing.T) {
	loops(t, func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int]) {
		g := start(upTo(5))
		assert.Equal(t, []int{0, 1, 2, 3, 4}, slices.Collect(g.All()))
		_, err := g.Result()
		assert.NoError(t, err)
		assert.Empty(t, slices.Collect(g.All()))
		requireDone(t, g)
	})
}

func TestLeavingALoopClosesTheGenerator(t *testing.T) {
	loops(t, func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int]) {
		var told []error
		cleaned := false
		g := start(coro.Generate(func(yield func(int) error) error {
			defer func() { cleaned = true }()
			for i := 0; ; i++ {
				if err := yield(i); err != nil {
					told = append(told, err)
					return err
				}
			}
		}))
		for v := range g.All() {
			if v == 3 {
				break
			}
		}
		assert.True(t, cleaned)
		assert.Equal(t, []error{coro.ErrClosed}, told)
		_, err := g.Result()
		assert.NoError(t, err)
		requireDone(t, g)
	})
}

func TestAnErrorEndsTheLoopAndStandsInResult(t *testing.T) {
	loops(t, func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int]) {
		g := start(coro.Generate(func(yield func(int) error) error {
			return errors.Join(yield(1), errTest)
		}))
		assert.Equal(t, []int{1}, slices.Collect(g.All()))
		_, err := g.Result()
		assert.ErrorIs(t, err, errTest)
		requireDone(t, g)
	})
}

func TestAnErrorOfTheCleanUpStandsInResult(t *testing.T) {
	loops(t, func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int]) {
		g := start(coro.Generate(func(yield func(int) error) error {
			if err := yield(1); err != nil {
				return errTest
			}
			return nil
		}))
		for range g.All() {
			break
		}
		_, err := g.Result()
		assert.ErrorIs(t, err, errTest)
		requireDone(t, g)
	})
}

func TestTheGeneratorIsRunningInItsLoopIfItWasNew(t *testing.T) {
	g := upTo(3)
	n := 0
	for range g.All() {
		n++
		assert.Equal(t, coro.Running, g.State())
		_, err := g.Next()
		assert.ErrorIs(t, err, coro.ErrRunning)
		assert.ErrorIs(t, g.Close(), coro.ErrRunning)
		assert.PanicsWithValue(t, "coro.All: "+fmt.Sprintf("generator %p", g)+
			" is running; range over it where it is not, or make another one",
			func() {
				for range g.All() {
				}
			})
	}
	assert.Equal(t, 3, n)
	requireDone(t, g)
}

func TestTheLoopMayTakeValuesItselfIfTheGeneratorWasStarted(t *testing.T) {
	g := upTo(6)
	g.Next()
	var got []int
	for v := range g.All() {
		next, err := g.Next()
		if err == nil {
			got = append(got, v, next)
		}
	}
	assert.Equal(t, []int{1, 2, 3, 4}, got)
	requireDone(t, g)
}

func TestYieldAfterTheLoopWasLeft(t *testing.T) {
	t.Run("returns ErrClosed again and again", func(t *testing.T) {
		var told []error
		g := coro.New(func(yield func(int) (int, error)) (string, error) {
			for i := range 4 {
				_, err := yield(i)
				told = append(told, err)
			}
			return "done", nil
		})
		for v := range g.All() {
			if v == 1 {
				break
			}
		}
		assert.Equal(t, []error{nil, coro.ErrClosed, coro.ErrClosed, coro.ErrClosed}, told)
		ret, err := g.Result()
		assert.NoError(t, err)
		assert.Equal(t, "done", ret)
		requireDone(t, g)
	})
	t.Run("is as ever a yield of the body", func(t *testing.T) {
		var kept func(int) error
		g := coro.Generate(func(yield func(int) error) error {
			kept = yield
			return nil
		})
		for range g.All() {
		}
		assert.PanicsWithValue(t, "coro.yield: "+fmt.Sprintf("generator %p", g)+
			" is finished; do not keep its yield after the body has returned", func() { kept(1) })
	})
}

func TestAPanicInALoop(t *testing.T) {
	t.Run("of the loop passes through the body as it is", func(t *testing.T) {
		cleaned := false
		g := coro.Generate(func(yield func(int) error) error {
			defer func() { cleaned = true }()
			return yield(1)
		})
		assert.PanicsWithValue(t, "loop", func() {
			for range g.All() {
				panic("loop")
			}
		})
		assert.True(t, cleaned)
		_, err := g.Result()
		assert.ErrorContains(t, err, "did not return")
		requireDone(t, g)
	})
	t.Run("of the body passes through the loop as it is", func(t *testing.T) {
		g := coro.Generate(func(yield func(int) error) error {
			yield(1)
			panic("body")
		})
		assert.PanicsWithValue(t, "body", func() {
			for range g.All() {
			}
		})
		requireDone(t, g)
	})
	t.Run("of the loop closes a generator that was started", func(t *testing.T) {
		g := upTo(3)
		g.Next()
		assert.PanicsWithValue(t, "loop", func() {
			for range g.All() {
				panic("loop")
			}
		})
		requireDone(t, g)
	})
	t.Run("closes what the body delegates to", func(t *testing.T) {
		sub := upTo(3)
		g := coro.Generate(func(yield func(int) error) error { return coro.YieldAll(yield, sub) })
		assert.PanicsWithValue(t, "loop", func() {
			for range g.All() {
				panic("loop")
			}
		})
		requireDone(t, g)
		requireDone(t, sub)
	})
}

func TestGoexitInALoopPassesThroughTheBody(t *testing.T) {
	loops(t, func(t *testing.T, start func(g *coro.Generator[int]) *coro.Generator[int]) {
		cleaned := false
		done := make(chan struct{})
		var g *coro.Generator[int]
		go func() {
			defer close(done)
			g = start(coro.Generate(func(yield func(int) error) error {
				defer func() { cleaned = true }()
				return yield(1)
			}))
			for range g.All() {
				runtime.Goexit()
			}
			t.Error("the goroutine went on")
		}()
		<-done
		assert.True(t, cleaned)
		requireDone(t, g)
	})
}

func TestPairs(t *testing.T) {
	words := []string{"zero", "one", "two"}
	got := make(map[int]string)
	for i, w := range coro.Pairs(coro.FromSeq2(slices.All(words))) {
		if i == 2 {
			break
		}
		got[i] = w
	}
	assert.Equal(t, map[int]string{0: "zero", 1: "one"}, got)
	assert.Zero(t, coro.Live())
}

func TestFromSeqLeavesTheIteratorWhenItIsClosedOrThrownInto(t *testing.T) {
	left := 0
	seq := func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
		left++
	}
	g := coro.FromSeq(seq)
	g.Next()
	assert.NoError(t, g.Close())
	assert.Equal(t, 1, left)
	g = coro.FromSeq(seq)
	g.Next()
	_, err := g.Throw(errTest)
	assert.Equal(t, errTest, err)
	assert.Equal(t, 2, left)
	requireDone(t, g)
}

// Whether All pushes or Next pulls must not be seen in what a body does.
func TestPushAndPullAgreeOnRandomBodies(t *testing.T) {
	for seed := range uint64(500) {
		var logs [2][]string
		for mode := range logs {
			rng := rand.New(rand.NewPCG(seed, 1))
			log := &logs[mode]
			note := func(format string, args ...any) { *log = append(*log, fmt.Sprintf(format, args...)) }
			steps, stop, fail := rng.IntN(8), rng.IntN(10), rng.IntN(2) == 0
			g := coro.New(func(yield func(int) (int, error)) (int, error) {
				defer note("clean-up")
				for i := range steps {
					if _, err := yield(i); err != nil {
						note("told %v", err)
						return i, err
					}
					note("resumed")
				}
				if fail {
					return steps, errTest
				}
				return steps, nil
			})
			n := 0
			next := func(v int) bool {
				note("got %d", v)
				n++
				return n != stop
			}
			if mode == 0 {
				g.All()(next)
			} else {
				for v, err := g.Next(); err == nil; v, err = g.Next() {
					if !next(v) {
						g.Close()
						break
					}
				}
			}
			_, err := g.Result()
			note("result %v", err)
		}
		require.Equal(t, logs[0], logs[1], "seed %d", seed)
	}
	require.Zero(t, coro.Live())
}

package coro_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/internal/baton"
)

// nested returns a generator in whose depth-th one body runs.
func nested(depth int, body func()) *coro.Generator[int] {
	return coro.Generate(func(yield func(int) error) error {
		if depth > 1 {
			return coro.YieldAll(yield, nested(depth-1, body))
		}
		if err := yield(1); err != nil {
			return err
		}
		body()
		return nil
	})
}

func panickingBody() { panic("in the body") }

func TestAPanicGoesOnInTheResumerWithItsStack(t *testing.T) {
	for _, depth := range []int{1, 3} {
		g := nested(depth, panickingBody)
		_, err := g.Next()
		require.NoError(t, err)
		e, ok := catch(func() { g.Next() }).(*coro.PanicError)
		require.True(t, ok)
		assert.Equal(t, "in the body", e.Value)
		assert.Contains(t, string(e.Stack), "panickingBody")
		_, err = g.Result()
		var kept *coro.PanicError
		require.ErrorAs(t, err, &kept)
		assert.Equal(t, e.Stack, kept.Stack)
		assert.EqualError(t, kept, "panic: in the body")
		assert.Contains(t, e.Error(), "panickingBody", "it is what the runtime would print")
		requireDone(t, g)
	}
}

func TestAPanicWithAnErrorUnwrapsToIt(t *testing.T) {
	g := nested(2, func() { panic(io.ErrClosedPipe) })
	g.Next()
	e := catch(func() { g.Next() }).(error)
	assert.ErrorIs(t, e, io.ErrClosedPipe)
	requireDone(t, g)
}

func TestAnUnwindPassesAsItIs(t *testing.T) {
	kill := &baton.Unwind{Err: errors.New("killed")}
	g := nested(3, func() { panic(kill) })
	g.Next()
	assert.Same(t, kill, catch(func() { g.Next() }))
	_, err := g.Result()
	assert.Same(t, kill, err)
	requireDone(t, g)
}

func TestABodyMayRecoverTheOneInside(t *testing.T) {
	sub := nested(1, panickingBody)
	g := coro.Generate(func(yield func(any) error) error {
		sub.Next()
		return yield(catch(func() { sub.Next() }).(*coro.PanicError).Value)
	})
	v, err := g.Next()
	assert.NoError(t, err)
	assert.Equal(t, "in the body", v)
	assert.NoError(t, g.Close())
	requireDone(t, sub)
}

func TestGoexitEndsTheGoroutineThatResumed(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, depth := range []int{1, 2, 5} {
		var g *coro.Generator[int]
		var deferred []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { deferred = append(deferred, "resumer") }()
			g = nested(depth, func() {
				defer func() { deferred = append(deferred, "body") }()
				runtime.Goexit()
			})
			g.Next()
			g.Next()
			t.Error("Next returned")
		}()
		<-done
		assert.Equal(t, []string{"body", "resumer"}, deferred)
		_, err := g.Result()
		assert.ErrorContains(t, err, "runtime.Goexit")
		requireDone(t, g)
	}
	requireGoroutines(t, before)
}

func TestGoexitOfACloseIsTheCloser(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g := coro.Generate(func(yield func(int) error) error {
			defer runtime.Goexit()
			return yield(1)
		})
		g.Next()
		g.Close()
		t.Error("Close returned")
	}()
	<-done
	assert.Zero(t, coro.Live())
}

func TestOtherGeneratorsSurviveAGoexit(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		other := upTo(3)
		other.Next()
		defer func() {
			v, err := other.Next()
			assert.NoError(t, err)
			assert.Equal(t, 1, v)
			assert.NoError(t, other.Close())
		}()
		g := nested(2, runtime.Goexit)
		g.Next()
		g.Next()
	}()
	<-done
	assert.Zero(t, coro.Live())
}

// A test that fails in a body fails, ends there, and runs its clean-ups.
func TestFailNowInABody(t *testing.T) {
	if os.Getenv("CORO_FAIL_NOW") != "" {
		t.Cleanup(func() { t.Logf("cleaned up; %d live", coro.Live()) })
		g := nested(3, func() { require.Fail(t, "on purpose") })
		g.Next()
		g.Next()
		t.Log("not ended")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFailNowInABody$", "-test.v")
	cmd.Env = append(os.Environ(), "CORO_FAIL_NOW=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	text := string(out)
	assert.Contains(t, text, "on purpose")
	assert.Contains(t, text, "cleaned up; 0 live")
	assert.Contains(t, text, "--- FAIL: TestFailNowInABody")
	assert.NotContains(t, text, "not ended")
	assert.False(t, strings.Contains(text, "fatal error") || strings.Contains(text, "panic:"), text)
}

//go:build (amd64 || arm64) && !race && !baton_stackid

package coro_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/baton-go/baton/coro"
)

func requireNoAllocs(t *testing.T, f func()) {
	t.Helper()
	assert.Zero(t, testing.AllocsPerRun(1000, f))
}

func TestARoundTripDoesNotAllocate(t *testing.T) {
	t.Run("Next", func(t *testing.T) {
		g := coro.Generate(count)
		defer g.Close()
		g.Next()
		requireNoAllocs(t, func() { g.Next() })
	})
	t.Run("Send", func(t *testing.T) {
		c := echo()
		defer c.Close()
		c.Next()
		requireNoAllocs(t, func() { c.Send(1) })
	})
	t.Run("Throw", func(t *testing.T) {
		g := coro.Generate(func(yield func(int) error) error {
			for {
				if err := yield(1); err == coro.ErrClosed {
					return err
				}
			}
		})
		defer g.Close()
		g.Next()
		requireNoAllocs(t, func() { g.Throw(errTest) })
	})
	t.Run("YieldFrom", func(t *testing.T) {
		c := through(through(echo()))
		defer c.Close()
		c.Next()
		requireNoAllocs(t, func() { c.Send(1) })
	})
	t.Run("Next after the end", func(t *testing.T) {
		g := upTo(0)
		g.Next()
		requireNoAllocs(t, func() { g.Next() })
	})
	t.Run("Next from another body", func(t *testing.T) {
		g := coro.Generate(count)
		defer g.Close()
		other := coro.Generate(func(yield func(int) error) error {
			for {
				v, _ := g.Next()
				if err := yield(v); err != nil {
					return err
				}
			}
		})
		defer other.Close()
		other.Next()
		requireNoAllocs(t, func() {
			g.Next()
			other.Next()
		})
	})
}

func TestALoopAllocatesOnlyAtItsStart(t *testing.T) {
	few := testing.AllocsPerRun(100, func() {
		for range upTo(1).All() {
		}
	})
	many := testing.AllocsPerRun(100, func() {
		for range upTo(1000).All() {
		}
	})
	assert.Equal(t, few, many)
}

// A frame of their own would cost Next and Send a tenth of their time.
func TestNextAndSendAreInlined(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("code that counts what it covers is inlined less")
	}
	inlined := func(name string, call func()) (yes bool) {
		defer func() {
			recover()
			pcs := make([]uintptr, 50)
			frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
			for {
				f, more := frames.Next()
				if strings.HasSuffix(f.Function, name) {
					yes = f.Func == nil
				}
				if !more {
					return
				}
			}
		}()
		call()
		return false
	}
	c := coro.New(func(yield func(int) (string, error)) (int, error) { panic("now") })
	assert.True(t, inlined(".Next", func() { c.Next() }))
	c = coro.New(func(yield func(int) (string, error)) (int, error) {
		yield(1)
		panic("now")
	})
	c.Next()
	assert.True(t, inlined(".Send", func() { c.Send("") }))
}

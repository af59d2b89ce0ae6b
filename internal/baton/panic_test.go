package baton_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// catch calls f and returns what convert makes of its panic, in the deferred call
// that recovers it.
func catch[T any](f func(), convert func(any) T) (caught T) {
	defer func() {
		if v := recover(); v != nil {
			caught = convert(v)
		}
	}()
	f()
	return caught
}

func theOneWhoPanics(v any) { panic(v) }

func TestRecoveredKeepsTheValueAndTheStackOfThePanic(t *testing.T) {
	e := catch(func() { theOneWhoPanics("oops") }, baton.Recovered)
	require.Equal(t, "oops", e.Value)
	require.Contains(t, string(e.Stack), "theOneWhoPanics")
	require.Contains(t, e.Error(), "panic: oops")
	require.Contains(t, e.Error(), "theOneWhoPanics")
	require.NoError(t, e.Unwrap())
}

func TestAPanicErrorUnwrapsToTheErrorThatWasPanickedWith(t *testing.T) {
	e := catch(func() { panic(fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)) }, baton.Recovered)
	require.ErrorIs(t, e, io.ErrUnexpectedEOF)
	var p *baton.PanicError
	require.ErrorAs(t, fmt.Errorf("outer: %w", e), &p)
	require.Same(t, e, p)
}

func TestAPanicErrorThatIsPanickedWithAgainKeepsItsFirstStack(t *testing.T) {
	first := catch(func() { theOneWhoPanics("oops") }, baton.Recovered)
	second := catch(func() { panic(first) }, baton.Recovered)
	require.Same(t, first, second)
	require.Same(t, first, catch(func() { panic(second) }, baton.Rethrow))
}

func TestRethrowPassesAnUnwindAsItIs(t *testing.T) {
	u := &baton.Unwind{Err: io.ErrClosedPipe}
	require.Same(t, u, catch(func() { panic(u) }, baton.Rethrow))
	require.Equal(t, io.ErrClosedPipe.Error(), u.Error())
	require.ErrorIs(t, u, io.ErrClosedPipe)
}

func TestRethrowWrapsAllElse(t *testing.T) {
	v := catch(func() { theOneWhoPanics(42) }, baton.Rethrow)
	e, ok := v.(*baton.PanicError)
	require.True(t, ok)
	require.Equal(t, 42, e.Value)
	require.Contains(t, string(e.Stack), "theOneWhoPanics")
	require.False(t, errors.Is(e, io.EOF))
}

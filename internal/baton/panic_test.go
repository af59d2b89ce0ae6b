package baton_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
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
	require.Equal(t, "panic: oops", e.Error())
	for _, verb := range []string{"%v", "%s"} {
		require.Equal(t, "panic: oops", fmt.Sprintf(verb, e))
	}
	require.Equal(t, `"panic: oops"`, fmt.Sprintf("%q", e))
	require.Equal(t, "panic: oops\n\n"+string(e.Stack), fmt.Sprintf("%+v", e))
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
	again := catch(func() { panic(second) }, baton.Rethrow).(*baton.PanicError)
	require.Equal(t, first.Stack, again.Stack)
	require.Equal(t, first, catch(func() { panic(again) }, baton.Recovered))
}

func TestTheStackOfAPanicErrorBeginsWithTheFunctionThatPanics(t *testing.T) {
	begins := func(e *baton.PanicError, function string) {
		t.Helper()
		lines := strings.Split(string(e.Stack), "\n")
		require.Regexp(t, `^goroutine \d+ \[running\]:$`, lines[0])
		require.Contains(t, lines[1], function)
	}
	begins(catch(func() { theOneWhoPanics("oops") }, baton.Recovered), "theOneWhoPanics")
	begins(catch(func() { theOneWithABadIndex(nil) }, baton.Recovered), "theOneWithABadIndex")
	begins(catch(func() { theOneWithANilPointer(nil) }, baton.Recovered), "theOneWithANilPointer")
	begins(catch(func() { defer theOneWhoPanics("second"); theOneWhoPanics("first") }, baton.Recovered), "theOneWhoPanics")
	begins(baton.Recovered("nobody panics"), "TestTheStackOfAPanicError")
}

//go:noinline
func theOneWithABadIndex(s []int) int { return s[len(s)] }

//go:noinline
func theOneWithANilPointer(p *int) int { return *p }

func TestAPanicErrorThatIsPanickedWithHasItsStackInTheMessage(t *testing.T) {
	e := catch(func() { theOneWhoPanics("oops") }, baton.Rethrow).(*baton.PanicError)
	require.Contains(t, e.Error(), "panic: oops\n\ngoroutine ")
	require.Contains(t, e.Error(), "theOneWhoPanics")
	require.Same(t, e, e.Flying())
	kept := baton.Recovered(e)
	require.Equal(t, "panic: oops", kept.Error())
	require.Equal(t, e, kept.Flying())
}

func TestDetailsHasTheStacksOfAllPanicErrorsThatAreWrapped(t *testing.T) {
	e := catch(func() { theOneWhoPanics("oops") }, baton.Recovered)
	f := catch(func() { theOneWithABadIndex(nil) }, baton.Recovered)
	require.Equal(t, fmt.Sprintf("%+v", e), baton.Details(e))
	require.Equal(t, "EOF", baton.Details(io.EOF))
	joined := errors.Join(io.EOF, fmt.Errorf("reading: %w", e), f)
	require.Equal(t, joined.Error()+fmt.Sprintf("\n\n%+v\n\n%+v", e, f), baton.Details(joined))
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

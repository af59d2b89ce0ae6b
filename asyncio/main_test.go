package asyncio_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ctx is short for what every coroutine takes.
type ctx = context.Context

// none is the result of coroutines that have none.
type none = struct{}

// A trace notes what happened, in order.
type trace []string

func (t *trace) add(v ...any) { *t = append(*t, fmt.Sprint(v...)) }

// proc makes a coroutine of a function without a result.
func proc(f func(ctx) error) asyncio.Coroutine[none] {
	return func(c ctx) (none, error) { return none{}, f(c) }
}

// spawn makes a task of a function without a result.
func spawn(c ctx, f func(ctx) error, opts ...asyncio.TaskOption) *asyncio.Task[none] {
	return asyncio.CreateTask(c, proc(f), opts...)
}

// run is asyncio.Run on a virtual clock, for a function without a result, whose
// tasks must leave no error that nobody retrieves.
func run(t testing.TB, main func(ctx) error, opts ...asyncio.Option) error {
	t.Helper()
	opts = append([]asyncio.Option{
		asyncio.WithClock(netpoll.NewVirtualClock()),
		asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			t.Errorf("unexpected: %v", e)
		}),
	}, opts...)
	_, err := asyncio.Run(proc(main), opts...)
	return err
}

// newLoop returns a loop on a virtual clock that is closed after the test.
func newLoop(t testing.TB, opts ...asyncio.Option) *asyncio.Loop {
	t.Helper()
	opts = append([]asyncio.Option{asyncio.WithClock(netpoll.NewVirtualClock())}, opts...)
	l, err := asyncio.NewLoop(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

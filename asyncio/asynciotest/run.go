package asynciotest

import (
	"context"
	"fmt"
	"testing"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/netpoll"
)

// Run runs c as the main task of a loop with a virtual clock that begins at 0, and
// fails the test if c returns an error, or panics (the stack is shown), or waits where nothing can wake
// it, and if the exception handler is told of anything: of an error of a task that
// nobody retrieved, or a callback that panicked. T.FailNow, and so package require,
// may be used in any task. Tasks that are left when c returns are cancelled, and
// waited for.
//
// The clock jumps to the next timer when nothing is ready: not while a goroutine
// works for the loop (asyncio.ToThread, an executor, Loop.Ref). While data of a
// socket may come it jumps all the same, so use connections in memory: [Streams],
// [Transports], or a [Network]. The end of a context is noticed before it jumps. But
// a deadline of package context goes by the real time, and will not come, since the
// clock jumps over the wait: use asyncio.WithTimeout.
//
// Opts come after those of Run, and may replace them. Run blocks the calling
// goroutine, which must be that of the test.
func Run(t testing.TB, c func(ctx context.Context) error, opts ...asyncio.Option) {
	t.Helper()
	if err := run(t, c, opts); err != nil {
		t.Fatalf("asynciotest.Run: %s", baton.Details(err)) // with the stack of a panic
	}
}

func run(t testing.TB, c func(ctx context.Context) error, opts []asyncio.Option) error {
	all := []asyncio.Option{
		asyncio.WithClock(netpoll.NewVirtualClock()),
		asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			t.Errorf("asynciotest.Run: the exception handler was told: %v", e)
		}),
	}
	_, err := asyncio.Run(asyncio.NoResult(c), append(all, opts...)...)
	return err
}

// Shuffled runs c as [Run] does n times, each in a subtest that is named after its
// seed, from 0 up, and with the ready tasks of each iteration in another order:
// see asyncio.WithShuffle. What depends on the order by accident fails for some of
// the seeds, and always for the same ones.
//
// Each run calls c anew, with the subtest's t.
func Shuffled(t *testing.T, n int, c func(ctx context.Context, t *testing.T) error, opts ...asyncio.Option) {
	t.Helper()
	for seed := range uint64(n) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Helper()
			Run(t, func(ctx context.Context) error { return c(ctx, t) }, append(opts[:len(opts):len(opts)], asyncio.WithShuffle(seed))...)
		})
	}
}

package asynciotest

import (
	"context"
	"errors"
	"testing"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/hub"
)

// CancelEverywhere runs c again and again, each time on a new loop with a virtual
// clock, and cancels its task in the first iteration of the loop, then in the
// second, and so on, until c comes to its end before that. So c is cancelled at
// each place where it can be: wherever it waits, between a wake-up and its turn,
// and in its clean-up. After each run check is called with the number of the
// iteration and the error with which c ended: it finds out whether something was
// lost, or kept. In the last run c was not cancelled.
//
// It returns the number of runs. The test fails if in one of them c ends with an
// error that does not match asyncio.ErrCancelled, if it waits where nothing can
// wake it, or if the exception handler is told of anything. Opts are as for
// [Run]; an asyncio.WithClock needs a new clock each time, so leave it out.
func CancelEverywhere(t testing.TB, c func(ctx context.Context) error, check func(n int, err error), opts ...asyncio.Option) (runs int) {
	t.Helper()
	for n := 0; ; n++ {
		cancelled := false
		var end error
		err := run(t, func(ctx context.Context) error {
			task := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
				return struct{}{}, c(ctx)
			})
			iteration := 0
			hook := hub.Current().Loop.AddPrepare(func() {
				if iteration == n && !task.Done() {
					cancelled = task.Cancel("asynciotest.CancelEverywhere")
				}
				iteration++
			})
			hook.Unref()
			defer hook.Remove()
			_, end = task.Await(ctx)
			return nil
		}, opts)
		switch {
		case err != nil:
			t.Fatalf("asynciotest.CancelEverywhere: cancelled in iteration %d: %v", n, err)
		case end != nil && !(cancelled && errors.Is(end, asyncio.ErrCancelled)):
			t.Fatalf("asynciotest.CancelEverywhere: iteration %d, cancelled %t: the task ended with another error: %v", n, cancelled, end)
		}
		check(n, end)
		if !cancelled {
			return n + 1
		}
	}
}

package asynciotest

import (
	"context"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/internal/hub"
)

// WaitAllBlocked waits until all other tasks, and greenlets, of the thread are
// blocked: nothing is ready, and only a time, a descriptor or another goroutine
// could make anything so. A virtual clock has not jumped yet. Several that wait
// for it go on in the order of their calls, and need not be blocked themselves. It
// mirrors trio.testing.wait_all_tasks_blocked.
//
// It parks the calling task or greenlet. The error is that of asyncio.Future's
// Await: the caller was cancelled, or ctx has ended. It panics where that does.
func WaitAllBlocked(ctx context.Context) error {
	blocked := asyncio.NewFuture[struct{}](asyncio.RunningLoop(ctx))
	h := hub.Current().Loop.CallWhenBlocked(func() {
		if !blocked.Done() {
			_ = blocked.SetResult(struct{}{}) // it can only fail if it is done
		}
	})
	defer h.Cancel()
	_, err := blocked.Await(ctx)
	return err
}

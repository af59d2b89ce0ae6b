package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/baton-go/baton/asyncio"
)

// delayedCalls registers calls, cancels some, and has the loop make the others: those
// for now in the order in which they were registered, the later ones in the order of
// their times.
func delayedCalls(ctx context.Context, w io.Writer, unit time.Duration) error {
	loop := asyncio.RunningLoop(ctx)
	start := loop.Time()
	say := func(text string) func() {
		return func() {
			units := math.Floor(float64(loop.Time()-start) / float64(unit))
			fmt.Fprintf(w, "   at %g: %s\n", units, text)
		}
	}
	over := asyncio.NewFuture[struct{}](loop)
	loop.CallLater(3*unit, func() {
		say("the last call")()
		// Nobody else has set it.
		_ = over.SetResult(struct{}{})
	})
	never := loop.CallLater(2*unit, say("never"))
	loop.CallAt(start+unit, func() {
		say("a call that cancels another")()
		never.Cancel()
	})
	loop.CallLater(unit, say("a call for the same time comes after it"))
	loop.CallSoon(say("a call as soon as possible"))
	loop.CallSoon(say("never, either")).Cancel()
	loop.CallSoon(say("and the next one"))
	fmt.Fprintln(w, "   registered; none was made yet")
	_, err := over.Await(ctx)
	fmt.Fprintln(w, "   cancelled:", never.Cancelled())
	return err
}

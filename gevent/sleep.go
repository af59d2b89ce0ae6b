package gevent

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Sleep parks the calling greenlet for d. If d is not positive, everything that
// is ready runs first, and neither a time nor a descriptor need be looked at. It
// mirrors gevent.sleep. From a foreign goroutine it panics.
//
// Budget: one switch and no allocation; with a positive d one reading of the
// clock and a place in the timer heap.
func Sleep(d time.Duration) { hub.Sleep(d) }

// Offload runs f on an ordinary goroutine while the calling greenlet is parked,
// and the thread goes on: for calculations that are to use another core, and for
// calls that block outside Baton. F shares nothing with the thread's greenlets
// unless it locks it. A panic in f goes on in the caller; f must not call
// runtime.Goexit. If the caller is killed meanwhile, or its time is up, it unwinds at
// once, and f goes on alone, perhaps for longer than Run: nothing waits for it. So what
// f writes must not be read then, by deferred functions or whoever catches the
// time-out; [OffloadValue] has no such variables. It mirrors
// gevent.get_hub().threadpool.apply, without a pool: goroutines need none.
//
// On a virtual clock no time passes while a greenlet waits for its f.
func Offload(f func()) {
	self, p := hub.Require("gevent.Offload")
	if err := p.Offload(self, hub.Wait{Op: "gevent.Offload"}, f); err != nil {
		hub.Unwind(err)
	}
}

// OffloadValue is [Offload] of a function with a value, which is returned when f has
// returned. If the caller is unwound before, the value is nobody's: there is nothing
// that it could read while f still writes.
//
//	resp, err := gevent.OffloadValue(func() (*http.Response, error) { return http.Get(url) })
//
// Budget: as Offload, and one or two allocations more.
func OffloadValue[T any](f func() (T, error)) (T, error) {
	const op = "gevent.OffloadValue"
	if f == nil {
		panic(op + ": the function is nil; pass the function that is to be run")
	}
	self, p := hub.Require(op)
	var result struct {
		value T
		err   error
	}
	if err := p.Offload(self, hub.Wait{Op: op}, func() { result.value, result.err = f() }); err != nil {
		hub.Unwind(err)
	}
	return result.value, result.err
}

package gevent

import (
	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// Try runs f and returns what ends it: the error that it returns, or the one that
// unwinds it, which is a kill, a [*Timeout], a [LoopExit], whatever was thrown. It
// is Python's try and except BaseException. All other panics go on, with their
// stacks.
//
//	err := gevent.Try(func() error { return work() })
//	if errors.Is(err, gevent.ErrGreenletExit) {
//		log.Print("killed at ", progress)
//		gevent.Raise(err) // go on being killed
//	}
//
// To clean up, use defer instead: deferred functions run when a greenlet is
// unwound. Use Try where it matters what the reason is; or where something in f
// must not end the caller, such as in a loop that serves one request after the
// other. Whoever drops a kill that Try returned goes on living, and at the end of
// [Run] is listed as a survivor if it waits again. Whoever recovers all panics
// swallows kills and time-outs likewise, without knowing.
//
// Try parks only if f does. In a callback nothing unwinds, so that it just calls f.
func Try(f func() error) (err error) {
	_, p := hub.Here()
	if p == nil {
		return f()
	}
	c := p.Catch()
	returned := false
	defer func() {
		if returned || !c.Possible() {
			return // what is in flight goes on with the stack that it has
		}
		switch v := recover().(type) {
		case nil:
		case *baton.Unwind:
			err = v.Err
		default:
			panic(v)
		}
	}()
	err = f()
	returned = true
	return err
}

// Raise unwinds the calling greenlet with err, as if it had been killed with it:
// deferred functions run, a [Try] returns err, and so does the [Timeout.Do] to
// whose Timeout err belongs; otherwise the greenlet ends with err as its error,
// and, in the main greenlet, [Run] returns it. Unlike a panic it is not reported.
// Raise panics if err is nil, and in a callback.
func Raise(err error) {
	if err == nil {
		panic("gevent.Raise: the error is nil; return instead")
	}
	hub.Require("gevent.Raise")
	hub.Unwind(err)
}

package greenlet

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/baton-go/baton/internal/baton"
)

// Run calls f in a new thread, whose main greenlet is the calling goroutine, and
// leaves nothing behind: at the end [ErrExit] is thrown into every greenlet that
// is still suspended, the last one started first, so that their deferred
// functions run, and their goroutines end. Then Run returns. If f panics, or
// calls runtime.Goexit, this happens too and the panic or the exit goes on.
//
// While the thread ends nothing can be switched to any more. A greenlet that goes
// on after its ErrExit, and calls Switch or Throw again, is unwound: the call
// panics, deferred functions run, and there the panic ends. Any other panic in a
// greenlet that is being ended goes on in Run, when all of them have ended, and so
// does runtime.Goexit. What their bodies return is lost.
//
// A goroutine need not call Run to use greenlets. Without it the goroutine is the
// main greenlet of an implicit thread, which lasts as long as greenlets are
// suspended in it. But nobody ends those, so they stay when their goroutine has
// ended: use Run wherever a greenlet may be left suspended. It is also faster,
// because it keeps goroutines for later greenlets.
//
// Run panics if f is nil or the calling goroutine belongs to a thread already:
// it is a greenlet, or in Run, or the main greenlet of suspended ones. It has no
// counterpart in Python, where it is the thread itself.
func Run(f func()) {
	if f == nil {
		panic("greenlet.Run: nil function; pass the function that is to be run")
	}
	if self := baton.Self(); self != nil {
		panic(fmt.Sprintf("greenlet.Run: the calling goroutine belongs to thread %d already; "+
			"call Run on a goroutine of its own", self.Thread().Number()))
	}
	t := baton.NewThread()
	stateOf(t)
	defer t.End(t.Enter())
	f()
}

// end ends every live greenlet. It runs on the root when the thread ends.
func (st *state) end(root *baton.Fiber) {
	t := st.thread
	t.Watched = true
	st.tracer = nil
	st.closing.Store(true)
	var failure any
	for _, g := range slices.Backward(st.all()) {
		if g.Dead() {
			continue // by the end of another
		}
		if g.task.Ended {
			st.retire(g) // the package in whose call it is parked has given it up
			continue
		}
		if v := st.kill(root, g); v != nil && failure == nil {
			failure = v
		}
	}
	st.show()
	st.exited.Store(true)
	if failure != nil {
		panic(failure)
	}
	if st.exiting {
		runtime.Goexit()
	}
}

// kill throws ErrExit into g and returns what it panicked with.
func (st *state) kill(root *baton.Fiber, g *Greenlet) any {
	t, dest := st.thread, g.task.Fiber
	st.refused = 0
	t.Main().Fiber = root
	st.leave(g, message{err: ErrExit, mark: markError})
	t.Current = g.task
	root.Resume(dest)
	t.Current = t.Main()
	m, _ := st.take()
	if !g.Dead() {
		// It was parked by a package that did not end its wait, and its
		// goroutine stays there.
		st.retire(g)
	}
	if err, ok := m.value.(*baton.Unwind); ok && errors.Is(err, ErrExit) || m.mark&markPanic == 0 {
		return nil
	}
	return m.value
}

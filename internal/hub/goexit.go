package hub

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// ReportGoexit tells the error hook of a greenlet or a callback that called
// runtime.Goexit, because of which the root is about to exit, and whoever looks at
// that would not know why. It is called by a deferred function that the Goexit runs,
// for the sake of the stack.
//
// It does not tell of a test that fails or is skipped, which says so itself; nor of
// what only does the same as a generator or a greenlet of its own.
func (h *Hub) ReportGoexit(where string) {
	if err := GoexitError(); err != nil {
		h.Report(where, err)
	}
}

// GoexitError returns what ReportGoexit reports, or nil.
func GoexitError() error {
	who, known := goexitCaller()
	if !known {
		return nil
	}
	return fmt.Errorf("it called runtime.Goexit in %s (%s:%d); its thread ends with it", who.Function, who.File, who.Line)
}

// passesOn are the functions that call runtime.Goexit because another fiber or thread
// did.
var passesOn = []string{internals + "baton.", module + "coro.", module + "greenlet.", module + "gevent.(*parallel)."}

// goexitCaller returns who called runtime.Goexit, if that was not package testing, or
// one of passesOn.
func goexitCaller() (runtime.Frame, bool) {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for exits := false; ; {
		f, more := frames.Next()
		if exits && !strings.HasPrefix(f.Function, "runtime.") { // which runs deferred functions
			quiet := func(prefix string) bool { return strings.HasPrefix(f.Function, prefix) }
			return f, !quiet("testing.") && !slices.ContainsFunc(passesOn, quiet)
		}
		exits = exits || f.Function == "runtime.Goexit"
		if !more {
			return f, false
		}
	}
}

package gevent

import (
	"errors"

	"github.com/baton-go/baton/internal/hub"
)

// ErrNotSwitched is returned by [AssertSwitches].
var ErrNotSwitched = errors.New("gevent: the function has not given way to anybody")

// AssertSwitches runs f and returns [ErrNotSwitched] if the calling greenlet has not
// given way meanwhile, so that others could run: because what f calls blocks the whole
// thread, say. It returns f's error if there is one, and what unwinds f goes on. It
// is for tests, and mirrors gevent.util.assert_switches without a limit; how long a
// greenlet keeps the thread is what a monitor looks for, see [WithMonitor].
func AssertSwitches(f func() error) error {
	_, p := hub.Require("gevent.AssertSwitches")
	// Whoever gives way comes back by an entry of the loop.
	loop := p.Hub().Loop
	before := loop.Stats().Entries
	if err := f(); err != nil {
		return err
	}
	if loop.Stats().Entries == before {
		return ErrNotSwitched
	}
	return nil
}

package subprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/baton-go/baton/gevent"
)

// ErrTimeoutExpired is matched by every [*TimeoutExpired].
var ErrTimeoutExpired = errors.New("subprocess: timed out")

// A TimeoutExpired is the error of a wait for a process whose time was up. It
// matches [ErrTimeoutExpired], [gevent.ErrTimeout], os.ErrDeadlineExceeded and
// context.DeadlineExceeded, and is a net.Error. It mirrors subprocess.TimeoutExpired.
type TimeoutExpired struct {
	Args           []string
	Limit          time.Duration
	Output, Stderr []byte // what was read until then, if it was to be returned
}

// Error returns Python's message.
func (e *TimeoutExpired) Error() string {
	return fmt.Sprintf("subprocess: command '%s' timed out after %v", strings.Join(e.Args, " "), e.Limit)
}

// Timeout returns true.
func (e *TimeoutExpired) Timeout() bool { return true }

// Temporary returns true: the call can be made again.
func (e *TimeoutExpired) Temporary() bool { return true }

// Is says what the error matches.
func (e *TimeoutExpired) Is(target error) bool {
	return target == ErrTimeoutExpired || target == gevent.ErrTimeout ||
		target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// A CalledProcessError is the error of [CheckCall], [CheckOutput], and [Run] with
// [Check], when the process has ended otherwise than with code 0. It unwraps to an
// [*os/exec.ExitError]. It mirrors subprocess.CalledProcessError.
type CalledProcessError struct {
	Args           []string
	ReturnCode     int    // -N for signal N
	Output, Stderr []byte // if they were to be returned
	Err            *exec.ExitError
}

// Error returns Python's message.
func (e *CalledProcessError) Error() string {
	how := fmt.Sprintf("returned non-zero exit status %d", e.ReturnCode)
	if e.ReturnCode < 0 {
		how = fmt.Sprintf("died with signal %d", -e.ReturnCode)
	}
	return fmt.Sprintf("subprocess: command '%s' %s", strings.Join(e.Args, " "), how)
}

// Unwrap returns the ExitError, if there is one.
func (e *CalledProcessError) Unwrap() error {
	if e.Err == nil {
		return nil // and not a nil ExitError
	}
	return e.Err
}

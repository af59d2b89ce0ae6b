package subprocess

import (
	"errors"
	"os/exec"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A limit is the time until which a call waits, or that there is none.
type limit struct {
	limited bool
	d       time.Duration
	until   time.Duration // the loop's time
}

func within(h *hub.Hub, d time.Duration) limit {
	return limit{true, d, h.Loop.Deadline(max(d, 0))}
}

// left is how long it is until then.
func (l limit) left(h *hub.Hub) time.Duration { return l.until - h.Loop.Time() }

// Wait waits until the process has ended and everything that it has written was
// copied to Stdout and Stderr. The error is nil if it has ended with code 0, an
// [*os/exec.ExitError] if not; or else the error of copying, or
// [os/exec.ErrWaitDelay]. It may be called again, and returns the same then, and by
// several greenlets. Nobody waits for the rest of Stdin when the process has ended.
//
// It parks the caller unless all is over. Who is killed meanwhile leaves the process
// as it is. It mirrors Popen.wait.
func (c *Cmd) Wait() error { return c.wait("subprocess.Wait", limit{}) }

// WaitTimeout is [Cmd.Wait] for no longer than d. Then it returns a
// [*TimeoutExpired], and leaves the process as it is: call it again, or Kill.
func (c *Cmd) WaitTimeout(d time.Duration) error {
	const op = "subprocess.WaitTimeout"
	return c.wait(op, within(c.require(op), d))
}

func (c *Cmd) wait(op string, l limit) error {
	c.requireStarted(op)
	if !c.waitExit(op, l) || !c.waitCopies(l) {
		return c.expired(l)
	}
	return c.result()
}

func (c *Cmd) expired(l limit) *TimeoutExpired {
	return &TimeoutExpired{Args: c.Args, Limit: l.d}
}

// waitExit waits for the end of the process, and reports whether it has come.
func (c *Cmd) waitExit(op string, l limit) bool {
	if c.exited {
		return true
	}
	f, p := hub.Require(op)
	if _, err := p.ParkOn(f, &c.links, hub.Wait{Op: op, On: c}, l.limited, l.left(c.hub)); err != nil {
		hub.Unwind(err)
	}
	return c.exited
}

// waitCopies waits for the ends of the greenlets that copy what the process has
// written, and reports whether they have come. After WaitDelay it ends them.
func (c *Cmd) waitCopies(l limit) bool {
	for _, g := range c.copying {
		for !g.Ready() {
			stop := l
			if delay := c.exitedAt + c.WaitDelay; c.WaitDelay > 0 && !c.delayed && (!l.limited || delay < l.until) {
				stop = limit{limited: true, until: delay}
			}
			switch {
			case !stop.limited:
				g.Join()
			case g.JoinTimeout(stop.left(c.hub)):
			case stop == l:
				return false
			default:
				c.delayed = true
				c.closePipes()
			}
		}
	}
	return true
}

// result is what Wait returns when all is over.
func (c *Cmd) result() error {
	switch {
	case c.waitErr != nil:
		return c.waitErr
	case !c.ProcessState.Success():
		return &exec.ExitError{ProcessState: c.ProcessState}
	case c.delayed:
		return exec.ErrWaitDelay
	}
	if c.feeding != nil && c.feeding.Ready() {
		if err := c.feeding.Err(); err != nil {
			return err
		}
	}
	for _, g := range c.copying {
		if err := g.Err(); err != nil {
			return err
		}
	}
	return nil
}

// complete starts the process and waits for its end. However the wait ends, the
// process is gone afterwards.
func (c *Cmd) complete(op string, limited bool, d time.Duration) error {
	h := c.require(op)
	f, p := hub.Require(op)
	l := limit{}
	if limited {
		l = within(h, d)
	}
	if err := c.Start(); err != nil {
		return err
	}
	over := false
	defer func() {
		if !over {
			c.destroy(f, p, op)
		}
	}()
	err := c.wait(op, l)
	_, expired := err.(*TimeoutExpired)
	over = !expired
	return err
}

// maxPatience is how many interrupts destroy bears before it leaves the process to
// the loop: at the end of a thread they come one each millisecond.
const maxPatience = 50

// destroy kills the process, and waits until it is gone, for p, which is the caller.
func (c *Cmd) destroy(f *baton.Fiber, p *hub.Proc, op string) {
	// Not being permitted, as for a process that has changed its user, leaves it to
	// the loop.
	killed := c.Kill() == nil
	var interrupts []error
	c.hub.Loop.Ref() // at its end the thread has patience with who waits for the outside
	for killed && !c.exited && len(interrupts) < maxPatience {
		_, err := p.ParkOn(f, &c.links, hub.Wait{Op: op, On: c}, false, 0)
		if err != nil {
			interrupts = append(interrupts, err)
		}
	}
	c.hub.Loop.Unref()
	for _, g := range c.copying {
		g.KillAsync(nil)
	}
	c.closePipes()
	for _, err := range interrupts {
		p.Interrupt(err)
	}
}

// errAlreadySet is the error of methods that return what is to be written to
// Stdout or Stderr.
func errAlreadySet(name string) error { return errors.New("subprocess: " + name + " already set") }

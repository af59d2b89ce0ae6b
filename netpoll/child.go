package netpoll

import (
	"fmt"
	"os"
)

// A Child is a process whose end the loop waits for: see [Loop.AddChild]. Its
// methods are for the loop's owner.
type Child struct {
	keeper
	process *os.Process
	f       func(*os.ProcessState, error)
	pidfd   int // -1: a goroutine waits
}

// AddChild calls f on the loop, once, when p has ended, with what [os.Process.Wait]
// returns: the state, or an error, such as ECHILD if p is not a child of this
// process or was waited for by somebody else, such as another AddChild. p may have
// ended already. It takes
// the place of p.Wait, which must not be called as well. It mirrors asyncio's child
// watcher and the exit callback of libuv's uv_spawn.
//
// On Linux the loop watches a descriptor of the process (pidfd_open), and no thread
// or goroutine waits. Where there is none, on other systems, in sandboxes that
// refuse the call, or for lack of descriptors, a goroutine waits in p.Wait and
// posts. That goroutine cannot be called off: after [Child.Remove] or
// [Loop.Close] it stays until the process ends.
//
// A child keeps the loop from ending, unless [Child.Unref] is called. It does not
// hold back a [VirtualClock]: use [Loop.Ref] for that.
//
// # With os/exec
//
//	cmd := exec.Command("sort", name)
//	cmd.Stdout = file
//	err := cmd.Start()
//	…
//	loop.AddChild(cmd.Process, func(state *os.ProcessState, err error) { … })
//
// Then cmd.Wait must not be called: the process has been waited for already. What
// it does besides, whoever uses AddChild does himself or does not need: it sets
// cmd.ProcessState, which is what f is given; it closes the program's ends of
// pipes that were made with StdoutPipe and its like; and it waits for the
// goroutines that copy from and to an io.Reader or io.Writer that is not an
// [*os.File]. These are what a loop wants to avoid: give the command files, or
// pipes whose other ends are the loop's. Do not use CommandContext, whose
// goroutine ends with cmd.Wait only. For all else, leave cmd.Wait in a goroutine,
// and post what it returns.
//
// The error is [ErrClosed]. Only the owner may call AddChild; it panics if p or f
// is nil.
func (l *Loop) AddChild(p *os.Process, f func(*os.ProcessState, error)) (*Child, error) {
	if p == nil {
		misuse("AddChild", "nil Process", "start the process first")
	}
	if f == nil {
		misuse("AddChild", "nil function", "pass the function that is to be told of the end")
	}
	if l.closed {
		return nil, fmt.Errorf("netpoll.AddChild: process %d: %w", p.Pid, ErrClosed)
	}
	c := &Child{process: p, f: f, pidfd: -1}
	c.begin(l)
	l.children++
	l.onClose(c)
	if !c.watch() {
		go c.await()
	}
	return c, nil
}

// Process is what was passed to AddChild.
func (c *Child) Process() *os.Process { return c.process }

// Remove makes the loop forget the child, and reports whether the function was
// still to be called, which it then never is. The process goes on, and is the
// caller's to wait for, unless a goroutine waits already: see [Loop.AddChild].
func (c *Child) Remove() bool {
	if !c.end() {
		return false
	}
	c.loop.children--
	c.loop.offClose(c)
	c.unwatch()
	return true
}

// ended tells of the end, when Wait returns at once.
func (c *Child) ended() {
	if c.Remove() {
		state, err := c.process.Wait()
		c.tell(state, err)
	}
}

// await waits for the end in a goroutine. ErrClosed means that nobody wants to
// know.
func (c *Child) await() {
	state, err := c.process.Wait()
	_ = c.loop.Post(func() {
		if c.Remove() {
			c.tell(state, err)
		}
	})
}

func (c *Child) tell(state *os.ProcessState, err error) {
	if err != nil {
		err = fmt.Errorf("netpoll.AddChild: process %d: %w", c.process.Pid, err)
	}
	c.loop.calls(c.f)
	c.f(state, err)
}

// loopClosed drops the child.
func (c *Child) loopClosed() { c.Remove() }

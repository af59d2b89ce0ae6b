package asyncio

import (
	"context"
)

// SubprocessExec starts a program with arguments, and returns its transport with the
// protocol that the factory made, whose ConnectionMade has been called. It mirrors
// subprocess_exec; [CreateSubprocessExec] has streams instead of a protocol.
//
// The name is looked for as [exec.Command] does. Standard input, output and error are
// PIPEs, unless options say otherwise. The protocol is told of what comes, of the
// ends of the pipes and of the process's exit in no particular order, and when all of
// it is over of that. If it has methods PauseWriting and ResumeWriting they are called
// for the standard input. A panic in its methods is told to the exception handler, and
// changes nothing.
//
// The loop waits for the process. One that runs when the loop is closed is killed.
//
// The errors are those of os/exec: they match for example [exec.ErrNotFound] or
// os.ErrNotExist. On a platform for which package netpoll has no poller there can be
// no PIPE: the error matches errors.ErrUnsupported.
//
// It parks the calling task or greenlet for one hop; the starting itself blocks the
// loop, as in asyncio. It returns [ErrCancelled] when the calling task is cancelled, or
// ctx.Err() when ctx ends and it is not just the calling task's own; a kill of gevent
// unwinds. Then the process is killed and waited for, except in the last case, in
// which the loop does that.
func SubprocessExec[P SubprocessProtocol](ctx context.Context, factory func() P, name string, args []string, opts ...SubprocessOption) (SubprocessTransport, P, error) {
	const op = "asyncio.SubprocessExec"
	var p P
	if factory == nil {
		misuse(op, "the factory is nil", "pass a function that makes the protocol")
	}
	t, err := startSubprocess(ctx, op, newSubprocessOptions(op, PIPE, opts), name, args, func() SubprocessProtocol { p = factory(); return p })
	if err != nil {
		return nil, p, err
	}
	return t, p, nil
}

// SubprocessShell is [SubprocessExec] of a command for /bin/sh, or, on Windows, for
// cmd. It mirrors subprocess_shell.
func SubprocessShell[P SubprocessProtocol](ctx context.Context, factory func() P, cmd string, opts ...SubprocessOption) (SubprocessTransport, P, error) {
	const op = "asyncio.SubprocessShell"
	var p P
	if factory == nil {
		misuse(op, "the factory is nil", "pass a function that makes the protocol")
	}
	name, args := shellCommand(cmd)
	t, err := startSubprocess(ctx, op, newSubprocessOptions(op, PIPE, opts), name, args, func() SubprocessProtocol { p = factory(); return p })
	if err != nil {
		return nil, p, err
	}
	return t, p, nil
}

// startSubprocess starts a process, and waits until the protocol knows of it.
func startSubprocess(ctx context.Context, op string, o *subprocessOptions, name string, args []string, factory func() SubprocessProtocol) (*subprocessTransport, error) {
	mustPark(op) // before there is anything that a panic would leave behind
	l := loopOf(ctx, op)
	p := factory()
	if p == nil {
		misuse(op, "the factory returned nil", "return the protocol of the process")
	}
	c, err := o.command(name, args)
	if err == nil {
		err = c.start()
	}
	if err != nil {
		return nil, inOp(op, err)
	}
	waiter := &future{loop: l}
	t := newSubprocessTransport(l, c, p, waiter)
	done := false
	defer func() {
		if !done {
			t.Close()
		}
	}()
	if err = waiter.await(ctx, op); err == nil {
		err = waiter.take()
	}
	if err != nil {
		t.Close()
		if !t.exited {
			// Only another cancellation can end this, and then the loop waits.
			_ = t.exits.wait(context.WithoutCancel(ctx), op)
		}
		return nil, err
	}
	done = true
	return t, nil
}

package asyncio

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
)

// A Process is a child process with streams: asyncio.subprocess.Process. It is made by
// [CreateSubprocessExec] and [CreateSubprocessShell].
//
//	p, err := asyncio.CreateSubprocessExec(ctx, "sort", nil,
//		asyncio.WithStdin(asyncio.PIPE), asyncio.WithStdout(asyncio.PIPE))
//	if err != nil {
//		return err
//	}
//	sorted, _, err := p.Communicate(ctx, text)
//
// All of it belongs to the thread of one loop. Only calls with a context park.
type Process struct {
	Stdin  *StreamWriter // nil unless it is a PIPE, and so the others
	Stdout *StreamReader
	Stderr *StreamReader

	transport *subprocessTransport
	output    [2][]byte // what Communicate has read of Stdout and Stderr
	fed       bool      // Communicate had its input
}

// CreateSubprocessExec starts a program with arguments. It mirrors
// create_subprocess_exec.
//
// The standard streams are those of this process, unless options say otherwise; those
// that are a [PIPE] are the Process's streams, with the limit of [WithLimit]. All else is
// as for [SubprocessExec]. When the process has exited and its outputs are at their
// ends, what is left of it is closed.
func CreateSubprocessExec(ctx context.Context, name string, args []string, opts ...SubprocessOption) (*Process, error) {
	return newProcess(ctx, "asyncio.CreateSubprocessExec", name, args, opts)
}

// CreateSubprocessShell is [CreateSubprocessExec] of a command for /bin/sh, or, on
// Windows, for cmd. It mirrors create_subprocess_shell.
func CreateSubprocessShell(ctx context.Context, cmd string, opts ...SubprocessOption) (*Process, error) {
	name, args := shellCommand(cmd)
	return newProcess(ctx, "asyncio.CreateSubprocessShell", name, args, opts)
}

func newProcess(ctx context.Context, op, name string, args []string, opts []SubprocessOption) (*Process, error) {
	p := &processProtocol{limit: limitOf(opts)}
	t, err := startSubprocess(ctx, op, newSubprocessOptions(op, INHERIT, opts), name, args, func() SubprocessProtocol { return p })
	if err != nil {
		return nil, err
	}
	return &Process{Stdin: p.stdin, Stdout: p.readers[1], Stderr: p.readers[2], transport: t}, nil
}

// String names the process: "process 4711: /bin/sh -c true".
func (p *Process) String() string { return p.transport.String() }

// Pid returns the process's number.
func (p *Process) Pid() int { return p.transport.Pid() }

// Transport returns the process's transport. Its Close closes the pipes, and kills the
// process if it runs.
func (p *Process) Transport() SubprocessTransport { return p.transport }

// ReturnCode returns with which code the process has exited, -N if signal N ended it;
// exited is false while it runs. The code is 255 if somebody else has waited for the
// process.
func (p *Process) ReturnCode() (code int, exited bool) { return p.transport.ReturnCode() }

// Wait waits until the process has exited, and returns its code: see
// [Process.ReturnCode]. Any number of tasks may wait. If a wait ends early, because the
// calling task is cancelled or ctx ends, the process goes on. A process whose output
// is a PIPE that nobody reads may never exit: use [Process.Communicate].
//
// asyncio's wait also waits for the ends of the pipes, which another process that has
// inherited them may put off for ever. Here that is [Process.WaitPipes].
//
// It parks the calling task or greenlet while the process runs.
func (p *Process) Wait(ctx context.Context) (int, error) {
	const op = "asyncio.Process.Wait"
	t := p.transport
	t.loop.mustOwn(op)
	if !t.exited {
		if err := t.exits.wait(ctx, op); err != nil {
			return 0, err
		}
	}
	return t.code, nil
}

// WaitPipes waits until the process has exited and its pipes are closed, which is when
// whoever has inherited its outputs has closed them too. Together with [Process.Wait]
// it is asyncio's wait. It parks as Wait does. To give such others some time, and then
// up, let ctx end, and close the [Process.Transport].
func (p *Process) WaitPipes(ctx context.Context) error {
	const op = "asyncio.Process.WaitPipes"
	t := p.transport
	t.loop.mustOwn(op)
	if t.over {
		return nil
	}
	return t.ends.wait(ctx, op)
}

// SendSignal sends the process a signal. The error is os.ErrProcessDone if it has
// exited. One that is just about to exit may not heed it any more.
func (p *Process) SendSignal(sig os.Signal) error { return p.transport.SendSignal(sig) }

// Terminate sends the process SIGTERM; on Windows it is Kill. The error is as for
// [Process.SendSignal].
func (p *Process) Terminate() error { return p.transport.Terminate() }

// Kill kills the process. The error is as for [Process.SendSignal].
func (p *Process) Kill() error { return p.transport.Kill() }

// Communicate writes the input to the process's standard input and closes that, reads
// its outputs until their ends, and waits for the process. It returns what was read;
// nil for an output that is no PIPE. That the process does not read all of its input
// is no error. It keeps all data in memory, and a copy of the input.
//
// If it ends early, because the calling task is cancelled or ctx ends, it returns what
// was read so far with the error, and the process is left as it is; another call,
// without input, goes on, and returns everything. Input for a process whose Stdin is no
// PIPE, or that was given some before, is an error that matches os.ErrInvalid.
//
// It parks the calling task or greenlet. Nobody else may read the outputs at the same
// time: [ErrStreamBusy].
func (p *Process) Communicate(ctx context.Context, input []byte) (stdout, stderr []byte, err error) {
	const op = "asyncio.Process.Communicate"
	p.transport.loop.mustOwn(op)
	if err := p.feed(op, input); err != nil {
		return nil, nil, err
	}
	err = p.readAll(ctx)
	if err == nil {
		_, err = p.Wait(ctx)
	}
	return p.read(0, p.Stdout), p.read(1, p.Stderr), err
}

// feed writes the input, and closes the process's standard input.
func (p *Process) feed(op string, input []byte) error {
	switch {
	case p.Stdin == nil:
		if len(input) > 0 {
			return fmt.Errorf("%s: input for %v, whose Stdin is no PIPE: %w", op, p, os.ErrInvalid)
		}
		return nil
	case len(input) > 0 && p.fed:
		return fmt.Errorf("%s: more input for %v: %w", op, p, os.ErrInvalid)
	}
	p.fed = true
	// The transport writes it as the process reads it, and then closes. If the process
	// does not read it, or is gone, that is its affair.
	_, _ = p.Stdin.Write(input)
	return p.Stdin.Close()
}

// readAll reads the outputs. While the first is waited for, the second is fed to its
// stream, whatever its limit.
func (p *Process) readAll(ctx context.Context) error {
	streams := []*StreamReader{p.Stdout, p.Stderr}
	for i, r := range streams {
		if r != nil {
			limit := r.unlimit()
			defer func() {
				// Of the one that was not waited for there may be data, too.
				p.output[i] = append(p.output[i], r.buf.bytes()...)
				r.buf.drop(r.buf.len())
				limit()
			}()
		}
	}
	for i, r := range streams {
		if r != nil {
			data, err := r.ReadAll(ctx)
			p.output[i] = append(p.output[i], data...)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// read returns what was read of an output.
func (p *Process) read(i int, r *StreamReader) []byte {
	switch {
	case r == nil:
		return nil
	case p.output[i] == nil:
		return []byte{}
	}
	return slices.Clip(p.output[i])
}

// unlimit lets a reader take whatever comes, until limit is called.
func (r *StreamReader) unlimit() (limit func()) {
	old := r.limit
	r.limit = math.MaxInt / 4 // of which the double is a number
	r.taken()
	return func() { r.limit = old }
}

// A processProtocol feeds the streams of a Process: asyncio's
// SubprocessStreamProtocol.
type processProtocol struct {
	limit     int
	transport SubprocessTransport
	flow      FlowControlProtocol // of stdin
	stdin     *StreamWriter
	readers   [3]*StreamReader
	open      int // outputs that are not at their end
	exited    bool
}

// ConnectionMade makes the streams. So for the others: they are for the transport, run
// on the hub, and do not wait.
func (p *processProtocol) ConnectionMade(t SubprocessTransport) {
	p.transport = t
	for fd := 1; fd <= 2; fd++ {
		if pipe, ok := t.PipeTransport(fd).(ReadTransport); ok {
			p.readers[fd] = NewStreamReader(p.limit)
			p.readers[fd].SetTransport(pipe)
			p.open++
		}
	}
	if pipe, ok := t.PipeTransport(0).(WriteTransport); ok {
		p.stdin = NewStreamWriter(pipe, &p.flow, nil)
	}
}

// PipeDataReceived feeds a reader.
func (p *processProtocol) PipeDataReceived(fd int, data []byte) { p.readers[fd].FeedData(data) }

// PipeConnectionLost ends a reader's data, or makes it fail; or it ends what waits for
// the input.
func (p *processProtocol) PipeConnectionLost(fd int, err error) {
	if fd == 0 {
		p.flow.ConnectionLost(err)
		return
	}
	if err == nil {
		p.readers[fd].FeedEOF()
	} else {
		p.readers[fd].SetException(err)
	}
	p.open--
	p.maybeClose()
}

// PauseWriting makes Drain of the standard input wait.
func (p *processProtocol) PauseWriting() { p.flow.PauseWriting() }

// ResumeWriting lets it go on.
func (p *processProtocol) ResumeWriting() { p.flow.ResumeWriting() }

// ProcessExited closes the transport if the outputs are at their ends.
func (p *processProtocol) ProcessExited() {
	p.exited = true
	p.maybeClose()
}

// maybeClose closes the transport when there is nothing left to read.
func (p *processProtocol) maybeClose() {
	if p.open == 0 && p.exited {
		p.transport.Close()
	}
}

// ConnectionLost has nothing to add.
func (p *processProtocol) ConnectionLost(error) {}

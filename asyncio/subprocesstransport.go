package asyncio

import (
	"fmt"
	"os"

	"github.com/baton-go/baton/netpoll"
)

// A subprocessTransport is a child process that has been started.
//
//	state     what it means                                          left by
//	running                                                          the exit
//	exited    ProcessExited was called; pipes may still be open      the end of the last pipe
//	over      ConnectionLost was called                              -
//
// Whether Close was called is another matter: it closes the pipes, and kills.
//
// The pipes' transports are made before the loop is asked to watch the process, and the
// entry that tells the protocol of all of them follows theirs. So what asyncio has to
// queue until then cannot come before.
type subprocessTransport struct {
	loop     *Loop
	name     string
	process  *os.Process
	child    *netpoll.Child
	protocol SubprocessProtocol
	pipes    [3]*subprocessPipe // nil if the stream leads elsewhere

	closed, exited, ending, over bool
	code                         int
	exits, ends                  streamWaiters // who waits for the exit, and until it is over
	made                         *future       // settled when the protocol knows of the process
}

// newSubprocessTransport makes a transport of a process that was started.
func newSubprocessTransport(l *Loop, c *subprocessFiles, p SubprocessProtocol, waiter *future) *subprocessTransport {
	t := &subprocessTransport{loop: l, name: c.String(), process: c.Process, protocol: p, made: waiter}
	l.hold(t)
	for fd, x := range c.ours {
		if x == nil {
			continue
		}
		pipe := &subprocessPipe{process: t, fd: fd}
		t.pipes[fd] = pipe
		pipe.transport = newPipeTransport(l, *x, fd == 0, pipe, nil)
		pipe.transport.inner = true
	}
	l.enqueueEntry((*subprocessMade)(t))
	var err error
	if t.child, err = l.hub.Loop.AddChild(t.process, t.exit); err != nil {
		panic(err) // the loop is open, since somebody calls
	}
	return t
}

// The entries of a transport's life.
type (
	subprocessMade subprocessTransport
	subprocessOver subprocessTransport
)

// RunReady tells the protocol of the process.
func (e *subprocessMade) RunReady() {
	t := (*subprocessTransport)(e)
	if t.loop.closed.Load() {
		return
	}
	defer (*settling)(t.made).RunReady()
	defer t.guard().check()
	t.protocol.ConnectionMade(t)
}

// RunReady tells the protocol that all is over.
func (e *subprocessOver) RunReady() {
	t := (*subprocessTransport)(e)
	if t.loop.closed.Load() {
		return
	}
	t.over = true
	t.loop.drop(t)
	defer t.ends.release()
	defer t.guard().check()
	t.protocol.ConnectionLost(nil)
}

// guard is for calls of the protocol.
func (t *subprocessTransport) guard() protocolGuard {
	return protocolGuard{t.loop, t, t.protocol, "Exception in callback"}
}

// exit is called by the loop when the process has ended. A state that somebody else
// has waited for counts as 255, as in asyncio.
func (t *subprocessTransport) exit(state *os.ProcessState, err error) {
	t.exited, t.code = true, 255
	if err == nil {
		t.code = subprocessCode(state)
	}
	t.exits.release()
	t.exitTold()
	t.finish()
}

func (t *subprocessTransport) exitTold() {
	defer t.guard().check()
	t.protocol.ProcessExited()
}

// finish schedules the end, if the process has exited and all pipes are closed.
func (t *subprocessTransport) finish() {
	if !t.exited || t.ending {
		return
	}
	for _, p := range t.pipes {
		if p != nil && !p.ended {
			return
		}
	}
	t.ending = true
	t.loop.enqueueEntry((*subprocessOver)(t))
}

// String names the transport: "process 4711: /bin/sh -c true".
func (t *subprocessTransport) String() string {
	return fmt.Sprintf("process %d: %s", t.process.Pid, t.name)
}

// ExtraInfo knows "subprocess".
func (t *subprocessTransport) ExtraInfo(name string) any {
	if name == "subprocess" {
		return t.process
	}
	return nil
}

// IsClosing reports whether Close was called.
func (t *subprocessTransport) IsClosing() bool { return t.closed }

// Close closes the pipes, and kills the process if it runs.
func (t *subprocessTransport) Close() {
	t.loop.mustOwn("asyncio.Transport.Close")
	if t.closed {
		return
	}
	t.closed = true
	for _, p := range t.pipes {
		if p != nil {
			p.transport.Close()
		}
	}
	if !t.exited {
		_ = t.process.Kill() // it may have exited just now
	}
}

// Abandon kills the process when the loop closes, and has a goroutine wait for it, so
// that it is no zombie in the end.
func (t *subprocessTransport) Abandon() {
	closing := t.closed
	t.closed = true
	t.child.Remove()
	if !t.exited {
		p := t.process
		_ = p.Kill()
		go p.Wait()
	}
	if !closing {
		t.loop.unclosed(t, t.protocol)
	}
}

// Pid returns the process's number.
func (t *subprocessTransport) Pid() int { return t.process.Pid }

// ReturnCode returns with which code the process has exited, if it has.
func (t *subprocessTransport) ReturnCode() (code int, exited bool) { return t.code, t.exited }

// PipeTransport returns the pipe that is the descriptor fd of the process.
func (t *subprocessTransport) PipeTransport(fd int) BaseTransport {
	if fd < 0 || fd >= len(t.pipes) || t.pipes[fd] == nil {
		return nil
	}
	return t.pipes[fd].transport
}

// SendSignal sends the process a signal.
func (t *subprocessTransport) SendSignal(sig os.Signal) error {
	t.loop.mustOwn("asyncio.SubprocessTransport.SendSignal")
	if t.exited {
		return os.ErrProcessDone
	}
	// The number cannot be another process's, since nobody but the loop waits for
	// this one.
	return t.process.Signal(sig)
}

// Terminate sends SIGTERM, or kills where there is no such signal.
func (t *subprocessTransport) Terminate() error { return t.SendSignal(terminateSignal) }

// Kill kills the process.
func (t *subprocessTransport) Kill() error { return t.SendSignal(os.Kill) }

// A subprocessPipe is the protocol of one of the pipes.
type subprocessPipe struct {
	process   *subprocessTransport
	fd        int
	transport *pipeTransport
	ended     bool
}

// ConnectionMade does nothing: the process's protocol is told of all pipes at once.
func (p *subprocessPipe) ConnectionMade(Transport) {}

// DataReceived passes the data on.
func (p *subprocessPipe) DataReceived(data []byte) {
	defer p.process.guard().check()
	p.process.protocol.PipeDataReceived(p.fd, data)
}

// EOFReceived says that it is over.
func (p *subprocessPipe) EOFReceived() bool { return false }

// PauseWriting tells the process's protocol, if it wants to know.
func (p *subprocessPipe) PauseWriting() {
	if f, ok := p.process.protocol.(flowProtocol); ok {
		f.PauseWriting()
	}
}

// ResumeWriting tells the process's protocol, if it wants to know.
func (p *subprocessPipe) ResumeWriting() {
	if f, ok := p.process.protocol.(flowProtocol); ok {
		f.ResumeWriting()
	}
}

// ConnectionLost tells the process's protocol of the pipe's end.
func (p *subprocessPipe) ConnectionLost(err error) {
	p.ended = true
	defer p.process.finish()
	defer p.process.guard().check()
	p.process.protocol.PipeConnectionLost(p.fd, err)
}

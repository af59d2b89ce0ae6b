package subprocess

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/baton-go/baton/gevent"
)

// A conversation is what Communicate has under way. It outlives a call that did not
// see the end.
type conversation struct {
	stdout, stderr bytes.Buffer
	parts          []*gevent.Greenlet
}

// Communicate writes input to the process and closes its standard input, reads what
// it writes until the end, and waits until it has ended. It uses the streams that
// are [PIPE]; of the others it returns nil. A process that does not read its input,
// or ends with another code than 0, is no error: see [Cmd.ReturnCode]. It mirrors
// Popen.communicate.
//
// It parks the caller. Who is killed meanwhile loses nothing: another call, without
// input, goes on and returns everything, also what was read before.
func (c *Cmd) Communicate(input []byte) (stdout, stderr []byte, err error) {
	return c.communicate("subprocess.Communicate", input, limit{})
}

// CommunicateTimeout is [Cmd.Communicate] for no longer than d. Then the error is a
// [*TimeoutExpired] with what was read so far. The process is left as it is, and
// another call, without input, returns everything.
func (c *Cmd) CommunicateTimeout(input []byte, d time.Duration) (stdout, stderr []byte, err error) {
	const op = "subprocess.CommunicateTimeout"
	return c.communicate(op, input, within(c.require(op), d))
}

func (c *Cmd) communicate(op string, input []byte, l limit) (stdout, stderr []byte, err error) {
	c.requireStarted(op)
	if err := c.converse(input); err != nil {
		return nil, nil, err
	}
	v := c.conversation
	for _, g := range v.parts {
		switch {
		case !l.limited:
			g.Join()
		case !g.JoinTimeout(l.left(c.hub)):
			return nil, nil, c.expiredTalking(l)
		}
	}
	if !c.waitExit(op, l) || !c.waitCopies(l) {
		return nil, nil, c.expiredTalking(l)
	}
	for _, g := range v.parts {
		if err := g.Err(); err != nil {
			return c.read(&v.stdout, c.Stdout), c.read(&v.stderr, c.Stderr), err
		}
	}
	return c.read(&v.stdout, c.Stdout), c.read(&v.stderr, c.Stderr), nil
}

func (c *Cmd) expiredTalking(l limit) *TimeoutExpired {
	e := c.expired(l)
	e.Output = c.read(&c.conversation.stdout, c.Stdout)
	e.Stderr = c.read(&c.conversation.stderr, c.Stderr)
	return e
}

// read returns what was read, or nil if that is not Communicate's.
func (c *Cmd) read(b *bytes.Buffer, target io.Writer) []byte {
	if target != PIPE {
		return nil
	}
	return append([]byte{}, b.Bytes()...)
}

// converse begins the conversation.
func (c *Cmd) converse(input []byte) error {
	switch {
	case len(input) > 0 && c.Stdin != PIPE:
		return errors.New("subprocess: input for a process whose Stdin is no PIPE")
	case len(input) > 0 && c.conversation != nil:
		return errors.New("subprocess: input after the communication was started")
	case c.conversation != nil:
		return nil
	}
	v := &conversation{}
	c.conversation = v
	if in := c.stdin.ours; c.Stdin == PIPE {
		if len(input) == 0 {
			_ = in.Close() // it may be closed already
		} else {
			source := bytes.NewReader(slices.Clone(input))
			v.parts = append(v.parts, c.copier("stdin", func() error { return feed(in, source) }))
		}
	}
	if out := c.stdout.reader(); c.Stdout == PIPE {
		v.parts = append(v.parts, c.copier("stdout", func() error { return drain(&v.stdout, out) }))
	}
	if out := c.stderr.reader(); c.Stderr == PIPE {
		v.parts = append(v.parts, c.copier("stderr", func() error { return drain(&v.stderr, out) }))
	}
	return nil
}

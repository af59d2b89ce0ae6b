package subprocess

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
	"github.com/baton-go/baton/netpoll"
)

// A Redirect says where a stream of a process leads: one of [PIPE], [STDOUT] and
// [DEVNULL], for the fields Stdin, Stdout and Stderr of a [Cmd]. It cannot be read
// or written.
type Redirect struct{ name string }

// They mirror subprocess.PIPE, STDOUT and DEVNULL.
var (
	// PIPE makes a pipe, whose other end [Cmd.Communicate] uses; or [Cmd.StdinPipe],
	// [Cmd.StdoutPipe] and [Cmd.StderrPipe] return it.
	PIPE = &Redirect{"PIPE"}
	// STDOUT, for Stderr, leads where Stdout leads.
	STDOUT = &Redirect{"STDOUT"}
	// DEVNULL is os.DevNull, like nil.
	DEVNULL = &Redirect{"DEVNULL"}
)

// String returns the name.
func (r *Redirect) String() string { return "subprocess." + r.name }

// Read fails: a Redirect is only for a Cmd.
func (r *Redirect) Read([]byte) (int, error) { return 0, r.misused("read") }

// Write fails: a Redirect is only for a Cmd.
func (r *Redirect) Write([]byte) (int, error) { return 0, r.misused("write") }

func (r *Redirect) misused(verb string) error {
	return &fs.PathError{Op: verb, Path: r.String(), Err: os.ErrInvalid}
}

// attach gives e what c's fields say.
func (c *Cmd) attach(e *exec.Cmd) (err error) {
	if e.Stdin, err = c.input(); err != nil {
		return err
	}
	if e.Stdout, err = output("Stdout", c.Stdout, &c.stdout); err != nil {
		return err
	}
	if c.together() {
		e.Stderr = e.Stdout
		return nil
	}
	e.Stderr, err = output("Stderr", c.Stderr, &c.stderr)
	return err
}

// together reports whether Stderr leads where Stdout leads.
func (c *Cmd) together() bool {
	return c.Stderr == STDOUT || c.Stderr != PIPE && same(c.Stderr, c.Stdout)
}

// same reports whether two writers, which may not be comparable, are one.
func same(a, b io.Writer) bool {
	return a != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

// input returns what os/exec is to give the process as its standard input. A nil
// interface is os.DevNull there.
func (c *Cmd) input() (io.Reader, error) {
	switch r := c.Stdin.(type) {
	case nil:
		return nil, nil
	case *os.File:
		return r, nil
	case *Redirect:
		if r == DEVNULL {
			return nil, nil
		}
		if r != PIPE {
			return nil, errors.New("subprocess: Stdin cannot be " + r.name)
		}
	}
	if c.stdin.theirs == nil {
		if err := c.stdin.makeInput(); err != nil {
			return nil, err
		}
	}
	return c.stdin.theirs, nil
}

// output is input for the other two.
func output(name string, target io.Writer, p *pipe) (io.Writer, error) {
	switch w := target.(type) {
	case nil:
		return nil, nil
	case *os.File:
		return w, nil
	case *Redirect:
		if w == DEVNULL {
			return nil, nil
		}
		if w != PIPE {
			return nil, errors.New("subprocess: " + name + " cannot be " + w.name)
		}
	}
	if p.theirs == nil {
		if err := p.makeOutput(); err != nil {
			return nil, err
		}
	}
	return p.theirs, nil
}

func (p *pipe) makeInput() error {
	r, w, err := newPipe()
	if err != nil {
		return err
	}
	return p.set(r, w)
}

func (p *pipe) makeOutput() error {
	r, w, err := newPipe()
	if err != nil {
		return err
	}
	return p.set(w, r)
}

// newPipe makes a pipe where a FileObject can be made of its end.
func newPipe() (r, w *os.File, err error) {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		return nil, nil, &fs.PathError{Op: "pipe", Path: "|", Err: netpoll.ErrNoPoller}
	}
	return os.Pipe()
}

func (p *pipe) set(theirs, ours *os.File) error {
	f, err := fileobject.New(ours)
	if err != nil {
		_ = theirs.Close()
		_ = ours.Close()
		return err
	}
	p.theirs, p.ours = theirs, f
	return nil
}

// closeTheirs closes the process's ends, which it has copies of.
func (c *Cmd) closeTheirs() {
	for _, p := range []*pipe{&c.stdin, &c.stdout, &c.stderr} {
		if p.theirs != nil {
			_ = p.theirs.Close()
			p.theirs = nil
		}
	}
}

// closePipes closes both ends of all pipes, which may be closed already.
func (c *Cmd) closePipes() {
	c.closeTheirs()
	for _, p := range []*pipe{&c.stdin, &c.stdout, &c.stderr} {
		if p.ours != nil {
			_ = p.ours.Close()
		}
	}
}

// dropPipes closes all pipes of a process that was not started, and forgets them.
func (c *Cmd) dropPipes() {
	c.closePipes()
	c.stdin, c.stdout, c.stderr = pipe{}, pipe{}, pipe{}
}

// copy starts the greenlets that copy from and to what is the user's.
func (c *Cmd) copy() {
	if in, r := c.stdin.ours, c.Stdin; in != nil && r != PIPE {
		c.feeding = c.copier("stdin", func() error { return feed(in, r) })
	}
	if out, w := c.stdout.ours, c.Stdout; out != nil && w != PIPE {
		c.copying = append(c.copying, c.copier("stdout", func() error { return drain(w, out) }))
	}
	if out, w := c.stderr.ours, c.Stderr; out != nil && w != PIPE {
		c.copying = append(c.copying, c.copier("stderr", func() error { return drain(w, out) }))
	}
}

func (c *Cmd) copier(what string, f func() error) *gevent.Greenlet {
	g := gevent.Spawn(f)
	g.SetName(what + " of " + c.String())
	g.Rawlink(func() {}) // whoever waits for the process asks for the error: see gevent.ReportErrors
	return g
}

// feed writes to the process what r has. A process may leave its input alone.
func feed(in *fileobject.FileObject, r io.Reader) error {
	defer in.Close()
	if _, err := io.Copy(in, r); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// drain writes to w what the process writes.
func drain(w io.Writer, out io.ReadCloser) error {
	defer out.Close()
	_, err := io.Copy(w, out)
	return err
}

// StdinPipe returns a pipe to the process's standard input. It is called before
// Start, and makes the pipe; or afterwards, if Stdin is [PIPE]. Closing it is the end
// of the process's input. It is closed when the process has ended. Writing parks
// while the process does not read.
//
// Of a Cmd that is never started, close what this and the next two have returned: its
// ends are closed with the thread otherwise, and the process's when the Cmd is garbage.
//
// The error says that Stdin leads elsewhere, or that there can be no pipe.
func (c *Cmd) StdinPipe() (io.WriteCloser, error) {
	if err := c.makePipe("Stdin", c.Stdin == nil, c.Stdin == PIPE, &c.stdin, (*pipe).makeInput); err != nil {
		return nil, err
	}
	c.Stdin = PIPE
	return c.stdin.ours, nil
}

// StdoutPipe returns a pipe from the process's standard output: see
// [Cmd.StdinPipe]. It is closed when its end has been read, or by Close, or with the
// thread; but not, as that of os/exec, by Wait, which may be called at any time.
func (c *Cmd) StdoutPipe() (io.ReadCloser, error) {
	if err := c.makePipe("Stdout", c.Stdout == nil, c.Stdout == PIPE, &c.stdout, (*pipe).makeOutput); err != nil {
		return nil, err
	}
	c.Stdout = PIPE
	return c.stdout.reader(), nil
}

// StderrPipe is [Cmd.StdoutPipe] of the standard error.
func (c *Cmd) StderrPipe() (io.ReadCloser, error) {
	if err := c.makePipe("Stderr", c.Stderr == nil, c.Stderr == PIPE, &c.stderr, (*pipe).makeOutput); err != nil {
		return nil, err
	}
	c.Stderr = PIPE
	return c.stderr.reader(), nil
}

func (c *Cmd) makePipe(name string, unset, piped bool, p *pipe, make func(*pipe) error) error {
	c.require("subprocess." + name + "Pipe")
	switch {
	case piped && p.ours != nil:
		return nil
	case !unset && !piped:
		return errors.New("subprocess: " + name + " already set")
	case c.Process != nil:
		return errors.New("subprocess: " + name + "Pipe after process started, and " + name + " is no PIPE")
	}
	return make(p)
}

// A reader is our end of an output, which closes itself at the end. Whoever reads
// it after that, or was in line, has come to the end, too.
type reader struct {
	*fileobject.FileObject
	ended *atomic.Bool
}

func (p *pipe) reader() *reader { return &reader{p.ours, &p.ended} }

// Read reads what is there, and parks until something is.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.FileObject.Read(b)
	switch {
	case err == io.EOF:
		r.end()
	case errors.Is(err, os.ErrClosed) && r.ended.Load():
		err = io.EOF
	}
	return n, err
}

// WriteTo writes to w all that is left.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	n, err := r.FileObject.WriteTo(w)
	switch {
	case err == nil:
		r.end()
	case errors.Is(err, os.ErrClosed) && r.ended.Load():
		err = nil
	}
	return n, err
}

func (r *reader) end() {
	r.ended.Store(true)
	_ = r.FileObject.Close()
}

// Close closes the pipe. Once its end was read it is closed.
func (r *reader) Close() error {
	if r.ended.Load() {
		return nil
	}
	return r.FileObject.Close()
}

package subprocess

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
	"github.com/baton-go/baton/internal/hub"
)

// A Cmd is a command that is being prepared, or has been started: [os/exec.Cmd] for
// greenlets, and Python's Popen. It belongs to the thread that starts it, whose
// greenlets may call its methods, several at a time. Those that do not park may be
// called in callbacks of the loop too. Anybody else panics, with
// [gevent.ErrWrongThread] once it has been started; but String, Environ, Pid, Ready and
// ReturnCode only look, and do not check who calls.
//
// A Cmd is started once. The zero value with a Path is ready.
type Cmd struct {
	// As in os/exec. Path is the program; Args begins with its name; a nil Env is the
	// environment of this process, and an empty Dir its directory.
	Path string
	Args []string
	Env  []string
	Dir  string

	// Stdin, Stdout and Stderr are the process's: nil is [os.DevNull], an *os.File is
	// passed on, [PIPE] makes a pipe, and for any other reader or writer greenlets copy,
	// which [Cmd.Wait] waits for. If Stdout and Stderr are the same, or Stderr is
	// [STDOUT], they are one pipe or file for the process. An io.Reader that blocks the
	// thread, blocks it here too.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer

	ExtraFiles  []*os.File
	SysProcAttr *syscall.SysProcAttr

	// WaitDelay is how long [Cmd.Wait] waits, when the process has ended, for the end
	// of its output, which processes that it has started may hold open. Then it closes
	// the pipes and returns [os/exec.ErrWaitDelay]. Zero is for ever.
	WaitDelay time.Duration

	// Err is the error of finding the program, which [Cmd.Start] returns.
	Err error

	Process      *os.Process      // since Start
	ProcessState *os.ProcessState // since the process has ended

	hub     *hub.Hub
	links   hub.Links // who waits for the process's end
	exited  bool
	waitErr error // of asking for the state

	stdin, stdout, stderr pipe

	feeding      *gevent.Greenlet   // copies from Stdin
	copying      []*gevent.Greenlet // copy to Stdout and Stderr
	exitedAt     time.Duration      // the loop's time
	delayed      bool               // WaitDelay was over
	conversation *conversation      // see Communicate
}

// A pipe is a pipe to or from the process, if there is one.
type pipe struct {
	ours   *fileobject.FileObject
	theirs *os.File    // until Start
	ended  atomic.Bool // the end of an output was read, and ours is closed
}

// Command returns the Cmd that runs a program, which is looked for as
// [os/exec.Command] does, with arguments. It may be called anywhere.
func Command(name string, args ...string) *Cmd {
	c := exec.Command(name, args...)
	return &Cmd{Path: c.Path, Args: c.Args, Err: c.Err}
}

// Shell returns the Cmd that has /bin/sh run a script. It mirrors shell=True.
func Shell(script string) *Cmd { return Command("/bin/sh", "-c", script) }

// String returns the command, as [os/exec.Cmd.String] does.
func (c *Cmd) String() string {
	if c.Err != nil || len(c.Args) == 0 {
		return strings.Join(c.Args, " ")
	}
	return strings.Join(append([]string{c.Path}, c.Args[1:]...), " ")
}

// Environ returns the environment in which the command would run: see
// [os/exec.Cmd.Environ].
func (c *Cmd) Environ() []string { return c.exec().Environ() }

func (c *Cmd) exec() *exec.Cmd {
	return &exec.Cmd{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir,
		ExtraFiles: c.ExtraFiles, SysProcAttr: c.SysProcAttr, Err: c.Err}
}

// Start starts the process and does not wait for it: for that call [Cmd.Wait], or
// let the loop do it, which takes notice of the end in any case and leaves no
// zombie. A process that is still at work when its thread ends goes on alone; a
// goroutine waits for it.
//
// The errors are those of os/exec, such as an [*os/exec.Error] of a program that is
// not there, and an [*io/fs.PathError] of a Dir that is not; or of making pipes. Start
// does not park. Starting a Cmd a second time is an error.
func (c *Cmd) Start() error {
	h := c.require("subprocess.Start")
	if c.Process != nil {
		return errors.New("subprocess: already started")
	}
	if c.Err != nil {
		c.dropPipes()
		return c.Err
	}
	e := c.exec()
	err := c.attach(e)
	if err == nil {
		err = e.Start()
	}
	if err != nil {
		c.dropPipes()
		return err
	}
	c.closeTheirs()
	c.hub, c.Process = h, e.Process
	h.Hold(c)
	if _, err := h.Loop.AddChild(e.Process, c.ended); err != nil {
		panic(err) // the loop is open, since somebody calls
	}
	c.copy()
	return nil
}

// require returns the hub of the calling thread, and panics if there is none, or it
// is not the one to which the Cmd belongs.
func (c *Cmd) require(op string) *hub.Hub {
	if c.hub != nil {
		c.hub.CheckThread(op, c)
		return c.hub
	}
	h := hub.Current()
	if h == nil {
		hub.Require(op)
	}
	return h
}

// requireStarted is require for what makes sense after Start only.
func (c *Cmd) requireStarted(op string) {
	c.require(op)
	if c.Process == nil {
		panic(op + ": not started; call Start first")
	}
}

// ended is called by the loop when the process has ended.
func (c *Cmd) ended(state *os.ProcessState, err error) {
	c.exited, c.ProcessState, c.waitErr = true, state, err
	c.exitedAt = c.hub.Loop.Time()
	c.hub.Drop(c)
	if c.feeding != nil {
		c.feeding.KillAsync(nil) // it may wait for a reader that never ends
	}
	if c.stdin.ours != nil {
		_ = c.stdin.ours.Close() // it may be closed already
	}
	c.links.NotifyAll()
}

// Abandon has a goroutine wait for a process that outlives its thread, so that it is
// no zombie in the end.
func (c *Cmd) Abandon() {
	p := c.Process
	go p.Wait()
}

// Pid returns the process's number, or 0 before Start. It mirrors Popen.pid.
func (c *Cmd) Pid() int {
	if c.Process == nil {
		return 0
	}
	return c.Process.Pid
}

// ReturnCode returns the code with which the process has ended, and whether it has:
// its exit code, or -N if signal N ended it. It mirrors Popen.returncode.
func (c *Cmd) ReturnCode() (code int, ended bool) {
	if !c.exited {
		return 0, false
	}
	return returnCode(c.ProcessState), true
}

// Poll is [Cmd.ReturnCode], but has the loop look whether the process has ended: it
// parks the caller for a moment. In a callback it does not. It mirrors Popen.poll.
func (c *Cmd) Poll() (code int, ended bool) {
	c.requireStarted("subprocess.Poll")
	if f, p := hub.Here(); p != nil && !c.exited {
		_, err := p.ParkOn(f, &c.links, hub.Wait{Op: "subprocess.Poll", On: c}, true, 10*time.Microsecond)
		if err != nil {
			hub.Unwind(err)
		}
	}
	return c.ReturnCode()
}

// Ready reports whether the process has ended, as far as the loop knows. With
// [Cmd.Rawlink] it makes a Cmd a [gevent.Linkable].
func (c *Cmd) Ready() bool { return c.exited }

// Rawlink has f called in a callback of the loop when the process has ended, or in
// the next iteration if it has already. It may be called since Start. It mirrors
// Popen.rawlink.
func (c *Cmd) Rawlink(f func()) *gevent.Link {
	c.requireStarted("subprocess.Rawlink")
	return c.links.Rawlink(c.hub, c.exited, f)
}

var _ gevent.Linkable = (*Cmd)(nil)

// SendSignal sends the process a signal. If it has ended nothing happens, as in
// Python. It does not park.
func (c *Cmd) SendSignal(sig os.Signal) error {
	c.requireStarted("subprocess.SendSignal")
	if c.exited {
		return nil
	}
	if err := c.Process.Signal(sig); !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Kill ends the process with SIGKILL: see [Cmd.SendSignal]. It does not wait for the
// end.
func (c *Cmd) Kill() error { return c.SendSignal(os.Kill) }

// Terminate asks the process to end, with SIGTERM: see [Cmd.SendSignal]. Where there
// are no signals, on Windows, it is [Cmd.Kill].
func (c *Cmd) Terminate() error { return c.SendSignal(terminate) }

var _ hub.Resource = (*Cmd)(nil)

package subprocess

import (
	"bytes"
	"io"
	"os/exec"
	"time"
)

// Run starts the process and waits for its end: [Cmd.Start] and [Cmd.Wait]. If the
// caller is killed meanwhile, or its time is up, the process is killed and waited
// for.
func (c *Cmd) Run() error { return c.complete("subprocess.Run", false, 0) }

// RunTimeout is [Cmd.Run] for no longer than d. Then the process is killed and
// waited for, and the error is a [*TimeoutExpired].
func (c *Cmd) RunTimeout(d time.Duration) error { return c.complete("subprocess.RunTimeout", true, d) }

// Output runs the command, as [Cmd.Run] does, and returns what it writes to its
// standard output. If Stderr is nil, that is the Stderr of an [*os/exec.ExitError].
func (c *Cmd) Output() ([]byte, error) { return c.output("subprocess.Output", false, 0) }

// OutputTimeout is [Cmd.Output] for no longer than d. Then the process is killed and
// waited for, and the error is a [*TimeoutExpired] with the output so far.
func (c *Cmd) OutputTimeout(d time.Duration) ([]byte, error) {
	return c.output("subprocess.OutputTimeout", true, d)
}

func (c *Cmd) output(op string, limited bool, d time.Duration) ([]byte, error) {
	if c.Stdout != nil {
		return nil, errAlreadySet("Stdout")
	}
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	err := c.complete(op, limited, d)
	switch e := err.(type) {
	case *exec.ExitError:
		e.Stderr = stderr.Bytes()
	case *TimeoutExpired:
		e.Output, e.Stderr = bytes.Clone(stdout.Bytes()), bytes.Clone(stderr.Bytes())
	}
	return stdout.Bytes(), err
}

// CombinedOutput is [Cmd.Output] of standard output and standard error together.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	return c.combined("subprocess.CombinedOutput", false, 0)
}

// CombinedOutputTimeout is [Cmd.OutputTimeout] of both together.
func (c *Cmd) CombinedOutputTimeout(d time.Duration) ([]byte, error) {
	return c.combined("subprocess.CombinedOutputTimeout", true, d)
}

func (c *Cmd) combined(op string, limited bool, d time.Duration) ([]byte, error) {
	if c.Stderr != nil {
		return nil, errAlreadySet("Stderr")
	}
	c.Stderr = STDOUT
	return c.output(op, limited, d)
}

// A RunOption changes what [Run], [Call], [CheckCall] and [CheckOutput] do.
type RunOption func(*runOptions)

type runOptions struct {
	input          []byte
	hasInput       bool
	limited        bool
	limit          time.Duration
	capture, check bool
	captureOut     bool
}

// Input is what the process reads. It is an error if Stdin is set. It mirrors input=.
func Input(b []byte) RunOption { return func(o *runOptions) { o.input, o.hasInput = b, true } }

// Within limits the time: when d has passed the process is killed and waited for,
// and the error is a [*TimeoutExpired] with the output so far. It mirrors timeout=.
func Within(d time.Duration) RunOption {
	return func(o *runOptions) { o.limited, o.limit = true, d }
}

// CaptureOutput has standard output and standard error returned. It is an error if
// Stdout or Stderr is set. It mirrors capture_output=True.
func CaptureOutput() RunOption { return func(o *runOptions) { o.capture = true } }

// Check makes another code than 0 an error: see [CalledProcessError]. It mirrors
// check=True.
func Check() RunOption { return func(o *runOptions) { o.check = true } }

// A CompletedProcess is how a process has ended. It mirrors
// subprocess.CompletedProcess.
type CompletedProcess struct {
	Args           []string
	ReturnCode     int    // -N for signal N
	Stdout, Stderr []byte // nil unless they were captured

	failure *exec.ExitError
}

// CheckReturnCode returns a [*CalledProcessError] unless the code is 0.
func (p *CompletedProcess) CheckReturnCode() error {
	if p.ReturnCode == 0 {
		return nil
	}
	return &CalledProcessError{Args: p.Args, ReturnCode: p.ReturnCode, Output: p.Stdout, Stderr: p.Stderr, Err: p.failure}
}

// Run runs a command that was not started, and says how it ended: another code than
// 0 is no error, unless there is [Check]. Streams that are [PIPE] are captured, too;
// one that is nil is os.DevNull, where Python would pass on its own. If the caller is
// killed meanwhile, or its time is up, the process is killed and waited for. It
// mirrors subprocess.run.
func Run(c *Cmd, opts ...RunOption) (*CompletedProcess, error) {
	return run("subprocess.Run", c, opts)
}

// Call is [Run], and returns the code. It mirrors subprocess.call.
func Call(c *Cmd, opts ...RunOption) (int, error) {
	p, err := run("subprocess.Call", c, opts)
	if p == nil {
		return 0, err
	}
	return p.ReturnCode, err
}

// CheckCall is [Run] with [Check]. It mirrors subprocess.check_call.
func CheckCall(c *Cmd, opts ...RunOption) error {
	_, err := run("subprocess.CheckCall", c, append(opts[:len(opts):len(opts)], Check()))
	return err
}

// CheckOutput is [Run] with [Check], and returns the standard output, also with an
// error. It is an error if Stdout is set. It mirrors subprocess.check_output.
func CheckOutput(c *Cmd, opts ...RunOption) ([]byte, error) {
	p, err := run("subprocess.CheckOutput", c, append(opts[:len(opts):len(opts)], Check(), func(o *runOptions) { o.captureOut = true }))
	if p == nil {
		return nil, err
	}
	return p.Stdout, err
}

func run(op string, c *Cmd, opts []RunOption) (*CompletedProcess, error) {
	var o runOptions
	for _, opt := range opts {
		opt(&o)
	}
	if o.hasInput {
		if c.Stdin != nil {
			return nil, errAlreadySet("Stdin")
		}
		c.Stdin = bytes.NewReader(o.input)
	} else if c.Stdin == PIPE {
		c.Stdin = nil // which is at its end, too
	}
	stdout, err := captured("Stdout", &c.Stdout, o.capture || o.captureOut)
	if err != nil {
		return nil, err
	}
	stderr, err := captured("Stderr", &c.Stderr, o.capture)
	if err != nil {
		return nil, err
	}
	p := &CompletedProcess{Args: c.Args}
	err = c.complete(op, o.limited, o.limit)
	p.Stdout, p.Stderr = bytesOf(stdout), bytesOf(stderr)
	p.ReturnCode, _ = c.ReturnCode()
	switch e := err.(type) {
	case *exec.ExitError:
		p.failure, err = e, nil
		if o.check {
			err = p.CheckReturnCode()
		}
	case *TimeoutExpired:
		e.Output, e.Stderr = p.Stdout, p.Stderr
	}
	if c.Process == nil {
		return nil, err
	}
	return p, err
}

// captured makes the stream lead to a buffer, which it returns, if that is asked
// for.
func captured(name string, stream *io.Writer, asked bool) (*bytes.Buffer, error) {
	switch {
	case asked && *stream != nil:
		return nil, errAlreadySet(name)
	case *stream == PIPE, asked:
		b := &bytes.Buffer{}
		*stream = b
		return b, nil
	}
	return nil, nil
}

// bytesOf returns a copy of what is in the buffer, which may be nil: greenlets that
// were killed may still write to it.
func bytesOf(b *bytes.Buffer) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b.Bytes()...)
}

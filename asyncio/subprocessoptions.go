package asyncio

import (
	"os"
	"os/exec"
	"syscall"
)

// A Redirect says where a standard stream of a child process leads: for [WithStdin],
// [WithStdout] and [WithStderr].
type Redirect struct {
	kind redirectKind
	file *os.File
}

type redirectKind uint8

const (
	redirectInherit redirectKind = iota
	redirectPipe
	redirectStdout
	redirectNull
	redirectFile
)

// They mirror asyncio.subprocess.PIPE, STDOUT, DEVNULL, and None.
var (
	// PIPE makes a pipe between the process and the loop.
	PIPE = Redirect{kind: redirectPipe}
	// STDOUT, for the standard error, leads where the standard output leads.
	STDOUT = Redirect{kind: redirectStdout}
	// DEVNULL is os.DevNull.
	DEVNULL = Redirect{kind: redirectNull}
	// INHERIT is the stream of this process.
	INHERIT = Redirect{kind: redirectInherit}
)

// RedirectFile leads to an open file, which stays the caller's: the process has a copy.
// It is made blocking, as by [os.File.Fd].
func RedirectFile(f *os.File) Redirect {
	if f == nil {
		misuse("asyncio.RedirectFile", "the file is nil", "pass an open one, or use asyncio.DEVNULL")
	}
	return Redirect{redirectFile, f}
}

// String returns the name.
func (r Redirect) String() string {
	switch r.kind {
	case redirectPipe:
		return "PIPE"
	case redirectStdout:
		return "STDOUT"
	case redirectNull:
		return "DEVNULL"
	case redirectFile:
		return r.file.Name()
	}
	return "INHERIT"
}

// A SubprocessOption changes how a child process is started. [WithLimit] is one too,
// for [CreateSubprocessExec] and [CreateSubprocessShell].
type SubprocessOption interface{ toSubprocess(*subprocessOptions) }

type subprocessOptions struct {
	stdio [3]Redirect
	env   []string
	dir   string
	attr  *syscall.SysProcAttr
	extra []*os.File
}

type subprocessOption func(*subprocessOptions)

func (f subprocessOption) toSubprocess(o *subprocessOptions) { f(o) }

// The limit is that of the streams, which a SubprocessProtocol of one's own has not.

func (LimitOption) toSubprocess(*subprocessOptions) {}

// newSubprocessOptions returns what opts say; the streams they do not name lead where
// standard says.
func newSubprocessOptions(op string, standard Redirect, opts []SubprocessOption) *subprocessOptions {
	o := &subprocessOptions{stdio: [3]Redirect{standard, standard, standard}}
	for _, opt := range opts {
		opt.toSubprocess(o)
	}
	for _, r := range o.stdio[:2] {
		if r == STDOUT {
			misuse(op, "STDOUT is for WithStderr only", "use asyncio.PIPE, or RedirectFile")
		}
	}
	return o
}

// WithStdin says where the process's standard input comes from.
func WithStdin(r Redirect) SubprocessOption { return withStdio(0, r) }

// WithStdout says where its standard output goes.
func WithStdout(r Redirect) SubprocessOption { return withStdio(1, r) }

// WithStderr says where its standard error goes.
func WithStderr(r Redirect) SubprocessOption { return withStdio(2, r) }

func withStdio(fd int, r Redirect) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.stdio[fd] = r })
}

// WithEnv sets the process's environment, "key=value" each; by default it is that of
// this process. See [exec.Cmd]'s Env. It mirrors env=.
func WithEnv(env ...string) SubprocessOption {
	env = append([]string{}, env...)
	return subprocessOption(func(o *subprocessOptions) { o.env = env })
}

// WithDir sets the process's directory; by default it is that of this process. It
// mirrors cwd=.
func WithDir(dir string) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.dir = dir })
}

// WithSysProcAttr sets what is special of the system: for example
// &syscall.SysProcAttr{Setsid: true} for start_new_session=True.
func WithSysProcAttr(attr *syscall.SysProcAttr) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.attr = attr })
}

// WithExtraFiles has the process inherit open files, as its descriptors 3 and so on.
// It mirrors pass_fds=.
func WithExtraFiles(files ...*os.File) SubprocessOption {
	return subprocessOption(func(o *subprocessOptions) { o.extra = files })
}

// A subprocessFiles is a command with what its standard streams are.
type subprocessFiles struct {
	*exec.Cmd
	ours   [3]*takenPipe // our ends of pipes
	theirs []*os.File    // until the process has copies of them
}

// command makes a command of what the options say.
func (o *subprocessOptions) command(name string, args []string) (*subprocessFiles, error) {
	c := &subprocessFiles{Cmd: exec.Command(name, args...)}
	c.Env, c.Dir, c.SysProcAttr, c.ExtraFiles = o.env, o.dir, o.attr, o.extra
	var files [3]*os.File // nil is os.DevNull
	for fd, r := range o.stdio {
		var err error
		switch r.kind {
		case redirectInherit:
			files[fd] = [3]*os.File{os.Stdin, os.Stdout, os.Stderr}[fd]
		case redirectFile:
			// A closed one would be no error of os/exec, but no stream for the process.
			if _, err = r.file.Stat(); err == nil {
				files[fd] = r.file
			}
		case redirectStdout:
			files[fd] = files[1]
		case redirectPipe:
			files[fd], err = c.pipe(fd)
		}
		if err != nil {
			c.drop()
			return nil, err
		}
	}
	// A nil *os.File is no nil io.Reader.
	if files[0] != nil {
		c.Stdin = files[0]
	}
	if files[1] != nil {
		c.Stdout = files[1]
	}
	if files[2] != nil {
		c.Stderr = files[2]
	}
	return c, nil
}

// pipe makes a pipe, and returns the process's end.
func (c *subprocessFiles) pipe(fd int) (*os.File, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if fd != 0 {
		theirs, ours = ours, theirs
	}
	c.theirs = append(c.theirs, theirs)
	x, err := takePipe(ours)
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	c.ours[fd] = &x
	return theirs, nil
}

// start starts the process.
func (c *subprocessFiles) start() error {
	err := c.Start()
	if err != nil {
		c.drop()
	}
	c.closeTheirs()
	return err
}

func (c *subprocessFiles) closeTheirs() {
	for _, f := range c.theirs {
		_ = f.Close()
	}
	c.theirs = nil
}

// drop closes the pipes of a process that was not started.
func (c *subprocessFiles) drop() {
	c.closeTheirs()
	for _, x := range c.ours {
		if x != nil {
			x.close()
		}
	}
}

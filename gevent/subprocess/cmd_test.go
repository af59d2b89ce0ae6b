//go:build unix

package subprocess_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
	"github.com/baton-go/baton/gevent/subprocess"
	"github.com/baton-go/baton/internal/hub"
)

// start starts a command.
func start(t testing.TB, c *subprocess.Cmd) *subprocess.Cmd {
	t.Helper()
	require.NoError(t, c.Start())
	return c
}

// code requires that the process has ended with the code.
func code(t testing.TB, c *subprocess.Cmd, want int) {
	t.Helper()
	got, ended := c.ReturnCode()
	require.True(t, ended)
	require.Equal(t, want, got)
}

func TestACommand(t *testing.T) {
	leavesNothing(t)
	test(t, "T164 ends with a code", func(t *testing.T) {
		c := start(t, subprocess.Shell("exit 10"))
		require.Positive(t, c.Pid())
		_, ended := c.ReturnCode()
		require.False(t, ended)
		err := c.Wait()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 10, exit.ExitCode())
		code(t, c, 10)
		require.Equal(t, err, c.Wait(), "again")
		require.Equal(t, "/bin/sh -c exit 10", c.String())
		require.NoError(t, start(t, subprocess.Shell("exit 0")).Wait())
	})
	test(t, "T164 can be waited for with other things", func(t *testing.T) {
		a, b := start(t, subprocess.Shell(forever)), start(t, subprocess.Shell("exit 11"))
		require.Equal(t, []*subprocess.Cmd{b}, gevent.WaitWith([]*subprocess.Cmd{a, b}, gevent.Count(1)))
		got, ended := b.Poll()
		require.True(t, ended)
		require.Equal(t, 11, got)
		linked := false
		b.Rawlink(func() { linked = true })
		gevent.Sleep(0)
		require.True(t, linked, "also when it has ended")
		_, ended = a.Poll()
		require.False(t, ended)
		require.False(t, a.Ready())
		require.NoError(t, a.Terminate())
		require.Error(t, a.Wait())
		code(t, a, -int(syscall.SIGTERM))
	})
	test(t, "T164 polled until it has ended", func(t *testing.T) {
		c := start(t, subprocess.Shell("exit 3"))
		for {
			if got, ended := c.Poll(); ended {
				require.Equal(t, 3, got)
				return
			}
		}
	})
	test(t, "T221 can be waited for for a time, and killed", func(t *testing.T) {
		c := start(t, subprocess.Shell(forever))
		err := c.WaitTimeout(time.Millisecond)
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
		require.ErrorIs(t, err, gevent.ErrTimeout)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, os.IsTimeout(err))
		require.EqualError(t, err, "subprocess: command '/bin/sh -c exec sleep 1000' timed out after 1ms")
		require.NoError(t, c.Kill())
		require.Error(t, c.WaitTimeout(time.Minute))
		code(t, c, -9)
		got, ended := c.Poll()
		require.True(t, ended)
		require.Equal(t, -9, got)
		require.NoError(t, c.Kill(), "it has ended")
		require.NoError(t, c.SendSignal(syscall.SIGHUP))
	})
	test(t, "T164 that is not there is an error of os/exec, and leaks nothing", func(t *testing.T) {
		before := descriptors(t)
		for range 7 {
			c := subprocess.Command("/is/not/there")
			c.Stdin, c.Stdout, c.Stderr = subprocess.PIPE, subprocess.PIPE, subprocess.PIPE
			err := c.Start()
			require.ErrorIs(t, err, syscall.ENOENT)
			var pe *fs.PathError
			require.ErrorAs(t, err, &pe)
			require.Equal(t, "/is/not/there", pe.Path)
			err = subprocess.Command("is-not-there-either").Run()
			require.ErrorIs(t, err, exec.ErrNotFound)
			c = subprocess.Shell("exit 0")
			c.Dir = "/is/not/there"
			_, err = c.StdoutPipe()
			require.NoError(t, err)
			require.ErrorIs(t, c.Start(), syscall.ENOENT)
		}
		require.Equal(t, before, descriptors(t))
	})
	test(t, "has fields as in os/exec", func(t *testing.T) {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		c := subprocess.Shell("pwd -P; echo $NAME; cat <&3")
		c.Dir, c.Env = dir, append(c.Environ(), "NAME=value")
		r, w, err := os.Pipe()
		require.NoError(t, err)
		_, err = w.WriteString("extra")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		c.ExtraFiles = []*os.File{r}
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := c.Output()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.Equal(t, dir+"\nvalue\nextra", string(out))
		require.EqualError(t, c.Start(), "subprocess: already started")
	})
	test(t, "T164 has a standard input that blocks", func(t *testing.T) {
		c := subprocess.Shell("cat") // which would fail with EAGAIN
		in, err := c.StdinPipe()
		require.NoError(t, err)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		start(t, c)
		for range 3 {
			require.ErrorIs(t, c.WaitTimeout(time.Millisecond), subprocess.ErrTimeoutExpired)
			_, err = io.WriteString(in, "x")
			require.NoError(t, err)
			_, err = io.ReadFull(out, make([]byte, 1))
			require.NoError(t, err)
		}
		require.NoError(t, in.Close())
		_, err = out.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		require.NoError(t, c.Wait())
		require.NoError(t, out.Close())
	})
	test(t, "closes its standard input when it has ended", func(t *testing.T) {
		c := subprocess.Shell("exit 0")
		in, err := c.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, start(t, c).Wait())
		_, err = io.WriteString(in, "x")
		require.ErrorIs(t, err, os.ErrClosed)
	})
	test(t, "leaves nobody who copies when it has ended", func(t *testing.T) {
		before := hub.Current().Live()
		c := subprocess.Shell("exit 0")
		c.Stdin = readerFunc(func([]byte) (int, error) { gevent.Sleep(time.Hour); return 0, io.EOF })
		require.NoError(t, c.Run())
		c = subprocess.Shell("echo text; " + forever)
		c.Stdout = slowWriter{}
		require.ErrorIs(t, c.RunTimeout(20*time.Millisecond), subprocess.ErrTimeoutExpired)
		gevent.Sleep(0)
		gevent.Sleep(0)
		require.Equal(t, before, hub.Current().Live())
	})
	test(t, "has one pipe for a writer only if it is the same, which some cannot be asked", func(t *testing.T) {
		var w sliceWriter
		c := subprocess.Shell("echo out; echo err >&2")
		c.Stdout, c.Stderr = w, w
		require.NoError(t, c.Run())
	})
	test(t, "is waited for no longer than the limit, whatever WaitDelay is", func(t *testing.T) {
		c := subprocess.Shell("sleep 0.3 & exit 0")
		c.Stdout, c.WaitDelay = &bytes.Buffer{}, time.Hour
		require.ErrorIs(t, start(t, c).WaitTimeout(50*time.Millisecond), subprocess.ErrTimeoutExpired)
		require.NoError(t, c.Wait())
	})
	test(t, "tells everybody who reads its output of the end", func(t *testing.T) {
		c := subprocess.Shell("sleep 0.05")
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		var all []*gevent.Greenlet
		for _, read := range []func() error{
			func() error { _, err := io.ReadAll(out); return err },
			func() error { _, err := io.ReadAll(out); return err },
			func() error { _, err := io.Copy(io.Discard, out); return err },
			func() error { _, err := io.Copy(io.Discard, out); return err },
		} {
			all = append(all, gevent.Spawn(read))
		}
		require.NoError(t, start(t, c).Wait())
		gevent.JoinAll(all...)
		for _, g := range all {
			require.NoError(t, g.Err())
		}
		require.NoError(t, out.Close())
	})
	test(t, "copies from readers and to writers", func(t *testing.T) {
		var out, errs bytes.Buffer
		c := subprocess.Shell("cat; echo oops >&2")
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader(strings.Repeat("x", 1<<20)), &out, &errs
		require.NoError(t, c.Run())
		require.Equal(t, 1<<20, out.Len())
		require.Equal(t, "oops\n", errs.String())
	})
	test(t, "writes to one writer in order, and to files", func(t *testing.T) {
		var out bytes.Buffer
		c := subprocess.Shell("echo 1; echo 2 >&2; echo 3")
		c.Stdout, c.Stderr = &out, &out
		require.NoError(t, c.Run())
		require.Equal(t, "1\n2\n3\n", out.String())
		f, err := os.CreateTemp(t.TempDir(), "out")
		require.NoError(t, err)
		defer f.Close()
		c = subprocess.Shell("echo 1; echo 2 >&2; echo 3")
		c.Stdout, c.Stderr = f, subprocess.STDOUT
		require.NoError(t, c.Run())
		data, err := fileobject.ReadFile(f.Name())
		require.NoError(t, err)
		require.Equal(t, "1\n2\n3\n", string(data))
	})
	test(t, "can be a part of a pipeline", func(t *testing.T) {
		a, b := subprocess.Shell("echo 6; echo 7"), subprocess.Shell("read x; read y; echo $((x*y))")
		pipe, err := a.StdoutPipe()
		require.NoError(t, err)
		b.Stdin = pipe
		start(t, a)
		out, err := b.Output()
		require.NoError(t, err)
		require.Equal(t, "42\n", string(out))
		require.NoError(t, a.Wait())
	})
	test(t, "may leave its input alone", func(t *testing.T) {
		c := subprocess.Shell("exit 0")
		c.Stdin = bytes.NewReader(make([]byte, 1<<20))
		require.NoError(t, c.Run())
		r, w, err := os.Pipe() // whose end never comes
		require.NoError(t, err)
		in, err := fileobject.New(r)
		require.NoError(t, err)
		c = subprocess.Shell("exit 0")
		c.Stdin = in
		require.NoError(t, c.Run())
		require.NoError(t, w.Close())
		require.NoError(t, in.Close())
	})
	test(t, "fails with its writer or reader", func(t *testing.T) {
		errFull := errors.New("full")
		c := subprocess.Shell("echo text")
		c.Stdout = writerFunc(func([]byte) (int, error) { return 0, errFull })
		require.ErrorIs(t, c.Run(), errFull)
		c = subprocess.Shell("cat")
		c.Stdin = io.MultiReader(strings.NewReader("x"), readerFunc(func([]byte) (int, error) { return 0, errFull }))
		require.ErrorIs(t, c.Run(), errFull)
	})
	test(t, "does not wait longer than WaitDelay for who holds its output", func(t *testing.T) {
		var out bytes.Buffer
		c := subprocess.Shell("sleep 1000 & echo $!")
		c.Stdout, c.WaitDelay = &out, 10*time.Millisecond
		start(t, c)
		require.ErrorIs(t, c.Wait(), exec.ErrWaitDelay)
		code(t, c, 0)
		killPrinted(t, out.String())
		c = subprocess.Shell("sleep 1000 & echo $!")
		out.Reset()
		c.Stdout = &out
		start(t, c)
		gevent.Wait(c)
		require.ErrorIs(t, c.WaitTimeout(time.Millisecond), subprocess.ErrTimeoutExpired)
		for out.Len() == 0 {
			gevent.Sleep(time.Millisecond)
		}
		killPrinted(t, out.String())
		require.NoError(t, c.Wait())
	})
	test(t, "refuses what makes no sense", func(t *testing.T) {
		c := subprocess.Shell("exit 0")
		c.Stdin = subprocess.STDOUT
		require.EqualError(t, c.Start(), "subprocess: Stdin cannot be STDOUT")
		c = subprocess.Shell("exit 0")
		c.Stdout = subprocess.STDOUT
		require.EqualError(t, c.Start(), "subprocess: Stdout cannot be STDOUT")
		c = subprocess.Shell("exit 0")
		c.Stdout = os.Stdout
		_, err := c.Output()
		require.EqualError(t, err, "subprocess: Stdout already set")
		_, err = c.StdoutPipe()
		require.EqualError(t, err, "subprocess: Stdout already set")
		c.Stderr = os.Stderr
		_, err = c.CombinedOutput()
		require.EqualError(t, err, "subprocess: Stderr already set")
		_, err = subprocess.PIPE.Read(nil)
		require.ErrorIs(t, err, os.ErrInvalid)
		_, err = subprocess.PIPE.Write(nil)
		require.ErrorIs(t, err, os.ErrInvalid)
		require.Equal(t, "subprocess.PIPE", subprocess.PIPE.String())
		require.PanicsWithValue(t, "subprocess.Wait: not started; call Start first", func() { c.Wait() })
		require.PanicsWithValue(t, "subprocess.Poll: not started; call Start first", func() { c.Poll() })
		c = start(t, subprocess.Shell("exit 0"))
		_, err = c.StdinPipe()
		require.Error(t, err)
		_, _, err = c.Communicate([]byte("x"))
		require.Error(t, err)
		require.NoError(t, c.Wait())
	})
	test(t, "T164 may be started in any thread, and is its own", func(t *testing.T) {
		c := start(t, subprocess.Shell("exit 0"))
		var message any
		gevent.Offload(func() {
			err := gevent.Run(func() error {
				func() {
					defer func() { message = recover() }()
					c.Wait()
				}()
				return subprocess.Shell("exit 0").Run()
			})
			if err != nil {
				message = err
			}
		})
		require.ErrorIs(t, message.(error), gevent.ErrWrongThread)
		require.ErrorContains(t, message.(error), "subprocess.Wait: "+c.String()+" belongs to another thread")
		require.NoError(t, c.Wait())
		gevent.Offload(func() {
			defer func() { message = recover() }()
			subprocess.Shell("exit 0").Start()
		})
		require.Contains(t, message, "belongs to no thread")
	})
	test(t, "has Null for DEVNULL", func(t *testing.T) {
		c := subprocess.Shell("cat; echo text")
		c.Stdin, c.Stdout, c.Stderr = subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL
		require.NoError(t, c.Run())
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// A slowWriter takes an hour for each write.
type slowWriter struct{}

func (slowWriter) Write(b []byte) (int, error) { gevent.Sleep(time.Hour); return len(b), nil }

// A sliceWriter cannot be compared.
type sliceWriter []byte

func (sliceWriter) Write(b []byte) (int, error) { return len(b), nil }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// killPrinted ends a process that is nobody's child any more.
func killPrinted(t testing.TB, pid string) {
	t.Helper()
	require.NoError(t, exec.Command("/bin/sh", "-c", "kill -9 "+pid).Run())
}

func TestAProcessThatOutlivesItsThread(t *testing.T) {
	needsShell(t)
	leavesNothing(t)
	var c *subprocess.Cmd
	require.NoError(t, gevent.Run(func() {
		c = subprocess.Shell(forever)
		_, err := c.StdoutPipe()
		require.NoError(t, err)
		start(t, c)
		gevent.Spawn(func() { c.Wait() })
		gevent.Sleep(0)
	}))
	require.NoError(t, syscall.Kill(c.Pid(), 0), "it goes on")
	require.NoError(t, syscall.Kill(c.Pid(), syscall.SIGKILL))
}

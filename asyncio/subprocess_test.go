//go:build unix

package asyncio_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// A spProtocol notes what it is told.
type spProtocol struct {
	o      trace
	t      asyncio.SubprocessTransport
	data   [3]string
	order  [3]trace // of each descriptor
	lost   map[int]error
	exited bool
	over   bool
	got    func(fd int, data []byte)
	woken  *asyncio.Future[none]
}

func (p *spProtocol) note(v ...any) {
	p.o.add(v...)
	if f := p.woken; f != nil {
		p.woken = nil
		_ = f.SetResult(none{})
	}
}

func (p *spProtocol) ConnectionMade(t asyncio.SubprocessTransport) {
	p.t, p.lost = t, make(map[int]error)
	p.note("made")
}

func (p *spProtocol) PipeDataReceived(fd int, data []byte) {
	p.data[fd] += string(data)
	p.order[fd].add("data")
	if p.got != nil {
		p.got(fd, data)
	}
	p.note("data ", fd)
}

func (p *spProtocol) PipeConnectionLost(fd int, err error) {
	p.lost[fd] = err
	p.order[fd].add("lost")
	p.note("pipe lost ", fd)
}

func (p *spProtocol) ProcessExited() {
	p.exited = true
	p.note("exited")
}

func (p *spProtocol) ConnectionLost(err error) {
	p.over = true
	p.note("lost ", err)
}

// wait waits until something is so, which it looks at after each call.
func (p *spProtocol) wait(c ctx, until func() bool) error {
	for !until() {
		p.woken = asyncio.NewFuture[none](asyncio.RunningLoop(c))
		if _, err := p.woken.Await(c); err != nil {
			return err
		}
	}
	return nil
}

// ended waits for the end of all.
func (p *spProtocol) ended(c ctx) error { return p.wait(c, func() bool { return p.over }) }

// code is the return code of a process that has exited.
func spCode(t testing.TB, p interface{ ReturnCode() (int, bool) }) int {
	t.Helper()
	code, exited := p.ReturnCode()
	require.True(t, exited)
	return code
}

// spShell starts a command whose protocol notes what comes.
func spShell(t testing.TB, c ctx, cmd string, opts ...asyncio.SubprocessOption) *spProtocol {
	t.Helper()
	tr, p, err := asyncio.SubprocessShell(c, func() *spProtocol { return &spProtocol{} }, cmd, opts...)
	require.NoError(t, err)
	require.Equal(t, tr, p.t)
	return p
}

// spWrite writes to the process's standard input.
func spWrite(t testing.TB, p *spProtocol, s string) {
	t.Helper()
	_, err := p.t.PipeTransport(0).(asyncio.WriteTransport).Write([]byte(s))
	require.NoError(t, err)
}

// spTest is a sub-test in a task, which leaves no process and no descriptor.
func spTest(t *testing.T, name string, f func(t *testing.T, c ctx)) {
	t.Run(name, func(t *testing.T) {
		spNeeds(t)
		leavesNothingE(t)
		require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
	})
}

func spNeeds(t testing.TB) {
	t.Helper()
	for _, program := range []string{"sh", "cat", "sleep", "head"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}

// spSleeping is a command that says that it runs, and then does nothing.
const spSleeping = "echo sleeping; exec sleep 1000"

func TestSubprocessTransports(t *testing.T) {
	spTest(t, "EV-11 SP-05 exec a program, and tell of all that happens to it", func(t *testing.T, c ctx) {
		tr, p, err := asyncio.SubprocessExec(c, func() *spProtocol { return &spProtocol{} },
			"/bin/sh", []string{"-c", "echo out; echo err >&2; exit 3"})
		require.NoError(t, err)
		require.Equal(t, trace{"made"}, p.o)
		require.NoError(t, p.ended(c))
		require.Equal(t, [3]string{"", "out\n", "err\n"}, p.data)
		require.Equal(t, trace{"data", "lost"}, p.order[1])
		require.Equal(t, trace{"data", "lost"}, p.order[2])
		require.Equal(t, map[int]error{0: nil, 1: nil, 2: nil}, p.lost)
		require.ElementsMatch(t, trace{"made", "data 1", "data 2", "pipe lost 0", "pipe lost 1", "pipe lost 2", "exited", "lost <nil>"}, p.o)
		require.Equal(t, "lost <nil>", p.o[len(p.o)-1])
		require.Equal(t, 3, spCode(t, tr))
		require.Equal(t, fmt.Sprintf("process %d: /bin/sh -c echo out; echo err >&2; exit 3", tr.Pid()), fmt.Sprint(tr))
		require.Equal(t, tr.Pid(), tr.ExtraInfo("subprocess").(*os.Process).Pid)
		require.Nil(t, tr.ExtraInfo("pipe"))
		for _, send := range []func() error{tr.Terminate, tr.Kill, func() error { return tr.SendSignal(syscall.SIGHUP) }} {
			require.ErrorIs(t, send(), os.ErrProcessDone)
		}
		tr.Close()
		require.True(t, tr.IsClosing())
	})
	spTest(t, "EV-11 talk to it", func(t *testing.T, c ctx) {
		p := spShell(t, c, "exec cat")
		in := p.t.PipeTransport(0).(asyncio.WriteTransport)
		for _, s := range []string{"Python ", "The Winner"} {
			before := p.data[1]
			spWrite(t, p, s)
			require.NoError(t, p.wait(c, func() bool { return p.data[1] == before+s }))
		}
		require.NoError(t, in.WriteEOF())
		require.NoError(t, p.ended(c))
		require.Zero(t, spCode(t, p.t))
		require.Equal(t, "Python The Winner", p.data[1])
	})
	spTest(t, "EV-11 a shell's code", func(t *testing.T, c ctx) {
		p := spShell(t, c, "exit 7", asyncio.WithStdin(asyncio.DEVNULL), asyncio.WithStdout(asyncio.INHERIT), asyncio.WithStderr(asyncio.DEVNULL))
		for fd := -1; fd <= 3; fd++ {
			require.Nil(t, p.t.PipeTransport(fd))
		}
		_, exited := p.t.ReturnCode()
		require.False(t, exited)
		require.NoError(t, p.ended(c))
		require.Equal(t, 7, spCode(t, p.t))
		require.Equal(t, trace{"made", "exited", "lost <nil>"}, p.o)
	})
	spTest(t, "EV-11 signals", func(t *testing.T, c ctx) {
		for want, send := range map[int]func(asyncio.SubprocessTransport) error{
			-9:  asyncio.SubprocessTransport.Kill,
			-15: asyncio.SubprocessTransport.Terminate,
			-1:  func(tr asyncio.SubprocessTransport) error { return tr.SendSignal(syscall.SIGHUP) },
		} {
			p := spShell(t, c, spSleeping)
			require.NoError(t, p.wait(c, func() bool { return p.data[1] == "sleeping\n" }))
			require.NoError(t, send(p.t))
			require.NoError(t, p.wait(c, func() bool { return p.exited }))
			require.Equal(t, want, spCode(t, p.t))
			p.t.Close()
			require.NoError(t, p.ended(c))
		}
	})
	spTest(t, "EV-11 its outputs are two, or one", func(t *testing.T, c ctx) {
		script := `cat >/dev/null; printf OUT:test; printf ERR:test >&2`
		p := spShell(t, c, script)
		p.t.PipeTransport(0).Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, [3]string{"", "OUT:test", "ERR:test"}, p.data)
		p = spShell(t, c, script, asyncio.WithStderr(asyncio.STDOUT))
		require.Nil(t, p.t.PipeTransport(2))
		p.t.PipeTransport(0).Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, [3]string{"", "OUT:testERR:test", ""}, p.data)
		require.NotContains(t, p.lost, 2)
	})
	spTest(t, "EV-11 it may close its streams, and go on", func(t *testing.T, c ctx) {
		p := spShell(t, c, "exec >&- 2>&-; read line; exit 4")
		require.NoError(t, p.wait(c, func() bool { return len(p.lost) == 2 }))
		require.False(t, p.exited)
		spWrite(t, p, "go\n")
		p.t.PipeTransport(0).Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, 4, spCode(t, p.t))
	})
	spTest(t, "EV-11 wait for it in another session", func(t *testing.T, c ctx) {
		p := spShell(t, c, "exit 7", asyncio.WithSysProcAttr(&syscall.SysProcAttr{Setsid: true}))
		p.t.PipeTransport(0).Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, 7, spCode(t, p.t))
	})
	spTest(t, "SP-04 close kills it while it runs", func(t *testing.T, c ctx) {
		p := spShell(t, c, spSleeping)
		p.t.Close()
		p.t.Close()
		require.True(t, p.t.IsClosing())
		require.False(t, p.exited)
		require.NoError(t, p.ended(c))
		require.Equal(t, -9, spCode(t, p.t))
	})
	spTest(t, "SP-04 close leaves one alone that has exited", func(t *testing.T, c ctx) {
		p := spShell(t, c, "exit 5")
		require.NoError(t, p.wait(c, func() bool { return p.exited }))
		p.t.Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, 5, spCode(t, p.t))
	})
	spTest(t, "is told when it does not read, if it has the methods", func(t *testing.T, c ctx) {
		var p *spFlowProtocol
		_, _, err := asyncio.SubprocessShell(c, func() *spFlowProtocol { p = &spFlowProtocol{}; return p }, "read go; cat >/dev/null")
		require.NoError(t, err)
		spWrite(t, &p.spProtocol, strings.Repeat("x", 300_000))
		require.Equal(t, trace{"pause"}, p.flow)
		spWrite(t, &p.spProtocol, "\n")
		p.t.PipeTransport(0).Close()
		require.NoError(t, p.ended(c))
		require.Equal(t, trace{"pause", "resume"}, p.flow)
	})
	t.Run("reports panics of its protocol, and goes on", func(t *testing.T) {
		spNeeds(t)
		leavesNothingE(t)
		var reports trace
		require.NoError(t, run(t, func(c ctx) error {
			p := spShell(t, c, "echo one; read line; echo two")
			p.got = func(int, []byte) { panic("no") }
			for len(reports) == 0 {
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			p.got = nil
			spWrite(t, p, "go\n")
			require.NoError(t, p.ended(c))
			require.Equal(t, "one\ntwo\n", p.data[1])
			return nil
		}, asyncio.WithExceptionHandler(func(l *asyncio.Loop, e asyncio.ExceptionContext) {
			reports.add(e.Message, " ", e.Transport != nil, " ", e.Protocol != nil)
		})))
		require.Equal(t, trace{"Exception in callback true true"}, reports)
	})
	spTest(t, "N23 tells what is wrong", func(t *testing.T, c ctx) {
		made := func() *spProtocol { return &spProtocol{} }
		_, _, err := asyncio.SubprocessExec(c, made, "there-is-no-such-program", nil)
		require.ErrorIs(t, err, exec.ErrNotFound)
		_, _, err = asyncio.SubprocessExec(c, made, "/nowhere/program", nil)
		require.ErrorIs(t, err, os.ErrNotExist)
		_, _, err = asyncio.SubprocessShell(c, made, "exit", asyncio.WithDir("/nowhere"))
		require.ErrorIs(t, err, os.ErrNotExist)
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, _, err = asyncio.SubprocessExec(c, made, file, nil)
		require.ErrorIs(t, err, os.ErrPermission)
		require.Panics(t, func() { _, _, _ = asyncio.SubprocessShell(c, made, "exit", asyncio.WithStdin(asyncio.STDOUT)) })
		require.Panics(t, func() { _, _, _ = asyncio.SubprocessShell(c, made, "exit", asyncio.WithStdout(asyncio.STDOUT)) })
		require.Panics(t, func() { _, _, _ = asyncio.SubprocessShell[*spProtocol](c, nil, "exit") })
		require.Panics(t, func() { _, _, _ = asyncio.SubprocessExec[*spProtocol](c, nil, "sh", nil) })
		require.Panics(t, func() {
			_, _, _ = asyncio.SubprocessShell(c, func() asyncio.SubprocessProtocol { return nil }, "exit")
		})
		require.Panics(t, func() { asyncio.RedirectFile(nil) })
	})
	spTest(t, "SP-04 creation that is cancelled kills it", func(t *testing.T, c ctx) {
		for n := range 5 {
			var p *spProtocol
			task := spawn(c, func(c ctx) error {
				_, _, err := asyncio.SubprocessShell(c, func() *spProtocol { p = &spProtocol{}; return p }, spSleeping)
				return err
			})
			for range n {
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			task.Cancel()
			_, err := task.Await(c)
			if err != nil {
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				require.True(t, p == nil || p.exited, "it is waited for")
				continue
			}
			require.Greater(t, n, 1)
			p.t.Close()
			require.NoError(t, p.ended(c))
		}
		ended, cancel := context.WithCancel(c)
		cancel()
		var p *spProtocol
		_, _, err := asyncio.SubprocessShell(ended, func() *spProtocol { p = &spProtocol{}; return p }, spSleeping)
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, p.exited)
	})
	t.Run("is killed with its loop", func(t *testing.T) {
		spNeeds(t)
		leavesNothingE(t)
		var reports trace
		l, err := asyncio.NewLoop(asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			reports.add(e.Message, " ", e.Transport)
		}))
		require.NoError(t, err)
		var p *spProtocol
		_, err = asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			p = spShell(t, c, spSleeping)
			return nil
		}))
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.Equal(t, trace{"unclosed transport " + fmt.Sprint(p.t)}, reports)
		require.False(t, p.exited)
		p.t.Close()
		_, exited := p.t.ReturnCode()
		require.False(t, exited)
	})
}

// A spFlowProtocol has the methods for flow control, too.
type spFlowProtocol struct {
	spProtocol
	flow trace
}

func (p *spFlowProtocol) PauseWriting()  { p.flow.add("pause") }
func (p *spFlowProtocol) ResumeWriting() { p.flow.add("resume") }

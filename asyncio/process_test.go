//go:build unix

package asyncio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

var (
	spStdin  = asyncio.WithStdin(asyncio.PIPE)
	spStdout = asyncio.WithStdout(asyncio.PIPE)
	spStderr = asyncio.WithStderr(asyncio.PIPE)
)

// spProcess starts a command with streams.
func spProcess(t testing.TB, c ctx, cmd string, opts ...asyncio.SubprocessOption) *asyncio.Process {
	t.Helper()
	p, err := asyncio.CreateSubprocessShell(c, cmd, opts...)
	require.NoError(t, err)
	return p
}

// spWait waits for the process and its pipes, and checks the code.
func spWait(t testing.TB, c ctx, p *asyncio.Process, want int) {
	t.Helper()
	code, err := p.Wait(c)
	require.NoError(t, err)
	require.Equal(t, want, code)
	require.Equal(t, want, spCode(t, p))
	require.NoError(t, p.WaitPipes(c))
}

// spReady reads the line that says that the process runs.
func spReady(t testing.TB, c ctx, p *asyncio.Process) {
	t.Helper()
	line, err := p.Stdout.ReadLine(c)
	require.NoError(t, err)
	require.Equal(t, "sleeping\n", string(line))
}

func TestProcesses(t *testing.T) {
	spTest(t, "SP-01 N23 copy their input, which is written by hand", func(t *testing.T, c ctx) {
		p, err := asyncio.CreateSubprocessExec(c, "cat", nil, spStdin, spStdout)
		require.NoError(t, err)
		require.Nil(t, p.Stderr)
		_, err = p.Stdin.Write([]byte("some data"))
		require.NoError(t, err)
		require.NoError(t, p.Stdin.Drain(c))
		require.NoError(t, p.Stdin.Close())
		data, err := p.Stdout.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "some data", string(data))
		spWait(t, c, p, 0)
		require.NoError(t, p.Stdin.WaitClosed(c))
		require.Positive(t, p.Pid())
		require.True(t, strings.HasPrefix(p.String(), fmt.Sprintf("process %d: ", p.Pid())), p.String())
		require.True(t, p.Transport().IsClosing())
	})
	spTest(t, "SP-01 N23 copy their input, which Communicate writes", func(t *testing.T, c ctx) {
		for _, input := range []string{"some data", ""} {
			p := spProcess(t, c, "exec cat", spStdin, spStdout)
			stdout, stderr, err := p.Communicate(c, []byte(input))
			require.NoError(t, err)
			require.Equal(t, []byte(input), stdout)
			require.Nil(t, stderr)
			spWait(t, c, p, 0)
		}
	})
	spTest(t, "SP-01 N23 write to both outputs, or to one", func(t *testing.T, c ctx) {
		stdout, stderr, err := spProcess(t, c, "echo OUT; echo ERR >&2", spStdout, spStderr).Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, "OUT\n ERR\n", string(stdout)+" "+string(stderr))
		stdout, stderr, err = spProcess(t, c, "echo OUT; echo ERR >&2", spStdout, asyncio.WithStderr(asyncio.STDOUT)).Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, "OUT\nERR\n", string(stdout))
		require.Nil(t, stderr)
	})
	spTest(t, "SP-01 read and write os.DevNull", func(t *testing.T, c ctx) {
		null := asyncio.DEVNULL
		p := spProcess(t, c, "exec cat", asyncio.WithStdin(null), spStdout)
		require.Nil(t, p.Stdin)
		stdout, _, err := p.Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, []byte{}, stdout)
		p = spProcess(t, c, "echo OUT; echo ERR >&2", asyncio.WithStdin(null), asyncio.WithStdout(null), asyncio.WithStderr(null))
		stdout, stderr, err := p.Communicate(c, nil)
		require.NoError(t, err)
		require.Nil(t, stdout)
		require.Nil(t, stderr)
		spWait(t, c, p, 0)
	})
	spTest(t, "SP-01 N23 exit with a code", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "exit 7")
		_, exited := p.ReturnCode()
		require.False(t, exited)
		spWait(t, c, p, 7)
	})
	spTest(t, "SP-01 run in a new session", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "exit 8", asyncio.WithSysProcAttr(&syscall.SysProcAttr{Setsid: true}))
		spWait(t, c, p, 8)
	})
	spTest(t, "SP-01 N23 die of signals, and then take none", func(t *testing.T, c ctx) {
		for want, send := range map[int]func(*asyncio.Process) error{
			-9:  (*asyncio.Process).Kill,
			-15: (*asyncio.Process).Terminate,
			-1:  func(p *asyncio.Process) error { return p.SendSignal(syscall.SIGHUP) },
		} {
			p := spProcess(t, c, spSleeping, spStdout)
			spReady(t, c, p)
			require.NoError(t, send(p))
			spWait(t, c, p, want)
			require.ErrorIs(t, send(p), os.ErrProcessDone)
		}
	})
	spTest(t, "have an environment, a directory and files", func(t *testing.T, c ctx) {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		extra, w, err := os.Pipe()
		require.NoError(t, err)
		defer extra.Close()
		out, err := os.Create(filepath.Join(dir, "out"))
		require.NoError(t, err)
		defer out.Close()
		p := spProcess(t, c, `pwd; echo "$WORD"; echo extra >&3`, asyncio.WithDir(dir), asyncio.WithEnv("WORD=hello"),
			asyncio.WithExtraFiles(w), asyncio.WithStdout(asyncio.RedirectFile(out)))
		require.NoError(t, w.Close())
		spWait(t, c, p, 0)
		text, err := os.ReadFile(out.Name())
		require.NoError(t, err)
		require.Equal(t, dir+"\nhello\n", string(text))
		text, err = io.ReadAll(extra)
		require.NoError(t, err)
		require.Equal(t, "extra\n", string(text))
		for _, r := range []asyncio.Redirect{asyncio.PIPE, asyncio.STDOUT, asyncio.DEVNULL, asyncio.INHERIT, asyncio.RedirectFile(out)} {
			require.Contains(t, []string{"PIPE", "STDOUT", "DEVNULL", "INHERIT", out.Name()}, r.String())
		}
	})
	spTest(t, "SP-02 break the pipe of an input that they do not read", func(t *testing.T, c ctx) {
		large := bytes.Repeat([]byte("x"), 1<<20)
		p := spProcess(t, c, "exit 0", spStdin)
		_, err := p.Stdin.Write(large)
		require.NoError(t, err)
		err = p.Stdin.Drain(c)
		require.ErrorIs(t, err, asyncio.ErrConnectionLost)
		require.ErrorIs(t, err, syscall.EPIPE)
		require.ErrorIs(t, p.Stdin.WaitClosed(c), syscall.EPIPE)
		spWait(t, c, p, 0)
		p = spProcess(t, c, "exit 0", spStdin)
		_, _, err = p.Communicate(c, large)
		require.NoError(t, err)
		spWait(t, c, p, 0)
		// And when it is gone before.
		p = spProcess(t, c, "exit 0", spStdin, spStdout)
		spWait(t, c, p, 0)
		stdout, _, err := p.Communicate(c, large)
		require.NoError(t, err)
		require.Empty(t, stdout)
	})
	spTest(t, "SP-03 are paused when nobody reads", func(t *testing.T, c ctx) {
		const size = 100_000
		p := spProcess(t, c, "head -c 100000 /dev/zero", spStdout, asyncio.WithLimit(10))
		tr := p.Transport().PipeTransport(1).(asyncio.ReadTransport)
		for tr.IsReading() {
			require.NoError(t, asyncio.Sleep(c, 0))
		}
		data, err := p.Stdout.ReadAll(c)
		require.NoError(t, err)
		require.Len(t, data, size)
		spWait(t, c, p, 0)
		// Communicate takes what comes.
		p = spProcess(t, c, "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero", spStdout, spStderr, asyncio.WithLimit(10))
		stdout, stderr, err := p.Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, [2]int{300_000, 300_000}, [2]int{len(stdout), len(stderr)})
	})
	spTest(t, "SP-04 go on when a wait for them is cancelled", func(t *testing.T, c ctx) {
		p := spProcess(t, c, spSleeping, spStdout)
		spReady(t, c, p)
		for _, wait := range []func(ctx) error{
			func(c ctx) error { _, err := p.Wait(c); return err }, p.WaitPipes,
		} {
			task := spawn(c, wait)
			require.NoError(t, asyncio.Sleep(c, 0))
			task.Cancel()
			_, err := task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
		}
		_, exited := p.ReturnCode()
		require.False(t, exited)
		require.NoError(t, p.Kill())
		spWait(t, c, p, -9)
	})
	spTest(t, "SP-04 are killed when their creation is cancelled", func(t *testing.T, c ctx) {
		for n := range 5 {
			var p *asyncio.Process
			task := spawn(c, func(c ctx) (err error) {
				p, err = asyncio.CreateSubprocessShell(c, spSleeping, spStdin, spStdout)
				return err
			})
			for range n {
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			task.Cancel()
			_, err := task.Await(c)
			if err != nil {
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				continue
			}
			require.Greater(t, n, 1)
			require.NoError(t, p.Kill())
			spWait(t, c, p, -9)
		}
	})
	spTest(t, "SP-05 are waited for by several", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "exit 3")
		tasks := make([]*asyncio.Task[int], 10)
		for i := range tasks {
			tasks[i] = asyncio.CreateTask(c, p.Wait)
		}
		for _, task := range tasks {
			code, err := task.Await(c)
			require.NoError(t, err)
			require.Equal(t, 3, code)
		}
		require.NoError(t, p.WaitPipes(c))
	})
	spTest(t, "SP-06 may be sent signals while they exit", func(t *testing.T, c ctx) {
		for range 20 {
			p := spProcess(t, c, "exit 0", spStdin)
			for {
				err := p.SendSignal(syscall.SIGTERM)
				if errors.Is(err, os.ErrProcessDone) {
					break
				}
				require.NoError(t, err)
				require.NoError(t, asyncio.Sleep(c, 0))
			}
			code, err := p.Wait(c)
			require.NoError(t, err)
			require.Contains(t, []int{0, -15}, code)
			require.NoError(t, p.WaitPipes(c))
		}
	})
	spTest(t, "have the code 255 when somebody else has waited for them", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "exit 3")
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(p.Pid(), &status, 0, nil)
		require.NoError(t, err)
		require.Equal(t, p.Pid(), pid)
		spWait(t, c, p, 255)
		require.ErrorIs(t, p.Kill(), os.ErrProcessDone)
	})
	spTest(t, "may leave their output to others, whom only WaitPipes waits for", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "sleep 1000 & echo $!", spStdout)
		line, err := p.Stdout.ReadLine(c)
		require.NoError(t, err)
		other, err := strconv.Atoi(strings.TrimSpace(string(line)))
		require.NoError(t, err)
		defer syscall.Kill(other, syscall.SIGKILL)
		code, err := p.Wait(c)
		require.NoError(t, err)
		require.Zero(t, code)
		limited, cancel := context.WithTimeout(c, 10*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, p.WaitPipes(limited), context.DeadlineExceeded)
		stdout, _, err := p.Communicate(limited, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, stdout)
		require.False(t, p.Transport().IsClosing())
		p.Transport().Close()
		require.NoError(t, p.WaitPipes(c))
		require.NoError(t, p.WaitPipes(c))
	})
	spTest(t, "lose nothing when Communicate is cancelled", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "trap 'echo three; echo four >&2; exit 2' TERM; echo one; echo two >&2; while :; do sleep 0.01; done",
			spStdout, spStderr)
		var stdout, stderr []byte
		for string(stdout)+string(stderr) != "one\ntwo\n" {
			task := spawn(c, func(c ctx) (err error) {
				stdout, stderr, err = p.Communicate(c, nil)
				return err
			})
			require.NoError(t, asyncio.Sleep(c, 0))
			task.Cancel()
			_, err := task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
		}
		require.NoError(t, p.Terminate())
		stdout, stderr, err := p.Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, "one\nthree\n", string(stdout))
		require.Equal(t, "two\nfour\n", string(stderr))
		spWait(t, c, p, 2)
	})
	spTest(t, "refuse input that nobody could read", func(t *testing.T, c ctx) {
		p := spProcess(t, c, "exit 0")
		_, _, err := p.Communicate(c, []byte("x"))
		require.ErrorIs(t, err, os.ErrInvalid)
		spWait(t, c, p, 0)
		p = spProcess(t, c, "exec cat", spStdin, spStdout)
		stdout, _, err := p.Communicate(c, []byte("x"))
		require.NoError(t, err)
		require.Equal(t, "x", string(stdout))
		_, _, err = p.Communicate(c, []byte("y"))
		require.ErrorIs(t, err, os.ErrInvalid)
		stdout, _, err = p.Communicate(c, nil)
		require.NoError(t, err)
		require.Equal(t, "x", string(stdout))
	})
	t.Run("work in a thread of gevent, and die with it", func(t *testing.T) {
		spNeeds(t)
		leavesNothingE(t)
		require.NoError(t, gevent.Run(func() {
			c := context.Background()
			stdout, _, err := spProcess(t, c, "exec cat", spStdin, spStdout).Communicate(c, []byte("text"))
			require.NoError(t, err)
			require.Equal(t, "text", string(stdout))
			spReady(t, c, spProcess(t, c, spSleeping, spStdout))
		}, gevent.WithErrorHook(func(where string, _ error) { require.Contains(t, where, "unclosed transport") })))
	})
}

// However processes are ended, and whoever is cancelled, all is told, and nothing is
// left.
func TestProcessesAtRandom(t *testing.T) {
	spNeeds(t)
	leavesNothingE(t)
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		var reports trace
		err := run(t, func(c ctx) error { spRandom(t, c, r); return nil },
			asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { reports.add(e.Message) }))
		require.NoError(t, err, "seed %d", seed)
		for _, message := range reports {
			require.Equal(t, "unclosed transport", message, "seed %d", seed)
		}
	}
}

func spRandom(t *testing.T, c ctx, r *rand.Rand) {
	var tasks []*asyncio.Task[none]
	for range 1 + r.IntN(5) {
		input := bytes.Repeat([]byte("0123456789"), r.IntN(30_000))
		out := r.IntN(200_000)
		script := []string{
			"exec cat",
			fmt.Sprintf("cat >&2; head -c %d /dev/zero", out),
			fmt.Sprintf("head -c %d /dev/zero; exec sleep 1000", out),
			"exit 3",
			"exec >&- 2>&-; exec sleep 1000",
		}[r.IntN(5)]
		end, limit := r.IntN(6), 1+r.IntN(100_000)
		delay := time.Duration(r.IntN(3)) * time.Millisecond
		tasks = append(tasks, spawn(c, func(c ctx) error {
			p, err := asyncio.CreateSubprocessShell(c, script, spStdin, spStdout, spStderr, asyncio.WithLimit(limit))
			if err != nil {
				return err
			}
			ends := strings.HasSuffix(script, "1000")
			talk := asyncio.CreateTask(c, func(c ctx) (string, error) {
				stdout, stderr, err := p.Communicate(c, input)
				if whole := err == nil && end != 0 && end != 3 && spCode(t, p) == 0; whole && script[0] == 'e' && script[5] == 'c' {
					require.True(t, bytes.Equal(input, stdout))
				} else if whole && script[0] == 'c' {
					require.True(t, bytes.Equal(input, stderr))
					require.Len(t, stdout, out)
				}
				return "", err
			})
			wait := asyncio.CreateTask(c, p.Wait)
			time.Sleep(delay)
			require.NoError(t, asyncio.Sleep(c, 0))
			switch {
			case end == 0:
				p.Transport().Close()
			case end == 1:
				talk.Cancel()
				fallthrough
			case ends:
				if err := p.Kill(); err != nil {
					require.ErrorIs(t, err, os.ErrProcessDone)
				}
			case end == 2:
				wait.Cancel()
			case end == 3:
				p.Stdin.Transport().Abort()
			case end == 4:
				return nil // the loop's end is theirs
			}
			if end == 3 || end == 0 {
				_ = p.Transport().Kill()
			}
			if _, err := talk.Await(c); err != nil {
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				_, _, err = p.Communicate(c, nil)
				require.NoError(t, err)
			}
			if _, err := wait.Await(c); err != nil {
				require.ErrorIs(t, err, asyncio.ErrCancelled)
			}
			return p.WaitPipes(c)
		}))
	}
	if r.IntN(4) == 0 {
		cancelled := tasks[r.IntN(len(tasks))]
		require.NoError(t, asyncio.Sleep(c, 0))
		cancelled.Cancel()
	}
	for _, task := range tasks {
		if _, err := task.Await(c); err != nil {
			require.ErrorIs(t, err, asyncio.ErrCancelled)
		}
	}
}

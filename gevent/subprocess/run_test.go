//go:build unix

package subprocess_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
	"github.com/baton-go/baton/internal/hub"
)

func TestOutput(t *testing.T) {
	leavesNothing(t)
	test(t, "is that of os/exec", func(t *testing.T) {
		out, err := subprocess.Shell("echo out; echo err >&2; exit 4").Output()
		require.Equal(t, "out\n", string(out))
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, "err\n", string(exit.Stderr))
		require.Equal(t, 4, exit.ExitCode())
		out, err = subprocess.Shell("echo out; echo err >&2").CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, "out\nerr\n", string(out))
	})
	test(t, "T164 ends with its time, and keeps what it has read", func(t *testing.T) {
		var e *subprocess.TimeoutExpired
		for limit := 20 * time.Millisecond; e == nil || len(e.Output) == 0; limit *= 2 { // until it gets that far
			c := subprocess.Shell("printf BDFL; " + forever)
			_, err := c.OutputTimeout(limit)
			require.ErrorAs(t, err, &e)
			code(t, c, -9)
		}
		require.Equal(t, "BDFL", string(e.Output))
		require.ErrorIs(t, subprocess.Shell(forever).RunTimeout(time.Millisecond), subprocess.ErrTimeoutExpired)
		_, err := subprocess.Shell(forever).CombinedOutputTimeout(time.Millisecond)
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
	})
}

func TestRun(t *testing.T) {
	leavesNothing(t)
	test(t, "has no ExitError of a process whose time was up", func(t *testing.T) {
		p, err := subprocess.Run(subprocess.Shell(forever), subprocess.Within(time.Millisecond))
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
		require.Equal(t, -9, p.ReturnCode)
		var called *subprocess.CalledProcessError
		require.ErrorAs(t, p.CheckReturnCode(), &called)
		var exit *exec.ExitError
		require.False(t, errors.As(called, &exit), "not a nil one either")
	})
	test(t, "T164 says how it ended", func(t *testing.T) {
		p, err := subprocess.Run(subprocess.Shell("cat; echo err >&2; exit 5"), subprocess.Input([]byte("in")), subprocess.CaptureOutput())
		require.NoError(t, err)
		require.Equal(t, 5, p.ReturnCode)
		require.Equal(t, "in", string(p.Stdout))
		require.Equal(t, "err\n", string(p.Stderr))
		err = p.CheckReturnCode()
		var called *subprocess.CalledProcessError
		require.ErrorAs(t, err, &called)
		require.EqualError(t, err, "subprocess: command '/bin/sh -c cat; echo err >&2; exit 5' returned non-zero exit status 5")
		require.ErrorAs(t, err, new(*exec.ExitError))
		require.Equal(t, "in", string(called.Output))
		p, err = subprocess.Run(subprocess.Shell("kill -9 $$"), subprocess.Check())
		require.EqualError(t, err, "subprocess: command '/bin/sh -c kill -9 $$' died with signal 9")
		require.Equal(t, -9, p.ReturnCode)
		require.Nil(t, p.Stdout)
		c := piped(subprocess.Shell("cat; echo out"))
		p, err = subprocess.Run(c)
		require.NoError(t, err)
		require.NoError(t, p.CheckReturnCode())
		require.Equal(t, "out\n", string(p.Stdout))
		p, err = subprocess.Run(subprocess.Command("/is/not/there"))
		require.Nil(t, p)
		require.ErrorIs(t, err, os.ErrNotExist)
		c = subprocess.Shell("exit 0")
		c.Stdout = os.Stdout
		_, err = subprocess.Run(c, subprocess.CaptureOutput())
		require.EqualError(t, err, "subprocess: Stdout already set")
		for _, stdin := range []io.Reader{os.Stdin, subprocess.PIPE, subprocess.DEVNULL} {
			c.Stdin = stdin
			_, err = subprocess.Run(c, subprocess.Input(nil))
			require.EqualError(t, err, "subprocess: Stdin already set")
		}
		for _, target := range []io.Writer{subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL, os.Stderr} {
			c := subprocess.Command("true")
			c.Stderr = target
			_, err = subprocess.Run(c, subprocess.CaptureOutput())
			require.EqualError(t, err, "subprocess: Stderr already set")
			c.Stdout = target
			_, err = subprocess.CheckOutput(c)
			require.EqualError(t, err, "subprocess: Stdout already set")
		}
	})
	t.Run("an error of copying is not reported as well", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			c := subprocess.Shell("echo out; cat >&2")
			c.Stdin = strings.NewReader("in")
			c.Stdout = writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe })
			c.Stderr = c.Stdout
			require.Equal(t, io.ErrClosedPipe, c.Run())
		}, gevent.ReportErrors(), gevent.WithErrorHook(func(where string, err error) { t.Error(where, err) })))
	})
	test(t, "T164 call, check_call, check_output", func(t *testing.T) {
		n, err := subprocess.Call(subprocess.Shell("exit 1"))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NoError(t, subprocess.CheckCall(subprocess.Shell("exit 0")))
		require.ErrorAs(t, subprocess.CheckCall(subprocess.Shell("exit 2")), new(*subprocess.CalledProcessError))
		out, err := subprocess.CheckOutput(subprocess.Shell("cat; exit 1"), subprocess.Input([]byte("text")))
		require.ErrorAs(t, err, new(*subprocess.CalledProcessError))
		require.Equal(t, "text", string(out))
		_, err = subprocess.Call(subprocess.Command("/is/not/there"))
		require.Error(t, err)
		_, err = subprocess.CheckOutput(subprocess.Command("/is/not/there"))
		require.Error(t, err)
	})
	test(t, "T164 ends with its time although a grandchild holds the output", func(t *testing.T) {
		begin := time.Now()
		c := subprocess.Shell("sleep 30 & echo $!; wait")
		p, err := subprocess.Run(c, subprocess.CaptureOutput(), subprocess.Within(300*time.Millisecond))
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
		require.Less(t, time.Since(begin), 20*time.Second)
		if pid := strings.TrimSpace(string(p.Stdout)); pid != "" {
			killPrinted(t, pid)
		}
		_, err = subprocess.Call(subprocess.Shell(forever), subprocess.Within(time.Millisecond))
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
		_, err = subprocess.CheckOutput(subprocess.Shell(forever), subprocess.Within(time.Millisecond))
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
	})
}

// The commands that leave no process behind, however they end.
var complete = map[string]func(c *subprocess.Cmd) error{
	"Cmd.Run":            func(c *subprocess.Cmd) error { return c.Run() },
	"Cmd.Output":         func(c *subprocess.Cmd) error { _, err := c.Output(); return err },
	"Cmd.CombinedOutput": func(c *subprocess.Cmd) error { _, err := c.CombinedOutput(); return err },
	"Run":                func(c *subprocess.Cmd) error { _, err := subprocess.Run(c); return err },
	"Call":               func(c *subprocess.Cmd) error { _, err := subprocess.Call(c); return err },
	"CheckCall":          func(c *subprocess.Cmd) error { return subprocess.CheckCall(c) },
	"CheckOutput":        func(c *subprocess.Cmd) error { _, err := subprocess.CheckOutput(c); return err },
}

func TestT164WhateverEndsACallKillsAndReapsTheChild(t *testing.T) {
	leavesNothing(t)
	for name, call := range complete {
		test(t, name+" by a Timeout", func(t *testing.T) {
			c := subprocess.Shell(forever)
			to := gevent.NewTimeout(time.Millisecond)
			require.Equal(t, error(to), to.Do(func() error { return call(c) }))
			code(t, c, -9)
		})
		test(t, name+" by a kill", func(t *testing.T) {
			c := subprocess.Shell(forever)
			g := gevent.Spawn(func() error { return call(c) })
			gevent.Sleep(0)
			require.NotNil(t, c.Process)
			g.Kill()
			code(t, c, -9)
		})
		t.Run(name+" by the end of the thread", func(t *testing.T) {
			needsShell(t)
			c := subprocess.Shell(forever)
			require.NoError(t, gevent.Run(func() {
				gevent.Spawn(func() error { return call(c) })
				gevent.Sleep(0)
				require.NotNil(t, c.Process)
			}))
		})
	}
	test(t, "by a panic of what it calls", func(t *testing.T) {
		c := subprocess.Shell("echo text; " + forever)
		c.Stdout = writerFunc(func([]byte) (int, error) { panic("boom") })
		require.ErrorIs(t, c.RunTimeout(100*time.Millisecond), subprocess.ErrTimeoutExpired)
		code(t, c, -9)
	})
}

func TestWhoIsKilledAgainWhileTheChildIsReapedIsToldOfThatToo(t *testing.T) {
	leavesNothing(t)
	test(t, "by its next call", func(t *testing.T) {
		errAgain := errors.New("again")
		var first, second error
		g := gevent.Spawn(func() {
			first = gevent.Try(func() error { return subprocess.Shell(forever).Run() })
			second = gevent.Try(func() error { gevent.Sleep(time.Hour); return nil })
		})
		gevent.Sleep(5 * time.Millisecond)
		g.KillAsync(nil)
		gevent.Sleep(0) // it is at it
		g.KillAsync(errAgain)
		require.True(t, g.JoinTimeout(time.Minute))
		require.ErrorIs(t, first, gevent.ErrGreenletExit)
		require.ErrorIs(t, second, errAgain)
	})
}

func TestAHundredAtOnce(t *testing.T) {
	leavesNothing(t)
	test(t, "each with its own output", func(t *testing.T) {
		var all []*gevent.Of[[]byte]
		for i := range 100 {
			all = append(all, gevent.SpawnValue(func() ([]byte, error) {
				return subprocess.CheckOutput(subprocess.Shell(fmt.Sprintf("cat; printf %d", i)), subprocess.Input([]byte("n")))
			}))
		}
		for i, g := range all {
			out, err := g.Get()
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("n%d", i), string(out))
		}
	})
}

// Kills and time-outs at random moments, at every call that waits.
func TestStressOfKillsAndTimeouts(t *testing.T) {
	leavesNothing(t)
	for seed := range uint64(3) {
		test(t, fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			var calls []func(c *subprocess.Cmd) error
			for _, name := range []string{"Cmd.Run", "Cmd.Output", "Run", "CheckOutput"} {
				calls = append(calls, complete[name])
			}
			// These leave the child to who has called.
			wait := func(f func(c *subprocess.Cmd) error) func(c *subprocess.Cmd) error {
				return func(c *subprocess.Cmd) error {
					if err := piped(c).Start(); err != nil {
						return err
					}
					defer c.Kill()
					return f(c)
				}
			}
			calls = append(calls,
				wait((*subprocess.Cmd).Wait),
				wait(func(c *subprocess.Cmd) error {
					for {
						if _, ended := c.Poll(); ended {
							return nil
						}
					}
				}),
				wait(func(c *subprocess.Cmd) error { gevent.Wait(c); return nil }),
				wait(func(c *subprocess.Cmd) error { _, _, err := c.Communicate(make([]byte, 100_000)); return err }))
			var commands []*subprocess.Cmd
			var all []*gevent.Greenlet
			for range 60 {
				script := []string{"exit 0", "cat", forever, "echo text; sleep 0.01; echo more"}[rng.IntN(4)]
				call := calls[rng.IntN(len(calls))]
				c := subprocess.Shell(script)
				commands = append(commands, c)
				work := func() error { return call(c) }
				g := gevent.Spawn(work)
				if rng.IntN(2) == 0 {
					g.Kill() // before it has begun
					g = gevent.Spawn(func() error {
						return gevent.WithTimeout(time.Duration(rng.IntN(5000))*time.Microsecond, work)
					})
				} else {
					gevent.SpawnLater(time.Duration(rng.IntN(5000))*time.Microsecond, g.Kill)
				}
				all = append(all, g)
				if rng.IntN(4) == 0 {
					g.JoinTimeout(time.Duration(rng.IntN(3000)) * time.Microsecond)
				}
			}
			gevent.JoinAll(all...)
			for _, c := range commands {
				for end := time.Now().Add(time.Minute); c.Process != nil && !c.Ready(); gevent.Sleep(time.Millisecond) {
					require.True(t, time.Now().Before(end), "%v has not ended", c)
				}
			}
			require.Zero(t, hub.Current().Loop.Stats().Children)
			require.Zero(t, hub.Current().Loop.Stats().Refs)
		})
	}
}

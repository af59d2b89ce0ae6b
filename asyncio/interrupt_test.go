//go:build unix

package asyncio_test

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// ctrlC sends this process what Ctrl-C does.
func ctrlC(t testing.TB) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
}

// interruptsAreIgnored says how the process was started: what it ignores its children
// ignore too.
var interruptsAreIgnored = signal.Ignored(os.Interrupt)

// shielded keeps interrupts that come too late from ending the tests.
func shielded(t *testing.T) {
	c := make(chan os.Signal, 10)
	signal.Notify(c, os.Interrupt)
	t.Cleanup(func() { signal.Stop(c) })
}

func TestAnInterruptCancelsTheMainTask(t *testing.T) {
	shielded(t)
	interruptible := asyncio.WithInterrupt(true)
	forever := func(c ctx) error { return asyncio.Sleep(c, 30*time.Second) }
	t.Run("H14 RN-10 and Run says so", func(t *testing.T) {
		var o trace
		_, err := asyncio.Run(proc(func(c ctx) error {
			defer o.add("fin")
			ctrlC(t)
			err := forever(c)
			o.add(outcome(nil, err))
			return err
		}), interruptible)
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
		require.Equal(t, trace{"cancelled", "fin"}, o)
	})
	t.Run("RN-10 while it is busy", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) (err error) {
			for n := 0; err == nil; n++ {
				if n == 3 {
					ctrlC(t)
				}
				err = asyncio.Sleep(c, 0)
			}
			return err
		}), interruptible)
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
	})
	t.Run("H15 which may swallow it", func(t *testing.T) {
		v, err := asyncio.Run(func(c ctx) (string, error) {
			ctrlC(t)
			require.ErrorIs(t, forever(c), asyncio.ErrCancelled)
			return "val", nil
		}, interruptible)
		require.Equal(t, "val", outcome(v, err))
	})
	t.Run("RN-10 and somebody else, who counts", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error {
			ctrlC(t)
			require.ErrorIs(t, forever(c), asyncio.ErrCancelled)
			asyncio.CurrentTask(c).Cancel()
			return forever(c)
		}), interruptible)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.NotErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
	})
	t.Run("and the second leaves it behind", func(t *testing.T) {
		var o trace
		r := asyncio.NewRunner(interruptible)
		_, err := asyncio.RunnerRun(r, proc(func(c ctx) error {
			defer o.add("unwound")
			ctrlC(t)
			o.add(outcome(nil, forever(c)))
			asyncio.RunInExecutor(c, nil, func() (int, error) { time.Sleep(ms); return 0, nil })
			ctrlC(t)
			o.add(outcome(nil, forever(c)))
			return nil
		}))
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
		require.Equal(t, trace{"cancelled"}, o)
		require.NoError(t, r.Close())
		require.Equal(t, trace{"cancelled", "unwound"}, o)
	})
	t.Run("and one that comes too late is not lost", func(t *testing.T) {
		_, err := asyncio.Run(func(c ctx) (int, error) {
			ctrlC(t)
			time.Sleep(50 * ms) // it arrives, and nothing can be told of it
			return 1, nil
		}, interruptible)
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
	})
	t.Run("N22 unless the loop has a handler for it", func(t *testing.T) {
		var o trace
		_, err := asyncio.Run(proc(func(c ctx) error {
			l := asyncio.RunningLoop(c)
			came := asyncio.NewQueue[none](0)
			require.NoError(t, l.AddSignalHandler(os.Interrupt, func() { _ = came.PutNowait(none{}) }))
			for range 3 {
				ctrlC(t)
				_, err := came.Get(c)
				o.add(outcome("handler", err))
			}
			require.Zero(t, asyncio.CurrentTask(c).Cancelling())
			require.True(t, l.RemoveSignalHandler(os.Interrupt))
			ctrlC(t)
			err := forever(c)
			o.add(outcome(nil, err))
			return err
		}), interruptible)
		require.ErrorIs(t, err, asyncio.ErrKeyboardInterrupt)
		require.Equal(t, trace{"handler", "handler", "handler", "cancelled"}, o)
	})
	t.Run("N22 unless the loop had a handler for it before", func(t *testing.T) {
		r := asyncio.NewRunner(interruptible)
		l, err := r.Loop()
		require.NoError(t, err)
		came := asyncio.NewFuture[int](l)
		require.NoError(t, l.AddSignalHandler(os.Interrupt, func() { _ = came.SetResult(1) }))
		v, err := asyncio.RunnerRun(r, func(c ctx) (int, error) {
			ctrlC(t)
			return came.Await(c)
		})
		require.NoError(t, err)
		require.Equal(t, 1, v)
		require.NoError(t, r.Close())
	})
	t.Run("on the main goroutine only, if nobody says otherwise", func(t *testing.T) {
		_, err := asyncio.Run(proc(func(c ctx) error {
			ctrlC(t)
			return asyncio.Sleep(c, 20*ms)
		}))
		require.NoError(t, err)
	})
}

// The programs are run by TestInterruptedPrograms, in processes of their own.
var interruptPrograms = map[string]func(){
	"cancelled": func() {
		_, err := asyncio.Run(proc(func(c ctx) error {
			syscall.Kill(os.Getpid(), syscall.SIGINT)
			err := asyncio.Sleep(c, 30*time.Second)
			os.Stdout.WriteString("cleaned up\n")
			return err
		}))
		os.Stdout.WriteString(err.Error() + "\n")
	},
	"stuck": func() {
		_, _ = asyncio.Run(proc(func(c ctx) error {
			for range 3 {
				syscall.Kill(os.Getpid(), syscall.SIGINT)
				time.Sleep(50 * ms)
			}
			os.Stdout.WriteString("survived\n")
			return nil
		}))
	},
	"handled": func() {
		_, _ = asyncio.Run(proc(func(c ctx) error {
			l := asyncio.RunningLoop(c)
			got := asyncio.NewFuture[none](l)
			_ = l.AddSignalHandler(os.Interrupt, func() { _ = got.SetResult(none{}) })
			_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
			_, err := got.Await(c)
			os.Stdout.WriteString(outcome("handled", err) + "\n")
			l.RemoveSignalHandler(os.Interrupt)
			for range 3 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
				time.Sleep(50 * ms)
			}
			os.Stdout.WriteString("survived\n")
			return nil
		}))
	},
	"off": func() {
		_, _ = asyncio.Run(proc(func(c ctx) error {
			syscall.Kill(os.Getpid(), syscall.SIGINT)
			time.Sleep(10 * time.Second)
			os.Stdout.WriteString("survived\n")
			return nil
		}), asyncio.WithInterrupt(false))
	},
	"clean-up": func() {
		_, _ = asyncio.Run(proc(func(c ctx) error {
			asyncio.RunInExecutor(c, nil, func() (int, error) {
				time.Sleep(50 * ms)
				syscall.Kill(os.Getpid(), syscall.SIGINT)
				time.Sleep(10 * time.Second)
				return 0, nil
			})
			return nil
		}))
		os.Stdout.WriteString("survived\n")
	},
	"given back": func() {
		_, _ = asyncio.Run(proc(func(c ctx) error {
			l := asyncio.RunningLoop(c)
			got := asyncio.NewFuture[none](l)
			_ = l.AddSignalHandler(syscall.SIGTERM, func() { _ = got.SetResult(none{}) })
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			_, _ = got.Await(c)
			os.Stdout.WriteString("handled\n")
			l.RemoveSignalHandler(syscall.SIGTERM)
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
			time.Sleep(10 * time.Second)
			return nil
		}))
	},
}

const interruptProgram = "ASYNCIO_INTERRUPT_PROGRAM"

// init runs them on the main goroutine, where no test is.
func init() {
	if f := interruptPrograms[os.Getenv(interruptProgram)]; f != nil {
		f()
		os.Exit(0)
	}
}

func TestInterruptedPrograms(t *testing.T) {
	if interruptsAreIgnored {
		t.Skip("os.Interrupt is ignored, as in the background of a shell")
	}
	for name, want := range map[string]string{
		"cancelled": "cleaned up | asyncio.Run: interrupted | exit status 0",
		"stuck":     "signal: interrupt",
		"handled":   "handled | signal: interrupt",
		"off":       "signal: interrupt",
		"clean-up":  "signal: interrupt",

		"given back": "handled | signal: terminated", // N22, EV-07
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), interruptProgram+"="+name)
			out, err := cmd.CombinedOutput()
			end := "exit status 0"
			if err != nil {
				end = err.Error()
			}
			require.Equal(t, want, strings.ReplaceAll(string(out), "\n", " | ")+end)
		})
	}
}

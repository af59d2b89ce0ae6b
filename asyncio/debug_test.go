package asyncio_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// A debugLog is a slog.Handler that keeps what it is told.
type debugLog struct {
	records []slog.Record
	broken  bool
}

func (l *debugLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *debugLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *debugLog) WithGroup(string) slog.Handler            { return l }
func (l *debugLog) Handle(_ context.Context, r slog.Record) error {
	if l.broken {
		panic("broken log")
	}
	l.records = append(l.records, r)
	return nil
}

func (l *debugLog) option() asyncio.Option { return asyncio.WithLogger(slog.New(l)) }

// messages are those at the level.
func (l *debugLog) messages(level slog.Level) (all []string) {
	for _, r := range l.records {
		if r.Level == level {
			all = append(all, r.Message)
		}
	}
	return all
}

// attr is an attribute of the nth record.
func (l *debugLog) attr(n int, name string) (found string) {
	l.records[n].Attrs(func(a slog.Attr) bool {
		if a.Key == name {
			found = a.Value.String()
		}
		return true
	})
	return found
}

func TestLP17SlowStepsAreReportedInDebugMode(t *testing.T) {
	var log debugLog
	slow := func(f func(c ctx, l *asyncio.Loop)) []string {
		log = debugLog{}
		l := newLoop(t, asyncio.WithDebug(true), log.option())
		require.Equal(t, 100*ms, l.SlowCallbackDuration())
		l.SetSlowCallbackDuration(30 * ms)
		require.Equal(t, 30*ms, l.SlowCallbackDuration())
		_, err := asyncio.RunUntilComplete(l, proc(func(c ctx) error {
			f(c, l)
			return yield(c, 3)
		}))
		require.NoError(t, err)
		return log.messages(slog.LevelWarn)
	}
	t.Run("callbacks", func(t *testing.T) {
		all := slow(func(_ ctx, l *asyncio.Loop) { l.CallSoon(slowCallback) })
		require.Len(t, all, 1)
		require.Regexp(t, `^Executing <Handle.*slowCallback at .*debug_test.go:\d+ created at .*> took \d+\.\d+ seconds$`, all[0])
		source := log.attr(0, "source")
		require.Contains(t, source, "TestLP17")
		require.NotContains(t, source, "baton/asyncio.")
		require.NotContains(t, source, "baton/internal/")
		require.NotContains(t, source, "runtime.")
		require.NotContains(t, source, "iter.Pull")
	})
	t.Run("callbacks that were scheduled before debug mode", func(t *testing.T) {
		all := slow(func(_ ctx, l *asyncio.Loop) {
			l.SetDebug(false)
			l.CallSoon(slowCallback)
			l.SetDebug(true)
		})
		require.Len(t, all, 1)
		require.Regexp(t, `^Executing <Handle.*slowCallback at .*debug_test.go:\d+> took `, all[0])
	})
	t.Run("tasks", func(t *testing.T) {
		all := slow(func(c ctx, l *asyncio.Loop) {
			asyncio.CreateTask(c, func(c ctx) (int, error) {
				time.Sleep(40 * ms)
				_ = asyncio.Sleep(c, 0)
				time.Sleep(40 * ms)
				return 0, nil
			}, asyncio.WithName("sluggish"))
		})
		require.Len(t, all, 2)
		place := `coro=<[^<>]*TestLP17.*at .*debug_test\.go:\d+>`
		require.Regexp(t, `^Executing <Task (pending|finished) name="sluggish" `+place+` created at .*debug_test\.go:\d+> took 0\.\d+ seconds$`, all[0])
		require.Equal(t, "sluggish", log.attr(1, "task"))
	})
	t.Run("but not otherwise", func(t *testing.T) {
		require.Empty(t, slow(func(_ ctx, l *asyncio.Loop) {
			l.SetDebug(false)
			require.False(t, l.Debug())
			l.CallSoon(slowCallback)
		}))
		panicSays(t, "the duration is not positive", func() { newLoop(t).SetSlowCallbackDuration(0) })
	})
}

func boomCallback() { panic(errBad) }

func slowCallback() { time.Sleep(40 * ms) }

func TestRN02WhetherALoopIsInDebugMode(t *testing.T) {
	debug := func(opts ...asyncio.Option) (on bool) {
		_, err := asyncio.Run(proc(func(c ctx) error { on = asyncio.RunningLoop(c).Debug(); return nil }), opts...)
		require.NoError(t, err)
		return on
	}
	for _, env := range []string{"", "1"} {
		t.Setenv("BATON_ASYNCIO_DEBUG", env)
		require.Equal(t, env != "", debug())
		require.True(t, debug(asyncio.WithDebug(true)))
		require.False(t, debug(asyncio.WithDebug(false)))
	}
}

func TestInDebugModeHandlersLearnWhereThingsWereMade(t *testing.T) {
	made := map[string]string{}
	_, err := asyncio.Run(proc(func(c ctx) error {
		asyncio.RunningLoop(c).CallSoon(func() { panic("oops") })
		spawn(c, func(ctx) error { return errBad }, asyncio.WithName("bad"))
		return yield(c, 2)
	}), asyncio.WithDebug(true), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		require.NotEmpty(t, e.Source)
		made[e.Message] = e.Source[0].Function
		require.Contains(t, e.String(), "\nsource: ")
		if e.Task == "" {
			require.NotNil(t, e.Handle)
			require.Contains(t, e.String(), "\nhandle: <Handle")
		}
	}))
	require.NoError(t, err)
	require.Len(t, made, 2)
	require.Contains(t, made["Exception in callback"], "TestInDebugMode")
	require.Contains(t, made["Task exception was never retrieved"], "asyncio_test.spawn")
}

func TestTheExceptionHandler(t *testing.T) {
	boom := func(l *asyncio.Loop) {
		l.CallSoon(boomCallback)
		l.CallSoon(l.Stop)
		require.NoError(t, l.RunForever())
	}
	t.Run("LP-09 may be changed and taken away", func(t *testing.T) {
		var log debugLog
		var o trace
		l := newLoop(t, log.option())
		require.Nil(t, l.ExceptionHandler())
		l.SetExceptionHandler(func(of *asyncio.Loop, e asyncio.ExceptionContext) {
			require.Same(t, l, of)
			require.NotNil(t, e.Handle)
			require.ErrorIs(t, e.Err, errBad)
			o.add(e.Message)
		})
		require.NotNil(t, l.ExceptionHandler())
		boom(l)
		l.SetExceptionHandler(nil)
		boom(l)
		require.Equal(t, trace{"Exception in callback"}, o)
		require.Equal(t, []string{"Exception in callback"}, log.messages(slog.LevelError), "LP-08")
		require.Contains(t, log.attr(0, "error"), "panic: bad")
	})
	t.Run("LP-09 that panics is reported with what it was told", func(t *testing.T) {
		var log debugLog
		l := newLoop(t, log.option(), asyncio.WithExceptionHandler(func(*asyncio.Loop, asyncio.ExceptionContext) { panic("broken handler") }))
		boom(l)
		require.Equal(t, []string{"Unhandled error in exception handler"}, log.messages(slog.LevelError))
		require.Contains(t, log.attr(0, "error"), "broken handler")
		require.Contains(t, log.attr(0, "context"), "Exception in callback")
	})
	t.Run("LP-09 by default never panics", func(t *testing.T) {
		log := debugLog{broken: true}
		out := stderrOf(t, func() { boom(newLoop(t, log.option())) })
		require.Contains(t, out, "Exception in callback\n")
		require.Contains(t, out, "Exception in default exception handler\nerror: panic: broken log")
	})
	t.Run("LP-08 by default prints to standard error", func(t *testing.T) {
		out := stderrOf(t, func() {
			boom(newLoop(t, asyncio.WithDebug(false)))
			_, err := asyncio.Run(proc(func(c ctx) error {
				spawn(c, func(ctx) error { return errBad })
				return yield(c, 2)
			}), asyncio.WithDebug(false))
			require.NoError(t, err)
		})
		require.Regexp(t, `(?s)^Exception in callback\nhandle: <Handle [^\n]*boom[^\n]* at [^\n]*debug_test.go:\d+>\nerror: panic: bad.*\nTask exception was never retrieved\ntask: Task-2\nerror: bad\nsource: .*proc.*$`, out)
	})
	t.Run("by default tells gevent in its thread", func(t *testing.T) {
		var o trace
		require.NoError(t, gevent.Run(func() error {
			_, err := asyncio.Run(proc(func(c ctx) error {
				asyncio.RunningLoop(c).CallExceptionHandler(asyncio.ExceptionContext{Message: "it", Task: "who", Err: errBad})
				return nil
			}))
			return err
		}, gevent.WithErrorHook(func(where string, err error) { o.add(where, " ", err) })))
		require.Equal(t, trace{"it: who bad"}, o)
	})
}

// stderrOf returns what f prints to standard error.
func stderrOf(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	old := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = old }()
	f()
	require.NoError(t, file.Close())
	out, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(out)
}

func TestAContextOfAnExceptionDescribesItself(t *testing.T) {
	require.Equal(t, "m\ntask: t\nerror: bad\ncontext: first", asyncio.ExceptionContext{
		Message: "m", Task: "t", Err: errBad,
		Context: &asyncio.ExceptionContext{Message: "first"},
	}.String())
}

package conformance_test

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/local"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/queue"
	"github.com/baton-go/baton/netpoll"
)

// What package gevent tells of its users' mistakes, with objects of all packages.

var errBoom = errors.New("boom")

// reported runs f in a thread on a virtual clock and returns what its error hook is
// told.
func reported(f func(), opts ...gevent.Option) (reports []string, err error) {
	hook := gevent.WithErrorHook(func(where string, err error) { reports = append(reports, fmt.Sprint(where, ": ", err)) })
	err = gevent.Run(f, append(opts, gevent.WithClock(netpoll.NewVirtualClock()), hook)...)
	return reports, err
}

func TestReportErrors(t *testing.T) {
	fail := func() error { gevent.Sleep(1); return errBoom }
	for name, c := range map[string]struct {
		f    func()
		want []string
	}{
		"an error that nobody asks for": {func() { gevent.Spawn(fail) }, []string{"greenlet Greenlet-1: boom"}},
		"one with a value": {func() { gevent.SpawnValue(func() (int, error) { return 0, fail() }) },
			[]string{"greenlet Greenlet-1: boom"}},
		"one that it was killed with":  {func() { gevent.Spawn(func() { gevent.Sleep(time.Hour) }).KillAsync(errBoom) }, nil},
		"one that unwinds it":          {func() { gevent.Spawn(func() { gevent.Sleep(1); gevent.Raise(errBoom) }) }, []string{"greenlet Greenlet-1: boom"}},
		"a time-out":                   {func() { gevent.Spawn(func() { gevent.StartNewTimeout(1); gevent.Sleep(time.Hour) }) }, []string{"greenlet Greenlet-1: gevent: timed out after 1e-09 seconds"}},
		"a kill":                       {func() { g := gevent.Spawn(fail); gevent.Sleep(0); g.Kill() }, nil},
		"a panic, once":                {func() { gevent.Spawn(func() { panic("kaboom") }) }, []string{"greenlet Greenlet-1: panic: kaboom"}},
		"one that somebody joins":      {func() { gevent.Spawn(fail).Join() }, nil},
		"one that somebody waits for":  {func() { gevent.Wait(gevent.Spawn(fail)) }, nil},
		"one that somebody links to":   {func() { gevent.Spawn(fail).LinkException(func(*gevent.Greenlet) {}) }, nil},
		"one in a scope":               {func() { _ = gevent.WithScope(func(s *gevent.Scope) error { s.Spawn(fail); return nil }) }, nil},
		"one of a member of a Pool":    {func() { p := pool.New(2); p.Spawn(fail); p.Join() }, []string{"greenlet Greenlet-1: boom"}},
		"one that a JoinError returns": {func() { p := pool.New(2); p.Spawn(fail); _ = p.JoinError() }, nil},
		"one with a context and a Local": {func() {
			var l local.Local[int]
			gevent.Spawn(func() error { l.Set(1); gevent.Context(); return fail() })
		}, []string{"greenlet Greenlet-1: boom"}},
	} {
		t.Run(name, func(t *testing.T) {
			body := func() { c.f(); gevent.Sleep(time.Second) }
			reports, err := reported(body, gevent.ReportErrors())
			require.NoError(t, err)
			require.Equal(t, c.want, reports)
			if name != "a panic, once" {
				reports, err = reported(body)
				require.NoError(t, err)
				require.Empty(t, reports, "without the option")
			}
		})
	}
}

func TestALoopExitNamesTheLikelyCause(t *testing.T) {
	const share = "if another thread or goroutine is to end the wait of "
	var (
		e  = event.New()
		r  = event.NewAsyncResult[int]()
		ch = queue.NewChannel[int]()
		s  = lock.NewSemaphore(0)
	)
	for name, c := range map[string]struct {
		f    func()
		hint string // what it matches, or none
	}{
		"an Event":               {e.Wait, "^" + share + "main in event.Wait Event 0x[0-9a-f]+ .not set.: call Share where that is made$"},
		"an AsyncResult":         {r.Wait, "^" + share + "main in event.AsyncResult.Wait "},
		"a Channel":              {func() { _, _ = ch.Get() }, "^" + share + "main in queue.Channel.Get "},
		"a Semaphore":            {s.Acquire, "^" + share + "main in lock.Acquire "},
		"one of several objects": {func() { gevent.Wait[gevent.Linkable](e, gevent.NewGreenlet(func() {})) }, "^" + share + "main in gevent.Wait "},
		"a greenlet's wait":      {func() { gevent.Spawn(e.Wait).Join() }, "^" + share + "Greenlet-1 in event.Wait "},
		"a queue":                {func() { _, _ = queue.New[int](0).Get() }, ""},
		"a Mutex that is held": {func() {
			m := lock.NewSemaphore(1)
			m.Acquire()
			m.Acquire()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reported(c.f)
			var exit *gevent.LoopExit
			require.ErrorAs(t, err, &exit)
			if c.hint == "" {
				require.Empty(t, exit.Hints)
				return
			}
			require.Len(t, exit.Hints, 1)
			require.Regexp(t, c.hint, exit.Hints[0])
			require.Contains(t, err.Error(), "\n"+exit.Hints[0])
		})
	}
	t.Run("handlers of signals", func(t *testing.T) {
		_, err := reported(func() {
			s, err := gevent.CurrentHub().Loop().AddSignal(os.Interrupt, func(os.Signal) {})
			require.NoError(t, err)
			s.Unref()
			gevent.NewGreenlet(func() {}).Join()
		})
		require.ErrorContains(t, err, "\nhandlers of signals do not keep the thread, 1 here: see Signal.SetRef of gevent/signal")
	})
	t.Run("tasks that are not done", func(t *testing.T) {
		_, err := reported(func() { queue.New(0, "a", "b").Join() })
		require.Regexp(t, `main: parked in queue.Join Queue 0x[0-9a-f]+ \(2 items, 2 unfinished tasks\)`, err.Error())
	})
}

func TestWhatIsLinkedToAnEventMayBeUnlinkedAnywhere(t *testing.T) {
	e, p := event.New(), pool.New(1)
	require.NoError(t, gevent.Run(func() {
		p.Spawn(func() error { gevent.Sleep(time.Hour); return nil })
		member := p.Rawlink(func() { t.Error("it was unlinked") })
		links := make([]*gevent.Link, 100)
		for i := range links {
			links[i] = e.Rawlink(func() {})
		}
		done := make(chan int)
		go func() {
			n := 0
			for _, l := range links {
				if l.Unlink() {
					n++
				}
			}
			done <- n
		}()
		e.Set()
		n, _ := gevent.Recv(done)
		require.LessOrEqual(t, n, len(links))
		require.Zero(t, e.LinkCount())
		gevent.Offload(func() {
			defer func() { require.ErrorIs(t, recover().(error), gevent.ErrWrongThread) }()
			member.Unlink()
		})
		require.True(t, member.Unlink())
	}))
}

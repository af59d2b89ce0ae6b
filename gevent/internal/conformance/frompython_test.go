package conformance_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/local"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/pool"
	"github.com/baton-go/baton/gevent/queue"
	"github.com/baton-go/baton/gevent/signal"
	"github.com/baton-go/baton/netpoll"
)

// An Actor is what inherits from Greenlet in Python.
type Actor struct {
	*gevent.Greenlet
	inbox *queue.Queue[int]
	sum   int
}

func (a *Actor) run() error {
	for n := range a.inbox.All() {
		a.sum += n
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

// The lines of the table "From Python" in the comment of package gevent.
func TestTheLinesOfTheTableFromPython(t *testing.T) {
	nap := func(d time.Duration) func() error { return func() error { gevent.Sleep(d); return nil } }
	virtual := func(f func()) {
		t.Helper()
		require.NoError(t, gevent.Run(f, gevent.WithClock(netpoll.NewVirtualClock())))
	}
	f := func(x time.Duration) error { gevent.Sleep(x); return nil }
	h := func() (int, error) { gevent.Sleep(time.Minute); return 42, nil }
	double := func(n int) (int, error) { return 2 * n, nil }
	virtual(func() { // spawning, joining, killing
		x := time.Minute
		g := gevent.Spawn(func() error { return f(x) })
		require.Nil(t, gevent.Current())
		require.False(t, g.JoinTimeout(time.Second))
		require.Equal(t, gevent.ErrTimeout, g.GetTimeout(time.Second))
		limit := gevent.NewTimeout(time.Second)
		require.Same(t, limit, limit.Do(g.Get))
		require.NoError(t, g.Get())
		require.NoError(t, g.Err())
		require.True(t, g.Successful())
		v := gevent.SpawnValue(h)
		n, err := v.Get()
		require.Equal(t, n, v.Value())
		require.NoError(t, err)
		gs := []*gevent.Greenlet{gevent.SpawnLater(time.Second, nap(0)), gevent.Spawn(nap(time.Hour))}
		require.Len(t, gevent.WaitWith(gs, gevent.Count(1)), 1)
		for g := range gevent.IWait(gs...) {
			require.Same(t, gs[0], g)
			break
		}
		gs[1].KillAsync(nil)
		ended, err := gevent.JoinAllWith(gs, gevent.RaiseError())
		require.Len(t, ended, 2)
		require.NoError(t, err)
		gs = []*gevent.Greenlet{gevent.Spawn(nap(time.Hour)), gevent.Spawn(nap(time.Hour))}
		gs[0].Link(func(*gevent.Greenlet) {})
		gs[0].Rawlink(func() {})
		gevent.Sleep(0)
		gevent.KillAllAsync(nil, gs...)
		gevent.JoinAll(gs...)
		gevent.KillAll(gs...)
		gevent.Spawn(nap(time.Hour))
		gevent.JoinHub()
		a := &Actor{inbox: queue.New[int](0)}
		a.Greenlet = gevent.NewGreenlet(a.run)
		a.Start()
		for _, n := range []int{1, 2, 3} {
			require.NoError(t, a.inbox.Put(n))
		}
		a.inbox.Shutdown(false)
		a.Join()
		require.Equal(t, 6, a.sum)
	})
	virtual(func() { // exceptions
		err := gevent.WithTimeout(time.Second, nap(time.Hour))
		require.ErrorIs(t, err, gevent.ErrTimeout)
		mine := gevent.StartNewTimeout(time.Second)
		require.Same(t, mine, gevent.Try(nap(time.Hour)))
		n, err := gevent.WithTimeoutValue(time.Second, 0, h)
		require.Zero(t, n)
		require.NoError(t, err)
		var exit error
		g := gevent.Spawn(func() { exit = gevent.Try(nap(time.Hour)) })
		gevent.Sleep(0)
		g.Kill()
		require.ErrorIs(t, exit, gevent.ErrGreenletExit)
	})
	require.NoError(t, gevent.Run(func() { // what is around
		n, err := gevent.OffloadValue(func() (int, error) { return 42, nil })
		require.Equal(t, 42, n)
		require.NoError(t, err)
		posted, thread := event.New(), gevent.CurrentHub()
		go func() { _ = thread.Post(posted.Set) }()
		posted.Share().Wait()
		r, s, l := event.NewAsyncResult[int](), lock.NewSemaphore(2), lock.NewRLock()
		r.Set(1)
		s.With(func() { l.With(func() {}) })
		var name local.Local[string]
		name.Set("main")
		require.Equal(t, pool.Unlimited, pool.New(pool.Unlimited).Size())
		values, err := pool.Map(pool.New(10), double, []int{1, 2})
		require.Equal(t, []int{2, 4}, values)
		require.NoError(t, err)
		v, group := gevent.SpawnValue(func() (int, error) { return 1, nil }), pool.NewGroup()
		group.Add(&v.Greenlet)
		group.Join()
		term, err := signal.Handler(syscall.SIGTERM, func() {})
		require.NoError(t, err)
		term.Cancel()
	}))
	virtual(func() { // instead of a select
		inbox := queue.New[int](0)
		for i := range 3 {
			q := queue.New(0, i)
			gevent.Spawn(func() {
				for item := range q.All() {
					_ = inbox.Put(item)
				}
			})
		}
		sum := 0
		for range 3 {
			item, err := inbox.Get()
			require.NoError(t, err)
			sum += item
		}
		require.Equal(t, 3, sum)
	})
}

func TestAHandlerOfTheInterruptHasTheMainGreenletCleanUp(t *testing.T) {
	cleaned := false
	err := gevent.Run(func() {
		defer func() { cleaned = true }()
		_, err := signal.Handler(os.Interrupt, func() error { return errInterrupted })
		require.NoError(t, err)
		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		if err := self.Signal(os.Interrupt); err != nil {
			gevent.Raise(errInterrupted) // a platform without signals
		}
		gevent.Sleep(time.Hour)
	})
	require.Equal(t, errInterrupted, err)
	require.True(t, cleaned)
}

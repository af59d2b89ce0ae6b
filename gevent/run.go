package gevent

import (
	"errors"
	"fmt"
	"strings"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

// An Option changes the thread that [Run] makes.
type Option func(*options)

type options struct {
	loop    []netpoll.Option
	onError func(where string, err error)
	tree    *int
	reports bool
	begin   []func(*hub.Hub) (end func()) // called at the beginning; end, if not nil, when all is over
}

// WithClock makes the thread live on a virtual clock: where it would wait for a
// time it jumps there, so that a test of time is exact and instant. In a bubble
// of testing/synctest a thread lives on the bubble's clock without any option, as
// long as it has no sockets: a wait for those does not count as blocked there.
func WithClock(c *netpoll.VirtualClock) Option {
	return func(o *options) { o.loop = append(o.loop, netpoll.WithClock(c)) }
}

// WithShuffle makes the greenlets that are ready in one iteration of the loop run in
// a random order, which depends on the seed and on nothing else: for tests, to find
// what relies on the order of greenlets by accident. Callbacks keep their places.
// gevent has no such thing; trio does it all the time.
func WithShuffle(seed uint64) Option {
	return func(o *options) { o.loop = append(o.loop, hub.WithShuffle(seed)) }
}

// WithErrorHook makes f the place where errors go that nobody else is told of:
// panics of greenlets, once each, and of callbacks, as a [*PanicError], whose stack
// the verb %+v prints; and a call of runtime.Goexit, which ends the thread, unless it is
// that of a test. Where says whose it is. The default prints them to standard error, as is done with a panic
// of f itself. F runs in the thread and must not block. It mirrors gevent's
// hub.handle_error.
func WithErrorHook(f func(where string, err error)) Option {
	return func(o *options) { o.onError = f }
}

// ReportErrors has the error with which a greenlet ends go to the error hook, too, see
// [WithErrorHook], unless it is [ErrGreenletExit] or somebody has asked for it by then:
// has joined the greenlet, linked to it, waits for it among others, or owns the
// [Scope] in which it is. Who asks later gets the error all the same. Being a member of
// a pool.Group is not asking, but for a JoinError that waits. Without ReportErrors only
// panics are reported. Gevent prints every exception of a greenlet.
func ReportErrors() Option { return func(o *options) { o.reports = true } }

// Run makes a thread and runs f in it, on the calling goroutine: f is the
// thread's main greenlet, whose blocking calls let the others run. When f
// returns, the greenlets that are left are killed, so that their deferred
// functions run, and the thread is gone: goroutines, descriptors and all. A
// deferred function that blocks then is killed again: what must finish, wait for
// before f returns.
//
// An f that only spawns returns at once, and nothing of it has run: end it with
// [JoinAll] or [JoinHub].
//
// F is a func() or a func() error. Run returns f's error; a [LoopExit] if f
// waited where nothing could ever wake it; an [ErrSurvivors] if greenlets
// withstood being killed; or the error of making a loop. A panic in f goes on in
// the caller after the clean-up; so does runtime.Goexit, in f and in any other
// greenlet or callback.
//
// Run blocks the calling goroutine, which must be foreign to Baton, or Run
// panics: a greenlet is in a thread already, and so is a goroutine on which
// greenlets or generators are suspended that were started outside of any Run.
// Different goroutines may Run at the same time; their threads run in parallel and
// share nothing. gevent has no such call: there, each thread gets its hub on first
// use and keeps it.
func Run[F func() | func() error](f F, opts ...Option) (err error) {
	if hub.Current() != nil {
		panic("gevent.Run: the calling goroutine is in a thread already; call the function, or Spawn it")
	}
	if baton.Self() != nil {
		panic("gevent.Run: greenlets or generators are suspended on the calling goroutine, outside of any Run; start them inside, or Run on a goroutine of its own")
	}
	var body func() error
	switch f := any(f).(type) {
	case func():
		if f != nil {
			body = func() error { f(); return nil }
		}
	case func() error:
		body = f
	}
	if body == nil {
		panic("gevent.Run: the function is nil; pass the function that is to be run")
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	h, err := hub.New(o.loop...)
	if err != nil {
		return fmt.Errorf("gevent.Run: %w", err)
	}
	h.OnError = o.onError
	if o.tree != nil {
		s := stateOf(h)
		s.tracked, s.frames = true, *o.tree
	}
	if o.reports {
		stateOf(h).reports = true
	}
	h.Enter()
	for _, begin := range o.begin {
		if end := begin(h); end != nil {
			defer end()
		}
	}
	defer func() {
		if survivors := end(h); survivors != nil {
			err = errors.Join(err, survivors)
		}
	}()
	return mainGreenlet(h, body)
}

// mainGreenlet runs f as the main greenlet. What the hub throws into it becomes
// its error; a panic of f's own goes on.
func mainGreenlet(h *hub.Hub, f func() error) (err error) {
	defer func() {
		v := recover()
		if u, ok := v.(*baton.Unwind); ok {
			err = u.Err
		} else if v != nil {
			panic(v)
		}
	}()
	return f()
}

// end kills what is left and closes the hub.
func end(h *hub.Hub) error {
	defer h.Close()
	survivors := h.KillAll(ErrGreenletExit)
	if len(survivors) == 0 {
		return nil
	}
	var b strings.Builder
	for _, i := range survivors {
		i.Write(&b)
	}
	return fmt.Errorf("gevent.Run: greenlets left, %d: %w:\n%s", len(survivors), ErrSurvivors, strings.TrimRight(b.String(), "\n"))
}

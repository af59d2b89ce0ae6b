package gevent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
)

// A Scope holds greenlets that end before it does: see [WithScope]. Cancel may be
// called by any goroutine. The others are for the thread: Spawn panics elsewhere, with
// [ErrWrongThread]; Len and Cancelled only read a word, and do not check.
type Scope struct {
	owner     *hub.Proc
	unwind    baton.Unwind // what ends the scope's function when the scope is cancelled
	sent      bool         // the owner was interrupted with it
	phase     scopePhase
	cancelled bool
	first     *child // those that have not ended, in the order in which they were spawned
	last      *child
	left      int
	spawned   int
	failures  []failure
	waiting   hub.Links // the owner, while it waits for children
}

type scopePhase uint8

const (
	inside  scopePhase = iota // the function runs
	leaving                   // it is over, and children are waited for
	left
)

// A child is a greenlet of a scope.
type child struct {
	hub.Link
	scope      *Scope
	g          *Greenlet
	number     int
	prev, next *child
}

// A failure is how a child ended.
type failure struct {
	number int
	err    error
}

// A scopeCancelled unwinds the function of a scope that was cancelled. Whoever
// catches it by a Try may raise it again.
type scopeCancelled struct{ scope *Scope }

func (scopeCancelled) Error() string { return "gevent: the scope was cancelled" }

// WithScope runs f, and returns when f and all greenlets that were spawned into
// its [Scope] have ended. So no greenlet outlives the call, however it ends. It is
// trio's nursery, and golang.org/x/sync/errgroup for greenlets.
//
//	err := gevent.WithScope(func(s *gevent.Scope) error {
//		for _, url := range urls {
//			s.Spawn(func() error { return fetch(url) })
//		}
//		return nil
//	})
//
// The first greenlet that fails, with an error or a panic, cancels the scope: all
// others are killed, and f is unwound if it is still at work. So does an error
// that f returns, a panic in f, and a kill or a time-out of the caller, in f or
// while WithScope waits. Killed greenlets are waited for until they have ended,
// also if the caller is killed once more. A greenlet that somebody kills is no
// failure.
//
// WithScope returns the error of f and those of the greenlets, in the order in
// which they were spawned: if there is one, as it is, and otherwise joined by
// errors.Join. Panics are among them as a [*PanicError], and are not reported. If
// f panics or is unwound, that goes on, and what greenlets failed with is given to
// the error hook.
//
// Scopes may be nested, and put into a [WithTimeout], which limits all that
// happens in them.
//
// It parks the caller while greenlets are left. In a callback or a foreign
// goroutine it panics.
func WithScope(f func(s *Scope) error) error {
	self, p := hub.Require("gevent.WithScope")
	s := &Scope{owner: p}
	s.unwind.Err = scopeCancelled{s}
	returned := false
	defer func() {
		if !returned {
			s.abandon(self)
		}
	}()
	err := s.run(f)
	returned = true
	s.phase = leaving
	if err != nil {
		s.cancel()
	}
	if interrupts := s.leave(self); interrupts != nil {
		s.report(err)
		for _, later := range interrupts[1:] {
			p.Interrupt(later)
		}
		hub.Unwind(interrupts[0])
	}
	return s.outcome(err)
}

// run calls f, and catches what the scope's cancellation unwinds it with.
func (s *Scope) run(f func(s *Scope) error) (err error) {
	returned := false
	defer func() {
		if returned || !s.sent {
			return // what is in flight goes on with the stack that it has
		}
		v := recover()
		if u, ok := v.(*baton.Unwind); ok && same(u.Err, s.unwind.Err) {
			return
		}
		if v != nil {
			panic(v)
		}
	}()
	err = f(s)
	returned = true
	if same(err, s.unwind.Err) {
		err = nil // it came back as an error, by a Try
	}
	return err
}

// abandon ends the children when f is on its way out by a panic.
func (s *Scope) abandon(self *baton.Fiber) {
	s.phase = leaving
	s.cancel()
	for _, later := range s.leave(self) {
		s.owner.Interrupt(later)
	}
	s.report(nil)
}

// leave waits for the children, and returns what the owner was interrupted with
// meanwhile.
func (s *Scope) leave(self *baton.Fiber) (interrupts []error) {
	s.owner.Withdraw(&s.unwind)
	for s.left > 0 {
		_, err := s.owner.ParkOn(self, &s.waiting, hub.Wait{Op: "gevent.WithScope", On: (*scopeWait)(s)}, false, 0)
		if err != nil {
			if err != error(&s.unwind) {
				interrupts = append(interrupts, err)
			}
			s.cancel()
		}
	}
	s.phase = left
	return interrupts
}

// outcome joins the error of f and those of the children.
func (s *Scope) outcome(err error) error {
	errs := make([]error, 0, 1+len(s.failures))
	if err != nil {
		errs = append(errs, err)
	}
	slices.SortFunc(s.failures, func(a, b failure) int { return cmp.Compare(a.number, b.number) })
	for _, f := range s.failures {
		errs = append(errs, f.err)
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// report tells the error hook what nobody is going to be returned.
func (s *Scope) report(err error) {
	if err = s.outcome(err); err != nil {
		s.owner.Hub().Report("scope of "+s.owner.Name(), err)
	}
}

// String says how many greenlets the scope waits for, and names a few. Outside of the
// scope's thread it does not.
func (s *Scope) String() string {
	if hub.Current() != s.owner.Hub() {
		return "a scope"
	}
	names := ""
	n := 0
	for c := s.first; c != nil && n < maxNames; c = c.next {
		names += " " + c.g.Name()
		n++
	}
	if s.left > n {
		names += " ..."
	}
	return fmt.Sprintf("for %d:%s", s.left, names)
}

// Spawn makes a greenlet that runs f in the scope, and schedules it as [Spawn]
// does. It may be called by f of [WithScope] and by the scope's greenlets, also
// while the scope waits for them; and by anybody else of the thread before the
// scope has ended, after which it panics. In a scope that was cancelled the new
// greenlet is killed before it begins.
func (s *Scope) Spawn(f func() error) *Greenlet {
	s.mustLast("gevent.Scope.Spawn")
	g := NewGreenlet(f)
	s.adopt(g)
	return g
}

// ScopeValue is [Scope.Spawn] of a function with a value, for [Of.Get].
func ScopeValue[T any](s *Scope, f func() (T, error)) *Of[T] {
	s.mustLast("gevent.ScopeValue")
	g := NewValue(f)
	s.adopt(&g.Greenlet)
	return g
}

func (s *Scope) mustLast(op string) {
	s.owner.Hub().CheckThread(op, "the scope")
	if s.phase == left {
		panic(op + ": the scope has ended; spawn before its function and its greenlets have ended")
	}
}

// adopt starts g in the scope.
func (s *Scope) adopt(g *Greenlet) {
	s.spawned++
	c := &child{scope: s, g: g, number: s.spawned, prev: s.last}
	c.Link = hub.NewLink(c)
	g.links.Add(&c.Link)
	g.proc.Flags |= quiet
	if s.last != nil {
		s.last.next = c
	} else {
		s.first = c
	}
	s.last = c
	s.left++
	if s.cancelled {
		g.KillAsync(nil)
		return
	}
	g.Start()
}

// Told notes that the child has ended.
func (c *child) Told() bool {
	s := c.scope
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		s.last = c.prev
	}
	s.left--
	if err := c.g.Err(); err != nil {
		s.failures = append(s.failures, failure{c.number, err})
		s.cancel()
	}
	if s.left == 0 {
		s.waiting.NotifyAll()
	}
	return false
}

// Cancel kills the greenlets of the scope, and unwinds its function if that is
// still at work, in its next blocking call if it runs. It does not wait. By itself
// it is no error: WithScope returns nil if nobody fails. Cancelling again has no
// effect, nor has it when the scope or its thread has ended. Like the cancel function
// of a context it may be called by any goroutine: outside of the thread it is a
// [Hub.Post], and so does not keep a thread that has nothing to wait for. It mirrors
// trio's nursery.cancel_scope.cancel.
func (s *Scope) Cancel() {
	if h := s.owner.Hub(); hub.Current() != h {
		// ErrClosed means that there is nothing left to cancel.
		_ = h.Post(s.cancel)
		return
	}
	s.cancel()
}

func (s *Scope) cancel() {
	if s.cancelled || s.phase == left {
		return
	}
	s.cancelled = true
	for c := s.first; c != nil; {
		next := c.next // c may end at once
		c.g.KillAsync(nil)
		c = next
	}
	if s.phase == inside {
		s.sent = true
		s.owner.Interrupt(&s.unwind)
	}
}

// Cancelled reports whether the scope was cancelled, by whatever.
func (s *Scope) Cancelled() bool { return s.cancelled }

// Len returns the number of the scope's greenlets that have not ended.
func (s *Scope) Len() int { return s.left }

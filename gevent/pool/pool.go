package pool

import (
	"math"
	"time"

	"github.com/baton-go/baton/gevent"
)

// A Pool is a [Group] with a limited number of members: gevent's Pool. It is made by
// [New]. The methods of Group that add members, Add, Start and Spawn, wait while it
// is full.
type Pool struct{ Group }

// Unlimited is the size of a Pool that is never full: Python's None.
const Unlimited = math.MaxInt

// New returns a Pool with room for size members. One of size 0 is always full, so
// that nothing can be added; one of [Unlimited] never is. New panics if size is
// negative.
func New(size int) *Pool {
	if size < 0 {
		panic("pool.New: a negative size; pass pool.Unlimited for no limit")
	}
	p := new(Pool)
	if size != Unlimited {
		p.slots = slots{limited: true, size: size, free: size}
	}
	return p
}

// Full reports whether there is no free place. A Group is never full.
func (g *Group) Full() bool { return g.slots.limited && g.slots.free == 0 }

// WaitAvailable waits until there is a free place, and returns how many there are: it
// may be 0 if somebody was quicker, and is 1 for a Group or an unlimited Pool. It
// mirrors wait_available.
func (g *Group) WaitAvailable() int { return g.waitAvailable("pool.WaitAvailable", false, 0) }

// WaitAvailableTimeout is [Group.WaitAvailable] for no longer than d; then it
// returns 0.
func (g *Group) WaitAvailableTimeout(d time.Duration) int {
	return g.waitAvailable("pool.WaitAvailableTimeout", true, d)
}

func (g *Group) waitAvailable(op string, limited bool, d time.Duration) int {
	g.enter(op)
	switch {
	case !g.slots.limited:
		return 1
	case g.slots.free == 0:
		g.slots.wait(op, g, limited, d, false)
	}
	return g.slots.free
}

// Size returns the size with which the Pool was made.
func (p *Pool) Size() int {
	if !p.slots.limited {
		return Unlimited
	}
	return p.slots.size
}

// FreeCount returns how many places are free; 1 if the Pool is unlimited, as in
// gevent.
func (p *Pool) FreeCount() int {
	if !p.slots.limited {
		return 1
	}
	return p.slots.free
}

// AddTimeout is [Group.Add] that waits no longer than d; then the error is
// [ErrPoolFull], and a time-out. A d that is not positive lets everything run that is
// ready.
func (p *Pool) AddTimeout(greenlet *gevent.Greenlet, d time.Duration) error {
	const op = "pool.AddTimeout"
	p.begin(op, greenlet)
	return p.within(op, d, func() { p.admit(greenlet) })
}

// AddNowait is [Group.Add] that does not wait: if the Pool is full the error is
// [ErrPoolFull]. It mirrors add(blocking=False).
func (p *Pool) AddNowait(greenlet *gevent.Greenlet) error {
	p.begin("pool.AddNowait", greenlet)
	return p.now(func() { p.admit(greenlet) })
}

// StartTimeout is [Group.Start] that waits no longer than d: see [Pool.AddTimeout].
// A greenlet for which there is no place has not been started, and its thread keeps
// it: start it later, or kill it.
func (p *Pool) StartTimeout(greenlet *gevent.Greenlet, d time.Duration) error {
	const op = "pool.StartTimeout"
	p.begin(op, greenlet)
	return p.within(op, d, func() { p.start(greenlet) })
}

// StartNowait is [Group.Start] that does not wait: see [Pool.AddNowait] and
// [Pool.StartTimeout].
func (p *Pool) StartNowait(greenlet *gevent.Greenlet) error {
	p.begin("pool.StartNowait", greenlet)
	return p.now(func() { p.start(greenlet) })
}

// SpawnTimeout is [Group.Spawn] that waits no longer than d: see [Pool.AddTimeout].
// If there is no place no greenlet is made. Gevent has no such method.
func (p *Pool) SpawnTimeout(d time.Duration, f func() error) (g *gevent.Greenlet, err error) {
	const op = "pool.SpawnTimeout"
	p.mayRun(op, f == nil)
	err = p.within(op, d, func() { g = p.spawn(f) })
	return g, err
}

// SpawnNowait is [Group.Spawn] that does not wait: see [Pool.AddNowait] and
// [Pool.SpawnTimeout].
func (p *Pool) SpawnNowait(f func() error) (g *gevent.Greenlet, err error) {
	p.mayRun("pool.SpawnNowait", f == nil)
	err = p.now(func() { g = p.spawn(f) })
	return g, err
}

func (p *Pool) start(greenlet *gevent.Greenlet) {
	p.admit(greenlet)
	greenlet.Start()
}

// within calls f with a slot that it has waited for no longer than d.
func (p *Pool) within(op string, d time.Duration, f func()) error {
	if !p.slots.acquire(op, &p.Group, true, d) {
		return fullError{timeout: true}
	}
	f()
	return nil
}

// now calls f with a slot if there is one.
func (p *Pool) now(f func()) error {
	if !p.slots.try() {
		return ErrPoolFull
	}
	f()
	return nil
}

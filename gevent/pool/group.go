package pool

import (
	"fmt"
	"iter"
	"strings"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/internal/waitlist"
	"github.com/baton-go/baton/internal/hub"
)

// A Group knows the greenlets that were added to it and have not ended, however
// many: gevent's Group. The zero Group is empty. It must not be copied.
//
// Its methods are for the thread that uses it first; those that do not wait may be
// called in callbacks of its loop, too. Len, Ready, Full and those of a Pool that return
// a number only read that, and do not check who calls.
type Group struct {
	hub         *hub.Hub // nil before it is used
	members     map[*gevent.Greenlet]*member
	first, last *member
	empty       waitlist.List[struct{}] // who waits until it is empty
	watches     []*watch
	slots       slots
}

// A member is a greenlet in a Group.
type member struct {
	group      *Group
	g          *gevent.Greenlet
	link       *gevent.Link
	slots      int  // how many it takes
	dying      bool // the Group has killed it
	prev, next *member
}

// A Spawner is what has greenlets to run functions in: a *[Group] or a *[Pool].
type Spawner interface {
	Spawn(f func() error) *gevent.Greenlet
	Len() int
	Full() bool
	group() *Group
}

var (
	_ Spawner         = (*Group)(nil)
	_ Spawner         = (*Pool)(nil)
	_ gevent.Linkable = (*Group)(nil)
)

// NewGroup returns a Group of the greenlets.
func NewGroup(gs ...*gevent.Greenlet) *Group {
	g := new(Group)
	for _, member := range gs {
		g.Add(member)
	}
	return g
}

func (g *Group) group() *Group { return g }

// enter checks that the caller is in the Group's thread, and returns that.
func (g *Group) enter(op string) *hub.Hub {
	h := hub.Current()
	if h != g.hub || h == nil {
		g.adopt(op, h)
	}
	return h
}

// look checks that the caller is in the Group's thread, if it has one that has not
// ended.
func (g *Group) look(op string) {
	if g.hub != nil && g.hub != hub.Current() {
		g.hub.CheckLook(op, g.kind())
	}
}

// adopt makes the thread of h that of the Group, if it has none, or that has ended:
// then its members have ended with it, and their links were not called any more.
func (g *Group) adopt(op string, h *hub.Hub) {
	g.look(op)
	if h == nil {
		hub.Require(op)
	}
	s := g.slots
	*g = Group{hub: h, slots: slots{limited: s.limited, size: s.size, free: s.size}}
}

// Add makes the greenlet a member until it has ended. It should not have been
// started: see [Group.Start]. A Pool that is full makes Add wait; then the greenlet
// may have ended before. Adding a member again changes nothing in a Group, and takes
// a second place in a Pool, which it gives back with the first.
//
// Budget: three allocations.
func (g *Group) Add(greenlet *gevent.Greenlet) {
	const op = "pool.Add"
	g.begin(op, greenlet)
	g.slots.acquire(op, g, false, 0)
	g.admit(greenlet)
}

// begin is what every way to add begins with.
func (g *Group) begin(op string, greenlet *gevent.Greenlet) {
	if greenlet == nil {
		panic(op + ": the greenlet is nil; pass the greenlet that is to be a member")
	}
	g.enter(op)
}

// admit makes the greenlet a member, for which a slot was acquired.
func (g *Group) admit(greenlet *gevent.Greenlet) {
	if m := g.members[greenlet]; m != nil {
		m.slots++
		return
	}
	m := &member{group: g, g: greenlet, slots: 1, prev: g.last}
	defer func() {
		if m.link == nil {
			g.slots.release(1) // the greenlet is of another thread: Rawlink panics
		}
	}()
	m.link = greenlet.Rawlink(m.ended)
	hub.Bystander(m.link, func() bool { return len(g.watches) > 0 })
	if g.members == nil {
		g.members = make(map[*gevent.Greenlet]*member)
	}
	g.members[greenlet] = m
	if g.last != nil {
		g.last.next = m
	} else {
		g.first = m
	}
	g.last = m
}

// ended is called when the greenlet has ended. It is a callback.
func (m *member) ended() {
	if err := m.g.Err(); err != nil {
		for _, w := range m.group.watches {
			w.errs = append(w.errs, err)
		}
	}
	m.group.remove(m)
}

func (g *Group) remove(m *member) {
	delete(g.members, m.g)
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		g.first = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	} else {
		g.last = m.prev
	}
	if g.first == nil {
		g.empty.NotifyAll(g.hub)
	}
	g.slots.release(m.slots)
}

// Discard makes the greenlet no member any more, and gives its places back. If it
// is none, Discard does nothing. It does not block.
func (g *Group) Discard(greenlet *gevent.Greenlet) {
	g.enter("pool.Discard")
	if m := g.members[greenlet]; m != nil {
		m.link.Unlink()
		g.remove(m)
	}
}

// Start makes the greenlet, which should not have been started, a member and starts
// it. While a Pool is full, Start waits.
func (g *Group) Start(greenlet *gevent.Greenlet) {
	const op = "pool.Start"
	g.begin(op, greenlet)
	g.slots.acquire(op, g, false, 0)
	g.admit(greenlet)
	greenlet.Start()
}

// Spawn makes a greenlet that runs f, a member, and starts it: see [gevent.Spawn].
// While a Pool is full, Spawn waits; in a callback, where there is no waiting, it
// panics then. The greenlet is made when there is a place, so that a Spawn that is
// killed or timed out leaves nothing behind. For a function with a value use
// [SpawnValue].
//
// Budget: four allocations, one of which is the greenlet, and 200 ns more than
// [gevent.Spawn]; no switch unless the Pool is full.
func (g *Group) Spawn(f func() error) *gevent.Greenlet {
	const op = "pool.Spawn"
	g.mayRun(op, f == nil)
	g.slots.acquire(op, g, false, 0)
	return g.spawn(f)
}

// mayRun is what every way to spawn begins with.
func (g *Group) mayRun(op string, none bool) {
	if none {
		panic(op + ": the function is nil; pass the function that the greenlet is to run")
	}
	g.enter(op)
}

// spawn is Spawn with a slot.
func (g *Group) spawn(f func() error) *gevent.Greenlet {
	greenlet := gevent.NewGreenlet(f)
	g.admit(greenlet)
	greenlet.Start()
	return greenlet
}

// SpawnValue is [Group.Spawn] of a function with a value, for [gevent.Of.Get].
func SpawnValue[R any](p Spawner, f func() (R, error)) *gevent.Of[R] {
	return spawnValue("pool.SpawnValue", p, f)
}

func spawnValue[R any](op string, p Spawner, f func() (R, error)) *gevent.Of[R] {
	g := p.group()
	g.mayRun(op, f == nil)
	g.slots.acquire(op, g, false, 0)
	greenlet := gevent.NewValue(f)
	g.admit(&greenlet.Greenlet)
	greenlet.Start()
	return greenlet
}

// Len returns the number of members.
func (g *Group) Len() int { return len(g.members) }

// Contains reports whether the greenlet is a member.
func (g *Group) Contains(greenlet *gevent.Greenlet) bool {
	g.look("pool.Contains")
	return g.members[greenlet] != nil
}

// All returns a sequence of the members in the order in which they were added, as
// they are when the loop begins. Its body may block, and change the Group.
func (g *Group) All() iter.Seq[*gevent.Greenlet] {
	return func(yield func(*gevent.Greenlet) bool) {
		g.look("pool.All")
		for _, m := range g.list() {
			if !yield(m.g) {
				return
			}
		}
	}
}

func (g *Group) list() []*member {
	all := make([]*member, 0, len(g.members))
	for m := g.first; m != nil; m = m.next {
		all = append(all, m)
	}
	return all
}

// kind says what it is.
func (g *Group) kind() string {
	if g.slots.limited {
		return fmt.Sprintf("Pool %p of %d", g, g.slots.size)
	}
	return fmt.Sprintf("Group %p", g)
}

// maxNames is how many members String names.
const maxNames = 5

// String says what it is, and how many members it has, and names a few. In another
// thread it says only what it is.
func (g *Group) String() string {
	if h := g.hub; h != nil && h != hub.Current() {
		return g.kind()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s with %d", g.kind(), g.Len())
	n := 0
	for m := g.first; m != nil; m = m.next {
		if n++; n > maxNames {
			b.WriteString(" ...")
			break
		}
		b.WriteString(" " + m.g.Name())
	}
	return b.String()
}

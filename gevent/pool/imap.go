package pool

import (
	"container/list"
	"iter"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// An IMapOption changes [IMap] and [IMapUnordered].
type IMapOption func(*int)

// MaxSize limits how many values may be there that the loop has not taken: when there
// are n, or greenlets at work for as many, no more are begun. Without it all items are
// worked on as fast as p has places. It mirrors maxsize=. MaxSize panics if n is not
// positive.
func MaxSize(n int) IMapOption {
	if n <= 0 {
		panic("pool.MaxSize: a number that is not positive; leave the option out for no limit")
	}
	return func(max *int) { *max = n }
}

// IMap returns a sequence of the values and errors of f for each of the items, in the
// order of the items. Each runs in a new member of p, as soon as there is a place,
// also while the loop is busy with others; a greenlet that is no member takes the
// items, so they may block. An item that fails yields its error, and the loop goes on
// with the next. If the items end with an error, or panic, that is the last that is
// yielded.
//
// The work begins with the loop, not before as in gevent; each loop over the sequence
// begins anew. When the loop is left, members that are at work for it are killed, but
// not waited for, and no more items are taken; Join the pool to wait for their ends. It
// mirrors Group.imap.
//
//	for page, err := range pool.IMap(p, fetch, urls) {
//		...
//	}
func IMap[A, R any, I Items[A]](p Spawner, f func(A) (R, error), items I, opts ...IMapOption) iter.Seq2[R, error] {
	return imap("pool.IMap", p, f, sequence[A](items), true, opts)
}

// IMapUnordered is [IMap] with the values in the order in which they come. It mirrors
// Group.imap_unordered.
func IMapUnordered[A, R any, I Items[A]](p Spawner, f func(A) (R, error), items I, opts ...IMapOption) iter.Seq2[R, error] {
	return imap("pool.IMapUnordered", p, f, sequence[A](items), false, opts)
}

// A mapping is one loop over an IMap. The feeder begins greenlets, the loop takes
// their values.
type mapping[R any] struct {
	op      string
	group   *Group
	ordered bool
	begun   list.List       // of *gevent.Of[R]: begun and not taken, in the order of the items
	ended   []*list.Element // those of them that have ended, in that order; not if ordered
	fed     bool            // no more will be begun
	left    bool            // the loop was: nobody wants what is begun from now on
	err     error           // that of the items
	max     int             // 0 if there is no limit
	room    int             // how many more may be begun, if there is one
	reader  hub.Links       // the loop, if it waits
	feeder  hub.Links       // the feeder, if it waits for room
}

func imap[A, R any](op string, p Spawner, f func(A) (R, error), items iter.Seq2[A, error], ordered bool, opts []IMapOption) iter.Seq2[R, error] {
	p.group().mayRun(op, f == nil)
	return func(yield func(R, error) bool) {
		p.group().enter(op)
		m := &mapping[R]{op: op, group: p.group(), ordered: ordered}
		for _, o := range opts {
			o(&m.max)
		}
		m.room = m.max
		feeder := gevent.Spawn(func() error { return feed(m, p, f, items) })
		feeder.SetName("feeder of " + op)
		feeder.Rawlink(func() {
			m.fed, m.err = true, feeder.Get()
			m.reader.NotifyAll()
		})
		defer func() {
			m.left = true
			feeder.KillAsync(nil)
			for e := m.begun.Front(); e != nil; e = e.Next() {
				e.Value.(*gevent.Of[R]).KillAsync(nil)
			}
		}()
		for {
			g := m.next()
			if g == nil {
				break
			}
			if !yield(g.Get()) {
				return
			}
		}
		if m.err != nil {
			var none R
			yield(none, m.err)
		}
	}
}

// feed begins a greenlet for each item.
func feed[A, R any](m *mapping[R], p Spawner, f func(A) (R, error), items iter.Seq2[A, error]) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		for m.max > 0 && m.room == 0 {
			m.park(&m.feeder)
		}
		m.room--
		g := spawnValue(m.op, p, func() (R, error) { return f(item) })
		if m.left {
			g.KillAsync(nil) // the feeder was given the place before it was killed
			return nil
		}
		e := m.begun.PushBack(g)
		if m.ordered {
			m.reader.NotifyAll()
			continue
		}
		g.Rawlink(func() {
			m.ended = append(m.ended, e)
			m.reader.NotifyAll()
		})
	}
	return nil
}

// next returns the greenlet whose value is to be yielded next, or nil if there will be
// none. It makes room for one more.
func (m *mapping[R]) next() *gevent.Of[R] {
	m.room++
	m.feeder.NotifyAll()
	for {
		if e := m.first(); e != nil {
			g := e.Value.(*gevent.Of[R])
			g.Join() // it stays in the list meanwhile, so that it is killed if the loop is
			m.begun.Remove(e)
			return g
		}
		if m.fed && m.begun.Len() == 0 {
			return nil
		}
		m.park(&m.reader)
	}
}

// first returns the one whose value is to be yielded next, if that is known.
func (m *mapping[R]) first() (e *list.Element) {
	if m.ordered {
		return m.begun.Front()
	}
	if len(m.ended) > 0 {
		e, m.ended = m.ended[0], m.ended[1:]
	}
	return e
}

// park waits for a notification of the list.
func (m *mapping[R]) park(on *hub.Links) {
	f, p := hub.Require(m.op)
	if _, err := p.ParkOn(f, on, hub.Wait{Op: m.op, On: m.group}, false, 0); err != nil {
		hub.Unwind(err)
	}
}

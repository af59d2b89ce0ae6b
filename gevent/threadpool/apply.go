package threadpool

import (
	"iter"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// Spawn has the pool run f, and returns its [Future]. It parks the caller while the
// pool is full: while as many functions have not ended as run at a time, and one
// more. In a callback, where there is no waiting, it panics then. It mirrors
// ThreadPool.spawn.
//
// Budget: a goroutine, or a place in a queue; a Post; some allocations.
func Spawn[T any](p *ThreadPool, f func() (T, error)) *Future[T] {
	return spawn("threadpool.Spawn", p, f)
}

func spawn[T any](op string, p *ThreadPool, f func() (T, error)) *Future[T] {
	mayRun(op, f == nil)
	p.enter(op)
	return begin(p, f)
}

// begin is spawn with a place.
func begin[T any](p *ThreadPool, f func() (T, error)) *Future[T] {
	t := &Future[T]{pool: p, f: f}
	p.submit(t)
	return t
}

// mayRun checks the function of every call that is to run one.
func mayRun(op string, none bool) {
	if none {
		panic(op + ": the function is nil; pass the function that is to be run")
	}
}

// Apply has the pool run f, and waits for the result. Called outside of the pool's
// thread, above all by a function that the pool runs, it calls f itself, since there
// is nobody to wait. It mirrors ThreadPool.apply.
func Apply[T any](p *ThreadPool, f func() (T, error)) (T, error) {
	const op = "threadpool.Apply"
	mayRun(op, f == nil)
	if hub.Current() != p.hub {
		return f()
	}
	return spawn(op, p, f).Get()
}

// ApplyAsync is [Spawn] in a greenlet of its own, so that it does not wait: the
// result is that greenlet's. If f succeeds, callback, unless it is nil, is called
// with its value in another greenlet, so that it may block. It mirrors
// ThreadPool.apply_async.
func ApplyAsync[T any](p *ThreadPool, f func() (T, error), callback func(T)) *gevent.Of[T] {
	const op = "threadpool.ApplyAsync"
	mayRun(op, f == nil)
	p.hub.CheckThread(op, p)
	g := gevent.SpawnValue(func() (T, error) { return spawn(op, p, f).Get() })
	if callback != nil {
		g.Link(func(*gevent.Greenlet) {
			if g.Successful() && !g.Killed() {
				callback(g.Value())
			}
		})
	}
	return g
}

// Map has the pool run f for each item, and returns the results in the order of the
// items; or, when all before have ended, the first error in that order. Then, and if
// the caller is killed, the items whose functions have not begun are given up. It
// mirrors ThreadPool.map.
func Map[A, R any](p *ThreadPool, f func(A) (R, error), items []A) ([]R, error) {
	return mapAll("threadpool.Map", p, f, items)
}

func mapAll[A, R any](op string, p *ThreadPool, f func(A) (R, error), items []A) ([]R, error) {
	mayRun(op, f == nil)
	p.hub.CheckThread(op, p)
	var all []*Future[R]
	defer func() {
		for _, t := range all {
			t.Cancel()
		}
	}()
	for _, item := range items {
		all = append(all, spawn(op, p, func() (R, error) { return f(item) }))
	}
	results := make([]R, 0, len(items))
	for _, t := range all {
		r, err := t.Get()
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// MapAsync is [Map] in a greenlet of its own. If it succeeds, callback, unless it is
// nil, is called with the results in another greenlet. It mirrors
// ThreadPool.map_async.
func MapAsync[A, R any](p *ThreadPool, f func(A) (R, error), items []A, callback func([]R)) *gevent.Of[[]R] {
	const op = "threadpool.MapAsync"
	mayRun(op, f == nil)
	p.hub.CheckThread(op, p)
	g := gevent.SpawnValue(func() ([]R, error) { return mapAll(op, p, f, items) })
	if callback != nil {
		g.Link(func(*gevent.Greenlet) {
			if g.Successful() && !g.Killed() {
				callback(g.Value())
			}
		})
	}
	return g
}

// IMap returns a sequence of the results of f for each item, in the order of the
// items. Items, whose loop may wait, are taken while the sequence is read, as many
// ahead as the pool has room for. Leaving the loop gives up functions that have not
// begun. It mirrors ThreadPool.imap.
func IMap[A, R any](p *ThreadPool, f func(A) (R, error), items iter.Seq[A]) iter.Seq2[R, error] {
	const op = "threadpool.IMap"
	mayRun(op, f == nil)
	return func(yield func(R, error) bool) {
		p.hub.CheckThread(op, p)
		var ahead []*Future[R]
		defer func() {
			for _, t := range ahead {
				t.Cancel()
			}
		}()
		first := func() bool {
			t := ahead[0]
			r, err := t.Get()
			ahead = ahead[1:]
			return yield(r, err)
		}
		for item := range items {
			ahead = append(ahead, spawn(op, p, func() (R, error) { return f(item) }))
			for len(ahead) > 0 && (ahead[0].ready || len(ahead) > p.shared.max) {
				if !first() {
					return
				}
			}
		}
		for len(ahead) > 0 && first() {
		}
	}
}

// IMapUnordered is [IMap] with the results in the order in which they come. It
// mirrors ThreadPool.imap_unordered.
func IMapUnordered[A, R any](p *ThreadPool, f func(A) (R, error), items iter.Seq[A]) iter.Seq2[R, error] {
	const op = "threadpool.IMapUnordered"
	mayRun(op, f == nil)
	return func(yield func(R, error) bool) {
		p.hub.CheckThread(op, p)
		u := unordered[R]{pool: p, ahead: map[*Future[R]]*gevent.Link{}}
		defer u.end()
		for item := range items {
			u.add(spawn(op, p, func() (R, error) { return f(item) }))
			for len(u.ready) > 0 || len(u.ahead) > p.shared.max {
				if t := u.first(op); !yield(t.value, t.err) {
					return
				}
			}
		}
		for len(u.ahead) > 0 {
			if t := u.first(op); !yield(t.value, t.err) {
				return
			}
		}
	}
}

// unordered is the state of one IMapUnordered.
type unordered[R any] struct {
	pool  *ThreadPool
	ahead map[*Future[R]]*gevent.Link // those that have not been returned
	ready []*Future[R]                // those of them that are ready
	come  hub.Links                   // who waits for one
}

func (u *unordered[R]) add(t *Future[R]) {
	u.ahead[t] = t.Rawlink(func() {
		u.ready = append(u.ready, t)
		u.come.NotifyAll()
	})
}

// first waits for the next one that is ready.
func (u *unordered[R]) first(op string) *Future[R] {
	for len(u.ready) == 0 {
		f, p := hub.Require(op)
		if _, err := p.ParkOn(f, &u.come, hub.Wait{Op: op, On: u.pool}, false, 0); err != nil {
			hub.Unwind(err)
		}
	}
	t := u.ready[0]
	u.ready = u.ready[1:]
	delete(u.ahead, t)
	return t
}

func (u *unordered[R]) end() {
	for t, link := range u.ahead {
		link.Unlink()
		t.Cancel()
	}
}

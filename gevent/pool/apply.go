package pool

import (
	"github.com/baton-go/baton/gevent"
)

// Apply runs f in a new member of p, a *[Group] or a *[Pool], and waits for its value
// and error. Called by a member it runs f itself: if the Pool were full it would
// wait for itself. It mirrors Group.apply; arguments are in the closure.
//
// If the caller is killed while it waits, the member goes on, as in gevent.
func Apply[R any](p Spawner, f func() (R, error)) (R, error) {
	const op = "pool.Apply"
	g := p.group()
	g.mayRun(op, f == nil)
	if g.Contains(gevent.Current()) {
		return f()
	}
	return spawnValue(op, p, f).Get()
}

// ApplyAsync is [Apply] that does not wait: the result is that of the greenlet that
// it returns. That is a new member; or, if the Pool is full, a greenlet that waits
// for a place and is itself no member. If f succeeds, callback, unless it is nil, is
// called with the value in a greenlet of its own. ApplyAsync may be called in a
// callback. It mirrors Group.apply_async.
func ApplyAsync[R any](p Spawner, f func() (R, error), callback func(R)) *gevent.Of[R] {
	const op = "pool.ApplyAsync"
	g := p.group()
	g.mayRun(op, f == nil)
	if g.Full() {
		return gevent.SpawnValue(func() (R, error) {
			r, err := Apply(p, f)
			if err == nil && callback != nil {
				gevent.Spawn(func() { callback(r) })
			}
			return r, err
		})
	}
	greenlet := spawnValue(op, p, f)
	if callback != nil {
		greenlet.LinkValue(func(*gevent.Greenlet) {
			if !greenlet.Killed() {
				callback(greenlet.Value())
			}
		})
	}
	return greenlet
}

// Map runs f for each of the items, each in a new member of p, and returns the values
// in the order of the items. If one fails, Map returns the error of the first in that
// order, once all before it have ended; the others go on. If the items end with an
// error, it returns that at once. It mirrors Group.map.
//
// If the caller is killed, or its time is up, members that Map has made are killed
// with it, and no more are made. (In gevent they would go on, and more would come.)
func Map[A, R any, I Items[A]](p Spawner, f func(A) (R, error), items I) ([]R, error) {
	return mapAll("pool.Map", p, f, sequence[A](items))
}

func mapAll[A, R any](op string, p Spawner, f func(A) (R, error), items func(func(A, error) bool)) ([]R, error) {
	p.group().mayRun(op, f == nil)
	var all []*gevent.Of[R]
	returned := false
	defer func() {
		if returned {
			return
		}
		for _, g := range all {
			g.KillAsync(nil)
		}
	}()
	for item, err := range items {
		if err != nil {
			returned = true
			return nil, err
		}
		all = append(all, spawnValue(op, p, func() (R, error) { return f(item) }))
	}
	results := make([]R, 0, len(all))
	for _, g := range all {
		r, err := g.Get()
		if err != nil {
			returned = true
			return nil, err
		}
		results = append(results, r)
	}
	returned = true
	return results, nil
}

// MapAsync is [Map] in a greenlet of its own, which is no member. If that succeeds,
// callback, unless it is nil, is called there with the values. It mirrors
// Group.map_async.
func MapAsync[A, R any, I Items[A]](p Spawner, f func(A) (R, error), items I, callback func([]R)) *gevent.Of[[]R] {
	const op = "pool.MapAsync"
	p.group().mayRun(op, f == nil)
	return gevent.SpawnValue(func() ([]R, error) {
		results, err := mapAll(op, p, f, sequence[A](items))
		if err == nil && callback != nil {
			callback(results)
		}
		return results, err
	})
}

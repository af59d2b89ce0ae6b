package local

import (
	"sync"
	"weak"
)

// A key stands for a Local in the tables of the greenlets that have a value of it.
type key struct {
	inherit func(any) any // nil if nothing is

	mu     sync.Mutex
	tables map[weak.Pointer[table]]struct{}
	limit  int // size of tables at which the dead ones are dropped
}

// A table has the values of one greenlet. All belongs to the greenlet, but a Local
// that is garbage is dropped from the outside: hence the lock, for which nobody
// ever waits long.
type table struct {
	self   weak.Pointer[table]
	linked bool // it is cleared at the end of its greenlet

	mu     sync.Mutex
	values map[*key]any
}

func newTable() *table {
	t := &table{values: make(map[*key]any)}
	t.self = weak.Make(t)
	return t
}

func (t *table) get(k *key) (v any, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok = t.values[k]
	return v, ok
}

func (t *table) set(k *key, v any) {
	t.mu.Lock()
	_, had := t.values[k]
	t.values[k] = v
	t.mu.Unlock()
	if !had {
		k.add(t.self)
	}
}

// delete removes a value, and reports whether none is left.
func (t *table) delete(k *key) bool {
	t.mu.Lock()
	delete(t.values, k)
	empty := len(t.values) == 0
	t.mu.Unlock()
	k.remove(t.self)
	return empty
}

// clear removes all values.
func (t *table) clear() {
	t.mu.Lock()
	values := t.values
	t.values = make(map[*key]any) // nobody's but a deferred function's of an ended thread
	t.mu.Unlock()
	for k := range values {
		k.remove(t.self)
	}
}

func (k *key) add(t weak.Pointer[table]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tables == nil {
		k.tables = make(map[weak.Pointer[table]]struct{})
	}
	k.tables[t] = struct{}{}
	if len(k.tables) <= k.limit {
		return
	}
	for t := range k.tables {
		if t.Value() == nil { // of a main greenlet, or one of package greenlet
			delete(k.tables, t)
		}
	}
	k.limit = 2*len(k.tables) + 8
}

func (k *key) remove(t weak.Pointer[table]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.tables, t)
}

// drop removes the values of a Local that is garbage.
func (k *key) drop() {
	k.mu.Lock()
	tables := k.tables
	k.tables = nil
	k.mu.Unlock()
	for w := range tables {
		if t := w.Value(); t != nil {
			t.mu.Lock()
			delete(t.values, k)
			t.mu.Unlock()
		}
	}
}

package baton

import (
	"sync"
	"sync/atomic"
)

// registry maps goroutine numbers to fibers. It answers Self for every call of
// a drop-in package, so reading takes no lock and makes no allocation: one
// atomic load of the table and, as a rule, two of one cell.
//
// The table is open-addressed and probed linearly. Goroutine numbers are handed
// out nearly in sequence, so the number itself is the hash. A cell goes through
// three states and never back, which is why a reader needs no lock:
//
//	id      fiber    meaning
//	0       nil      empty: ends a probe
//	n       f        goroutine n runs fiber f
//	n       nil      goroutine n has left; only itself can come back
//
// Cells that were left are dropped when the table is rebuilt.
var registry struct {
	table atomic.Pointer[table]
	mu    sync.Mutex // held by writers
	used  int        // cells that are not empty
	live  int        // cells with a fiber
}

type table struct {
	mask  uint64
	cells []cell
}

type cell struct {
	id    atomic.Uint64
	fiber atomic.Pointer[Fiber]
}

const minCells = 256

func init() {
	registry.table.Store(newTable(minCells))
}

func newTable(n int) *table {
	return &table{mask: uint64(n - 1), cells: make([]cell, n)}
}

// Self returns the fiber that the calling goroutine is, or nil for a foreign
// goroutine. Any goroutine may call it. Budget: 3-5 ns, no allocation.
func Self() *Fiber {
	id := currentID()
	t := registry.table.Load()
	for i := id & t.mask; ; i = (i + 1) & t.mask {
		c := &t.cells[i]
		switch c.id.Load() {
		case id:
			return c.fiber.Load()
		case 0:
			return nil
		}
	}
}

// register makes f the fiber of goroutine f.id.
func register(f *Fiber) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	t := registry.table.Load()
	if (registry.used+1)*4 > len(t.cells) {
		t = rebuild(t)
	}
	registry.used += t.put(f.id, f)
	registry.live++
}

// unregister forgets goroutine f.id.
func unregister(f *Fiber) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	t := registry.table.Load()
	for i := f.id & t.mask; ; i = (i + 1) & t.mask {
		c := &t.cells[i]
		if c.id.Load() == f.id {
			c.fiber.Store(nil)
			registry.live--
			return
		}
	}
}

// put fills the cell that id had, or else the first empty one of its probe, and
// returns how many cells it newly used. The fiber is stored before the number,
// so that a reader who sees the number sees the fiber.
func (t *table) put(id uint64, f *Fiber) int {
	for i := id & t.mask; ; i = (i + 1) & t.mask {
		c := &t.cells[i]
		switch c.id.Load() {
		case id:
			c.fiber.Store(f)
			return 0
		case 0:
			c.fiber.Store(f)
			c.id.Store(id)
			return 1
		}
	}
}

// rebuild publishes a table of only the live cells, at most one eighth full.
func rebuild(old *table) *table {
	n := minCells
	for n < (registry.live+1)*8 {
		n *= 2
	}
	t := newTable(n)
	for i := range old.cells {
		c := &old.cells[i]
		if f := c.fiber.Load(); f != nil {
			t.put(c.id.Load(), f)
		}
	}
	registry.used = registry.live
	registry.table.Store(t)
	return t
}

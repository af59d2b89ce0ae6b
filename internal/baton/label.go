package baton

import "sync/atomic"

// A Label says what runs on a fiber, to goroutines outside of its thread, which
// must not look at anything else of it. All methods may be called by any goroutine.
type Label struct {
	name    atomic.Pointer[string]
	ignored atomic.Bool
}

// NewLabel returns a Label with a name.
func NewLabel(name string) *Label {
	l := new(Label)
	l.SetName(name)
	return l
}

// Name returns the name.
func (l *Label) Name() string { return *l.name.Load() }

// SetName changes the name.
func (l *Label) SetName(name string) { l.name.Store(&name) }

// Ignored reports what SetIgnored has noted.
func (l *Label) Ignored() bool { return l.ignored.Load() }

// SetIgnored notes whether it is of no interest for how long this runs.
func (l *Label) SetIgnored(yes bool) { l.ignored.Store(yes) }

// Label returns the label of what runs on the fiber, nil if it has none.
func (f *Fiber) Label() *Label { return f.label.Load() }

// SetLabel says what runs on the fiber; nil takes it back.
func (f *Fiber) SetLabel(l *Label) { f.label.Store(l) }

// Roster returns the fibers of the thread, in no order. Any goroutine may call it;
// of the fibers only the ID and the Label are for it to look at. Fibers that come or
// go meanwhile may be missing.
func (t *Thread) Roster() (all []*Fiber) {
	cells := registry.table.Load().cells
	for i := range cells {
		if f := cells[i].fiber.Load(); f != nil && f.thread == t {
			all = append(all, f)
		}
	}
	return all
}

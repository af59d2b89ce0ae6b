package gevent

import "time"

// Of is a greenlet whose function returns a value.
type Of[T any] struct {
	Greenlet
	ft    func() (T, error)
	value T
}

// SpawnValue is [Spawn] of a function with a value, for [Of.Get].
func SpawnValue[T any](f func() (T, error)) *Of[T] {
	h := mustHub("gevent.SpawnValue")
	if f == nil {
		panic("gevent.SpawnValue: the function is nil; pass the function that the greenlet is to run")
	}
	g := &Of[T]{ft: f}
	g.proc.Init(h, (*valueRunner[T])(g), "")
	g.born(h)
	if g.schedule(h) {
		g.proc.Start()
	}
	return g
}

// NewValue is [NewGreenlet] of a function with a value.
func NewValue[T any](f func() (T, error)) *Of[T] {
	h := mustHub("gevent.NewValue")
	if f == nil {
		panic("gevent.NewValue: the function is nil; pass the function that the greenlet is to run")
	}
	g := &Of[T]{ft: f}
	g.proc.Init(h, (*valueRunner[T])(g), "")
	g.born(h)
	return g
}

// Get waits until the greenlet has ended and returns the value and the error of
// its function; if it panicked or was killed, the zero value and the error that
// [Greenlet.Get] describes. It parks the caller unless the greenlet has ended
// already.
func (g *Of[T]) Get() (T, error) {
	err := g.Greenlet.Get()
	return g.value, err
}

// GetTimeout is [Of.Get] for no longer than d; then the error is [ErrTimeout].
func (g *Of[T]) GetTimeout(d time.Duration) (T, error) {
	err := g.Greenlet.GetTimeout(d)
	return g.value, err
}

// Value returns the value that the function returned, or the zero value. It does
// not wait.
func (g *Of[T]) Value() T { return g.value }

// valueRunner is an Of as what the hub runs.
type valueRunner[T any] Of[T]

// Exec runs the function.
func (r *valueRunner[T]) Exec() {
	g := (*Of[T])(r)
	g.exec(func() (err error) {
		f := g.ft
		g.ft = nil
		g.value, err = f()
		return err
	})
}

// Exited has nothing to add to exec's deferred function.
func (r *valueRunner[T]) Exited() {}

// Cancelled ends the greenlet, which has not run.
func (r *valueRunner[T]) Cancelled(why error) {
	r.ft = nil
	(*Of[T])(r).finish(why)
}

func (r *valueRunner[T]) greenlet() *Greenlet { return &(*Of[T])(r).Greenlet }

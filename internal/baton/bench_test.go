package baton_test

import (
	"iter"
	"testing"

	"github.com/baton-go/baton/internal/baton"
)

// echo is a body that resumes the root again and again.
type echo struct{ stop bool }

func (e *echo) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) {
	root := f.Thread().Root()
	for !e.stop {
		f.Resume(root)
	}
	return nil, root
}

func (e *echo) Goexit(f *baton.Fiber) *baton.Fiber { return f.Thread().ExitRoot() }

func BenchmarkRoundTrip(b *testing.B) {
	t := baton.NewThread()
	root := t.Enter()
	e := &echo{}
	f := t.Carrier(e)
	b.ReportAllocs()
	for b.Loop() {
		root.Resume(f)
	}
	e.stop = true
	root.Resume(f)
	t.Close(root)
	t.Leave()
}

// once is a body that ends at once.
type once struct{}

func (once) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) { return nil, f.Thread().Root() }
func (once) Goexit(f *baton.Fiber) *baton.Fiber            { return f.Thread().ExitRoot() }

func BenchmarkPooledStartAndEnd(b *testing.B) {
	t := baton.NewThread()
	root := t.Enter()
	b.ReportAllocs()
	for b.Loop() {
		root.Resume(t.Carrier(once{}))
	}
	t.Close(root)
	t.Leave()
}

func BenchmarkSelf(b *testing.B) {
	t := baton.NewThread()
	t.Enter()
	for b.Loop() {
		_ = baton.Self()
	}
	t.Leave()
}

func BenchmarkID(b *testing.B) {
	for b.Loop() {
		_ = baton.ID()
	}
}

func BenchmarkIterPullNext(b *testing.B) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
	stop()
}

func BenchmarkChannelTransfer(b *testing.B) {
	c, d := make(chan struct{}), make(chan struct{})
	go func() {
		for range c {
			d <- struct{}{}
		}
		close(d)
	}()
	for b.Loop() {
		c <- struct{}{}
		<-d
	}
	close(c)
	<-d
}

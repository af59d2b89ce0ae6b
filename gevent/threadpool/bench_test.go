package threadpool_test

import (
	"sync"
	"testing"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
)

// BenchmarkApply has a pool run nothing and waits for it, next to a goroutine and a
// WaitGroup.
func BenchmarkApply(b *testing.B) {
	b.Run("go and WaitGroup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var wg sync.WaitGroup
			wg.Go(func() {})
			wg.Wait()
		}
	})
	b.Run("Offload", func(b *testing.B) {
		b.ReportAllocs()
		_ = gevent.Run(func() {
			for b.Loop() {
				gevent.Offload(func() {})
			}
		})
	})
	b.Run("Apply", func(b *testing.B) {
		b.ReportAllocs()
		_ = gevent.Run(func() {
			p := threadpool.New(1)
			for b.Loop() {
				_, _ = threadpool.Apply(p, value(1))
			}
		})
	})
	b.Run("Map of 1000", func(b *testing.B) {
		b.ReportAllocs()
		_ = gevent.Run(func() {
			p := threadpool.New(4)
			items := numbers(1000)
			for b.Loop() {
				_, _ = threadpool.Map(p, square, items)
			}
		})
	})
}

package local_test

import (
	"testing"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/local"
)

func BenchmarkLocal(b *testing.B) {
	b.Run("Get", func(b *testing.B) {
		_ = gevent.Run(func() {
			var l local.Local[int]
			l.Set(1)
			b.ReportAllocs()
			for b.Loop() {
				l.Get()
			}
		})
	})
	b.Run("Set", func(b *testing.B) {
		_ = gevent.Run(func() {
			var l local.Local[*int]
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				l.Set(&n)
			}
		})
	})
}

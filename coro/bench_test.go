package coro_test

import (
	"iter"
	"testing"

	"github.com/baton-go/baton/coro"
)

// The yardstick is BenchmarkIterPullNext. A benchmark of these is only as good as
// its alignment: take the minimum of many short runs.

var sink int

func count(yield func(int) error) error {
	for i := 0; ; i++ {
		if err := yield(i); err != nil {
			return err
		}
	}
}

func BenchmarkIterPullNext(b *testing.B) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
		}
	})
	b.ReportAllocs()
	for range b.N {
		v, ok := next()
		if !ok {
			b.Fatal("done")
		}
		sink += v
	}
	stop()
}

func BenchmarkNext(b *testing.B) {
	g := coro.Generate(count)
	b.ReportAllocs()
	for range b.N {
		v, err := g.Next()
		if err != nil {
			b.Fatal(err)
		}
		sink += v
	}
	g.Close()
}

func BenchmarkSend(b *testing.B) {
	c := coro.New(func(yield func(int) (int, error)) (int, error) {
		for v := 0; ; {
			var err error
			if v, err = yield(v); err != nil {
				return 0, nil
			}
		}
	})
	c.Next()
	b.ReportAllocs()
	for i := range b.N {
		v, err := c.Send(i)
		if err != nil {
			b.Fatal(err)
		}
		sink += v
	}
	c.Close()
}

func BenchmarkThrow(b *testing.B) {
	g := coro.Generate(func(yield func(int) error) error {
		for {
			if err := yield(1); err == coro.ErrClosed {
				return err
			}
		}
	})
	g.Next()
	b.ReportAllocs()
	for range b.N {
		g.Throw(errTest)
	}
	g.Close()
}

func BenchmarkAllOfANewOne(b *testing.B) {
	g := coro.Generate(count)
	b.ReportAllocs()
	n := b.N
	for v := range g.All() {
		sink += v
		if n--; n <= 0 {
			break
		}
	}
}

func BenchmarkAllOfAStartedOne(b *testing.B) {
	g := coro.Generate(count)
	g.Next()
	b.ReportAllocs()
	n := b.N
	for v := range g.All() {
		sink += v
		if n--; n <= 0 {
			break
		}
	}
}

func BenchmarkYieldFrom(b *testing.B) {
	g := coro.Generate(func(yield func(int) error) error { return coro.YieldAll(yield, coro.Generate(count)) })
	b.ReportAllocs()
	for range b.N {
		v, err := g.Next()
		if err != nil {
			b.Fatal(err)
		}
		sink += v
	}
	g.Close()
}

// oneValue is the shortest body that yields.
func oneValue(yield func(int) error) error { return yield(1) }

func BenchmarkStartAndEnd(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		g := coro.Generate(oneValue)
		g.Next()
		g.Next()
	}
}

func BenchmarkStartAndEndWithAPool(b *testing.B) {
	keep := coro.Generate(count)
	keep.Next()
	b.ReportAllocs()
	for range b.N {
		g := coro.Generate(oneValue)
		g.Next()
		g.Next()
	}
	keep.Close()
}

func BenchmarkIterPullStartAndEnd(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		next, stop := iter.Pull(func(yield func(int) bool) { yield(1) })
		next()
		next()
		stop()
	}
}

func BenchmarkStartAndEndInALoop(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		for v := range coro.Generate(oneValue).All() {
			sink += v
		}
	}
}

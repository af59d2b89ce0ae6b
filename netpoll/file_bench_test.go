package netpoll_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// benchFile makes a file of that size, which is then in the page cache.
func benchFile(b *testing.B, size int) string {
	name := filepath.Join(b.TempDir(), "file")
	require.NoError(b, os.WriteFile(name, make([]byte, size), 0o666))
	return name
}

// overBackEnds runs a benchmark over both ways to do file operations.
func overBackEnds(b *testing.B, name string, bench func(b *testing.B, l *netpoll.Loop, f *netpoll.File)) {
	for _, c := range []struct {
		name string
		opts []netpoll.Option
	}{{"io_uring", nil}, {"goroutines", []netpoll.Option{netpoll.WithoutUring()}}} {
		b.Run(c.name, func(b *testing.B) {
			l := newLoop(b, c.opts...)
			f := openFile(b, l, name, os.O_RDWR)
			if how := l.Stats().FileIO; c.opts == nil && how != "io_uring" {
				b.Skip(how)
			}
			bench(b, l, f)
			closeFile(b, l, f)
		})
	}
}

// Reads of 4 KiB at random places of a file in the page cache, so many at a time.
func BenchmarkFileRead(b *testing.B) {
	const size, block = 64 << 20, 4096
	name := benchFile(b, size)
	b.Run("os", func(b *testing.B) {
		o, err := os.Open(name)
		require.NoError(b, err)
		defer o.Close()
		p := make([]byte, block)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := o.ReadAt(p, rand.Int64N(size/block)*block); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, depth := range []int{1, 32} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			overBackEnds(b, name, func(b *testing.B, l *netpoll.Loop, f *netpoll.File) {
				b.ReportAllocs()
				b.ResetTimer()
				left := b.N
				for range depth {
					p := make([]byte, block)
					var next func(int, error)
					next = func(_ int, err error) {
						if err != nil {
							b.Fatal(err)
						}
						if left > 0 {
							left--
							f.ReadAt(p, rand.Int64N(size/block)*block, next)
						}
					}
					next(0, nil)
				}
				l.Run()
				b.StopTimer()
			})
		})
	}
}

// How long other callbacks wait at most while a large read goes on: the longest
// time between two of them that follow each other as fast as they can.
func BenchmarkLongestGapDuringALargeRead(b *testing.B) {
	const size = 64 << 20
	name := benchFile(b, size)
	p := make([]byte, size)
	b.Run("os", func(b *testing.B) {
		o, err := os.Open(name)
		require.NoError(b, err)
		defer o.Close()
		for b.Loop() {
			if _, err := o.ReadAt(p, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	overBackEnds(b, name, func(b *testing.B, l *netpoll.Loop, f *netpoll.File) {
		sum := time.Duration(0)
		for b.Loop() {
			reading, last, longest := true, time.Now(), time.Duration(0)
			f.ReadAt(p, 0, func(_ int, err error) {
				if err != nil {
					b.Fatal(err)
				}
				reading = false
			})
			var tick func()
			tick = func() {
				now := time.Now()
				longest, last = max(longest, now.Sub(last)), now
				if reading {
					l.CallSoon(tick)
				}
			}
			tick()
			l.Run()
			sum += longest
		}
		b.ReportMetric(float64(sum.Microseconds())/float64(b.N), "µs-gap")
	})
}

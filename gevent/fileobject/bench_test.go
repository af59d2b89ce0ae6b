package fileobject_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
)

// BenchmarkRead reads 4 KB of a regular file that is in the page cache, next to
// package os.
func BenchmarkRead(b *testing.B) {
	name := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, 4096), 0o600); err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 4096)
	b.Run("os", func(b *testing.B) {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.ReadAt(p, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, readers := range []int{1, 16} {
		b.Run(map[int]string{1: "fileobject", 16: "fileobject of 16 greenlets"}[readers], func(b *testing.B) {
			err := gevent.Run(func() error {
				f, err := fileobject.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				b.ReportAllocs()
				b.ResetTimer()
				var all []*gevent.Greenlet
				for i := range readers {
					all = append(all, gevent.Spawn(func() error {
						p := make([]byte, 4096)
						for range (b.N + i) / readers {
							if _, err := f.ReadAt(p, 0); err != nil {
								return err
							}
						}
						return nil
					}))
				}
				gevent.JoinAll(all...)
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

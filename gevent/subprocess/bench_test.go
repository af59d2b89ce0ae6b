//go:build unix

package subprocess_test

import (
	"os/exec"
	"testing"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
)

// BenchmarkTrue runs ten processes at the same time that do nothing, next to os/exec
// with ten goroutines.
func BenchmarkTrue(b *testing.B) {
	const n = 10
	b.Run("os exec", func(b *testing.B) {
		for b.Loop() {
			done := make(chan error)
			for range n {
				go func() { done <- exec.Command("true").Run() }()
			}
			for range n {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("subprocess", func(b *testing.B) {
		err := gevent.Run(func() error {
			for b.Loop() {
				var all []*gevent.Greenlet
				for range n {
					all = append(all, gevent.Spawn(subprocess.Command("true").Run))
				}
				for _, g := range gevent.JoinAll(all...) {
					if g.Err() != nil {
						return g.Err()
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	})
}

//go:build unix

package fileobject_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
	"github.com/baton-go/baton/internal/hub"
)

// Kills and time-outs at random moments, at every call that waits, while files are
// closed under their users: nobody is left waiting, and nothing open.
func TestStressOfKillsAndTimeouts(t *testing.T) {
	keepsDescriptors(t)
	dir := t.TempDir()
	for seed := range uint64(20) {
		test(t, fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			name, fifo := filepath.Join(dir, "file"), filepath.Join(dir, fmt.Sprint("fifo", seed))
			require.NoError(t, unix.Mkfifo(fifo, 0o600))
			require.NoError(t, os.WriteFile(name, make([]byte, 100_000), 0o600))
			for range 10 {
				f, err := fileobject.OpenFile(name, os.O_RDWR, 0)
				require.NoError(t, err)
				r, w := pipe(t)
				calls := []func() error{
					func() error { _, err := f.Read(make([]byte, rng.IntN(50_000))); return err },
					func() error { _, err := f.Write(make([]byte, rng.IntN(50_000))); return err },
					func() error { _, err := f.ReadAt(make([]byte, 5000), int64(rng.IntN(90_000))); return err },
					func() error { _, err := f.WriteAt(make([]byte, 5000), int64(rng.IntN(90_000))); return err },
					func() error { _, err := f.Seek(0, rng.IntN(3)); return err },
					func() error { _, err := f.Stat(); return err },
					func() error { return f.Truncate(100_000) },
					func() error { _, err := r.Read(make([]byte, rng.IntN(5000))); return err },
					func() error { _, err := w.Write(make([]byte, rng.IntN(100_000))); return err },
					func() error { _, err := fileobject.ReadFile(name); return err },
					func() error {
						f, err := fileobject.OpenFile(fifo, []int{os.O_RDONLY, os.O_WRONLY}[rng.IntN(2)], 0)
						if err == nil {
							err = f.Close()
						}
						return err
					},
				}
				closers := []io.Closer{f, r, w}
				var all []*gevent.Greenlet
				for range 30 {
					call := calls[rng.IntN(len(calls))]
					g := gevent.Spawn(func() error {
						if rng.IntN(2) == 0 {
							return gevent.WithTimeout(time.Duration(rng.IntN(300))*time.Microsecond, call)
						}
						return call()
					})
					all = append(all, g)
					switch rng.IntN(6) {
					case 0:
						gevent.Sleep(0)
					case 1:
						all[rng.IntN(len(all))].Kill()
					case 2:
						if rng.IntN(5) == 0 {
							_ = closers[rng.IntN(3)].Close()
						}
					}
				}
				gevent.JoinAllTimeout(time.Millisecond, all...)
				gevent.KillAll(all...)
				for _, c := range closers {
					_ = c.Close()
				}
			}
			// A Close whose greenlet was killed goes on by itself.
			l := hub.Current().Loop
			for end := time.Now().Add(30 * time.Second); l.Stats().FilesPending > 0; gevent.Sleep(time.Millisecond) {
				require.True(t, time.Now().Before(end), "%+v", l.Stats())
			}
			s := l.Stats()
			require.Zero(t, s.Descs)
			require.Zero(t, s.Waiting)
			require.Zero(t, s.Refs)
			require.Zero(t, s.Timers)
		})
	}
}

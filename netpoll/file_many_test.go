package netpoll_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// Many operations that end at once wait behind one that does not.
func TestVeryManyOperationsThatEndAtOnceTakeNoStack(t *testing.T) {
	// Recursion over so many would take some 50 MB.
	defer debug.SetMaxStack(debug.SetMaxStack(8 << 20))
	for _, how := range []string{"seek", "empty", "close"} {
		t.Run(how, func(t *testing.T) {
			l := newLoop(t)
			osf, err := os.Create(filepath.Join(t.TempDir(), "x"))
			require.NoError(t, err)
			osf.Write(make([]byte, 100))
			osf.Seek(0, 0)
			f, err := l.NewFile(osf)
			require.NoError(t, err)
			f.Read(make([]byte, 10), func(int, error) {})
			n := 0
			const all = 100_000
			p := make([]byte, 1)
			for range all {
				switch how {
				case "seek":
					f.SeekTo(0, 0, func(int64, error) { n++ })
				case "empty":
					f.Read(nil, func(int, error) { n++ })
				case "close":
					f.Read(p, func(int, error) { n++ })
				}
			}
			if how != "close" {
				l.Run()
			}
			l.Close()
			f.Close(nil)
			require.Equal(t, all, n)
		})
	}
}

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadsAFileWhileTheLoopCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		without bool
		back    string // the first line, or how it begins
	}{
		{"as the kernel has it", false, ""},
		{"without io_uring", true, "not by io_uring: read by goroutines: WithoutUring"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{0, 1, 1000, 100_000} {
				content := make([]byte, size)
				for i := range content {
					content[i] = byte(i * i >> 3)
				}
				name := filepath.Join(t.TempDir(), "file")
				require.NoError(t, os.WriteFile(name, content, 0o666))

				var out strings.Builder
				require.NoError(t, run(&out, name, 0, 777, 4, c.without))
				lines := strings.Split(out.String(), "\n")
				require.Len(t, lines, 4)
				if c.back != "" {
					require.Equal(t, c.back, lines[0])
				} else if lines[0] != "read by io_uring" {
					require.Contains(t, lines[0], "not by io_uring: read by goroutines: ")
				}
				require.Equal(t, fmt.Sprintf("%d bytes, SHA-256 %x", size, sha256.Sum256(content)), lines[1])
				require.Regexp(t, `^a ticker of 1ms ticked [1-9]\d* times in the \S+s that it took$`, lines[2])
				require.Empty(t, lines[3])
			}
		})
	}
}

func TestMakesAFileOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir) // of os.TempDir; on Windows it looks elsewhere
	var out strings.Builder
	require.NoError(t, run(&out, "", 1<<20, 64<<10, 4, false))
	require.Contains(t, out.String(), "\n1048576 bytes, SHA-256 ")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "it is removed")
}

func TestSaysWhatIsWrong(t *testing.T) {
	var out strings.Builder
	err := run(&out, filepath.Join(t.TempDir(), "absent"), 0, 777, 4, false)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Error(t, run(&out, "", 0, 0, 4, false))
	require.Error(t, run(&out, "", 0, 1, 0, false))
	require.Empty(t, out.String())
}

//go:build linux

package netpoll_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// The kernel's io_uring does not move the position of a file that was opened with
// O_DIRECT when the transfer ends later than its submission.
func TestADirectFileIsReadAndWrittenAtItsPosition(t *testing.T) {
	const block = 4096
	name := filepath.Join(t.TempDir(), "direct")
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_DIRECT, 0o600)
	if err != nil {
		t.Skip(err)
	}
	l, err := netpoll.NewLoop()
	require.NoError(t, err)
	defer l.Close()
	f, err := l.NewFile(file)
	require.NoError(t, err)
	defer func() { f.Close(nil); l.Run() }()
	// The kernel asks for memory that is aligned.
	p, err := syscall.Mmap(-1, 0, 4*block, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	defer syscall.Munmap(p)
	for i := range p {
		p[i] = byte('a' + i/block)
	}
	want := bytes.Clone(p)
	for i := range 4 {
		f.Write(p[i*block:(i+1)*block], func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, block, n)
		})
	}
	require.NoError(t, l.Run())
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, len(want), len(got))
	require.True(t, bytes.Equal(want, got))
	f.SeekTo(0, 0, func(int64, error) {})
	for i := range 4 {
		f.Read(p[i*block:(i+1)*block], func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, block, n)
		})
	}
	require.NoError(t, l.Run())
	require.True(t, bytes.Equal(want, p))
}

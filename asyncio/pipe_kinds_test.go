//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/asyncio"
)

func TestPipesOfOtherKinds(t *testing.T) {
	pxTest(t, "a FIFO", func(t *testing.T, c ctx) {
		name := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(name, 0o600))
		rf, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		wf, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		r, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
		require.Equal(t, "pipe "+name, fmt.Sprint(r.t))
		require.NoError(t, w.t.WriteLines([][]byte{[]byte("ab"), []byte("c")}))
		require.NoError(t, w.t.WriteEOF())
		require.NoError(t, r.lost(c))
		require.Equal(t, "abc", string(r.data))
	})
	pxTest(t, "a FIFO that is its own other end", func(t *testing.T, c ctx) {
		name := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(name, 0o600))
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		rf, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		require.NoError(t, err)
		w := pxWrite(t, c, nil, f)
		_, err = w.t.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, yield(c, 5))
		require.False(t, w.t.IsClosing(), "there is something to read, and somebody who could")
		r := pxRead(t, c, nil, rf)
		w.t.Close()
		require.NoError(t, r.lost(c))
		require.Equal(t, "abc", string(r.data))
	})
	pxTest(t, "a socket", func(t *testing.T, c ctx) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		r := pxRead(t, c, nil, os.NewFile(uintptr(fds[0]), "one"))
		w := pxWrite(t, c, nil, os.NewFile(uintptr(fds[1]), "two"))
		_, err = w.t.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, r.wait(c, func() bool { return string(r.data) == "abc" }))
		r.t.Close()
		require.NoError(t, w.lost(c))
		require.NoError(t, w.err)
	})
	pxTest(t, "a socket on which data arrives that nobody reads", func(t *testing.T, c ctx) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		w := pxWrite(t, c, nil, os.NewFile(uintptr(fds[0]), "one"))
		_, err = unix.Write(fds[1], []byte("not for you"))
		require.NoError(t, err)
		require.NoError(t, yield(c, 5))
		require.False(t, w.t.IsClosing())
		r := pxRead(t, c, nil, os.NewFile(uintptr(fds[1]), "two"))
		_, err = w.t.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, r.wait(c, func() bool { return string(r.data) == "abc" }))
		r.t.Close()
		require.NoError(t, r.lost(c))
		require.NoError(t, yield(c, 5))
		require.False(t, w.t.IsClosing())
		_, err = w.t.Write([]byte("d"))
		require.NoError(t, err)
		require.NoError(t, w.lost(c))
		require.ErrorIs(t, w.err, syscall.EPIPE)
	})
	pxTest(t, "a device that never blocks", func(t *testing.T, c ctx) {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		require.NoError(t, err)
		w := pxWrite(t, c, nil, null)
		_, err = w.t.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.Zero(t, w.t.WriteBufferSize())
		w.t.Close()
		require.NoError(t, w.lost(c))
		zero, err := os.Open("/dev/zero")
		require.NoError(t, err)
		r := pxRead(t, c, nil, zero)
		require.NoError(t, r.wait(c, func() bool { return len(r.data) > 1<<20 }))
		r.t.PauseReading()
		n := len(r.data)
		require.NoError(t, yield(c, 5))
		require.Len(t, r.data, n)
		r.t.ResumeReading()
		require.NoError(t, r.wait(c, func() bool { return len(r.data) > n }))
		require.Zero(t, bytes.Count(r.data, []byte{1}))
		r.t.Close()
		require.NoError(t, r.lost(c))
	})
	t.Run("but no regular file", func(t *testing.T) {
		leavesNothingE(t)
		require.NoError(t, run(t, func(c ctx) error {
			f, err := os.CreateTemp(t.TempDir(), "")
			require.NoError(t, err)
			made := func() *pxProtocol { return &pxProtocol{} }
			_, _, err = asyncio.ConnectReadPipe(c, made, f)
			require.ErrorIs(t, err, asyncio.ErrNotPipe)
			require.ErrorContains(t, err, "Pipe transport is for pipes/sockets only")
			_, _, err = asyncio.ConnectWritePipe(c, made, f)
			require.ErrorIs(t, err, asyncio.ErrNotPipe)
			require.NoError(t, f.Close(), "it is the caller's still")
			_, _, err = asyncio.ConnectReadPipe(c, made, f)
			require.ErrorIs(t, err, os.ErrClosed)
			require.Panics(t, func() { _, _, _ = asyncio.ConnectReadPipe(c, made, nil) })
			require.Panics(t, func() { _, _, _ = asyncio.ConnectReadPipe[*pxProtocol](c, nil, f) })
			require.Panics(t, func() {
				_, _, _ = asyncio.ConnectWritePipe(c, func() asyncio.Protocol { return nil }, f)
			})
			return nil
		}))
	})
	pxTest(t, "and nothing is left when it is cancelled", func(t *testing.T, c ctx) {
		rf, wf := pxPipe(t)
		var p *pxProtocol
		task := spawn(c, func(c ctx) error {
			_, _, err := asyncio.ConnectReadPipe(c, func() *pxProtocol { p = &pxProtocol{}; return p }, rf)
			return err
		})
		require.NoError(t, asyncio.Sleep(c, 0))
		task.Cancel()
		_, err := task.Await(c)
		require.ErrorIs(t, err, asyncio.ErrCancelled)
		require.NoError(t, yield(c, 2))
		require.True(t, p.ended)
		_, err = wf.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
	})
	pxTest(t, "which are blocking again when they are closed", func(t *testing.T, c ctx) {
		var p [2]int
		require.NoError(t, unix.Pipe(p[:]))
		dup, err := unix.Dup(p[0])
		require.NoError(t, err)
		defer unix.Close(dup)
		blocking := func() bool {
			flags, err := unix.FcntlInt(uintptr(dup), unix.F_GETFL, 0)
			require.NoError(t, err)
			return flags&unix.O_NONBLOCK == 0
		}
		require.True(t, blocking())
		r := pxRead(t, c, nil, os.NewFile(uintptr(p[0]), "blocking"))
		require.False(t, blocking())
		require.NoError(t, unix.Close(p[1]))
		require.NoError(t, r.lost(c))
		require.True(t, blocking())
	})
}

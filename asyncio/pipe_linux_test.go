package asyncio_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pxTerminal returns a pseudo-terminal: the side of the program that makes it, and
// the terminal.
func pxTerminal(t testing.TB) (master, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return os.NewFile(uintptr(fd), "/dev/ptmx"), terminal
}

func TestPipesThatAreTerminals(t *testing.T) {
	pxTest(t, "UX-01 end with EIO, which only the protocol is told of", func(t *testing.T, c ctx) {
		master, terminal := pxTerminal(t)
		r, w := pxRead(t, c, nil, master), pxWrite(t, c, nil, terminal)
		_, err := w.t.Write([]byte("abc\n"))
		require.NoError(t, err)
		require.NoError(t, r.wait(c, func() bool { return string(r.data) == "abc\r\n" }))
		w.t.Close()
		require.NoError(t, r.lost(c))
		require.ErrorIs(t, r.err, syscall.EIO)
	})
	pxTest(t, "are no pipes of which somebody could read the other end", func(t *testing.T, c ctx) {
		master, terminal := pxTerminal(t)
		defer master.Close()
		w := pxWrite(t, c, nil, terminal)
		_, err := master.Write([]byte("typed\n"))
		require.NoError(t, err)
		require.NoError(t, yield(c, 5))
		require.False(t, w.t.IsClosing())
		w.t.Close()
		require.NoError(t, w.lost(c))
	})
}

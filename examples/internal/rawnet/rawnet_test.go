package rawnet_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/examples/internal/rawnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen returns a listening descriptor and its address, or skips the test where
// the system has none, after a look at the error.
func listen(t *testing.T) (fd int, address string) {
	t.Helper()
	fd, address, err := rawnet.Listen("127.0.0.1:0")
	if runtime.GOOS == "windows" {
		require.ErrorIs(t, err, errors.ErrUnsupported)
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rawnet.Close(fd)) })
	return fd, address
}

// eventually repeats a call until its error is not EAGAIN.
func eventually[T any](t *testing.T, call func() (T, error)) T {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		v, err := call()
		if err != syscall.EAGAIN {
			require.NoError(t, err)
			return v
		}
		require.Less(t, time.Since(begin), 20*time.Second)
	}
}

func TestAConversation(t *testing.T) {
	l, address := listen(t)
	_, _, err := rawnet.Accept(l)
	require.Equal(t, syscall.EAGAIN, err, "nobody is there")

	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer client.Close()
	var peer string
	conn := eventually(t, func() (fd int, err error) {
		fd, peer, err = rawnet.Accept(l)
		return fd, err
	})
	require.Equal(t, client.LocalAddr().String(), peer)

	buf := make([]byte, 10)
	_, err = rawnet.Read(conn, buf)
	require.Equal(t, syscall.EAGAIN, err, "nothing is there")
	_, err = io.WriteString(client, "question")
	require.NoError(t, err)
	n := eventually(t, func() (int, error) { return rawnet.Read(conn, buf) })
	require.Equal(t, "question", string(buf[:n]))

	n, err = rawnet.Write(conn, []byte("answer"))
	require.NoError(t, err)
	require.Equal(t, 6, n)
	require.NoError(t, rawnet.CloseWrite(conn))
	answer, err := io.ReadAll(client)
	require.NoError(t, err)
	require.Equal(t, "answer", string(answer))

	require.NoError(t, client.Close())
	n = eventually(t, func() (int, error) { return rawnet.Read(conn, buf) })
	require.Zero(t, n, "the end")
	require.NoError(t, rawnet.Close(conn))
}

func TestAFullConnectionTakesNoMore(t *testing.T) {
	l, address := listen(t)
	client, err := rawnet.Dial(address)
	require.NoError(t, err)
	defer rawnet.Close(client)
	conn := eventually(t, func() (int, error) {
		fd, _, err := rawnet.Accept(l)
		return fd, err
	})
	defer rawnet.Close(conn)
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = rawnet.Write(conn, block)
	}
	require.Equal(t, syscall.EAGAIN, err)
}

func TestDatagrams(t *testing.T) {
	listen(t) // skips where there is nothing to test
	fd, address, err := rawnet.ListenUDP("127.0.0.1:0")
	require.NoError(t, err)
	defer rawnet.Close(fd)
	client, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer client.Close()
	for _, s := range []string{"one", "two"} {
		_, err = io.WriteString(client, s)
		require.NoError(t, err)
	}
	buf := make([]byte, 10)
	for _, s := range []string{"one", "two"} {
		n := eventually(t, func() (int, error) { return rawnet.Read(fd, buf) })
		require.Equal(t, s, string(buf[:n]))
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for name, open := range map[string]func(string) error{
		"Listen":    func(a string) error { _, _, err := rawnet.Listen(a); return err },
		"ListenUDP": func(a string) error { _, _, err := rawnet.ListenUDP(a); return err },
		"Dial":      func(a string) error { _, err := rawnet.Dial(a); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := open("no port")
			require.Error(t, err)
			require.True(t, strings.Contains(err.Error(), "no port"), err)
		})
	}
}

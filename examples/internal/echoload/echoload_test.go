package echoload_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/examples/internal/echoload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen serves connections until the test's end.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

func TestTheClientChecksEveryByte(t *testing.T) {
	load := echoload.Load{Conns: 3, Requests: 4, Size: 50}
	require.NoError(t, load.Drive(listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })))
	wrong := listen(t, func(c net.Conn) {
		p := make([]byte, 50)
		for {
			if _, err := io.ReadFull(c, p); err != nil {
				return
			}
			p[49]++
			_, _ = c.Write(p)
		}
	})
	require.ErrorContains(t, load.Drive(wrong), "answer 0 of connection 1 is wrong")
	short := listen(t, func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 50)) })
	require.ErrorContains(t, load.Drive(short), "answer 0: ")
	long := listen(t, func(c net.Conn) {
		_, _ = io.Copy(c, c)
		_, _ = c.Write([]byte("x"))
	})
	require.ErrorContains(t, load.Drive(long), "not the end")
}

func TestTheCommandDrivesTheServer(t *testing.T) {
	cmd, err := echoload.Load{Conns: 1, Requests: 2, Size: 3}.Command("address")
	require.NoError(t, err)
	require.Equal(t, []string{"-conns", "1", "-requests", "2", "-size", "3", "-client", "address"}, cmd.Args[1:])
}

func TestTally(t *testing.T) {
	var tally echoload.Tally
	require.Equal(t, "echo: served 0 connections (0 broken off), 0 requests, 0 bytes", tally.String())
	tally.Opened()
	tally.Opened()
	tally.Served(10)
	tally.Served(5)
	time.Sleep(time.Millisecond)
	tally.Closed(nil)
	tally.Closed(errors.New("reset"))
	require.Regexp(t, `^echo: served 2 connections \(1 broken off\), 2 requests, 15 bytes\nechoed in .*: \d+ requests/s, \S+s of the server's CPU time for each$`, tally.String())
}

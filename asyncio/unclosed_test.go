//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// An unclosedWorld has a server of TLS whose peers may never say that they close.
type unclosedWorld struct {
	listener net.Listener
	config   *tls.Config
	hold     chan none
}

func newUnclosedWorld(t *testing.T) *unclosedWorld {
	sc, cc := tlsConfigs()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &unclosedWorld{l, cc, make(chan none)}
	done := make(chan none)
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// It shakes hands, if the client does, and then says nothing.
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_ = tls.Server(c, sc).Handshake()
			<-w.hold
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		close(w.hold)
		_ = l.Close()
		<-done
	})
	return w
}

func TestATransportThatIsClosingWhenTheLoopClosesIsNotReported(t *testing.T) {
	before := sockOpen(t)
	// reports are those of a program, each with the types of its transport and protocol.
	reports := func(t *testing.T, main func(c ctx) error) (o trace) {
		_, err := asyncio.Run(proc(main), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			o.add(e.Message, " ", fmt.Sprintf("%T %T", e.Transport, e.Protocol))
		}))
		require.NoError(t, err)
		return o
	}
	t.Run("TLS whose peer does not say that it closes", func(t *testing.T) {
		world := newUnclosedWorld(t)
		require.Empty(t, reports(t, func(c ctx) error {
			tr, _, err := asyncio.CreateConnection(c, func() *sockProto { return sockNew(c, "", nil) }, "tcp", world.listener.Addr().String(), asyncio.WithTLS(world.config))
			require.NoError(t, err)
			tr.Close()
			return nil
		}))
	})
	t.Run("but TLS that nobody closed, with the protocol above it", func(t *testing.T) {
		world := newUnclosedWorld(t)
		require.Equal(t, trace{"unclosed transport *asyncio.tlsTransport *asyncio_test.sockProto"}, reports(t, func(c ctx) error {
			_, _, err := asyncio.CreateConnection(c, func() *sockProto { return sockNew(c, "", nil) }, "tcp", world.listener.Addr().String(), asyncio.WithTLS(world.config))
			return err
		}))
	})
	t.Run("TLS whose handshake failed", func(t *testing.T) {
		world := newUnclosedWorld(t)
		require.Empty(t, reports(t, func(c ctx) error {
			_, _, err := asyncio.CreateConnection(c, func() *sockProto { return sockNew(c, "", nil) }, "tcp", world.listener.Addr().String(), asyncio.WithTLS(&tls.Config{ServerName: "another.test"}))
			require.Error(t, err)
			return nil
		}))
	})
	t.Run("StartTLS that failed while something waited to be sent", func(t *testing.T) {
		require.Empty(t, reports(t, func(c ctx) error {
			p := sockNew(c, "", nil)
			tr, peer := sockPair(t, c, p)
			t.Cleanup(func() { _ = peer.Close() })
			_, err := tr.Write(make([]byte, 8<<20)) // which nobody reads
			require.NoError(t, err)
			failed := spawn(c, func(c ctx) error {
				_, err := asyncio.StartTLS(c, tr, p, &tls.Config{ServerName: tlsName}, false)
				return err
			})
			require.NoError(t, yield(c, 3))
			failed.Cancel()
			_, err = failed.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)
			return nil
		}))
	})
	sockNoMore(t, before)
}

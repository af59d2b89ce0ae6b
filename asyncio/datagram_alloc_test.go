//go:build linux && !386 && !s390x && !race

package asyncio_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

func TestADatagramAllocatesNothing(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
		t.Skip("the way in which goroutines are identified allocates here")
	}
	require.NoError(t, run(t, func(c ctx) error {
		open := func(p *dgQuiet) {
			var err error
			p.t, _, err = asyncio.CreateDatagramEndpoint(c, func() *dgQuiet { return p }, "udp4", asyncio.WithDatagramLocal("127.0.0.1:0"))
			require.NoError(t, err)
		}
		server, client := &dgQuiet{answers: true}, &dgQuiet{}
		open(server)
		open(client)
		data := []byte("data")
		addr := server.t.LocalAddr()
		require.Zero(t, testing.AllocsPerRun(200, func() {
			before := client.n
			if err := client.t.SendTo(data, addr); err != nil {
				panic(err)
			}
			for client.n == before {
				if err := asyncio.Sleep(c, 0); err != nil {
					panic(err)
				}
			}
		}))
		client.t.Close()
		server.t.Close()
		return asyncio.Sleep(c, 0)
	}))
}

// A dgQuiet counts datagrams, and may answer them.
type dgQuiet struct {
	asyncio.BaseDatagramProtocol
	t       asyncio.DatagramTransport
	answers bool
	n       int
}

func (q *dgQuiet) DatagramReceived(data []byte, addr net.Addr) {
	q.n++
	if q.answers {
		if err := q.t.SendTo(data, addr); err != nil {
			panic(err)
		}
	}
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"net"
	"testing"

	"github.com/baton-go/baton/asyncio"
)

// A dgPinger sends a datagram whenever it gets one, until there were enough.
type dgPinger struct {
	asyncio.BaseDatagramProtocol
	t    asyncio.DatagramTransport
	left int
	end  *asyncio.Future[none]
}

func (p *dgPinger) ConnectionMade(t asyncio.DatagramTransport) { p.t = t }

func (p *dgPinger) DatagramReceived(data []byte, addr net.Addr) {
	if p.left--; p.left == 0 {
		_ = p.end.SetResult(none{})
		return
	}
	if err := p.t.SendTo(data, addr); err != nil {
		panic(err)
	}
}

// An echo of 64 bytes over UDP: both ends in one loop, next to two goroutines of
// package net.
func BenchmarkDatagramEcho(b *testing.B) {
	data := make([]byte, 64)
	b.Run("asyncio", func(b *testing.B) {
		b.ReportAllocs()
		_, err := asyncio.Run(proc(func(c ctx) error {
			end := asyncio.NewFuture[none](asyncio.RunningLoop(c))
			local := asyncio.WithDatagramLocal("127.0.0.1:0")
			ping, _, err := asyncio.CreateDatagramEndpoint(c, func() *dgPinger { return &dgPinger{left: b.N, end: end} }, "udp4", local)
			if err != nil {
				return err
			}
			defer ping.Close()
			pong, _, err := asyncio.CreateDatagramEndpoint(c, func() *dgPinger { return &dgPinger{left: -1} }, "udp4", local)
			if err != nil {
				return err
			}
			defer pong.Close()
			if err := ping.SendTo(data, pong.LocalAddr()); err != nil {
				return err
			}
			_, err = end.Await(c)
			return err
		}))
		if err != nil {
			b.Fatal(err)
		}
	})
	b.Run("net", func(b *testing.B) {
		b.ReportAllocs()
		open := func() *net.UDPConn {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		ping, pong := open(), open()
		done := make(chan struct{})
		go func() {
			defer close(done)
			p := make([]byte, 1024)
			for {
				n, addr, err := pong.ReadFromUDPAddrPort(p)
				if err != nil {
					return
				}
				if _, err := pong.WriteToUDPAddrPort(p[:n], addr); err != nil {
					return
				}
			}
		}()
		p := make([]byte, 1024)
		for range b.N {
			if _, err := ping.WriteTo(data, pong.LocalAddr()); err != nil {
				b.Fatal(err)
			}
			if _, _, err := ping.ReadFromUDPAddrPort(p); err != nil {
				b.Fatal(err)
			}
		}
		_, _ = ping.Close(), pong.Close()
		<-done
	})
}

package net_test

import (
	"io"
	stdnet "net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/net"
)

// ping sends and receives n times.
func ping(b *testing.B, c stdnet.Conn, n int, buf []byte) {
	for range n {
		if _, err := c.Write(buf); err != nil {
			b.Error(err)
			return
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Error(err)
			return
		}
	}
}

// pong answers until the end.
func pong(c stdnet.Conn, buf []byte) {
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// Both ends in one thread.
func BenchmarkEcho(b *testing.B) {
	b.ReportAllocs()
	run(b, func() {
		c, s := pair(b)
		gevent.Spawn(func() { pong(s, make([]byte, 512)) })
		buf := make([]byte, 64)
		ping(b, c, 10, buf)
		b.ResetTimer()
		ping(b, c, b.N, buf)
		b.StopTimer()
		c.Close()
	})
}

// A hundred connections, both ends of each in one thread.
func BenchmarkEcho100(b *testing.B) {
	b.ReportAllocs()
	run(b, func() {
		const n = 100
		l := listen(b)
		var gs []gevent.Joinable
		var conns []*net.TCPConn
		for range n {
			c, s := connect(b, l)
			conns = append(conns, c)
			gevent.Spawn(func() { pong(s, make([]byte, 512)) })
		}
		b.ResetTimer()
		for _, c := range conns {
			gs = append(gs, gevent.Spawn(func() { ping(b, c, b.N/n+1, make([]byte, 64)) }))
		}
		gevent.JoinAll(gs...)
		b.StopTimer()
	})
}

// Package net for comparison.
func BenchmarkStandardEcho(b *testing.B) {
	b.ReportAllocs()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	c, err := stdnet.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	s, err := l.Accept()
	require.NoError(b, err)
	go func() { pong(s, make([]byte, 512)); s.Close() }()
	buf := make([]byte, 64)
	b.ResetTimer()
	ping(b, c, b.N, buf)
	b.StopTimer()
	c.Close()
}

func BenchmarkStandardEcho100(b *testing.B) {
	b.ReportAllocs()
	const n = 100
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	done := make(chan bool)
	var conns []stdnet.Conn
	for range n {
		c, err := stdnet.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		s, err := l.Accept()
		require.NoError(b, err)
		conns = append(conns, c)
		go func() { pong(s, make([]byte, 512)); s.Close() }()
	}
	b.ResetTimer()
	for _, c := range conns {
		go func() { ping(b, c, b.N/n+1, make([]byte, 64)); done <- true }()
	}
	for range n {
		<-done
	}
	b.StopTimer()
	for _, c := range conns {
		c.Close()
	}
}

// A connection that is made, accepted and closed.
func BenchmarkConnect(b *testing.B) {
	b.ReportAllocs()
	run(b, func() {
		l := listen(b)
		b.ResetTimer()
		for range b.N {
			c, s := connect(b, l)
			require.NoError(b, c.SetLinger(0)) // no port in TIME_WAIT
			c.Close()
			s.Close()
		}
	})
}

func BenchmarkStandardConnect(b *testing.B) {
	b.ReportAllocs()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	for range b.N {
		c, err := stdnet.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		s, err := l.Accept()
		require.NoError(b, err)
		require.NoError(b, c.(*stdnet.TCPConn).SetLinger(0))
		c.Close()
		s.Close()
	}
}

// 64 MB a round from one greenlet to another.
func BenchmarkThroughput(b *testing.B) {
	run(b, func() {
		c, s := pair(b)
		chunk := make([]byte, 1<<20)
		b.SetBytes(int64(len(chunk)))
		g := gevent.Spawn(func() { _, _ = io.Copy(io.Discard, s) })
		for range b.N {
			if _, err := c.Write(chunk); err != nil {
				b.Error(err)
				break
			}
		}
		c.Close()
		g.Join()
	})
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// sockProto notes what it is told.
type sockProto struct {
	name     string
	o        *trace
	t        asyncio.Transport
	got      []byte
	keepOpen bool
	pauses   int
	lost     *asyncio.Future[error]

	made   func(asyncio.Transport)
	data   func([]byte)
	eof    func()
	resume func()
	pause  func()
	gone   func()
}

func (p *sockProto) note(v ...any) {
	if p.o != nil {
		p.o.add(append([]any{p.name}, v...)...)
	}
}

func (p *sockProto) ConnectionMade(t asyncio.Transport) {
	p.t = t
	p.note("made")
	if p.made != nil {
		p.made(t)
	}
}

func (p *sockProto) DataReceived(b []byte) {
	p.got = append(p.got, b...)
	if len(b) < 50 {
		p.note("data ", string(b))
	}
	if p.data != nil {
		p.data(b)
	}
}

func (p *sockProto) EOFReceived() bool {
	p.note("eof")
	if p.eof != nil {
		p.eof()
	}
	return p.keepOpen
}

func (p *sockProto) PauseWriting() {
	p.pauses++
	p.note("pause")
	if p.pause != nil {
		p.pause()
	}
}

func (p *sockProto) ResumeWriting() {
	p.note("resume")
	if p.resume != nil {
		p.resume()
	}
}

func (p *sockProto) ConnectionLost(err error) {
	p.note("lost ", sockErr(err))
	if p.gone != nil {
		p.gone()
	}
	if p.lost != nil && !p.lost.Done() {
		_ = p.lost.SetResult(err)
	}
}

// sockErr names an error in a trace.
func sockErr(err error) string {
	var n syscall.Errno
	var panicked *asyncio.PanicError
	switch {
	case err == nil:
		return "nil"
	case errors.As(err, &n):
		return n.Error()
	case errors.As(err, &panicked):
		return strings.Split(panicked.Error(), "\n")[0]
	}
	return err.Error()
}

// sockNew returns a protocol that notes into o, and settles lost.
func sockNew(c ctx, name string, o *trace) *sockProto {
	return &sockProto{name: name, o: o, lost: asyncio.NewFuture[error](asyncio.RunningLoop(c))}
}

// sockPair connects p by a Unix socket with the other end of it, which is a plain
// connection of package net's.
func sockPair(t testing.TB, c ctx, p asyncio.Protocol) (asyncio.Transport, net.Conn) {
	t.Helper()
	fd, peer := sockEnds(t)
	tr, _, err := asyncio.CreateConnection(c, func() asyncio.Protocol { return p }, "", "", asyncio.WithFD(fd))
	require.NoError(t, err)
	return tr, peer
}

// sockEnds returns a descriptor, and the other end of it.
func sockEnds(t testing.TB) (int, net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	f := os.NewFile(uintptr(fds[1]), "peer")
	peer, err := net.FileConn(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	t.Cleanup(func() { peer.Close() })
	require.NoError(t, peer.SetDeadline(time.Now().Add(time.Minute)))
	return fds[0], peer
}

// sockRun is asyncio.Run on the real clock, since others on real sockets take real
// time; the handler's reports are noted into o.
func sockRun(t testing.TB, o *trace, main func(ctx) error) {
	t.Helper()
	_, err := asyncio.Run(proc(main), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
		if o == nil {
			t.Errorf("unexpected: %v", e)
			return
		}
		what := "handler: " + e.Message
		if e.Transport != nil {
			what += " transport"
		}
		if e.Protocol != nil {
			what += " protocol"
		}
		if e.Err != nil {
			what += ": " + sockErr(e.Err)
		}
		o.add(what)
	}))
	require.NoError(t, err)
}

// sockRead reads n bytes from the peer, with the loop running meanwhile.
func sockRead(t testing.TB, c ctx, peer net.Conn, n int) string {
	t.Helper()
	b := make([]byte, n)
	m := 0
	var err error
	sockElsewhere(t, c, func() { m, err = io.ReadFull(peer, b) })
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		require.NoError(t, err)
	}
	return string(b[:m])
}

// sockElsewhere runs f on a goroutine and waits for it.
func sockElsewhere(t testing.TB, c ctx, f func()) {
	t.Helper()
	l := asyncio.RunningLoop(c)
	done := asyncio.NewFuture[none](l)
	l.Ref()
	go func() {
		f()
		_, _ = l.CallSoonThreadsafe(func() {
			l.Unref()
			_ = done.SetResult(none{})
		})
	}()
	_, err := done.Await(c)
	require.NoError(t, err)
}

// sockUntil lets the loop run until it is so.
func sockUntil(t testing.TB, c ctx, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); {
		require.True(t, time.Now().Before(end), "no %s", what)
		require.NoError(t, asyncio.Sleep(c, time.Millisecond))
	}
}

// sockPoller opens the Go runtime's poller, which the first socket of package net does.
var sockPoller = sync.OnceFunc(func() {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
	}
})

// sockOpen counts the descriptors of the process.
func sockOpen(t testing.TB) int {
	t.Helper()
	sockPoller()
	var all []os.DirEntry
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		var err error
		if all, err = os.ReadDir(dir); err == nil {
			break
		}
	}
	return len(all)
}

// sockNoMore checks that there are no more descriptors than before.
func sockNoMore(t testing.TB, before int) {
	t.Helper()
	require.LessOrEqual(t, sockOpen(t), before, "descriptors were left open")
}

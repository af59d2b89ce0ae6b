package net

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
)

// A TCPListener listens for TCP connections: a twin of net.TCPListener.
type TCPListener struct {
	s      *socket        // of a thread
	p      *plainListener // of package net
	config ListenConfig
}

func (l *TCPListener) ok() bool { return l != nil && (l.s != nil || l.p != nil) }

// Accept waits for the next connection, a *[TCPConn]. It parks the calling
// greenlet while there is none. An error whose Temporary method returns true,
// such as that of a process with too many open files, passes: try again a little
// later.
func (l *TCPListener) Accept() (Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptTCP is Accept for callers who want a *TCPConn.
func (l *TCPListener) AcceptTCP() (*TCPConn, error) {
	if !l.ok() {
		return nil, syscall.EINVAL
	}
	if l.s == nil {
		c, err := l.p.accept()
		if err != nil {
			return nil, err
		}
		return &TCPConn{conn{p: newPlain(c)}}, nil
	}
	var c *TCPConn
	err := l.s.do("net.Accept", func(f *baton.Fiber, p *hub.Proc) error {
		s, err := l.s.accept(f, p)
		if err == nil {
			c = newTCPConn(s, l.config.KeepAlive, l.config.KeepAliveConfig)
		}
		return err
	})
	if err != nil {
		return nil, l.s.ownError("accept", err)
	}
	return c, nil
}

// Close stops listening. An Accept that is waiting ends with [ErrClosed];
// connections that were accepted stay open. It does not park.
func (l *TCPListener) Close() error {
	switch {
	case !l.ok():
		return syscall.EINVAL
	case l.s == nil:
		return l.p.Close()
	}
	if err := l.s.do("net.Close", l.s.close); err != nil {
		return l.s.ownError("close", err)
	}
	return nil
}

// Addr returns the address that is listened on, a *TCPAddr. It is shared by all
// calls: do not modify it. It does not park, and may be called from anywhere.
func (l *TCPListener) Addr() Addr {
	if l.s == nil {
		return l.p.Addr()
	}
	return l.s.laddr
}

// SetDeadline sets the time at which Accept fails with an error that is
// os.ErrDeadlineExceeded, also for a call that is waiting. The zero time means
// never. It does not park.
func (l *TCPListener) SetDeadline(t time.Time) error {
	switch {
	case !l.ok():
		return syscall.EINVAL
	case l.s == nil:
		return l.p.SetDeadline(t)
	}
	return l.s.deadlines(t, true, false)
}

// File returns a copy of the descriptor as a file, which the caller closes. It
// does not park.
func (l *TCPListener) File() (*os.File, error) {
	switch {
	case !l.ok():
		return nil, syscall.EINVAL
	case l.s == nil:
		return l.p.Listener.(filer).File()
	}
	f, err := l.s.file()
	if err != nil {
		return nil, l.s.ownError("file", err)
	}
	return f, nil
}

// SyscallConn returns the descriptor for raw use: of the methods, only Control
// works, and it does not park.
func (l *TCPListener) SyscallConn() (syscall.RawConn, error) {
	switch {
	case !l.ok():
		return nil, syscall.EINVAL
	case l.s == nil:
		return l.p.Listener.(syscall.Conn).SyscallConn()
	}
	return rawListener{rawConn{l.s}}, nil
}

// listener makes a listener of this package of one of package net's. In a thread
// with a poller a TCP listener becomes a socket of the thread: its descriptor is
// copied, and the original closed.
func listener(h *hub.Hub, l net.Listener, network string, config ListenConfig) (Listener, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return newPlainListener(l), nil
	}
	if h == nil || !sys.Supported {
		return &TCPListener{p: newPlainListener(l), config: config}, nil
	}
	defer l.Close()
	s, err := adopt(h, tcp, network, l.Addr())
	if err != nil {
		return nil, &OpError{Op: "listen", Net: network, Addr: l.Addr(), Err: err}
	}
	return &TCPListener{s: s, config: config}, nil
}

// adopt makes a socket of what package net opened.
func adopt(h *hub.Hub, c syscall.Conn, network string, laddr Addr) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	if err := raw.Control(func(original uintptr) { fd, failed = sys.Dup(int(original)) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return newSocket(h, fd, network, laddr, nil)
}

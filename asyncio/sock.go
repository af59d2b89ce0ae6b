package asyncio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// connectPause is how long SockConnect waits for a Unix socket's listener to take
// others from its queue.
const connectPause = time.Millisecond

// A sockCall is one call of a Sock function: see SockSendAll.
type sockCall struct {
	ctx  context.Context
	op   string
	loop *Loop
	fd   int
}

func newSockCall(ctx context.Context, op string, fd int) (*sockCall, error) {
	c := &sockCall{ctx, op, loopOf(ctx, op), fd}
	if !sys.Supported {
		return nil, inOp(op, errors.ErrUnsupported)
	}
	if c.loop.debug.on.Load() && fdBlocks(fd) {
		return nil, inOp(op, fmt.Errorf("%w: the descriptor must not block", os.ErrInvalid))
	}
	return c, nil
}

// fail is an error of a system call.
func (c *sockCall) fail(name string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(name, errno)
	}
	return inOp(c.op, err)
}

// wait parks the caller until a side of the descriptor is ready.
func (c *sockCall) wait(s netpoll.Side) error {
	ready := &future{loop: c.loop}
	end := func(err error) {
		if ready.state == pending {
			ready.settle(finished, err)
		}
	}
	w := &fdWatch{loop: c.loop, f: func() { end(nil) }, replaced: func() { end(errReplaced) }}
	if err := c.loop.addWatch(c.op, c.fd, s, w); err != nil {
		return err
	}
	defer func() {
		if w.f != nil && !c.loop.closed.Load() { // not replaced
			c.loop.fds.remove(c.loop, c.fd, s)
		}
	}()
	return ready.result(c.ctx, c.op)
}

// again reports whether a call would have blocked.
func again(err error) bool { return err == syscall.EAGAIN }

// SockRecv reads up to len(p) bytes from a socket, or a pipe; at least one, or, at the
// end of a stream, none and io.EOF. It mirrors sock_recv and sock_recv_into. For what
// all Sock functions have in common see [SockSendAll].
func SockRecv(ctx context.Context, fd int, p []byte) (int, error) {
	c, err := newSockCall(ctx, "asyncio.SockRecv", fd)
	if err != nil {
		return 0, err
	}
	for {
		n, errno := sys.Read(fd, p)
		switch {
		case again(errno):
			if err := c.wait(netpoll.ReadSide); err != nil {
				return 0, err
			}
		case errno == syscall.EINTR:
		case errno != 0:
			return 0, c.fail("read", errno)
		case n == 0 && len(p) > 0 && !isDatagram(fd):
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// isDatagram reports whether nothing may be a message.
func isDatagram(fd int) bool {
	network, _ := sys.Network(fd)
	return network == "udp" || network == "unixgram"
}

// SockRecvFrom receives a datagram of up to len(p) bytes, and says from whom: nil if
// the sender has no address. It mirrors sock_recvfrom and sock_recvfrom_into. For what
// all Sock functions have in common see [SockSendAll].
func SockRecvFrom(ctx context.Context, fd int, p []byte) (int, net.Addr, error) {
	c, err := newSockCall(ctx, "asyncio.SockRecvFrom", fd)
	if err != nil {
		return 0, nil, err
	}
	network, err := sys.Network(fd)
	if err != nil {
		return 0, nil, c.fail("getsockopt", err)
	}
	for {
		n, from, errno := sys.ReadFrom(fd, network, p)
		switch {
		case again(errno):
			if err := c.wait(netpoll.ReadSide); err != nil {
				return 0, nil, err
			}
		case errno != 0:
			return 0, nil, c.fail("recvfrom", errno)
		default:
			return n, from, nil
		}
	}
}

// SockSendAll writes all of p to a socket, or a pipe, and returns how much it has
// written: less only if there is an error. It mirrors sock_sendall.
//
// All functions whose names begin with Sock work on a descriptor of the system that
// the program has opened, and owns: it must not block, and must stay open.
//
// They try at once, and do not even yield if that succeeds. Otherwise they park the
// calling task or greenlet, as [Future.Await] does, until the descriptor is ready. Who
// is cancelled leaves nothing behind, and has lost no data. One at a time may wait for
// a side of a descriptor: who waits for the same one after him, or sets a callback with
// [Loop.AddReader] or [Loop.AddWriter], takes his place, and his call fails; so it does
// when somebody calls [Loop.RemoveReader] or [Loop.RemoveWriter].
//
// The errors are those of the system, in an *os.SyscallError, and of AddReader. In
// debug mode a descriptor that blocks is refused, with os.ErrInvalid. On Windows, and
// where else there is no poller, the error matches errors.ErrUnsupported.
func SockSendAll(ctx context.Context, fd int, p []byte) (int, error) {
	c, err := newSockCall(ctx, "asyncio.SockSendAll", fd)
	if err != nil {
		return 0, err
	}
	sent := 0
	for sent < len(p) {
		n, errno := sys.Write(fd, p[sent:])
		switch {
		case again(errno):
			if err := c.wait(netpoll.WriteSide); err != nil {
				return sent, err
			}
		case errno == syscall.EINTR:
		case errno != 0:
			return sent, c.fail("write", errno)
		default:
			sent += n
		}
	}
	return sent, nil
}

// SockSendTo sends a datagram, which may be empty. A nil address stands for the one
// to which the socket is connected. It mirrors sock_sendto. For what all Sock functions
// have in common see [SockSendAll].
func SockSendTo(ctx context.Context, fd int, p []byte, to net.Addr) (int, error) {
	c, err := newSockCall(ctx, "asyncio.SockSendTo", fd)
	if err != nil {
		return 0, err
	}
	family, _, err := sockFamily(fd)
	if err != nil {
		return 0, c.fail("getsockopt", err)
	}
	for {
		switch err := sys.WriteTo(fd, family, p, to); {
		case again(err):
			if err := c.wait(netpoll.WriteSide); err != nil {
				return 0, err
			}
		case err != nil:
			return 0, c.fail("sendto", err)
		default:
			return len(p), nil
		}
	}
}

// sockFamily finds out of which kind a socket is.
func sockFamily(fd int) (sys.Family, string, error) {
	network, err := sys.Network(fd)
	if err != nil {
		return 0, "", err
	}
	return sys.FamilyOf(network, sys.LocalAddr(fd, network)), network, nil
}

// SockConnect connects a socket. An address that is no *net.TCPAddr, *net.UDPAddr or
// *net.UnixAddr is looked up: its Network and String are what [GetAddrInfo] takes. A
// socket whose connect was cancelled may still become connected: close it, or call
// SockConnect again. It mirrors sock_connect. For what all Sock functions have in common
// see [SockSendAll].
func SockConnect(ctx context.Context, fd int, addr net.Addr) error {
	c, err := newSockCall(ctx, "asyncio.SockConnect", fd)
	if err != nil {
		return err
	}
	if addr == nil {
		misuse(c.op, "the address is nil", "pass that of the peer")
	}
	family, network, err := sockFamily(fd)
	if err != nil {
		return c.fail("getsockopt", err)
	}
	switch addr.(type) {
	case *net.TCPAddr, *net.UDPAddr, *net.UnixAddr:
	default:
		addrs, err := getAddrInfo(ctx, c.loop, c.op, addr.Network(), addr.String())
		if err != nil {
			return err
		}
		addr = addrs[0]
	}
	for {
		err := sys.Connect(fd, family, addr)
		for err == syscall.EINPROGRESS {
			if err := c.wait(netpoll.WriteSide); err != nil {
				return err
			}
			_, err = sys.Connected(fd, network)
		}
		if !again(err) {
			if err != nil {
				return c.fail("connect", err)
			}
			return nil
		}
		// The queue of a Unix socket's listener is full, and nothing tells when it
		// has room.
		if err := Sleep(ctx, connectPause); err != nil {
			return err
		}
	}
}

// SockAccept takes a connection from a listening socket: its descriptor, which does not
// block and is the caller's to close, and the peer's address. It mirrors sock_accept.
// For what all Sock functions have in common see [SockSendAll].
func SockAccept(ctx context.Context, fd int) (int, net.Addr, error) {
	c, err := newSockCall(ctx, "asyncio.SockAccept", fd)
	if err != nil {
		return -1, nil, err
	}
	network, err := sys.Network(fd)
	if err != nil {
		return -1, nil, c.fail("getsockopt", err)
	}
	for {
		conn, from, err := sys.Accept(fd, network)
		switch {
		case err == nil:
			return conn, from, nil
		case again(err):
			if err := c.wait(netpoll.ReadSide); err != nil {
				return -1, nil, err
			}
		case err == syscall.ECONNABORTED:
		default:
			return -1, nil, c.fail(sys.AcceptName, err)
		}
	}
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Supported says whether there are sockets of our own at all.
const Supported = true

// Where addresses are passed the calls are package syscall's: those of x/sys/unix
// ask the kernel for the protocol of each socket first.

// Open makes a socket. An Inet6 one takes IPv4 addresses too unless it is to be only6.
func Open(f Family, k Kind, only6 bool) (int, error) {
	family := unix.AF_INET
	switch f {
	case Inet6:
		family = unix.AF_INET6
	case Unix:
		family = unix.AF_UNIX
	}
	kind := unix.SOCK_STREAM
	switch k {
	case Datagram:
		kind = unix.SOCK_DGRAM
	case SeqPacket:
		kind = unix.SOCK_SEQPACKET
	}
	fd, err := openSocket(family, kind)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if f == Inet6 {
		only := 0
		if only6 {
			only = 1
		}
		// Some systems do not let one choose.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	return fd, nil
}

// Bind gives the socket a local address. A socket and an address that do not go
// together are a net.AddrError.
func Bind(fd int, f Family, a net.Addr) error {
	sa, err := sockaddr(f, a)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, sa))
}

// Connect begins to connect the socket. That it goes on is syscall.EINPROGRESS
// itself: [Connected] tells how it ended, when the socket is ready to be written.
// For a Unix socket syscall.EAGAIN itself means that the listener's queue is full.
func Connect(fd int, f Family, a net.Addr) error {
	sa, err := sockaddr(f, a)
	if err != nil {
		return err
	}
	switch err := syscall.Connect(fd, sa); err {
	case unix.EINTR, unix.EINPROGRESS, unix.EALREADY:
		return unix.EINPROGRESS
	case nil, unix.EISCONN:
		return nil
	case unix.EAGAIN:
		if f == Unix {
			return err
		}
		return os.NewSyscallError("connect", err)
	default:
		return os.NewSyscallError("connect", err)
	}
}

// Connected tells how a connect ended: with the peer's address, or an error;
// syscall.EINPROGRESS itself if it has not.
//
// A poller may wake for no reason, so that there is no error does not mean that
// there is a connection: only one that has a peer is made.
func Connected(fd int, network string) (net.Addr, error) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	switch errno := syscall.Errno(n); errno {
	case 0, unix.EISCONN:
		if sa, err := syscall.Getpeername(fd); err == nil {
			return address(sa, network), nil
		}
		return nil, unix.EINPROGRESS
	case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		return nil, unix.EINPROGRESS
	default:
		return nil, os.NewSyscallError("connect", errno)
	}
}

// Listen makes the socket a listening one.
func Listen(fd, backlog int) error {
	return os.NewSyscallError("listen", syscall.Listen(fd, backlog))
}

// Accept takes a connection from a listening socket. The error is a syscall.Errno;
// the name of the system call is [AcceptName].
func Accept(fd int, network string) (int, net.Addr, error) {
	for {
		conn, sa, err := accept(fd)
		switch err {
		case nil:
			return conn, address(sa, network), nil
		case unix.EINTR:
		default:
			return -1, nil, err
		}
	}
}

// LocalAddr returns the local address of a socket of the network.
func LocalAddr(fd int, network string) net.Addr {
	// A socket that lost its connection has its address still.
	sa, _ := syscall.Getsockname(fd)
	return address(sa, network)
}

// RemoteAddr returns the address to which the socket is connected, or nil.
func RemoteAddr(fd int, network string) net.Addr {
	sa, err := syscall.Getpeername(fd)
	if err != nil {
		return nil
	}
	return address(sa, network)
}

// errNoSocket is the error of Network for what is no socket of a known kind.
var errNoSocket = errors.New("not a socket of a known kind")

// Network finds out which network a descriptor's socket belongs to: tcp, udp,
// unix, unixgram or unixpacket.
func Network(fd int) (string, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", os.NewSyscallError("getsockopt", err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	network := map[int]string{unix.SOCK_STREAM: "tcp", unix.SOCK_DGRAM: "udp"}
	if _, ok := sa.(*syscall.SockaddrUnix); ok {
		network = map[int]string{unix.SOCK_STREAM: "unix", unix.SOCK_DGRAM: "unixgram", unix.SOCK_SEQPACKET: "unixpacket"}
	}
	if n := network[kind]; n != "" {
		return n, nil
	}
	return "", errNoSocket
}

// ReadFrom receives a datagram, and says from whom: nil if that has no address.
func ReadFrom(fd int, network string, b []byte) (int, net.Addr, syscall.Errno) {
	for {
		n, sa, err := syscall.Recvfrom(fd, b, 0)
		switch errno := errnoOf(err); {
		case errno == unix.EINTR:
		case errno != 0:
			return 0, nil, errno
		case sa == nil:
			return n, nil, 0
		default:
			return n, address(sa, network), 0
		}
	}
}

// WriteTo sends a datagram. A nil address is the one to which the socket is
// connected. The error is a syscall.Errno, or a net.AddrError for an address that
// does not go with the socket.
func WriteTo(fd int, f Family, b []byte, to net.Addr) error {
	if to == nil {
		for {
			// Not Write, which with an empty datagram does nothing.
			err := unix.Send(fd, b, 0)
			if err != unix.EINTR {
				return err
			}
		}
	}
	sa, err := sockaddr(f, to)
	if err != nil {
		return err
	}
	for {
		if err := syscall.Sendto(fd, b, 0, sa); err != unix.EINTR {
			return err
		}
	}
}

// Shutdown shuts down the writing side, or else the reading one.
func Shutdown(fd int, write bool) error {
	how := unix.SHUT_RD
	if write {
		how = unix.SHUT_WR
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(fd, how))
}

// Close closes the descriptor, which is gone even if there is an error.
func Close(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

// Dup returns a copy of the descriptor.
func Dup(fd int) (int, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return dup, os.NewSyscallError("fcntl", err)
}

// SetNonblock makes a descriptor that somebody else opened fit for a loop.
func SetNonblock(fd int) error {
	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
}

// errnoOf is an error of package syscall as what it is.
func errnoOf(err error) syscall.Errno {
	errno, _ := err.(syscall.Errno)
	return errno
}

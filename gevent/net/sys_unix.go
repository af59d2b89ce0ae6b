//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package net

import (
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const sysSockets = true

// Where addresses are passed the calls are package syscall's: those of x/sys/unix
// ask the kernel for the protocol of each socket first.

func sysSocket(v6, only6 bool) (int, error) {
	family := unix.AF_INET
	if v6 {
		family = unix.AF_INET6
	}
	fd, err := openSocket(family)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if v6 {
		only := 0
		if only6 {
			only = 1
		}
		// Some systems do not let one choose.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	return fd, nil
}

func sysBind(fd int, v6 bool, a *TCPAddr) error {
	sa, err := sockaddr(v6, a)
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", syscall.Bind(fd, sa))
}

func sysConnect(fd int, v6 bool, a *TCPAddr) error {
	sa, err := sockaddr(v6, a)
	if err != nil {
		return err
	}
	switch err := syscall.Connect(fd, sa); err {
	case unix.EINTR:
		// The connect goes on.
		return unix.EINPROGRESS
	case nil, unix.EINPROGRESS, unix.EALREADY:
		return err
	case unix.EISCONN:
		return nil
	default:
		return os.NewSyscallError("connect", err)
	}
}

// A poller may wake for no reason, so that there is no error does not mean that
// there is a connection: only one that has a peer is made.
func sysConnected(fd int) (Addr, error) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return nil, os.NewSyscallError("getsockopt", err)
	}
	switch errno := syscall.Errno(n); errno {
	case 0, unix.EISCONN:
		if sa, err := syscall.Getpeername(fd); err == nil {
			return tcpAddr(sa), nil
		}
		return nil, unix.EINPROGRESS
	case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		return nil, unix.EINPROGRESS
	default:
		return nil, os.NewSyscallError("connect", errno)
	}
}

func sysLocalAddr(fd int) Addr {
	// A socket that lost its connection has its address still.
	sa, _ := syscall.Getsockname(fd)
	return tcpAddr(sa)
}

// sockaddr is a for a socket of the family. In an IPv6 socket both wildcards
// stand for both families.
func sockaddr(v6 bool, a *TCPAddr) (syscall.Sockaddr, error) {
	ip := a.IP
	if !v6 {
		if len(ip) == 0 {
			ip = net.IPv4zero
		}
		ip4 := ip.To4()
		if ip4 == nil {
			return nil, &AddrError{Err: "non-IPv4 address", Addr: ip.String()}
		}
		return &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip4)}, nil
	}
	if len(ip) == 0 || ip.Equal(net.IPv4zero) {
		ip = net.IPv6zero
	}
	ip16 := ip.To16()
	if ip16 == nil {
		return nil, &AddrError{Err: "non-IPv6 address", Addr: ip.String()}
	}
	return &syscall.SockaddrInet6{Port: a.Port, Addr: [16]byte(ip16), ZoneId: zoneIndex(a.Zone)}, nil
}

// tcpAddr is the address that the system gave.
func tcpAddr(sa syscall.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *syscall.SockaddrInet6:
		return &TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(sa.ZoneId)}
	}
	return &TCPAddr{}
}

// zoneIndex and zoneName translate between the name of an interface and its
// number. One that has gone is its number.
func zoneIndex(name string) uint32 {
	if name == "" {
		return 0
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}

func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}

func sysShutdown(fd int, write bool) error {
	how := unix.SHUT_RD
	if write {
		how = unix.SHUT_WR
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(fd, how))
}

func sysClose(fd int) error { return os.NewSyscallError("close", unix.Close(fd)) }

func sysDup(fd int) (int, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return dup, os.NewSyscallError("fcntl", err)
}

func setInt(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}

func setBool(fd, level, option int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return setInt(fd, level, option, value)
}

func sysSetNoDelay(fd int, on bool) error {
	return setBool(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, on)
}

func sysSetKeepAlive(fd int, on bool) error {
	return setBool(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on)
}

func sysSetReadBuffer(fd, bytes int) error { return setInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes) }

func sysSetWriteBuffer(fd, bytes int) error {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}

func sysSetLinger(fd, seconds int) error {
	l := unix.Linger{}
	if seconds >= 0 {
		l = unix.Linger{Onoff: 1, Linger: int32(seconds)}
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
}

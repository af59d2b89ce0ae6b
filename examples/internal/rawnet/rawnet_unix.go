//go:build unix

package rawnet

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// duplicate returns a descriptor of our own for a socket of package net, which
// has made it non-blocking. The socket lives on when package net closes its own.
func duplicate(socket syscall.Conn) (fd int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(its uintptr) {
		fd, failed = unix.FcntlInt(its, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, failed); err != nil {
		return -1, err
	}
	return fd, nil
}

// Accept takes the next connection off a listening socket, and returns its
// descriptor and its peer's address. The error is [syscall.EAGAIN] if there is
// none.
//
// It is EAGAIN too if the process has no descriptor left, after a rest of 10 ms:
// the connection stays where it is, a server that asks again does not spin, and
// gets it when another one is closed.
func Accept(fd int) (conn int, peer string, err error) {
	for {
		syscall.ForkLock.RLock() // no child between the next two calls
		conn, from, err := syscall.Accept(fd)
		if err == nil {
			syscall.CloseOnExec(conn)
		}
		syscall.ForkLock.RUnlock()
		switch err {
		case nil:
			if err := syscall.SetNonblock(conn, true); err != nil {
				Close(conn)
				return -1, "", err
			}
			return conn, text(from), nil
		case syscall.EINTR, syscall.ECONNABORTED: // a signal; a client that has left already
			continue
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			time.Sleep(10 * time.Millisecond)
			err = syscall.EAGAIN
		}
		return -1, "", err
	}
}

// text writes an address as package net does.
func text(a syscall.Sockaddr) string {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)).String()
	default:
		return "somebody"
	}
}

// Read reads what is there, up to len(p) bytes. No bytes and no error mean the
// end; the error is [syscall.EAGAIN] if there is nothing, and is not wrapped.
func Read(fd int, p []byte) (n int, err error) {
	return retry(func() (int, error) { return syscall.Read(fd, p) })
}

// Write writes as much of p as there is room for. The error is [syscall.EAGAIN]
// if there is no room, and is not wrapped.
func Write(fd int, p []byte) (n int, err error) {
	return retry(func() (int, error) { return syscall.Write(fd, p) })
}

// retry makes the call again if a signal interrupted it.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// CloseWrite ends the sending side of a connection: the peer sees the end, and
// can still answer.
func CloseWrite(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_WR) }

// Close closes a descriptor.
func Close(fd int) error { return syscall.Close(fd) }

//go:build linux && !386 && !s390x && !race && !msan && !asan

package sys

import (
	"bytes"
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"
)

// A Receiver receives the datagrams of a socket. It keeps the address of the last
// sender, which most often is that of the next one too: then nothing is allocated.
type Receiver struct {
	network    string
	addr       net.Addr // what last stands for
	last, next rawSockaddr
}

// A rawSockaddr is an address as the system gives it. The longest is that of a Unix
// socket.
type rawSockaddr struct {
	size  uint32
	bytes [112]byte
}

// NewReceiver returns a Receiver for sockets of the network.
func NewReceiver(network string) *Receiver { return &Receiver{network: network} }

// ReadFrom receives a datagram, and says from whom: nil if that has no address. The
// address is the Receiver's own, and not to be modified.
//
// Budget: one system call; no allocation if the sender is that of the last call. It
// is raw, as Read is, if b is no larger than any datagram of UDP.
func (r *Receiver) ReadFrom(fd int, b []byte) (int, net.Addr, syscall.Errno) {
	for {
		call := syscall.RawSyscall6
		if len(b) > rawMax {
			call = syscall.Syscall6
		}
		r.next.size = uint32(len(r.next.bytes))
		n, _, errno := call(syscall.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0,
			uintptr(unsafe.Pointer(&r.next.bytes)), uintptr(unsafe.Pointer(&r.next.size)))
		switch errno {
		case 0:
			return int(n), r.sender(), 0
		case syscall.EINTR:
		default:
			return 0, nil, errno
		}
	}
}

// sender returns the address that was given last.
func (r *Receiver) sender() net.Addr {
	if got := r.next.used(); r.addr == nil || !bytes.Equal(got, r.last.used()) {
		r.last = r.next
		r.addr = decodeSockaddr(got, r.network)
	}
	return r.addr
}

func (a *rawSockaddr) used() []byte { return a.bytes[:min(int(a.size), len(a.bytes))] }

// decodeSockaddr is the address of the network that b has in the system's form.
func decodeSockaddr(b []byte, network string) net.Addr {
	if len(b) < 2 {
		return nil
	}
	switch binary.NativeEndian.Uint16(b) {
	case syscall.AF_INET:
		sa := &syscall.SockaddrInet4{Port: int(binary.BigEndian.Uint16(b[2:])), Addr: [4]byte(b[4:8])}
		return address(sa, network)
	case syscall.AF_INET6:
		sa := &syscall.SockaddrInet6{Port: int(binary.BigEndian.Uint16(b[2:])), Addr: [16]byte(b[8:24])}
		sa.ZoneId = binary.NativeEndian.Uint32(b[24:])
		return address(sa, network)
	case syscall.AF_UNIX:
		name := b[2:]
		if len(name) == 0 {
			return nil // the sender is not bound
		}
		if name[0] == 0 { // an abstract one, of any bytes
			return address(&syscall.SockaddrUnix{Name: "@" + string(name[1:])}, network)
		}
		name, _, _ = bytes.Cut(name, []byte{0})
		return address(&syscall.SockaddrUnix{Name: string(name)}, network)
	}
	return nil
}

//go:build darwin || dragonfly || freebsd || netbsd || openbsd || (linux && (386 || s390x || race || msan || asan))

package sys

import (
	"net"
	"syscall"
)

// A Receiver receives the datagrams of a socket.
type Receiver struct{ network string }

// NewReceiver returns a Receiver for sockets of the network.
func NewReceiver(network string) *Receiver { return &Receiver{network: network} }

// ReadFrom receives a datagram, and says from whom: nil if that has no address. The
// address is not to be modified.
func (r *Receiver) ReadFrom(fd int, b []byte) (int, net.Addr, syscall.Errno) {
	return ReadFrom(fd, r.network, b)
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"net"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Dest is where a datagram is sent, in the system's form. The zero value is the
// address to which the socket is connected.
type Dest struct{ sa syscall.Sockaddr }

// A Sender makes Dests of addresses for a socket of a family. It keeps the last one,
// since most often the next one is the same: then nothing is allocated. The zero
// value is for Inet4.
type Sender struct {
	Family Family
	udp    net.UDPAddr // what dest stands for, if it is one
	dest   Dest
}

// Dest returns a as a Dest; a may be nil. An address that does not go with the socket
// is a net.AddrError. A may be modified afterwards.
func (s *Sender) Dest(a net.Addr) (Dest, error) {
	if a == nil {
		return Dest{}, nil
	}
	u, ok := a.(*net.UDPAddr)
	if ok && u == nil {
		return Dest{}, nil
	}
	if ok && s.dest.sa != nil && u.Port == s.udp.Port && u.Zone == s.udp.Zone && slices.Equal(u.IP, s.udp.IP) {
		return s.dest, nil
	}
	sa, err := sockaddr(s.Family, a)
	if err != nil || !ok {
		return Dest{sa}, err
	}
	s.udp = net.UDPAddr{IP: append(s.udp.IP[:0], u.IP...), Port: u.Port, Zone: u.Zone}
	s.dest = Dest{sa}
	return s.dest, nil
}

// Send sends a datagram.
//
// Budget: one system call, no allocation.
func Send(fd int, b []byte, to Dest) syscall.Errno {
	for {
		var err error
		if to.sa == nil {
			err = unix.Send(fd, b, 0) // not Write, which with an empty datagram does nothing
		} else {
			err = syscall.Sendto(fd, b, 0, to.sa)
		}
		if errno := errnoOf(err); errno != syscall.EINTR {
			return errno
		}
	}
}

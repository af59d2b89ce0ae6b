// Package sys has the system calls of sockets that do not block: what
// gevent/net and asyncio share. It knows neither loops nor greenlets.
//
// Descriptors that it makes do not block and are not inherited by child
// processes. Where a call has an error it is an [os.SyscallError], unless its
// comment says otherwise. On a platform where [Supported] is false the functions
// return netpoll.ErrNoPoller, or do nothing.
//
// What differs between platforms is in the files whose names end in theirs;
// those are the only ones with build constraints, but for stub.go and stub_pipe.go.
package sys

import "net"

// A Family is the kind of addresses that a socket has.
type Family uint8

// The families. A socket that is Inet6 takes IPv4 addresses too, unless it was
// made to take only its own.
const (
	Inet4 Family = iota
	Inet6
	Unix
)

// A Kind is what a socket transports.
type Kind uint8

// The kinds.
const (
	Stream Kind = iota
	Datagram
	SeqPacket
)

// FamilyOf returns the family of the socket that is needed to use the addresses
// together: a TCPAddr, UDPAddr or UnixAddr each, or nil. The network decides if its name ends
// in a 4 or a 6.
func FamilyOf(network string, addrs ...net.Addr) Family {
	switch network[max(len(network)-1, 0):] {
	case "4":
		return Inet4
	case "6":
		return Inet6
	}
	f := Inet4
	for _, a := range addrs {
		var ip net.IP
		switch a := a.(type) {
		case *net.UnixAddr:
			return Unix
		case *net.TCPAddr:
			if a != nil {
				ip = a.IP
			}
		case *net.UDPAddr:
			if a != nil {
				ip = a.IP
			}
		}
		if len(ip) > net.IPv4len && ip.To4() == nil {
			f = Inet6
		}
	}
	return f
}

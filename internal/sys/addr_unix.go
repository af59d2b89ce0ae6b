//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package sys

import (
	"net"
	"strconv"
	"syscall"
)

// sockaddr is a for a socket of the family. In an IPv6 socket both wildcards
// stand for both families.
func sockaddr(f Family, a net.Addr) (syscall.Sockaddr, error) {
	var ip net.IP
	var port int
	var zone string
	switch a := a.(type) {
	case *net.TCPAddr:
		ip, port, zone = a.IP, a.Port, a.Zone
	case *net.UDPAddr:
		ip, port, zone = a.IP, a.Port, a.Zone
	case *net.UnixAddr:
		if f != Unix {
			return nil, &net.AddrError{Err: "not an IP address", Addr: a.String()}
		}
		return &syscall.SockaddrUnix{Name: a.Name}, nil
	default:
		return nil, &net.AddrError{Err: "unexpected address type", Addr: a.String()}
	}
	switch f {
	case Inet4:
		if len(ip) == 0 {
			ip = net.IPv4zero
		}
		ip4 := ip.To4()
		if ip4 == nil {
			return nil, &net.AddrError{Err: "non-IPv4 address", Addr: ip.String()}
		}
		return &syscall.SockaddrInet4{Port: port, Addr: [4]byte(ip4)}, nil
	case Unix:
		return nil, &net.AddrError{Err: "not a Unix address", Addr: a.String()}
	}
	if len(ip) == 0 || ip.Equal(net.IPv4zero) {
		ip = net.IPv6zero
	}
	ip16 := ip.To16()
	if ip16 == nil {
		return nil, &net.AddrError{Err: "non-IPv6 address", Addr: ip.String()}
	}
	return &syscall.SockaddrInet6{Port: port, Addr: [16]byte(ip16), ZoneId: zoneIndex(zone)}, nil
}

// address is the address of the network that the system gave.
func address(sa syscall.Sockaddr, network string) net.Addr {
	switch network {
	case "udp", "udp4", "udp6":
		switch sa := sa.(type) {
		case *syscall.SockaddrInet4:
			return &net.UDPAddr{IP: sa.Addr[:], Port: sa.Port}
		case *syscall.SockaddrInet6:
			return &net.UDPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(sa.ZoneId)}
		}
		return &net.UDPAddr{}
	case "unix", "unixgram", "unixpacket":
		if sa, ok := sa.(*syscall.SockaddrUnix); ok {
			return &net.UnixAddr{Name: sa.Name, Net: network}
		}
		return &net.UnixAddr{Net: network}
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zoneName(sa.ZoneId)}
	}
	return &net.TCPAddr{}
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

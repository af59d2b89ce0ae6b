package sys

import (
	"net"
	"net/netip"
	"strconv"
)

// LiteralTCP returns the TCP address of a host and a service, if neither is a name that
// needs to be looked up. An empty host is as the nil IP, and an empty service as port 0.
func LiteralTCP(host, service string) (*net.TCPAddr, bool) {
	a := &net.TCPAddr{}
	if service != "" {
		n, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			return nil, false
		}
		a.Port = int(n)
	}
	if host == "" {
		return a, true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, false
	}
	a.IP, a.Zone = net.IP(ip.AsSlice()).To16(), ip.Zone()
	return a, true
}

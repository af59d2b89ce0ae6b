package net

import (
	"context"
	"net"

	"github.com/baton-go/baton/internal/baton"
	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/internal/sys"
)

// parseLiteral returns the TCP address that host:port stands for if no name needs
// to be looked up, and there is nothing wrong with it.
func parseLiteral(network, address string) (*TCPAddr, bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, false
	}
	a, ok := sys.LiteralTCP(host, port)
	return a, ok && isTCP(network) && suits(network, a.IP)
}

// suits reports whether the network has such addresses.
func suits(network string, ip IP) bool {
	switch network[len(network)-1] {
	case '4':
		return ip.To4() != nil
	case '6':
		return len(ip) == IPv6len && ip.To4() == nil
	}
	return true
}

// resolve returns the addresses to try, in that order. It parks p only if there
// is a name to be looked up.
func (d *Dialer) resolve(ctx context.Context, f *baton.Fiber, p *hub.Proc, network, address string) (addrs []*TCPAddr, err error) {
	if address == "" {
		return nil, errMissingAddress
	}
	if a, ok := parseLiteral(network, address); ok {
		addrs = []*TCPAddr{a}
		if a.IP.Equal(IPv6unspecified) {
			// As in package net: it can be that one may listen on :: and not
			// connect to it.
			addrs = append(addrs, &TCPAddr{IP: IPv4zero, Port: a.Port})
			addrs = keep(addrs, func(a *TCPAddr) bool { return suits(network, a.IP) })
		}
	} else {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		interrupt := offload(f, p, hub.Wait{Op: "net.Dial", On: address}, func() {
			addrs, err = d.lookUp(ctx, network, address)
		}, cancel)
		if interrupt != nil {
			return nil, unwind(interrupt)
		}
		if err != nil {
			return nil, err
		}
	}
	return d.matchLocal(addrs)
}

// lookUp is the part of resolve that blocks.
func (d *Dialer) lookUp(ctx context.Context, network, address string) ([]*TCPAddr, error) {
	r := d.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := r.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return []*TCPAddr{{Port: port}}, nil
	}
	ips, err := r.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	var addrs []*TCPAddr
	for _, ip := range ips {
		if suits(network, ip.IP) {
			addrs = append(addrs, &TCPAddr{IP: ip.IP, Port: port, Zone: ip.Zone})
		}
	}
	if len(addrs) == 0 {
		return nil, &AddrError{Err: errNoSuitableAddress, Addr: host}
	}
	if network == "tcp" && d.FallbackDelay >= 0 {
		addrs = familyFirst(addrs)
	}
	return addrs, nil
}

// familyFirst puts the addresses that are of the first one's family before the
// others.
func familyFirst(addrs []*TCPAddr) []*TCPAddr {
	var rest []*TCPAddr
	v4 := addrs[0].IP.To4() != nil
	first := keep(addrs, func(a *TCPAddr) bool {
		same := (a.IP.To4() != nil) == v4
		if !same {
			rest = append(rest, a)
		}
		return same
	})
	return append(first, rest...)
}

// matchLocal drops the addresses that LocalAddr cannot reach.
func (d *Dialer) matchLocal(addrs []*TCPAddr) ([]*TCPAddr, error) {
	if d.LocalAddr == nil {
		return addrs, nil
	}
	local, ok := d.LocalAddr.(*TCPAddr)
	if !ok {
		return nil, &AddrError{Err: errMismatchedLocal, Addr: d.LocalAddr.String()}
	}
	addrs = keep(addrs, func(a *TCPAddr) bool {
		return wildcard(local) || wildcard(a) || (a.IP.To4() != nil) == (local.IP.To4() != nil)
	})
	if len(addrs) == 0 {
		return nil, &AddrError{Err: errNoSuitableAddress, Addr: local.String()}
	}
	return addrs, nil
}

// wildcard reports whether the address stands for every one of this machine's.
func wildcard(a *TCPAddr) bool {
	return a == nil || a.IP == nil || a.IP.IsUnspecified()
}

// keep returns the addresses of which f is true.
func keep(addrs []*TCPAddr, f func(*TCPAddr) bool) []*TCPAddr {
	var kept []*TCPAddr
	for _, a := range addrs {
		if f(a) {
			kept = append(kept, a)
		}
	}
	return kept
}

package asyncio

import (
	"context"
	"net"

	"github.com/baton-go/baton/internal/sys"
)

// datagramAddrs are the addresses of one socket; either may be nil.
type datagramAddrs struct {
	family        sys.Family
	local, remote net.Addr
}

// addresses returns what the socket may be bound and connected to, the first choice
// first: what its two addresses stand for, paired by families.
func (o *datagramOptions) addresses(ctx context.Context, l *Loop, op, network string) ([]datagramAddrs, error) {
	if network == "unixgram" {
		a := datagramAddrs{family: sys.Unix}
		if o.hasLocal {
			a.local = &net.UnixAddr{Name: o.local, Net: network}
		}
		if o.hasRemote {
			a.remote = &net.UnixAddr{Name: o.remote, Net: network}
		}
		return []datagramAddrs{a}, nil
	}
	locals, remotes := []*net.UDPAddr{nil}, []*net.UDPAddr{nil}
	var err error
	if o.hasLocal {
		if locals, err = resolveUDP(ctx, l, op, network, o.local); err != nil {
			return nil, err
		}
	}
	if o.hasRemote {
		if remotes, err = resolveUDP(ctx, l, op, network, o.remote); err != nil {
			return nil, err
		}
		for _, a := range remotes {
			if len(a.IP) == 0 { // nobody is everybody's: this machine
				a.IP = net.IPv4(127, 0, 0, 1)
				if network == "udp6" {
					a.IP = net.IPv6loopback
				}
			}
		}
	}
	var pairs []datagramAddrs
	for _, remote := range remotes {
		for _, local := range locals {
			pairs = append(pairs, pairUDP(network, local, remote)...)
		}
	}
	if len(pairs) == 0 {
		return nil, ErrNoAddressInfo
	}
	return pairs, nil
}

// pairUDP returns the addresses with the families of sockets that can have both; none,
// if that cannot be. Each may be nil.
func pairUDP(network string, local, remote *net.UDPAddr) []datagramAddrs {
	var pairs []datagramAddrs
	for _, f := range []sys.Family{sys.Inet6, sys.Inet4} {
		if !inFamily(network, f, local) || !inFamily(network, f, remote) {
			continue
		}
		a := datagramAddrs{family: f}
		if local != nil {
			a.local = local
		}
		if remote != nil {
			a.remote = remote
		}
		pairs = append(pairs, a)
	}
	return pairs
}

// inFamily reports whether a socket of the family, for the network, can have the
// address. Nil and one without an IP go with each.
func inFamily(network string, f sys.Family, a *net.UDPAddr) bool {
	switch {
	case network == "udp4" && f != sys.Inet4, network == "udp6" && f != sys.Inet6:
		return false
	case a == nil || len(a.IP) == 0:
		return true
	}
	return (a.IP.To4() != nil) == (f == sys.Inet4)
}

// resolveUDP returns the addresses that host:port stands for. It parks only if there is
// a name to be looked up.
func resolveUDP(ctx context.Context, l *Loop, op, network, address string) ([]*net.UDPAddr, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if a, ok := sys.LiteralTCP(host, service); ok {
		return []*net.UDPAddr{(*net.UDPAddr)(a)}, nil
	}
	var found []net.Addr
	var failed error
	err = elsewhere(ctx, l, op, func(ctx context.Context) {
		found, failed = lookUpTCP(ctx, network, host, service)
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	addrs := make([]*net.UDPAddr, len(found))
	for i, a := range found {
		addrs[i] = (*net.UDPAddr)(a.(*net.TCPAddr))
	}
	return addrs, nil
}

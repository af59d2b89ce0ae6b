package asyncio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/baton-go/baton/internal/sys"
)

// GetAddrInfo returns the addresses that "host:port" stands for in the network tcp or
// udp, or one of these with a 4 or a 6 at its end: *net.TCPAddrs or *net.UDPAddrs, in
// the order in which the resolver gave them. The port may be the name of a service; an
// empty one is 0. An empty host is the nil IP, which stands for all of this machine's
// addresses, as in package net. It mirrors getaddrinfo.
//
// IP addresses with numbers as ports need no resolver, and GetAddrInfo does not park.
// Otherwise it parks the caller as [Future.Await] does, while a goroutine asks
// net.DefaultResolver: one of its own, so that a busy executor does not hold it up.
//
// The error is a *net.DNSError, a *net.AddrError if the host has no address of the
// network's kind, or a net.UnknownNetworkError, with the operation's name around it.
func GetAddrInfo(ctx context.Context, network, address string) ([]net.Addr, error) {
	const op = "asyncio.GetAddrInfo"
	l := loopOf(ctx, op)
	addrs, err := getAddrInfo(ctx, l, op, network, address)
	if err != nil && !isCancel(err) && !errors.Is(err, ctx.Err()) {
		err = inOp(op, err)
	}
	return addrs, err
}

func getAddrInfo(ctx context.Context, l *Loop, op, network, address string) ([]net.Addr, error) {
	kind := strings.TrimRight(network, "46")
	if kind != "tcp" && kind != "udp" || len(network)-len(kind) > 1 {
		return nil, net.UnknownNetworkError(network)
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var addrs []net.Addr
	if a, ok := sys.LiteralTCP(host, service); ok {
		addrs = []net.Addr{a}
	} else {
		if service == "" {
			service = "0"
		}
		var failed error
		err := elsewhere(ctx, l, op, func(ctx context.Context) {
			addrs, failed = lookUpTCP(ctx, network, host, service)
		})
		if err == nil { // otherwise the look-up may still go on
			err = failed
		}
		if err != nil {
			return nil, err
		}
	}
	addrs, err = suitable("tcp"+network[len(kind):], host, addrs)
	if kind == "udp" {
		for i, a := range addrs {
			a := a.(*net.TCPAddr)
			addrs[i] = &net.UDPAddr{IP: a.IP, Port: a.Port, Zone: a.Zone}
		}
	}
	return addrs, err
}

// GetNameInfo returns the name of the host that has the address, a *net.TCPAddr or
// *net.UDPAddr, or its IP address if it has no name; and its port. It parks the caller,
// and fails, as [GetAddrInfo] does, and for other addresses with a *net.AddrError. It
// mirrors getnameinfo, which also knows the names of services; package net does not.
func GetNameInfo(ctx context.Context, addr net.Addr) (host, service string, err error) {
	const op = "asyncio.GetNameInfo"
	l := loopOf(ctx, op)
	var ip net.IPAddr
	switch a := addr.(type) {
	case *net.TCPAddr:
		ip, service = net.IPAddr{IP: a.IP, Zone: a.Zone}, strconv.Itoa(a.Port)
	case *net.UDPAddr:
		ip, service = net.IPAddr{IP: a.IP, Zone: a.Zone}, strconv.Itoa(a.Port)
	default:
		return "", "", inOp(op, &net.AddrError{Err: "no internet address", Addr: fmt.Sprint(addr)})
	}
	var names []string
	var failed error
	if err := elsewhere(ctx, l, op, func(ctx context.Context) {
		names, failed = net.DefaultResolver.LookupAddr(ctx, ip.String())
	}); err != nil {
		return "", "", err
	}
	var unknown *net.DNSError
	switch {
	case errors.As(failed, &unknown) && unknown.IsNotFound || failed == nil && len(names) == 0:
		return ip.String(), service, nil
	case failed != nil:
		return "", "", inOp(op, failed)
	}
	return strings.TrimSuffix(names[0], "."), service, nil
}

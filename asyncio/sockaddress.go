package asyncio

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/baton-go/baton/internal/sys"
)

// streamNetwork reports whether the network is one for [CreateConnection] and
// [CreateServer].
func streamNetwork(network string) bool { return isTCPNetwork(network) || network == "unix" }

// resolveStream returns the addresses that an address of the network stands for, in
// the order in which the resolver gave them. Only if there is a name to be looked up
// does it park the caller, while a goroutine does that: the executor, which others
// may keep busy, has no part in it. An empty host is as the zero IP, which stands
// for every address of this machine.
func resolveStream(ctx context.Context, l *Loop, op, network, address string) ([]net.Addr, error) {
	if network == "unix" {
		return []net.Addr{&net.UnixAddr{Name: address, Net: network}}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if a, ok := sys.LiteralTCP(host, service); ok {
		return suitable(network, host, []net.Addr{a})
	}
	var addrs []net.Addr
	var failed error
	err = elsewhere(ctx, l, op, func(ctx context.Context) {
		addrs, failed = lookUpTCP(ctx, network, host, service)
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return suitable(network, host, addrs)
}

// lookUpTCP looks up names. It blocks.
func lookUpTCP(ctx context.Context, network, host, service string) ([]net.Addr, error) {
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if a, ok := sys.LiteralTCP(host, strconv.Itoa(port)); ok {
		return []net.Addr{a}, nil
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	addrs := make([]net.Addr, len(ips))
	for i, ip := range ips {
		addrs[i] = &net.TCPAddr{IP: ip.IP, Port: port, Zone: ip.Zone}
	}
	return addrs, nil
}

// suitable returns the addresses that the network has.
func suitable(network, host string, addrs []net.Addr) ([]net.Addr, error) {
	var some []net.Addr
	for _, a := range addrs {
		ip := a.(*net.TCPAddr).IP
		v4 := ip.To4() != nil
		if ip == nil || strings.HasSuffix(network, "4") && v4 || strings.HasSuffix(network, "6") && !v4 || network == "tcp" {
			some = append(some, a)
		}
	}
	if len(some) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return some, nil
}

// elsewhere runs f on a goroutine and parks the caller until it has returned. If the
// caller's wait ends before, f's context ends, and nobody waits for f.
func elsewhere(ctx context.Context, l *Loop, op string, f func(context.Context)) error {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	done := &future{loop: l}
	l.hub.Loop.Ref()
	defer l.hub.Loop.Unref()
	go func() {
		f(own)
		// ErrClosed means that the loop ended without waiting for it.
		_ = l.hub.Post(func() {
			if done.state == pending {
				done.settle(finished, nil)
			}
		})
	}()
	if err := done.await(ctx, op); err != nil {
		return err
	}
	return done.take()
}

// interleaved orders addresses by families in turns, after the first n of the first
// one's family.
func interleaved(addrs []net.Addr, n int) []net.Addr {
	var families [2][]net.Addr // the first one's, and the other
	v4 := func(a net.Addr) bool {
		t, ok := a.(*net.TCPAddr)
		return ok && t.IP.To4() != nil
	}
	for _, a := range addrs {
		i := 0
		if v4(a) != v4(addrs[0]) {
			i = 1
		}
		families[i] = append(families[i], a)
	}
	var all []net.Addr
	if n > 1 {
		m := min(n-1, len(families[0]))
		all = append(all, families[0][:m]...)
		families[0] = families[0][m:]
	}
	for len(families[0])+len(families[1]) > 0 {
		for i, f := range families {
			if len(f) > 0 {
				all = append(all, f[0])
				families[i] = f[1:]
			}
		}
	}
	return all
}

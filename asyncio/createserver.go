package asyncio

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/baton-go/baton/internal/sys"
	"github.com/baton-go/baton/netpoll"
)

// CreateServer listens at an address and, unless [WithoutServing] says otherwise,
// accepts connections; the factory makes the protocol of each. The network is "tcp",
// "tcp4", "tcp6" with an address host:port, or "unix" with a path. It mirrors
// create_server and create_unix_server.
//
// With the network "tcp" an empty host stands for every address of this machine, with
// one socket for IPv4 and one for IPv6; so does a name that has several addresses for
// all of them. With port 0 the system chooses one, for each socket; [Server.Addrs] tells.
//
// A Unix socket whose file exists already is replaced, if that is a socket. The file
// is removed when the server closes, if it still is the one that was made; see
// [WithoutSocketCleanup].
//
// A factory that panics is reported to the exception handler, and its connection
// closed. When the process or the system has run out of descriptors or memory, that
// is reported too, and the server rests for a second.
//
// It parks the calling task or greenlet to look up names, and for one hop of the
// loop. The error is a *net.OpError, such as one that matches syscall.EADDRINUSE; then
// nothing is left open. It returns [ErrCancelled] when the calling task is cancelled,
// or ctx.Err() when ctx ends and it is not just the calling task's own. The error
// matches errors.ErrUnsupported on a platform for which package netpoll has no poller.
func CreateServer(ctx context.Context, factory func() Protocol, network, address string, opts ...ServerOption) (*Server, error) {
	const op = "asyncio.CreateServer"
	if factory == nil {
		misuse(op, "the factory is nil", "pass a function that makes the protocol of a connection")
	}
	o := newServerOptions(opts)
	switch existing := o.listener != nil; {
	case existing && (network != "" || address != "" || o.hosts != nil):
		misuse(op, "there are an address and an existing listener", "leave the network and the address out, or WithListener")
	case !existing && network == "":
		misuse(op, "there is neither an address nor an existing listener", "pass the network and the address")
	}
	l := loopOf(ctx, op)
	s := &Server{
		loop: l, factory: factory, tls: o.tls, backlog: o.backlog,
		clients: make(map[*sockTransport]uint64),
	}
	done := false
	defer func() {
		if !done {
			s.close()
		}
	}()
	var err error
	if o.listener != nil {
		err = s.adopt(op, o)
	} else {
		err = s.bind(ctx, op, network, address, o)
	}
	if err != nil {
		return nil, err
	}
	l.hold(s)
	if !o.idle {
		if err := s.StartServing(ctx); err != nil {
			return nil, err
		}
	}
	done = true
	return s, nil
}

// add makes fd a listener of the server.
func (s *Server) add(fd int, network string, o *serverOptions) {
	l := &serverSocket{server: s, fd: fd, network: network, addr: sys.LocalAddr(fd, network)}
	if a, ok := l.addr.(*net.UnixAddr); ok && !o.keepFile && isPath(a.Name) {
		l.file, _ = os.Lstat(a.Name)
	}
	s.listeners = append(s.listeners, l)
}

// isPath reports whether the name of a Unix socket is that of a file.
func isPath(name string) bool { return name != "" && name[0] != '@' && name[0] != 0 }

// adopt takes over the existing listener.
func (s *Server) adopt(op string, o *serverOptions) error {
	if u, ok := o.listener.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	fd, err := takeOver(o.listener)
	if err != nil {
		return inOp(op, err)
	}
	network, err := sys.Network(fd)
	if err == nil && network != "tcp" && network != "unix" {
		err = ErrNoStreamSocket
	}
	if err != nil {
		_ = sys.Close(fd)
		return inOp(op, err)
	}
	s.add(fd, network, o)
	return nil
}

// bind makes the sockets.
func (s *Server) bind(ctx context.Context, op, network, address string, o *serverOptions) error {
	refuse := func(err error) error { return &net.OpError{Op: "listen", Net: network, Err: err} }
	if !streamNetwork(network) {
		return refuse(net.UnknownNetworkError(network))
	}
	if !sys.Supported {
		return refuse(netpoll.ErrNoPoller)
	}
	addrs, err := s.resolve(ctx, op, network, address, o.hosts)
	if err != nil {
		if isCancel(err) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return err
		}
		return refuse(err)
	}
	var skipped error
	for _, a := range addrs {
		fd, err := bindListener(network, a, o)
		if err == nil {
			s.add(fd, network, o)
			continue
		}
		err = &net.OpError{Op: "listen", Net: network, Addr: a, Err: err}
		if !absentFamily(err) {
			return err
		}
		// The machine does not have every address that a name stands for.
		skipped = err
	}
	if len(s.listeners) == 0 {
		return skipped
	}
	return nil
}

// absentFamily reports whether the error says that the machine has no such addresses.
func absentFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EPROTONOSUPPORT)
}

// resolve returns the addresses to listen at, each once.
func (s *Server) resolve(ctx context.Context, op, network, address string, hosts []string) ([]net.Addr, error) {
	addresses := []string{address}
	if len(hosts) > 0 {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			addresses = append(addresses, net.JoinHostPort(h, port))
		}
	}
	var all []net.Addr
	seen := make(map[string]bool)
	for _, address := range addresses {
		addrs, err := resolveStream(ctx, s.loop, op, network, address)
		if err != nil {
			return nil, err
		}
		for _, a := range slices.Concat(addrs, otherWildcard(network, addrs)) {
			if !seen[a.String()] {
				seen[a.String()] = true
				all = append(all, a)
			}
		}
	}
	return all, nil
}

// otherWildcard makes of the address without a host, which stands for all of IPv4, the
// one for all of IPv6 too, as far as the network has both.
func otherWildcard(network string, addrs []net.Addr) []net.Addr {
	a, ok := addrs[0].(*net.TCPAddr)
	if !ok || a.IP != nil {
		return nil
	}
	switch network {
	case "tcp4":
		a.IP = net.IPv4zero
		return nil
	case "tcp6":
		a.IP = net.IPv6unspecified
		return nil
	}
	a.IP = net.IPv4zero
	return []net.Addr{&net.TCPAddr{IP: net.IPv6unspecified, Port: a.Port}}
}

// bindListener makes a socket for an address.
func bindListener(network string, a net.Addr, o *serverOptions) (int, error) {
	family := sys.FamilyOf(network, a)
	if u, ok := a.(*net.UnixAddr); ok && isPath(u.Name) {
		// One that is left from a process that has ended. Anything else is in use.
		if f, err := os.Lstat(u.Name); err == nil && f.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(u.Name)
		}
	}
	fd, err := sys.Open(family, sys.Stream, true)
	if err != nil {
		return -1, err
	}
	if family != sys.Unix {
		err = sys.SetReuseAddr(fd, true)
	}
	if err == nil && o.reusePort {
		err = sys.SetReusePort(fd, true)
	}
	if err == nil && o.keepAlive {
		// Accepted sockets have it from the listening one.
		err = sys.SetKeepAlive(fd, true)
	}
	if err == nil {
		err = sys.Bind(fd, family, a)
	}
	if err != nil {
		_ = sys.Close(fd)
		return -1, err
	}
	return fd, nil
}

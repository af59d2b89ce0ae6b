package net

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// Listen listens on a local address, as net.Listen does: with the same networks,
// the same options and the same backlog. Of a TCP network the Listener is a
// *[TCPListener]; others are package net's, with an Accept that parks.
//
// Listen parks the calling greenlet only if the address has a name to be looked
// up.
func Listen(network, address string) (Listener, error) {
	return new(ListenConfig).Listen(background, network, address)
}

// ListenTCP is Listen for TCP networks. It does not park.
func ListenTCP(network string, laddr *TCPAddr) (*TCPListener, error) {
	std, err := net.ListenTCP(network, laddr)
	if err != nil {
		return nil, err
	}
	l, err := listener(hub.Current(), std, network, ListenConfig{})
	if err != nil {
		return nil, err
	}
	return l.(*TCPListener), nil
}

// A ListenConfig has options for Listen: a twin of net.ListenConfig.
type ListenConfig struct {
	// Control, if not nil, is called with the descriptor before it is bound.
	Control func(network, address string, c syscall.RawConn) error

	// KeepAlive is the time after which an accepted connection that is idle is
	// probed: 15 s if it is zero, never if it is negative.
	KeepAlive time.Duration

	// KeepAliveConfig replaces KeepAlive if its Enable is true.
	KeepAliveConfig KeepAliveConfig
}

// Listen is the function Listen with the options. Ctx is for the look-up of a
// name.
func (lc *ListenConfig) Listen(ctx context.Context, network, address string) (Listener, error) {
	std := net.ListenConfig{Control: lc.Control, KeepAlive: lc.KeepAlive, KeepAliveConfig: lc.KeepAliveConfig}
	var l net.Listener
	var err error
	self, p := hub.Here()
	if _, literal := parseLiteral(network, address); literal || p == nil || !isTCP(network) {
		l, err = std.Listen(ctx, network, address)
	} else {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		interrupt := offload(self, p, hub.Wait{Op: "net.Listen", On: address}, func() {
			l, err = std.Listen(ctx, network, address)
		}, cancel)
		if interrupt != nil {
			if l != nil {
				_ = l.Close()
			}
			return nil, unwind(interrupt)
		}
	}
	if err != nil {
		return nil, err
	}
	return listener(hub.Current(), l, network, *lc)
}

// isTCP reports whether the network is a TCP network.
func isTCP(network string) bool {
	return network == "tcp" || network == "tcp4" || network == "tcp6"
}

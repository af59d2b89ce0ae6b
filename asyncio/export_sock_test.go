package asyncio

import (
	"context"
	"net"
)

// Reach connects as CreateConnection does to a name with these addresses, and returns
// the one that it got.
func Reach(ctx context.Context, network string, addrs []net.Addr, opts ...ConnectOption) (net.Addr, error) {
	c := &connecting{loop: loopOf(ctx, "Reach"), op: "Reach", network: network, connectOptions: newConnectOptions(opts)}
	if err := c.reach(ctx, addrs, nil); err != nil {
		return nil, err
	}
	c.sock.close()
	return c.sock.raddr, nil
}

// Interleaved is the order of addresses.
var Interleaved = interleaved

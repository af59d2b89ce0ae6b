package asyncio

import (
	"context"
	"net"
)

// race lets attempts overlap.
func (c *connecting) race(ctx context.Context, addrs, locals []net.Addr) error {
	// More than one may succeed before the others are told.
	winner := -1
	var won []connectedSocket
	over := false
	attempts := make([]Coroutine[connectedSocket], len(addrs))
	for i, a := range addrs {
		attempts[i] = func(ctx context.Context) (connectedSocket, error) {
			s, err := c.attempt(ctx, a, locals)
			switch {
			case err != nil:
			case over: // the caller was unwound
				s.close()
			default:
				won = append(won, s)
			}
			return s, err
		}
	}
	defer func() {
		over = true
		for i := range won {
			if winner < 0 || won[i].desc != c.sock.desc {
				won[i].close()
			}
		}
	}()
	s, winner, errs, err := StaggeredRace(ctx, attempts, c.delay)
	if err != nil {
		winner = -1
		return err
	}
	if winner < 0 {
		return c.failure(errs)
	}
	c.sock, c.owns = s, true
	return nil
}

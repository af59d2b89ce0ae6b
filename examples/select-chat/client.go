package main

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

// connect sends what comes from the descriptor stdin to the server, and shows on
// out what the server sends, until the server or ctx ends. The end of stdin ends
// the client's part of the conversation; the server then closes the connection.
func connect(ctx context.Context, address string, stdin int, out io.Writer) error {
	sel, err := netpoll.NewSelect()
	if err != nil {
		return err
	}
	defer sel.Close()
	defer context.AfterFunc(ctx, func() { sel.Wake() })()
	conn, err := rawnet.Dial(address)
	if err != nil {
		return err
	}
	defer rawnet.Close(conn)
	for _, fd := range []int{stdin, conn} {
		if _, err := sel.Register(fd, netpoll.Read, nil); err != nil {
			return err
		}
	}
	var pending []byte // what the server has no room for yet
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		ready, err := sel.Select(-1) // for the keyboard and the server
		if err != nil {
			return err
		}
		for _, r := range ready {
			if r.Fd == conn && r.Ready.Has(netpoll.Read) {
				n, err := rawnet.Read(conn, buf)
				switch {
				case err == syscall.EAGAIN:
				case err != nil:
					return err
				case n == 0:
					return nil
				}
				if _, err := out.Write(buf[:n]); err != nil {
					return err
				}
			}
			if r.Fd == stdin && r.Ready != 0 {
				n, err := rawnet.Read(stdin, buf)
				if err == syscall.EAGAIN {
					continue
				}
				if n == 0 || err != nil { // the end; or the terminal is gone
					_, err = sel.Unregister(stdin)
					if err = errors.Join(err, rawnet.CloseWrite(conn)); err != nil {
						return err
					}
					continue
				}
				pending = append(pending, buf[:n]...)
			}
			if len(pending) == 0 {
				continue
			}
			n, err := rawnet.Write(conn, pending)
			if err != nil && err != syscall.EAGAIN {
				return err
			}
			pending = pending[n:]
			if err := watch(sel, stdin, conn, len(pending) == 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// watch waits for the keyboard if the server has taken all that was typed, or for
// room first.
func watch(sel *netpoll.Selector, stdin, conn int, taken bool) error {
	if !taken {
		if _, err := sel.Unregister(stdin); err != nil && !errors.Is(err, netpoll.ErrNotRegistered) {
			return err
		}
		_, err := sel.Modify(conn, netpoll.Read|netpoll.Write, nil)
		return err
	}
	if _, err := sel.Register(stdin, netpoll.Read, nil); err != nil && !errors.Is(err, netpoll.ErrRegistered) {
		return err
	}
	_, err := sel.Modify(conn, netpoll.Read, nil)
	return err
}

// Package net is a drop-in twin of the standard package net whose calls let the
// other greenlets of the thread run where the original's would block. It mirrors
// gevent.socket. So far it is TCP; Listen and Dial of other networks work too,
// by way of a goroutine. ListenPacket, the other types of conns and the Lookup
// functions are still missing.
//
// Change the import, and the code yields:
//
//	import "github.com/baton-go/baton/gevent/net" // instead of "net"
//
//	gevent.Run(func() error {
//		l, err := net.Listen("tcp", "localhost:8001")
//		if err != nil {
//			return err
//		}
//		for {
//			c, err := l.Accept() // the thread's other greenlets run meanwhile
//			if err != nil {
//				return err
//			}
//			gevent.Spawn(func() { serve(c) })
//		}
//	})
//
// Names, results, errors and deadlines are those of package net: an error is a
// [*OpError] with the same contents, and interfaces, addresses and errors, such
// as [Conn], [IP] or [ErrClosed], are the originals themselves. So a deadline that has
// passed is os.ErrDeadlineExceeded and a net.Error, but not gevent.ErrTimeout; a
// gevent.Timeout around a call unwinds it and is no error of the call. A conn of this
// package is a net.Conn, so that it may be handed to whatever takes one.
//
// # Whose a socket is
//
// A socket that is made in a thread, by Listen, Dial or Accept, belongs to that
// thread: it is registered with the thread's loop, its state is touched only
// there, and it is closed with the thread if nobody closed it before. Which
// goroutine a method may be called from does not change with that:
//
//	caller                         what the call does
//	a greenlet of the thread       parks the greenlet, unless it need not wait
//	a callback of its loop         works, or panics if it would have to wait
//	a goroutine outside            blocks that goroutine; a greenlet that is
//	                               made for the call does the work
//	a greenlet of another thread   parks that greenlet; the rest likewise
//
// A socket that is made by a goroutine outside any thread is one of package net,
// and so is every socket on a platform for which package netpoll has no poller,
// and every one that is not TCP. A greenlet that uses it is parked while another
// goroutine makes the call.
//
// # Killed
//
// A greenlet that is killed in a call of this package unwinds from it as from
// every blocking call. Nothing that a Read
// or Accept has taken from the socket is lost that way: it is returned, and the
// greenlet unwinds from its next call. Of what a Write was given, a part may have
// been sent, as when its deadline passes.
//
// # Concurrency
//
// Several greenlets may call methods of one socket at the same time, as
// goroutines may with package net. Who reads takes turns, first come first
// served, and who writes likewise, so that what one Write sends is not mixed with
// another's.
//
// # Packages that take a conn
//
// Packages bufio, io and fmt work as they are. With net/http, Serve may be called
// in a greenlet; its handlers run on goroutines outside, which may use the
// thread's sockets, but not Sleep or Spawn. Call http.Get, Client.Do and
// Server.Shutdown in gevent.Offload: they wait on channels, which would block the
// whole thread. With crypto/tls mind that a Conn holds a mutex while it waits:
// call Handshake before a second greenlet uses it, and let one greenlet read and
// one write; a second one of a kind would block the whole thread.
//
// # Cost
//
// An idle connection holds no buffer. A request that comes in one piece and whose
// answer goes out in one costs one read and one write, and its share of the
// loop's epoll_wait; nothing is allocated. A socket that always has something to
// give lets others run after every 64 calls.
package net

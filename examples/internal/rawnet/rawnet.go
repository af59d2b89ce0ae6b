// Package rawnet gives the lessons on I/O models their sockets as what they are
// to the kernel: descriptors, which are numbers, and non-blocking. They are
// accepted from, read, written and waited for by system calls, with neither
// package net nor the Go runtime's own poller between.
//
// It takes from package net what is not the lesson: addresses. Where the system's
// sockets are not descriptors, each function returns an error that matches
// [errors.ErrUnsupported].
package rawnet

import "net"

// Listen listens for TCP connections at address. It returns the descriptor and
// the address in full, with the port that the system has chosen if address leaves
// that to it.
func Listen(address string) (fd int, actual string, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return -1, "", err
	}
	defer l.Close()
	fd, err = duplicate(l.(*net.TCPListener))
	return fd, l.Addr().String(), err
}

// ListenUDP receives datagrams at address. It returns what [Listen] does.
func ListenUDP(address string) (fd int, actual string, err error) {
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return -1, "", err
	}
	defer c.Close()
	fd, err = duplicate(c.(*net.UDPConn))
	return fd, c.LocalAddr().String(), err
}

// Dial connects to a TCP server. It returns when the connection is there.
func Dial(address string) (fd int, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return -1, err
	}
	defer c.Close()
	return duplicate(c.(*net.TCPConn))
}

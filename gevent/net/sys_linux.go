package net

import "golang.org/x/sys/unix"

const sysAcceptName = "accept4"

func openSocket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

func sysAccept(fd int) (int, Addr, error) {
	for {
		conn, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			return conn, tcpAddr(sa), nil
		case unix.EINTR:
		default:
			return -1, nil, err
		}
	}
}

package net

import "syscall"

const sysAcceptName = "accept4"

func openSocket(family int) (int, error) {
	return syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
}

func sysAccept(fd int) (int, Addr, error) {
	for {
		conn, sa, err := syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
			return conn, tcpAddr(sa), nil
		case syscall.EINTR:
		default:
			return -1, nil, err
		}
	}
}

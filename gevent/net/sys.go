package net

// What differs between platforms is in the files whose names begin with sys_.
// sys_unix.go and those that it leans on, or sys_stub.go, define these, and
// nothing else that the rest of the package uses:
//
// sysSockets bool
//	A constant: whether there are sockets of our own at all. If it is false none
//	of the functions is called.
//
// sysRead(fd int, b []byte) (int, syscall.Errno)
// sysWrite(fd int, b []byte) (int, syscall.Errno)
//	One system call, on a descriptor that does not block. Repeated for EINTR.
//
// sysAccept(fd int) (conn int, peer Addr, err error)
//	Accepts a connection, whose descriptor does not block and is not inherited by
//	child processes. The error is a syscall.Errno. sysAcceptName is the name of
//	the system call.
//
// sysSocket(v6, only6 bool) (fd int, err error)
//	A TCP socket that does not block. Unless only6, one that is v6 takes IPv4
//	addresses too. The error is an *os.SyscallError, as are all that follow.
//
// sysBind(fd int, v6 bool, a *TCPAddr) error
// sysConnect(fd int, v6 bool, a *TCPAddr) error
//	A socket and an address that do not go together are an *AddrError. That a
//	connect is under way is syscall.EINPROGRESS, or EALREADY, itself.
//
// sysConnected(fd int) (peer Addr, err error)
//	How the connect ended; syscall.EINPROGRESS itself if it has not.
//
// sysLocalAddr(fd int) Addr
//	The local address of a socket that is bound.
//
// sysShutdown(fd int, write bool) error
//	Shuts down the reading side, or the writing one.
//
// sysClose(fd int) error
//	The descriptor is gone even if there is an error.
//
// sysDup(fd int) (int, error)
//	The copy is not inherited by child processes.
//
// sysSetNoDelay(fd int, on bool) error
// sysSetKeepAlive(fd int, on bool) error
// sysSetKeepIdle(fd, seconds int) error
// sysSetKeepInterval(fd, seconds int) error
// sysSetKeepCount(fd, n int) error
// sysSetLinger(fd, seconds int) error
// sysSetReadBuffer(fd, bytes int) error
// sysSetWriteBuffer(fd, bytes int) error
//	Options. Negative seconds to linger switch that off.

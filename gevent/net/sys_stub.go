//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package net

import (
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

const (
	sysSockets    = false
	sysAcceptName = "accept"
)

func sysRead(int, []byte) (int, syscall.Errno)  { return 0, syscall.EINVAL }
func sysWrite(int, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }
func sysAccept(int) (int, Addr, error)          { return -1, nil, netpoll.ErrNoPoller }
func sysSocket(bool, bool) (int, error)         { return -1, netpoll.ErrNoPoller }
func sysBind(int, bool, *TCPAddr) error         { return netpoll.ErrNoPoller }
func sysConnect(int, bool, *TCPAddr) error      { return netpoll.ErrNoPoller }
func sysConnected(int) (Addr, error)            { return nil, netpoll.ErrNoPoller }
func sysLocalAddr(int) Addr                     { return nil }
func sysShutdown(int, bool) error               { return netpoll.ErrNoPoller }
func sysClose(int) error                        { return netpoll.ErrNoPoller }
func sysDup(int) (int, error)                   { return -1, netpoll.ErrNoPoller }
func sysSetNoDelay(int, bool) error             { return netpoll.ErrNoPoller }
func sysSetKeepAlive(int, bool) error           { return netpoll.ErrNoPoller }
func sysSetKeepIdle(int, int) error             { return netpoll.ErrNoPoller }
func sysSetKeepInterval(int, int) error         { return netpoll.ErrNoPoller }
func sysSetKeepCount(int, int) error            { return netpoll.ErrNoPoller }
func sysSetLinger(int, int) error               { return netpoll.ErrNoPoller }
func sysSetReadBuffer(int, int) error           { return netpoll.ErrNoPoller }
func sysSetWriteBuffer(int, int) error          { return netpoll.ErrNoPoller }

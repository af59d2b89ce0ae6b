//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package sys

import (
	"net"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

// See the files for Unix for what these do there.
const (
	Supported         = false
	SendfileSupported = false
	AcceptName        = "accept"
	MaxPieces         = 1
)

func Read(int, []byte) (int, syscall.Errno)                       { return 0, syscall.EINVAL }
func Write(int, []byte) (int, syscall.Errno)                      { return 0, syscall.EINVAL }
func Writev(int, [][]byte) (int, syscall.Errno)                   { return 0, syscall.EINVAL }
func Sendfile(int, int, int64, int) (int, error)                  { return 0, netpoll.ErrNoPoller }
func ReadFrom(int, string, []byte) (int, net.Addr, syscall.Errno) { return 0, nil, syscall.EINVAL }
func WriteTo(int, Family, []byte, net.Addr) error                 { return netpoll.ErrNoPoller }
func Open(Family, Kind, bool) (int, error)                        { return -1, netpoll.ErrNoPoller }
func Bind(int, Family, net.Addr) error                            { return netpoll.ErrNoPoller }
func Connect(int, Family, net.Addr) error                         { return netpoll.ErrNoPoller }
func Connected(int, string) (net.Addr, error)                     { return nil, netpoll.ErrNoPoller }
func Listen(int, int) error                                       { return netpoll.ErrNoPoller }
func Accept(int, string) (int, net.Addr, error)                   { return -1, nil, netpoll.ErrNoPoller }
func Network(int) (string, error)                                 { return "", netpoll.ErrNoPoller }
func LocalAddr(int, string) net.Addr                              { return nil }
func RemoteAddr(int, string) net.Addr                             { return nil }
func Shutdown(int, bool) error                                    { return netpoll.ErrNoPoller }
func Close(int) error                                             { return netpoll.ErrNoPoller }
func Dup(int) (int, error)                                        { return -1, netpoll.ErrNoPoller }
func SetNonblock(int) error                                       { return netpoll.ErrNoPoller }
func SetNoDelay(int, bool) error                                  { return netpoll.ErrNoPoller }
func SetKeepAlive(int, bool) error                                { return netpoll.ErrNoPoller }
func SetKeepIdle(int, int) error                                  { return netpoll.ErrNoPoller }
func SetKeepInterval(int, int) error                              { return netpoll.ErrNoPoller }
func SetKeepCount(int, int) error                                 { return netpoll.ErrNoPoller }
func SetReuseAddr(int, bool) error                                { return netpoll.ErrNoPoller }
func SetReusePort(int, bool) error                                { return netpoll.ErrNoPoller }
func SetBroadcast(int, bool) error                                { return netpoll.ErrNoPoller }
func SetLinger(int, int) error                                    { return netpoll.ErrNoPoller }
func SetReadBuffer(int, int) error                                { return netpoll.ErrNoPoller }
func SetWriteBuffer(int, int) error                               { return netpoll.ErrNoPoller }

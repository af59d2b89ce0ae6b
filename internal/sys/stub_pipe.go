//go:build !linux && !darwin && !dragonfly && !freebsd && !netbsd && !openbsd

package sys

import (
	"net"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

// See the files for Unix for what these are there.

type Pipe struct {
	FD             int
	Blocking, Both bool
}

func TakePipe(int) (Pipe, error)                 { return Pipe{}, netpoll.ErrNoPoller }
func SetBlocking(int)                            {}
func ReadPipe(int, []byte) (int, syscall.Errno)  { return 0, syscall.EINVAL }
func WritePipe(int, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }
func HasData(int) bool                           { return false }

type Receiver struct{}

func NewReceiver(string) *Receiver { return &Receiver{} }

func (*Receiver) ReadFrom(int, []byte) (int, net.Addr, syscall.Errno) { return 0, nil, syscall.EINVAL }

type Dest struct{}

type Sender struct{ Family Family }

func (*Sender) Dest(net.Addr) (Dest, error) { return Dest{}, netpoll.ErrNoPoller }
func Send(int, []byte, Dest) syscall.Errno  { return syscall.EINVAL }

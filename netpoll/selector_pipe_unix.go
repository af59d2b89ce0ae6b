//go:build unix && !linux

package netpoll

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// wakePipe is a pipe: the one kind of wake-up that all of these systems have.
type wakePipe struct{ rd, wr int }

func (p *wakePipe) open() error {
	var ends [2]int
	// Not all of these systems can set close-on-exec as they make a descriptor.
	syscall.ForkLock.RLock()
	err := unix.Pipe(ends[:])
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return os.NewSyscallError("pipe", err)
	}
	p.rd, p.wr = ends[0], ends[1]
	if err := errors.Join(unix.SetNonblock(p.rd, true), unix.SetNonblock(p.wr, true)); err != nil {
		return errors.Join(os.NewSyscallError("fcntl", err), p.close())
	}
	return nil
}

func (p *wakePipe) signal() error { return writeWake(p.wr) }

func (p *wakePipe) drain() error { return readWake(p.rd) }

func (p *wakePipe) close() error {
	return errors.Join(
		os.NewSyscallError("close", unix.Close(p.rd)),
		os.NewSyscallError("close", unix.Close(p.wr)))
}

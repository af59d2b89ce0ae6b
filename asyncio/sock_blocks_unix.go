//go:build unix

package asyncio

import "golang.org/x/sys/unix"

// fdBlocks reports whether a descriptor is one that blocks.
func fdBlocks(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_NONBLOCK == 0
}

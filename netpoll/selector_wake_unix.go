//go:build unix

package netpoll

import "golang.org/x/sys/unix"

// writeWake makes the other end of fd readable: eight bytes are what an eventfd
// takes, and do for a pipe.
func writeWake(fd int) error {
	for {
		_, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		switch err {
		case unix.EINTR:
		case unix.EAGAIN: // full, so readable
			return nil
		default:
			return err
		}
	}
}

// readWake takes what writeWake wrote.
func readWake(fd int) error {
	var b [8]byte
	for {
		_, err := unix.Read(fd, b[:])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
}

package net

import (
	"net"
	"syscall"
	"time"

	"github.com/baton-go/baton/internal/sys"
)

// A TCPConn is a TCP connection: a twin of net.TCPConn.
type TCPConn struct {
	conn
}

// plain returns package net's conn.
func (c *TCPConn) plain() *net.TCPConn { return c.p.Conn.(*net.TCPConn) }

// CloseRead shuts down the reading side: Read returns what has come, and then
// io.EOF. It does not park.
func (c *TCPConn) CloseRead() error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().CloseRead()
	}
	return c.set("close", func(fd int) error { return sys.Shutdown(fd, false) })
}

// CloseWrite shuts down the writing side: when the peer has read what was
// written it reads the end. It does not park.
func (c *TCPConn) CloseWrite() error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().CloseWrite()
	}
	return c.set("close", func(fd int) error { return sys.Shutdown(fd, true) })
}

// SetNoDelay sets whether what is written is sent at once, which it is unless
// this says otherwise. It does not park.
func (c *TCPConn) SetNoDelay(noDelay bool) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().SetNoDelay(noDelay)
	}
	return c.set("set", func(fd int) error { return sys.SetNoDelay(fd, noDelay) })
}

// SetLinger sets what Close does with data that has not been sent: if sec is
// negative, the default, the system goes on sending it; if it is zero the data is
// dropped and the connection reset; else Close parks the calling greenlet for at
// most sec seconds while it is sent. SetLinger does not park.
func (c *TCPConn) SetLinger(sec int) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().SetLinger(sec)
	}
	return c.set("set", func(fd int) error {
		err := sys.SetLinger(fd, sec)
		if err == nil {
			c.s.lingers = sec > 0
		}
		return err
	})
}

// SetKeepAlive sets whether the system sends keep-alive probes, which it does
// unless this says otherwise. It does not park.
func (c *TCPConn) SetKeepAlive(keepalive bool) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().SetKeepAlive(keepalive)
	}
	return c.set("set", func(fd int) error { return sys.SetKeepAlive(fd, keepalive) })
}

// SetKeepAlivePeriod sets how long the connection must be idle before the first
// keep-alive probe. It does not park.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().SetKeepAlivePeriod(d)
	}
	return c.set("set", func(fd int) error { return setKeepIdle(fd, d) })
}

// SetKeepAliveConfig sets everything about keep-alive probes. It does not park.
func (c *TCPConn) SetKeepAliveConfig(config KeepAliveConfig) error {
	switch {
	case !c.ok():
		return syscall.EINVAL
	case c.s == nil:
		return c.plain().SetKeepAliveConfig(config)
	}
	return c.set("set", func(fd int) error { return setKeepAlive(fd, config) })
}

// set sets an option and wraps the error.
func (c *TCPConn) set(op string, f func(fd int) error) error {
	if err := c.s.option(f); err != nil {
		return c.s.opError(op, err)
	}
	return nil
}

// newTCPConn makes a connection of a socket, with the options that package net
// gives every one. As there, it does not matter if the system refuses them.
func newTCPConn(s *socket, idle time.Duration, config KeepAliveConfig) *TCPConn {
	_ = sys.SetNoDelay(s.fd, true)
	if !config.Enable && idle >= 0 {
		config = KeepAliveConfig{Enable: true, Idle: idle}
	}
	if config.Enable {
		_ = setKeepAlive(s.fd, config)
	}
	return &TCPConn{conn{s: s}}
}

// The defaults of KeepAliveConfig, as in package net.
const (
	defaultKeepIdle     = 15 * time.Second
	defaultKeepInterval = 15 * time.Second
	defaultKeepCount    = 9
)

// setKeepAlive sets what config says. A negative field means: as it is.
func setKeepAlive(fd int, config KeepAliveConfig) error {
	if err := sys.SetKeepAlive(fd, config.Enable); err != nil {
		return err
	}
	if err := setKeepIdle(fd, config.Idle); err != nil {
		return err
	}
	if d := config.Interval; d >= 0 {
		if err := sys.SetKeepInterval(fd, seconds(d, defaultKeepInterval)); err != nil {
			return err
		}
	}
	if n := config.Count; n >= 0 {
		if n == 0 {
			n = defaultKeepCount
		}
		return sys.SetKeepCount(fd, n)
	}
	return nil
}

func setKeepIdle(fd int, d time.Duration) error {
	if d < 0 {
		return nil
	}
	return sys.SetKeepIdle(fd, seconds(d, defaultKeepIdle))
}

// seconds is d, or the default if d is zero, rounded up.
func seconds(d, byDefault time.Duration) int {
	if d == 0 {
		d = byDefault
	}
	return int((d + time.Second - 1) / time.Second)
}

package asyncio

import (
	"errors"
	"io"
	"net"
	"os"
)

// ErrEOFWritten is matched by the error of writing to a transport after its
// WriteEOF. It stands for asyncio's RuntimeError "Cannot call write() after
// write_eof()".
var ErrEOFWritten = errors.New("asyncio: write after WriteEOF")

// ErrWriteBufferLimits is matched by the error of write buffer limits of which the
// high one is lower than the low one. It stands for asyncio's ValueError.
var ErrWriteBufferLimits = errors.New("asyncio: high must be at least low")

// A BaseTransport is what all transports have: asyncio's BaseTransport.
//
// A transport belongs to its loop. Its methods may be called as [Loop.CallSoon]
// may: in a task, in a greenlet or a callback of the loop's thread, and, while the
// loop does not run, by whoever owns it; elsewhere they panic. None of them parks.
type BaseTransport interface {
	// ExtraInfo tells more of the transport, or returns nil if there is nothing of
	// that name. Sockets have "socket", a syscall.RawConn of which only Control
	// works, "sockname" and "peername", net.Addrs; TLS has "sslcontext", a
	// *tls.Config, "cipher", "peercert" and "ssl_object"; pipes have "pipe";
	// processes have "subprocess". It mirrors get_extra_info.
	ExtraInfo(name string) any

	// IsClosing reports whether the transport is closed or closing: by Close, by
	// Abort, or because the connection is lost.
	IsClosing() bool

	// Close stops reading, sends what has been written, and then closes the
	// connection; the protocol's ConnectionLost is called with nil, in the next
	// iteration of the loop at the earliest. It may be called again.
	Close()
}

// A ReadTransport is a transport that delivers data: asyncio's ReadTransport.
type ReadTransport interface {
	BaseTransport

	// IsReading reports whether the transport is reading: it is not paused and not
	// closing.
	IsReading() bool

	// PauseReading stops the calls of DataReceived until ResumeReading. It has no
	// effect if the transport does not read.
	PauseReading()

	// ResumeReading undoes PauseReading. It has no effect if the transport is not
	// paused, or closing.
	ResumeReading()
}

// A WriteTransport is a transport that takes data: asyncio's WriteTransport.
type WriteTransport interface {
	BaseTransport

	// Write sends data, at once as far as that is possible; of the rest it keeps a
	// copy, which is sent as soon as the connection takes it. It never parks, and all
	// that it takes counts as written: n is len(p) unless there is an error. The error
	// matches net.ErrClosed when the transport is closing or the connection lost, and
	// [ErrEOFWritten] after WriteEOF. That the connection broke during a Write is
	// no error of it: ConnectionLost tells. (asyncio drops what is written to a lost
	// connection, and logs from the sixth time.)
	//
	// A protocol that does not let the peer set its pace watches PauseWriting, or
	// memory may run out.
	io.Writer

	// WriteLines writes several pieces as one, with one system call if possible. The
	// error is as for Write.
	WriteLines(lines [][]byte) error

	// WriteEOF ends the writing side after what has been written is sent; the
	// transport goes on reading. Calling it again, or on a closing transport, has no
	// effect. The error is errors.ErrUnsupported if CanWriteEOF is false.
	WriteEOF() error

	// CanWriteEOF reports whether the transport can end its writing side alone.
	CanWriteEOF() bool

	// Abort closes the connection without sending what is still to be sent; the
	// protocol's ConnectionLost is called with nil in the next iteration of the loop.
	Abort()

	// SetWriteBufferLimits sets the marks between which the protocol's PauseWriting
	// and ResumeWriting are called: when more than high bytes wait to be sent, and
	// when no more than low do. A negative value stands for one that is not given:
	// high is then 4 times low, or 64 KiB; low is a quarter of high. A high of 0
	// pauses whenever anything must wait. PauseWriting may be called at once,
	// ResumeWriting not before something has been sent. The error is an
	// [ErrWriteBufferLimits] if high is less than low. It mirrors
	// set_write_buffer_limits.
	SetWriteBufferLimits(high, low int) error

	// WriteBufferSize returns how many bytes wait to be sent.
	WriteBufferSize() int

	// WriteBufferLimits returns the marks.
	WriteBufferLimits() (low, high int)
}

// A Transport is a connection in both directions: asyncio's Transport.
type Transport interface {
	ReadTransport
	WriteTransport

	// LocalAddr returns the local address, and RemoteAddr the peer's; nil if there is
	// none. They stay what they are when the connection is lost. Do not modify them.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr

	// SetProtocol makes p the protocol from the next call on; of the two kinds, a
	// [Protocol] or a [BufferedProtocol], it may be the other one.
	SetProtocol(p Protocol)

	// Protocol returns the protocol, nil after ConnectionLost.
	Protocol() Protocol
}

// A DatagramTransport is a socket for datagrams: asyncio's DatagramTransport.
type DatagramTransport interface {
	BaseTransport

	// SendTo sends a datagram, which may be empty, at once if possible; else it keeps
	// a copy. A nil addr stands for the address to which the socket is connected. It
	// never parks. The error matches net.ErrClosed when the transport is closing.
	SendTo(data []byte, addr net.Addr) error

	// Abort closes the transport without sending what is still to be sent.
	Abort()

	// LocalAddr returns the local address, and RemoteAddr the one to which the socket
	// is connected, or nil.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr

	// WriteBufferSize returns how many bytes wait to be sent, 8 more for each
	// datagram.
	WriteBufferSize() int

	// SetWriteBufferLimits and WriteBufferLimits are as a [WriteTransport]'s.
	SetWriteBufferLimits(high, low int) error
	WriteBufferLimits() (low, high int)
}

// A SubprocessTransport is a child process: asyncio's SubprocessTransport.
type SubprocessTransport interface {
	BaseTransport // Close kills the process if it runs

	// Pid returns the process's number.
	Pid() int

	// ReturnCode returns with which code the process has exited, the negated number
	// of the signal if one ended it; exited is false while it runs.
	ReturnCode() (code int, exited bool)

	// PipeTransport returns the pipe that is descriptor fd of the process: a
	// [WriteTransport] for 0, a [ReadTransport] for 1 and 2; nil if there is none.
	PipeTransport(fd int) BaseTransport

	// SendSignal sends the process a signal, Terminate sends SIGTERM, and Kill
	// SIGKILL. The error is os.ErrProcessDone if it has exited.
	SendSignal(sig os.Signal) error
	Terminate() error
	Kill() error
}

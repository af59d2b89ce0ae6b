package asyncio

import "net"

// A Protocol is what a [Transport] tells of its connection: asyncio's Protocol.
// Embed [BaseProtocol] to write only the methods that matter.
//
// The calls come in this order: ConnectionMade once; DataReceived any number of
// times; EOFReceived once at most; ConnectionLost once. PauseWriting and
// ResumeWriting come in turns between the first and the last, PauseWriting first.
//
// All of them run in the loop's thread, as callbacks of the loop do, one at a
// time. They must not wait: what would, goes into a task that they create. A panic
// in DataReceived, EOFReceived or a method of a [BufferedProtocol] ends the
// connection, and ConnectionLost gets it as a [*PanicError]; a panic in any of the
// methods goes to the loop's exception handler.
type Protocol interface {
	// ConnectionMade is called when there is a connection. No data comes before it.
	// The transport may be written to at once.
	ConnectionMade(t Transport)

	// DataReceived is called with data that came, at least one byte. The data
	// belongs to the transport, and is valid until the call returns: copy what is
	// needed longer.
	DataReceived(data []byte)

	// EOFReceived is called when the peer has ended its side of the connection:
	// no data comes any more. If it returns false the transport closes itself, after
	// it has sent what it has still to send; if it returns true the connection
	// stays open for writing until it is closed. Over TLS the result is ignored.
	EOFReceived() (keepOpen bool)

	// PauseWriting is called, within the call of Write that is the reason, when more
	// than the high-water mark waits to be sent. Nobody is kept from writing more,
	// and what is written uses memory.
	PauseWriting()

	// ResumeWriting is called after PauseWriting when no more than the low-water mark
	// waits to be sent.
	ResumeWriting()

	// ConnectionLost is called when the connection is over and the transport will
	// call nothing any more. The error is nil after a regular end: the peer's, or
	// that of Close or Abort.
	ConnectionLost(err error)
}

// A BufferedProtocol reads into buffers of its own: of a protocol that is one,
// DataReceived is not called. It mirrors asyncio's BufferedProtocol.
type BufferedProtocol interface {
	Protocol

	// GetBuffer returns where the next data is to be put. The size hint is the number
	// of bytes that the transport would like, or negative if it does not know; the
	// buffer may be smaller or larger, but not empty, which ends the connection. The
	// transport uses it until BufferUpdated, or until it asks again.
	GetBuffer(sizehint int) []byte

	// BufferUpdated is called when the first n bytes of the buffer, at least one, have
	// been received.
	BufferUpdated(n int)
}

// A BaseProtocol is a [Protocol] that does nothing, and lets the transport close
// when the peer does. It is for embedding.
type BaseProtocol struct{}

// ConnectionMade does nothing.
func (BaseProtocol) ConnectionMade(Transport) {}

// DataReceived does nothing.
func (BaseProtocol) DataReceived([]byte) {}

// EOFReceived returns false, which closes the transport.
func (BaseProtocol) EOFReceived() bool { return false }

// PauseWriting does nothing.
func (BaseProtocol) PauseWriting() {}

// ResumeWriting does nothing.
func (BaseProtocol) ResumeWriting() {}

// ConnectionLost does nothing.
func (BaseProtocol) ConnectionLost(error) {}

// A DatagramProtocol is what a [DatagramTransport] tells: asyncio's
// DatagramProtocol. Embed [BaseDatagramProtocol] to write only the methods that
// matter. ConnectionMade comes first and ConnectionLost last. The methods are
// called as a [Protocol]'s are.
type DatagramProtocol interface {
	// ConnectionMade is called when the socket can be used.
	ConnectionMade(t DatagramTransport)

	// DatagramReceived is called with each datagram, which may be empty. The data
	// belongs to the transport, and is valid until the call returns.
	DatagramReceived(data []byte, addr net.Addr)

	// ErrorReceived is called when the system reports an error of an earlier datagram,
	// or refuses one. The transport goes on.
	ErrorReceived(err error)

	// PauseWriting is called, within the call of SendTo that is the reason, when more
	// than the high-water mark waits to be sent.
	PauseWriting()

	// ResumeWriting is called after PauseWriting when no more than the low-water mark
	// waits to be sent.
	ResumeWriting()

	// ConnectionLost is called when the transport is closed, with the error that did
	// it or nil.
	ConnectionLost(err error)
}

// A BaseDatagramProtocol is a [DatagramProtocol] that does nothing. It is for
// embedding.
type BaseDatagramProtocol struct{}

// ConnectionMade does nothing.
func (BaseDatagramProtocol) ConnectionMade(DatagramTransport) {}

// DatagramReceived does nothing.
func (BaseDatagramProtocol) DatagramReceived([]byte, net.Addr) {}

// ErrorReceived does nothing.
func (BaseDatagramProtocol) ErrorReceived(error) {}

// PauseWriting does nothing.
func (BaseDatagramProtocol) PauseWriting() {}

// ResumeWriting does nothing.
func (BaseDatagramProtocol) ResumeWriting() {}

// ConnectionLost does nothing.
func (BaseDatagramProtocol) ConnectionLost(error) {}

// A SubprocessProtocol is what a [SubprocessTransport] tells of a child process:
// asyncio's SubprocessProtocol. Embed [BaseSubprocessProtocol] to write only the
// methods that matter. ConnectionMade comes first and ConnectionLost last, which
// is when the process has exited and its pipes are at their ends; nothing is said
// of the order of those. The methods are called as a [Protocol]'s are.
type SubprocessProtocol interface {
	// ConnectionMade is called when the process has been started and its pipes are
	// connected.
	ConnectionMade(t SubprocessTransport)

	// PipeDataReceived is called with what the process wrote to a descriptor of its
	// own, 1 for its standard output and 2 for its standard error. The data belongs
	// to the transport, and is valid until the call returns.
	PipeDataReceived(fd int, data []byte)

	// PipeConnectionLost is called when the pipe that is the process's descriptor fd is
	// at its end or closed, with the error that did it or nil.
	PipeConnectionLost(fd int, err error)

	// ProcessExited is called when the process has exited; how, the transport's
	// ReturnCode tells.
	ProcessExited()

	// ConnectionLost is called when all of it is over.
	ConnectionLost(err error)
}

// A BaseSubprocessProtocol is a [SubprocessProtocol] that does nothing. It is for
// embedding.
type BaseSubprocessProtocol struct{}

// ConnectionMade does nothing.
func (BaseSubprocessProtocol) ConnectionMade(SubprocessTransport) {}

// PipeDataReceived does nothing.
func (BaseSubprocessProtocol) PipeDataReceived(int, []byte) {}

// PipeConnectionLost does nothing.
func (BaseSubprocessProtocol) PipeConnectionLost(int, error) {}

// ProcessExited does nothing.
func (BaseSubprocessProtocol) ProcessExited() {}

// ConnectionLost does nothing.
func (BaseSubprocessProtocol) ConnectionLost(error) {}

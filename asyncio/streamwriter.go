package asyncio

import (
	"context"
	"io"
	"net"
)

// A DrainProtocol is what a [StreamWriter] needs of the protocol of its transport:
// a [FlowControlProtocol] has it, and so has all that embeds one.
type DrainProtocol interface {
	Drain(ctx context.Context) error
	WaitClosed(ctx context.Context) error
}

// A StreamWriter is the writing end of a stream: asyncio's StreamWriter.
//
// [StreamWriter.Write] never waits: what cannot be sent at once is kept. So whoever
// writes should call [StreamWriter.Drain] now and then, which waits while there is
// too much of it; or use [StreamWriter.Writer], which does so by itself.
//
//	fmt.Fprintf(w, "GET %s\r\n", path)
//	if err := w.Drain(ctx); err != nil {
//		return err
//	}
//
// All of it belongs to the thread of one loop. Only calls with a context park.
type StreamWriter struct {
	transport WriteTransport
	protocol  DrainProtocol
	reader    *StreamReader
}

// NewStreamWriter returns a writer to t, whose protocol is p. The reader is that
// of the same connection, if there is one, or else nil. [OpenConnection] and
// [StartServer] make writers themselves.
func NewStreamWriter(t WriteTransport, p DrainProtocol, r *StreamReader) *StreamWriter {
	return &StreamWriter{transport: t, protocol: p, reader: r}
}

// Transport returns what the writer writes to: a [Transport], if it is a
// connection.
func (w *StreamWriter) Transport() WriteTransport { return w.transport }

// Write sends p, or keeps a copy of what cannot be sent at once. It does not park.
// It makes the writer an io.Writer: n is len(p) unless there is an error, which
// matches net.ErrClosed if the stream was closed or lost.
//
// Budget: one system call, no allocation, if everything before is sent and there
// is room for p.
func (w *StreamWriter) Write(p []byte) (n int, err error) { return w.transport.Write(p) }

// WriteLines is Write of all of lines, one after the other, with as few system
// calls as possible. It adds nothing in between.
func (w *StreamWriter) WriteLines(lines [][]byte) error { return w.transport.WriteLines(lines) }

// WriteEOF ends the writing half, after all that was written: the peer sees the
// end, and may go on sending. The error matches errors.ErrUnsupported if the
// transport has no halves, as with TLS.
func (w *StreamWriter) WriteEOF() error { return w.transport.WriteEOF() }

// CanWriteEOF reports whether [StreamWriter.WriteEOF] works.
func (w *StreamWriter) CanWriteEOF() bool { return w.transport.CanWriteEOF() }

// Close closes the stream, both halves of it, when what was written has been sent.
// It does not wait for that: [StreamWriter.WaitClosed] does. A second call does
// nothing. The error is always nil: Close makes the writer an io.Closer.
func (w *StreamWriter) Close() error {
	w.transport.Close()
	return nil
}

// IsClosing reports whether the stream was closed, or is about to be.
func (w *StreamWriter) IsClosing() bool { return w.transport.IsClosing() }

// WaitClosed waits until the stream is closed, or lost, and returns the error with
// which it was lost. Other errors are those of [StreamReader.Read] for the end of
// the wait.
func (w *StreamWriter) WaitClosed(ctx context.Context) error { return w.protocol.WaitClosed(ctx) }

// Drain waits while there is more to send than the transport wants, which is by
// default from 64 KiB on until 16 KiB are left. It does not wait for all to be
// sent. Any number of tasks may drain.
//
// The error matches [ErrConnectionLost] if the connection was lost, and the error
// with which it was; it is that of [StreamReader.Exception] if the reader failed.
// Other errors are those of [StreamReader.Read] for the end of the wait.
//
// It parks the calling task or greenlet if there is too much to send; for one turn
// if the stream is closing, so that its loss becomes known; and for one turn each
// 64 calls, so that others get theirs.
//
// Budget: no allocation and no switch, as long as the transport wants more.
func (w *StreamWriter) Drain(ctx context.Context) error {
	if w.reader != nil && w.reader.err != nil {
		if p, ok := w.protocol.(interface{ failure() error }); ok {
			if err := p.failure(); err != nil {
				return err
			}
		}
		return w.reader.err
	}
	if w.transport.IsClosing() {
		if err := Sleep(ctx, 0); err != nil {
			return err
		}
	}
	return w.protocol.Drain(ctx)
}

// Writer returns w as an io.Writer whose Write also drains, with ctx: what is
// written through it takes no more memory than the transport wants. The calls
// park the task or greenlet that makes them.
func (w *StreamWriter) Writer(ctx context.Context) io.Writer { return boundWriter{ctx, w} }

type boundWriter struct {
	ctx context.Context
	w   *StreamWriter
}

// Write returns len(p) with an error of Drain: the transport has all of it.
func (b boundWriter) Write(p []byte) (int, error) {
	n, err := b.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, b.w.Drain(b.ctx)
}

// ExtraInfo returns what the transport knows under a name, or nil. It mirrors
// get_extra_info.
func (w *StreamWriter) ExtraInfo(name string) any { return w.transport.ExtraInfo(name) }

// LocalAddr returns the local address, or nil if it is no connection.
func (w *StreamWriter) LocalAddr() net.Addr {
	if t, ok := w.transport.(Transport); ok {
		return t.LocalAddr()
	}
	return nil
}

// RemoteAddr returns the peer's address, or nil if it is no connection.
func (w *StreamWriter) RemoteAddr() net.Addr {
	if t, ok := w.transport.(Transport); ok {
		return t.RemoteAddr()
	}
	return nil
}

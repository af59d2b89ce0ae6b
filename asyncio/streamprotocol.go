package asyncio

import "context"

// A StreamHandler serves one connection of [StartServer], in a task of its own. It
// should close w; nobody else does as long as it returns nil.
type StreamHandler = func(ctx context.Context, r *StreamReader, w *StreamWriter) error

// A StreamReaderProtocol is the [Protocol] between a transport and a
// [StreamReader]: asyncio's StreamReaderProtocol. [OpenConnection] and
// [StartServer] make it; make one with [NewStreamReaderProtocol] to have streams
// over a transport of another kind.
type StreamReaderProtocol struct {
	FlowControlProtocol
	ctx       context.Context
	reader    *StreamReader
	handler   StreamHandler
	transport Transport
}

// NewStreamReaderProtocol returns a protocol that feeds r. If the handler is not
// nil, it is run in a task when the connection is made, which is the server's side:
// see [StartServer]. Ctx names the loop, as for [CreateTask], and is that from which
// the handler's context is derived; what ends ctx does not end the handler's.
func NewStreamReaderProtocol(ctx context.Context, r *StreamReader, handler StreamHandler) *StreamReaderProtocol {
	r.loop = loopOf(ctx, "asyncio.NewStreamReaderProtocol")
	return &StreamReaderProtocol{ctx: ctx, reader: r, handler: handler}
}

// ConnectionMade starts the handler, if there is one. So for the others: they are
// for the transport, run on the hub, and do not wait.
func (p *StreamReaderProtocol) ConnectionMade(t Transport) {
	p.transport = t
	p.reader.SetTransport(t)
	if p.handler == nil {
		return
	}
	w := NewStreamWriter(t, p, p.reader)
	task := newTask(p.reader.loop, context.WithoutCancel(p.ctx), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.handler(ctx, p.reader, w)
	}, nil)
	task.AddDoneCallback(p.handled)
}

// handled closes the connection of a handler that failed, and says so. One that
// was cancelled knows why.
func (p *StreamReaderProtocol) handled(t *Task[struct{}]) {
	err := t.Err()
	if err == nil {
		return
	}
	if !t.Cancelled() {
		c := ExceptionContext{Message: "Unhandled exception in client_connected_cb", Task: t.Name(), Err: err}
		if p.transport != nil {
			c.Transport, c.Protocol = p.transport, p
		}
		p.reader.loop.CallExceptionHandler(c)
	}
	if p.transport != nil {
		p.transport.Close()
	}
}

// DataReceived feeds the reader.
func (p *StreamReaderProtocol) DataReceived(data []byte) { p.reader.FeedData(data) }

// EOFReceived ends the reader's data. The connection stays open for writing,
// except with TLS, which does not know that.
func (p *StreamReaderProtocol) EOFReceived() (keepOpen bool) {
	p.reader.FeedEOF()
	return p.transport.CanWriteEOF()
}

// ConnectionLost ends the reader's data, or makes it fail, and ends what waits.
func (p *StreamReaderProtocol) ConnectionLost(err error) {
	if err == nil {
		p.reader.FeedEOF()
	} else {
		p.reader.SetException(err)
	}
	p.FlowControlProtocol.ConnectionLost(err)
	p.transport = nil
}

// replace makes t the transport, which stands on the one before.
func (p *StreamReaderProtocol) replace(t Transport) {
	p.transport = t
	p.reader.SetTransport(t)
}

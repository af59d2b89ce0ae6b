package asyncio

import "context"

// A LimitOption is [WithLimit].
type LimitOption int

// WithLimit sets the limit of the [StreamReader] of a connection, in bytes:
// [DefaultLimit] if it is not given. It mirrors limit=; n must be positive.
func WithLimit(n int) LimitOption {
	if n <= 0 {
		misuse("asyncio.WithLimit", "Limit cannot be <= 0", "pass a positive number of bytes")
	}
	return LimitOption(n)
}

// The option is for OpenConnection and StartServer, and nothing to others.

func (LimitOption) toConnect(*connectOptions) {}
func (LimitOption) toServer(*serverOptions)   {}

// limitOf returns the limit that opts give.
func limitOf[O any](opts []O) int {
	limit := DefaultLimit
	for _, o := range opts {
		if n, ok := any(o).(LimitOption); ok {
			limit = int(n)
		}
	}
	return limit
}

// OpenConnection connects to an address, as [CreateConnection] does, and returns
// the streams of the connection. It mirrors open_connection, and, with the network
// "unix", open_unix_connection.
//
//	r, w, err := asyncio.OpenConnection(ctx, "tcp", "example.org:443", asyncio.WithTLS(&tls.Config{}))
//
// The options are those of CreateConnection, and [WithLimit]; so are the errors, and
// what parks.
func OpenConnection(ctx context.Context, network, address string, opts ...ConnectOption) (*StreamReader, *StreamWriter, error) {
	r := NewStreamReader(limitOf(opts))
	t, p, err := CreateConnection(ctx, func() *StreamReaderProtocol {
		return NewStreamReaderProtocol(ctx, r, nil)
	}, network, address, opts...)
	if err != nil {
		return nil, nil, err
	}
	return r, NewStreamWriter(t, p, r), nil
}

// StartServer listens at an address, as [CreateServer] does, and runs the handler
// for each connection, in a task of its own. It mirrors start_server, and, with the
// network "unix", start_unix_server.
//
//	server, err := asyncio.StartServer(ctx, func(ctx context.Context, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
//		defer w.Close()
//		_, err := io.Copy(w.Writer(ctx), r.Reader(ctx))
//		return err
//	}, "tcp", "127.0.0.1:8001")
//
// The handler closes the connection; if it returns nil without that, the connection
// stays, for another task to use. If it fails or panics, the exception handler is
// told and the connection closed; if it is cancelled the connection is closed. Its
// context has the values of ctx, but not its end: a handler goes on when the server
// is closed, until [Server.CloseClients] or [Server.AbortClients] ends its
// connection.
//
// The options are those of CreateServer, and [WithLimit]; so are the errors, and what
// parks.
func StartServer(ctx context.Context, handler StreamHandler, network, address string, opts ...ServerOption) (*Server, error) {
	if handler == nil {
		misuse("asyncio.StartServer", "the handler is nil", "pass the function that serves a connection")
	}
	limit := limitOf(opts)
	return CreateServer(ctx, func() Protocol {
		return NewStreamReaderProtocol(ctx, NewStreamReader(limit), handler)
	}, network, address, opts...)
}

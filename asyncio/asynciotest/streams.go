package asynciotest

import (
	"context"
	"errors"

	"github.com/baton-go/baton/asyncio"
)

// A Stream is one end of a connection as streams: what asyncio.OpenConnection
// returns, and what a handler of asyncio.StartServer gets.
type Stream struct {
	Reader    *asyncio.StreamReader
	Writer    *asyncio.StreamWriter
	Transport *Transport
}

// Streams returns the two ends of a connection in memory as streams: for tests of
// what reads and writes them, without a socket, and on a virtual clock. Limit is that
// of the readers, or 0 for asyncio.DefaultLimit. It mirrors
// trio.testing.memory_stream_pair, and lockstep_stream_pair: see [Pipe].
//
// It does not park, and may be called as asyncio.Loop's CallSoon may.
func Streams(ctx context.Context, limit int, pipe Pipe) (a, b *Stream) {
	if limit == 0 {
		limit = asyncio.DefaultLimit
	}
	s, t := newTransports(asyncio.RunningLoop(ctx), pipe)
	return newStream(ctx, s, limit), newStream(ctx, t, limit)
}

func newStream(ctx context.Context, t *Transport, limit int) *Stream {
	r := asyncio.NewStreamReader(limit)
	p := asyncio.NewStreamReaderProtocol(ctx, r, nil)
	t.begin(p)
	return &Stream{r, asyncio.NewStreamWriter(t, p, r), t}
}

// Close closes the end and waits until it is closed, when what was written is sent.
// The error is that of asyncio.StreamWriter's WaitClosed.
func (s *Stream) Close(ctx context.Context) error {
	return errors.Join(s.Writer.Close(), s.Writer.WaitClosed(ctx))
}

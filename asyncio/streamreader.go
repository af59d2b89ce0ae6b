package asyncio

import (
	"bytes"
	"context"
	"io"
	"iter"
)

// DefaultLimit is the limit of a [StreamReader] for which no other was chosen:
// 64 KiB.
const DefaultLimit = 64 << 10

// A StreamReader is the reading end of a stream: asyncio's StreamReader. A protocol
// feeds it with what arrives; tasks read from it, and wait until there is
// something. [OpenConnection] and [StartServer] make readers with their
// connections; [NewStreamReader] makes one for a protocol of one's own.
//
// Its limit bounds what is buffered: the transport is paused when more than twice
// the limit waits to be read, and resumed when no more than the limit is left, or
// when somebody has to wait. It also bounds a line. It does not bound what the
// other calls read.
//
// All of it belongs to the thread of one loop. One call at a time may wait for
// data; a second one that would have to gets an error that matches
// [ErrStreamBusy]. A call that finds what it wants does not wait, does not yield,
// and so may come between. A call that was cancelled, or whose context ended,
// leaves everything in the buffer that it has not returned.
type StreamReader struct {
	limit     int
	buf       streamBuffer
	eof       bool
	paused    bool // the transport was, by this reader
	onDemand  bool // it is to read only while somebody waits
	err       error
	loop      *Loop // nil until there is a transport, or somebody waits
	transport ReadTransport
	waiter    *future // of the call that waits
	// spare is the future for a call to wait with, unless one that was told has
	// not gone on yet.
	spare     future
	spareUsed bool
}

// NewStreamReader returns a reader that holds nothing. Limit is in bytes, and
// must be 1 or more: see [DefaultLimit]. Any goroutine may call it.
func NewStreamReader(limit int) *StreamReader {
	if limit <= 0 {
		misuse("asyncio.NewStreamReader", "Limit cannot be <= 0", "pass asyncio.DefaultLimit")
	}
	return &StreamReader{limit: limit}
}

// SetTransport tells the reader which transport to pause. [StreamReaderProtocol]
// calls it; so must another protocol that feeds a reader. It may be called in the
// loop's thread.
//
// A transport with a method ReadsOnDemand() bool that returns true is paused unless
// somebody waits for data: nothing is read ahead. Package asynciotest has one.
func (r *StreamReader) SetTransport(t ReadTransport) {
	r.transport = t
	d, ok := t.(interface{ ReadsOnDemand() bool })
	if r.onDemand = ok && d.ReadsOnDemand(); r.onDemand && r.waiter == nil {
		r.pause()
	}
}

// FeedData adds data, of which it makes a copy, and wakes who waits. It is for
// the protocol, and panics after [StreamReader.FeedEOF]. It does not park; it may
// pause the transport.
//
// Budget: a copy; no allocation if the buffer has room.
func (r *StreamReader) FeedData(data []byte) {
	if r.eof {
		misuse("asyncio.StreamReader.FeedData", "the end was fed before", "make another reader")
	}
	if len(data) == 0 {
		return
	}
	r.buf.add(data)
	r.wake(nil)
	if r.transport != nil && !r.paused && (r.onDemand || r.buf.len() > 2*r.limit) {
		r.pause()
	}
}

// FeedEOF says that no data will come any more. A second call has no effect. It
// is for the protocol.
func (r *StreamReader) FeedEOF() {
	r.eof = true
	r.wake(nil)
}

// SetException makes the call that waits, and all later ones, return err, also if
// there is data. It is for the protocol. It mirrors set_exception.
func (r *StreamReader) SetException(err error) {
	if err == nil {
		misuse("asyncio.StreamReader.SetException", "the error is nil", "use FeedEOF")
	}
	r.err = err
	r.wake(err)
}

// Exception returns what was given to [StreamReader.SetException], or nil.
func (r *StreamReader) Exception() error { return r.err }

// AtEOF reports whether the end was reached: nothing is left in the buffer, and
// nothing will come.
func (r *StreamReader) AtEOF() bool { return r.eof && r.buf.len() == 0 }

// wake ends the wait of the call that waits.
func (r *StreamReader) wake(err error) {
	f := r.waiter
	if f == nil {
		return
	}
	r.waiter = nil
	if f.state == pending {
		f.settle(finished, err)
	}
}

// wait parks the caller until something was fed, which somebody else may have
// taken by then.
//
// Budget: one switch, no allocation.
func (r *StreamReader) wait(ctx context.Context, op string) error {
	switch {
	case r.err != nil:
		return r.err // it came while the caller was on its way
	case r.waiter != nil:
		return inOp(op, ErrStreamBusy)
	}
	if r.loop == nil {
		r.loop = loopOf(ctx, op)
	}
	var f *future
	if r.spareUsed {
		f = new(future)
	} else {
		f = &r.spare
		r.spareUsed = true
	}
	f.loop = r.loop
	r.waiter = f
	defer r.waited(f)
	if r.paused {
		// What is there is not enough for the caller, so the transport must go on
		// however much it is.
		r.resume()
	}
	if err := f.await(ctx, op); err != nil {
		return err
	}
	return f.take()
}

// waited ends the use of a future.
func (r *StreamReader) waited(f *future) {
	if r.waiter == f {
		r.waiter = nil
	}
	if f == &r.spare {
		*f = future{}
		r.spareUsed = false
	}
	if r.onDemand && !r.paused {
		r.pause()
	}
}

func (r *StreamReader) pause() {
	r.paused = true
	r.transport.PauseReading()
}

func (r *StreamReader) resume() {
	r.paused = false
	r.transport.ResumeReading()
}

// taken lets the transport go on if there is room again.
func (r *StreamReader) taken() {
	if r.paused && !r.onDemand && r.buf.len() <= r.limit {
		r.resume()
	}
}

// Read reads what there is, at most len(p) bytes, into p; it waits until there is
// something, or the end. It returns how many bytes it has read, at least one if p
// has room for one; at the end of the stream 0 and io.EOF. It mirrors read(n).
//
// It parks the calling task or greenlet if there is nothing. The error may also be
// that of [StreamReader.Exception]; [ErrCancelled] if the calling task is
// cancelled; ctx.Err() if ctx ends, and it is not just the calling task's own; or
// [ErrStreamBusy]. So for all that read. They panic in a callback, and in another
// thread than that of the reader's loop.
//
// Budget: a copy; one switch if there is nothing; no allocation.
func (r *StreamReader) Read(ctx context.Context, p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for r.buf.len() == 0 {
		if r.eof {
			return 0, io.EOF
		}
		if err := r.wait(ctx, "asyncio.StreamReader.Read"); err != nil {
			return 0, err
		}
	}
	n := r.buf.read(p)
	r.taken()
	return n, nil
}

// ReadSome is [StreamReader.Read] into a new slice of at most n bytes, which is
// as long as what there is. A negative n panics.
func (r *StreamReader) ReadSome(ctx context.Context, n int) ([]byte, error) {
	const op = "asyncio.StreamReader.ReadSome"
	mustCount(op, n)
	switch {
	case r.err != nil:
		return nil, r.err
	case n == 0:
		return nil, nil
	}
	for r.buf.len() == 0 {
		if r.eof {
			return nil, io.EOF
		}
		if err := r.wait(ctx, op); err != nil {
			return nil, err
		}
	}
	p := r.buf.take(min(n, r.buf.len()))
	r.taken()
	return p, nil
}

// ReadAll reads until the end, and returns all of it; nothing and no error if the
// end was reached before. With an error, what was read until then is returned
// too. It mirrors read(-1). See [StreamReader.Read] for waiting and errors.
func (r *StreamReader) ReadAll(ctx context.Context) ([]byte, error) {
	var all []byte
	for {
		if r.err != nil {
			return all, r.err
		}
		if r.buf.len() > 0 {
			all = append(all, r.buf.bytes()...)
			r.buf.drop(r.buf.len())
			r.taken()
		}
		if r.eof {
			return all, nil
		}
		if err := r.wait(ctx, "asyncio.StreamReader.ReadAll"); err != nil {
			return all, err
		}
	}
}

// ReadExactly reads n bytes into a new slice, and waits until there are so many.
// If the stream ends before, the error is an [*IncompleteReadError] with those
// that there were. It mirrors readexactly. A negative n panics. See
// [StreamReader.Read] for waiting and errors.
func (r *StreamReader) ReadExactly(ctx context.Context, n int) ([]byte, error) {
	const op = "asyncio.StreamReader.ReadExactly"
	mustCount(op, n)
	if r.err != nil {
		return nil, r.err
	}
	for r.buf.len() < n {
		if r.eof {
			return nil, &IncompleteReadError{Partial: r.buf.take(r.buf.len()), Expected: n}
		}
		if err := r.wait(ctx, op); err != nil {
			return nil, err
		}
	}
	p := r.buf.take(n)
	r.taken()
	return p, nil
}

func mustCount(op string, n int) {
	if n < 0 {
		misuse(op, "the number of bytes is negative", "pass 0 or more, or use ReadAll")
	}
}

// newline ends a line.
var newline = []byte{'\n'}

// ReadLine reads a line, with the newline at its end, into a new slice. A line that
// the end of the stream cuts short is returned without one; then the end, with
// io.EOF. It mirrors readline.
//
// If the line is longer than the reader's limit, the error is a
// [*LimitOverrunError]; the line is dropped, or, if its end has not come yet, all
// that is there. See [StreamReader.Read] for waiting and other errors.
func (r *StreamReader) ReadLine(ctx context.Context) ([]byte, error) {
	line, err := r.readUntil(ctx, "asyncio.StreamReader.ReadLine", newline)
	if err == nil {
		return line, nil
	}
	if e, ok := err.(*IncompleteReadError); ok {
		if len(e.Partial) == 0 {
			return nil, io.EOF
		}
		return e.Partial, nil
	}
	if e, ok := err.(*LimitOverrunError); ok {
		if e.Found {
			r.buf.drop(e.Consumed + len(newline))
		} else {
			r.buf.drop(r.buf.len())
		}
		r.taken()
	}
	return nil, err
}

// ReadUntil reads up to and including the separator, into a new slice. Of several
// separators the one counts whose end comes first. None may be empty, and there
// must be one. It mirrors readuntil.
//
// If what comes before the separator is longer than the reader's limit the error
// is a [*LimitOverrunError], and all data stays where it is. If the stream ends
// before, it is an [*IncompleteReadError] with what there was. See
// [StreamReader.Read] for waiting and other errors.
func (r *StreamReader) ReadUntil(ctx context.Context, separators ...[]byte) ([]byte, error) {
	const op = "asyncio.StreamReader.ReadUntil"
	if len(separators) == 0 {
		misuse(op, "Separator should contain at least one element", "pass one, or use ReadLine")
	}
	for _, s := range separators {
		if len(s) == 0 {
			misuse(op, "Separator should be at least one-byte string", "use Read to read what is there")
		}
	}
	return r.readUntil(ctx, op, separators...)
}

func (r *StreamReader) readUntil(ctx context.Context, op string, separators ...[]byte) ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	longest := 0
	for _, s := range separators {
		longest = max(longest, len(s))
	}
	seen := 0 // no separator begins before
	for {
		start, end := find(r.buf.bytes(), seen, separators)
		if end >= 0 {
			if start > r.limit {
				return nil, &LimitOverrunError{Consumed: start, Found: true}
			}
			p := r.buf.take(end)
			r.taken()
			return p, nil
		}
		seen = max(0, r.buf.len()+1-longest)
		if seen > r.limit {
			return nil, &LimitOverrunError{Consumed: seen}
		}
		if r.eof {
			return nil, &IncompleteReadError{Partial: r.buf.take(r.buf.len()), Expected: -1}
		}
		gone := r.buf.gone
		if err := r.wait(ctx, op); err != nil {
			return nil, err
		}
		if r.buf.gone != gone {
			seen = 0 // somebody else has read meanwhile
		}
	}
}

// find returns where the separator begins and ends that ends first in data, or -1.
// None begins before seen.
func find(data []byte, seen int, separators [][]byte) (start, end int) {
	start, end = -1, -1
	for _, s := range separators {
		i := bytes.Index(data[seen:], s)
		if i < 0 {
			continue
		}
		i += seen
		if e := i + len(s); end < 0 || e < end || e == end && i > start {
			start, end = i, e
		}
	}
	return start, end
}

// Lines returns an iterator over the lines that are left, as
// [StreamReader.ReadLine] returns them. An error ends it, and is what it yields
// last; the end of the stream is none. It mirrors "async for line in reader".
func (r *StreamReader) Lines(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			line, err := r.ReadLine(ctx)
			if err == io.EOF && r.err == nil {
				return
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// Reader returns r as an io.Reader whose Read is [StreamReader.Read] with ctx, for
// bufio, encoding/json and their like. What those read ahead is then theirs. The
// calls park the task or greenlet that makes them.
func (r *StreamReader) Reader(ctx context.Context) io.Reader { return boundReader{ctx, r} }

type boundReader struct {
	ctx context.Context
	r   *StreamReader
}

func (b boundReader) Read(p []byte) (int, error) { return b.r.Read(b.ctx, p) }

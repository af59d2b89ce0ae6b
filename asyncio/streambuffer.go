package asyncio

import "sync"

// A streamBuffer holds what a stream has received and nobody has read yet: data
// from head on. What is read moves head, and the space before it is used again.
type streamBuffer struct {
	data []byte
	head int
	gone uint64  // how many bytes were removed so far
	box  *[]byte // what data was taken from, if it is a large one
}

// keptBuffer is how large a buffer may be that an idle stream keeps. Larger ones
// are shared by all streams.
const keptBuffer = 16 << 10

// largeBuffers has what the streams have given back.
var largeBuffers = sync.Pool{New: func() any { return new([]byte) }}

func (b *streamBuffer) len() int { return len(b.data) - b.head }

// bytes returns all that is there, until the next call of another method.
func (b *streamBuffer) bytes() []byte { return b.data[b.head:] }

// add appends p.
//
// Budget: a copy; no allocation once the buffer has the size that the stream
// needs.
func (b *streamBuffer) add(p []byte) {
	if len(p) > cap(b.data)-len(b.data) {
		b.makeRoom(len(p))
	}
	b.data = append(b.data, p...)
}

// makeRoom moves the data to where n more bytes fit behind it: to the front, if
// what has been read from there is at least as much, or else to a larger buffer.
func (b *streamBuffer) makeRoom(n int) {
	left := b.len()
	if b.head >= left && left+n <= cap(b.data) {
		b.data = b.data[:copy(b.data, b.bytes())]
		b.head = 0
		return
	}
	size := max(left+n, min(2*cap(b.data), 1<<20), 512)
	var to []byte
	var box *[]byte
	if size > keptBuffer {
		box = largeBuffers.Get().(*[]byte)
		to = (*box)[:0]
	}
	if cap(to) < size {
		to = make([]byte, 0, size)
	}
	to = append(to, b.bytes()...)
	b.release()
	b.data, b.box = to, box
}

// release gives the memory back, whatever is in it.
func (b *streamBuffer) release() {
	if b.box != nil {
		*b.box = b.data[:0]
		largeBuffers.Put(b.box)
	}
	*b = streamBuffer{gone: b.gone}
}

// drop removes the first n bytes.
func (b *streamBuffer) drop(n int) {
	b.head += n
	b.gone += uint64(n)
	switch {
	case b.head < len(b.data):
	case cap(b.data) > keptBuffer:
		b.release()
	default:
		b.data, b.head = b.data[:0], 0
	}
}

// read moves as much as there is, and p has room for, to p.
func (b *streamBuffer) read(p []byte) int {
	n := copy(p, b.bytes())
	b.drop(n)
	return n
}

// take moves the first n bytes to a new slice.
func (b *streamBuffer) take(n int) []byte {
	p := make([]byte, n)
	b.read(p)
	return p
}

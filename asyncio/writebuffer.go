package asyncio

// A writeBuffer is what waits to be sent: pieces, because one system call takes
// several, and so that what is there need not be moved when more comes.
type writeBuffer struct {
	pieces [][]byte // oldest first; those before head, and a part of the next, were sent
	head   int
	size   int
}

// Pieces that small writes share begin small and double, so that a connection that
// hardly waits costs little, and one that has much to send few allocations.
const (
	minPiece = 512
	maxPiece = 64 << 10
)

// add appends a copy of p.
//
// Budget: one allocation when the last piece has no room, and one more when the
// list has none.
func (b *writeBuffer) add(p []byte) {
	if n := len(b.pieces); n > b.head {
		last := b.pieces[n-1]
		m := min(len(p), cap(last)-len(last))
		b.pieces[n-1] = append(last, p[:m]...)
		b.size += m
		p = p[m:]
	}
	if len(p) > 0 {
		piece := make([]byte, 0, max(len(p), min(max(b.size, minPiece), maxPiece)))
		b.pieces = append(b.pieces, append(piece, p...))
		b.size += len(p)
	}
}

// addAll appends copies of the pieces but for their first n bytes, which were sent.
func (b *writeBuffer) addAll(pieces [][]byte, n int) {
	for _, p := range pieces {
		skip := min(n, len(p))
		n -= skip
		b.add(p[skip:])
	}
}

// waiting returns the pieces, of which none is empty.
func (b *writeBuffer) waiting() [][]byte { return b.pieces[b.head:] }

// sent drops the first n bytes.
func (b *writeBuffer) sent(n int) {
	b.size -= n
	for n > 0 {
		first := &b.pieces[b.head]
		if n < len(*first) {
			*first = (*first)[n:]
			return
		}
		n -= len(*first)
		*first = nil
		b.head++
	}
	switch {
	case b.head == len(b.pieces):
		b.pieces, b.head = b.pieces[:0], 0
	case b.head > len(b.pieces)/2:
		// Each piece is moved once at most for each one that was sent.
		n := copy(b.pieces, b.pieces[b.head:])
		clear(b.pieces[n:])
		b.pieces, b.head = b.pieces[:n], 0
	}
}

// drop drops everything.
func (b *writeBuffer) drop() { *b = writeBuffer{} }

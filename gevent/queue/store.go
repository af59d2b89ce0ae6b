package queue

import "slices"

// A store keeps the items of a queue that is not first in, first out. A panic in it, which can only be one of the
// user's less, leaves it as it was.
type store[T any] interface {
	push(T)
	pop() T  // not of an empty one
	peek() T // likewise
	len() int
	clear()
	clone() store[T]
}

// fifo is a ring: its length is a power of two, or zero.
type fifo[T any] struct {
	ring []T
	head int
	n    int
}

func (s *fifo[T]) push(v T) {
	if s.n == len(s.ring) {
		s.resize(max(8, 2*s.n))
	}
	s.ring[(s.head+s.n)&(len(s.ring)-1)] = v
	s.n++
}

func (s *fifo[T]) pop() T {
	var none T
	v := s.ring[s.head]
	s.ring[s.head] = none
	s.head = (s.head + 1) & (len(s.ring) - 1)
	s.n--
	if len(s.ring) > minShrunk && s.n < len(s.ring)/4 {
		s.resize(len(s.ring) / 2)
	}
	return v
}

// minShrunk is the length from which a ring that is mostly empty is halved.
const minShrunk = 1024

func (s *fifo[T]) peek() T { return s.ring[s.head] }

func (s *fifo[T]) resize(n int) {
	ring := make([]T, n)
	s.copyTo(ring)
	s.ring, s.head = ring, 0
}

func (s *fifo[T]) copyTo(to []T) {
	if s.n == 0 {
		return
	}
	k := copy(to[:s.n], s.ring[s.head:])
	copy(to[k:s.n], s.ring)
}

func (s *fifo[T]) items() []T {
	all := make([]T, s.n)
	s.copyTo(all)
	return all
}

// lifo is a stack.
type lifo[T any] struct{ stack []T }

func (s *lifo[T]) len() int { return len(s.stack) }

func (s *lifo[T]) push(v T) { s.stack = append(s.stack, v) }

func (s *lifo[T]) pop() T {
	var none T
	last := len(s.stack) - 1
	v := s.stack[last]
	s.stack[last] = none
	s.stack = s.stack[:last]
	return v
}

func (s *lifo[T]) peek() T { return s.stack[len(s.stack)-1] }

func (s *lifo[T]) clear() { s.stack = nil }

func (s *lifo[T]) clone() store[T] { return &lifo[T]{slices.Clone(s.stack)} }

// priority is a binary heap. It makes the same steps as Python's heapq, so that
// items of which none is less come out in the same order. Less is called before
// anything is moved: see store.
type priority[T any] struct {
	heap []T
	less func(a, b T) bool
}

func newPriority[T any](less func(a, b T) bool, items []T) *priority[T] {
	s := &priority[T]{slices.Clone(items), less}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.sink(i, s.heap[i], s.heap)
	}
	return s
}

func (s *priority[T]) len() int { return len(s.heap) }

func (s *priority[T]) peek() T { return s.heap[0] }

// push lets v rise from the end, as heapq.heappush.
func (s *priority[T]) push(v T) {
	to := len(s.heap)
	for to > 0 && s.less(v, s.heap[(to-1)/2]) {
		to = (to - 1) / 2
	}
	s.heap = append(s.heap, v)
	for i := len(s.heap) - 1; i > to; i = (i - 1) / 2 {
		s.heap[i] = s.heap[(i-1)/2]
	}
	s.heap[to] = v
}

// pop puts the last item in the place of the first, as heapq.heappop.
func (s *priority[T]) pop() T {
	var none T
	end := len(s.heap) - 1
	first, last := s.heap[0], s.heap[end]
	if end > 0 {
		s.sink(0, last, s.heap[:end])
	}
	s.heap[end] = none
	s.heap = s.heap[:end]
	return first
}

// sink puts v into the place i of the heap, or below: the hole goes down to a leaf,
// and v rises from there.
func (s *priority[T]) sink(i int, v T, heap []T) {
	var path [64]int
	path[0] = i
	depth := 0
	for {
		child := 2*path[depth] + 1
		if child >= len(heap) {
			break
		}
		if right := child + 1; right < len(heap) && !s.less(heap[child], heap[right]) {
			child = right
		}
		depth++
		path[depth] = child
	}
	for depth > 0 && s.less(v, heap[path[depth]]) {
		depth--
	}
	for k := range depth {
		heap[path[k]] = heap[path[k+1]]
	}
	heap[path[depth]] = v
}

func (s *priority[T]) clear() { s.heap = nil }

func (s *priority[T]) clone() store[T] { return &priority[T]{slices.Clone(s.heap), s.less} }

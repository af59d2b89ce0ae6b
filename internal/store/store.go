// Package store holds what keeps the items of a queue: a ring for first in, first
// out, a stack for last in, first out, and a heap for the smallest first. None of
// them is for several goroutines at a time.
package store

import "slices"

// A Store keeps items in some order. A panic in it, which can only be one of the
// user's less, leaves it as it was.
type Store[T any] interface {
	Push(T)
	Pop() T  // not of an empty one
	Peek() T // likewise
	Len() int
	Clear()
	Clone() Store[T]
}

// A Fifo keeps items first in, first out, in a ring whose length is a power of
// two, or zero. The zero Fifo is empty. It is no Store, since its users want its
// calls not to be dynamic.
type Fifo[T any] struct {
	ring []T
	head int
	n    int
}

// Push puts an item at the end.
func (s *Fifo[T]) Push(v T) {
	if s.n == len(s.ring) {
		s.resize(max(8, 2*s.n))
	}
	s.ring[(s.head+s.n)&(len(s.ring)-1)] = v
	s.n++
}

// Pop takes the first item out. There must be one.
func (s *Fifo[T]) Pop() T {
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

// Peek returns the first item. There must be one.
func (s *Fifo[T]) Peek() T { return s.ring[s.head] }

// Len returns how many items there are.
func (s *Fifo[T]) Len() int { return s.n }

func (s *Fifo[T]) resize(n int) {
	ring := make([]T, n)
	s.copyTo(ring)
	s.ring, s.head = ring, 0
}

func (s *Fifo[T]) copyTo(to []T) {
	if s.n == 0 {
		return
	}
	k := copy(to[:s.n], s.ring[s.head:])
	copy(to[k:s.n], s.ring)
}

// Items returns all items, the first one first.
func (s *Fifo[T]) Items() []T {
	all := make([]T, s.n)
	s.copyTo(all)
	return all
}

// A Lifo keeps items last in, first out. The zero Lifo is empty.
type Lifo[T any] struct{ stack []T }

// Len returns how many items there are.
func (s *Lifo[T]) Len() int { return len(s.stack) }

// Push puts an item on top.
func (s *Lifo[T]) Push(v T) { s.stack = append(s.stack, v) }

// Pop takes the top one off.
func (s *Lifo[T]) Pop() T {
	var none T
	last := len(s.stack) - 1
	v := s.stack[last]
	s.stack[last] = none
	s.stack = s.stack[:last]
	return v
}

// Peek returns the top one.
func (s *Lifo[T]) Peek() T { return s.stack[len(s.stack)-1] }

// Clear drops all items.
func (s *Lifo[T]) Clear() { s.stack = nil }

// Clone returns another with the same items.
func (s *Lifo[T]) Clone() Store[T] { return &Lifo[T]{slices.Clone(s.stack)} }

// A Priority gives the smallest item first. It is made by [NewPriority].
//
// It is a binary heap, and makes the same steps as Python's heapq, so that items
// of which none is less come out in the same order. Less is called before anything
// is moved: see Store.
type Priority[T any] struct {
	heap []T
	less func(a, b T) bool
}

// NewPriority returns a Priority in the order of less, with the items.
func NewPriority[T any](less func(a, b T) bool, items []T) *Priority[T] {
	s := &Priority[T]{slices.Clone(items), less}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.sink(i, s.heap[i], s.heap)
	}
	return s
}

// Len returns how many items there are.
func (s *Priority[T]) Len() int { return len(s.heap) }

// Peek returns the smallest item.
func (s *Priority[T]) Peek() T { return s.heap[0] }

// Push lets v rise from the end, as heapq.heappush.
func (s *Priority[T]) Push(v T) {
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

// Pop puts the last item in the place of the smallest, as heapq.heappop.
func (s *Priority[T]) Pop() T {
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
func (s *Priority[T]) sink(i int, v T, heap []T) {
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

// Clear drops all items.
func (s *Priority[T]) Clear() { s.heap = nil }

// Clone returns another with the same items and the same order.
func (s *Priority[T]) Clone() Store[T] { return &Priority[T]{slices.Clone(s.heap), s.less} }

package coro

import "iter"

// FromSeq returns a generator that yields what seq does. Its seq runs when the
// generator is first resumed, and is left early when the generator is closed or
// an error is thrown into it, which Throw then returns. The other way is
// [Coroutine.All]. Python: (value for value in iterable).
func FromSeq[Out any](seq iter.Seq[Out], opts ...Option) *Generator[Out] {
	if seq == nil {
		panic("coro.FromSeq: the iterator is nil; pass the one to convert")
	}
	return Generate(func(yield func(Out) error) (err error) {
		seq(func(v Out) bool {
			err = yield(v)
			return err == nil
		})
		return err
	}, opts...)
}

// A Pair is one step of an iterator over pairs.
type Pair[K, V any] struct {
	Key   K
	Value V
}

// FromSeq2 is FromSeq for an iterator over pairs.
func FromSeq2[K, V any](seq iter.Seq2[K, V], opts ...Option) *Generator[Pair[K, V]] {
	if seq == nil {
		panic("coro.FromSeq2: the iterator is nil; pass the one to convert")
	}
	return FromSeq(func(yield func(Pair[K, V]) bool) {
		seq(func(k K, v V) bool { return yield(Pair[K, V]{k, v}) })
	}, opts...)
}

// Pairs is [Coroutine.All] for a generator of pairs: for k, v := range Pairs(g).
func Pairs[In, K, V, Ret any](c *Coroutine[In, Pair[K, V], Ret]) iter.Seq2[K, V] {
	return func(loop func(K, V) bool) {
		c.All()(func(p Pair[K, V]) bool { return loop(p.Key, p.Value) })
	}
}

package pool

import (
	"iter"
	"reflect"
)

// Items are what [Map] and its like take their items from: a slice, an iter.Seq, or
// an iter.Seq2 whose first error that is not nil ends it, and is what the call fails
// with. A sequence may block, such as that of a queue.
type Items[A any] interface {
	~[]A | ~func(yield func(A) bool) | ~func(yield func(A, error) bool)
}

// sequence returns the items as a sequence with errors.
func sequence[A any, I Items[A]](items I) iter.Seq2[A, error] {
	switch items := any(items).(type) {
	case []A:
		return func(yield func(A, error) bool) {
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	case iter.Seq[A]:
		return func(yield func(A, error) bool) {
			items(func(item A) bool { return yield(item, nil) })
		}
	case iter.Seq2[A, error]:
		return items
	}
	// It is another type of one of these forms.
	v := reflect.ValueOf(items)
	for _, form := range []reflect.Type{reflect.TypeFor[[]A](), reflect.TypeFor[iter.Seq[A]](), reflect.TypeFor[iter.Seq2[A, error]]()} {
		if v.CanConvert(form) {
			v = v.Convert(form)
			break
		}
	}
	switch items := v.Interface().(type) {
	case []A:
		return sequence[A](items)
	case iter.Seq[A]:
		return sequence[A](items)
	default:
		return items.(iter.Seq2[A, error])
	}
}

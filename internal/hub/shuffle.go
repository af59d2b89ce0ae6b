package hub

import "github.com/baton-go/baton/netpoll"

// WithShuffle makes the greenlets that are ready in one iteration run in a random
// order, which depends on the seed. Callbacks keep their places: what is built on
// their order is no accident.
func WithShuffle(seed uint64) netpoll.Option {
	return netpoll.WithShuffle(seed, func(r netpoll.Runner) bool {
		_, ok := r.(*Proc)
		return ok
	})
}

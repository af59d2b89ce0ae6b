package asyncio

import "github.com/baton-go/baton/internal/hub"

// WithShuffle makes the tasks that are ready in one iteration of the loop run in a
// random order, which depends on the seed and on nothing else: for tests, to find
// what relies on the order of tasks by accident. Callbacks keep their places, and
// what is made ready comes one iteration later, as always. In a gevent thread, give
// the seed to gevent.Run. asyncio has no such thing; trio does it all the time.
func WithShuffle(seed uint64) Option {
	return func(o *options) { o.loop = append(o.loop, hub.WithShuffle(seed)) }
}

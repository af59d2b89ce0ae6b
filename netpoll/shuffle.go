package netpoll

import "math/rand/v2"

// WithShuffle makes the loop run the entries of each iteration in a random order,
// which depends on the seed and on nothing else: for tests, to find what relies on
// an order by accident. Of the entries only those change places for which movable
// returns true, among themselves; the others stay where they are. If movable is
// nil all of them may. What an entry makes ready still comes after all entries of
// its iteration.
//
// Movable is called by a [Loop.Turn] or a [Loop.Next]. It must be short, and only
// look at the entry. Trio's scheduler does the like with its tasks.
func WithShuffle(seed uint64, movable func(Runner) bool) Option {
	return func(l *Loop) {
		l.shuffler = &shuffler{random: rand.New(rand.NewPCG(seed, seed)), movable: movable}
	}
}

// A shuffler changes the order of iterations.
type shuffler struct {
	random  *rand.Rand
	movable func(Runner) bool
	places  []uint // of the entries that may move, kept for its memory
}

// shuffle changes the order of the n oldest entries of the ready queue.
func (s *shuffler) shuffle(l *Loop, n uint) {
	places := s.places[:0]
	for i := range n {
		if s.movable == nil || s.movable(l.ready.at(i)) {
			places = append(places, i)
		}
	}
	s.places = places
	s.random.Shuffle(len(places), func(i, j int) {
		l.ready.swap(places[i], places[j])
		if l.debug != nil {
			q := l.debug.queue
			q[places[i]], q[places[j]] = q[places[j]], q[places[i]]
		}
	})
}

// swap exchanges the entries of which i and j are older.
func (q *readyQueue) swap(i, j uint) {
	mask := uint(len(q.ring) - 1)
	a, b := &q.ring[(q.head+i)&mask], &q.ring[(q.head+j)&mask]
	*a, *b = *b, *a
}

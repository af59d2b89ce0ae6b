package gevent

import "github.com/baton-go/baton/internal/hub"

// FindDeadlocks returns the greenlets of the calling thread that wait for each
// other, and so will for ever, while others of the thread may go on: a cycle of
// greenlets of which each waits for the next, or one that waits for a lock whose
// owner has ended. A wait with a limit of its own ends, and does not count. (A
// [Timeout] around it is not known here: such a deadlock is found, and ends with the
// Timeout.) A deadlock is found only if it is known who has what is waited for, which
// is so for
//
//   - the end of greenlets: Join, Get, Kill, [JoinAll], [Wait] and the like;
//   - locks of gevent/lock, as long as who acquired them is who releases them.
//
// It is not known who might set an event, or put something into a queue; and nothing
// of what other threads do. When
// nothing at all can happen any more, a [LoopExit] says so without being asked, and
// has the deadlocks in its field Deadlocks.
//
// FindDeadlocks takes some 100 ns for each greenlet that waits for another, and if
// there is a deadlock stops all goroutines of the process for a moment, for the
// stacks. It may be called in greenlets and callbacks. To look on from outside, take
// the Deadlocks of a [Hub.Snapshot].
func FindDeadlocks() []Deadlock { return mustHub("gevent.FindDeadlocks").Deadlocks(true) }

// A scopeWait is a Scope as what its owner waits for at the end.
type scopeWait Scope

// HeldBy makes a scopeWait a hub.Holder: it is held by all children.
func (s *scopeWait) HeldBy() (procs []*hub.Proc) {
	for c := s.first; c != nil; c = c.next {
		procs = append(procs, &c.g.proc)
	}
	return procs
}

// Needed returns the number of children, all of which must end.
func (s *scopeWait) Needed() int { return s.left }

// String is that of the Scope.
func (s *scopeWait) String() string { return (*Scope)(s).String() }

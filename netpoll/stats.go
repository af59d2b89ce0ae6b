package netpoll

// Stats is what a loop has done since it was created, and what it has in hand.
// Counters never go back.
type Stats struct {
	Turns   uint64 // calls of Turn, also by Run and RunOnce
	Polls   uint64 // times that the poller was asked without waiting
	Waits   uint64 // times that the loop slept
	Parks   uint64 // those of them outside of the poller, see docs/loop.md
	Entries uint64 // entries handed out by Next, also by Run and RunOnce
	Fired   uint64 // timers that became due
	Posted  uint64 // posted functions that became ready
	Wakeups uint64 // sleeps that a Post ended
	Events  uint64 // events of descriptors, also of the loop's own for children and files
	Stale   uint64 // those of them that belonged to a descriptor since released

	Cuts      uint64 // times that an iteration was cut by the budget
	Signalled uint64 // calls of signal handlers
	Slow      uint64 // entries that debug mode reported

	FileOps      uint64 // operations of Files that have ended, and been told
	FileOffloads uint64 // those that were given to goroutines
	FileEnters   uint64 // system calls that gave the others to an io_uring

	Ready    int // entries in the ready queue
	Timers   int // armed timers
	Descs    int // open Descs
	Waiting  int // sides of Descs that are waited for
	Watchers int // reader and writer callbacks
	Refs     int // outstanding Refs
	Signals  int // signal handlers
	Children int // processes of AddChild
	Hooks    int // idle, prepare and check hooks
	Blocked  int // functions of CallWhenBlocked, also those cancelled since

	FilesPending int    // operations of Files that have not been told
	FileIO       string // "io_uring", or "goroutines: " and why; "" before the first operation
}

// Stats returns the loop's statistics. Only the owner may call it.
func (l *Loop) Stats() Stats {
	s := l.stats
	s.Entries -= uint64(l.batch + l.held)
	s.Ready = int(l.ready.n)
	s.Timers = l.timers.live()
	s.Descs = l.sources.descs
	s.Watchers = l.sources.watches
	s.Waiting = l.sources.waiting - s.Watchers
	s.Refs = l.refs
	if l.files != nil {
		s.FilesPending, s.FileIO = l.files.pending, l.files.how
		s.Refs -= s.FilesPending
	}
	for _, k := range l.signals.kinds {
		s.Signals += len(k.handlers)
	}
	s.Children = l.children
	s.Hooks = l.hooks.count
	s.Blocked = len(l.blocked)
	return s
}

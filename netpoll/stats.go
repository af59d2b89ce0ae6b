package netpoll

// Stats is what a loop has done since it was created, and what it has in hand.
// Counters never go back.
type Stats struct {
	Turns   uint64 // calls of Turn, also by Run and RunOnce
	Polls   uint64 // times that the poller was asked without waiting
	Waits   uint64 // times that the loop slept in the poller
	Entries uint64 // entries handed out by Next, also by Run and RunOnce
	Fired   uint64 // timers that became due
	Posted  uint64 // posted functions that became ready
	Wakeups uint64 // wake-ups by Post that reached the poller
	Events  uint64 // events of descriptors
	Stale   uint64 // those of them that belonged to a descriptor since released

	Ready    int // entries in the ready queue
	Timers   int // armed timers
	Descs    int // open Descs
	Waiting  int // sides of Descs that are waited for
	Watchers int // reader and writer callbacks
	Refs     int // outstanding Refs
}

// Stats returns the loop's statistics. Only the owner may call it.
func (l *Loop) Stats() Stats {
	s := l.stats
	s.Entries -= uint64(l.batch)
	s.Ready = int(l.ready.n)
	s.Timers = len(l.timers.heap)
	s.Descs = l.sources.descs
	s.Watchers = l.sources.watches
	s.Waiting = l.sources.waiting - s.Watchers
	s.Refs = l.refs
	return s
}

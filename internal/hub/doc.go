// Package hub runs greenlets on a loop: it parks them, wakes them, and lets them
// wait for a descriptor or a time. Packages gevent and asyncio stand on it.
//
// # One FIFO
//
// The loop's ready queue holds callbacks and greenlets alike, in the order in
// which they became ready. A greenlet that parks takes the next entry itself: if
// that is a greenlet it hands the baton straight to it, one switch; anything
// else, and the poll when the queue is dry, is the hub's, a fiber of its own
// that calls callbacks and waits. A greenlet that ends and finds an unstarted
// one next becomes its carrier, with no switch at all.
//
// # States of a Proc
//
// A [Proc] is a greenlet as the hub knows it.
//
//	state    meaning                           left by                     for
//	created  not handed to the hub yet         Start, StartAfter           ready, parked
//	ready    in the ready queue, exactly once  its turn                    running
//	running  holds the baton, or has switched  Park, Yield; its end        parked, ready; done
//	         away by hand (package greenlet),
//	         or is to run next (StartNext)
//	parked   waits for Wake, a time, a         the first of these          ready
//	         descriptor or an Interrupt
//	done     its body is over                  -
//
// Only the first cause makes a parked Proc ready; later ones find it ready and
// do nothing, and Wake says so, so that what was to be handed over goes to the
// next waiter instead. (Notify counts as long as the Proc has not run and was not
// interrupted: who has waited for no time at all gets what came in that time.) The Proc takes back what it registered when it runs
// again. That is why no wake-up is lost and none comes twice.
//
// Whoever waits for something that others bring about (the end of a greenlet, an
// event, a permit, an item) stands in a list of [Links], and parks with
// [Proc.ParkOn]: there that rule, the order in which they are told, and how a place
// in the list is given up, are written once for all.
//
// All state belongs to whoever holds the thread's baton. Other goroutines come
// in by [Hub.Post], [Hub.Do] and the end of an [Hub.Offload].
package hub

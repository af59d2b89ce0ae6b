package hub

import (
	"strings"
	"sync/atomic"
	"time"
)

// A Watchdog finds out who keeps a thread so that everything else in it stands
// still. The hub must keep labels: see [Hub.KeepLabels].
//
// It posts a function to the thread and waits until it has run. If it has not run
// in time, and one greenlet is seen to run for some time on end, that one is
// reported. So greenlets pay nothing at a switch; a thread that sleeps is woken
// each time. To find who runs all goroutines of the process are stopped for a
// moment: that is only when the thread is late.
type Watchdog struct {
	Hub    *Hub
	Limit  time.Duration // how long a greenlet or a callback may keep the thread
	Report func(Blocking)
}

// A Blocking says who keeps a thread, or kept it.
type Blocking struct {
	Name  string        // empty for a generator, and for a greenlet of package greenlet
	Stack string        // where it is, or was
	State string        // what its goroutine does, or did: see Goroutine
	For   time.Duration // how long, at least: up to Limit may have passed before anybody looked
	Over  bool          // it has given way
}

// An Advice says what to do so that a greenlet does not block its thread, in the words
// of its package: one that computes, that waits for a channel, or for something of
// package sync, or for anything else.
type Advice struct{ Compute, Channel, Sync, Other string }

// For returns the one that fits.
func (a *Advice) For(b Blocking) string {
	switch {
	case b.State == "running" || b.State == "runnable":
		return a.Compute
	case strings.HasPrefix(b.Stack, "net/http.") || strings.Contains(b.Stack, "\nnet/http."):
		return a.Other // for which it waits in a select
	case strings.HasPrefix(b.State, "chan") || b.State == "select":
		return a.Channel
	case strings.HasPrefix(b.State, "sync."):
		return a.Sync
	}
	return a.Other
}

// Every is how often Probe is to be called.
func (w *Watchdog) Every() time.Duration { return max(w.Limit/2, time.Millisecond) }

// Probe looks once. It returns when the thread is not late, or not any more, or has
// ended, or stop is closed. It is for a goroutine of the caller's, which it blocks
// for as long as the thread is kept, and which calls Report.
func (w *Watchdog) Probe(stop <-chan struct{}) {
	begin := time.Now()
	var took atomic.Int64
	ran := make(chan struct{})
	if w.Hub.Post(func() { took.Store(int64(time.Since(begin))); close(ran) }) != nil {
		return
	}
	late := time.NewTimer(w.Limit)
	defer late.Stop()
	seen, found, told := Goroutine{}, false, false
	again := max(w.Limit/4, time.Millisecond)
	for {
		select {
		case <-stop:
			return
		case <-ran:
			if told {
				w.Report(Blocking{Name: seen.Name, Stack: seen.Stack, State: seen.State, For: time.Duration(took.Load()), Over: true})
			}
			return
		case <-late.C:
		}
		// Several greenlets may have run in turn. One that is seen twice had at most
		// two turns, since the function comes after what was ready.
		now, runs := w.Hub.Running()
		if runs && !now.Ignored && found && now.ID == seen.ID && now.Name == seen.Name {
			seen, told = now, true
			w.Report(Blocking{Name: now.Name, Stack: now.Stack, State: now.State, For: time.Since(begin)})
			late.Stop()
			continue // until it gives way
		}
		seen, found = now, runs
		if now.Ignored {
			again = min(2*again, time.Second)
		}
		late.Reset(again)
	}
}

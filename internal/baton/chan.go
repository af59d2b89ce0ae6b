//go:build baton_chan

package baton

// Backend names the switch that this program was built with.
const Backend = "chan"

// place is a fiber's part of the back-end: the channel on which it waits to be
// continued.
type place struct {
	wake   chan struct{}
	reaper *Fiber // who waits for the end of this carrier
	to     *Fiber // whom the next swap continues
	slot   Slot
}

// A Slot is what the other back-end parks fibers in. Here it is only the call
// that continues one fiber and parks the other.
type Slot struct {
	Next    func() (any, bool)
	Yield   func(any) bool
	Pulling bool
}

func newPlace() place { return place{wake: make(chan struct{})} }

// launch makes the carrier's goroutine, parked before its first step.
func (f *Fiber) launch() {
	f.place = newPlace()
	go func() {
		defer func() { f.reaper.wake <- struct{}{} }()
		<-f.wake
		f.main()
	}()
}

// Take is the first half of Resume, for callers that cannot afford its frame. See
// the other back-end, which has a use for it.
func (f *Fiber) Take(to *Fiber) *Slot {
	f.to = to
	if f.slot.Next == nil {
		f.slot = Slot{Next: f.swap, Pulling: true}
	}
	return &f.slot
}

func (f *Fiber) swap() (any, bool) {
	f.to.wake <- struct{}{}
	<-f.wake
	return f.word(), true
}

// Resume parks the calling fiber f and continues to, a parked fiber of the same
// thread. It returns when another fiber resumes f. For a moment both goroutines
// run, but this one does nothing but wait.
//
// Budget: two channel operations, no allocation.
func (f *Fiber) Resume(to *Fiber) {
	to.wake <- struct{}{}
	<-f.wake
	if f.Signalled() {
		f.obey() // never tells to hop: that is what slots need
	}
}

// YieldAsNext returns the call that Take prepared. The other back-end has a use
// for it.
func (f *Fiber) YieldAsNext() func() (any, bool) { return f.slot.Next }

// reap ends the carrier f, which is idle or a zombie, and waits until it has
// left its thread.
func (f *Fiber) reap(self *Fiber) {
	f.signal, f.reaper = signalDie, self
	f.wake <- struct{}{}
	<-self.wake
}

package baton_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// scatter leaves n idle carriers, each of them parked in another's slot: every
// one ends by starting the next, so it idles where the next one was born.
func scatter(th *baton.Thread, self *baton.Fiber, n int) {
	to := self
	for range n {
		next := to
		to = th.Carrier(body(func(*baton.Fiber) *baton.Fiber { return next }))
	}
	self.Resume(to)
}

func TestAnIdleCarrierIsUsedAgain(t *testing.T) {
	th, root := enter(t)
	f := th.Carrier(body(toRoot))
	root.Resume(f)
	for range 10 {
		again := th.Carrier(body(toRoot))
		require.Same(t, f, again)
		root.Resume(again)
	}
	all, idle := th.Carriers()
	require.Equal(t, 1, all)
	require.Equal(t, 1, idle)
}

func TestTheCarrierThatWentIdleLastIsTakenFirst(t *testing.T) {
	th, root := enter(t)
	a, b, c := th.Carrier(body(toRoot)), th.Carrier(body(toRoot)), th.Carrier(body(toRoot))
	for _, f := range []*baton.Fiber{a, b, c} {
		root.Resume(f)
	}
	for _, want := range []*baton.Fiber{c, b, a} {
		require.Same(t, want, th.Carrier(body(toRoot)))
	}
	for _, f := range []*baton.Fiber{a, b, c} {
		root.Resume(f)
	}
}

func TestTrimKeepsAsManyIdleCarriersAsItIsAsked(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	scatter(th, root, 10)
	for _, keep := range []int{20, 10, 7, 7, 1, 0} {
		th.Trim(root, keep)
		all, idle := th.Carriers()
		require.Equal(t, min(keep, 10), all)
		require.Equal(t, all, idle)
	}
}

func TestTrimMovesFibersThatAreParkedInTheSlotOfAReapedCarrier(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	const n = 20
	var outer, inner [n]*baton.Fiber
	finished := 0
	for i := range n {
		inner[i] = th.Carrier(body(toRoot))
		outer[i] = th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(inner[i]) // parks in inner's slot, and inner idles in outer's
			finished++
			return root
		}))
	}
	for _, f := range outer {
		root.Resume(f)
	}
	all, idle := th.Carriers()
	require.Equal(t, 2*n, all)
	require.Equal(t, n, idle)

	th.Trim(root, 0)
	all, idle = th.Carriers()
	require.Equal(t, n, all)
	require.Zero(t, idle)
	require.Zero(t, finished, "a fiber that is moved must not run on")
	for _, f := range outer {
		root.Resume(f)
	}
	require.Equal(t, n, finished)
}

func TestACarrierCanTrimInTheMiddleOfItsBody(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	scatter(th, root, 12)
	finished := 0
	trimmer := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		scatter(th, f, 9)
		th.Trim(f, 2)
		all, idle := th.Carriers()
		require.Equal(t, 2, idle)
		require.Equal(t, 4, all)
		finished++
		return root
	}))
	waiter := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(trimmer)
		finished++
		return root
	}))
	root.Resume(waiter)
	require.Equal(t, 1, finished)
	th.Trim(root, 0)
	require.Equal(t, 1, finished)
	root.Resume(waiter)
	require.Equal(t, 2, finished)
}

// A fiber that stays parked for long is moved by many Trims. No move may leave
// anything on its stack.
func TestAParkedFiberThatIsMovedOftenKeepsItsStackSmall(t *testing.T) {
	th, root := enter(t)
	relay := func() *baton.Fiber { return nil }
	// Each link waits for the root, then ends by starting the next one.
	link := body(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(root)
		return relay()
	})
	last := th.Carrier(link)
	parked := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(last)
		return root
	}))
	root.Resume(parked)

	// Here, and after each step, parked is in the slot of last, and last is in
	// that of parked.
	step := func() {
		next := th.Carrier(link)
		relay = func() *baton.Fiber { return next }
		root.Resume(last)
		th.Trim(root, 0) // reaps last and moves parked to where last was: the slot of next
		last = next
	}
	step()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 50_000 {
		step()
	}
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.StackInuse)-int64(before.StackInuse), int64(1<<20))

	relay = func() *baton.Fiber { return root }
	root.Resume(last)
	root.Resume(parked)
}

func TestCloseReportsCarriersThatAreParkedInABody(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	scatter(th, root, 5)
	var waiting []*baton.Fiber
	for range 3 {
		f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(root)
			return root
		}))
		root.Resume(f)
		waiting = append(waiting, f)
	}
	require.Equal(t, 3, th.Close(root))
	all, idle := th.Carriers()
	require.Equal(t, 3, all)
	require.Zero(t, idle)
	for _, f := range waiting {
		root.Resume(f)
	}
	require.Zero(t, th.Close(root))
}

func TestAThreadCanBeUsedAgainAfterClose(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	for range 5 {
		scatter(th, root, 7)
		require.Zero(t, th.Close(root))
		all, idle := th.Carriers()
		require.Zero(t, all)
		require.Zero(t, idle)
	}
}

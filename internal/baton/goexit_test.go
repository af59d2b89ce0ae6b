package baton_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// onGoroutine runs f on a goroutine of its own and waits for its end, by return
// or by Goexit.
func onGoroutine(f func()) (returned bool) {
	done := make(chan bool)
	go func() {
		ok := false
		defer func() { done <- ok }()
		f()
		ok = true
	}()
	return <-done
}

func TestGoexitInABodyRunsItsDeferredCallsAndEndsIt(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	deferred := false
	var recovered any
	root.Resume(th.Carrier(exiting{
		run: func(*baton.Fiber) {
			defer func() { deferred, recovered = true, recover() }()
			runtime.Goexit()
		},
		heir: toRoot,
	}))
	require.True(t, deferred)
	require.Nil(t, recovered)
	all, idle := th.Carriers()
	require.Equal(t, 1, all)
	require.Equal(t, 1, idle, "a carrier that ended by Goexit counts as idle")
	require.Zero(t, th.Close(root))
}

func TestACarrierThatEndedByGoexitIsNotUsedAgain(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	zombie := th.Carrier(exiting{heir: toRoot})
	root.Resume(zombie)
	f := th.Carrier(body(toRoot))
	require.NotSame(t, zombie, f)
	root.Resume(f)
}

func TestTrimReapsCarriersThatEndedByGoexitToo(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	scatter(th, root, 6)
	for range 3 {
		root.Resume(th.Carrier(exiting{heir: toRoot}))
	}
	root.Resume(th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		th.Trim(f, 1)
		all, idle := th.Carriers()
		require.Equal(t, 2, all)
		require.Equal(t, 1, idle)
		return root
	})))
}

func TestExitRootMakesTheRootExitToo(t *testing.T) {
	keepsGoroutines(t)
	th := baton.NewThread()
	left := -1
	returned := onGoroutine(func() {
		root := th.Enter()
		defer func() {
			left = th.Close(root)
			th.Leave()
		}()
		root.Resume(th.Carrier(exiting{heir: func(*baton.Fiber) *baton.Fiber { return th.ExitRoot() }}))
		panic("the root goes on")
	})
	require.False(t, returned)
	require.Zero(t, left)
}

func TestExitRootBeginsWhereTheRootsTaskIsParked(t *testing.T) {
	keepsGoroutines(t)
	th := baton.NewThread()
	var log []string
	th.Exiting = func() { log = append(log, "told before") }
	returned := onGoroutine(func() {
		root := th.Enter()
		defer func() {
			log = append(log, "root")
			require.Zero(t, th.Close(root))
			th.Leave()
		}()
		// A carrier that acts for the root's task, as a generator does.
		acting := exiting{run: func(f *baton.Fiber) {
			defer func() { log = append(log, "who acts for it") }()
			th.Main().Fiber = f
			f.Resume(th.Carrier(exiting{heir: func(*baton.Fiber) *baton.Fiber { return th.ExitRoot() }}))
		}, heir: func(*baton.Fiber) *baton.Fiber {
			th.Main().Fiber = root
			return th.ExitRoot()
		}}
		root.Resume(th.Carrier(acting))
		panic("the root goes on")
	})
	require.False(t, returned)
	require.Equal(t, []string{"told before", "who acts for it", "told before", "root"}, log)
}

func TestGoexitHurtsNoOtherFiber(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	const n = 10
	var waiting []*baton.Fiber
	finished := 0
	for range n {
		zombie := th.Carrier(exiting{heir: toRoot})
		f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(zombie) // parks in the slot of the zombie
			finished++
			return root
		}))
		root.Resume(f)
		waiting = append(waiting, f)
	}
	require.Zero(t, finished)
	for _, f := range waiting {
		root.Resume(f)
	}
	require.Equal(t, n, finished)
	all, idle := th.Carriers()
	require.Equal(t, 2*n, all)
	require.Equal(t, 2*n, idle)
}

func TestCloseReapsZombiesWithoutExitingTheRoot(t *testing.T) {
	for _, n := range []int{1, 2, 3, 30} {
		keepsGoroutines(t)
		require.True(t, onGoroutine(func() {
			th := baton.NewThread()
			root := th.Enter()
			scatter(th, root, 3)
			for range n {
				root.Resume(th.Carrier(exiting{heir: toRoot}))
			}
			require.Zero(t, th.Close(root))
			th.Leave()
		}), "the root did not return")
	}
}

// The reap of a zombie has to move whoever is parked in its slot: another
// zombie, an idle carrier, or a fiber inside its body.
func TestCloseReapsZombiesWhoseSlotIsTaken(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)

	// Zombies in each other's slots: each hands the baton to the next one.
	to := root
	for range 5 {
		next := to
		to = th.Carrier(exiting{heir: func(*baton.Fiber) *baton.Fiber { return next }})
	}
	root.Resume(to)

	// A body parked in a zombie's slot.
	zombie := th.Carrier(exiting{heir: toRoot})
	finished := false
	waiting := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(zombie)
		finished = true
		return root
	}))
	root.Resume(waiting)

	// An idle carrier in a zombie's slot: it ends by starting the zombie.
	zombie2 := th.Carrier(exiting{heir: toRoot})
	root.Resume(th.Carrier(body(func(*baton.Fiber) *baton.Fiber { return zombie2 })))

	all, idle := th.Carriers()
	require.Equal(t, 9, all)
	require.Equal(t, 8, idle)
	require.Equal(t, 1, th.Close(root))
	require.False(t, finished)
	root.Resume(waiting)
	require.True(t, finished)
	require.Zero(t, th.Close(root))
}

// A zombie's slot remembers whether its next occupant comes by the one or the
// other function of its Pull, and only the one passes a Goexit on.
func TestCloseReapsZombiesInEitherPhaseOfTheirSlot(t *testing.T) {
	keepsGoroutines(t)
	for _, switches := range []int{0, 1, 2, 3} {
		require.True(t, onGoroutine(func() {
			th := baton.NewThread()
			root := th.Enter()
			zombie := th.Carrier(exiting{
				run: func(f *baton.Fiber) {
					for range switches {
						f.Resume(root)
					}
				},
				heir: toRoot,
			})
			// An odd number of parties makes the phase at the end either one.
			third := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
				f.Resume(zombie)
				return root
			}))
			root.Resume(third)
			for range switches {
				root.Resume(zombie)
			}
			root.Resume(third)
			require.Zero(t, th.Close(root))
			th.Leave()
		}))
	}
}

func TestDeferredCallsOfAGoexitMayStillSwitch(t *testing.T) {
	keepsGoroutines(t)
	th, root := enter(t)
	var l log
	f := th.Carrier(exiting{
		run: func(f *baton.Fiber) {
			defer func() {
				l.add("deferred")
				f.Resume(root)
				l.add("deferred, resumed")
			}()
			runtime.Goexit()
		},
		heir: toRoot,
	})
	root.Resume(f)
	l.add("root")
	root.Resume(f)
	l.add("end")
	require.Equal(t, []string{"deferred", "root", "deferred, resumed", "end"}, l.take())
}

// FailNow in a body is what users meet: it must end the test, with its deferred
// calls, and nothing else.
func TestARootThatExitsCanCleanUpInItsDeferredCalls(t *testing.T) {
	keepsGoroutines(t)
	th := baton.NewThread()
	var l log
	require.False(t, onGoroutine(func() {
		root := th.Enter()
		defer th.Leave()
		defer func() { require.Zero(t, th.Close(root)) }()
		waiting := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(root)
			l.add("waiting goes on")
			return root
		}))
		root.Resume(waiting)
		defer func() {
			l.add("root exits")
			root.Resume(waiting)
		}()
		root.Resume(th.Carrier(exiting{heir: func(*baton.Fiber) *baton.Fiber { return th.ExitRoot() }}))
	}))
	require.Equal(t, []string{"root exits", "waiting goes on"}, l.take())
	require.Nil(t, th.Root())
}

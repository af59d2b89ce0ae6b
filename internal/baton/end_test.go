package baton_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// endsWith enters a thread with a body parked in it and one idle carrier, and
// lets its End call the functions; the first one ends the body.
func endsWith(t *testing.T, l *log, functions ...func()) (th *baton.Thread) {
	th = baton.NewThread()
	root := th.Enter()
	scatter(th, root, 3)
	waiting := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(root)
		l.add("the body ends")
		return root
	}))
	root.Resume(waiting)
	th.OnEnd(baton.EndGreenlets, func(self *baton.Fiber) {
		require.Same(t, root, self)
		root.Resume(waiting)
	})
	for i, f := range functions {
		th.OnEnd(baton.EndGreenlets, func(*baton.Fiber) {
			l.add(fmt.Sprint("function ", i+1))
			f()
		})
	}
	th.End(root)
	l.add("End returns")
	return th
}

func TestEndCallsTheLastFunctionFirstThenReapsAndLeaves(t *testing.T) {
	keepsGoroutines(t)
	var l log
	th := endsWith(t, &l, func() {}, func() {})
	require.Equal(t, []string{"function 2", "function 1", "the body ends", "End returns"}, l.take())
	require.Nil(t, baton.Self())
	require.Nil(t, th.Root())
	all, _ := th.Carriers()
	require.Zero(t, all)
}

func TestEndDoesAllOfItsWorkBeforeAPanicGoesOn(t *testing.T) {
	keepsGoroutines(t)
	var l log
	require.PanicsWithValue(t, "oops", func() {
		endsWith(t, &l, func() {}, func() { panic("oops") })
	})
	require.Equal(t, []string{"function 2", "function 1", "the body ends"}, l.take())
	require.Nil(t, baton.Self())
}

func TestEndDoesAllOfItsWorkBeforeAGoexitGoesOn(t *testing.T) {
	keepsGoroutines(t)
	var l log
	require.False(t, onGoroutine(func() {
		endsWith(t, &l, runtime.Goexit, func() {})
	}))
	require.Equal(t, []string{"function 2", "function 1", "the body ends"}, l.take())
	require.Zero(t, baton.Registered())
}

func TestEndGoesThroughItsStagesInOrder(t *testing.T) {
	keepsGoroutines(t)
	var l log
	th := baton.NewThread()
	root := th.Enter()
	th.OnEnd(baton.EndGenerators, func(*baton.Fiber) { l.add("generators") })
	th.OnEnd(baton.EndHub, func(*baton.Fiber) { l.add("hub") })
	th.OnEnd(baton.EndGreenlets, func(*baton.Fiber) {
		l.add("greenlets")
		th.OnEnd(baton.EndGreenlets, func(*baton.Fiber) { l.add("greenlets again") })
	})
	th.End(root)
	require.Equal(t, []string{"greenlets", "greenlets again", "generators", "hub"}, l.take())
}

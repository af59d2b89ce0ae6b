package baton_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

// takeOver does what Resume does, in the pieces that hot callers use.
func takeOver(f, to *baton.Fiber) {
	if s := f.Take(to); s.Pulling {
		s.Next()
	} else {
		s.Yield(struct{}{})
	}
	if f.Signalled() {
		f.Obey()
	}
}

// takeOverByOneCall is the same for a caller that keeps the call in a variable.
func takeOverByOneCall(f, to *baton.Fiber) {
	s := f.Take(to)
	call := s.Next
	if !s.Pulling {
		call = f.YieldAsNext()
	}
	call()
	if f.Signalled() {
		f.Obey()
	}
}

// switches are the ways from one fiber to another.
var switches = map[string]func(f, to *baton.Fiber){
	"Resume":      (*baton.Fiber).Resume,
	"Take":        takeOver,
	"YieldAsNext": takeOverByOneCall,
}

func TestEveryWayToSwitchDoesTheSame(t *testing.T) {
	for name, swap := range switches {
		t.Run(name, func(t *testing.T) {
			keepsGoroutines(t)
			th, root := enter(t)
			var l log
			a := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
				b := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
					l.add("b begins")
					swap(f, root)
					l.add("b ends")
					return root
				}))
				l.add("a begins")
				swap(f, b)
				l.add("a goes on")
				swap(f, b)
				l.add("a ends")
				return root
			}))
			for range 3 {
				swap(root, a)
				l.add("root")
			}
			require.Equal(t, []string{
				"a begins", "b begins", "root", "a goes on", "b ends", "root", "a ends", "root",
			}, l.take())
		})
	}
}

func TestEveryWayToSwitchObeysAHop(t *testing.T) {
	for name, swap := range switches {
		t.Run(name, func(t *testing.T) {
			keepsGoroutines(t)
			th, root := enter(t)
			finished := false
			inner := th.Carrier(body(toRoot))
			f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
				swap(f, inner)
				finished = true
				return root
			}))
			root.Resume(f)
			th.Trim(root, 0)
			require.False(t, finished)
			root.Resume(f)
			require.True(t, finished)
		})
	}
}

func TestTellMakesTheNextResumedFiberLook(t *testing.T) {
	th, root := enter(t)
	var told []bool
	f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		for range 3 {
			if s := f.Take(root); s.Pulling {
				s.Next()
			} else {
				s.Yield(nil)
			}
			told = append(told, f.Signalled())
			if f.Signalled() {
				f.Obey()
			}
			require.False(t, f.Signalled(), "it is told once")
		}
		return root
	}))
	root.Resume(f)
	root.Resume(f)
	f.Tell()
	root.Resume(f)
	root.Resume(f)
	require.Equal(t, []bool{false, true, false}, told)
}

// The word that comes with a switch saves package coro the look at the signal,
// so it must not be nil where there is one.
func TestTheWordOfASwitchIsNotNilWhereThereIsASignal(t *testing.T) {
	th, root := enter(t)
	f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		for range 2 {
			f.Resume(root)
		}
		root.Tell()
		return root
	}))
	root.Resume(f)
	word := func() any {
		s := root.Take(f)
		call := s.Next
		if !s.Pulling {
			call = root.YieldAsNext()
		}
		word, _ := call()
		if root.Signalled() {
			require.NotNil(t, word)
			root.Obey()
		}
		return word
	}
	word()
	require.NotNil(t, word(), "the root was told something")
}

func TestBodiesAreThoseThatHaveNotEnded(t *testing.T) {
	th, root := enter(t)
	require.Empty(t, th.Bodies())
	scatter(th, root, 5)
	root.Resume(th.Carrier(exiting{heir: toRoot}))
	require.Empty(t, th.Bodies(), "idle carriers and zombies have none")
	bodies := []*echo{{}, {}, {}}
	var fibers []*baton.Fiber
	for _, b := range bodies {
		f := th.Carrier(b)
		root.Resume(f)
		fibers = append(fibers, f)
	}
	require.ElementsMatch(t, []baton.Body{bodies[0], bodies[1], bodies[2]}, th.Bodies())
	th.Trim(root, 0)
	require.ElementsMatch(t, []baton.Body{bodies[0], bodies[1], bodies[2]}, th.Bodies())
	for i, f := range fibers {
		bodies[i].stop = true
		root.Resume(f)
		require.Len(t, th.Bodies(), len(fibers)-i-1)
	}
}

func TestARootKnowsThatItHasLeft(t *testing.T) {
	th := baton.NewThread()
	first := th.Enter()
	require.False(t, first.Left())
	th.Leave()
	require.True(t, first.Left())
	second := th.Enter()
	require.True(t, first.Left())
	require.False(t, second.Left())
	th.Leave()
}

package baton_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/baton"
)

func TestIDIsTheNumberThatStackTracesPrint(t *testing.T) {
	var wg sync.WaitGroup
	var seen sync.Map
	for range 2000 {
		wg.Go(func() {
			id := baton.ID()
			if want := baton.ParseID(); id != want {
				t.Errorf("ID is %d, the stack trace says %d", id, want)
			}
			if _, twice := seen.LoadOrStore(id, true); twice {
				t.Errorf("number %d was given twice", id)
			}
		})
	}
	wg.Wait()
}

func TestIDStaysTheSameDeepInAStackThatMoves(t *testing.T) {
	want := baton.ID()
	var deep func(n int) uint64
	deep = func(n int) uint64 {
		var pad [1024]byte
		pad[n%len(pad)] = 1
		if n == 0 {
			return baton.ID() + uint64(pad[1])
		}
		return deep(n-1) + uint64(pad[(n+1)%len(pad)])
	}
	require.Equal(t, want, deep(2000))
	require.Equal(t, want, baton.ParseID())
}

func TestIDOfACarrierIsThatOfItsGoroutine(t *testing.T) {
	th, root := enter(t)
	f := th.Carrier(body(func(f *baton.Fiber) *baton.Fiber {
		require.Equal(t, baton.ParseID(), f.ID())
		return root
	}))
	root.Resume(f)
	require.Equal(t, baton.ParseID(), root.ID())
}

package coro_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/internal/baton"
)

// Greenlets that switch to each other mix the places in which the fibers of a
// thread are parked, and leave carriers in its pool that are parked the other way
// round. Generators that get such carriers must work no less.

// step is the body of a carrier: a function that says whom to continue at its end.
type step func(f *baton.Fiber) *baton.Fiber

func (s step) Run(f *baton.Fiber) (baton.Body, *baton.Fiber) { return nil, s(f) }
func (s step) Goexit(f *baton.Fiber) *baton.Fiber            { panic("not in these tests") }

// reversePool leaves two carriers in the pool of the thread, each of which was
// parked by the call that continues carriers, and not by the one that leaves them.
func reversePool(thread *baton.Thread) {
	root := thread.Root()
	var one, two *baton.Fiber
	one = thread.Carrier(step(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(two)
		return two
	}))
	two = thread.Carrier(step(func(f *baton.Fiber) *baton.Fiber {
		f.Resume(root)
		return root
	}))
	root.Resume(one) // one continues two, which continues the root
	root.Resume(one) // one ends and continues two, which ends
}

func inThread(f func(thread *baton.Thread)) {
	thread := baton.NewThread()
	root := thread.Enter()
	defer thread.End(root)
	f(thread)
}

func TestGeneratorsOnCarriersThatAreParkedTheOtherWayRound(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		inThread(func(thread *baton.Thread) {
			reversePool(thread)
			c := through(echo()) // takes both carriers
			v, err := c.Next()
			require.NoError(t, err)
			assert.Equal(t, -1, v)
			for i := range 4 {
				v, err = c.Send(i + 1)
				require.NoError(t, err)
				assert.Equal(t, i+1, v)
			}
			_, err = c.Send(0)
			assert.ErrorIs(t, err, coro.ErrDone)
			ret, err := c.Result()
			assert.NoError(t, err)
			assert.Equal(t, 20, ret)

			// The same carriers again, which are parked as the first end left them.
			c = through(echo())
			c.Next()
			_, err = c.Throw(errTest)
			assert.Equal(t, errTest, err)
			g := nested(2, panickingBody)
			g.Next()
			assert.Equal(t, "in the body", catch(func() { g.Next() }).(*coro.PanicError).Value)
		})
	}
	assert.Zero(t, coro.Live())
	requireGoroutines(t, before)
}

func TestAFinishOfAReversedOneReachesItsResumer(t *testing.T) {
	for _, c := range []struct {
		name string
		body func(yield func(int) error) error
		want error
	}{
		{"at once", func(func(int) error) error { return nil }, coro.ErrDone},
		{"with an error", func(func(int) error) error { return errTest }, errTest},
	} {
		t.Run(c.name, func(t *testing.T) {
			inThread(func(thread *baton.Thread) {
				reversePool(thread)
				_, err := coro.Generate(c.body).Next()
				assert.ErrorIs(t, err, c.want)
			})
		})
	}
	t.Run("with Goexit", func(t *testing.T) {
		elsewhere(func() {
			thread := baton.NewThread()
			root := thread.Enter()
			defer thread.End(root)
			reversePool(thread)
			coro.Generate(func(func(int) error) error {
				runtime.Goexit()
				return nil
			}).Next()
			t.Error("the goroutine went on")
		})
	})
	assert.Zero(t, coro.Live())
}

// A carrier that is reaped may have another fiber parked in its place, which then
// has to move. Here it is the one that waits in Next.
func TestTheResumerMayHaveToMoveWhileItWaits(t *testing.T) {
	before := runtime.NumGoroutine()
	inThread(func(thread *baton.Thread) {
		root := thread.Root()
		var one, two *baton.Fiber
		one = thread.Carrier(step(func(f *baton.Fiber) *baton.Fiber {
			f.Resume(two)
			return root
		}))
		two = thread.Carrier(step(func(*baton.Fiber) *baton.Fiber { return root }))
		root.Resume(one) // one continues two, which ends
		root.Resume(one) // one ends; each of the two is parked in the other's place

		trimmed := 0
		g := coro.New(func(yield func(int) (int, error)) (int, error) {
			for i := 0; ; i++ {
				all, _ := thread.Carriers()
				thread.Trim(baton.Self(), 0)
				left, _ := thread.Carriers()
				trimmed += all - left
				if _, err := yield(i); err != nil {
					return i, err
				}
			}
		})
		for i := range 3 {
			v, err := g.Next()
			require.NoError(t, err)
			assert.Equal(t, i, v)
		}
		assert.Equal(t, 1, trimmed)
		_, err := g.Throw(errTest)
		assert.ErrorIs(t, err, errTest)
	})
	assert.Zero(t, coro.Live())
	requireGoroutines(t, before)
}

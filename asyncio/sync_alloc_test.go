package asyncio_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

func TestWaitingForALockOrAQueueAllocatesNothing(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	for name, sides := range map[string]func() (step, other func(ctx) error){
		"Queue": func() (func(ctx) error, func(ctx) error) {
			there, back := asyncio.NewQueue[int](0), asyncio.NewQueue[int](0)
			return func(c ctx) error {
					_ = there.PutNowait(1)
					_, err := back.Get(c)
					return err
				}, func(c ctx) error {
					v, err := there.Get(c)
					if err == nil {
						err = back.Put(c, v)
					}
					return err
				}
		},
		"Lock": func() (func(ctx) error, func(ctx) error) {
			l := new(asyncio.Lock)
			pass := func(c ctx) error {
				if err := l.Acquire(c); err != nil {
					return err
				}
				defer l.Release()
				return asyncio.Sleep(c, 0)
			}
			return pass, pass
		},
		"Semaphore": func() (func(ctx) error, func(ctx) error) {
			there, back := asyncio.NewSemaphore(0), asyncio.NewSemaphore(0)
			return func(c ctx) error { there.Release(); return back.Acquire(c) },
				func(c ctx) error { err := there.Acquire(c); back.Release(); return err }
		},
		"Condition": func() (func(ctx) error, func(ctx) error) {
			cond := asyncio.NewCondition(nil)
			turn := func(c ctx) error {
				if err := cond.Acquire(c); err != nil {
					return err
				}
				defer cond.Release()
				cond.NotifyAll()
				return cond.Wait(c)
			}
			return turn, turn
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
					t.Skip("to find out who calls allocates here")
				}
				step, other := sides()
				w := spawn(c, func(c ctx) error {
					for {
						if err := other(c); err != nil {
							return err
						}
					}
				})
				tick(t, c)
				require.Zero(t, testing.AllocsPerRun(200, func() {
					if err := step(c); err != nil {
						t.Error(err)
					}
				}))
				w.Cancel()
				return syncJoin(c, w)
			}))
		})
	}
}

package asyncio_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// A tickScenario is three tasks that wait for something which is given twice.
type tickScenario struct {
	wait func(ctx) error
	give func(ctx) error
	left func() (waiters, unused int) // in the end
	more bool                         // somebody may be woken who was not meant
}

var tickScenarios = map[string]func() tickScenario{
	"Lock": func() tickScenario {
		var l asyncio.Lock
		_ = l.Acquire(context.Background())
		return tickScenario{
			wait: l.Acquire,
			give: func(ctx) error {
				if !l.Locked() {
					return nil // it is on its way to somebody
				}
				return l.Release()
			},
			left: func() (int, int) {
				if l.Locked() {
					return syncLeft(&l), 0
				}
				return syncLeft(&l), 1
			},
		}
	},
	"Semaphore": func() tickScenario {
		s := asyncio.NewSemaphore(0)
		return tickScenario{
			wait: s.Acquire,
			give: func(ctx) error { s.Release(); return nil },
			left: func() (int, int) { return syncLeft(s), s.Value() },
		}
	},
	"Condition": func() tickScenario {
		cond := asyncio.NewCondition(nil)
		return tickScenario{
			wait: condWaiter(cond, func() {}),
			give: func(c ctx) error { return cond.With(c, func() error { cond.Notify(1); return nil }) },
			left: func() (int, int) { return syncLeft(cond), 0 },
			more: true,
		}
	},
	"Get": func() tickScenario {
		q := asyncio.NewQueue[int](0)
		return tickScenario{
			wait: func(c ctx) error { _, err := q.Get(c); return err },
			give: func(ctx) error { return q.PutNowait(1) },
			left: func() (int, int) { return q.Getters(), q.Len() },
		}
	},
	"Put": func() tickScenario {
		q := asyncio.NewQueue[int](2)
		_, _ = q.PutNowait(1), q.PutNowait(1)
		return tickScenario{
			wait: func(c ctx) error { return q.Put(c, 1) },
			give: func(ctx) error { _, err := q.GetNowait(); return err },
			left: func() (int, int) { return q.Putters(), 2 - q.Len() },
		}
	},
}

// A wait is cancelled at every tick, before and after what is given in that tick,
// What is given goes to others then.
func TestACancelAtAnyTickLosesNothing(t *testing.T) {
	for name, scenario := range tickScenarios {
		for victim := range 3 {
			for cancelAt := range 8 {
				for second := 3; second < 6; second++ {
					for _, before := range []bool{true, false} {
						what := fmt.Sprintf("%s, task %d, tick %d, gifts at 3 and %d, cancel first %v", name, victim, cancelAt, second, before)
						require.NoError(t, run(t, func(c ctx) error {
							s := scenario()
							ts := syncSpawn(c, 3, func(c ctx, _ int) error { return s.wait(c) })
							for n := range 20 {
								if n == cancelAt && before {
									ts[victim].Cancel()
								}
								for _, at := range []int{3, second} {
									if n == at {
										require.NoError(t, s.give(c), what)
									}
								}
								if n == cancelAt && !before {
									ts[victim].Cancel()
								}
								tick(t, c)
							}
							done, cancelled := 0, 0
							for _, w := range ts {
								switch {
								case w.Cancelled():
									cancelled++
								case w.Done():
									done++
								}
							}
							waiters, unused := s.left()
							require.Equal(t, 3-done-cancelled, waiters, what)
							if s.more {
								require.GreaterOrEqual(t, done, min(2, 3-cancelled), what)
							} else {
								require.True(t, waiters == 0 || unused == 0, "%s: %d wait and %d are unused", what, waiters, unused)
								if name != "Lock" {
									require.Equal(t, 2, done+unused, what)
								}
							}
							for _, w := range ts {
								w.Cancel()
							}
							return syncJoin(c, ts...)
						}))
					}
				}
			}
		}
	}
}

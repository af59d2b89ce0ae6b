package asyncio_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// after returns a coroutine that takes d and returns v, or err.
func raceAfter(d time.Duration, v string, err error) asyncio.Coroutine[string] {
	return func(c ctx) (string, error) {
		if e := asyncio.Sleep(c, d); e != nil {
			return "", e
		}
		return v, err
	}
}

func TestAStaggeredRace(t *testing.T) {
	blocked := raceAfter(time.Hour, "never", nil)
	for _, eager := range []bool{false, true} {
		name := map[bool]string{false: "lazily", true: "eagerly"}[eager]
		// race runs one, and says what came of it and how long it took.
		race := func(t *testing.T, delay time.Duration, cs ...asyncio.Coroutine[string]) (v string, winner int, failed []error, took time.Duration) {
			t.Helper()
			require.NoError(t, run(t, func(c ctx) (err error) {
				l := asyncio.RunningLoop(c)
				if eager {
					l.SetTaskFactory(asyncio.EagerTaskFactory)
				}
				start := l.Time()
				v, winner, failed, err = asyncio.StaggeredRace(c, cs, delay)
				took = l.Time() - start
				require.Len(t, l.AllTasks(), 1, "nothing is left")
				return err
			}))
			return v, winner, failed, took
		}
		t.Run(name, func(t *testing.T) {
			t.Run("EG-07 starts the next after the delay, or when one fails", func(t *testing.T) {
				v, winner, failed, took := race(t, 250*ms, blocked, raceAfter(time.Second, "sleep1", nil), raceAfter(0, "", errBad))
				require.Equal(t, "sleep1", v)
				require.Equal(t, 1, winner)
				require.Len(t, failed, 3)
				require.ErrorIs(t, failed[0], asyncio.ErrCancelled)
				require.NoError(t, failed[1])
				require.ErrorIs(t, failed[2], errBad)
				require.Equal(t, 1250*ms, took)
			})
			t.Run("EG-07 without a delay starts the next only when one fails", func(t *testing.T) {
				v, winner, failed, took := race(t, -1, raceAfter(0, "", errBad), raceAfter(time.Second, "sleep1", nil), raceAfter(0, "sleep0", nil))
				require.Equal(t, "sleep1", v)
				require.Equal(t, 1, winner)
				require.Len(t, failed, 2)
				require.ErrorIs(t, failed[0], errBad)
				require.Equal(t, time.Second, took)
			})
			t.Run("may have no winner", func(t *testing.T) {
				v, winner, failed, _ := race(t, -1, raceAfter(0, "", errBad), func(ctx) (string, error) { panic("oops") })
				require.Empty(t, v)
				require.Equal(t, -1, winner)
				require.Len(t, failed, 2)
				var p *asyncio.PanicError
				require.ErrorAs(t, failed[1], &p)
				_, winner, failed, _ = race(t, 0)
				require.Equal(t, -1, winner)
				require.Empty(t, failed)
			})
			t.Run("is cancelled with all that run", func(t *testing.T) {
				var o trace
				require.NoError(t, run(t, func(c ctx) error {
					if eager {
						asyncio.RunningLoop(c).SetTaskFactory(asyncio.EagerTaskFactory)
					}
					w := spawn(c, func(c ctx) error {
						slow := func(c ctx) (string, error) {
							err := asyncio.Sleep(c, time.Hour)
							_ = asyncio.Sleep(c, ms)
							o.add("cleaned up")
							return "", err
						}
						_, winner, failed, err := asyncio.StaggeredRace(c, []asyncio.Coroutine[string]{slow, slow, slow}, time.Second)
						o.add(winner, len(failed))
						return err
					})
					require.NoError(t, asyncio.Sleep(c, 1500*ms))
					w.Cancel()
					_, err := w.Await(c)
					require.ErrorIs(t, err, asyncio.ErrCancelled)
					limited, cancel := context.WithCancel(c)
					asyncio.RunningLoop(c).CallLater(ms, cancel)
					f := asyncio.NewFuture[string](asyncio.RunningLoop(c))
					_, _, _, err = asyncio.StaggeredRace(limited, []asyncio.Coroutine[string]{f.Await}, -1)
					require.ErrorIs(t, err, context.Canceled)
					return nil
				}))
				require.Equal(t, trace{"cleaned up", "cleaned up", "-1 2"}, o)
			})
		})
	}
	panicSays(t, "asyncio.StaggeredRace: the coroutine is nil", func() {
		_, _, _, _ = asyncio.StaggeredRace(context.Background(), []asyncio.Coroutine[int]{nil}, 0)
	})
}

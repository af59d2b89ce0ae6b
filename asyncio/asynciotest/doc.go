// Package asynciotest helps to test what runs on a loop of package asyncio: on a
// virtual clock that jumps from one timer to the next, so that an hour takes a
// microsecond and times are exact; with means to wait until nobody can go on, to
// put steps of several tasks in order, to shuffle what is in order only by
// accident, and to cancel a task at every place where it can be cancelled.
//
//	func TestRetryGivesUpAfterAMinute(t *testing.T) {
//		asynciotest.Run(t, func(ctx context.Context) error {
//			loop := asyncio.RunningLoop(ctx)
//			err := retry(ctx, alwaysFails)
//			require.ErrorIs(t, err, errGaveUp)
//			require.Equal(t, time.Minute, loop.Time())
//			return nil
//		})
//	}
//
// Trio's package trio.testing has been the example: its MockClock, its
// wait_all_tasks_blocked and its Sequencer; asyncio has nothing of the kind.
package asynciotest

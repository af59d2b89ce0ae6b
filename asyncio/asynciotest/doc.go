// Package asynciotest helps to test what runs on a loop of package asyncio: on a
// virtual clock that jumps from one timer to the next, so that an hour takes a
// microsecond and times are exact; with means to wait until nobody can go on, to
// put steps of several tasks in order, to shuffle what is in order only by
// accident, to cancel a task at every place where it can be cancelled, and to see
// whether a call gives way; and with connections in memory: transports, streams, and
// a network of clients and servers.
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
// wait_all_tasks_blocked, its Sequencer, its memory streams and assert_checkpoints;
// asyncio has nothing of the kind.
package asynciotest

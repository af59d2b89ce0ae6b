// Package copies copies what must not be copied, for vet to see.
package copies

import "github.com/baton-go/baton/asyncio"

func copies(
	_ asyncio.Lock, _ asyncio.Event, _ asyncio.Condition, _ asyncio.Semaphore, _ asyncio.BoundedSemaphore,
	_ asyncio.Barrier, _ asyncio.Queue[int], _ asyncio.PriorityQueue[int],
	_ asyncio.Timeout, _ asyncio.TaskGroup, _ asyncio.Task[int], _ asyncio.Future[int],
) {
}

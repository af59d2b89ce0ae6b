package asyncio_test

import (
	"errors"

	"github.com/baton-go/baton/asyncio"
)

// programObjects says how many locks and queues a program has: its field
// "objects".
type programObjects struct {
	Lock, Event, Sem, Cond int
	Queue                  []int // how much room each has
	Barrier                []int // how many have to come to each
}

// syncObjects are those of a program that runs.
type syncObjects struct {
	lock    []*asyncio.Lock
	event   []*asyncio.Event
	sem     []*asyncio.BoundedSemaphore
	cond    []*asyncio.Condition
	queue   []*asyncio.Queue[any]
	barrier []*asyncio.Barrier
}

func newSyncObjects(p programObjects) *syncObjects {
	o := new(syncObjects)
	for range p.Lock {
		o.lock = append(o.lock, new(asyncio.Lock))
	}
	for range p.Event {
		o.event = append(o.event, new(asyncio.Event))
	}
	for range p.Sem {
		o.sem = append(o.sem, asyncio.NewBoundedSemaphore(2))
	}
	for range p.Cond {
		o.cond = append(o.cond, asyncio.NewCondition(nil))
	}
	for _, size := range p.Queue {
		o.queue = append(o.queue, asyncio.NewQueue[any](size))
	}
	for _, parties := range p.Barrier {
		o.barrier = append(o.barrier, asyncio.NewBarrier(parties))
	}
	return o
}

// stepSync does one operation on a lock or a queue. It does not know the others.
func (in *interpreter) stepSync(c ctx, op operation) (result any, err error, known bool) {
	o := in.objects
	switch op.name() {
	case "acquire":
		result, err = wasTrue(o.lock[op.number(1)].Acquire(c))
	case "release":
		err = o.lock[op.number(1)].Release()
	case "sem_acquire":
		result, err = wasTrue(o.sem[op.number(1)].Acquire(c))
	case "sem_release":
		err = o.sem[op.number(1)].Release()
	case "event_wait":
		result, err = wasTrue(o.event[op.number(1)].Wait(c))
	case "event_set":
		o.event[op.number(1)].Set()
	case "event_clear":
		o.event[op.number(1)].Clear()
	case "cond_wait":
		cond := o.cond[op.number(1)]
		result, err = wasTrue(cond.With(c, func() error { return cond.Wait(c) }))
	case "cond_notify":
		cond := o.cond[op.number(1)]
		err = cond.With(c, func() error { cond.Notify(op.number(2)); return nil })
	case "barrier_wait":
		var index int
		if index, err = o.barrier[op.number(1)].Wait(c); err == nil {
			result = index
		}
	default:
		return in.stepQueue(c, op)
	}
	return result, err, true
}

func (in *interpreter) stepQueue(c ctx, op operation) (result any, err error, known bool) {
	o := in.objects
	switch op.name() {
	case "put":
		err = o.queue[op.number(1)].Put(c, op[2])
	case "get":
		result, err = o.queue[op.number(1)].Get(c)
	case "put_nowait":
		err = o.queue[op.number(1)].PutNowait(op[2])
	case "get_nowait":
		result, err = o.queue[op.number(1)].GetNowait()
	case "task_done":
		err = o.queue[op.number(1)].TaskDone()
	case "queue_join":
		err = o.queue[op.number(1)].Join(c)
	default:
		return nil, nil, false
	}
	return result, err, true
}

// wasTrue is the result of what returns True in Python, unless it fails.
func wasTrue(err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return true, nil
}

// syncKindOf returns the oracle's word for an error of a lock or a queue, or "".
func syncKindOf(err error) string {
	for _, kind := range []struct {
		err  error
		word string
	}{
		{asyncio.ErrNotAcquired, "RuntimeError"},
		{asyncio.ErrReleasedTooOften, "ValueError"},
		{asyncio.ErrTaskDone, "ValueError"},
		{asyncio.ErrQueueEmpty, "QueueEmpty"},
		{asyncio.ErrQueueFull, "QueueFull"},
		{asyncio.ErrQueueShutDown, "QueueShutDown"},
		{asyncio.ErrBrokenBarrier, "BrokenBarrierError"},
	} {
		if errors.Is(err, kind.err) {
			return kind.word
		}
	}
	return ""
}

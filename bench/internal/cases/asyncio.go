package cases

import (
	"context"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// taskCrowd is how many tasks there are at a time where each is made and awaited.
const taskCrowd = 100_000

// inTask runs f in the main task of a loop.
func inTask(f func(ctx context.Context)) {
	_, err := asyncio.Run(func(ctx context.Context) (struct{}, error) {
		f(ctx)
		return struct{}{}, nil
	})
	mustDo(err)
}

// betweenTasks runs two tasks that hand something over to each other, n times in
// all: step is what one does to have something handed over and back, and other what
// the other does meanwhile, until it fails.
func betweenTasks(m Meter, n int, step func(context.Context), other func(context.Context) error) {
	inTask(func(ctx context.Context) {
		t := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			for {
				if err := other(ctx); err != nil {
					return struct{}{}, err
				}
			}
		})
		mustDo(asyncio.Sleep(ctx, 0))
		step(ctx)
		m.Start()
		for i := 0; i < n; i += 2 {
			step(ctx)
		}
		m.Stop()
		t.Cancel()
	})
}

// taskQueueHandover puts an item for a task that waits in a Get, and gets one from
// it: n counts the items of both.
func taskQueueHandover(m Meter, n int) {
	there, back := asyncio.NewQueue[int](0), asyncio.NewQueue[int](0)
	betweenTasks(m, n, func(ctx context.Context) {
		mustDo(there.Put(ctx, 1))
		_, err := back.Get(ctx)
		mustDo(err)
	}, func(ctx context.Context) error {
		v, err := there.Get(ctx)
		if err != nil {
			return err
		}
		return back.Put(ctx, v)
	})
}

// taskLockHandover releases a lock for which the other waits, and waits for it: n
// counts what both do.
func taskLockHandover(m Meter, n int) {
	var l asyncio.Lock
	pass := func(ctx context.Context) error {
		mustDo(l.Release())
		return l.Acquire(ctx)
	}
	inTask(func(ctx context.Context) {
		mustDo(l.Acquire(ctx))
		other := asyncio.CreateTask(ctx, func(ctx context.Context) (struct{}, error) {
			err := l.Acquire(ctx)
			for err == nil {
				err = pass(ctx)
			}
			return struct{}{}, err
		})
		mustDo(asyncio.Sleep(ctx, 0))
		mustDo(pass(ctx))
		m.Start()
		for i := 0; i < n; i += 2 {
			mustDo(pass(ctx))
		}
		m.Stop()
		other.Cancel()
	})
}

// taskSleepZero has a crowd of tasks give way to each other.
func taskSleepZero(m Meter, n int) {
	inTask(func(ctx context.Context) {
		all := make([]*asyncio.Task[struct{}], crowd)
		for i := range all {
			all[i] = asyncio.CreateTask(ctx, func(ctx context.Context) (none struct{}, err error) {
				// Once more, so that all have begun when the measurement starts.
				for left := share(i, n); left >= 0 && err == nil; left-- {
					err = asyncio.Sleep(ctx, 0)
				}
				return none, err
			})
		}
		mustDo(asyncio.Sleep(ctx, 0))
		m.Start()
		for _, t := range all {
			_, err := t.Await(ctx)
			mustDo(err)
		}
		m.Stop()
	})
}

// taskLife makes a crowd of tasks that end at once, and awaits them.
func taskLife(m Meter, n int) {
	inTask(func(ctx context.Context) {
		f := func(context.Context) (int, error) { return 1, nil }
		batch := make([]*asyncio.Task[int], min(n, taskCrowd))
		do := func(n int) {
			for i := range n {
				batch[i] = asyncio.CreateTask(ctx, f)
			}
			for _, t := range batch[:n] {
				_, err := t.Await(ctx)
				mustDo(err)
			}
		}
		m.Start()
		for ; n > taskCrowd; n -= taskCrowd {
			do(taskCrowd)
		}
		do(n)
		m.Stop()
	})
}

// greenletCrowdLife does the same with greenlets.
func greenletCrowdLife(m Meter, n int) {
	inHub(func() {
		f := func() {}
		batch := make([]*gevent.Greenlet, min(n, taskCrowd))
		do := func(n int) {
			for i := range n {
				batch[i] = gevent.Spawn(f)
			}
			for _, g := range batch[:n] {
				g.Join()
			}
		}
		m.Start()
		for ; n > taskCrowd; n -= taskCrowd {
			do(taskCrowd)
		}
		do(n)
		m.Stop()
	})
}

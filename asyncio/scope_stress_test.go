package asyncio_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

// TestRandomTreesOfTasksEnd runs trees of tasks, groups, time-outs, shields and
// gatherings, in which some fail and anybody is cancelled at any time. Whatever
// happens, all end, each level of cancellation that a scope has made it takes back,
// nobody fails for another reason than one that was put there, and in the end no timer
// and no task is left. BATON_STRESS_SEEDS says how many trees.
func TestRandomTreesOfTasksEnd(t *testing.T) {
	seeds := 300
	if s := os.Getenv("BATON_STRESS_SEEDS"); s != "" {
		var err error
		seeds, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	for seed := range seeds {
		grow(t, uint64(seed))
	}
}

// A tree is one random program.
type tree struct {
	*rand.Rand
	loop    *asyncio.Loop
	all     []*task
	started int
	ended   int
	outside map[asyncio.AnyTask]int // how often each was cancelled by name
	wrong   []string
}

var errLeaf = errors.New("leaf")

func grow(t *testing.T, seed uint64) {
	t.Helper()
	loop, err := asyncio.NewLoop(asyncio.WithClock(netpoll.NewVirtualClock()),
		asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
			if !errors.Is(e.Err, errLeaf) && !errors.Is(e.Err, asyncio.ErrTimeout) {
				t.Errorf("seed %d: %v", seed, e)
			}
		}))
	require.NoError(t, err)
	r := &tree{Rand: rand.New(rand.NewPCG(seed, 1)), loop: loop, outside: map[asyncio.AnyTask]int{}}
	_, err = asyncio.RunUntilComplete(loop, proc(func(c ctx) error {
		var roots []*task
		for range 1 + r.IntN(4) {
			roots = append(roots, r.task(c, 4))
		}
		for range r.IntN(20) {
			loop.CallLater(r.delay(), func() {
				if len(r.all) > 0 {
					r.kill(r.all[r.IntN(len(r.all))])
				}
			})
		}
		if _, _, err := asyncio.Wait(c, roots); err != nil {
			return err
		}
		for _, w := range roots {
			if w.Cancelling() != r.outside[w] {
				r.wrong = append(r.wrong, fmt.Sprintf("%v: cancelling %d after %d kills", w, w.Cancelling(), r.outside[w]))
			}
		}
		for {
			if err := asyncio.Sleep(c, time.Second); err != nil || len(loop.AllTasks()) == 1 {
				return err
			}
		}
	}))
	require.NoError(t, err, "seed %d", seed)
	require.Empty(t, r.wrong, "seed %d", seed)
	require.Equal(t, r.started, r.ended, "seed %d", seed)
	for _, w := range r.all {
		require.True(t, w.Done(), "seed %d: %v", seed, w)
	}
	require.Less(t, loop.Time(), 10*time.Minute, "seed %d: nobody waits for what was cancelled", seed)
	require.Zero(t, asyncio.Timers(loop), "seed %d", seed)
	require.NoError(t, loop.Close())
}

func (r *tree) delay() time.Duration { return time.Duration(r.IntN(20)) * ms }

// kill cancels a task from outside.
func (r *tree) kill(w *task) {
	if w.Cancel() {
		r.outside[w]++
	}
}

// task makes a task that does something random.
func (r *tree) task(c ctx, depth int) *task {
	w := spawn(c, r.coroutine(depth))
	r.all = append(r.all, w)
	return w
}

// coroutine is a node's: it may be called in a task of its own only.
func (r *tree) coroutine(depth int) func(ctx) error {
	return func(c ctx) (err error) {
		r.started++
		defer func() { r.ended++ }()
		for range 1 + r.IntN(3) {
			if err = r.balanced(c, depth); err != nil {
				break
			}
		}
		if errors.Is(err, asyncio.ErrCancelled) && r.IntN(5) == 0 {
			return nil // swallowed
		}
		return err
	}
}

// balanced does one thing, and checks that it leaves no requests to cancel behind but
// those that came from outside meanwhile.
func (r *tree) balanced(c ctx, depth int) error {
	me := asyncio.CurrentTask(c)
	before, killed := me.Cancelling(), r.outside[me]
	err := r.step(c, depth)
	// A request may also come by way of somebody who awaits the task, or from a scope
	// around this one. Of the roots nobody does; there the end must be exact.
	if now := me.Cancelling(); now < before+r.outside[me]-killed {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: cancelling %d after %d and %d kills", me.Name(), now, before, r.outside[me]-killed))
	}
	return err
}

func (r *tree) step(c ctx, depth int) error {
	kinds := 10
	if depth == 0 {
		kinds = 4
	}
	switch r.IntN(kinds) {
	case 0:
		return asyncio.Sleep(c, 0)
	case 1:
		return asyncio.Sleep(c, r.delay())
	case 2:
		if r.IntN(3) == 0 {
			return errLeaf
		}
		return yield(c, r.IntN(3))
	case 3:
		if len(r.all) > 0 && r.IntN(2) == 0 {
			r.kill(r.all[r.IntN(len(r.all))])
		}
		return asyncio.Sleep(c, r.delay())
	case 4, 5:
		return r.timeout(c, depth-1)
	case 6, 7:
		return r.group(c, depth-1)
	case 8:
		return r.join(c, r.task(c, depth-1))
	default:
		_, err := asyncio.GatherOutcomes[asyncio.AwaitableOf[none]](c, r.task(c, depth-1), r.task(c, depth-1))
		return err
	}
}

func (r *tree) timeout(c ctx, depth int) error {
	to := asyncio.NewTimeout(r.delay())
	err := to.Do(c, func(c ctx) error {
		if r.IntN(4) == 0 {
			_ = to.Reschedule(r.loop.Time() + r.delay())
		}
		return r.balanced(c, depth)
	})
	if errors.Is(err, asyncio.ErrTimeout) && r.IntN(2) == 0 {
		return nil
	}
	return err
}

func (r *tree) group(c ctx, depth int) error {
	g := asyncio.NewTaskGroup()
	var mine []*task
	err := g.Do(c, func(c ctx) error {
		for range r.IntN(4) {
			w, err := asyncio.GroupCreateTask(g, proc(r.coroutine(depth)))
			if err != nil {
				break // it aborts
			}
			mine = append(mine, w)
			r.all = append(r.all, w)
			if r.IntN(3) == 0 {
				_ = asyncio.Sleep(c, 0) // which swallows a cancel
			}
		}
		if r.IntN(8) == 0 {
			g.Cancel()
		}
		return r.balanced(c, depth)
	})
	for _, w := range mine {
		if !w.Done() {
			r.wrong = append(r.wrong, fmt.Sprintf("%v outlives its group", w))
		}
	}
	var group *asyncio.TaskGroupError
	if errors.As(err, &group) && r.IntN(2) == 0 {
		return nil
	}
	return err
}

// join waits for a task in one of the ways there are.
func (r *tree) join(c ctx, w *task) (err error) {
	switch r.IntN(5) {
	case 0:
		_, err = w.Await(c)
	case 1:
		_, err = asyncio.Shield(c, w)
	case 2:
		_, err = asyncio.WaitFor(c, w, r.delay()-5*ms)
	case 3:
		_, err = asyncio.WaitFor(c, asyncio.ShieldFuture[none](w), r.delay())
	default:
		for _, err := range asyncio.AsCompleted(c, []*task{w}, asyncio.WaitTimeout(r.delay())) {
			return err
		}
	}
	return err
}

package coro_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/internal/baton"
)

// A scheduler is the least that has tasks which park: a queue of them, resumed in
// turn by the root. Parking is what a sleep or a read of a greenlet comes to.
type scheduler struct {
	thread *baton.Thread
	root   *baton.Fiber
	ready  []*baton.Task
}

// schedule runs f, which spawns tasks, and then the tasks until none is ready.
func schedule(f func(s *scheduler)) {
	s := &scheduler{thread: baton.NewThread()}
	s.root = s.thread.Enter()
	defer s.thread.End(s.root)
	f(s)
	for len(s.ready) > 0 {
		task := s.ready[0]
		s.ready = s.ready[1:]
		s.thread.Current = task
		s.root.Resume(task.Fiber)
		s.thread.Current = s.thread.Main()
	}
}

type taskBody struct {
	s   *scheduler
	run func()
}

func (b *taskBody) Run(*baton.Fiber) (baton.Body, *baton.Fiber) {
	b.run()
	return nil, b.s.root
}

func (b *taskBody) Goexit(*baton.Fiber) *baton.Fiber { return b.s.root }

func (s *scheduler) spawn(run func()) *baton.Task {
	task := &baton.Task{Thread: s.thread, Fiber: s.thread.Carrier(&taskBody{s, run})}
	s.ready = append(s.ready, task)
	return task
}

// park parks the current task, on whichever fiber acts for it, until its next turn.
func (s *scheduler) park() { s.parkUntil(func(t *baton.Task) { s.ready = append(s.ready, t) }) }

func (s *scheduler) parkUntil(enqueue func(*baton.Task)) {
	task := s.thread.Current
	task.Fiber = baton.Self()
	enqueue(task)
	task.Fiber.Resume(s.root)
}

func TestABodyThatParksParksItsResumer(t *testing.T) {
	var log []string
	note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	schedule(func(s *scheduler) {
		g := coro.Generate(func(yield func(int) error) error {
			for i := range 3 {
				current := s.thread.Current
				s.park()
				assert.Same(t, current, s.thread.Current, "a body acts for its resumer")
				if err := yield(i); err != nil {
					return err
				}
			}
			return nil
		})
		s.spawn(func() {
			for v := 0; ; v++ {
				got, err := g.Next()
				if err != nil {
					assert.ErrorIs(t, err, coro.ErrDone)
					break
				}
				note("a got %d", got)
			}
		})
		s.spawn(func() {
			for range 2 {
				assert.Equal(t, coro.Running, g.State())
				_, err := g.Next()
				assert.ErrorIs(t, err, coro.ErrRunning)
				assert.ErrorIs(t, g.Close(), coro.ErrRunning)
				note("b was refused")
				s.park()
			}
		})
	})
	assert.Equal(t, []string{"b was refused", "a got 0", "b was refused", "a got 1", "a got 2"}, log)
	assert.Zero(t, coro.Live())
}

// Parking mixes the slots of the switch, so that fibers are parked in places of
// others, which must not be seen.
func TestManyTasksShareManyGeneratorsAndAllPark(t *testing.T) {
	const tasks, generators, rounds = 12, 5, 60
	before := runtime.NumGoroutine()
	sums := make([]int, generators)
	schedule(func(s *scheduler) {
		gs := make([]*coro.Coroutine[int, int, int], generators)
		for n := range gs {
			inner := coro.New(func(yield func(int) (int, error)) (int, error) {
				sum, got := 0, 0
				for {
					if (sum+got)%3 == 0 {
						s.park()
					}
					var err error
					if got, err = yield(sum); err != nil {
						return sum, err
					}
					sum += got
				}
			})
			gs[n] = coro.New(func(yield func(int) (int, error)) (int, error) {
				return coro.YieldFrom(yield, inner)
			})
		}
		s.spawn(func() {
			for _, g := range gs {
				_, err := g.Next()
				require.NoError(t, err)
			}
		})
		for i := range tasks {
			s.spawn(func() {
				for r := range rounds {
					n := (i*7 + r) % generators
					for {
						got, err := gs[n].Send(i)
						if err == nil {
							sums[n] += i
							assert.Equal(t, sums[n], got)
							break
						}
						require.Condition(t, func() bool { return errors.Is(err, coro.ErrRunning) || errors.Is(err, coro.ErrNotStarted) })
						s.park()
					}
					if r%4 == 0 {
						s.park()
					}
				}
			})
		}
	})
	assert.Zero(t, coro.Live())
	requireGoroutines(t, before)
}

func TestAGeneratorMovesFromTaskToTask(t *testing.T) {
	schedule(func(s *scheduler) {
		g := upTo(100)
		next := 0
		for range 4 {
			s.spawn(func() {
				for range 20 {
					v, err := g.Next()
					require.NoError(t, err)
					assert.Equal(t, next, v)
					next++
					s.park()
				}
			})
		}
	})
	assert.Zero(t, coro.Live(), "the end of the thread closed it")
}

func TestALoopMayParkInBothBodies(t *testing.T) {
	var got []int
	schedule(func(s *scheduler) {
		for task := range 2 {
			s.spawn(func() {
				g := coro.Generate(func(yield func(int) error) error {
					for i := range 3 {
						s.park()
						if err := yield(10*task + i); err != nil {
							return err
						}
					}
					return nil
				})
				for v := range g.All() {
					got = append(got, v)
					s.park()
				}
			})
		}
	})
	assert.Equal(t, []int{0, 10, 1, 11, 2, 12}, got)
}

// The root ends while it is parked in Next, because a task below it asked for it.
func TestTheRootMayExitInsideNext(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		thread := baton.NewThread()
		root := thread.Enter()
		var body *baton.Fiber
		g := coro.Generate(func(yield func(int) error) error {
			body = baton.Self()
			body.Resume(thread.ExitRoot())
			return yield(1)
		})
		defer func() {
			assert.Equal(t, coro.Running, g.State())
			root.Resume(body) // goes on where it was left
			assert.Equal(t, coro.Suspended, g.State())
			thread.End(root)
			assert.Equal(t, coro.Closed, g.State())
		}()
		g.Next()
		t.Error("the root went on")
	}()
	<-done
}

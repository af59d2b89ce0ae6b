package asyncio_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/queue"
)

func TestSeveralGreenletsRunAtOnce(t *testing.T) {
	var o trace
	require.NoError(t, green(t, func() error {
		gs := make([]*gevent.Greenlet, 3)
		loops := make(map[*asyncio.Loop]bool)
		for i := range gs {
			gs[i] = gevent.Spawn(func() error {
				v, err := asyncio.Run(func(c ctx) (int, error) {
					loops[asyncio.RunningLoop(c)] = true
					left := spawn(c, sleeper(&o, fmt.Sprint("left ", i), time.Hour))
					for step := range 2 {
						o.add(i, " ", step)
						if err := asyncio.Sleep(c, time.Duration(3-i)*time.Second); err != nil {
							return 0, err
						}
					}
					require.Equal(t, []asyncio.AnyTask{asyncio.CurrentTask(c), left}, asyncio.RunningLoop(c).AllTasks())
					return i, nil
				})
				require.Equal(t, i, v)
				return err
			})
		}
		gevent.JoinAll(gs...)
		for _, g := range gs {
			require.NoError(t, g.Err())
		}
		require.Len(t, loops, 3, "each has a loop of its own")
		for l := range loops {
			require.True(t, l.IsClosed())
		}
		return nil
	}))
	require.Equal(t, trace{"0 0", "1 0", "2 0", "2 1", "1 1", "0 1"}, o)
}

func TestGreenletsInALoopOfAsyncio(t *testing.T) {
	var o trace
	require.NoError(t, run(t, func(c ctx) error {
		g := gevent.Spawn(func() {
			o.add("greenlet")
			gevent.Sleep(time.Second)
			_, _ = asyncio.CreateTask(c, func(c ctx) (int, error) { return 0, asyncio.Sleep(c, time.Second) }).Await(context.Background())
			o.add("greenlet again at ", asyncio.RunningLoop(c).Time())
		})
		kept := gevent.Spawn(func() {
			defer o.add("killed at the end")
			gevent.Sleep(24 * time.Hour)
		})
		o.add("task")
		g.Join()
		require.False(t, kept.Dead())
		return asyncio.Sleep(c, time.Second)
	}))
	require.Equal(t, trace{"task", "greenlet", "greenlet again at 2s", "killed at the end"}, o)
}

func TestATaskAndAGreenletShareQueues(t *testing.T) {
	const n = 100
	bg := context.Background()
	for name, f := range map[string]struct {
		put func(i int) error
		get func() (int, error)
	}{
		"of gevent": func() (f struct {
			put func(i int) error
			get func() (int, error)
		}) {
			q := queue.New[int](3)
			f.put, f.get = q.Put, q.Get
			return f
		}(),
		"of asyncio": func() (f struct {
			put func(i int) error
			get func() (int, error)
		}) {
			q := asyncio.NewQueue[int](3)
			f.put = func(i int) error { return q.Put(bg, i) }
			f.get = func() (int, error) { return q.Get(bg) }
			return f
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			send := func() error {
				for i := range n {
					if err := f.put(i); err != nil {
						return err
					}
				}
				return nil
			}
			receive := func() error {
				for i := range n {
					got, err := f.get()
					if err != nil {
						return err
					}
					require.Equal(t, i, got)
				}
				return nil
			}
			require.NoError(t, green(t, func() error {
				for _, fromTask := range []bool{true, false} {
					a, b := send, receive
					if !fromTask {
						a, b = receive, send
					}
					task := spawn(bg, func(ctx) error { return a() })
					g := gevent.Spawn(b)
					require.NoError(t, g.Get())
					_, err := task.Await(bg)
					require.NoError(t, err)
				}
				return nil
			}))
		})
	}
}

func TestATaskAndAGreenletWaitForEachOther(t *testing.T) {
	bg := context.Background()
	require.NoError(t, green(t, func() error {
		// A greenlet ends a task's wait, and the other way round.
		var there asyncio.Event
		back := event.NewAsyncResult[string]()
		task := asyncio.CreateTask(bg, func(c ctx) (string, error) {
			if err := there.Wait(c); err != nil {
				return "", err
			}
			back.Set("and back")
			gevent.Sleep(time.Second)
			return "over", nil
		})
		g := gevent.Spawn(func() {
			gevent.Sleep(time.Second)
			there.Set()
			s, err := back.Get()
			require.Equal(t, "and back", s)
			require.NoError(t, err)
		})
		g.Join()
		s, err := task.Await(bg)
		require.Equal(t, "over", s)
		require.Equal(t, 2*time.Second, asyncio.RunningLoop(bg).Time())
		// One in whose chain both kinds are: cancelling the task kills nobody.
		inner := sleepy()
		outer := spawn(bg, func(ctx) error { inner.Join(); return nil })
		last := gevent.Spawn(func() error { _, err := outer.Await(bg); return err })
		gevent.Sleep(time.Second)
		outer.Cancel()
		require.ErrorIs(t, last.Get(), asyncio.ErrCancelled)
		require.False(t, inner.Dead())
		inner.Kill()
		return err
	}))
}

var mixSeeds = flag.Uint64("mixseeds", 40, "how many random programs of tasks and greenlets run")

// A mix is a random program of tasks and greenlets that share things of both
// packages, while others cancel and kill them.
type mix struct {
	t       *testing.T
	rng     *rand.Rand
	queues  [2]mixQueue
	locks   [2]mixLock
	put     map[int]bool // what is in a queue
	next    int
	moved   int    // items that came through a queue
	inside  [2]int // who is in a lock
	members []mixMember
}

type mixQueue struct {
	put func(c ctx, i int) error
	get func(c ctx) (int, error)
	len func() int
	// idle reports that nobody waits.
	idle func() bool
}

type mixLock struct {
	with func(c ctx, f func() error) error
	free func() bool
}

type mixMember struct {
	task     *asyncio.Task[none]
	greenlet *gevent.Greenlet
}

// stop cancels or kills the member.
func (m mixMember) stop() {
	if m.task != nil {
		m.task.Cancel()
	} else {
		m.greenlet.KillAsync(nil)
	}
}

func newMix(t *testing.T, seed uint64) *mix {
	m := &mix{t: t, rng: rand.New(rand.NewPCG(seed, 5)), put: make(map[int]bool)}
	qa, qg := asyncio.NewQueue[int](4), queue.New[int](4)
	m.queues = [2]mixQueue{
		{qa.Put, qa.Get, qa.Len, func() bool { return qa.Getters()+qa.Putters() == 0 }},
		{func(_ ctx, i int) error { return qg.Put(i) }, func(ctx) (int, error) { return qg.Get() }, qg.QSize,
			func() bool { return qg.Getters()+qg.Putters() == 0 }},
	}
	la, lg := new(asyncio.Lock), lock.NewSemaphore(1)
	m.locks = [2]mixLock{
		{la.With, func() bool { return !la.Locked() }},
		{func(_ ctx, f func() error) (err error) { lg.With(func() { err = f() }); return err }, func() bool { return !lg.Locked() && lg.LinkCount() == 0 }},
	}
	return m
}

// sleep waits in one of the two ways.
func (m *mix) sleep(c ctx) error {
	d := time.Duration(m.rng.IntN(3)) * time.Millisecond
	if m.rng.IntN(2) == 0 {
		gevent.Sleep(d)
		return nil
	}
	return asyncio.Sleep(c, d)
}

// live is what a member does until it has done enough, or is stopped.
func (m *mix) live(c ctx) error {
	for range 5 + m.rng.IntN(20) {
		i := m.rng.IntN(2)
		var err error
		switch m.rng.IntN(6) {
		case 0, 1:
			m.next++
			n := m.next
			// Whether it is in the queue is known when Put has returned; somebody may
			// have taken it before.
			m.put[n] = true
			if err = m.offer(c, i, n); err != nil {
				return err
			}
		case 2, 3:
			var n int
			if n, err = m.queues[i].get(c); err == nil {
				require.True(m.t, m.put[n], "item %d came twice", n)
				delete(m.put, n)
				m.moved++
			}
		case 4:
			err = m.locks[i].with(c, func() error {
				m.inside[i]++
				defer func() { m.inside[i]-- }()
				require.Equal(m.t, 1, m.inside[i], "two are in a lock")
				return m.sleep(c)
			})
		case 5:
			err = m.await(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// offer puts n into a queue, and takes note if it did not get there.
func (m *mix) offer(c ctx, i, n int) (err error) {
	arrived := false
	defer func() {
		if !arrived {
			delete(m.put, n)
		}
	}()
	if err = m.queues[i].put(c, n); err == nil {
		arrived = true
	}
	return err
}

// await waits for a member of a new pair, of one kind or the other.
func (m *mix) await(c ctx) error {
	child := asyncio.CreateTask(c, func(c ctx) (int, error) { return 1, m.sleep(c) })
	switch m.rng.IntN(4) {
	case 0:
		_, err := child.Await(c)
		return err
	case 1:
		_, err := asyncio.Shield(c, child)
		return err
	case 2:
		_, err := asyncio.WaitFor(c, child, time.Duration(m.rng.IntN(3))*time.Millisecond)
		if errors.Is(err, asyncio.ErrTimeout) {
			return nil
		}
		return err
	}
	g := gevent.SpawnValue(func() (int, error) { return child.Await(context.Background()) })
	defer g.Kill()
	_, err := g.GetTimeout(time.Duration(1+m.rng.IntN(3)) * time.Millisecond)
	if errors.Is(err, gevent.ErrTimeout) || errors.Is(err, asyncio.ErrCancelled) {
		return nil
	}
	return err
}

func (m *mix) run() {
	bg := context.Background()
	for range 12 {
		if m.rng.IntN(2) == 0 {
			m.members = append(m.members, mixMember{task: spawn(bg, m.live)})
		} else {
			m.members = append(m.members, mixMember{greenlet: gevent.Spawn(func() error { return m.live(bg) })})
		}
	}
	for range 30 {
		gevent.Sleep(time.Duration(m.rng.IntN(3)) * time.Millisecond)
		if m.rng.IntN(3) == 0 {
			m.members[m.rng.IntN(len(m.members))].stop()
		}
	}
	// Those that are left wait for items or room, or have ended.
	for _, member := range m.members {
		member.stop()
	}
	for _, member := range m.members {
		if member.task != nil {
			if _, err := member.task.Await(bg); err != nil {
				require.ErrorIs(m.t, err, asyncio.ErrCancelled)
			}
		} else if err := member.greenlet.Get(); err != nil {
			require.True(m.t, errors.Is(err, gevent.ErrGreenletExit) || errors.Is(err, asyncio.ErrCancelled), "%v", err)
		}
	}
	for left := asyncio.RunningLoop(bg).AllTasks(); len(left) > 0; left = asyncio.RunningLoop(bg).AllTasks() {
		gevent.Sleep(time.Millisecond) // children that were shielded
	}
	inQueues := 0
	for i, q := range m.queues {
		require.True(m.t, q.idle(), "somebody waits at queue %d", i)
		inQueues += q.len()
	}
	require.Len(m.t, m.put, inQueues, "items were lost, or came twice")
	for i, l := range m.locks {
		require.True(m.t, l.free(), "lock %d was kept", i)
	}
}

func TestTasksAndGreenletsInRandomPrograms(t *testing.T) {
	moved := 0
	defer func() { require.Greater(t, moved, 10*int(*mixSeeds), "hardly anything happened") }()
	for seed := range *mixSeeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			require.NoError(t, green(t, func() error {
				m := newMix(t, seed)
				m.run()
				moved += m.moved
				return nil
			}, gevent.WithShuffle(seed), gevent.WithErrorHook(func(where string, err error) {
				if !errors.Is(err, asyncio.ErrCancelled) {
					t.Errorf("unexpected: %s: %v", where, err)
				}
			})))
		})
	}
}

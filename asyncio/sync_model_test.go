package asyncio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// syncModelSeeds is how many random programs are run of each kind.
const syncModelSeeds = 150

// A syncModel is something on which random tasks work, which may be cancelled or
// run out of time in each of their waits.
type syncModel struct {
	name string
	make func(m *syncRun) (work func(c ctx, id int) error, check func(quiet bool))
}

// A syncRun is one random program.
type syncRun struct {
	t   *testing.T
	r   *rand.Rand
	c   ctx
	all []*task // those who may be cancelled
}

func (m *syncRun) check(ok bool, format string, args ...any) {
	m.t.Helper()
	if !ok {
		m.t.Errorf(format, args...)
	}
}

// pause gives way for none, one or several ticks, or for a time.
func (m *syncRun) pause(c ctx) error {
	switch m.r.IntN(4) {
	case 0:
		return nil
	case 1:
		return asyncio.Sleep(c, time.Duration(m.r.IntN(5))*ms)
	}
	for range m.r.IntN(3) {
		if err := asyncio.Sleep(c, 0); err != nil {
			return err
		}
	}
	return nil
}

// syncModels are all kinds. Who has got something always gives it back, so that in
// the end, when nothing is cancelled any more, everybody must come through.
var syncModels = []syncModel{
	{"Lock", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		l := new(asyncio.Lock)
		holders := 0
		line := syncLine{m: m}
		return func(c ctx, id int) error {
				line.join(id, !l.Locked() && syncLeft(l) == 0)
				err := l.Acquire(c)
				line.leave(id, err)
				if err != nil {
					return err
				}
				holders++
				m.check(holders == 1 && l.Locked(), "%d tasks have the lock", holders)
				err = m.pause(c)
				holders--
				return errors.Join(err, l.Release())
			}, func(quiet bool) {
				m.check(!quiet || !l.Locked() && syncLeft(l) == 0, "left: %v", l)
			}
	}},
	{"Semaphore", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		n := 1 + m.r.IntN(3)
		s := asyncio.NewBoundedSemaphore(n)
		holders := 0
		line := syncLine{m: m}
		return func(c ctx, id int) error {
				line.join(id, !s.Locked())
				err := s.Acquire(c)
				line.leave(id, err)
				if err != nil {
					return err
				}
				holders++
				m.check(holders+s.Value() <= n, "%d permits of %d, and %d have one", s.Value(), n, holders)
				err = m.pause(c)
				holders--
				return errors.Join(err, s.Release())
			}, func(quiet bool) {
				m.check(holders+s.Value() <= n, "%d permits of %d, and %d have one", s.Value(), n, holders)
				m.check(!quiet || s.Value() == n && syncLeft(s) == 0, "left: %v", s)
			}
	}},
	{"Event", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		e := new(asyncio.Event)
		sets := 0
		return func(c ctx, id int) error {
				if m.r.IntN(2) == 0 {
					err := m.pause(c)
					sets++
					e.Set()
					if m.r.IntN(2) == 0 {
						e.Clear()
					}
					return err
				}
				before, was := sets, e.IsSet()
				err := e.Wait(c)
				m.check(err != nil || was || sets > before, "woken without a Set")
				return err
			}, func(quiet bool) {
				if quiet {
					m.check(syncLeft(e) == 0, "left: %v", e)
				} else {
					sets++
					e.Set() // so that nobody waits for ever
				}
			}
	}},
	{"Condition", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		cond := asyncio.NewCondition(nil)
		items, made, taken := 0, 0, 0
		holders := 0
		hold := func(c ctx, f func() error) error {
			return cond.With(c, func() error {
				holders++
				m.check(holders == 1, "%d tasks have the lock", holders)
				err := f()
				holders--
				return err
			})
		}
		return func(c ctx, id int) error {
				if m.r.IntN(2) == 0 {
					return hold(c, func() error {
						items++
						made++
						cond.Notify(1)
						return m.pause(c)
					})
				}
				return hold(c, func() error {
					for items == 0 {
						holders--
						err := cond.Wait(c)
						holders++
						m.check(holders == 1 && cond.Locked(), "%d tasks have the lock after a Wait", holders)
						if err != nil {
							return err
						}
					}
					items--
					taken++
					return nil
				})
			}, func(quiet bool) {
				m.check(items == made-taken && items >= 0, "%d items of %d, and %d were taken", items, made, taken)
				if quiet {
					m.check(!cond.Locked() && syncLeft(cond) == 0, "left: %v", cond)
				} else if n := syncLeft(cond); n > 0 && items == 0 && !cond.Locked() {
					spawn(m.c, func(c ctx) error {
						return hold(c, func() error { items += n; made += n; cond.Notify(n); return nil })
					})
				}
			}
	}},
	{"Queue", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		q := asyncio.NewQueue[int](m.r.IntN(3))
		var in, out []int
		next := 0
		get := func(v int, err error) error {
			if err == nil {
				out = append(out, v)
				err = q.TaskDone()
			}
			return err
		}
		put := func(v int, err error) error {
			if err == nil {
				in = append(in, v)
			}
			return err
		}
		return func(c ctx, id int) error {
				next++
				v := next
				switch m.r.IntN(8) {
				case 0:
					_ = put(v, q.PutNowait(v))
					return nil
				case 1:
					_ = get(q.GetNowait())
					return nil
				case 2, 3, 4:
					return put(v, q.Put(c, v))
				default:
					return get(q.Get(c))
				}
			}, func(quiet bool) {
				m.check(len(in) == len(out)+q.Len(), "%d items in, %d out, %d left", len(in), len(out), q.Len())
				m.check(slices.Equal(out, in[:min(len(out), len(in))]), "in %v, out %v", in, out)
				m.check(q.UnfinishedTasks() == q.Len(), "%v", q)
				if quiet {
					m.check(q.Getters() == 0 && q.Putters() == 0, "left: %v", q)
				} else {
					// Only those are helped who wait for what is not there.
					for q.Getters() > 0 && q.Empty() {
						next++
						_ = put(next, q.PutNowait(next))
					}
					if q.Putters() > 0 && q.Full() {
						_ = get(q.GetNowait())
					}
				}
			}
	}},
	{"Barrier", func(m *syncRun) (func(ctx, int) error, func(bool)) {
		b := asyncio.NewBarrier(2 + m.r.IntN(3))
		seen := map[int]int{}
		return func(c ctx, id int) error {
				switch m.r.IntN(12) {
				case 0:
					b.Reset()
				case 1:
					b.Abort()
				default:
					index, err := b.Wait(c)
					if err == nil {
						seen[index]++
					}
					if errors.Is(err, asyncio.ErrBrokenBarrier) {
						return nil
					}
					return err
				}
				return nil
			}, func(quiet bool) {
				for index := range seen {
					m.check(index >= 0 && index < b.Parties(), "index %d", index)
				}
				m.check(b.NWaiting() < b.Parties(), "%v", b)
				if quiet {
					m.check(b.NWaiting() == 0, "left: %v", b)
				} else {
					b.Abort()
				}
			}
	}},
}

// syncLeft is how many wait for o.
func syncLeft(o fmt.Stringer) (n int) {
	text := o.String()
	for i := range text {
		if k, _ := fmt.Sscanf(text[i:], "waiters:%d]>", &n); k == 1 {
			return n
		}
	}
	return 0
}

// A syncLine checks that tasks go on in the order in which they came. Nobody but who
// is cancelled may be overtaken.
type syncLine struct {
	m    *syncRun
	line []syncPlace
}

type syncPlace struct{ id, overtaker int }

// join notes that id is about to wait, if there is nothing free.
func (l *syncLine) join(id int, free bool) {
	if !free {
		l.line = append(l.line, syncPlace{id: id})
	}
}

// leave notes how the wait of id has ended.
func (l *syncLine) leave(id int, err error) {
	i := slices.IndexFunc(l.line, func(p syncPlace) bool { return p.id == id })
	if i < 0 {
		i = 0 // it did not wait
	} else {
		by := l.line[i].overtaker
		l.m.check(err != nil || by == 0, "task %d was overtaken by %d", id, by)
		l.line = slices.Delete(l.line, i, i+1)
	}
	if err == nil {
		for k := range l.line[:i] {
			l.line[k].overtaker = id
		}
	}
}

// run runs one random program: tasks that work, one that cancels them, and time-outs.
func (model syncModel) run(t *testing.T, seed uint64) {
	m := &syncRun{t: t, r: rand.New(rand.NewPCG(seed, 1))}
	require.NoError(t, run(t, func(c ctx) error {
		m.c = c
		work, check := model.make(m)
		var ts []*task
		id := 0
		one := func(c ctx) error {
			id++
			n := id
			err := work(c, n)
			if len(m.all) > 0 && m.r.IntN(3) == 0 {
				m.all[m.r.IntN(len(m.all))].Cancel() // who may just have been told of what was done
			}
			return err
		}
		limited := func(c ctx) error {
			switch m.r.IntN(4) {
			case 0:
				err := asyncio.WithTimeout(c, time.Duration(m.r.IntN(6))*ms, one)
				if errors.Is(err, asyncio.ErrTimeout) {
					return nil
				}
				return err
			case 1:
				inner, cancel := context.WithCancel(c)
				defer cancel()
				if m.r.IntN(3) == 0 {
					asyncio.RunningLoop(c).CallLater(time.Duration(m.r.IntN(6))*ms, cancel)
				}
				if err := one(inner); err != nil && !(errors.Is(err, context.Canceled) && inner.Err() != nil) {
					return err
				}
				return nil
			}
			return one(c)
		}
		for range 6 + m.r.IntN(6) {
			ts = append(ts, spawn(c, func(c ctx) error {
				for range 1 + m.r.IntN(6) {
					if err := m.pause(c); err != nil && m.r.IntN(2) == 0 {
						return err
					}
					if err := limited(c); err != nil && m.r.IntN(2) == 0 {
						return err
					}
				}
				return nil
			}))
		}
		m.all = ts
		for range 40 {
			_ = m.pause(c)
			if m.r.IntN(2) == 0 {
				ts[m.r.IntN(len(ts))].Cancel()
			}
		}
		m.all = nil
		// No more cancels: all must come through, at most with help for those who
		// wait for what nobody else will do.
		for round := 0; slices.ContainsFunc(ts, func(w *task) bool { return !w.Done() }); round++ {
			for _, w := range ts {
				if round >= 300 && !w.Done() {
					m.check(false, "%s never ends", w.Name())
					w.Cancel()
				}
			}
			_ = asyncio.Sleep(c, 10*ms)
			check(false)
		}
		for _, w := range ts {
			_, err := w.Await(c)
			m.check(err == nil || errors.Is(err, context.Canceled), "%v", err)
		}
		_ = asyncio.Sleep(c, time.Second)
		check(true)
		return nil
	}))
}

func TestNothingIsLostWhateverIsCancelled(t *testing.T) {
	for _, model := range syncModels {
		t.Run(model.name, func(t *testing.T) {
			for seed := range uint64(syncModelSeeds) {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { model.run(t, seed) })
			}
		})
	}
}

package gevent_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

// TestKillsAndTimeoutsAtEveryBlockingCall runs random programs in which greenlets
// wait in every way that this package has, while others kill them and time-outs
// come, and checks what must hold in all of them: who waits for something that
// comes is told; nobody is unwound by anything that is not meant for him; a time
// limit is kept; and in the end nobody is left in any list, no timer is armed,
// and no greenlet is alive. Run it longer with -seeds.
func TestKillsAndTimeoutsAtEveryBlockingCall(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			run(t, func() { newWorld(rand.New(rand.NewPCG(s, 7))).run(t) })
		})
	}
}

// A world is one random program.
type world struct {
	rng    *rand.Rand
	loop   interface{ UpdateTime() time.Duration }
	all    []*gevent.Greenlet
	events []*event
	calls  [9]int // how often each kind of waiting ended, in any way
}

func newWorld(rng *rand.Rand) *world {
	return &world{rng: rng, loop: hub.Current().Loop}
}

func (w *world) run(t *testing.T) {
	for range 4 {
		w.events = append(w.events, &event{})
	}
	for range 30 {
		w.spawn(0)
	}
	for i := 0; i < 200; i++ {
		gevent.Sleep(w.time(60))
		switch w.rng.IntN(12) {
		case 0:
			w.any().KillAsync(nil)
		case 1:
			w.any().KillAsync(errBoom)
		case 2:
			e := w.events[w.rng.IntN(len(w.events))]
			e.Set()
			e.set = false // the next ones wait
		case 3:
			w.any().Throw(errOdd)
		}
	}
	for _, e := range w.events {
		e.Set()
	}
	for i := 0; i < len(w.all); i++ { // it grows
		for !w.all[i].JoinTimeout(time.Second) {
			w.all[i].KillAsync(nil) // it may wait for itself
		}
		require.True(t, expected(w.all[i].Get()), "%v", w.all[i].Err())
	}
	gevent.Sleep(time.Hour)
	h := hub.Current()
	require.Zero(t, h.Live())
	require.Zero(t, h.Loop.Stats().Timers)
	for _, g := range w.all {
		require.Zero(t, g.LinkCount())
	}
	for _, e := range w.events {
		require.True(t, e.links.Empty())
	}
	for i, n := range w.calls {
		require.Positive(t, n, "kind %d of waiting was never tried", i)
	}
}

// expected reports whether err, with which a greenlet ended, is one of those that
// the program throws.
func expected(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !expected(e) {
				return false
			}
		}
		return true
	}
	return err == nil || err == errBoom || err == errOdd || errors.Is(err, gevent.ErrGreenletExit)
}

func (w *world) any() *gevent.Greenlet    { return w.all[w.rng.IntN(len(w.all))] }
func (w *world) time(n int) time.Duration { return time.Duration(w.rng.IntN(n)) * time.Microsecond }
func (w *world) some() (gs []gevent.Linkable) {
	for range w.rng.IntN(4) {
		if w.rng.IntN(2) == 0 {
			gs = append(gs, w.any())
		} else {
			gs = append(gs, w.events[w.rng.IntN(len(w.events))])
		}
	}
	return gs
}

// spawn makes a greenlet that waits a few times.
func (w *world) spawn(depth int) {
	g := gevent.NewGreenlet(func() error {
		for range w.rng.IntN(30) {
			if err := w.step(depth); err != nil {
				return err
			}
		}
		return nil
	})
	if w.rng.IntN(3) == 0 {
		g.Link(func(g *gevent.Greenlet) { gevent.Sleep(w.time(50)) })
		g.Rawlink(func() {}).Unlink()
	}
	w.all = append(w.all, g)
	if w.rng.IntN(3) == 0 {
		g.StartLater(w.time(200))
	} else {
		g.Start()
	}
}

// step waits in one of the ways, within a time-out or two.
func (w *world) step(depth int) error {
	limit := w.time(300)
	outer := gevent.NewTimeout(limit)
	start := w.loop.UpdateTime()
	err := outer.Do(func() error {
		if w.rng.IntN(2) == 0 {
			return w.wait(depth)
		}
		inner := gevent.NewTimeout(w.time(300))
		err := inner.Do(func() error { return w.wait(depth) })
		if inner == err {
			return nil
		}
		return err
	})
	if took := w.loop.UpdateTime() - start; err == outer && took < limit {
		return fmt.Errorf("a time-out of %v came after %v", limit, took)
	}
	if err == outer {
		return nil
	}
	if w.rng.IntN(2) == 0 && errors.Is(err, errOdd) {
		return nil
	}
	return err
}

// wait waits in one of the ways.
func (w *world) wait(depth int) error {
	kind := w.rng.IntN(len(w.calls))
	defer func() { w.calls[kind]++ }()
	switch kind {
	case 0:
		gevent.Sleep(w.time(400))
	case 1:
		w.any().Join()
	case 2:
		if g := w.any(); g != gevent.Current() {
			if err := g.GetTimeout(w.time(400)); err == nil && !g.Ready() {
				return errors.New("Get returned before the end")
			}
		}
	case 3:
		objs := w.some()
		if got := gevent.Wait(objs...); len(got) != len(objs) {
			return errors.New("Wait returned too few")
		}
	case 4:
		for o := range gevent.IWaitWith(w.some(), gevent.Within(w.time(400))) {
			gevent.Sleep(w.time(20))
			if g, ok := o.(*gevent.Greenlet); ok && !g.Ready() {
				return errors.New("IWait yielded a greenlet that had not ended")
			}
			if w.rng.IntN(3) == 0 {
				break
			}
		}
	case 5:
		if depth > 2 {
			return nil
		}
		return gevent.WithScope(func(s *gevent.Scope) error {
			for range w.rng.IntN(4) {
				w.all = append(w.all, s.Spawn(func() error { return w.step(depth + 1) }))
			}
			if w.rng.IntN(8) == 0 {
				s.Cancel()
			}
			return w.wait(depth + 1)
		})
	case 6:
		err := gevent.Try(func() error { return w.wait(depth) })
		if err != nil {
			gevent.Raise(err)
		}
	case 7:
		defer gevent.Sleep(w.time(50)) // a clean-up that waits
		gevent.JoinAllTimeout(w.time(400), w.any(), w.any())
	case 8:
		if depth < 2 && len(w.all) < 300 {
			w.spawn(depth + 1)
		}
		if g := w.any(); g != gevent.Current() {
			g.KillTimeout(w.time(400), errOdd)
		}
	}
	return nil
}

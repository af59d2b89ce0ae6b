package netpoll_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// A timerModel arms, moves and disarms timers in a loop and in a list that is
// sorted, and compares what fires. Its timers are Wakers that fire at once and
// some of which meddle with others while they do.
type timerModel struct {
	t      testing.TB
	loop   *netpoll.Loop
	clock  *netpoll.VirtualClock
	timers []modelledTimer
	armed  int
	order  int   // of arming
	got    []int // what fired in the loop
	want   []int // what fired in the list
}

type modelledTimer struct {
	netpoll.Timer
	model *timerModel
	id    int
	when  time.Duration // in the list
	order int           // in the list; zero if it is not armed
}

func newTimerModel(t testing.TB, n int) *timerModel {
	m := &timerModel{t: t, timers: make([]modelledTimer, n)}
	m.loop, m.clock = newVirtual(t)
	for i := range m.timers {
		m.timers[i].model, m.timers[i].id = m, i
	}
	return m
}

var idleEntry = runner(func() {})

func (x *modelledTimer) RunReady() { panic("a Waker is woken") }

func (x *modelledTimer) Wake() {
	m := x.model
	m.got = append(m.got, x.id)
	m.loop.Enqueue(idleEntry) // so that a Turn is at its end
	m.meddle(x.id,
		func(id int) { m.loop.Disarm(&m.timers[id].Timer) },
		func(id int, when time.Duration) { m.loop.Arm(&m.timers[id].Timer, when, &m.timers[id]) })
}

// meddle is what the timer does when it fires. What it arms is not yet due.
func (m *timerModel) meddle(id int, disarm func(id int), arm func(id int, when time.Duration)) {
	other := (id*7 + 1) % len(m.timers)
	switch id % 8 {
	case 0:
		disarm(other)
	case 1:
		arm(other, m.clock.Now()+time.Duration(1+id%100))
	case 2:
		arm(id, m.clock.Now()+time.Duration(1+id%100))
	}
}

// arm and disarm do it in the list.
func (m *timerModel) arm(id int, when time.Duration) {
	x := &m.timers[id]
	if x.order == 0 {
		m.armed++
	}
	m.order++
	x.when, x.order = when, m.order
}

func (m *timerModel) disarm(id int) bool {
	x := &m.timers[id]
	was := x.order != 0
	if was {
		m.armed--
	}
	x.order = 0
	return was
}

// expire fires in the list what is due.
func (m *timerModel) expire() {
	type key struct {
		when      time.Duration
		order, id int
	}
	var due []key
	for i := range m.timers {
		if x := &m.timers[i]; x.order != 0 && x.when <= m.clock.Now() {
			due = append(due, key{x.when, x.order, i})
		}
	}
	slices.SortFunc(due, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.order, b.order))
	})
	for _, k := range due {
		if m.timers[k.id].order != k.order {
			continue
		}
		m.disarm(k.id)
		m.want = append(m.want, k.id)
		m.meddle(k.id, func(id int) { m.disarm(id) }, m.arm)
	}
}

// step does something. It draws its choices, from [0, n).
func (m *timerModel) step(draw func(n int) int) {
	id := draw(len(m.timers))
	x := &m.timers[id]
	require.Equal(m.t, x.order != 0, x.Armed())
	switch op := draw(64); {
	case op < 24:
		when := m.clock.Now() + time.Duration(draw(200)-10)
		m.loop.Arm(&x.Timer, when, x)
		m.arm(id, when)
		require.Equal(m.t, when, x.When())
	case op < 32: // a time-out that is put off, as it mostly is
		when := m.clock.Now() + 1000
		m.loop.Arm(&x.Timer, when, x)
		m.arm(id, when)
	case op < 50:
		require.Equal(m.t, m.disarm(id), m.loop.Disarm(&x.Timer))
	case op < 52: // many at once
		for i := range m.timers {
			if i%3 == id%3 {
				require.Equal(m.t, m.disarm(i), m.loop.Disarm(&m.timers[i].Timer))
			}
		}
	case op < 54:
		for i := range m.timers {
			if i%3 == id%3 {
				when := m.clock.Now() + time.Duration(1+(i*31)%100)
				m.loop.Arm(&m.timers[i].Timer, when, &m.timers[i])
				m.arm(i, when)
			}
		}
	case op < 55:
		m.loop.NearLastTimerNumber()
	case op < 56: // it jumps to the earliest
		m.tick()
		if earliest, ok := m.earliest(); ok {
			require.True(m.t, m.loop.RunOnce())
			require.Equal(m.t, earliest, m.clock.Now())
			m.expire()
			m.compare()
		}
	default:
		m.clock.Advance(time.Duration(draw(40)))
		m.tick()
	}
	require.Equal(m.t, m.armed, m.loop.Stats().Timers)
}

// tick fires what is due.
func (m *timerModel) tick() {
	m.loop.CallSoon(func() {})
	require.True(m.t, m.loop.RunOnce())
	m.expire()
	m.compare()
}

// earliest is the first deadline of the list.
func (m *timerModel) earliest() (when time.Duration, ok bool) {
	for i := range m.timers {
		if x := &m.timers[i]; x.order != 0 && (!ok || x.when < when) {
			when, ok = x.when, true
		}
	}
	return when, ok
}

func (m *timerModel) compare() {
	if !slices.Equal(m.want, m.got) {
		require.Equal(m.t, m.want, m.got)
	}
	m.want, m.got = m.want[:0], m.got[:0]
}

// The heap against a list, few timers and more than fit a page.
func TestTimersAndAListFireTheSame(t *testing.T) {
	for _, size := range []struct{ timers, seeds, steps, check int }{
		{3, 20, 500, 1},
		{300, 10, 1500, 10},
		{5000, 2, 400, 10},
	} {
		for seed := range uint64(size.seeds) {
			t.Run(fmt.Sprintf("%d timers, seed %d", size.timers, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 2))
				m := newTimerModel(t, size.timers)
				for i := range size.steps {
					m.step(rng.IntN)
					if i%size.check == 0 {
						require.NoError(t, m.loop.CheckTimers())
					}
				}
				require.NoError(t, m.loop.CheckTimers())
			})
		}
	}
}

// FuzzTimers lets the fuzzer make the choices.
func FuzzTimers(f *testing.F) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 3))
		choices := make([]byte, 300)
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		choices = choices[:min(len(choices), 1000)]
		m := newTimerModel(t, 250)
		for len(choices) >= 3 {
			m.step(func(n int) (drawn int) {
				if len(choices) > 0 {
					drawn = int(choices[0]) % n
					choices = choices[1:]
				}
				return drawn
			})
			require.NoError(t, m.loop.CheckTimers())
		}
	})
}

func TestAMillionTimersAreArmedCancelledAndFired(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raceEnabled {
		n = 50_000
	}
	l, c := newVirtual(t)
	type sleeper struct {
		atOnce
		netpoll.Timer
		fired uint8
	}
	timers := make([]sleeper, n)
	rng := rand.New(rand.NewPCG(1, 1))
	last, fired, disorder := time.Duration(0), 0, 0
	for i := range timers {
		x := &timers[i]
		x.atOnce = func() {
			x.fired++
			fired++
			if x.When() < last {
				disorder++
			}
			last = x.When()
		}
		l.Arm(&x.Timer, time.Duration(rng.IntN(n)), x)
	}
	require.Equal(t, n, l.Stats().Timers)
	for i := range timers {
		switch i % 4 {
		case 0: // cancelled
			require.True(t, l.Disarm(&timers[i].Timer))
		case 1: // put off
			l.Arm(&timers[i].Timer, timers[i].When()+time.Duration(n), &timers[i])
		}
	}
	armed := n - (n+3)/4
	require.Equal(t, armed, l.Stats().Timers)
	require.NoError(t, l.CheckTimers())

	for l.Stats().Timers > 0 {
		c.Advance(time.Duration(n / 7))
		l.Next()
	}
	require.Equal(t, armed, fired)
	require.Zero(t, disorder)
	require.Equal(t, uint64(armed), l.Stats().Fired)
	for i := range timers {
		if want := min(1, uint8(i%4)); timers[i].fired != want {
			require.Equal(t, want, timers[i].fired, "timer %d", i)
		}
	}
	require.NoError(t, l.CheckTimers())
	require.LessOrEqual(t, l.TimerPages(), 1)
}

// atOnce makes a function a Waker.
type atOnce func()

func (f atOnce) RunReady() { f() }
func (f atOnce) Wake()     { f() }

func TestEqualDeadlinesFireInTheOrderOfTheLastArming(t *testing.T) {
	for _, n := range []int{10, 10_000} {
		l, c := newVirtual(t)
		timers := make([]netpoll.Timer, n)
		var got, want []int
		arm := func(i int, when time.Duration) {
			l.Arm(&timers[i], when, atOnce(func() { got = append(got, i) }))
		}
		for i := range n {
			arm(i, time.Second+time.Duration(i%3-1))
		}
		for i := n - 1; i >= 0; i-- { // from later, from earlier, and in place
			arm(i, time.Second)
			want = append(want, i)
		}
		c.Advance(time.Second)
		l.Next()
		require.Equal(t, want, got)
	}
}

func TestTheSequenceOfTimersOutlivesItsNumbers(t *testing.T) {
	const n = 1000
	l, c := newVirtual(t)
	l.NearLastTimerNumber()
	timers := make([]netpoll.Timer, n)
	var got, want []int
	for i := range n {
		l.Arm(&timers[i], time.Second, atOnce(func() { got = append(got, i) }))
		want = append(want, i)
	}
	require.NoError(t, l.CheckTimers())
	c.Advance(time.Second)
	l.Next()
	require.Equal(t, want, got)
}

func TestTheClockDoesNotStopAtADeadlineThatIsNoMore(t *testing.T) {
	l, c := newVirtual(t)
	var disarmed, putOff, armed netpoll.Timer
	l.Arm(&disarmed, time.Second, idleEntry)
	l.Arm(&putOff, 2*time.Second, idleEntry)
	l.Arm(&armed, 3*time.Second, idleEntry)
	l.Arm(&putOff, 4*time.Second, idleEntry)
	l.Disarm(&disarmed)
	turns := l.Stats().Turns
	for _, at := range []time.Duration{3 * time.Second, 4 * time.Second} {
		require.True(t, l.RunOnce())
		require.Equal(t, at, c.Now())
	}
	require.False(t, l.RunOnce())
	require.Equal(t, 4*time.Second, c.Now())
	require.Equal(t, turns+3, l.Stats().Turns)

	l.Arm(&armed, time.Hour, idleEntry)
	l.Arm(&putOff, time.Minute, idleEntry)
	l.Disarm(&armed)
	l.Disarm(&putOff)
	require.False(t, l.Turn(), "nothing is armed")
	require.Equal(t, 4*time.Second, c.Now())
}

func TestADeadlineBeforeAllTimeIsDue(t *testing.T) {
	l, c := newVirtual(t)
	c.Advance(time.Hour)
	fired := false
	var timer netpoll.Timer
	l.Arm(&timer, -1<<63, runner(func() { fired = true }))
	require.True(t, l.Turn())
	l.Next().RunReady()
	require.True(t, fired)
	require.Equal(t, time.Hour, c.Now())
}

func TestATimerThatIsNotArmedIsNotKeptAlive(t *testing.T) {
	type greenlet struct {
		runner
		netpoll.Timer
		_ [1 << 10]byte // its stack
	}
	l, c := newVirtual(t)
	var others [200]netpoll.Timer
	for i := range others {
		l.Arm(&others[i], time.Hour+time.Duration(i), runner(func() {}))
	}
	for name, end := range map[string]func(g *greenlet){
		"disarmed":        func(g *greenlet) { l.Disarm(&g.Timer) },
		"moved to sooner": func(g *greenlet) { l.Arm(&g.Timer, 2, g); l.Disarm(&g.Timer) },
		"fired":           func(g *greenlet) { c.Advance(time.Minute); settle(l) },
	} {
		t.Run(name, func(t *testing.T) {
			collected := make(chan bool)
			func() {
				g := &greenlet{runner: func() {}}
				runtime.AddCleanup(g, func(c chan bool) { close(c) }, collected)
				l.Arm(&g.Timer, c.Now()+time.Minute, g)
				end(g)
				require.False(t, g.Armed())
			}()
			require.Eventually(t, func() bool {
				runtime.GC()
				select {
				case <-collected:
					return true
				default:
					return false
				}
			}, 10*time.Second, time.Millisecond)
		})
	}
	require.Equal(t, len(others), l.Stats().Timers)
}

func TestMemoryOfTimersIsGivenBack(t *testing.T) {
	const n = 50_000
	l, c := newVirtual(t)
	timers := make([]netpoll.Timer, n)
	idle := atOnce(func() {})
	for name, end := range map[string]func(){
		"disarmed": func() {
			for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
				if i%1000 != 0 {
					require.True(t, l.Disarm(&timers[i]))
				}
			}
		},
		"fired at once": func() { c.Advance(time.Minute); l.Next() },
		"fired in turn": func() {
			for range 600 {
				c.Advance(time.Minute / 600)
				l.Next()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range timers {
				when := c.Now() + 1 + time.Minute/n*time.Duration(i)
				if i%1000 == 0 {
					when += time.Hour
				}
				l.Arm(&timers[i], when, idle)
			}
			require.Greater(t, l.TimerPages(), 90)
			end()
			require.NoError(t, l.CheckTimers())
			require.Equal(t, n/1000, l.Stats().Timers)
			require.LessOrEqual(t, l.TimerPages(), 2)
			for i := range timers {
				require.Equal(t, i%1000 == 0, timers[i].Armed())
			}
		})
	}
}

func TestATimerThatIsMovedForEverTakesOnePage(t *testing.T) {
	l, c := newVirtual(t)
	timers := make([]netpoll.Timer, 100)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		l.Arm(&timers[rng.IntN(len(timers))], c.Now()+time.Duration(rng.IntN(1000)), idleEntry)
	}
	require.NoError(t, l.CheckTimers())
	require.Equal(t, 1, l.TimerPages())
}

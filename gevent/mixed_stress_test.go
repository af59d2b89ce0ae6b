package gevent_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

// TestMixedStress runs random programs in which greenlets of gevent and of package
// greenlet, generators and callbacks drive, kill, throw into and switch to each
// other, rightly and wrongly. Whatever they do, the thread ends, leaves nothing,
// and does the same each time. Run it longer with -seeds.
func TestMixedStress(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			first := mixedProgram(t, s)
			require.Equal(t, first, mixedProgram(t, s), "the same again")
		})
	}
}

// mixedProgram runs program s on a goroutine of its own, which it may exit, and
// returns what happened.
func mixedProgram(t *testing.T, s uint64) trace {
	before, generators, raws := runtime.NumGoroutine(), coro.Live(), greenlet.LiveCount()
	m := &mixed{rng: rand.New(rand.NewPCG(s, 1)), exits: s%4 == 0}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				m.note("panic of Run") // main was switched to by hand
			}
		}()
		err := gevent.Run(m.main, virtual(), gevent.WithErrorHook(func(where string, _ error) { m.note("failed: " + where) }))
		m.note(fmt.Sprint("Run: ", err != nil))
		if errors.Is(err, gevent.ErrSurvivors) {
			t.Error(err)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it hangs")
	}
	requireGoroutines(t, before)
	require.Equal(t, generators, coro.Live())
	require.Equal(t, raws, greenlet.LiveCount())
	return m.tr
}

// mixed is a random program.
type mixed struct {
	rng        *rand.Rand
	exits      bool // it may call runtime.Goexit
	tr         trace
	names      int
	greenlets  []*gevent.Greenlet
	raws       []*greenlet.Greenlet
	generators []*coro.Generator[int]
}

func (m *mixed) note(event string) { m.tr.add(event) }

func (m *mixed) main() {
	for range 5 {
		m.spawn(0)
	}
	for range 10 {
		m.step("main", 0)
		gevent.Sleep(time.Millisecond)
	}
}

func (m *mixed) spawn(depth int) {
	m.names++
	name := fmt.Sprint("g", m.names)
	m.greenlets = append(m.greenlets, gevent.Spawn(func() error { return m.body(name, depth) }))
}

// body is a few random steps, and clean-up.
func (m *mixed) body(name string, depth int) (err error) {
	defer func() {
		m.note(name + " cleans up")
		switch m.rng.IntN(8) {
		case 0:
			gevent.Sleep(m.moment())
		case 1:
			m.step(name, depth+1)
		case 2:
			if v := recover(); v != nil {
				m.note(name + " recovered")
			}
		}
	}()
	for range m.rng.IntN(6) {
		if err := m.step(name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (m *mixed) moment() time.Duration { return time.Duration(m.rng.IntN(5)) * time.Millisecond }

func pick[T any](rng *rand.Rand, all []T) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return all[rng.IntN(len(all))], true
}

// step does one thing.
func (m *mixed) step(name string, depth int) error {
	choice := m.rng.IntN(20)
	m.note(fmt.Sprint(name, " ", choice))
	other, _ := pick(m.rng, m.greenlets)
	switch choice {
	case 0, 1:
		gevent.Sleep(m.moment())
	case 2:
		gevent.Sleep(0)
	case 3, 4:
		if depth < 5 {
			m.spawn(depth)
		}
	case 5, 6:
		if depth < 5 {
			m.names++
			child := fmt.Sprint("r", m.names)
			raw := greenlet.New(func(...any) (any, error) { return nil, m.body(child, depth) })
			m.raws = append(m.raws, raw)
			_, err := raw.Switch()
			m.note(fmt.Sprint(name, " back: ", firstLine(err)))
			return err
		}
	case 7, 8:
		if depth < 5 {
			m.names++
			child := fmt.Sprint("c", m.names)
			m.generators = append(m.generators, coro.Generate(func(yield func(int) error) error {
				for i := range 3 {
					if err := m.body(child, depth); err != nil {
						return err
					}
					if err := yield(i); err != nil {
						return err
					}
				}
				return nil
			}))
		}
	case 9, 10:
		if c, ok := pick(m.rng, m.generators); ok {
			v, err := c.Next()
			m.note(fmt.Sprint(name, " got ", v, err != nil))
		}
	case 11:
		if c, ok := pick(m.rng, m.generators); ok {
			m.note(fmt.Sprint(name, " closed ", c.Close() != nil))
		}
	case 12:
		if c, ok := pick(m.rng, m.generators); ok {
			_, err := c.Throw(errOdd)
			m.note(fmt.Sprint(name, " threw ", err != nil))
		}
	case 13:
		if raw, ok := pick(m.rng, m.raws); ok {
			_, err := raw.Switch()
			m.note(fmt.Sprint(name, " back: ", firstLine(err)))
		}
	case 14:
		if raw, ok := pick(m.rng, m.raws); ok {
			_, err := raw.Throw(nil)
			m.note(fmt.Sprint(name, " back: ", firstLine(err)))
		}
	case 15:
		other.KillAsync(nil)
	case 16:
		m.note(fmt.Sprint(name, " joined ", other.JoinTimeout(m.moment())))
	case 17:
		hub.Current().Loop.CallSoon(func() {
			m.note("callback")
			if m.rng.IntN(2) == 0 {
				m.spawn(depth)
			}
			if c, ok := pick(m.rng, m.generators); ok && m.rng.IntN(2) == 0 {
				defer func() {
					if recover() != nil {
						m.note("refused") // what parks is not for callbacks
					}
				}()
				_, err := c.Next()
				m.note(fmt.Sprint("callback got ", err != nil))
			}
		})
	case 18:
		if m.rng.IntN(4) == 0 {
			panic("odd")
		}
		return errOdd
	case 19:
		if m.exits && m.rng.IntN(6) == 0 {
			m.note(name + " exits")
			runtime.Goexit()
		}
		gevent.JoinAllTimeout(m.moment(), other, other)
	}
	return nil
}

// firstLine leaves out of a LoopExit the stacks, in which there are addresses.
func firstLine(err error) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return line
}

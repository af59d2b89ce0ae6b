package netpoll_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// The heap against a list that is searched for the earliest.
func TestTimersFireInTheOrderOfAModel(t *testing.T) {
	type entry struct {
		when time.Duration
		id   int
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l, c := newVirtual(t)
		timers := make([]netpoll.Timer, 200)
		var model []entry // in the order of arming
		var got, want []int
		for i := range 3000 {
			id := rng.IntN(len(timers))
			at := slices.IndexFunc(model, func(e entry) bool { return e.id == id })
			require.Equal(t, at >= 0, timers[id].Armed())
			switch rng.IntN(10) {
			default:
				when := c.Now() + time.Duration(rng.IntN(50))
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
				model = append(model, entry{when, id})
				l.Arm(&timers[id], when, runner(func() { got = append(got, id) }))
				require.Equal(t, when, timers[id].When())
			case 0, 1, 2:
				require.Equal(t, at >= 0, l.Disarm(&timers[id]))
				if at >= 0 {
					model = slices.Delete(model, at, at+1)
				}
			case 3:
				c.Advance(time.Duration(rng.IntN(10)))
				slices.SortStableFunc(model, func(a, b entry) int { return int(a.when - b.when) })
				for len(model) > 0 && model[0].when <= c.Now() {
					want = append(want, model[0].id)
					model = model[1:]
				}
				settle(l)
				require.Equal(t, want, got)
			}
			if i%10 == 0 {
				require.NoError(t, l.CheckTimers())
			}
			require.Equal(t, len(model), l.Stats().Timers)
		}
	}
}

func TestTimerIsReusableWhenItFires(t *testing.T) {
	l, c := newVirtual(t)
	var timer netpoll.Timer
	require.False(t, timer.Armed())
	require.False(t, l.Disarm(&timer))
	n := 0
	var again runner
	again = func() {
		require.False(t, timer.Armed())
		if n++; n < 5 {
			l.Arm(&timer, l.Time()+time.Second, again)
		}
	}
	l.Arm(&timer, time.Second, again)
	require.NoError(t, l.Run())
	require.Equal(t, 5, n)
	require.Equal(t, 5*time.Second, c.Now())
}

func TestTimerMayMoveBetweenLoops(t *testing.T) {
	a, _ := newVirtual(t)
	b, _ := newVirtual(t)
	var timer netpoll.Timer
	ran := false
	a.Arm(&timer, 1, runner(func() { t.Error("ran in the wrong loop") }))
	require.True(t, a.Disarm(&timer))
	b.Arm(&timer, 1, runner(func() { ran = true }))
	require.NoError(t, a.Run())
	require.NoError(t, b.Run())
	require.True(t, ran)
}

func TestArmingAllocatesNothing(t *testing.T) {
	l, c := newVirtual(t)
	timers := make([]netpoll.Timer, 100)
	r := runner(func() {})
	round := func() {
		for i := range timers {
			l.Arm(&timers[i], c.Now()+time.Duration(i%7), r)
		}
		for l.RunOnce() {
		}
	}
	round()
	require.Zero(t, testing.AllocsPerRun(10, round))
}

func TestADeadlineIsHeldInRange(t *testing.T) {
	l, c := newVirtual(t)
	c.Advance(time.Hour)
	require.Equal(t, time.Hour+time.Second, l.Deadline(time.Second))
	require.Equal(t, time.Hour, l.Time(), "the loop's time is up to date")
	require.Equal(t, time.Duration(math.MaxInt64), l.Deadline(math.MaxInt64))
	require.Equal(t, time.Hour-time.Second, l.Deadline(-time.Second))
}

// A wait of less than a millisecond is not rounded up to one, whether the loop
// sleeps with descriptors or without.
func TestShortTimersAreExact(t *testing.T) {
	for name, descriptor := range map[string]bool{"without descriptors": false, "with a descriptor": true} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			if descriptor {
				r, w, err := os.Pipe()
				require.NoError(t, err)
				defer r.Close()
				defer w.Close()
				fd := int(r.Fd())
				err = l.AddReader(fd, func() {})
				if errors.Is(err, netpoll.ErrNoPoller) {
					t.Skip(err)
				}
				require.NoError(t, err)
				defer l.RemoveReader(fd)
			}
			for _, d := range []time.Duration{50 * time.Microsecond, 200 * time.Microsecond} {
				best := time.Hour
				for range 200 {
					start := time.Now()
					l.CallLater(d, l.Stop)
					require.NoError(t, l.Run())
					took := time.Since(start)
					require.GreaterOrEqual(t, took, d)
					if best = min(best, took); best < 900*time.Microsecond {
						break
					}
				}
				require.Less(t, best, 900*time.Microsecond, "for %v", d)
			}
		})
	}
}

// So that a million of them take little memory.
func TestTimersAreSmall(t *testing.T) {
	if strconv.IntSize != 64 {
		t.Skip("the sizes are those of 64 bits")
	}
	require.Equal(t, uintptr(40), reflect.TypeFor[netpoll.Timer]().Size())
	require.Equal(t, uintptr(48), reflect.TypeFor[netpoll.Handle]().Size())
}

func TestACancelledCallbackSaysSo(t *testing.T) {
	l, _ := newVirtual(t)
	nothing := func() {}
	for name, make := range map[string]func() *netpoll.Handle{
		"soon":  func() *netpoll.Handle { return l.CallSoon(nothing) },
		"later": func() *netpoll.Handle { return l.CallLater(time.Second, nothing) },
	} {
		t.Run(name, func(t *testing.T) {
			before := make()
			require.False(t, before.Cancelled())
			when := before.When()
			before.Cancel()
			require.True(t, before.Cancelled())
			require.Equal(t, when, before.When())

			after := make()
			require.NoError(t, l.Run())
			require.False(t, after.Cancelled())
			after.Cancel()
			after.Cancel()
			require.True(t, after.Cancelled())
			require.True(t, before.Cancelled())
		})
	}
}

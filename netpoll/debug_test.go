package netpoll_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// reports gathers what debug mode says.
type reports []netpoll.Slow

// of returns those that are of what is named so. On a busy machine anything may
// be slow.
func (r reports) of(name string) (found []netpoll.Slow) {
	for _, s := range r {
		if strings.Contains(s.What, name) {
			found = append(found, s)
		}
	}
	return found
}

// newDebug returns a loop in debug mode for which every entry is slow that
// sleeps.
func newDebug(t testing.TB, opts ...netpoll.Option) (*netpoll.Loop, *reports) {
	all := new(reports)
	return newLoop(t, append(opts, netpoll.WithDebug(netpoll.Debug{
		SlowCallback: slowly,
		OnSlow:       func(s netpoll.Slow) { *all = append(*all, s) },
	}))...), all
}

const slowly = 20 * time.Millisecond

func slowFunction() { time.Sleep(slowly) }

// schedulesSlow is what the stacks are to show.
func schedulesSlow(l *netpoll.Loop, how string) {
	switch how {
	case "CallSoon":
		l.CallSoon(slowFunction)
	case "CallLater":
		l.CallLater(time.Millisecond, slowFunction)
	case "CallAt":
		l.CallAt(0, slowFunction)
	case "Post":
		l.Post(slowFunction)
	case "Enqueue":
		l.Enqueue(runner(slowFunction))
	case "Arm":
		l.Arm(new(netpoll.Timer), 0, runner(slowFunction))
	case "CallWhenBlocked":
		l.CallWhenBlocked(slowFunction)
	}
}

func TestSlowCallbacks(t *testing.T) {
	for _, how := range []string{"CallSoon", "CallLater", "CallAt", "Post", "Enqueue", "Arm", "CallWhenBlocked"} {
		t.Run("of "+how+" are reported with who scheduled them", func(t *testing.T) {
			l, got := newDebug(t)
			schedulesSlow(l, how)
			l.CallSoon(func() {})
			require.NoError(t, l.Run())
			require.Len(t, got.of("slowFunction"), 1)
			s := got.of("slowFunction")[0]
			require.GreaterOrEqual(t, s.Took, slowly)
			require.Equal(t, "github.com/baton-go/baton/netpoll_test.slowFunction", s.What)
			require.Equal(t, "debug_test.go", filepath.Base(s.File))
			require.Positive(t, s.Line)
			require.NotNil(t, s.Entry)
			require.NotEmpty(t, s.Scheduled)
			require.Equal(t, "github.com/baton-go/baton/netpoll_test.schedulesSlow", s.Scheduled[0].Function)
			require.Equal(t, uint64(len(*got)), l.Stats().Slow)

			text := s.String()
			require.Regexp(t, `^Executing <.*\.slowFunction at .*debug_test\.go:\d+> took 0\.\d{3} seconds\nscheduled by\n\t.*schedulesSlow\n\t\t.*debug_test.go:\d+\n`, text)
		})
	}
	t.Run("of an embedder last until the next Next or Turn", func(t *testing.T) {
		l, got := newDebug(t)
		l.Enqueue(task("a"))
		l.Enqueue(&named{"the greenlet b"})
		l.Enqueue(task("c"))
		require.True(t, l.Turn())
		require.Equal(t, 3, l.Batch())
		for range 2 {
			require.NotNil(t, l.Next())
			time.Sleep(slowly)
		}
		require.NotNil(t, l.Next())
		require.Len(t, *got, 2)
		require.Equal(t, "netpoll_test.task", (*got)[0].What)
		require.Equal(t, task("a"), (*got)[0].Entry)
		require.Equal(t, "the greenlet b", (*got)[1].What)
		require.Empty(t, (*got)[1].File)
		time.Sleep(slowly)
		require.False(t, l.Turn())
		require.Len(t, *got, 3)
		time.Sleep(slowly)
		require.False(t, l.Turn())
		require.Len(t, *got, 3, "nothing ran")
	})
	t.Run("end with RunOnce", func(t *testing.T) {
		l, got := newDebug(t)
		l.CallSoon(slowFunction)
		start := time.Now()
		require.True(t, l.RunOnce())
		took := time.Since(start)
		time.Sleep(slowly)
		require.False(t, l.RunOnce())
		require.Len(t, *got, 1)
		require.LessOrEqual(t, (*got)[0].Took, took)
	})
	t.Run("of a descriptor have no origin", func(t *testing.T) {
		l, got := newDebug(t)
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		require.NoError(t, w.Close())
		fd := int(r.Fd())
		err = l.AddReader(fd, func() { slowFunction(); l.RemoveReader(fd) })
		if errors.Is(err, netpoll.ErrNoPoller) {
			t.Skip(err)
		}
		require.NoError(t, err)
		require.NoError(t, l.Run())
		require.Len(t, *got, 1)
		require.Equal(t, "debug_test.go", filepath.Base((*got)[0].File))
		require.Empty(t, (*got)[0].Scheduled)
	})
	t.Run("may panic", func(t *testing.T) {
		l, got := newDebug(t)
		l.Enqueue(&slowEntry{"the one that panics", func() { panic("x") }})
		l.CallSoon(func() {})
		require.PanicsWithValue(t, "x", func() { l.Run() })
		require.Len(t, got.of("the one that panics"), 1)
		require.NoError(t, l.Run())
		require.Len(t, got.of("the one that panics"), 1)
	})
	t.Run("are measured in real time on a virtual clock", func(t *testing.T) {
		c := netpoll.NewVirtualClock()
		l, got := newDebug(t, netpoll.WithClock(c))
		l.CallLater(time.Hour, func() { c.Advance(time.Hour) })
		l.CallLater(3*time.Hour, slowFunction)
		require.NoError(t, l.Run())
		require.Len(t, got.of("slowFunction"), 1)
		require.Equal(t, 3*time.Hour, c.Now())
		for _, s := range *got {
			require.Less(t, s.Took, time.Hour)
		}
	})
	t.Run("include hooks", func(t *testing.T) {
		l, got := newDebug(t)
		l.AddPrepare(slowFunction).Unref()
		l.CallSoon(func() {})
		require.NoError(t, l.Run())
		require.Len(t, got.of("slowFunction"), 1)
		s := got.of("slowFunction")[0]
		require.IsType(t, (*netpoll.Hook)(nil), s.Entry)
		require.Empty(t, s.Scheduled)
	})
	t.Run("are printed to standard error unless somebody wants them", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		stderr := os.Stderr
		os.Stderr = w
		defer func() { os.Stderr = stderr }()
		l := newLoop(t)
		l.SetDebug(&netpoll.Debug{})
		l.CallSoon(func() { time.Sleep(netpoll.DefaultSlowCallback) })
		require.NoError(t, l.Run())
		require.NoError(t, w.Close())
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), "Executing <"), "%s", text)
		require.Contains(t, string(text), "seconds\nscheduled by\n")
	})
}

func TestDebugMode(t *testing.T) {
	t.Run("can be turned on and off while entries are ready", func(t *testing.T) {
		l, got := newDebug(t)
		d := &netpoll.Debug{SlowCallback: slowly, OnSlow: func(s netpoll.Slow) { *got = append(*got, s) }}
		require.True(t, l.Debugging())
		l.SetDebug(nil)
		require.False(t, l.Debugging())
		var order recorder
		slow := func(name string) *slowEntry { return &slowEntry{"entry " + name, order.add(name)} }
		l.Enqueue(slow("a"))
		l.CallSoon(func() { order.add("b")(); l.SetDebug(d) })
		l.Enqueue(slow("c"))
		l.CallSoon(func() { order.add("d")(); l.Enqueue(slow("f")) })
		e := slow("e")
		l.CallSoon(func() { e.RunReady(); l.SetDebug(d) }) // changes nothing
		l.CallWhenBlocked(func() { order.add("g")(); l.SetDebug(nil) })
		require.NoError(t, l.Run())
		l.Enqueue(slow("h"))
		require.NoError(t, l.Run())
		require.Equal(t, recorder{"a", "b", "c", "d", "e", "f", "g", "h"}, order)
		require.False(t, l.Debugging())
		require.Empty(t, got.of("entry a"))
		require.Len(t, got.of("entry c"), 1)
		require.Empty(t, got.of("entry c")[0].Scheduled, "it was scheduled before")
		require.Len(t, got.of("entry f"), 1)
		require.NotEmpty(t, got.of("entry f")[0].Scheduled)
		require.Empty(t, got.of("entry h"))
	})
	t.Run("keeps nothing of what was called off", func(t *testing.T) {
		l, _ := newDebug(t)
		for range 100 {
			l.CallLater(time.Hour, func() {}).Cancel()
			l.CallSoon(func() {})
			require.NoError(t, l.Post(func() {}))
			l.CallWhenBlocked(func() {}).Cancel()
		}
		require.NoError(t, l.Run())
		require.Zero(t, l.DebugEntries())
	})
	t.Run("ends with the loop", func(t *testing.T) {
		l, _ := newDebug(t)
		l.CallSoon(func() {})
		require.NoError(t, l.Close())
		require.False(t, l.Debugging())
		l.SetDebug(&netpoll.Debug{})
		require.False(t, l.Debugging())
		require.Nil(t, l.Next())
		require.Panics(t, func() { l.CallSoon(func() {}) })
	})
	t.Run("has the same order of everything", func(t *testing.T) {
		for seed := range uint64(50) {
			want := play(seed, &model{cancelled: map[int]bool{}})
			c := netpoll.NewVirtualClock()
			l, _ := newDebug(t, netpoll.WithClock(c))
			got := play(seed, &real{Loop: l, clock: c, handles: map[int]*netpoll.Handle{}})
			require.Equal(t, want, got, "seed %d", seed)
			require.Zero(t, l.DebugEntries())
		}
	})
}

// A slowEntry describes itself, and is slow.
type slowEntry struct {
	name string
	f    func()
}

func (e *slowEntry) RunReady()      { slowFunction(); e.f() }
func (e *slowEntry) String() string { return e.name }

// named describes itself.
type named struct{ name string }

func (n *named) RunReady()      {}
func (n *named) String() string { return n.name }

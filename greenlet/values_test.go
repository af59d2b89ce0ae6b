package greenlet_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
)

func TestContexts(t *testing.T) {
	type key struct{}
	with := func(v any) context.Context { return context.WithValue(context.Background(), key{}, v) }
	run(t, "2.6.2 are not inherited", func(t *testing.T) {
		greenlet.Current().SetContext(with(1))
		g := greenlet.New(func(...any) (any, error) { return greenlet.Context().Value(key{}), nil })
		require.Equal(t, context.Background(), g.Context())
		returns(t, nil)(g.Switch())
		require.Equal(t, 1, greenlet.Context().Value(key{}))
	})
	run(t, "2.6.1 each greenlet counts in its own", func(t *testing.T) {
		var all []*greenlet.Greenlet
		counts := make([]int, 5)
		greenlet.Current().SetContext(with(0))
		for i := 1; i < 5; i++ {
			all = append(all, greenlet.New(func() {
				greenlet.Current().SetContext(with(i))
				for range 2 {
					counts[greenlet.Context().Value(key{}).(int)]++
					greenlet.Main().Switch()
				}
			}))
		}
		for range 2 {
			counts[greenlet.Context().Value(key{}).(int)]++
			for _, g := range all {
				g.Switch()
			}
		}
		for _, g := range all {
			g.Switch()
			require.True(t, g.Dead())
		}
		require.Equal(t, []int{2, 2, 2, 2, 2}, counts)
	})
	run(t, "2.6.3 can be set in every state", func(t *testing.T) {
		g := greenlet.New(func(...any) (any, error) {
			require.Equal(t, "pending", greenlet.Context().Value(key{}))
			greenlet.Current().SetContext(with("running"))
			parentSwitch()
			require.Equal(t, "suspended", greenlet.Context().Value(key{}))
			greenlet.Current().SetContext(noContext)
			return nil, nil
		}, greenlet.WithContext(with("made")))
		require.Equal(t, "made", g.Context().Value(key{}))
		g.SetContext(with("pending"))
		g.Switch()
		require.Equal(t, "running", g.Context().Value(key{}))
		g.SetContext(with("suspended"))
		g.Switch()
		require.Equal(t, context.Background(), g.Context())
		g.SetContext(with("dead"))
		require.Equal(t, "dead", g.Context().Value(key{}))
	})
	run(t, "2.6.4 are read and set by other goroutines too", func(t *testing.T) {
		g := greenlet.New(func() {}, greenlet.WithContext(noContext))
		onGoroutine(func() { g.SetContext(with(2)) })
		require.Equal(t, 2, g.Context().Value(key{}))
	})
}

func TestLocals(t *testing.T) {
	run(t, "are apart for each greenlet and each Local", func(t *testing.T) {
		var a, b greenlet.Local[int]
		a.Set(1)
		b.Set(2)
		g := greenlet.New(func() {
			_, ok := a.Get()
			require.False(t, ok)
			a.Set(3)
			parentSwitch()
			v, _ := a.Get()
			require.Equal(t, 3, v)
		})
		g.Switch()
		v, ok := a.Get()
		require.True(t, ok)
		require.Equal(t, 1, v)
		g.Switch()
		a.Delete()
		_, ok = a.Get()
		require.False(t, ok)
		v, _ = b.Get()
		require.Equal(t, 2, v)
	})
	run(t, "may be interfaces that hold nil", func(t *testing.T) {
		var l greenlet.Local[error]
		l.Set(nil)
		v, ok := l.Get()
		require.True(t, ok)
		require.NoError(t, v)
	})
	run(t, "are freed with the greenlet", func(t *testing.T) {
		var l greenlet.Local[*[1 << 10]byte]
		freed := make(chan struct{})
		g := greenlet.New(func() {
			v := new([1 << 10]byte)
			runtime.AddCleanup(v, func(struct{}) { close(freed) }, struct{}{})
			l.Set(v)
		})
		g.Switch()
		for range 100 {
			runtime.GC()
			select {
			case <-freed:
				runtime.KeepAlive(g)
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		t.Fatal("the value is still there")
	})
}

func TestASwitchKeepsNothing(t *testing.T) {
	run(t, "2.7.1 of what it carried", func(t *testing.T) {
		g := greenlet.New(func() {
			for {
				if _, err := parentSwitch(); err != nil {
					return
				}
			}
		})
		g.Switch()
		freed := make(chan struct{})
		func() {
			v := new([1 << 10]byte)
			runtime.AddCleanup(v, func(struct{}) { close(freed) }, struct{}{})
			g.Switch(v)
			g.Switch(v, v)
		}()
		for range 100 {
			runtime.GC()
			select {
			case <-freed:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
		t.Fatal("the value is still there")
	})
}

func TestBudgetsOfAllocation(t *testing.T) {
	if testing.AllocsPerRun(10, func() { baton.ID() }) > 0 {
		t.Skip("goroutine numbers are read from stack traces here, and that allocates")
	}
	run(t, "a switch allocates nothing", func(t *testing.T) {
		g := greenlet.New(func() {
			for {
				if _, err := parentSwitch(); err != nil {
					return
				}
			}
		})
		g.Switch()
		require.Zero(t, testing.AllocsPerRun(100, func() { g.Switch() }))
		require.Zero(t, testing.AllocsPerRun(100, func() { g.Switch(g) }))
	})
	run(t, "a greenlet from New to its end allocates itself", func(t *testing.T) {
		f := func() {}
		greenlet.New(f).Switch()
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { greenlet.New(f).Switch() }), 1.0)
	})
}

// noContext is what a program passes by mistake.
var noContext context.Context

package local_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/local"
	"github.com/baton-go/baton/greenlet"
)

// collected waits until n cleanups have run. Garbage is collected when asked to, but
// cleanups run some time later.
func collected(t *testing.T, count *atomic.Int64, n int64) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); count.Load() < n; {
		require.True(t, time.Now().Before(end), "collected: %d of %d", count.Load(), n)
		runtime.GC()
		runtime.Gosched()
	}
}

// big is something whose end can be seen.
type big struct{ n [8]int }

func newBig(gone *atomic.Int64) *big {
	b := &big{n: [8]int{1}}
	runtime.AddCleanup(b, func(*atomic.Int64) { gone.Add(1) }, gone)
	return b
}

func TestALocal(t *testing.T) {
	test(t, "T180 has a value of its own in each greenlet", func(t *testing.T) {
		var l local.Local[int]
		var got []int
		var all []*gevent.Greenlet
		l.Set(100)
		for i := range 3 {
			all = append(all, gevent.Spawn(func() {
				_, ok := l.Lookup()
				require.False(t, ok)
				require.Zero(t, l.Get())
				l.Set(i)
				gevent.Sleep(time.Second)
				got = append(got, l.Get())
				l.Delete()
				l.Delete()
				_, ok = l.Lookup()
				require.False(t, ok)
			}))
		}
		gevent.JoinAll(all...)
		require.Equal(t, []int{0, 1, 2}, got)
		require.Equal(t, 100, l.Get())
	})
	test(t, "T180 calls New in each greenlet that asks, once; it may wait", func(t *testing.T) {
		made := 0
		l := local.Local[*int]{New: func() *int { gevent.Sleep(time.Second); made++; n := made; return &n }}
		first := l.Get()
		require.Same(t, first, l.Get())
		g := gevent.SpawnValue(func() (int, error) { return *l.Get() + *l.Get(), nil })
		n, err := g.Get()
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Equal(t, 1, *first)
		v, ok := l.Lookup()
		require.True(t, ok)
		require.Same(t, first, v)
	})
	test(t, "T180 two of one type are two", func(t *testing.T) {
		var a, b local.Local[string]
		a.Set("a")
		b.Set("b")
		require.Equal(t, "a", a.Get())
		require.Equal(t, "b", b.Get())
	})
	test(t, "may have nil for a value", func(t *testing.T) {
		l := local.Local[error]{New: func() error { return errors.New("new") }}
		l.Set(nil)
		require.NoError(t, l.Get())
		_, ok := l.Lookup()
		require.True(t, ok)
	})
	test(t, "T180 forgets the value of a greenlet that has ended, though both are kept", func(t *testing.T) {
		var gone atomic.Int64
		l := &local.Local[*big]{New: func() *big { return newBig(&gone) }}
		var all []*gevent.Greenlet
		for range 5 {
			all = append(all, gevent.Spawn(func() { l.Get() }))
		}
		gevent.JoinAll(all...)
		gevent.Sleep(0) // the links have their turn
		collected(t, &gone, 5)
		runtime.KeepAlive(all)
		runtime.KeepAlive(l)
	})
	test(t, "T180 forgets the value of a greenlet that was killed", func(t *testing.T) {
		var gone atomic.Int64
		l := &local.Local[*big]{New: func() *big { return newBig(&gone) }}
		g := gevent.Spawn(func() { l.Get(); gevent.Sleep(time.Hour) })
		gevent.Sleep(0)
		g.Kill()
		gevent.Sleep(0)
		collected(t, &gone, 1)
		runtime.KeepAlive(g)
		runtime.KeepAlive(l)
	})
	test(t, "T180 that is garbage takes its values along, while the greenlet runs", func(t *testing.T) {
		const n = 1000
		var gone atomic.Int64
		var kept local.Local[int]
		kept.Set(1)
		g := gevent.Spawn(func() {
			for range n {
				l := &local.Local[*big]{}
				l.Set(newBig(&gone))
			}
		})
		for range n {
			l := &local.Local[*big]{}
			l.Set(newBig(&gone))
		}
		g.Join()
		require.Equal(t, 0, g.LinkCount())
		collected(t, &gone, 2*n)
		require.Equal(t, 1, kept.Get())
	})
	test(t, "forgets main greenlets of other threads and greenlets of package greenlet", func(t *testing.T) {
		var gone atomic.Int64
		l := &local.Local[*big]{New: func() *big { return newBig(&gone) }}
		for range 20 {
			done := make(chan error)
			go func() { done <- gevent.Run(func() { l.Get() }) }()
			require.NoError(t, <-done)
			_, err := greenlet.New(func() { l.Get() }).Switch()
			require.NoError(t, err)
		}
		collected(t, &gone, 39) // one may be on a stack still
		runtime.KeepAlive(l)
	})
	test(t, "forgets the tables of greenlets that are garbage", func(t *testing.T) {
		l := &local.Local[int]{}
		for i := range 1000 {
			_, err := greenlet.New(func() { l.Set(i) }).Switch()
			require.NoError(t, err)
			if i%100 == 0 {
				runtime.GC()
			}
		}
		require.Less(t, l.Tables(), 900)
	})
	test(t, "may be set and deleted again and again", func(t *testing.T) {
		var l local.Local[int]
		g := gevent.Spawn(func() {
			links := gevent.Current().LinkCount()
			for i := range 10 {
				l.Set(i)
				l.Delete()
				_, ok := l.Lookup()
				require.False(t, ok)
			}
			require.Equal(t, links+1, gevent.Current().LinkCount())
			l.Set(11)
		})
		g.Join()
		require.NoError(t, g.Err())
		require.Zero(t, g.LinkCount())
	})
	test(t, "T213 is not inherited", func(t *testing.T) {
		l := local.Local[string]{Inherit: local.Share[string]}
		l.Set("spawner")
		require.NoError(t, gevent.Spawn(func() error {
			if _, ok := l.Lookup(); ok {
				return errors.New("it is")
			}
			return nil
		}).Get())
	})
}

func TestInherit(t *testing.T) {
	test(t, "passes on what wants to be, as it is when it is called", func(t *testing.T) {
		plain := local.Local[string]{}
		shared := local.Local[string]{Inherit: local.Share[string]}
		counted := local.Local[int]{Inherit: func(n int) int { return n + 1 }}
		unset := local.Local[int]{Inherit: local.Share[int]}
		plain.Set("plain")
		shared.Set("shared")
		counted.Set(1)
		check := func() {
			_, ok := plain.Lookup()
			require.False(t, ok)
			require.Equal(t, "shared", shared.Get())
			require.Equal(t, 2, counted.Get())
			_, ok = unset.Lookup()
			require.False(t, ok)
			shared.Set("child")
		}
		g := gevent.Spawn(local.Inherit(check))
		e := gevent.Spawn(local.Inherit(func() error {
			check()
			return gevent.Spawn(local.Inherit(func() error { return errors.New(shared.Get()) })).Get()
		}))
		shared.Set("later")
		require.NoError(t, g.Get())
		require.EqualError(t, e.Get(), "child")
		require.Equal(t, "later", shared.Get())
	})
	test(t, "of nothing is nothing", func(t *testing.T) {
		ran := false
		gevent.Spawn(local.Inherit(func() { ran = true })).Join()
		require.True(t, ran)
	})
	t.Run("needs a function", func(t *testing.T) {
		const message = "local.Inherit: the function is nil; pass the function that is to be run"
		require.PanicsWithValue(t, message, func() { local.Inherit[func()](nil) })
		require.PanicsWithValue(t, message, func() { local.Inherit[func() error](nil) })
	})
}

func TestALocalIsForGoroutinesOutsideOfThreadsToo(t *testing.T) {
	l := local.Local[int]{New: func() int { return 7 }}
	require.Equal(t, 7, l.Get())
	l.Set(8)
	require.Equal(t, 8, l.Get())
	l.Delete()
	_, ok := l.Lookup()
	require.False(t, ok)
}

func TestThreadsUseALocalInParallel(t *testing.T) {
	var l local.Local[int]
	done := make(chan error)
	const n = 4
	for i := range n {
		go func() {
			done <- gevent.Run(func() error {
				for j := range 200 {
					gevent.Spawn(func() { l.Set(i*1000 + j); gevent.Sleep(0); require.Equal(t, i*1000+j, l.Get()) })
				}
				l.Set(i)
				gevent.Sleep(time.Millisecond)
				if l.Get() != i {
					return errors.New("another thread's value")
				}
				return nil
			})
		}()
	}
	for range n {
		require.NoError(t, <-done)
	}
}

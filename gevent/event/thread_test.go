package event_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/internal/hub"
)

// thread runs f in a thread of its own on a goroutine; the returned function waits
// for its end.
func thread(t *testing.T, f func()) (join func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- gevent.Run(f) }()
	return func() {
		t.Helper()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(time.Minute):
			t.Fatal("the thread hangs")
		}
	}
}

// T083: what is set in one thread wakes who waits in another, in both directions,
// with and without a limit, in the main greenlet and in another, and twice.
func TestT083AnEventIsSetInAnotherThread(t *testing.T) {
	waits := map[string]func(*event.Event) bool{
		"Wait":        func(e *event.Event) bool { e.Wait(); return true },
		"WaitTimeout": func(e *event.Event) bool { return e.WaitTimeout(time.Minute) },
	}
	places := map[string]func(func()){
		"main":     func(f func()) { f() },
		"greenlet": func(f func()) { gevent.Spawn(f).Join() },
	}
	for how, wait := range waits {
		for where, in := range places {
			t.Run(fmt.Sprint(how, " in the ", where), func(t *testing.T) {
				ping, pong := event.New().Share(), event.New().Share()
				a := thread(t, func() {
					in(func() {
						for range 2 {
							require.True(t, wait(ping))
							ping.Clear()
							pong.Set()
						}
					})
				})
				b := thread(t, func() {
					in(func() {
						for range 2 {
							gevent.Sleep(time.Millisecond)
							ping.Set()
							require.True(t, wait(pong))
							pong.Clear()
						}
					})
				})
				a()
				b()
				require.Zero(t, ping.LinkCount()+pong.LinkCount())
			})
		}
	}
}

func TestTheLoopIsNotDoneWhileSomebodyWaitsForWhatIsSetOutside(t *testing.T) {
	thread(t, func() {
		e := event.New().Share()
		g := gevent.Spawn(e.Wait)
		require.False(t, gevent.JoinHubTimeout(5*time.Millisecond))
		go e.Set()
		require.True(t, gevent.JoinHubTimeout(time.Minute))
		require.True(t, g.Ready())
	})()
}

func TestWaitAndIWaitWaitForWhatIsSetOutside(t *testing.T) {
	outside := func(set func()) {
		go func() {
			time.Sleep(5 * time.Millisecond)
			set()
		}()
	}
	thread(t, func() {
		e, r := event.New().Share(), event.NewAsyncResult[int]().Share()
		outside(e.Set)
		require.Len(t, gevent.Wait(e), 1)
		outside(func() { r.Set(1) })
		require.Len(t, gevent.Wait[gevent.Linkable](e, r), 2)

		e.Clear()
		later := event.New()
		outside(e.Set)
		for ready := range gevent.IWaitWith([]*event.Event{later, e}, gevent.Count(1)) {
			require.Equal(t, e, ready)
		}
		// What came is waited for no longer: nothing is left that could set the other.
		err := gevent.Try(func() error { gevent.Wait(later, e); return nil })
		require.ErrorIs(t, err, gevent.ErrLoopExit)
		e.Clear()
		require.Empty(t, gevent.WaitWith([]*event.Event{e}, gevent.Within(time.Millisecond)))
		require.False(t, e.WaitTimeout(time.Millisecond))
		err = gevent.Try(func() error { later.Wait(); return nil })
		require.ErrorIs(t, err, gevent.ErrLoopExit, "a wait that is over does not keep the thread waiting")
		require.Zero(t, e.LinkCount()+later.LinkCount()+r.LinkCount())
	})()
}

func TestT083AnAsyncResultIsSetInAnotherThread(t *testing.T) {
	for range 20 {
		r, back := event.NewAsyncResult[int]().Share(), event.NewAsyncResult[int]().Share()
		a := thread(t, func() {
			g := gevent.SpawnValue(r.Get)
			v, err := r.GetTimeout(time.Minute)
			require.NoError(t, err)
			require.Equal(t, 5, v)
			v, err = g.Get()
			require.NoError(t, err)
			back.Set(v + 1)
		})
		b := thread(t, func() {
			r.Set(5)
			v, err := back.Get()
			require.NoError(t, err)
			require.Equal(t, 6, v)
		})
		a()
		b()
	}
}

func TestGoroutinesOfNoThreadSetAndWait(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		r := event.NewAsyncResult[int]().Share()
		go r.Set(1)
		v, err := r.Get()
		require.NoError(t, err)
		require.Equal(t, 1, v)
	}))
	e := event.New()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { e.Wait() })
	}
	for e.LinkCount() < 3 {
		time.Sleep(time.Millisecond)
	}
	require.False(t, e.WaitTimeout(time.Millisecond))
	require.False(t, e.WaitTimeout(-1))
	e.Set()
	wg.Wait()
	require.True(t, e.WaitTimeout(0))
	require.Zero(t, e.LinkCount())
	var r event.AsyncResult[int]
	_, err := r.GetTimeout(time.Millisecond)
	require.ErrorIs(t, err, gevent.ErrTimeout)
	require.PanicsWithValue(t, hub.NoThread("event.Rawlink"),
		func() { e.Rawlink(func() {}) })
}

func TestAFunctionIsCalledInTheThreadThatLinkedIt(t *testing.T) {
	e := event.New()
	linked := make(chan struct{})
	called := 0
	a := thread(t, func() {
		done := event.New().Share()
		l := e.Rawlink(func() { t.Error("it was taken back") })
		e.Rawlink(func() { called++; done.Set() })
		require.True(t, l.Unlink())
		close(linked)
		done.Wait()
	})
	<-linked
	e.Set()
	a()
	require.Equal(t, 1, called)
	// A thread that has ended gets nothing, and hurts nobody.
	late := event.New()
	require.NoError(t, gevent.Run(func() { late.Rawlink(func() { t.Error("its thread has ended") }) }))
	late.Set()
	require.Zero(t, late.LinkCount())
}

// Many threads and goroutines set, clear and wait, with limits and kills: nobody
// hangs, and nobody is left in a list.
func TestManyThreadsUseTheSameEvents(t *testing.T) {
	const rounds = 300
	var flags [3]event.Event
	for i := range flags {
		flags[i].Share()
	}
	var joins []func()
	for k := range 4 {
		joins = append(joins, thread(t, func() {
			for i := range 3 {
				gevent.Spawn(func() {
					for n := range rounds {
						e := &flags[(i+n)%len(flags)]
						e.WaitTimeout(time.Duration(n%7) * 10 * time.Microsecond)
					}
				})
			}
			for n := range rounds {
				victim := gevent.Spawn(func() { flags[n%3].Wait() })
				gevent.Sleep(0)
				if n%2 == 0 {
					victim.Kill()
				}
				flags[(n+k)%3].Set()
				if n%3 != 0 {
					flags[(n+k)%3].Clear()
				}
			}
		}))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range rounds {
			flags[n%3].WaitTimeout(50 * time.Microsecond)
			flags[(n+1)%3].Set()
		}
	})
	for _, join := range joins {
		join()
	}
	wg.Wait()
	for i := range flags {
		require.Zero(t, flags[i].LinkCount())
	}
}

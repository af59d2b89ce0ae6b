package gevent_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/internal/hub"
)

func TestLinks(t *testing.T) {
	// linkers are the ways to link.
	linkers := map[string]func(g *gevent.Greenlet, f func(*gevent.Greenlet)) *gevent.Link{
		"Link":          (*gevent.Greenlet).Link,
		"LinkValue":     (*gevent.Greenlet).LinkValue,
		"LinkException": (*gevent.Greenlet).LinkException,
		"Rawlink": func(g *gevent.Greenlet, f func(*gevent.Greenlet)) *gevent.Link {
			return g.Rawlink(func() { f(g) })
		},
	}
	test(t, "T030 T031 a link gets the greenlet, also when that has ended, and several times", func(t *testing.T) {
		g := gevent.SpawnValue(func() (int, error) { return 100, nil })
		for range 4 {
			var got []int
			g.Link(func(*gevent.Greenlet) { got = append(got, g.Value()) })
			require.Empty(t, got, "it is asynchronous")
			gevent.Sleep(0)
			gevent.Sleep(0)
			require.Equal(t, []int{100}, got)
		}
	})
	test(t, "T032 links that block deliver in order", func(t *testing.T) {
		var got []int
		for _, n := range []int{101, 102, 103} {
			g := gevent.SpawnValue(func() (int, error) { return n, nil })
			g.Link(func(*gevent.Greenlet) { gevent.Sleep(time.Millisecond); got = append(got, g.Value()) })
		}
		gevent.Sleep(time.Second)
		require.Equal(t, []int{101, 102, 103}, got)
	})
	test(t, "T033 unlinked is not called, has_links goes from 1 to 0", func(t *testing.T) {
		for name, link := range linkers {
			g := gevent.NewGreenlet(func() {})
			require.False(t, g.HasLinks())
			l := link(g, func(*gevent.Greenlet) { t.Error(name + " was called") })
			require.True(t, g.HasLinks())
			require.Equal(t, 1, g.LinkCount())
			require.True(t, l.Unlink())
			require.False(t, l.Unlink())
			require.False(t, g.HasLinks())
			g.Start()
			g.Join()
			l = link(g, func(*gevent.Greenlet) { t.Error(name + " was called") })
			require.True(t, l.Unlink(), "also when it is about to be called")
			gevent.Sleep(0)
		}
		g := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		joiner := gevent.Spawn(func() { g.Join() })
		for _, link := range linkers {
			link(g, func(*gevent.Greenlet) { t.Error("it was called") })
		}
		gevent.Sleep(0)
		require.Equal(t, 5, g.LinkCount())
		g.UnlinkAll()
		require.Equal(t, 1, g.LinkCount(), "who joins goes on waiting")
		joiner.Join()
	})
	for _, c := range []struct {
		name string
		end  func() error
		kill bool
		want []string
	}{
		{"T034 T040 success: link and link_value", func() error { return nil }, false, []string{"Link", "LinkValue", "Rawlink"}},
		{"T034 killed: likewise", func() error { gevent.Sleep(time.Hour); return nil }, true, []string{"Link", "LinkValue", "Rawlink"}},
		{"T035 T040 failure: link and link_exception", func() error { return errBoom }, false, []string{"Link", "LinkException", "Rawlink"}},
		{"T035 panic: likewise", func() error { explode(); return nil }, false, []string{"Link", "LinkException", "Rawlink"}},
	} {
		test(t, c.name, func(t *testing.T) {
			hub.Current().OnError = func(string, error) {}
			g := gevent.Spawn(c.end)
			for range 3 {
				var got []string
				for name, link := range linkers {
					link(g, func(ended *gevent.Greenlet) {
						require.Same(t, g, ended)
						got = append(got, name)
					})
				}
				gevent.Sleep(0)
				if c.kill {
					g.Kill()
				}
				gevent.Sleep(0)
				gevent.Sleep(0)
				slices.Sort(got)
				require.Equal(t, c.want, got)
			}
		})
	}
	t.Run("T036 a link that fails is reported, and the others are called", func(t *testing.T) {
		for _, end := range []error{nil, errBoom} {
			var tr trace
			reports := 0
			require.NoError(t, gevent.Run(func() {
				g := gevent.Spawn(func() error { return end })
				g.Link(func(*gevent.Greenlet) { tr.add("10"); explode() })
				g.Link(func(*gevent.Greenlet) { tr.add("20"); explode() })
				g.Rawlink(explode)
				gevent.Sleep(1)
			}, virtual(), gevent.WithErrorHook(func(string, error) { reports++ })))
			require.Equal(t, trace{"10", "20"}, tr)
			require.Equal(t, 3, reports)
		}
	})
	t.Run("T037 the link that is called first can unlink the other one, and fail", func(t *testing.T) {
		for name, link := range linkers {
			calls := 0
			_ = gevent.Run(func() {
				end := error(nil)
				if name == "LinkException" {
					end = errBoom
				}
				g := gevent.Spawn(func() error { return end })
				var l1, l2 *gevent.Link
				l1 = link(g, func(*gevent.Greenlet) { calls++; require.True(t, l2.Unlink()); explode() })
				l2 = link(g, func(*gevent.Greenlet) { calls++; l1.Unlink(); explode() })
				gevent.Sleep(1)
			}, virtual(), gevent.WithErrorHook(func(string, error) {}))
			require.Equal(t, 1, calls, name)
		}
	})
	test(t, "T038 links run in the order of linking, and before a join returns", func(t *testing.T) {
		var got []int
		g := gevent.Spawn(func() { got = append(got, 0) })
		for i := 1; i < 1000; i++ {
			if i%2 == 0 {
				g.Rawlink(func() { got = append(got, i) })
			} else {
				g.Link(func(*gevent.Greenlet) { got = append(got, i) })
			}
		}
		g.Join()
		require.Len(t, got, 1000)
		require.True(t, slices.IsSorted(got))
	})
	test(t, "T216 the same function linked twice is called twice, in one pass", func(t *testing.T) {
		n := 0
		f := func() { n++ }
		g := gevent.Spawn(func() {})
		g.Rawlink(f)
		g.Rawlink(f)
		g.Join()
		require.Equal(t, 2, n)
		require.Zero(t, g.LinkCount())
	})
	test(t, "links and joins are told in one order, links added meanwhile come after", func(t *testing.T) {
		var tr trace
		g := gevent.Spawn(func() { gevent.Sleep(1) })
		join := func(name string) { gevent.Spawn(func() { g.Join(); tr.add(name) }); gevent.Sleep(0) }
		join("join 1")
		g.Rawlink(func() { tr.add("raw"); g.Rawlink(tr.adds("late")) })
		join("join 2")
		g.Link(func(*gevent.Greenlet) { tr.add("link") })
		join("join 3")
		gevent.Sleep(time.Second)
		require.Equal(t, trace{"join 1", "raw", "join 2", "link", "join 3", "late"}, tr)
	})
	test(t, "a hundred thousand are told in one pass", func(t *testing.T) {
		const n = 100_000
		g := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		joined := 0
		for range n {
			gevent.Spawn(func() { g.Join(); joined++ })
		}
		gevent.Sleep(0)
		require.Equal(t, n, g.LinkCount())
		g.Join()
		require.Zero(t, g.LinkCount())
		require.Equal(t, n, joined)
	})
}

func TestOrderOfTheLoop(t *testing.T) {
	test(t, "T039 sleep(0) alternates", func(t *testing.T) {
		var tr trace
		for i := range 2 {
			gevent.Spawn(func() {
				tr.add(fmt.Sprintf("%dA", i+1))
				gevent.Sleep(0)
				tr.add(fmt.Sprintf("%dB", i+1))
			})
		}
		gevent.Sleep(1)
		require.Equal(t, trace{"1A", "2A", "1B", "2B"}, tr)
	})
	test(t, "T208 what a callback makes ready comes after what was", func(t *testing.T) {
		ran := false
		hub.Current().Loop.CallSoon(func() { gevent.Spawn(func() { ran = true }) })
		gevent.Sleep(0)
		require.False(t, ran)
		gevent.Sleep(0)
		require.True(t, ran)
	})
	t.Run("T209 a callback that makes itself ready does not starve a timer", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			loop := hub.Current().Loop
			stop := false
			var again func()
			again = func() {
				if !stop {
					loop.CallSoon(again)
				}
			}
			again()
			gevent.Sleep(time.Millisecond)
			stop = true
		}))
	})
	t.Run("T027 T219 a failing callback is reported once and harms nobody's sleep", func(t *testing.T) {
		reports := 0
		require.NoError(t, gevent.Run(func() {
			loop := hub.Current().Loop
			loop.CallLater(50*time.Millisecond, explode)
			start := loop.UpdateTime()
			gevent.Sleep(100 * time.Millisecond)
			require.Equal(t, 100*time.Millisecond, loop.UpdateTime()-start)
			require.Equal(t, 1, reports)
		}, virtual(), gevent.WithErrorHook(func(string, error) { reports++ })))
	})
	test(t, "T219 blocking calls are refused in a callback, the others work", func(t *testing.T) {
		g := gevent.Spawn(func() { gevent.Sleep(time.Second) })
		gevent.Sleep(0)
		ran := false
		hub.Current().Loop.CallSoon(func() {
			for name, f := range map[string]func(){
				"gevent.Sleep":      func() { gevent.Sleep(0) },
				"gevent.Join":       func() { g.Join() },
				"gevent.Get":        func() { _ = g.Get() },
				"gevent.Kill":       func() { g.Kill() },
				"gevent.JoinAll":    func() { gevent.JoinAll(g) },
				"gevent.Wait":       func() { gevent.Wait(g) },
				"gevent.Idle":       gevent.Idle,
				"gevent.JoinHub":    gevent.JoinHub,
				"gevent.WithScope":  func() { _ = gevent.WithScope(func(*gevent.Scope) error { return nil }) },
				"gevent.Offload":    func() { gevent.Offload(func() {}) },
				"gevent.Raise":      func() { gevent.Raise(errBoom) },
				"gevent.KillAll":    func() { gevent.KillAll(g) },
				"gevent.IWait":      func() { gevent.IWait(g)(func(*gevent.Greenlet) bool { return true }) },
				"gevent.JoinAllWit": func() { _, _ = gevent.JoinAllWith([]*gevent.Greenlet{g}, gevent.RaiseError()) },
				"gevent.Timeout":    func() { gevent.NewTimeout(1).Start() },
			} {
				func() {
					defer func() {
						message, _ := recover().(string)
						require.Contains(t, message, name)
						require.Contains(t, message, "a callback of the loop must not block")
					}()
					f()
				}()
			}
			ran = true
			g.KillAsync(nil)
			g.Rawlink(func() {}).Unlink()
			gevent.Spawn(func() {})
			require.NoError(t, gevent.Try(func() error { return nil }))
			require.Nil(t, gevent.Current())
		})
		gevent.Sleep(0)
		require.True(t, ran)
	})
}

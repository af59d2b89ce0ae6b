//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

// Python's test_selectors.py, in groups SEL-01 to SEL-14. All of it runs over
// every kind of selector that the platform has.

// A kind is one way to make a selector.
type kind struct {
	name string
	make func() (*netpoll.Selector, error)
}

// kinds are all of them. Platforms add what they have of their own.
var kinds = []kind{
	{"the best one", netpoll.NewSelector},
	{"epoll", netpoll.NewEpoll},
	{"kqueue", netpoll.NewKqueue},
	{"poll", netpoll.NewPoll},
	{"select", netpoll.NewSelect},
}

// overKinds runs a test for each kind, with a selector.
func overKinds(t *testing.T, test func(t *testing.T, s *netpoll.Selector)) {
	t.Helper()
	overMakers(t, func(t *testing.T, newSelector func() *netpoll.Selector) { test(t, newSelector()) })
}

// overMakers runs a test for each kind, with a function that makes selectors. They
// are closed at the end.
func overMakers(t *testing.T, test func(t *testing.T, newSelector func() *netpoll.Selector)) {
	t.Helper()
	for _, k := range kinds {
		s, err := k.make()
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		require.NoError(t, err)
		require.NoError(t, s.Close())
		t.Run(k.name, func(t *testing.T) {
			test(t, func() *netpoll.Selector {
				s, err := k.make()
				require.NoError(t, err)
				t.Cleanup(func() { s.Close() })
				return s
			})
		})
	}
}

// found is a result of Select as text, in the order of the descriptors.
func found(ready []netpoll.Ready) string {
	ready = slices.Clone(ready)
	slices.SortFunc(ready, func(a, b netpoll.Ready) int { return a.Fd - b.Fd })
	text := ""
	for _, r := range ready {
		text += fmt.Sprintf("%v=%v ", r.Data, r.Ready)
	}
	return text
}

// byData is a result of Select by what was registered.
func byData(ready []netpoll.Ready) map[any]netpoll.Events {
	m := make(map[any]netpoll.Events)
	for _, r := range ready {
		m[r.Data] = r.Ready
	}
	return m
}

// look is what a selector finds without waiting.
func look(t testing.TB, s *netpoll.Selector) string {
	t.Helper()
	ready, err := s.Select(0)
	require.NoError(t, err)
	return found(ready)
}

// register registers and fails the test if that cannot be.
func register(t testing.TB, s *netpoll.Selector, fd int, e netpoll.Events, data any) {
	t.Helper()
	key, err := s.Register(fd, e, data)
	require.NoError(t, err)
	require.Equal(t, netpoll.Key{Fd: fd, Events: e, Data: data}, key)
}

// needFds skips the test if the process may not have n descriptors.
func needFds(t testing.TB, n uint64) {
	t.Helper()
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if uint64(limit.Cur) < n {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Max) < n {
			t.Skipf("the limit is %d descriptors, and %d are needed", limit.Max, n)
		}
	}
}

// closedFd is the number of a descriptor that is not open.
func closedFd(t testing.TB) int {
	a, b := socketpair(t)
	syscall.Close(b)
	syscall.Close(a)
	return a
}

func TestSEL01Register(t *testing.T) {
	t.Run("returns the key", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			register(t, s, a, netpoll.Read, "data")
			register(t, s, b, netpoll.Read|netpoll.Write, nil)
			require.Equal(t, 2, s.Len())
		})
	})
	t.Run("refuses events that mean nothing", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			for _, e := range []netpoll.Events{0, netpoll.EdgeTriggered, netpoll.OneShot, 16, netpoll.Read | 128} {
				_, err := s.Register(a, e, nil)
				require.ErrorIs(t, err, netpoll.ErrInvalidEvents)
				require.EqualError(t, err, fmt.Sprintf("netpoll.Register: descriptor %d: invalid events: %v", a, e))
			}
			require.Zero(t, s.Len())
			register(t, s, a, netpoll.Read, nil)
		})
	})
	t.Run("refuses numbers that no descriptor has", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			for _, fd := range []int{-1, -10, math.MinInt, math.MaxInt} {
				if fd == math.MaxInt32 {
					continue // as large as an int can be here
				}
				_, err := s.Register(fd, netpoll.Read, nil)
				require.ErrorIs(t, err, netpoll.ErrInvalidFd)
			}
			_, err := s.Register(-10, netpoll.Read, nil)
			require.EqualError(t, err, "netpoll.Register: descriptor -10: invalid descriptor number")
			require.Zero(t, s.Len())
		})
	})
	t.Run("refuses a descriptor that has a key", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			register(t, s, a, netpoll.Read, "first")
			_, err := s.Register(a, netpoll.Write, "second")
			require.ErrorIs(t, err, netpoll.ErrRegistered)
			require.ErrorContains(t, err, fmt.Sprintf("netpoll.Register: descriptor %d: already registered", a))
			key, err := s.Get(a)
			require.NoError(t, err)
			require.Equal(t, netpoll.Key{Fd: a, Events: netpoll.Read, Data: "first"}, key)
			require.Empty(t, look(t, s), "and goes on watching for what it did")
		})
	})
}

func TestSEL02Unregister(t *testing.T) {
	t.Run("returns the key, and the descriptor can be registered again", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			for range 3 {
				register(t, s, a, netpoll.Write, "data")
				require.Equal(t, "data=write ", look(t, s))
				key, err := s.Unregister(a)
				require.NoError(t, err)
				require.Equal(t, netpoll.Key{Fd: a, Events: netpoll.Write, Data: "data"}, key)
				require.Zero(t, s.Len())
				require.Empty(t, look(t, s))
			}
		})
	})
	t.Run("refuses a descriptor that has no key", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			for _, fd := range []int{a, -1} {
				_, err := s.Unregister(fd)
				require.ErrorIs(t, err, netpoll.ErrNotRegistered)
				require.EqualError(t, err, fmt.Sprintf("netpoll.Unregister: descriptor %d: not registered with the selector", fd))
			}
		})
	})
	t.Run("can be done with what was just found, in the midst of a result", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			for range 10 {
				a, b := watched(t)
				register(t, s, a, netpoll.Write, nil)
				register(t, s, b, netpoll.Write, nil)
			}
			ready, err := s.Select(-1)
			require.NoError(t, err)
			require.Len(t, ready, 20)
			for _, r := range ready {
				require.Equal(t, netpoll.Write, r.Ready)
				_, err := s.Unregister(r.Fd)
				require.NoError(t, err)
			}
			require.Zero(t, s.Len())
			require.Empty(t, look(t, s))
		})
	})
}

func TestSEL03UnregisterOfAClosedDescriptor(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := socketpair(t)
		register(t, s, a, netpoll.Read, nil)
		register(t, s, b, netpoll.Read|netpoll.Write, nil)
		require.NoError(t, syscall.Close(a))
		require.NoError(t, syscall.Close(b))
		for _, fd := range []int{a, b} {
			_, err := s.Unregister(fd)
			require.NoError(t, err)
		}
		require.Zero(t, s.Len())
		require.Empty(t, look(t, s))
	})
}

func TestSEL04UnregisterOfANumberThatIsUsedAgain(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "old a")
		register(t, s, b, netpoll.Write, "old b")
		c, d := watched(t)
		require.NoError(t, unix.Dup2(c, a))
		require.NoError(t, unix.Dup2(d, b))
		for _, fd := range []int{a, b} {
			_, err := s.Unregister(fd)
			require.NoError(t, err)
		}
		require.Zero(t, s.Len())
		require.Empty(t, look(t, s))

		register(t, s, a, netpoll.Read, "new a")
		register(t, s, b, netpoll.Read, "new b")
		require.Empty(t, look(t, s))
		send(t, b, "x")
		require.Equal(t, "new a=read ", look(t, s))
	})
}

func TestSEL05Modify(t *testing.T) {
	t.Run("changes events and data", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			register(t, s, a, netpoll.Read, 1)
			require.Empty(t, look(t, s))
			for i, step := range []struct {
				events netpoll.Events
				want   string
			}{
				{netpoll.Write, "2=write "},
				{netpoll.Read, ""},
				{netpoll.Read | netpoll.Write, "4=write "},
				{netpoll.Read, ""},
			} {
				key, err := s.Modify(a, step.events, i+2)
				require.NoError(t, err)
				require.Equal(t, netpoll.Key{Fd: a, Events: step.events, Data: i + 2}, key)
				require.Equal(t, step.want, look(t, s))
			}
			send(t, b, "x")
			require.Equal(t, "5=read ", look(t, s))
			require.Equal(t, 1, s.Len())
		})
	})
	t.Run("does not ask the kernel when only the data changes", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := socketpair(t)
			defer syscall.Close(b)
			register(t, s, a, netpoll.Read, "old")
			require.NoError(t, syscall.Close(a), "the kernel would say EBADF")
			key, err := s.Modify(a, netpoll.Read, "new")
			require.NoError(t, err)
			require.Equal(t, "new", key.Data)
			got, err := s.Get(a)
			require.NoError(t, err)
			require.Equal(t, key, got)
			_, err = s.Unregister(a)
			require.NoError(t, err)
		})
	})
	t.Run("refuses a descriptor that has no key", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			_, err := s.Modify(a, netpoll.Read, nil)
			require.ErrorIs(t, err, netpoll.ErrNotRegistered)
			require.ErrorContains(t, err, "netpoll.Modify: ")
		})
	})
	t.Run("leaves the key as it was when the events mean nothing", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			register(t, s, a, netpoll.Write, "data")
			for _, e := range []netpoll.Events{0, netpoll.EdgeTriggered, 16} {
				_, err := s.Modify(a, e, nil)
				require.ErrorIs(t, err, netpoll.ErrInvalidEvents)
			}
			require.Equal(t, "data=write ", look(t, s))
		})
	})
	t.Run("drops the key when the kernel refuses", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := socketpair(t)
			defer syscall.Close(b)
			register(t, s, a, netpoll.Read, nil)
			require.NoError(t, syscall.Close(a))
			_, err := s.Modify(a, netpoll.Write, nil)
			require.ErrorIs(t, err, syscall.EBADF)
			_, err = s.Get(a)
			require.ErrorIs(t, err, netpoll.ErrNotRegistered)
			require.Zero(t, s.Len())
			require.Empty(t, look(t, s))
		})
	})
}

func TestSEL06Get(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "data")
		key, err := s.Get(a)
		require.NoError(t, err)
		require.Equal(t, netpoll.Key{Fd: a, Events: netpoll.Read, Data: "data"}, key)
		for _, fd := range []int{b, -1, math.MaxInt} {
			_, err = s.Get(fd)
			require.ErrorIs(t, err, netpoll.ErrNotRegistered)
			require.EqualError(t, err, fmt.Sprintf("netpoll.Get: descriptor %d: not registered with the selector", fd))
		}
	})
}

func TestSEL07Keys(t *testing.T) {
	t.Run("are in the order of the descriptors", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			require.Empty(t, slices.Collect(s.Keys()))
			var want []netpoll.Key
			for i := range 10 {
				a, b := watched(t)
				register(t, s, max(a, b), netpoll.Read, i)
				register(t, s, min(a, b), netpoll.Write, i)
				want = append(want, netpoll.Key{Fd: min(a, b), Events: netpoll.Write, Data: i}, netpoll.Key{Fd: max(a, b), Events: netpoll.Read, Data: i})
			}
			slices.SortFunc(want, func(a, b netpoll.Key) int { return a.Fd - b.Fd })
			require.Equal(t, 20, s.Len())
			require.Equal(t, want, slices.Collect(s.Keys()))
			for key := range s.Keys() {
				require.Equal(t, want[0], key)
				break
			}
		})
	})
	t.Run("may be unregistered and registered meanwhile", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			var fds []int
			for range 5 {
				a, b := watched(t)
				fds = append(fds, a, b)
				register(t, s, a, netpoll.Read, "old")
				register(t, s, b, netpoll.Read, "old")
			}
			slices.Sort(fds)
			fresh, _ := watched(t)
			seen := 0
			for key := range s.Keys() {
				seen++
				require.Equal(t, "old", key.Data)
				_, err := s.Unregister(key.Fd)
				require.NoError(t, err)
				if seen == 1 {
					_, err := s.Unregister(fds[9])
					require.NoError(t, err)
					register(t, s, fresh, netpoll.Read, "new")
				}
			}
			require.Equal(t, 9, seen)
			require.Equal(t, 1, s.Len())
		})
	})
}

func TestSEL08Close(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Write, nil)
		keys := s.Keys()
		ready, err := s.Select(0)
		require.NoError(t, err)
		name := s.Name()
		require.NoError(t, s.Close())

		for what, call := range map[string]func() error{
			"Register":   func() error { _, err := s.Register(b, netpoll.Read, nil); return err },
			"Modify":     func() error { _, err := s.Modify(a, netpoll.Read, nil); return err },
			"Unregister": func() error { _, err := s.Unregister(a); return err },
			"Get":        func() error { _, err := s.Get(a); return err },
			"Select":     func() error { _, err := s.Select(-1); return err },
			"Fd":         func() error { _, err := s.Fd(); return err },
			"Wake":       s.Wake,
			"Close":      s.Close,
		} {
			require.ErrorIs(t, call(), netpoll.ErrClosed, what)
		}
		require.Zero(t, s.Len())
		require.Empty(t, slices.Collect(keys))
		require.Equal(t, name, s.Name())
		require.Equal(t, netpoll.Events(0), ready[0].Ready, "nothing is watched any more")
		send(t, a, "still open")
	})
	t.Run("a selector that was not made by a New function is closed", func(t *testing.T) {
		var s netpoll.Selector
		_, err := s.Register(0, netpoll.Read, nil)
		require.ErrorIs(t, err, netpoll.ErrClosed)
		_, err = s.Select(0)
		require.ErrorIs(t, err, netpoll.ErrClosed)
		require.ErrorIs(t, s.Wake(), netpoll.ErrClosed)
		require.ErrorIs(t, s.Close(), netpoll.ErrClosed)
		require.Zero(t, s.Len())
	})
}

func TestEventsAsText(t *testing.T) {
	for e, want := range map[netpoll.Events]string{
		0:                            "none",
		netpoll.Read:                 "read",
		netpoll.Read | netpoll.Write: "read|write",
		netpoll.Write | netpoll.EdgeTriggered | netpoll.OneShot: "write|edge|oneshot",
		netpoll.Read | 0x90: "read|0x90",
	} {
		require.Equal(t, want, e.String())
	}
	require.True(t, (netpoll.Read | netpoll.OneShot).Has(netpoll.Read))
	require.False(t, netpoll.Read.Has(netpoll.Read|netpoll.Write))
}

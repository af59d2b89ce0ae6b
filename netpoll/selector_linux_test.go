package netpoll_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

func init() {
	kinds = append(kinds, kind{"epoll of an old kernel", func() (*netpoll.Selector, error) {
		s, err := netpoll.NewEpoll()
		if err == nil {
			s.WithoutPwait2()
		}
		return s, err
	}})
}

func newEpoll(t testing.TB) *netpoll.Selector {
	t.Helper()
	s, err := netpoll.NewEpoll()
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// orphan leaves a readable file registered in the epoll instance of which the
// number is closed and unregistered. It returns the number, and a duplicate and
// the peer of the file.
func orphan(t testing.TB, s *netpoll.Selector) (fd, dup, peer int) {
	t.Helper()
	fd, peer = socketpair(t)
	register(t, s, fd, netpoll.Read, "orphan")
	dup, err := syscall.Dup(fd)
	require.NoError(t, err)
	require.NoError(t, syscall.Close(fd))
	send(t, peer, "x")
	require.Equal(t, netpoll.Read, byData(selectAll(t, s))["orphan"], "so it is until it is unregistered")
	_, err = s.Unregister(fd)
	require.NoError(t, err)
	t.Cleanup(func() { syscall.Close(dup); syscall.Close(peer) })
	return fd, dup, peer
}

func TestAClosedFileOfWhichADuplicateIsOpen(t *testing.T) {
	t.Run("does not keep Select from waiting", func(t *testing.T) {
		s := newEpoll(t)
		orphan(t, s)
		number, err := s.Fd()
		require.NoError(t, err)
		waits := s.Waits()
		start := time.Now()
		ready, err := s.Select(20 * time.Millisecond)
		require.NoError(t, err)
		require.Empty(t, ready)
		require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond)
		require.LessOrEqual(t, s.Waits()-waits, 5, "a busy loop would ask very often")
		again, err := s.Fd()
		require.NoError(t, err)
		require.Equal(t, number, again)
	})
	t.Run("has no events for the successor of its number", func(t *testing.T) {
		s := newEpoll(t)
		other, _ := watched(t)
		register(t, s, other, netpoll.Write, "other")
		fd, _, oldPeer := orphan(t, s)
		b, peer := watched(t)
		require.Equal(t, fd, b, "the number is used again")
		register(t, s, b, netpoll.Read, "successor")
		require.Equal(t, "other=write ", look(t, s))
		send(t, oldPeer, "for the old one")
		require.Equal(t, "other=write ", look(t, s))
		send(t, peer, "for the new one")
		require.Equal(t, map[any]netpoll.Events{"other": netpoll.Write, "successor": netpoll.Read}, byData(selectAll(t, s)))
	})
	t.Run("does not keep others from being found", func(t *testing.T) {
		s := newEpoll(t)
		live, livePeer := watched(t)
		register(t, s, live, netpoll.Read, "live")
		require.Empty(t, look(t, s))
		for range 50 {
			fd, peer := socketpair(t)
			register(t, s, fd, netpoll.Read, "orphan")
			dup, err := syscall.Dup(fd)
			require.NoError(t, err)
			defer syscall.Close(dup)
			defer syscall.Close(peer)
			require.NoError(t, syscall.Close(fd))
			send(t, peer, "x")
			_, err = s.Unregister(fd)
			require.NoError(t, err)
		}
		send(t, livePeer, "x")
		require.Equal(t, "live=read ", look(t, s))
	})
	t.Run("can be registered again under its number", func(t *testing.T) {
		s := newEpoll(t)
		fd, dup, _ := orphan(t, s)
		require.NoError(t, unix.Dup2(dup, fd))
		defer syscall.Close(fd)
		register(t, s, fd, netpoll.Read, "again")
		require.Equal(t, "again=read ", look(t, s))
		_, err := s.Unregister(fd)
		require.NoError(t, err)
		require.Empty(t, look(t, s))
	})
	t.Run("leaves everything else as it is", func(t *testing.T) {
		s := newEpoll(t)
		once, oncePeer := watched(t)
		spent, spentPeer := watched(t)
		closed, closedPeer := socketpair(t)
		defer syscall.Close(closedPeer)
		register(t, s, once, netpoll.Read|netpoll.OneShot, "once")
		register(t, s, spent, netpoll.Read|netpoll.OneShot, "spent")
		register(t, s, closed, netpoll.Write, "closed")
		send(t, spentPeer, "x")
		require.Equal(t, map[any]netpoll.Events{"spent": netpoll.Read, "closed": netpoll.Write}, byData(selectAll(t, s)))
		orphan(t, s)
		require.NoError(t, syscall.Close(closed))
		require.Empty(t, look(t, s))

		require.NoError(t, s.Wake())
		ready, err := s.Select(time.Minute)
		require.NoError(t, err)
		require.Empty(t, ready, "woken")
		send(t, spentPeer, "x")
		require.Empty(t, look(t, s), "a one-shot that was reported stays silent")
		send(t, oncePeer, "x")
		require.Equal(t, "once=read ", look(t, s))
		require.Empty(t, look(t, s))
		_, err = s.Modify(spent, netpoll.Read|netpoll.OneShot, "spent")
		require.NoError(t, err)
		require.Equal(t, "spent=read ", look(t, s))
		require.Empty(t, look(t, s))
		_, err = s.Modify(closed, netpoll.Write|netpoll.Read, nil)
		require.ErrorIs(t, err, syscall.EBADF)
		require.Equal(t, 2, s.Len())
	})
	t.Run("is an error of Select if nothing can be done about it", func(t *testing.T) {
		s := newEpoll(t)
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "a")
		orphan(t, s)
		restore := noMoreFds(t)
		_, err := s.Select(time.Minute)
		require.ErrorIs(t, err, syscall.EMFILE)
		require.EqualError(t, err, "netpoll.Select: epoll_create1: too many open files")
		send(t, b, "x")
		require.Equal(t, "a=read ", look(t, s), "what is ready comes first")
		restore()
		require.Equal(t, "a=read ", look(t, s))
		require.NoError(t, readOne(a))
		require.Empty(t, look(t, s))
	})
}

func selectAll(t testing.TB, s *netpoll.Selector) []netpoll.Ready {
	t.Helper()
	ready, err := s.Select(0)
	require.NoError(t, err)
	return ready
}

// noMoreFds makes opening fail until restore is called.
func noMoreFds(t testing.TB) (restore func()) {
	t.Helper()
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	none := old
	none.Cur = 0
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &none))
	restore = func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old)) }
	t.Cleanup(restore)
	return restore
}

func TestASelectorThatCannotBeMade(t *testing.T) {
	restore := noMoreFds(t)
	errs := map[string]error{}
	for _, k := range kinds {
		_, errs[k.name] = k.make()
	}
	restore()
	for _, name := range []string{"the best one", "epoll", "poll", "select"} {
		require.ErrorIs(t, errs[name], syscall.EMFILE, name)
	}
	require.EqualError(t, errs["the best one"], "netpoll.NewSelector: eventfd2: too many open files")
}

func TestSelectorsCloseTheirDescriptors(t *testing.T) {
	for name, want := range map[string]int{"epoll": 2, "poll": 1, "select": 1} {
		before := countFDs(t)
		for _, k := range kinds {
			if k.name != name {
				continue
			}
			for range 5 {
				s, err := k.make()
				require.NoError(t, err)
				require.Equal(t, before+want, countFDs(t))
				require.NoError(t, s.Close())
			}
		}
		require.Equal(t, before, countFDs(t))
	}
}

// A tgkill finds the thread in its wait, where a kill of the process mostly finds
// another one.
func TestSEL11ASignalToTheThreadThatWaits(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "a")
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread := unix.Gettid()
		interrupt := func(n int, then func()) <-chan struct{} {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for range n {
					time.Sleep(time.Millisecond)
					unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
				}
				then()
			}()
			return ended
		}

		start := time.Now()
		ended := interrupt(20, func() {})
		ready, err := s.Select(60 * time.Millisecond)
		took := time.Since(start)
		<-ended
		require.NoError(t, err)
		require.Empty(t, ready)
		require.GreaterOrEqual(t, took, 60*time.Millisecond)

		var sent atomic.Bool
		ended = interrupt(20, func() {
			sent.Store(true)
			syscall.Write(b, []byte("x"))
		})
		ready, err = s.Select(-1)
		require.True(t, sent.Load(), "not before there is something")
		<-ended
		require.NoError(t, err)
		require.Equal(t, "a=read ", found(ready))
	})
}

func TestSEL10ShortWaitsAreExact(t *testing.T) {
	for _, k := range kinds {
		if k.name == "kqueue" || k.name == "epoll of an old kernel" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			s, err := k.make()
			require.NoError(t, err)
			defer s.Close()
			best := time.Hour
			for range 50 {
				start := time.Now()
				ready, err := s.Select(100 * time.Microsecond)
				took := time.Since(start)
				require.NoError(t, err)
				require.Empty(t, ready)
				require.GreaterOrEqual(t, took, 100*time.Microsecond)
				best = min(best, took)
			}
			require.Less(t, best, time.Millisecond)
		})
	}
}

// Rounded down to zero, waits of less than a millisecond would be a busy loop.
func TestSEL10OldKernelsRoundUp(t *testing.T) {
	s := newEpoll(t)
	s.WithoutPwait2()
	for _, timeout := range []time.Duration{1, 100 * time.Microsecond, time.Millisecond, 2100 * time.Microsecond} {
		waits := s.Waits()
		start := time.Now()
		ready, err := s.Select(timeout)
		require.NoError(t, err)
		require.Empty(t, ready)
		require.GreaterOrEqual(t, time.Since(start), timeout)
		require.LessOrEqual(t, s.Waits()-waits, 5, "one looks, one sleeps, and a signal may come")
	}
}

func TestSelectorsInSelectors(t *testing.T) {
	inner, outer := newEpoll(t), newEpoll(t)
	a, b := watched(t)
	register(t, inner, a, netpoll.Read, "a")
	fd, err := inner.Fd()
	require.NoError(t, err)
	register(t, outer, fd, netpoll.Read, "inner")
	require.Empty(t, look(t, outer))
	send(t, b, "x")
	require.Equal(t, "inner=read ", look(t, outer))
	require.Equal(t, "a=read ", look(t, inner))
	require.NoError(t, readOne(a))
	require.Empty(t, look(t, outer))

	_, err = inner.Register(fd, netpoll.Read, nil)
	require.ErrorIs(t, err, syscall.EINVAL, "not in itself")
}

// Whoever closes what is not his breaks the selector, but is told.
func TestClosedKernelObjects(t *testing.T) {
	s := newEpoll(t)
	fd, err := s.Fd()
	require.NoError(t, err)
	require.NoError(t, syscall.Close(fd))
	_, err = s.Select(-1)
	require.ErrorIs(t, err, syscall.EBADF)
	require.EqualError(t, err, "netpoll.Select: epoll_wait: bad file descriptor")
	require.ErrorIs(t, s.Close(), syscall.EBADF)

	for _, make := range []func() (*netpoll.Selector, error){netpoll.NewPoll, netpoll.NewSelect} {
		s, err := make()
		require.NoError(t, err)
		require.NoError(t, syscall.Close(s.WakeFd()))
		_, err = s.Select(-1)
		require.ErrorIs(t, err, syscall.EBADF, s.Name())
		require.ErrorIs(t, s.Close(), syscall.EBADF)
	}
}

func TestSelectLooksNoHigherThanItMust(t *testing.T) {
	s, err := netpoll.NewSelect()
	require.NoError(t, err)
	defer s.Close()
	alone := s.Top()
	a, b := watched(t)
	c, d := watched(t)
	fds := []int{a, b, c, d}
	slices.Sort(fds)
	for _, fd := range fds {
		register(t, s, fd, netpoll.Read, nil)
		require.Equal(t, max(alone, fd+1), s.Top())
	}
	for _, fd := range []int{fds[1], fds[3], fds[2], fds[0]} {
		_, err := s.Unregister(fd)
		require.NoError(t, err)
		highest := -1
		for key := range s.Keys() {
			highest = key.Fd
		}
		require.Equal(t, max(alone, highest+1), s.Top())
	}
}

// Bad input must not take the selector's wake-up away.
func TestTheWakeUpOfASelectorCannotBeTakenFromIt(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		var took []int
		for fd := range 64 {
			if _, err := s.Register(fd, netpoll.Read, fd); err == nil {
				took = append(took, fd)
			}
		}
		for _, fd := range took {
			_, err := s.Unregister(fd)
			require.NoError(t, err)
		}
		require.NoError(t, s.Wake())
		start := time.Now()
		_, err := s.Select(2 * time.Second)
		require.NoError(t, err)
		require.Less(t, time.Since(start), time.Second, "the wake-up was lost")
	})
}

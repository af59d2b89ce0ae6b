//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestSEL09Select(t *testing.T) {
	t.Run("finds several at once, each once, with what it is ready for", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			c, d := watched(t)
			fds := []int{a, b, c, d}
			slices.Sort(fds)
			a, b, c, d = fds[0], fds[1], fds[2], fds[3]
			require.Empty(t, look(t, s), "an empty selector finds nothing")
			register(t, s, a, netpoll.Read, "a")
			register(t, s, b, netpoll.Read|netpoll.Write, "b")
			register(t, s, c, netpoll.Write, "c")
			register(t, s, d, netpoll.Read|netpoll.Write, "d")
			require.Equal(t, "b=write c=write d=write ", look(t, s))
			for _, fd := range fds {
				send(t, fd, "x")
			}
			want := "a=read b=read|write c=write d=read|write "
			require.Equal(t, want, look(t, s))
			require.Equal(t, want, look(t, s), "and again, as nothing was read")
			ready, err := s.Select(-1)
			require.NoError(t, err)
			require.Equal(t, want, found(ready))
			for _, r := range ready {
				key, err := s.Get(r.Fd)
				require.NoError(t, err)
				require.Equal(t, key, r.Key)
				if r.Ready.Has(netpoll.Read) {
					_, err := syscall.Read(r.Fd, make([]byte, 8))
					require.NoError(t, err)
				}
			}
			require.Equal(t, "b=write c=write d=write ", look(t, s))
		})
	})
	t.Run("finds what becomes ready while it waits", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			register(t, s, a, netpoll.Read, "a")
			for _, timeout := range []time.Duration{-1, time.Minute} {
				time.AfterFunc(5*time.Millisecond, func() { syscall.Write(b, []byte("x")) })
				ready, err := s.Select(timeout)
				require.NoError(t, err)
				require.Equal(t, "a=read ", found(ready))
				_, err = syscall.Read(a, make([]byte, 1))
				require.NoError(t, err)
			}
		})
	})
	t.Run("a result is kept true while it is worked off", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			c, d := watched(t)
			for _, fd := range []int{a, b, c, d} {
				send(t, fd, "x")
				register(t, s, fd, netpoll.Read|netpoll.Write, fd)
			}
			ready, err := s.Select(0)
			require.NoError(t, err)
			require.Len(t, ready, 4)
			first := ready[0]
			_, err = s.Modify(ready[1].Fd, netpoll.Write, "other data")
			require.NoError(t, err)
			_, err = s.Unregister(ready[2].Fd)
			require.NoError(t, err)
			_, err = s.Unregister(ready[3].Fd)
			require.NoError(t, err)
			register(t, s, ready[3].Fd, netpoll.Read, "a successor")
			var got []netpoll.Events
			for _, r := range ready {
				require.Equal(t, r.Fd, r.Data, "the keys are those of the time")
				got = append(got, r.Ready)
			}
			require.Equal(t, []netpoll.Events{netpoll.Read | netpoll.Write, netpoll.Write, 0, 0}, got)
			_, err = s.Unregister(first.Fd)
			require.NoError(t, err)
			require.Equal(t, netpoll.Read|netpoll.Write, first.Ready, "a copy is a copy")
		})
	})
	t.Run("does not allocate", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			for range 20 {
				a, b := watched(t)
				register(t, s, a, netpoll.Write, a)
				register(t, s, b, netpoll.Read, b)
			}
			for _, timeout := range []time.Duration{0, -1, time.Second} {
				require.Zero(t, testing.AllocsPerRun(100, func() {
					ready, err := s.Select(timeout)
					if err != nil || len(ready) != 20 {
						panic(fmt.Sprint(len(ready), err))
					}
				}))
			}
		})
	})
	t.Run("does not keep the data of former results", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			register(t, s, a, netpoll.Write, "a")
			register(t, s, b, netpoll.Write, "b")
			ready, err := s.Select(0)
			require.NoError(t, err)
			require.Len(t, ready, 2)
			_, err = s.Unregister(a)
			require.NoError(t, err)
			require.Equal(t, "b=write ", look(t, s))
			require.Equal(t, netpoll.Ready{}, ready[1])
		})
	})
}

func TestSEL10Timeouts(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "a")
		register(t, s, b, netpoll.Read, "b")
		for _, timeout := range []time.Duration{0, 1, 10 * time.Microsecond, time.Millisecond, 1500 * time.Microsecond, 20 * time.Millisecond} {
			start := time.Now()
			require.Empty(t, look(t, s))
			ready, err := s.Select(timeout)
			require.NoError(t, err)
			require.Empty(t, ready)
			require.GreaterOrEqual(t, time.Since(start), timeout)
			require.Less(t, time.Since(start), 30*time.Second)
		}
		send(t, b, "x")
		for _, timeout := range []time.Duration{-1, math.MinInt64, 0, 1, time.Hour, math.MaxInt64} {
			ready, err := s.Select(timeout)
			require.NoError(t, err)
			require.Equal(t, "a=read ", found(ready))
		}
	})
	t.Run("an empty selector waits as well", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			start := time.Now()
			ready, err := s.Select(10 * time.Millisecond)
			require.NoError(t, err)
			require.Empty(t, ready)
			require.GreaterOrEqual(t, time.Since(start), 10*time.Millisecond)
		})
	})
}

func TestSEL11SignalsDoNotEndAWait(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, _ := watched(t)
		register(t, s, a, netpoll.Read, nil)
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					syscall.Kill(syscall.Getpid(), syscall.SIGURG)
				}
			}
		}()
		start := time.Now()
		ready, err := s.Select(50 * time.Millisecond)
		took := time.Since(start)
		close(stop)
		<-ended
		require.NoError(t, err)
		require.Empty(t, ready)
		require.GreaterOrEqual(t, took, 50*time.Millisecond)
	})
}

func TestSEL12TroubleIsReadyInAllDirectionsThatAreWatched(t *testing.T) {
	for _, e := range []netpoll.Events{netpoll.Read, netpoll.Write, netpoll.Read | netpoll.Write} {
		t.Run(fmt.Sprint("the other end of a socket is closed, watched for ", e), func(t *testing.T) {
			overKinds(t, func(t *testing.T, s *netpoll.Selector) {
				a, b := socketpair(t)
				defer syscall.Close(a)
				register(t, s, a, e, "a")
				require.NoError(t, syscall.Close(b))
				require.Equal(t, fmt.Sprintf("a=%v ", e), look(t, s))
			})
		})
	}
	t.Run("the reader of a pipe is gone", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			var p [2]int
			require.NoError(t, syscall.Pipe(p[:]))
			defer syscall.Close(p[1])
			require.NoError(t, syscall.SetNonblock(p[1], true))
			for _, err := syscall.Write(p[1], make([]byte, 4096)); err == nil; _, err = syscall.Write(p[1], make([]byte, 4096)) {
			}
			register(t, s, p[1], netpoll.Write, "pipe")
			require.Empty(t, look(t, s), "it is full")
			require.NoError(t, syscall.Close(p[0]))
			require.Equal(t, "pipe=write ", look(t, s))
		})
	})
	t.Run("the writer of a pipe is gone", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			var p [2]int
			require.NoError(t, syscall.Pipe(p[:]))
			defer syscall.Close(p[0])
			register(t, s, p[0], netpoll.Read, "pipe")
			require.Empty(t, look(t, s))
			require.NoError(t, syscall.Close(p[1]))
			require.Equal(t, "pipe=read ", look(t, s))
		})
	})
	t.Run("with poll and select the descriptor itself is closed", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			if _, err := s.Fd(); err == nil {
				return // epoll and kqueue forget it
			}
			a, b := socketpair(t)
			c, d := socketpair(t)
			defer syscall.Close(b)
			defer syscall.Close(c)
			register(t, s, a, netpoll.Read|netpoll.Write, "a")
			register(t, s, b, netpoll.Write, "b")
			register(t, s, c, netpoll.Read, "c")
			register(t, s, d, netpoll.Read, "d")
			require.NoError(t, syscall.Close(a))
			require.NoError(t, syscall.Close(d))
			ready, err := s.Select(-1)
			require.NoError(t, err)
			want := map[any]netpoll.Events{"a": netpoll.Read | netpoll.Write, "b": netpoll.Write, "c": netpoll.Read, "d": netpoll.Read}
			require.Equal(t, want, byData(ready))
			for _, fd := range []int{a, d} {
				_, err := s.Unregister(fd)
				require.NoError(t, err)
			}
			ready, err = s.Select(-1)
			require.NoError(t, err)
			require.Equal(t, map[any]netpoll.Events{"b": netpoll.Write, "c": netpoll.Read}, byData(ready))
		})
	})
}

func TestSEL13AboveFDSETSIZE(t *testing.T) {
	const pairs = 1500
	needFds(t, 2*pairs+100)
	var fds []int
	defer func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}()
	for range pairs {
		a, b := socketpair(t)
		fds = append(fds, a, b)
	}
	// Made before, the selectors would have taken the low numbers of their own.
	for _, k := range kinds {
		s, err := k.make()
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			if k.name == "select" {
				require.ErrorIs(t, err, netpoll.ErrFdTooLarge, "it needs a number itself")
				require.ErrorContains(t, err, "netpoll.NewSelect: the wake-up, descriptor ")
				return
			}
			require.NoError(t, err)
			defer s.Close()
			for i := 0; i < len(fds); i += 2 {
				register(t, s, fds[i], netpoll.Read, nil)
				register(t, s, fds[i+1], netpoll.Write, nil)
			}
			ready, err := s.Select(-1)
			require.NoError(t, err)
			require.Len(t, ready, pairs)
			for _, r := range ready {
				require.Equal(t, netpoll.Write, r.Ready)
				require.Equal(t, netpoll.Write, r.Events)
			}
		})
	}
	t.Run("select takes the numbers below", func(t *testing.T) {
		syscall.Close(fds[0])
		s, err := netpoll.NewSelect()
		require.NoError(t, err)
		defer s.Close()
		fds[0], _ = syscall.Dup(fds[1])
		taken, refused := 0, 0
		for _, fd := range fds {
			_, err := s.Register(fd, netpoll.Write, nil)
			if fd < netpoll.FdSetSize {
				require.NoError(t, err)
				taken++
				continue
			}
			require.ErrorIs(t, err, netpoll.ErrFdTooLarge)
			require.EqualError(t, err, fmt.Sprintf("netpoll.Register: descriptor %d: descriptor number too large for select", fd))
			refused++
		}
		require.NotZero(t, taken)
		require.NotZero(t, refused)
		require.Equal(t, taken, s.Len())
		ready, err := s.Select(0)
		require.NoError(t, err)
		require.Len(t, ready, taken)
		_, err = s.Register(math.MaxInt32, netpoll.Read, nil)
		require.ErrorIs(t, err, netpoll.ErrFdTooLarge)
	})
}

func TestSEL14BadDescriptorsAndRegularFiles(t *testing.T) {
	t.Run("a descriptor that is not open is refused, and leaves nothing behind", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			fd := closedFd(t)
			for _, e := range []netpoll.Events{netpoll.Read, netpoll.Write, netpoll.Read | netpoll.Write} {
				_, err := s.Register(fd, e, nil)
				require.ErrorIs(t, err, syscall.EBADF)
				var sys *os.SyscallError
				require.ErrorAs(t, err, &sys)
				require.ErrorContains(t, err, fmt.Sprintf("netpoll.Register: descriptor %d: ", fd))
				_, err = s.Get(fd)
				require.ErrorIs(t, err, netpoll.ErrNotRegistered)
			}
			require.Zero(t, s.Len())
			require.Empty(t, look(t, s))
			a, b := watched(t)
			require.Contains(t, []int{a, b}, fd)
			register(t, s, fd, netpoll.Write, "open now")
			require.Equal(t, "open now=write ", look(t, s))
		})
	})
	t.Run("a regular file is always ready, or refused by epoll", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			f, err := os.CreateTemp(t.TempDir(), "")
			require.NoError(t, err)
			defer f.Close()
			_, err = s.Register(int(f.Fd()), netpoll.Read|netpoll.Write, "file")
			switch s.Name() {
			case "epoll":
				require.ErrorIs(t, err, syscall.EPERM)
				require.ErrorIs(t, err, fs.ErrPermission)
				var sys *os.SyscallError
				require.ErrorAs(t, err, &sys)
				require.Equal(t, "epoll_ctl", sys.Syscall)
				require.Zero(t, s.Len())
				require.Empty(t, look(t, s))
			case "poll", "select":
				require.NoError(t, err)
				require.Equal(t, "file=read|write ", look(t, s))
			}
		})
	})
}

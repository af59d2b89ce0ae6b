//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// overModes runs a test for each kind that has edges and one-shots.
func overModes(t *testing.T, test func(t *testing.T, s *netpoll.Selector)) {
	t.Helper()
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		if s.Name() == "epoll" || s.Name() == "kqueue" {
			test(t, s)
		}
	})
}

func TestModesThatTheKernelLacksAreRefused(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		if s.Name() != "poll" && s.Name() != "select" {
			return
		}
		a, _ := watched(t)
		for _, e := range []netpoll.Events{netpoll.EdgeTriggered, netpoll.OneShot, netpoll.EdgeTriggered | netpoll.OneShot} {
			_, err := s.Register(a, netpoll.Read|e, nil)
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.EqualError(t, err, fmt.Sprintf("netpoll.Register: descriptor %d: %s has no %v: unsupported operation", a, s.Name(), e))
			require.Zero(t, s.Len())
		}
		register(t, s, a, netpoll.Write, "a")
		_, err := s.Modify(a, netpoll.Read|netpoll.EdgeTriggered, nil)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.Equal(t, "a=write ", look(t, s), "the key is as before")
		_, err = s.Fd()
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, "netpoll.Fd: "+s.Name()+" has no descriptor")
	})
}

func TestEdgeTriggered(t *testing.T) {
	overModes(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read|netpoll.EdgeTriggered, "a")
		require.Empty(t, look(t, s))
		send(t, b, "x")
		require.Equal(t, "a=read ", look(t, s))
		require.Empty(t, look(t, s), "nothing has arrived since")
		send(t, b, "y")
		require.Equal(t, "a=read ", look(t, s))
		require.Empty(t, look(t, s))

		_, err := s.Modify(a, netpoll.Read, "level")
		require.NoError(t, err)
		for range 2 {
			require.Equal(t, "level=read ", look(t, s))
		}
		_, err = s.Modify(a, netpoll.Write|netpoll.EdgeTriggered, "edge")
		require.NoError(t, err)
		require.Equal(t, "edge=write ", look(t, s))
		require.Empty(t, look(t, s))
		require.NoError(t, syscall.Shutdown(b, syscall.SHUT_RDWR))
		_, err = s.Modify(a, netpoll.Read|netpoll.EdgeTriggered, "end")
		require.NoError(t, err)
		require.Equal(t, "end=read ", look(t, s))
		require.Empty(t, look(t, s))
	})
}

func TestOneShot(t *testing.T) {
	for _, mode := range []netpoll.Events{netpoll.OneShot, netpoll.OneShot | netpoll.EdgeTriggered} {
		t.Run(mode.String(), func(t *testing.T) {
			overModes(t, func(t *testing.T, s *netpoll.Selector) {
				a, b := watched(t)
				register(t, s, a, netpoll.Read|mode, 1)
				require.Empty(t, look(t, s))
				_, err := s.Modify(a, netpoll.Read|mode, 2)
				require.NoError(t, err)
				send(t, b, "x")
				require.Equal(t, "2=read ", look(t, s))
				send(t, b, "y")
				require.Empty(t, look(t, s), "once")
				require.Equal(t, 1, s.Len(), "the key is still there")
				key, err := s.Get(a)
				require.NoError(t, err)
				require.Equal(t, netpoll.Read|mode, key.Events)

				_, err = s.Modify(a, netpoll.Read|mode, 3)
				require.NoError(t, err)
				require.Equal(t, "3=read ", look(t, s), "armed by Modify with the same events")
				require.Empty(t, look(t, s))
				_, err = s.Modify(a, netpoll.Read|netpoll.Write|mode, 4)
				require.NoError(t, err)
				require.Equal(t, "4=read|write ", look(t, s), "and with others")
				require.Empty(t, look(t, s))
				_, err = s.Modify(a, netpoll.Write, 5)
				require.NoError(t, err)
				for range 2 {
					require.Equal(t, "5=write ", look(t, s))
				}
				_, err = s.Unregister(a)
				require.NoError(t, err)
				register(t, s, a, netpoll.Read|mode, 6)
				require.Equal(t, "6=read ", look(t, s))
				_, err = s.Unregister(a)
				require.NoError(t, err)
			})
		})
	}
	t.Run("is for the descriptor, not for a direction", func(t *testing.T) {
		overModes(t, func(t *testing.T, s *netpoll.Selector) {
			a, b := watched(t)
			register(t, s, a, netpoll.Read|netpoll.Write|netpoll.OneShot, "a")
			require.Equal(t, "a=write ", look(t, s))
			send(t, b, "x")
			require.Empty(t, look(t, s))
		})
	})
}

package netpoll_test

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestPlatformsHaveTheirSelectors(t *testing.T) {
	has := map[string][]string{
		"linux":   {"epoll", "poll", "select"},
		"darwin":  {"kqueue", "poll", "select"},
		"freebsd": {"kqueue", "poll", "select"},
		"windows": nil,
	}
	names, known := has[runtime.GOOS]
	if !known {
		t.Skip("no list of", runtime.GOOS)
	}
	for _, k := range []struct {
		function, name string
		make           func() (*netpoll.Selector, error)
	}{
		{"NewEpoll", "epoll", netpoll.NewEpoll},
		{"NewKqueue", "kqueue", netpoll.NewKqueue},
		{"NewPoll", "poll", netpoll.NewPoll},
		{"NewSelect", "select", netpoll.NewSelect},
	} {
		t.Run(k.function, func(t *testing.T) {
			s, err := k.make()
			if slices.Contains(names, k.name) {
				require.NoError(t, err)
				require.Equal(t, k.name, s.Name())
				require.NoError(t, s.Close())
				return
			}
			require.Nil(t, s)
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.EqualError(t, err, "netpoll."+k.function+": "+runtime.GOOS+" has no "+k.name+": unsupported operation")
		})
	}
	t.Run("NewSelector", func(t *testing.T) {
		s, err := netpoll.NewSelector()
		if names == nil {
			require.ErrorIs(t, err, netpoll.ErrNoPoller)
			return
		}
		require.NoError(t, err)
		require.Equal(t, names[0], s.Name())
		require.NoError(t, s.Close())
	})
	t.Run("the next one if the kernel refuses the best", func(t *testing.T) {
		for i, name := range names {
			s, err := netpoll.NewSelectorRefused(names[:i]...)
			require.NoError(t, err)
			require.Equal(t, name, s.Name())
			require.NoError(t, s.Close())
		}
		_, err := netpoll.NewSelectorRefused(names...)
		if names == nil {
			require.ErrorIs(t, err, netpoll.ErrNoPoller)
		} else {
			require.EqualError(t, err, "the kernel refuses "+names[0])
		}
	})
}

package netpoll_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestALoopKnowsItsVirtualClock(t *testing.T) {
	l, c := newVirtual(t)
	require.Same(t, c, l.VirtualClock())
	real, err := netpoll.NewLoop()
	require.NoError(t, err)
	require.Nil(t, real.VirtualClock())
	require.NoError(t, real.Close())
}

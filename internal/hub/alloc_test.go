//go:build (amd64 || arm64) && !race && !baton_stackid

// Elsewhere finding out who calls allocates.

package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
)

func TestParkingOnAListAndTellingAllocateNothing(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var ls hub.Links
		stop := false
		p := spawn(h, func(*hub.Proc) {
			for !stop {
				_, _ = parkOn(&ls)
			}
		})
		yield(t)
		require.Zero(t, testing.AllocsPerRun(100, func() { ls.NotifyOne(); yield(t) }))
		stop = true
		ls.NotifyOne()
		yield(t)
		require.True(t, p.Done())
	})
}

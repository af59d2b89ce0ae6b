package hub_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
	"github.com/baton-go/baton/netpoll"
)

func TestDoFailsWhereNobodyRunsTheHub(t *testing.T) {
	h, err := hub.New()
	require.NoError(t, err)
	never := func() { t.Error("it is not called") }
	do := func(f func()) <-chan error {
		result := make(chan error, 1)
		go func() { result <- h.Do("call", f) }()
		return result
	}
	require.ErrorIs(t, h.Do("call", never), hub.ErrNotRunning, "nobody has entered it")

	h.Enter()
	f, root := hub.Here()
	ran := make(chan struct{})
	result := do(func() { close(ran) })
	for len(result) == 0 {
		_, err := root.ParkFor(f, hub.Wait{Op: "root"}, time.Millisecond)
		require.NoError(t, err)
	}
	require.NoError(t, <-result)
	<-ran

	late := do(never)
	for h.Loop.Stats().Posted == 0 {
		h.Loop.Turn()
	}
	time.Sleep(time.Millisecond) // most likely it has posted by now
	h.Leave()
	require.ErrorIs(t, <-late, hub.ErrNotRunning, "the root has left before the call had begun")
	require.ErrorIs(t, h.Do("call", never), hub.ErrNotRunning)

	// What has begun goes on when the root is back.
	h.Enter()
	f, root = hub.Here()
	begun, wake := false, (*hub.Proc)(nil)
	result = do(func() {
		f, p := hub.Here()
		begun, wake = true, p
		_, err := p.Park(f, hub.Wait{Op: "call"})
		if err != nil {
			t.Error(err)
		}
	})
	for !begun {
		_, err := root.ParkFor(f, hub.Wait{Op: "root"}, time.Millisecond)
		require.NoError(t, err)
	}
	h.Leave()
	require.Empty(t, result)
	h.Enter()
	wake.Wake()
	f, root = hub.Here()
	require.NoError(t, root.Yield(f))
	require.NoError(t, <-result)
	h.Close()
	require.ErrorIs(t, h.Do("call", never), netpoll.ErrClosed)
}

func TestAnOffloadThatIsInterruptedGoesOnAlone(t *testing.T) {
	h, err := hub.New()
	require.NoError(t, err)
	h.Enter()
	defer h.Close()
	f, root := hub.Here()
	end := make(chan struct{})
	ran := 0
	p := spawn(h, func(p *hub.Proc) {
		f, _ := hub.Here()
		err := p.Offload(f, hub.Wait{Op: "test"}, func() { <-end })
		require.ErrorIs(t, err, errKilled)
		// What the abandoned one posts at its end is for nobody.
		for range 100 {
			require.NoError(t, p.Offload(f, hub.Wait{Op: "test"}, func() { ran++ }))
		}
	})
	require.NoError(t, root.Yield(f))
	p.Interrupt(errKilled)
	require.NoError(t, root.Yield(f))
	close(end)
	for !p.Done() {
		_, err := root.ParkFor(f, hub.Wait{Op: "root"}, time.Millisecond)
		require.NoError(t, err)
	}
	require.Equal(t, 100, ran)
	require.Zero(t, h.Loop.Stats().Refs)
}

func TestOffloadUntilStopsAndWaits(t *testing.T) {
	second := errors.New("second")
	h, err := hub.New()
	require.NoError(t, err)
	h.Enter()
	defer h.Close()
	f, root := hub.Here()
	end := make(chan struct{})
	stopped, over := 0, false
	p := spawn(h, func(p *hub.Proc) {
		f, _ := hub.Here()
		err := p.OffloadUntil(f, hub.Wait{Op: "test"}, func() { <-end; over = true }, func() { stopped++ })
		require.ErrorIs(t, err, errKilled)
		require.True(t, over)
		_, err = p.Park(f, hub.Wait{Op: "test"})
		require.ErrorIs(t, err, second)
	})
	require.NoError(t, root.Yield(f))
	p.Interrupt(errKilled)
	require.NoError(t, root.Yield(f))
	require.Equal(t, 1, stopped)
	p.Interrupt(second)
	require.NoError(t, root.Yield(f))
	require.False(t, p.Done(), "it waits for the function")
	close(end)
	for !p.Done() {
		_, err := root.ParkFor(f, hub.Wait{Op: "root"}, time.Millisecond)
		require.NoError(t, err)
	}
	require.Equal(t, 1, stopped)
	require.Zero(t, h.Loop.Stats().Refs)
}

func TestAnOffloadAllocatesOnce(t *testing.T) {
	h, err := hub.New()
	require.NoError(t, err)
	h.Enter()
	defer h.Close()
	f, root := hub.Here()
	nothing := func() {}
	allocations := testing.AllocsPerRun(1000, func() {
		require.NoError(t, root.Offload(f, hub.Wait{Op: "test"}, nothing))
	})
	require.LessOrEqual(t, allocations, 2.0)
}

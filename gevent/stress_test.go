package gevent_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

var (
	seeds = flag.Int("seeds", 30, "number of random programs that the stress test runs")
	seed  = flag.Uint64("seed", 1, "seed of the first one")
)

// TestStress runs random programs of greenlets that sleep, join, kill, offload,
// time out, fail and spawn, and checks what must hold in all of them: everybody
// ends, everybody who joined saw the end, nobody is left, and time went only
// forward. Run it longer with -seeds.
func TestStress(t *testing.T) {
	for s := *seed; s < *seed+uint64(*seeds); s++ {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			stress(t, rand.New(rand.NewPCG(s, 0)))
		})
	}
}

func stress(t *testing.T, rng *rand.Rand) {
	odd := errors.New("odd")
	err := gevent.Run(func() {
		var all []*gevent.Greenlet
		running := 0
		var body func(depth int) func() error
		body = func(depth int) func() error {
			return func() error {
				running++
				defer func() { running-- }()
				for range rng.IntN(8) {
					other := all[rng.IntN(len(all))]
					switch rng.IntN(9) {
					case 0, 1:
						gevent.Sleep(0)
					case 2:
						gevent.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
					case 3:
						other.JoinTimeout(time.Duration(rng.IntN(1000)) * time.Microsecond)
					case 4:
						if other != gevent.Current() || rng.IntN(10) == 0 {
							other.KillAsync(nil)
						}
					case 5:
						if depth < 4 {
							all = append(all, gevent.Spawn(body(depth+1)))
						}
					case 6:
						if depth < 4 {
							all = append(all, gevent.SpawnLater(time.Duration(rng.IntN(500))*time.Microsecond, body(depth+1)))
						}
					case 7:
						v := 0
						gevent.Offload(func() { v++ })
						if v != 1 {
							return errors.New("the offloaded function has not run")
						}
					case 8:
						if rng.IntN(4) == 0 {
							return odd
						}
					}
				}
				return nil
			}
		}
		for range 20 {
			all = append(all, gevent.Spawn(body(0)))
		}
		for i := 0; i < len(all); i++ { // it grows
			g := all[i]
			if err := g.Get(); err != nil {
				require.True(t, errors.Is(err, odd) || errors.Is(err, gevent.ErrGreenletExit), "%v", err)
			}
			require.True(t, g.Ready())
		}
		require.Zero(t, running)
	}, virtual())
	require.NoError(t, err)
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// All that is sent through sockets of Unix arrives, in order, whatever is closed when.
func TestDatagramsAtRandom(t *testing.T) {
	leavesNothingE(t)
	for seed := range uint64(30) {
		require.NoError(t, run(t, func(c ctx) error { dgRandom(t, c, rand.New(rand.NewPCG(seed, 0))); return nil }), "seed %d", seed)
	}
}

func dgRandom(t *testing.T, c ctx, r *rand.Rand) {
	n := 1 + r.IntN(4)
	var tasks []asyncio.Awaitable
	for range n {
		server, client := dgUnixPair(t, c, nil)
		var want, got []string
		server.got = func(data []byte, _ net.Addr) { got = append(got, string(data)) }
		paused := false
		client.flow = func(now bool) {
			require.NotEqual(t, now, paused, "they come in turns")
			paused = now
			low, high := client.t.WriteBufferLimits()
			if size := client.t.WriteBufferSize(); now {
				require.Greater(t, size, high)
			} else {
				require.LessOrEqual(t, size, low)
			}
		}
		require.NoError(t, client.t.SetWriteBufferLimits(r.IntN(2000), 0))
		count, size := r.IntN(60), 1+r.IntN(3000)
		abort := r.IntN(3) == 0
		tasks = append(tasks, spawn(c, func(c ctx) error {
			for i := range count {
				data := fmt.Sprint(i, " ", strings.Repeat("x", r.IntN(size)))
				want = append(want, data)
				require.NoError(t, client.t.SendTo([]byte(data), nil))
				if r.IntN(3) == 0 {
					require.NoError(t, asyncio.Sleep(c, 0))
				}
			}
			if abort {
				client.t.Abort()
			} else {
				client.t.Close()
			}
			require.NoError(t, client.wait(c, func() bool { return client.lost }))
			// What was sent is in the server's socket.
			for last := -1; last < len(got) && len(got) < len(want); {
				last = len(got)
				require.NoError(t, yield(c, 20))
			}
			require.Equal(t, want[:len(got)], got)
			if !abort {
				require.Len(t, got, len(want))
			}
			return server.closed(c)
		}))
	}
	for _, task := range tasks {
		_, err := task.(*asyncio.Task[none]).Await(c)
		require.NoError(t, err)
	}
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// Several hundred descriptors that come and go, are written, read and closed at
// random: who waits is woken if, and only if, there is something to read.
func TestDescriptorsAgainstAModel(t *testing.T) {
	type pair struct {
		d       *netpoll.Desc
		fd      int
		peer    int // -1 when it is closed
		pending int // bytes that were sent and not read
		waits   bool
		woken   int
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 2))
		l := newLoop(t)
		pairs := make([]*pair, 300)
		buf := make([]byte, 64)
		open := func(i int) {
			p := &pair{}
			p.fd, p.peer = socketpair(t)
			var err error
			p.d, err = l.Open(p.fd)
			require.NoError(t, err)
			pairs[i] = p
		}
		hangUp := func(p *pair) {
			if p.peer >= 0 {
				require.NoError(t, syscall.Close(p.peer))
				p.peer = -1
			}
		}
		shut := func(p *pair) {
			require.NoError(t, p.d.Release())
			require.NoError(t, syscall.Close(p.fd))
			hangUp(p)
		}
		for i := range pairs {
			open(i)
		}
		for range 200 {
			for range 50 {
				i := rng.IntN(len(pairs))
				p := pairs[i]
				switch rng.IntN(12) {
				case 0:
					shut(p)
					open(i)
				case 1:
					hangUp(p)
				case 2, 3, 4, 5:
					if p.peer >= 0 && p.pending < 1000 {
						n := 1 + rng.IntN(100)
						send(t, p.peer, string(make([]byte, n)))
						p.pending += n
					}
				default:
					if p.waits {
						continue
					}
					for p.d.Ready(read) {
						n, err := syscall.Read(p.fd, buf)
						if err == syscall.EAGAIN {
							require.Zero(t, p.pending)
							p.d.Drained(read)
							break
						}
						require.NoError(t, err)
						if n == 0 {
							require.Zero(t, p.pending)
							require.Negative(t, p.peer)
							break
						}
						if p.pending -= n; n < len(buf) {
							p.d.DrainedShort(read)
						}
					}
					if !p.d.Ready(read) {
						p.woken = 0
						p.waits = true
						require.True(t, p.d.Wait(read, runner(func() { p.woken++; p.waits = false })))
					}
				}
			}
			waited := map[*pair]bool{}
			for _, p := range pairs {
				waited[p] = p.waits
			}
			settle(l)
			for i, p := range pairs {
				if !waited[p] {
					continue
				}
				if p.pending > 0 || p.peer < 0 {
					require.Equal(t, 1, p.woken, "seed %d pair %d should be awake", seed, i)
				} else {
					require.Zero(t, p.woken, "seed %d pair %d should wait", seed, i)
					require.NotNil(t, p.d.Waiter(read))
				}
			}
			require.Equal(t, len(pairs), l.Stats().Descs)
		}
		for _, p := range pairs {
			shut(p)
		}
		require.Zero(t, l.Stats().Descs)
		require.Zero(t, l.Stats().Waiting)
	}
}

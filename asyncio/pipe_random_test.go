//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// What is written arrives, in pieces of whatever size, paused and resumed at any
// time; and what is broken or given up ends.
func TestPipesAtRandom(t *testing.T) {
	leavesNothingE(t)
	for seed := range uint64(60) {
		require.NoError(t, run(t, func(c ctx) error { pxRandom(t, c, rand.New(rand.NewPCG(seed, 1))); return nil }), "seed %d", seed)
	}
}

func pxRandom(t *testing.T, c ctx, r *rand.Rand) {
	var tasks []*asyncio.Task[none]
	for range 1 + r.IntN(3) {
		rf, wf := pxPipe(t)
		rd, w := pxRead(t, c, nil, rf), pxWrite(t, c, nil, wf)
		require.NoError(t, w.t.SetWriteBufferLimits(r.IntN(100_000), 0))
		paused := false
		w.flow = func(now bool) {
			require.NotEqual(t, now, paused, "they come in turns")
			paused = now
		}
		var written strings.Builder
		end := r.IntN(4) // close, abort, the reader goes, both
		tasks = append(tasks, spawn(c, func(c ctx) error {
			for i := range r.IntN(40) {
				piece := []byte(strings.Repeat(string(rune('a'+i%26)), r.IntN(20_000)))
				if r.IntN(2) == 0 {
					_, err := w.t.Write(piece)
					require.NoError(t, err)
				} else {
					k := r.IntN(len(piece) + 1)
					require.NoError(t, w.t.WriteLines([][]byte{piece[:k], piece[k:]}))
				}
				written.Write(piece)
				switch r.IntN(4) {
				case 0:
					require.NoError(t, asyncio.Sleep(c, 0))
				case 1:
					rd.t.PauseReading()
				case 2:
					rd.t.ResumeReading()
				}
			}
			rd.t.ResumeReading()
			switch end {
			case 0:
				w.t.Close()
			case 1:
				w.t.Abort()
			case 3:
				w.t.Close()
				fallthrough
			default:
				rd.t.Close()
			}
			require.NoError(t, w.lost(c))
			require.NoError(t, rd.lost(c))
			require.True(t, strings.HasPrefix(written.String(), string(rd.data)))
			if end == 0 {
				require.Equal(t, written.Len(), len(rd.data))
			}
			return nil
		}))
	}
	for _, task := range tasks {
		_, err := task.Await(c)
		require.NoError(t, err)
	}
}

package netpoll_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

var fileSeeds = flag.Int("fileseeds", 6, "how many random programs of file operations to run")

// A fileModel is what a file must look like, and which of its blocks an operation
// in flight uses.
type fileModel struct {
	t       *testing.T
	rng     *rand.Rand
	loop    *netpoll.Loop
	file    *netpoll.File
	content []byte // what blocks contain that no write is in flight for
	busy    []bool // blocks
	ops     []*netpoll.FileOp
	left    int // operations to begin
	flying  int
	cancels int
}

const modelBlock = 1000

// Random reads and writes of blocks, several in flight, of which some are
// cancelled: each sees what the model says. Where a write was cut short, either
// content is right, byte for byte.
func TestRandomFileOperationsMatchAModel(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		for seed := range *fileSeeds {
			for _, large := range []bool{false, true} {
				t.Run(fmt.Sprintf("seed=%d,large=%v", seed, large), func(t *testing.T) {
					l := newLoopWith()
					m := &fileModel{t: t, loop: l, rng: rand.New(rand.NewPCG(uint64(seed), 4)), left: 400}
					blocks := 64
					if large {
						blocks, m.left = 4000, 40
					}
					m.content, m.busy = make([]byte, blocks*modelBlock), make([]bool, blocks)
					m.file = newFile(t, l, string(m.content))
					for range 24 {
						m.begin()
					}
					require.NoError(t, l.Run())
					require.Zero(t, m.flying)
					got, err := os.ReadFile(m.file.Name())
					require.NoError(t, err)
					require.True(t, bytes.Equal(m.content, got))
					closeFile(t, l, m.file)
				})
			}
		}
	})
}

// begin begins an operation on blocks that no other uses, if it finds some.
func (m *fileModel) begin() {
	if m.left == 0 {
		return
	}
	m.left--
	first := m.rng.IntN(len(m.busy))
	n := 0
	for want := 1 + m.rng.IntN(1+len(m.busy)/8); n < want && first+n < len(m.busy) && !m.busy[first+n]; n++ {
		m.busy[first+n] = true
	}
	if n == 0 {
		m.loop.CallSoon(m.begin)
		return
	}
	m.flying++
	from, to := first*modelBlock, (first+n)*modelBlock
	p := make([]byte, to-from)
	release := func() {
		for i := range n {
			m.busy[first+i] = false
		}
		m.flying--
		m.begin()
		if m.rng.IntN(4) == 0 {
			m.cancelOne()
		}
	}
	var op *netpoll.FileOp
	if m.rng.IntN(2) == 0 {
		op = m.file.ReadAt(p, int64(from), func(n int, err error) {
			if !errors.Is(err, netpoll.ErrCancelled) {
				require.NoError(m.t, err)
				require.Equal(m.t, len(p), n)
			}
			require.True(m.t, bytes.Equal(m.content[from:from+n], p[:n]))
			release()
		})
	} else {
		fill := byte(m.rng.Int())
		for i := range p {
			p[i] = fill + byte(i>>3)
		}
		op = m.file.WriteAt(p, int64(from), func(n int, err error) {
			copy(m.content[from:], p[:n])
			if errors.Is(err, netpoll.ErrCancelled) {
				m.mend(from+n, p[n:])
			} else {
				require.NoError(m.t, err)
				require.Equal(m.t, len(p), n)
			}
			release()
		})
	}
	m.ops = append(m.ops, op)
	if m.rng.IntN(8) == 0 {
		m.cancelOne()
	}
}

func (m *fileModel) cancelOne() {
	if m.ops[m.rng.IntN(len(m.ops))].Cancel() {
		m.cancels++
	}
}

// mend looks at what a write that was cut short has left, beyond what it told.
func (m *fileModel) mend(off int, p []byte) {
	if len(p) == 0 {
		return
	}
	got := make([]byte, len(p))
	_, err := m.file.OSFile().ReadAt(got, int64(off))
	require.NoError(m.t, err)
	for i, b := range got {
		if b != p[i] && b != m.content[off+i] {
			require.FailNow(m.t, "a byte that nobody wrote", "%#x at %d", b, off+i)
		}
		m.content[off+i] = b
	}
}

// A thousand sequential operations, some cancelled: those that are not keep their
// order and do not overlap.
func TestCancelledReadsLeaveNoGap(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		for seed := range uint64(*fileSeeds) {
			rng := rand.New(rand.NewPCG(seed, 9))
			l := newLoopWith()
			content := make([]byte, 100_000)
			for i := range content {
				content[i] = byte(rng.Int())
			}
			f := newFile(t, l, string(content))
			var got []byte
			var ops []*netpoll.FileOp
			cancelled := 0
			for range 1000 {
				p := make([]byte, 1+rng.IntN(200))
				ops = append(ops, f.Read(p, func(n int, err error) {
					if errors.Is(err, netpoll.ErrCancelled) {
						cancelled++
					} else if err != io.EOF {
						require.NoError(t, err)
					}
					got = append(got, p[:n]...)
					if rng.IntN(3) == 0 {
						ops[rng.IntN(len(ops))].Cancel()
					}
				}))
			}
			for range 100 {
				ops[rng.IntN(len(ops))].Cancel()
			}
			require.NoError(t, l.Run())
			require.True(t, bytes.HasPrefix(content, got))
			require.Positive(t, cancelled)
			for _, op := range ops {
				require.False(t, op.Cancel(), "it has ended")
			}
			closeFile(t, l, f)
		}
	})
}

// Far more operations than the ring has room for, while the garbage collector
// moves what it may and reuses what it can.
func TestManyOperationsUnderGarbageCollection(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		const files, ops, size = 4, 1500, 512
		l := newLoopWith()
		total := 0
		for i := range files {
			f := newFile(t, l, "")
			for j := range ops {
				// The buffer is referred to by nobody else until done.
				off := int64(j) * size
				f.WriteAt(bytes.Repeat([]byte{byte(i), byte(j)}, size/2), off, func(n int, err error) {
					require.NoError(t, err)
					var p [size]byte // on the stack, were it not for the call
					f.ReadAt(p[:], off, func(n int, err error) {
						require.NoError(t, err)
						require.Equal(t, bytes.Repeat([]byte{byte(i), byte(j)}, size/2), p[:])
						if total++; total%1000 == 0 {
							f.Stat(func(info fs.FileInfo, err error) { require.NoError(t, err) })
						}
					})
				})
			}
		}
		require.Greater(t, l.Stats().FilesPending, 10*netpoll.RingEntries)
		require.NoError(t, l.Run())
		require.Equal(t, files*ops, total)
	})
}

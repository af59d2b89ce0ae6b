//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// sockStress is a server protocol that echoes with flow control, in the ways that
// there are: it pauses reading while writing is paused, keeps the connection open for
// the rest after the peer's end, and ends some connections by itself.
type sockStress struct {
	r        *rand.Rand
	t        asyncio.Transport
	buf      []byte // if it is to read into one of its own
	pausing  bool
	state    int // 0 new, 1 made, 2 ended, 3 lost
	suicidal bool
	ended    *atomic.Int64
	failed   func(string)
}

func (p *sockStress) ConnectionMade(t asyncio.Transport) {
	if p.state != 0 {
		p.failed("ConnectionMade twice")
	}
	p.t, p.state = t, 1
	if p.r.IntN(2) == 0 {
		_ = t.SetWriteBufferLimits(p.r.IntN(1<<16), -1)
	}
}

func (p *sockStress) DataReceived(b []byte) {
	if p.state != 1 || len(b) == 0 || p.pausing {
		p.failed(fmt.Sprintf("%d bytes in state %d, pausing %v", len(b), p.state, p.pausing))
	}
	var err error
	if p.r.IntN(2) == 0 {
		_, err = p.t.Write(b)
	} else {
		n := p.r.IntN(len(b))
		err = p.t.WriteLines([][]byte{b[:n], nil, b[n:]})
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		p.failed(err.Error())
	}
	if p.suicidal && p.r.IntN(30) == 0 {
		if p.r.IntN(2) == 0 {
			p.t.Abort()
		} else {
			p.t.Close()
		}
	}
}

func (p *sockStress) EOFReceived() bool {
	if p.state != 1 {
		p.failed("EOFReceived twice")
	}
	p.state = 2
	if p.r.IntN(2) == 0 {
		return false // what waits is sent before the end
	}
	_ = p.t.WriteEOF()
	p.t.Close()
	return true
}

func (p *sockStress) PauseWriting() {
	if p.pausing {
		p.failed("PauseWriting twice")
	}
	p.pausing = true
	p.t.PauseReading()
}

func (p *sockStress) ResumeWriting() {
	if !p.pausing {
		p.failed("ResumeWriting for nothing")
	}
	p.pausing = false
	p.t.ResumeReading()
}

func (p *sockStress) ConnectionLost(error) {
	if p.state == 0 || p.state == 3 {
		p.failed("ConnectionLost twice")
	}
	p.state = 3
	p.ended.Add(1)
}

// sockStressInto is one that reads into its own buffer.
type sockStressInto struct{ *sockStress }

func (p sockStressInto) GetBuffer(int) []byte { return p.buf }
func (p sockStressInto) BufferUpdated(n int)  { p.DataReceived(p.buf[:n]) }

// sockStressClient sends size bytes in pieces, and checks what comes back. It may
// break off, and then what came must be the beginning. It reports how much came.
func sockStressClient(r *rand.Rand, network, address string, size int, breaksOff, survives bool) error {
	n, err := net.Dial(network, address)
	for errors.Is(err, syscall.EAGAIN) { // the queue of a Unix socket is full
		time.Sleep(time.Millisecond)
		n, err = net.Dial(network, address)
	}
	if err != nil {
		return err
	}
	defer n.Close()
	_ = n.SetDeadline(time.Now().Add(time.Minute))
	want := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(r.Uint32())}).Read(want)
	end := size
	if breaksOff {
		end = r.IntN(size + 1)
	}
	reset := r.IntN(2) == 0
	var sent error
	var wg sync.WaitGroup
	pieces := rand.New(rand.NewPCG(r.Uint64(), 1))
	wg.Go(func() {
		for left := want[:end]; len(left) > 0 && sent == nil; {
			m := min(1+pieces.IntN(1<<(1+pieces.IntN(17))), len(left))
			_, sent = n.Write(left[:m])
			left = left[m:]
		}
		if !breaksOff && sent == nil {
			sent = n.(interface{ CloseWrite() error }).CloseWrite()
		}
	})
	slow := r.IntN(4) == 0
	var got []byte
	b := make([]byte, 1+r.IntN(64<<10))
	for {
		m, err := n.Read(b)
		got = append(got, b[:m]...)
		if slow && r.IntN(20) == 0 {
			time.Sleep(time.Millisecond)
		}
		if breaksOff && len(got) >= end/2 {
			if tcp, ok := n.(*net.TCPConn); ok && reset {
				_ = tcp.SetLinger(0)
			}
			_ = n.Close()
			break
		}
		if err != nil {
			if err != io.EOF && survives {
				return err
			}
			break
		}
	}
	wg.Wait()
	if !bytes.HasPrefix(want, got) {
		return fmt.Errorf("wrong bytes among %d", len(got))
	}
	if survives && !breaksOff && len(got) != size {
		return fmt.Errorf("%d bytes came back of %d", len(got), size)
	}
	return nil
}

func TestManyConnectionsOfEveryKind(t *testing.T) {
	clients := 150
	if testing.Short() {
		clients = 40
	}
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			before := sockOpen(t)
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			var made int64
			var ended atomic.Int64
			sockRun(t, nil, func(c ctx) error {
				r := rand.New(rand.NewPCG(7, 7))
				s, err := asyncio.CreateServer(c, func() asyncio.Protocol {
					made++
					p := &sockStress{
						r: rand.New(rand.NewPCG(r.Uint64(), 2)), ended: &ended,
						suicidal: made%5 == 0, failed: func(s string) { t.Error(s) },
					}
					if p.r.IntN(3) == 0 {
						p.buf = make([]byte, 1+p.r.IntN(1<<(1+p.r.IntN(17))))
						return sockStressInto{p}
					}
					return p
				}, network, address)
				require.NoError(t, err)
				errs := make(chan error, clients)
				var wg sync.WaitGroup
				for i := range clients {
					r := rand.New(rand.NewPCG(uint64(i), 3))
					wg.Go(func() {
						err := sockStressClient(r, network, s.Addrs()[0].String(), 1<<(4+r.IntN(16)), i%3 == 0, false)
						if err != nil {
							errs <- fmt.Errorf("client %d: %w", i, err)
						}
					})
				}
				sockElsewhere(t, c, wg.Wait)
				close(errs)
				for err := range errs {
					t.Error(err)
				}
				s.Close()
				return s.WaitClosed(c)
			})
			require.EqualValues(t, clients, made)
			require.Equal(t, made, ended.Load())
			sockNoMore(t, before)
		})
	}
}

// Of connections that nobody breaks off every byte comes back.
func TestManyConnectionsThatNobodyBreaksOff(t *testing.T) {
	const clients = 60
	var ended atomic.Int64
	sockRun(t, nil, func(c ctx) error {
		r := rand.New(rand.NewPCG(8, 8))
		s, err := asyncio.CreateServer(c, func() asyncio.Protocol {
			p := &sockStress{r: rand.New(rand.NewPCG(r.Uint64(), 2)), ended: &ended, failed: func(s string) { t.Error(s) }}
			if p.r.IntN(2) == 0 {
				p.buf = make([]byte, 1+p.r.IntN(100<<10))
				return sockStressInto{p}
			}
			return p
		}, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		errs := make(chan error, clients)
		var wg sync.WaitGroup
		for i := range clients {
			r := rand.New(rand.NewPCG(uint64(i), 4))
			wg.Go(func() {
				if err := sockStressClient(r, "tcp", s.Addrs()[0].String(), 1+r.IntN(1<<20), false, true); err != nil {
					errs <- fmt.Errorf("client %d: %w", i, err)
				}
			})
		}
		sockElsewhere(t, c, wg.Wait)
		close(errs)
		for err := range errs {
			t.Error(err)
		}
		s.Close()
		return s.WaitClosed(c)
	})
	require.EqualValues(t, clients, ended.Load())
}

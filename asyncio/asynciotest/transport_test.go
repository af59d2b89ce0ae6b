package asynciotest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
	"github.com/baton-go/baton/netpoll"
)

// A side notes what its transport tells it.
type side struct {
	asyncio.BaseProtocol
	events   []string
	keepOpen bool
	onData   func()
}

func (s *side) note(v ...any)                      { s.events = append(s.events, fmt.Sprint(v...)) }
func (s *side) ConnectionMade(t asyncio.Transport) { s.note("made") }
func (s *side) EOFReceived() bool                  { s.note("eof"); return s.keepOpen }
func (s *side) PauseWriting()                      { s.note("pause") }
func (s *side) ResumeWriting()                     { s.note("resume") }
func (s *side) ConnectionLost(err error)           { s.note("lost ", err) }
func (s *side) DataReceived(data []byte) {
	s.note(string(data))
	if s.onData != nil {
		s.onData()
	}
}

// A filled side has a buffer of its own.
type filled struct {
	side
	buf []byte
}

func (f *filled) GetBuffer(int) []byte { return f.buf }
func (f *filled) BufferUpdated(n int)  { f.note(string(f.buf[:n])) }

// with runs f with a pair between a and b, and all that it has begun.
func with(t *testing.T, a, b asyncio.Protocol, pipe asynciotest.Pipe, f func(ta, tb *asynciotest.Transport, turn func())) []asyncio.ExceptionContext {
	t.Helper()
	var reports []asyncio.ExceptionContext
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		ta, tb := asynciotest.Transports(ctx, a, b, pipe)
		turn := func() {
			for range 20 {
				require.NoError(t, asyncio.Sleep(ctx, 0))
			}
		}
		f(ta, tb, turn)
		turn()
		return 0, nil
	}, asyncio.WithClock(netpoll.NewVirtualClock()), asyncio.WithExceptionHandler(func(_ *asyncio.Loop, c asyncio.ExceptionContext) {
		reports = append(reports, c)
	}))
	require.NoError(t, err)
	return reports
}

func TestTransportsCarryData(t *testing.T) {
	a, b := new(side), new(side)
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Chunk: func(n int) int { return 3 }}, func(ta, tb *asynciotest.Transport, turn func()) {
		_, err := ta.Write([]byte("before")) // it is made
		require.NoError(t, err)
		turn()
		require.Equal(t, []string{"made", "bef", "ore"}, b.events)
		tb.PauseReading()
		tb.PauseReading()
		require.False(t, tb.IsReading())
		require.NoError(t, ta.WriteLines([][]byte{[]byte("a"), []byte("b")}))
		turn()
		require.Len(t, b.events, 3)
		tb.ResumeReading()
		tb.ResumeReading()
		turn()
		require.Equal(t, "ab", b.events[3])
		ta.Close()
		ta.Close()
		_, err = ta.Write([]byte("x"))
		require.ErrorContains(t, err, "closed")
	}))
	require.Equal(t, []string{"made", "bef", "ore", "ab", "eof", "lost <nil>"}, b.events)
	require.Equal(t, []string{"made", "lost <nil>"}, a.events)
}

func TestTransportsControlTheFlow(t *testing.T) {
	a, b := new(side), new(side)
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Buffer: 10, Names: [2]string{"x", "y"}}, func(ta, tb *asynciotest.Transport, turn func()) {
		require.ErrorIs(t, ta.SetWriteBufferLimits(1, 2), asyncio.ErrWriteBufferLimits)
		require.NoError(t, ta.SetWriteBufferLimits(20, -1))
		low, high := ta.WriteBufferLimits()
		require.Equal(t, []int{5, 20}, []int{low, high})
		turn()
		tb.PauseReading()
		_, _ = ta.Write(make([]byte, 30))
		require.Equal(t, []string{"made"}, a.events)
		require.Equal(t, 20, ta.WriteBufferSize())
		_, _ = ta.Write([]byte{1})
		require.Equal(t, []string{"made", "pause"}, a.events)
		tb.ResumeReading()
		turn()
		require.Equal(t, []string{"made", "pause", "resume"}, a.events)
		require.Zero(t, ta.WriteBufferSize())
		require.Equal(t, "mem x->y", ta.String())
		require.Equal(t, tb.LocalAddr(), ta.ExtraInfo("peername"))
		ta.Abort()
	}))
}

func TestTransportsCloseByHalves(t *testing.T) {
	a, b := new(side), &side{keepOpen: true}
	require.Empty(t, with(t, a, b, asynciotest.Pipe{}, func(ta, tb *asynciotest.Transport, turn func()) {
		require.NoError(t, ta.WriteEOF())
		_, err := ta.Write([]byte("x"))
		require.ErrorIs(t, err, asyncio.ErrEOFWritten)
		turn()
		require.Equal(t, []string{"made", "eof"}, b.events)
		_, err = tb.Write([]byte("answer"))
		require.NoError(t, err)
		tb.Close()
		turn()
	}))
	require.Equal(t, []string{"made", "answer", "eof", "lost <nil>"}, a.events)
}

func TestTransportsEnd(t *testing.T) {
	broken := errors.New("broken")
	reset := "lost read mem: " + syscall.ECONNRESET.Error()
	for name, c := range map[string]struct {
		f    func(ta, tb *asynciotest.Transport, turn func())
		want string
	}{
		"an abort": {func(ta, _ *asynciotest.Transport, _ func()) { ta.Abort() }, "lost <nil> | eof, lost <nil>"},
		"a break":  {func(ta, _ *asynciotest.Transport, _ func()) { ta.Break(broken) }, "lost broken | lost broken"},
		"closed with something unread": {func(ta, tb *asynciotest.Transport, turn func()) {
			ta.PauseReading()
			_, _ = tb.Write([]byte("x"))
			turn()
			ta.Close()
		}, "lost <nil> | " + reset},
		"written to when it is gone": {func(ta, tb *asynciotest.Transport, turn func()) {
			tb.PauseReading()
			ta.Close()
			turn()
			_, _ = tb.Write([]byte("x"))
		}, "lost <nil> | " + reset},
		"a failing protocol": {func(ta, tb *asynciotest.Transport, _ func()) {
			ta.Protocol().(*side).onData = func() { panic(broken) }
			_, _ = tb.Write([]byte("x"))
		}, "x, lost panic | eof, lost <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := new(side), new(side)
			reports := with(t, a, b, asynciotest.Pipe{}, func(ta, tb *asynciotest.Transport, turn func()) {
				turn()
				c.f(ta, tb, turn)
				turn()
				ta.Abort()
				tb.Abort()
			})
			if last := &a.events[len(a.events)-1]; strings.HasPrefix(*last, "lost panic") {
				*last = "lost panic"
				require.Len(t, reports, 1)
				require.Equal(t, "Fatal error: protocol.data_received() call failed.", reports[0].Message)
			} else {
				require.Empty(t, reports)
			}
			require.Equal(t, c.want, strings.Join(a.events[1:], ", ")+" | "+strings.Join(b.events[1:], ", "))
		})
	}
}

func TestTransportsFillBuffers(t *testing.T) {
	a, b := new(side), &filled{buf: make([]byte, 2)}
	require.Empty(t, with(t, a, b, asynciotest.Pipe{}, func(ta, _ *asynciotest.Transport, turn func()) {
		turn()
		_, _ = ta.Write([]byte("abc"))
		ta.Close()
	}))
	require.Equal(t, []string{"made", "ab", "c", "eof", "lost <nil>"}, b.events)
	b = new(filled)
	reports := with(t, new(side), b, asynciotest.Pipe{}, func(ta, _ *asynciotest.Transport, turn func()) {
		_, _ = ta.Write([]byte("abc"))
	})
	require.Len(t, reports, 1)
	require.ErrorContains(t, reports[0].Err, "get_buffer() returned an empty buffer")
}

func TestTransportsInLockstep(t *testing.T) {
	a, b := new(side), new(side)
	two := func(int) int { return 2 }
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Lockstep: true, Chunk: two}, func(ta, tb *asynciotest.Transport, turn func()) {
		turn()
		low, high := ta.WriteBufferLimits()
		require.Equal(t, []int{0, 0}, []int{low, high})
		require.Same(t, tb, ta.Peer())
		tb.PauseReading()
		_, err := ta.Write([]byte("abc"))
		require.NoError(t, err)
		require.NoError(t, ta.WriteEOF())
		turn()
		require.Equal(t, 3, ta.WriteBufferSize(), "nothing is underway")
		require.Equal(t, []string{"made", "pause"}, a.events)
		tb.ResumeReading()
		turn()
		require.Equal(t, []string{"made", "ab", "c", "eof", "lost <nil>"}, b.events)
	}))
	require.Equal(t, []string{"made", "pause", "resume", "eof", "lost <nil>"}, a.events)
	// A buffer of one's own that is too small for a piece.
	f := &filled{buf: make([]byte, 2)}
	require.Empty(t, with(t, new(side), f, asynciotest.Pipe{Lockstep: true}, func(ta, _ *asynciotest.Transport, turn func()) {
		_, _ = ta.Write([]byte("abcde"))
		ta.Close()
	}))
	require.Equal(t, []string{"made", "ab", "cd", "e", "eof", "lost <nil>"}, f.events)
	// What was not received is answered with a reset.
	a, b = new(side), new(side)
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Lockstep: true}, func(ta, tb *asynciotest.Transport, turn func()) {
		turn()
		tb.PauseReading()
		_, _ = ta.Write([]byte("abc"))
		tb.Close()
	}))
	require.Equal(t, "lost read mem: "+syscall.ECONNRESET.Error(), a.events[len(a.events)-1])
}

func TestTransportsEndWhileMuchWaits(t *testing.T) {
	a, b := new(side), new(side)
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Buffer: 10}, func(ta, tb *asynciotest.Transport, turn func()) {
		turn()
		ta.PauseReading()
		_, _ = tb.Write([]byte("much more than there is room for"))
		turn()
		require.Equal(t, 22, tb.WriteBufferSize())
		ta.Close()
	}))
	require.Equal(t, []string{"made", "lost <nil>"}, a.events)
	require.Equal(t, []string{"made", "lost read mem: " + syscall.ECONNRESET.Error()}, b.events)
	a, b = new(side), new(side)
	require.Empty(t, with(t, a, b, asynciotest.Pipe{Buffer: 10}, func(ta, tb *asynciotest.Transport, turn func()) {
		turn()
		a.onData = ta.Close // it reads a part, and closes
		_, _ = tb.Write([]byte("much more than there is room for"))
	}))
	require.Equal(t, []string{"made", "much more ", "lost <nil>"}, a.events)
	require.Equal(t, []string{"made", "eof", "lost read mem: " + syscall.ECONNRESET.Error()}, b.events)
}

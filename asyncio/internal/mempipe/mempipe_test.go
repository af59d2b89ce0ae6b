package mempipe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/internal/mempipe"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
func with(t *testing.T, a, b asyncio.Protocol, config mempipe.Config, f func(ta, tb *mempipe.Transport, turn func())) []asyncio.ExceptionContext {
	t.Helper()
	var reports []asyncio.ExceptionContext
	_, err := asyncio.Run(func(ctx context.Context) (int, error) {
		ta, tb := mempipe.New(asyncio.RunningLoop(ctx), a, b, config)
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

func TestData(t *testing.T) {
	a, b := new(side), new(side)
	require.Empty(t, with(t, a, b, mempipe.Config{Chunk: func(n int) int { return 3 }}, func(ta, tb *mempipe.Transport, turn func()) {
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

func TestFlowControl(t *testing.T) {
	a, b := new(side), new(side)
	require.Empty(t, with(t, a, b, mempipe.Config{Buffer: 10, Names: [2]string{"x", "y"}}, func(ta, tb *mempipe.Transport, turn func()) {
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

func TestHalfClose(t *testing.T) {
	a, b := new(side), &side{keepOpen: true}
	require.Empty(t, with(t, a, b, mempipe.Config{}, func(ta, tb *mempipe.Transport, turn func()) {
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

func TestEnds(t *testing.T) {
	broken := errors.New("broken")
	reset := "lost read mem: " + syscall.ECONNRESET.Error()
	for name, c := range map[string]struct {
		f    func(ta, tb *mempipe.Transport, turn func())
		want string
	}{
		"an abort": {func(ta, _ *mempipe.Transport, _ func()) { ta.Abort() }, "lost <nil> | eof, lost <nil>"},
		"a break":  {func(ta, _ *mempipe.Transport, _ func()) { ta.Break(broken) }, "lost broken | lost broken"},
		"closed with something unread": {func(ta, tb *mempipe.Transport, turn func()) {
			ta.PauseReading()
			_, _ = tb.Write([]byte("x"))
			turn()
			ta.Close()
		}, "lost <nil> | " + reset},
		"written to when it is gone": {func(ta, tb *mempipe.Transport, turn func()) {
			tb.PauseReading()
			ta.Close()
			turn()
			_, _ = tb.Write([]byte("x"))
		}, "lost <nil> | " + reset},
		"a failing protocol": {func(ta, tb *mempipe.Transport, _ func()) {
			ta.Protocol().(*side).onData = func() { panic(broken) }
			_, _ = tb.Write([]byte("x"))
		}, "x, lost panic | eof, lost <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := new(side), new(side)
			reports := with(t, a, b, mempipe.Config{}, func(ta, tb *mempipe.Transport, turn func()) {
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

func TestBuffered(t *testing.T) {
	a, b := new(side), &filled{buf: make([]byte, 2)}
	require.Empty(t, with(t, a, b, mempipe.Config{}, func(ta, _ *mempipe.Transport, turn func()) {
		turn()
		_, _ = ta.Write([]byte("abc"))
		ta.Close()
	}))
	require.Equal(t, []string{"made", "ab", "c", "eof", "lost <nil>"}, b.events)
	b = new(filled)
	reports := with(t, new(side), b, mempipe.Config{}, func(ta, _ *mempipe.Transport, turn func()) {
		_, _ = ta.Write([]byte("abc"))
	})
	require.Len(t, reports, 1)
	require.ErrorContains(t, reports[0].Err, "get_buffer() returned an empty buffer")
}

package asyncio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// fed returns a reader with a limit that was fed with pieces.
func fed(limit int, pieces ...string) *asyncio.StreamReader {
	r := asyncio.NewStreamReader(limit)
	for _, p := range pieces {
		r.FeedData([]byte(p))
	}
	return r
}

// ended is fed, and then its end.
func ended(limit int, pieces ...string) *asyncio.StreamReader {
	r := fed(limit, pieces...)
	r.FeedEOF()
	return r
}

// feedSoon feeds r with one piece for each iteration of the loop, and its end.
func feedSoon(c ctx, r *asyncio.StreamReader, pieces ...string) {
	asyncio.RunningLoop(c).CallSoon(func() {
		if len(pieces) == 0 {
			r.FeedEOF()
			return
		}
		r.FeedData([]byte(pieces[0]))
		feedSoon(asyncio.RunningLoop(c).Context(), r, pieces[1:]...)
	})
}

// rest returns what r still has; its end must have been fed.
func rest(t *testing.T, c ctx, r *asyncio.StreamReader) string {
	t.Helper()
	b, err := r.ReadAll(c)
	require.NoError(t, err)
	return string(b)
}

// said is a text that a read returned, or its error.
func said(b []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestStreamReaderReads(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, c ctx){
		"ST-01 feeding nothing does nothing": func(t *testing.T, c ctx) {
			r := fed(64, "", "data", "")
			r.FeedEOF()
			require.Equal(t, "data", rest(t, c, r))
		},
		"ST-01 reading nothing consumes nothing and does not wait": func(t *testing.T, c ctx) {
			r := asyncio.NewStreamReader(64)
			n, err := r.Read(c, nil)
			require.Zero(t, n)
			require.NoError(t, err)
			b, err := r.ReadSome(c, 0)
			require.Empty(t, b)
			require.NoError(t, err)
			r.FeedData([]byte("data"))
			_, _ = r.Read(c, nil)
			r.FeedEOF()
			require.Equal(t, "data", rest(t, c, r))
		},
		"ST-01 a read gets what there is": func(t *testing.T, c ctx) {
			r := fed(64, "line1\n", "line2")
			b, err := r.ReadSome(c, 30)
			require.Equal(t, "line1\nline2", said(b, err))
			require.Len(t, b, cap(b))
		},
		"ST-01 a read leaves what it has no room for": func(t *testing.T, c ctx) {
			r := ended(64, "abcdef")
			p := make([]byte, 4)
			n, err := r.Read(c, p)
			require.Equal(t, "abcd", said(p[:n], err))
			n, err = r.Read(c, p)
			require.Equal(t, "ef", said(p[:n], err))
			n, err = r.Read(c, p)
			require.Zero(t, n)
			require.Equal(t, io.EOF, err)
		},
		"ST-01 a read waits for the first piece": func(t *testing.T, c ctx) {
			r := asyncio.NewStreamReader(64)
			feedSoon(c, r, "one", "two")
			b, err := r.ReadSome(c, 30)
			require.Equal(t, "one", said(b, err))
			p := make([]byte, 30)
			n, err := r.Read(c, p)
			require.Equal(t, "two", said(p[:n], err))
			_, err = r.ReadSome(c, 30)
			require.Equal(t, io.EOF, err)
		},
		"ST-01 all is read until the end": func(t *testing.T, c ctx) {
			r := asyncio.NewStreamReader(3)
			feedSoon(c, r, "chunk1\n", "chunk2", "", "chunk3")
			require.Equal(t, "chunk1\nchunk2chunk3", rest(t, c, r))
			b, err := r.ReadAll(c)
			require.Empty(t, b)
			require.NoError(t, err)
		},
		"ST-02 the limit does not limit a read": func(t *testing.T, c ctx) {
			r := fed(3, "chunk")
			b, err := r.ReadSome(c, 5)
			require.Equal(t, "chunk", said(b, err))
			r.FeedData([]byte("chunk"))
			b, err = r.ReadExactly(c, 5)
			require.Equal(t, "chunk", said(b, err))
		},
		"ST-03 a line is put together": func(t *testing.T, c ctx) {
			r := fed(64, "chunk1 ")
			feedSoon(c, r, "chunk2 ", "chunk3 ", "\n chunk4")
			b, err := r.ReadLine(c)
			require.Equal(t, "chunk1 chunk2 chunk3 \n", said(b, err))
			require.Equal(t, " chunk4", rest(t, c, r))
		},
		"ST-03 the end cuts the last line short": func(t *testing.T, c ctx) {
			r := ended(64, "line\nsome data")
			b, err := r.ReadLine(c)
			require.Equal(t, "line\n", said(b, err))
			b, err = r.ReadLine(c)
			require.Equal(t, "some data", said(b, err))
			_, err = r.ReadLine(c)
			require.Equal(t, io.EOF, err)
		},
		"ST-03 a line that is too long is dropped": func(t *testing.T, c ctx) {
			r := fed(3, "li", "ne1\nline2\n")
			_, err := r.ReadLine(c)
			require.EqualError(t, err, "asyncio: Separator is found, but chunk is longer than limit")
			r.FeedEOF()
			require.Equal(t, "line2\n", rest(t, c, r))
		},
		"ST-03 the beginning of a line that is too long is dropped": func(t *testing.T, c ctx) {
			r := fed(3, "li", "ne1", "li", "ne2")
			_, err := r.ReadLine(c)
			var e *asyncio.LimitOverrunError
			require.ErrorAs(t, err, &e)
			require.False(t, e.Found)
			require.EqualError(t, err, "asyncio: Separator is not found, and chunk exceed the limit")
			feedSoon(c, r, "\nline3\n")
			b, err := r.ReadLine(c)
			require.Equal(t, "\n", said(b, err))
			require.Equal(t, "line3\n", rest(t, c, r))
		},
		"ST-03 a line of just the limit": func(t *testing.T, c ctx) {
			r := fed(3, "abc\nabcd\n")
			b, err := r.ReadLine(c)
			require.Equal(t, "abc\n", said(b, err))
			_, err = r.ReadLine(c)
			require.Error(t, err)
		},
		"ST-04 a separator may be spread over pieces": func(t *testing.T, c ctx) {
			for _, x := range []struct{ pieces, sep, want, rest string }{
				{"QWEaa|XYaa|a", "aaa", "QWEaaXYaaa", ""},
				{"XXX|a|a|a", "aaa", "XXXaaa", ""},
				{"AAA|BBBB", "B", "AAAB", "BBB"},
				{"a|b|c|abcd", "abcd", "abcabcd", ""},
			} {
				r := asyncio.NewStreamReader(64)
				feedSoon(c, r, strings.Split(x.pieces, "|")...)
				b, err := r.ReadUntil(c, []byte(x.sep))
				require.Equal(t, x.want, said(b, err))
				require.Equal(t, x.rest, rest(t, c, r))
			}
		},
		"ST-04 of several separators the one counts that ends first": func(t *testing.T, c ctx) {
			r := fed(64, "data")
			feedSoon(c, r, "Z", "Aaaa")
			b, err := r.ReadUntil(c, []byte("A"), []byte("long sep"))
			require.Equal(t, "dataZA", said(b, err))
			require.Equal(t, "aaa", rest(t, c, r))
			r = ended(64, "xxAAyBB")
			b, err = r.ReadUntil(c, []byte("BB"), []byte("AAy"), []byte("A"))
			require.Equal(t, "xxA", said(b, err))
		},
		"ST-04 the end makes it incomplete": func(t *testing.T, c ctx) {
			r := ended(64, "some dataAA")
			_, err := r.ReadUntil(c, []byte("AAA"))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotErrorIs(t, err, io.EOF)
			require.EqualError(t, err, "asyncio: 11 bytes read on a total of undefined expected bytes")
			var e *asyncio.IncompleteReadError
			require.ErrorAs(t, err, &e)
			require.Equal(t, asyncio.IncompleteReadError{Partial: []byte("some dataAA"), Expected: -1}, *e)
			require.True(t, r.AtEOF())
			_, err = r.ReadUntil(c, []byte("AAA"))
			require.ErrorIs(t, err, io.EOF)
		},
		"ST-04 N12 beyond the limit the data stays": func(t *testing.T, c ctx) {
			r := fed(7, "some dataAA")
			_, err := r.ReadUntil(c, []byte("AAA"))
			require.EqualError(t, err, "asyncio: Separator is not found, and chunk exceed the limit")
			var e *asyncio.LimitOverrunError
			require.ErrorAs(t, err, &e)
			require.Equal(t, 9, e.Consumed)
			r.FeedData([]byte("A"))
			_, err = r.ReadUntil(c, []byte("AAA"))
			require.EqualError(t, err, "asyncio: Separator is found, but chunk is longer than limit")
			require.ErrorAs(t, err, &e)
			require.Equal(t, 9, e.Consumed)
			r.FeedEOF()
			require.Equal(t, "some dataAAA", rest(t, c, r))
		},
		"ST-05 exactly so many": func(t *testing.T, c ctx) {
			r := fed(3, "data")
			feedSoon(c, r, "data", "datadata")
			b, err := r.ReadExactly(c, 12)
			require.Equal(t, "datadatadata", said(b, err))
			b, err = r.ReadExactly(c, 0)
			require.Equal(t, "", said(b, err))
			_, err = r.ReadExactly(c, 18)
			require.EqualError(t, err, "asyncio: 4 bytes read on a total of 18 expected bytes")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.True(t, r.AtEOF())
		},
		"ST-07 the end is reached when all is read": func(t *testing.T, c ctx) {
			r := fed(64, "x")
			require.False(t, r.AtEOF())
			r.FeedEOF()
			r.FeedEOF()
			require.False(t, r.AtEOF())
			require.Equal(t, "x", rest(t, c, r))
			require.True(t, r.AtEOF())
			require.False(t, asyncio.NewStreamReader(1).AtEOF())
		},
		"Lines yields every line": func(t *testing.T, c ctx) {
			r := asyncio.NewStreamReader(64)
			feedSoon(c, r, "line1\nli", "ne2\nline3")
			var lines [][]byte
			for line, err := range r.Lines(c) {
				require.NoError(t, err)
				lines = append(lines, line)
			}
			require.Equal(t, [][]byte{[]byte("line1\n"), []byte("line2\n"), []byte("line3")}, lines)
			r = fed(3, "a\n", "too long\n")
			var all trace
			for line, err := range r.Lines(c) {
				all.add(said(line, err))
			}
			require.Equal(t, trace{"a\n", "asyncio: Separator is found, but chunk is longer than limit"}, all)
			r.SetException(io.EOF)
			for line, err := range r.Lines(c) {
				all.add(line, err)
			}
			require.Equal(t, "[] EOF", all[2], "the end was not reached: the connection failed with that")
		},
		"Reader is for the standard library": func(t *testing.T, c ctx) {
			r := asyncio.NewStreamReader(64)
			feedSoon(c, r, `{"a":`, `1}`, "\nsecond", " line\n")
			d := json.NewDecoder(r.Reader(c))
			var v struct{ A int }
			require.NoError(t, d.Decode(&v))
			require.Equal(t, 1, v.A)
			s := bufio.NewScanner(io.MultiReader(d.Buffered(), r.Reader(c)))
			require.True(t, s.Scan())
			require.True(t, s.Scan())
			require.Equal(t, "second line", s.Text())
			require.False(t, s.Scan())
			require.NoError(t, s.Err())
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil }))
		})
	}
}

func TestStreamReaderMisuse(t *testing.T) {
	bg := context.Background()
	panicSays(t, "Limit cannot be <= 0", func() { asyncio.NewStreamReader(0) })
	panicSays(t, "Limit cannot be <= 0", func() { asyncio.NewStreamReader(-1) })
	r := ended(64, "x")
	panicSays(t, "the end was fed before", func() { r.FeedData([]byte("y")) })
	panicSays(t, "the error is nil", func() { r.SetException(nil) })
	panicSays(t, "ReadExactly: the number of bytes is negative", func() { _, _ = r.ReadExactly(bg, -1) })
	panicSays(t, "ReadSome: the number of bytes is negative", func() { _, _ = r.ReadSome(bg, -1) })
	panicSays(t, "Separator should contain at least one element", func() { _, _ = r.ReadUntil(bg) })
	panicSays(t, "Separator should be at least one-byte string", func() { _, _ = r.ReadUntil(bg, []byte("a"), nil) })
	panicSays(t, "no event loop runs here", func() { _, _ = fed(1).ReadSome(bg, 1) })
}

func TestST06AnExceptionIsRaisedByAllReads(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		r := asyncio.NewStreamReader(64)
		require.NoError(t, r.Exception())
		waiting := asyncio.CreateTask(c, func(c ctx) ([]byte, error) { return r.ReadLine(c) })
		_ = asyncio.Sleep(c, 0)
		r.FeedData([]byte("data is there"))
		r.SetException(errBad)
		_, err := waiting.Await(c)
		require.Equal(t, errBad, err)
		require.Equal(t, errBad, r.Exception())
		for _, read := range []func() error{
			func() error { _, err := r.Read(c, make([]byte, 1)); return err },
			func() error { _, err := r.ReadSome(c, 1); return err },
			func() error { _, err := r.ReadExactly(c, 1); return err },
			func() error { _, err := r.ReadLine(c); return err },
			func() error { _, err := r.ReadUntil(c, []byte("d")); return err },
			func() error { _, err := r.ReadAll(c); return err },
		} {
			require.Equal(t, errBad, read())
		}
		return nil
	}))
}

func TestST06AReadThatIsGivenUpLeavesTheData(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		r := asyncio.NewStreamReader(64)
		reads := []func(ctx) error{
			func(c ctx) error { _, err := r.Read(c, make([]byte, 10)); return err },
			func(c ctx) error { _, err := r.ReadSome(c, 10); return err },
			func(c ctx) error { _, err := r.ReadExactly(c, 10); return err },
			func(c ctx) error { _, err := r.ReadLine(c); return err },
			func(c ctx) error { _, err := r.ReadUntil(c, []byte("aaa")); return err },
		}
		for _, read := range reads {
			task := spawn(c, read)
			_ = asyncio.Sleep(c, 0)
			task.Cancel()
			_, err := task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)

			// The data and the cancellation come in the same iteration.
			task = spawn(c, read)
			_ = asyncio.Sleep(c, 0)
			r.FeedData([]byte("x"))
			task.Cancel()
			_, err = task.Await(c)
			require.ErrorIs(t, err, asyncio.ErrCancelled)

			b, err := r.ReadSome(c, 10)
			require.Equal(t, "x", said(b, err))

			outer, cancel := context.WithCancel(c)
			asyncio.RunningLoop(c).CallSoon(cancel)
			require.Equal(t, context.Canceled, read(outer))
			require.Equal(t, context.Canceled, read(outer), "it would have to wait")
			r.FeedData([]byte("xxxxxxxaaa\n, and more"))
			require.NoError(t, read(outer), "it need not wait")
			_, _ = r.ReadSome(c, 100)
		}
		return nil
	}))
}

func TestN14OneCallAtATimeWaitsForData(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		var o trace
		r := asyncio.NewStreamReader(64)
		first := asyncio.CreateTask(c, func(c ctx) ([]byte, error) { return r.ReadSome(c, 10) })
		_ = asyncio.Sleep(c, 0)
		_, err := r.ReadLine(c)
		require.ErrorIs(t, err, asyncio.ErrStreamBusy)
		require.EqualError(t, err, "asyncio.StreamReader.ReadLine: another call is already waiting for incoming data")

		// One that finds data does not wait, and the first goes on waiting.
		r.FeedData([]byte("stolen"))
		b, err := r.ReadSome(c, 10)
		require.Equal(t, "stolen", said(b, err))
		second := asyncio.CreateTask(c, func(c ctx) ([]byte, error) {
			b, err := r.ReadSome(c, 10)
			o.add("second ", errors.Is(err, asyncio.ErrStreamBusy))
			return b, nil
		})
		_ = yield(c, 3)
		require.False(t, first.Done())
		require.True(t, second.Done())
		r.FeedData([]byte("late"))
		b, err = first.Await(c)
		require.Equal(t, "late", said(b, err))
		require.Equal(t, trace{"second true"}, o)

		// A new wait may begin when the last one was told, but has not gone on yet.
		first = asyncio.CreateTask(c, func(c ctx) ([]byte, error) { return r.ReadSome(c, 10) })
		_ = asyncio.Sleep(c, 0)
		r.FeedData([]byte("x"))
		b, err = r.ReadSome(c, 10)
		require.Equal(t, "x", said(b, err))
		asyncio.RunningLoop(c).CallSoon(func() { r.FeedData([]byte("y")) })
		b, err = r.ReadSome(c, 10)
		require.Equal(t, "y", said(b, err))
		_, err = first.Await(c)
		require.ErrorIs(t, err, asyncio.ErrStreamBusy, "it would have had to wait again")
		return nil
	}))
}

// A pausable counts what a reader does with its transport.
type pausable struct{ o trace }

func (p *pausable) ExtraInfo(string) any { return nil }
func (p *pausable) IsClosing() bool      { return false }
func (p *pausable) Close()               {}
func (p *pausable) IsReading() bool      { return true }
func (p *pausable) PauseReading()        { p.o.add("pause") }
func (p *pausable) ResumeReading()       { p.o.add("resume") }

func TestAReaderHoldsItsTransportBack(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		p := new(pausable)
		r := asyncio.NewStreamReader(3)
		r.SetTransport(p)
		r.FeedData([]byte("123456"))
		require.Empty(t, p.o, "twice the limit is not too much")
		r.FeedData([]byte("7"))
		r.FeedData([]byte("8"))
		require.Equal(t, trace{"pause"}, p.o)
		_, _ = r.ReadSome(c, 4)
		require.Equal(t, trace{"pause"}, p.o, "more than the limit is left")
		_, _ = r.ReadSome(c, 1)
		require.Equal(t, trace{"pause", "resume"}, p.o)

		// Pain 20: a call that needs more than that lets the transport go on.
		p.o = nil
		r.FeedData([]byte("456789"))
		task := asyncio.CreateTask(c, func(c ctx) ([]byte, error) { return r.ReadExactly(c, 100) })
		_ = asyncio.Sleep(c, 0)
		require.Equal(t, trace{"pause", "resume"}, p.o)
		r.FeedData(make([]byte, 50))
		_ = asyncio.Sleep(c, 0)
		require.Equal(t, trace{"pause", "resume", "pause", "resume"}, p.o)
		r.FeedData(make([]byte, 50))
		b, err := task.Await(c)
		require.NoError(t, err)
		require.Len(t, b, 100)
		r.FeedEOF()
		_, _ = r.ReadAll(c)
		require.Equal(t, "resume", p.o[len(p.o)-1])
		return nil
	}))
}

func TestAReaderWakesItsTaskOneHopLater(t *testing.T) {
	require.NoError(t, run(t, func(c ctx) error {
		var o trace
		r := asyncio.NewStreamReader(64)
		task := spawn(c, func(c ctx) error {
			_, err := r.ReadSome(c, 1)
			o.add("read")
			return err
		})
		_ = asyncio.Sleep(c, 0)
		l := asyncio.RunningLoop(c)
		l.CallSoon(func() {
			r.FeedData([]byte("x"))
			o.add("fed")
			l.CallSoon(func() { o.add("after") })
		})
		_, err := task.Await(c)
		require.Equal(t, trace{"fed", "read", "after"}, o)
		return err
	}))
}

func TestAReaderServesGreenletsToo(t *testing.T) {
	require.NoError(t, green(t, func() error {
		bg := context.Background()
		r := asyncio.NewStreamReader(64)
		g := gevent.SpawnValue(func() (string, error) {
			b, err := r.ReadLine(bg)
			return string(b), err
		})
		gevent.Sleep(time.Second)
		r.FeedData([]byte("line\n"))
		s, err := g.Get()
		require.Equal(t, "line\n", s)
		require.NoError(t, err)
		killed := gevent.Spawn(func() { _, _ = r.ReadLine(bg) })
		gevent.Sleep(0)
		killed.Kill()
		again := gevent.SpawnValue(func() (string, error) {
			b, err := r.ReadLine(bg)
			return string(b), err
		})
		gevent.Sleep(0)
		r.FeedData([]byte("for the next\n"))
		s, err = again.Get()
		require.Equal(t, "for the next\n", s)
		return err
	}))
}

func TestReadingAllocatesNothing(t *testing.T) {
	t.Setenv("BATON_ASYNCIO_DEBUG", "") // debug mode allocates
	_ = gevent.Run(func() {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("finding out who calls allocates here")
		}
	})
	require.NoError(t, run(t, func(c ctx) error {
		r := asyncio.NewStreamReader(64)
		data, p := make([]byte, 50), make([]byte, 50)
		round := func() {
			r.FeedData(data)
			if n, err := r.Read(c, p); n != 50 || err != nil {
				t.Error(n, err)
			}
		}
		round()
		require.Zero(t, testing.AllocsPerRun(100, round))
		done := false
		feeder := spawn(c, func(c ctx) error {
			for !done {
				r.FeedData(data)
				if err := asyncio.Sleep(c, 0); err != nil {
					return err
				}
			}
			return nil
		})
		waiting := func() {
			if n, err := r.Read(c, p); n != 50 || err != nil {
				t.Error(n, err)
			}
		}
		waiting()
		require.Zero(t, testing.AllocsPerRun(100, waiting))
		done = true
		_, err := feeder.Await(c)
		return err
	}))
}

// TestNoByteIsLostOrDoubled reads a stream of known bytes in pieces of all sizes,
// with all calls, in tasks that are cancelled and with time-outs.
func TestNoByteIsLostOrDoubled(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		require.NoError(t, run(t, func(c ctx) error {
			total := 2000 + rng.IntN(3000)
			want := make([]byte, total)
			for i := range want {
				want[i] = byte('a' + rng.IntN(4))
			}
			r := asyncio.NewStreamReader(1 + rng.IntN(60))
			p := new(pausable)
			r.SetTransport(p)
			feeder := spawn(c, func(c ctx) error {
				for at := 0; at < total; {
					n := min(1+rng.IntN(40), total-at)
					r.FeedData(want[at : at+n])
					at += n
					if err := asyncio.Sleep(c, time.Duration(rng.IntN(3))*ms); err != nil {
						return err
					}
				}
				r.FeedEOF()
				return nil
			})
			var got []byte
			keep := func(b []byte, err error) error {
				got = append(got, b...)
				var incomplete *asyncio.IncompleteReadError
				if errors.As(err, &incomplete) {
					got = append(got, incomplete.Partial...)
				}
				return err
			}
			read := func(c ctx) error {
				switch rng.IntN(5) {
				case 0:
					b := make([]byte, 1+rng.IntN(30))
					n, err := r.Read(c, b)
					return keep(b[:n], err)
				case 1:
					return keep(r.ReadSome(c, 1+rng.IntN(30)))
				case 2:
					return keep(r.ReadExactly(c, rng.IntN(50)))
				case 3:
					return keep(r.ReadUntil(c, []byte("ab"), []byte("ddd"), []byte("cab")))
				default:
					if rng.IntN(20) > 0 {
						return nil
					}
					return keep(r.ReadAll(c))
				}
			}
			for !r.AtEOF() {
				task := spawn(c, read)
				if rng.IntN(2) == 0 {
					_ = asyncio.Sleep(c, time.Duration(rng.IntN(4))*ms)
					task.Cancel()
				}
				_, _ = task.Await(c)
			}
			require.Equal(t, string(want), string(got), "seed %d", seed)
			_, err := feeder.Await(c)
			return err
		}))
	}
}

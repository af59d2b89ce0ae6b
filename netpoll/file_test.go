package netpoll_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// overFileIO runs a test over the ways to do file operations. newLoopWith is NewLoop,
// with the loop closed at the end.
func overFileIO(t *testing.T, test func(t *testing.T, newLoopWith func(opts ...netpoll.Option) *netpoll.Loop)) {
	ring := func(t *testing.T) {
		l := newLoop(t)
		f := newFile(t, l, "")
		if how := l.Stats().FileIO; how != "io_uring" {
			t.Skip(how)
		}
		closeFile(t, l, f)
		test(t, func(opts ...netpoll.Option) *netpoll.Loop { return newLoop(t, opts...) })
	}
	t.Run("io_uring where it is cheaper", ring)
	t.Run("io_uring", func(t *testing.T) {
		defer netpoll.AlwaysUring()()
		ring(t)
	})
	t.Run("goroutines", func(t *testing.T) {
		test(t, func(opts ...netpoll.Option) *netpoll.Loop {
			return newLoop(t, append(opts, netpoll.WithoutUring())...)
		})
	})
}

// openFile opens a file and waits until it is open.
func openFile(t testing.TB, l *netpoll.Loop, name string, flag int) *netpoll.File {
	t.Helper()
	var file *netpoll.File
	l.OpenFile(name, flag, 0o666, func(f *netpoll.File, err error) {
		require.NoError(t, err)
		file = f
	})
	require.NoError(t, l.Run())
	require.NotNil(t, file)
	return file
}

// newFile makes a temporary file of the loop, for reading and writing.
func newFile(t testing.TB, l *netpoll.Loop, content string) *netpoll.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o666))
	return openFile(t, l, name, os.O_RDWR)
}

func closeFile(t testing.TB, l *netpoll.Loop, f *netpoll.File) {
	t.Helper()
	called := false
	f.Close(func(err error) {
		require.NoError(t, err)
		called = true
	})
	require.NoError(t, l.Run())
	require.True(t, called)
}

// A result is what done was told.
type result struct {
	called int
	n      int
	err    error
}

func (r *result) done(n int, err error) { r.called, r.n, r.err = r.called+1, n, err }
func (r *result) told(err error)        { r.done(0, err) }

// is fails the test unless done was told that, once.
func (r *result) is(t testing.TB, n int, err error) {
	t.Helper()
	require.Equal(t, 1, r.called)
	if err == nil {
		require.NoError(t, r.err)
	} else {
		require.ErrorIs(t, r.err, err)
	}
	require.Equal(t, n, r.n)
}

func TestReadAtAndWriteAt(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "")
		var w1, w2 result
		f.WriteAt([]byte("hello"), 0, w1.done)
		f.WriteAt([]byte("world"), 7, w2.done)
		require.Zero(t, w1.called, "done is never called within the call")
		require.Equal(t, 2, l.Stats().FilesPending)
		require.Zero(t, l.Stats().Refs)
		require.NoError(t, l.Run())
		w1.is(t, 5, nil)
		w2.is(t, 5, nil)

		for _, c := range []struct {
			name string
			size int
			off  int64
			want string
			err  error
		}{
			{"all", 12, 0, "hello\x00\x00world", nil},
			{"a part", 5, 7, "world", nil},
			{"more than there is", 100, 7, "world", io.EOF},
			{"at the end", 1, 12, "", io.EOF},
			{"behind the end", 1, 1 << 40, "", io.EOF},
			{"nothing", 0, 3, "", nil},
			{"nothing behind the end", 0, 300, "", nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				p := make([]byte, c.size)
				var r result
				f.ReadAt(p, c.off, r.done)
				require.NoError(t, l.Run())
				r.is(t, len(c.want), c.err)
				require.Equal(t, c.want, string(p[:r.n]))
				if c.err == io.EOF {
					require.True(t, r.err == io.EOF, "as it is, not wrapped")
				}
			})
		}
		var empty result
		f.WriteAt(nil, 5, empty.done)
		f.ReadAt(nil, 5, empty.done)
		require.NoError(t, l.Run())
		require.Equal(t, 2, empty.called)
		require.NoError(t, empty.err)
		closeFile(t, l, f)
		require.Zero(t, l.Stats().FilesPending)
	})
}

func TestReadAndWriteMoveThePosition(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "")
		// All at once: they run one after the other.
		var log []string
		note := func(s string) func(int, error) {
			return func(n int, err error) {
				require.NoError(t, err)
				log = append(log, s)
			}
		}
		var order []string
		for i := range 100 {
			s := strings.Repeat(string(rune('a'+i%26)), 1+i%7)
			f.Write([]byte(s), note(s))
			order = append(order, s)
		}
		all := strings.Join(order, "")
		pos := int64(-1)
		f.SeekTo(0, io.SeekCurrent, func(p int64, err error) {
			require.NoError(t, err)
			pos = p
		})
		f.SeekTo(0, io.SeekStart, func(int64, error) {})
		got := make([]byte, len(all)+10)
		for i := 0; i < len(all); i += 10 {
			f.Read(got[i:min(i+10, len(all))], func(n int, err error) { require.NoError(t, err) })
		}
		var end, short result
		f.Read(got[len(all):], end.done)
		f.SeekTo(-3, io.SeekEnd, func(p int64, err error) { require.Equal(t, int64(len(all)-3), p) })
		f.Read(make([]byte, 10), short.done)
		f.Read(nil, func(n int, err error) { require.NoError(t, err) })
		require.NoError(t, l.Run())
		require.Equal(t, order, log)
		require.Equal(t, int64(len(all)), pos)
		require.Equal(t, all, string(got[:len(all)]))
		end.is(t, 0, io.EOF)
		short.is(t, 3, nil)

		var refused error
		f.SeekTo(-1, io.SeekStart, func(_ int64, err error) { refused = err })
		require.NoError(t, l.Run())
		require.ErrorIs(t, refused, syscall.EINVAL)
		closeFile(t, l, f)
	})
}

func TestAppendMode(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		name := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(name, []byte("one\n"), 0o666))
		f := openFile(t, l, name, os.O_RDWR|os.O_APPEND)
		var w, at, r result
		f.Write([]byte("two\n"), w.done)
		f.WriteAt([]byte("x"), 0, at.done)
		f.Read(make([]byte, 1), r.done)
		require.NoError(t, l.Run())
		w.is(t, 4, nil)
		require.ErrorContains(t, at.err, "O_APPEND")
		r.is(t, 0, io.EOF)
		closeFile(t, l, f)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "one\ntwo\n", string(got))
	})
}

func TestSyncTruncateStat(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "0123456789")
		var sync, cut result
		f.Sync(sync.told)
		f.Truncate(4, func(err error) {
			cut.told(err)
			f.Stat(func(info fs.FileInfo, err error) {
				require.NoError(t, err)
				require.Equal(t, int64(4), info.Size())
				require.Equal(t, "file", info.Name())
				f.Truncate(-1, func(err error) {
					var pathError *fs.PathError
					require.ErrorAs(t, err, &pathError)
					require.Equal(t, "truncate", pathError.Op)
					cut.told(nil)
				})
			})
		})
		require.NoError(t, l.Run())
		sync.is(t, 0, nil)
		require.Equal(t, 2, cut.called)
		closeFile(t, l, f)
	})
}

func TestFileErrors(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		dir := t.TempDir()
		name := filepath.Join(dir, "f")
		require.NoError(t, os.WriteFile(name, []byte("content"), 0o666))

		// is asks that the error be as package os has it.
		is := func(err error, op string, cause error) {
			t.Helper()
			var pathError *fs.PathError
			require.ErrorAs(t, err, &pathError)
			require.Equal(t, op, pathError.Op)
			require.NotEmpty(t, pathError.Path)
			if cause != nil {
				require.ErrorIs(t, err, cause)
			}
		}
		var r result
		file := func(f *netpoll.File, err error) {
			require.Nil(t, f)
			r.told(err)
		}
		l.OpenFile(filepath.Join(dir, "absent"), os.O_RDONLY, 0, file)
		require.NoError(t, l.Run())
		is(r.err, "open", fs.ErrNotExist)
		l.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666, file)
		require.NoError(t, l.Run())
		is(r.err, "open", fs.ErrExist)

		f := openFile(t, l, name, os.O_RDONLY)
		require.Equal(t, name, f.Name())
		require.Equal(t, name, f.OSFile().Name())
		f.ReadAt(make([]byte, 1), -1, r.done)
		require.NoError(t, l.Run())
		is(r.err, "readat", nil)
		require.ErrorContains(t, r.err, "negative offset")
		f.WriteAt([]byte("x"), -1, r.done)
		require.NoError(t, l.Run())
		is(r.err, "writeat", nil)
		if runtime.GOOS != "windows" {
			f.WriteAt([]byte("x"), 0, r.done)
			require.NoError(t, l.Run())
			is(r.err, "write", syscall.EBADF)
			f.Write([]byte("x"), r.done)
			require.NoError(t, l.Run())
			is(r.err, "write", syscall.EBADF)

			d := openFile(t, l, dir, os.O_RDONLY)
			d.Read(make([]byte, 1), r.done)
			require.NoError(t, l.Run())
			is(r.err, "read", syscall.EISDIR)
			d.ReadAt(make([]byte, 1), 0, r.done)
			require.NoError(t, l.Run())
			is(r.err, "read", syscall.EISDIR)
			closeFile(t, l, d)
		}

		closeFile(t, l, f)
		for op, call := range map[string]func(){
			"read":     func() { f.ReadAt(make([]byte, 1), 0, r.done) },
			"write":    func() { f.Write([]byte("x"), r.done) },
			"sync":     func() { f.Sync(r.told) },
			"truncate": func() { f.Truncate(0, r.told) },
			"stat":     func() { f.Stat(func(_ fs.FileInfo, err error) { r.told(err) }) },
			"seek":     func() { f.SeekTo(0, 0, func(_ int64, err error) { r.told(err) }) },
			"close":    func() { f.Close(r.told) },
		} {
			r = result{}
			call()
			require.Zero(t, r.called)
			require.NoError(t, l.Run())
			require.Equal(t, 1, r.called)
			is(r.err, op, os.ErrClosed)
		}
		_, err := l.NewFile(f.OSFile())
		require.ErrorIs(t, err, os.ErrClosed)
		_, err = l.NewFile(nil)
		require.ErrorIs(t, err, os.ErrInvalid)
	})
}

func TestNewFileTakesAnOpenFile(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		o, err := os.Create(filepath.Join(t.TempDir(), "f"))
		require.NoError(t, err)
		_, err = o.WriteString("hello")
		require.NoError(t, err)
		f, err := l.NewFile(o)
		require.NoError(t, err)
		p := make([]byte, 5)
		var w, r result
		f.Write([]byte(", world"), w.done)
		f.ReadAt(p, 0, r.done)
		require.NoError(t, l.Run())
		w.is(t, 7, nil)
		r.is(t, 5, nil)
		closeFile(t, l, f)
		got, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(got))

		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		require.NoError(t, err)
		f, err = l.NewFile(null)
		require.NoError(t, err)
		f.Write([]byte("x"), func(n int, err error) { w.called--; w.done(n, err) })
		r = result{}
		f.Read(p, r.done)
		require.NoError(t, l.Run())
		w.is(t, 1, nil)
		r.is(t, 0, io.EOF)
		closeFile(t, l, f)
	})
}

func TestAPipeIsNoFile(t *testing.T) {
	l := newLoop(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = l.NewFile(r)
	require.ErrorIs(t, err, netpoll.ErrNotFile)
	_, err = l.NewFile(w)
	require.ErrorIs(t, err, netpoll.ErrNotFile)
	var pathError *fs.PathError
	require.ErrorAs(t, err, &pathError)
	_, err = w.WriteString("it is left as it was")
	require.NoError(t, err)
}

func TestClosePutsItselfLast(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "")
		var order []string
		for i := range 300 {
			f.WriteAt([]byte{byte(i)}, int64(i), func(n int, err error) {
				require.NoError(t, err)
				order = append(order, "write")
			})
		}
		f.Write([]byte("a"), func(n int, err error) { require.NoError(t, err) })
		f.SeekTo(0, io.SeekStart, func(int64, error) { order = append(order, "seek") })
		f.Close(func(err error) {
			require.NoError(t, err)
			order = append(order, "close")
		})
		f.ReadAt(make([]byte, 1), 0, func(n int, err error) { require.ErrorIs(t, err, os.ErrClosed) })
		f.Close(func(err error) { require.ErrorIs(t, err, os.ErrClosed) })
		f.Close(nil)
		require.NoError(t, l.Run())
		require.Len(t, order, 302)
		require.Equal(t, "close", order[301])
	})
}

// Large buffers are done in pieces, and stay whole.
func TestLargeTransfers(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "")
		out := make([]byte, 3*netpoll.FileChunk+12345)
		for i := range out {
			out[i] = byte(i * 7 >> 5)
		}
		in := make([]byte, len(out)+1)
		f.WriteAt(out, 10, func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, len(out), n)
			f.ReadAt(in, 10, func(n int, err error) {
				require.Equal(t, io.EOF, err)
				require.Equal(t, len(out), n)
			})
		})
		require.NoError(t, l.Run())
		require.True(t, bytes.Equal(out, in[:len(out)]))
		clear(in)
		f.SeekTo(10, io.SeekStart, func(int64, error) {})
		f.Read(in, func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, len(out), n)
		})
		require.NoError(t, l.Run())
		require.True(t, bytes.Equal(out, in[:len(out)]))
		f.SeekTo(0, io.SeekStart, func(int64, error) {})
		f.Write(out, func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, len(out), n)
		})
		f.SeekTo(0, io.SeekCurrent, func(pos int64, err error) { require.Equal(t, int64(len(out)), pos) })
		require.NoError(t, l.Run())
		closeFile(t, l, f)
	})
}

// While a large read goes on, other callbacks do.
func TestALargeReadDoesNotHoldUpTheLoop(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "")
		p := make([]byte, 32*netpoll.FileChunk)
		require.NoError(t, f.OSFile().Truncate(int64(len(p))))
		reading, ticks := true, 0
		var longest time.Duration
		last := time.Now()
		var tick func()
		tick = func() {
			ticks++
			now := time.Now()
			longest, last = max(longest, now.Sub(last)), now
			if reading {
				l.CallSoon(tick)
			}
		}
		f.ReadAt(p, 0, func(n int, err error) {
			require.NoError(t, err)
			require.Equal(t, len(p), n)
			reading = false
		})
		tick()
		require.NoError(t, l.Run())
		require.Greater(t, ticks, 32)
		t.Logf("%d ticks, at most %v apart", ticks, longest)
		closeFile(t, l, f)
	})
}

func TestAPanicOfDoneLosesNothingElse(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		f := newFile(t, l, "abc")
		called := 0
		for range 3 {
			f.ReadAt(make([]byte, 3), 0, func(int, error) { called++; panic("done") })
		}
		for range 3 {
			require.PanicsWithValue(t, "done", func() {
				for l.RunOnce() {
				}
			})
		}
		require.NoError(t, l.Run())
		require.Equal(t, 3, called)
		closeFile(t, l, f)
	})
}

func TestMisuseOfFiles(t *testing.T) {
	l := newLoop(t)
	f := newFile(t, l, "abc")
	for name, call := range map[string]func(){
		"ReadAt":   func() { f.ReadAt(nil, 0, nil) },
		"WriteAt":  func() { f.WriteAt(nil, 0, nil) },
		"Read":     func() { f.Read(nil, nil) },
		"Write":    func() { f.Write(nil, nil) },
		"SeekTo":   func() { f.SeekTo(0, 0, nil) },
		"Sync":     func() { f.Sync(nil) },
		"Truncate": func() { f.Truncate(0, nil) },
		"Stat":     func() { f.Stat(nil) },
		"OpenFile": func() { l.OpenFile("x", 0, 0, nil) },
	} {
		require.PanicsWithValue(t,
			"netpoll."+name+": nil function; pass the function that is to be told of the result", call)
	}
	require.PanicsWithValue(t, "netpoll.Unref: no Ref is outstanding; call Unref once for each Ref", func() {
		f.Sync(func(error) {})
		l.Unref()
	})
	require.NoError(t, l.Close())
	require.PanicsWithValue(t, "netpoll.ReadAt: the loop is closed; make a new one with NewLoop",
		func() { f.ReadAt(nil, 0, func(int, error) {}) })
	_, err := l.NewFile(f.OSFile())
	require.ErrorIs(t, err, netpoll.ErrClosed)
	var r result
	f.Close(r.told)
	r.is(t, 0, nil)
	f.Close(r.told)
	require.ErrorIs(t, r.err, os.ErrClosed)
	f.Close(nil)
}

func TestStatsSayHowFilesAreDone(t *testing.T) {
	l := newLoop(t)
	require.Empty(t, l.Stats().FileIO, "nothing is set up before the first operation")
	l = newLoop(t, netpoll.WithoutUring())
	f := newFile(t, l, "abc")
	require.Equal(t, "goroutines: WithoutUring", l.Stats().FileIO)
	closeFile(t, l, f)

	// The kernel refuses.
	undo := netpoll.RefuseUring(os.NewSyscallError("io_uring_setup", syscall.EPERM))
	defer undo()
	l = newLoop(t)
	f = newFile(t, l, "abc")
	require.Equal(t, "goroutines: io_uring_setup: "+syscall.EPERM.Error(), l.Stats().FileIO)
	p := make([]byte, 3)
	var r result
	f.ReadAt(p, 0, r.done)
	require.NoError(t, l.Run())
	r.is(t, 3, nil)
	require.Equal(t, "abc", string(p))
	closeFile(t, l, f)
	require.Equal(t, uint64(3), l.Stats().FileOps)
	require.Equal(t, uint64(3), l.Stats().FileOffloads)
	require.Zero(t, l.Stats().FileEnters)
}

func TestAVirtualClockWaitsForFiles(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		clock := netpoll.NewVirtualClock()
		l := newLoopWith(netpoll.WithClock(clock))
		f := newFile(t, l, "abc")
		p := make([]byte, 2*netpoll.FileChunk)
		fired := false
		l.CallLater(time.Hour, func() { fired = true })
		called := 0
		for range 20 {
			f.WriteAt(p, 0, func(n int, err error) {
				require.NoError(t, err)
				require.False(t, fired)
				require.Zero(t, clock.Now())
				called++
			})
		}
		require.NoError(t, l.Run())
		require.Equal(t, 20, called)
		require.True(t, fired)
		require.Equal(t, time.Hour, clock.Now())
		closeFile(t, l, f)
	})
}

func TestErrCancelledIsContextCanceled(t *testing.T) {
	require.ErrorIs(t, netpoll.ErrCancelled, context.Canceled)
	require.False(t, errors.Is(netpoll.ErrCancelled, netpoll.ErrClosed))
}

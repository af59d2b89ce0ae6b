//go:build unix

package fileobject_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
	"github.com/baton-go/baton/netpoll"
)

// pipe makes a pipe, both of whose ends are ours.
func pipe(t testing.TB) (r, w *fileobject.FileObject) {
	t.Helper()
	fr, fw, err := os.Pipe()
	require.NoError(t, err)
	r, err = fileobject.New(fr)
	require.NoError(t, err)
	w, err = fileobject.New(fw)
	require.NoError(t, err)
	return r, w
}

// fill writes until no more goes in. Of one Write that is larger than the pipe a part
// goes in, unless the time was up before it began.
func fill(t testing.TB, w *fileobject.FileObject) {
	t.Helper()
	for n := 0; n == 0; {
		var err error
		require.NoError(t, w.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		n, err = w.Write(make([]byte, 8<<20))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	require.NoError(t, w.SetWriteDeadline(time.Time{}))
}

func TestAPipe(t *testing.T) {
	keepsDescriptors(t)
	test(t, "T165 carries a megabyte to a slow reader while others run", func(t *testing.T) {
		r, w := pipe(t)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		g := gevent.Spawn(func() error {
			defer w.Close()
			n, err := w.Write(sent)
			require.Equal(t, len(sent), n)
			return err
		})
		var got []byte
		b := make([]byte, 64<<10)
		for {
			n, err := r.Read(b)
			got = append(got, b[:n]...)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			gevent.Sleep(0)
		}
		require.NoError(t, g.Get())
		require.True(t, bytes.Equal(sent, got))
		_, err := r.Read(b)
		require.Equal(t, io.EOF, err, "again")
		require.NoError(t, r.Close())
	})
	test(t, "T166 wakes its reader with os.ErrClosed when it is closed", func(t *testing.T) {
		r, w := pipe(t)
		defer w.Close()
		var all []*gevent.Of[int]
		for range 3 { // one that waits and two in line
			all = append(all, gevent.SpawnValue(func() (int, error) { return r.Read(make([]byte, 1)) }))
		}
		gevent.Sleep(0)
		require.NoError(t, r.Close())
		for _, g := range all {
			_, err := g.Get()
			require.EqualError(t, err, "read "+r.Name()+": file already closed")
			require.ErrorIs(t, err, os.ErrClosed)
		}
		require.ErrorIs(t, r.Close(), os.ErrClosed)
	})
	test(t, "wakes its writer when it is closed, or its reader is gone", func(t *testing.T) {
		r, w := pipe(t)
		fill(t, w)
		g := gevent.SpawnValue(func() (int, error) { return w.Write([]byte("x")) })
		gevent.Sleep(0)
		require.NoError(t, r.Close())
		_, err := g.Get()
		require.ErrorIs(t, err, syscall.EPIPE)
		require.NoError(t, w.Close())
		r, w = pipe(t)
		fill(t, w)
		g = gevent.SpawnValue(func() (int, error) { return w.Write([]byte("x")) })
		gevent.Sleep(0)
		require.NoError(t, w.Close())
		_, err = g.Get()
		require.ErrorIs(t, err, os.ErrClosed)
		require.NoError(t, r.Close())
	})
	t.Run("has deadlines of the loop's clock: an hour takes no time on a virtual one", func(t *testing.T) {
		begin := time.Now()
		require.NoError(t, gevent.Run(func() {
			r, w := pipe(t)
			defer r.Close()
			defer w.Close()
			require.NoError(t, r.SetReadDeadline(time.Now().Add(time.Hour)))
			_, err := r.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}, gevent.WithClock(netpoll.NewVirtualClock())))
		require.Less(t, time.Since(begin), time.Minute)
	})
	test(t, "has deadlines, also for who waits", func(t *testing.T) {
		r, w := pipe(t)
		defer r.Close()
		defer w.Close()
		require.NoError(t, r.SetDeadline(time.Now().Add(-time.Second)))
		_, err := r.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, os.IsTimeout(err))
		require.NoError(t, r.SetReadDeadline(time.Time{}))
		g := gevent.SpawnValue(func() (int, error) { return r.Read(make([]byte, 1)) })
		gevent.Sleep(0)
		require.NoError(t, r.SetReadDeadline(time.Now().Add(time.Millisecond)))
		_, err = g.Get()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, r.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err = w.Write([]byte("x"))
		require.NoError(t, err)
		n, err := r.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
	test(t, "has no positions", func(t *testing.T) {
		r, w := pipe(t)
		_, err := r.Seek(0, 0)
		require.ErrorIs(t, err, syscall.ESPIPE)
		_, err = r.ReadAt(make([]byte, 1), 0)
		require.ErrorIs(t, err, syscall.ESPIPE)
		_, err = w.WriteAt([]byte("x"), 0)
		require.ErrorIs(t, err, syscall.ESPIPE)
		require.Error(t, w.Truncate(0))
		require.Error(t, w.Sync())
		info, err := r.Stat()
		require.NoError(t, err)
		require.NotZero(t, info.Mode()&os.ModeNamedPipe)
		n, err := r.Read(nil)
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
		for _, err := range []error{r.Sync(), r.Truncate(0), r.SetDeadline(time.Now())} {
			require.ErrorIs(t, err, os.ErrClosed)
		}
		_, err = r.Seek(0, 0)
		require.ErrorIs(t, err, os.ErrClosed)
		_, err = r.Stat()
		require.ErrorIs(t, err, os.ErrClosed)
	})
	test(t, "is read by several in the order in which they came", func(t *testing.T) {
		r, w := pipe(t)
		defer r.Close()
		var got string
		var all []*gevent.Greenlet
		for i := range 5 {
			all = append(all, gevent.Spawn(func() {
				b := make([]byte, 1)
				_, err := r.Read(b)
				require.NoError(t, err)
				got += strconv.Itoa(i) + string(b)
			}))
		}
		gevent.Sleep(0)
		all[2].Kill()
		_, err := w.WriteString("abcd")
		require.NoError(t, err)
		gevent.JoinAll(all...)
		require.Equal(t, "0a1b3c4d", got)
		require.NoError(t, w.Close())
	})
	test(t, "loses nothing when its readers are killed or their time is up", func(t *testing.T) {
		const size = 20_000
		r, w := pipe(t)
		rng := rand.New(rand.NewPCG(1, 2))
		writer := gevent.Spawn(func() error {
			defer w.Close()
			for i := 0; i < size; {
				n := min(1+rng.IntN(50), size-i)
				b := make([]byte, n)
				for k := range b {
					b[k] = byte(i + k)
				}
				if _, err := w.Write(b); err != nil {
					return err
				}
				i += n
				if rng.IntN(3) == 0 {
					gevent.Sleep(0)
				}
			}
			return nil
		})
		var got []byte
		over := false
		read := func() error {
			for {
				b := make([]byte, 1+rng.IntN(30))
				n, err := r.Read(b)
				got = append(got, b[:n]...)
				if over = err == io.EOF; over {
					return nil
				}
				if err != nil {
					return err
				}
			}
		}
		for !over {
			if rng.IntN(2) == 0 {
				err := gevent.WithTimeout(time.Duration(rng.IntN(200))*time.Microsecond, read)
				require.True(t, err == nil || err.(interface{ Timeout() bool }).Timeout(), err)
				continue
			}
			g := gevent.Spawn(read)
			for range rng.IntN(5) {
				gevent.Sleep(0)
			}
			g.Kill()
			require.NoError(t, g.Err())
		}
		require.NoError(t, writer.Get())
		require.Len(t, got, size)
		for i, b := range got {
			require.Equal(t, byte(i), b)
		}
		require.NoError(t, r.Close())
	})
	test(t, "does not keep the thread to itself, however fast its peer is", func(t *testing.T) {
		r, w := pipe(t)
		n, stop := 0, false
		g := gevent.Spawn(func() {
			for !stop {
				_, err := w.Write([]byte("x"))
				require.NoError(t, err)
				_, err = r.Read(make([]byte, 1))
				require.NoError(t, err)
				n++
			}
		})
		gevent.Sleep(time.Millisecond)
		stop = true
		g.Join()
		require.Positive(t, n)
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
	})
	test(t, "costs its user no allocation while there is something to read", func(t *testing.T) {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("here it costs allocations to find out which goroutine calls")
		}
		r, w := pipe(t)
		b := make([]byte, 10)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if n, err := w.Write(b); n != 10 || err != nil {
				t.Error(n, err)
			}
			if n, err := r.Read(b); n != 10 || err != nil {
				t.Error(n, err)
			}
		}))
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
	})
	test(t, "serves foreign goroutines", func(t *testing.T) {
		r, w := pipe(t)
		go func() {
			_, _ = io.WriteString(w, "from outside\n")
			_ = w.Close()
		}()
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "from outside\n", string(b))
		require.NoError(t, r.Close())
	})
}

func TestAPipeIsClosedWithItsThread(t *testing.T) {
	keepsDescriptors(t)
	require.NoError(t, gevent.Run(func() {
		r, _ := pipe(t)
		gevent.Spawn(func() { r.Read(make([]byte, 1)) })
		gevent.Sleep(0)
	}))
}

func TestAStreamIsPutBackIntoBlockingMode(t *testing.T) {
	var fds [2]int
	require.NoError(t, unix.Pipe(fds[:]))
	defer unix.Close(fds[1])
	f := os.NewFile(uintptr(fds[0]), "in")
	defer f.Close()
	blocking := func() bool {
		flags, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GETFL, 0)
		require.NoError(t, err)
		return flags&unix.O_NONBLOCK == 0
	}
	require.NoError(t, gevent.Run(func() {
		s, err := fileobject.New(f, fileobject.KeepOpen())
		require.NoError(t, err)
		require.False(t, blocking())
		require.NoError(t, s.Close())
		require.True(t, blocking())
		_, err = fileobject.New(f, fileobject.KeepOpen())
		require.NoError(t, err)
		require.False(t, blocking())
	}))
	require.True(t, blocking(), "at the end of the thread")
}

func TestWhoLeavesTheLineOfAPipeIsPassedOver(t *testing.T) {
	test(t, "also when it waits for something else", func(t *testing.T) {
		r, w := pipe(t)
		var got []string
		read := func(name string) {
			b := make([]byte, 1)
			n, err := r.Read(b)
			require.NoError(t, err)
			got = append(got, name+" "+string(b[:n]))
		}
		gevent.Spawn(func() { read("first") })
		second := gevent.Spawn(func() {
			require.ErrorIs(t, gevent.WithTimeout(time.Millisecond, func() error { read("second"); return nil }), gevent.ErrTimeout)
			gevent.Sleep(time.Hour)
		})
		third := gevent.Spawn(func() { read("third") })
		gevent.Sleep(5 * time.Millisecond)
		_, err := w.WriteString("ab")
		require.NoError(t, err)
		require.True(t, third.JoinTimeout(time.Minute))
		require.Equal(t, []string{"first a", "third b"}, got)
		require.False(t, second.Ready())
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
	})
}

func TestNothingIsWrittenAtOnceToAPipeThatIsFull(t *testing.T) {
	test(t, "by a greenlet", func(t *testing.T) {
		r, w := pipe(t)
		fill(t, w)
		require.NoError(t, gevent.WithTimeout(time.Minute, func() error {
			n, err := w.Write(nil)
			require.Zero(t, n)
			return err
		}))
		require.NoError(t, r.Close())
		require.NoError(t, w.Close())
		_, err := w.Write(nil)
		require.ErrorIs(t, err, os.ErrClosed)
	})
}

func TestAFIFO(t *testing.T) {
	fifo := func(t *testing.T) string {
		name := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, unix.Mkfifo(name, 0o600))
		return name
	}
	keepsDescriptors(t)
	test(t, "is opened when both ends are", func(t *testing.T) {
		name := fifo(t)
		g := gevent.Spawn(func() error {
			w, err := fileobject.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer w.Close()
			_, err = w.WriteString("line\n")
			return err
		})
		r := open(t, name)
		defer r.Close()
		line, err := bufio.NewReader(r).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "line\n", line)
		require.NoError(t, g.Get())
	})
	test(t, "does not keep who is killed while nobody opens its other end", func(t *testing.T) {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY} {
			name := fifo(t)
			err := gevent.WithTimeout(time.Millisecond, func() error {
				_, err := fileobject.OpenFile(name, flag, 0)
				return err
			})
			require.ErrorIs(t, err, gevent.ErrTimeout)
		}
	})
}

// It takes two descriptors to open a stream: that of package os, and our own.
func TestAStreamForWhichThereIsNoSecondDescriptorIsClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(name, 0o600))
	var was unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &was))
	test(t, "at once", func(t *testing.T) {
		other, err := os.OpenFile(name, os.O_RDWR, 0) // so that opening it does not wait
		require.NoError(t, err)
		defer other.Close()
		require.NoError(t, open(t, name).Close()) // the loop's own descriptors are there now
		free, err := unix.Dup(0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(free))
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close it
		low := was
		setLimit(&low.Cur, free+1)
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
		_, err = fileobject.Open(name)
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
		require.ErrorIs(t, err, syscall.EMFILE)
		again, err := unix.Dup(0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(again))
		require.Equal(t, free, again, "the number is free again")
	})
}

// setLimit sets a field whose type differs between systems.
func setLimit[N int64 | uint64](field *N, n int) { *field = N(n) }

func TestDevices(t *testing.T) {
	keepsDescriptors(t)
	test(t, "/dev/full", func(t *testing.T) {
		f, err := fileobject.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		_, err = f.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.ENOSPC)
	})
	for _, name := range []string{os.DevNull, "/dev/zero", "/dev/urandom"} {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		test(t, name, func(t *testing.T) {
			f, err := fileobject.OpenFile(name, os.O_RDWR, 0)
			if os.IsPermission(err) {
				t.Skip(err)
			}
			require.NoError(t, err)
			defer f.Close()
			b := make([]byte, 10)
			n, err := io.ReadFull(f, b)
			if name == os.DevNull {
				require.Equal(t, io.EOF, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, 10, n)
			}
			if !strings.Contains(name, "random") {
				n, err = f.Write(b)
				require.NoError(t, err)
				require.Equal(t, 10, n)
			}
			require.Equal(t, os.ErrNoDeadline, f.SetDeadline(time.Now()))
		})
	}
}

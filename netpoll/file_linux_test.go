package netpoll_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// pipe returns a File that is the reading end of a pipe, of which a read ends when
// something is written and not before, and the other end. File takes no pipes from
// its users for this very reason.
func pipe(t *testing.T, l *netpoll.Loop) (*netpoll.File, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	conn, err := r.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, conn.Control(func(fd uintptr) {
		require.NoError(t, syscall.SetNonblock(int(fd), l.Stats().FileIO != "io_uring"))
	}))
	f, err := l.NewFileOfAnyKind(r)
	require.NoError(t, err)
	return f, w
}

// ringLoop returns a loop with an io_uring, or skips the test.
func ringLoop(t *testing.T) *netpoll.Loop {
	t.Helper()
	l := newLoop(t)
	closeFile(t, l, newFile(t, l, ""))
	if how := l.Stats().FileIO; how != "io_uring" {
		t.Skip(how)
	}
	return l
}

// descriptors counts the open descriptors of the process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestAReadInTheKernelIsCancelled(t *testing.T) {
	l := ringLoop(t)
	f, w := pipe(t, l)
	var r result
	op := f.Read(make([]byte, 5), r.done)
	l.CallLater(time.Millisecond, func() {
		require.Equal(t, 1, l.InKernel())
		require.True(t, op.Cancel())
		require.True(t, op.Cancel(), "once more does no harm")
		require.Zero(t, r.called)
	})
	require.NoError(t, l.Run())
	r.is(t, 0, netpoll.ErrCancelled)
	require.False(t, op.Cancel())

	// Part of it has come.
	_, err := w.WriteString("abc")
	require.NoError(t, err)
	r = result{}
	op = f.Read(make([]byte, 5), r.done)
	l.CallLater(time.Millisecond, func() { op.Cancel() })
	require.NoError(t, l.Run())
	r.is(t, 3, netpoll.ErrCancelled)
}

// A loop that sleeps is woken by the ring, and by nothing else.
func TestACompletionWakesTheLoop(t *testing.T) {
	for _, name := range []string{"alone", "with a descriptor", "expecting a Post"} {
		t.Run(name, func(t *testing.T) {
			l := ringLoop(t)
			switch name {
			case "with a descriptor":
				idle, writer, err := os.Pipe()
				require.NoError(t, err)
				defer writer.Close()
				defer idle.Close()
				conn, err := idle.SyscallConn()
				require.NoError(t, err)
				require.NoError(t, conn.Control(func(fd uintptr) {
					require.NoError(t, l.AddReader(int(fd), func() { t.Error("nothing came") }))
					defer l.CallLater(time.Hour, func() {})
				}))
			case "expecting a Post":
				l.Ref()
			}
			f, w := pipe(t, l)
			for i := range 50 {
				p := make([]byte, 1)
				called := false
				f.Read(p, func(n int, err error) {
					require.NoError(t, err)
					require.Equal(t, byte(i), p[0])
					called = true
				})
				timer := time.AfterFunc(time.Duration(i%5)*100*time.Microsecond, func() {
					w.Write([]byte{byte(i)})
				})
				within(t, time.Minute, func() {
					for !called {
						l.RunOnce()
					}
				})
				timer.Stop()
			}
		})
	}
}

// A full ring: what is in it does not end, and what does not fit waits, and may be
// cancelled there.
func TestOperationsBeyondTheRingWait(t *testing.T) {
	l := ringLoop(t)
	var pipes []*os.File
	told := 0
	for range netpoll.RingEntries {
		f, w := pipe(t, l)
		pipes = append(pipes, w)
		f.Read(make([]byte, 1), func(n int, err error) {
			require.NoError(t, err)
			told++
		})
	}
	f := newFileIn(t, l, "content")
	var waits, cancelled result
	f.ReadAt(make([]byte, 7), 0, waits.done)
	op := f.ReadAt(make([]byte, 7), 0, cancelled.done)
	settle(l)
	require.Equal(t, netpoll.RingEntries, l.InKernel())
	require.True(t, op.Cancel())
	settle(l)
	cancelled.is(t, 0, netpoll.ErrCancelled)
	require.Zero(t, waits.called)
	for _, w := range pipes {
		_, err := w.Write([]byte("x"))
		require.NoError(t, err)
	}
	require.NoError(t, l.Run())
	waits.is(t, 7, nil)
	require.Equal(t, netpoll.RingEntries, told)
	require.Zero(t, l.InKernel())
	closeFile(t, l, f)
}

// newFileIn is newFile without running the loop.
func newFileIn(t *testing.T, l *netpoll.Loop, content string) *netpoll.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o666))
	o, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	f, err := l.NewFile(o)
	require.NoError(t, err)
	return f
}

func TestOneSystemCallForTheOperationsOfAnIteration(t *testing.T) {
	l := ringLoop(t)
	f := newFile(t, l, "content")
	before := l.Stats().FileEnters
	for range 100 {
		f.ReadAt(make([]byte, 7), 0, func(n int, err error) { require.NoError(t, err) })
	}
	require.NoError(t, l.Run())
	require.Equal(t, before+1, l.Stats().FileEnters)
	closeFile(t, l, f)
}

// Close takes back the buffers of what would never end, and tells.
func TestCloseEndsWhatIsInTheKernel(t *testing.T) {
	rings := netpoll.OpenRings()
	before := descriptors(t)
	l, err := netpoll.NewLoop()
	require.NoError(t, err)
	closeFile(t, l, newFile(t, l, ""))
	if how := l.Stats().FileIO; how != "io_uring" {
		require.NoError(t, l.Close())
		t.Skip(how)
	}
	require.Equal(t, rings+1, netpoll.OpenRings())
	f, _ := pipe(t, l)
	var order []string
	note := func(s string, n int, want error) func(int, error) {
		return func(got int, err error) {
			require.ErrorIs(t, err, want)
			require.Equal(t, n, got)
			order = append(order, s)
		}
	}
	f.Read(make([]byte, 1), note("in the kernel", 0, netpoll.ErrClosed))
	f.Read(make([]byte, 1), note("behind it", 0, netpoll.ErrClosed))
	file := newFileIn(t, l, "content")
	settle(l)
	require.Equal(t, 1, l.InKernel())
	file.ReadAt(make([]byte, 1), 0, note("not begun", 0, netpoll.ErrClosed))
	file.ReadAt(make([]byte, 1), -1, func(_ int, err error) {
		require.ErrorContains(t, err, "negative offset")
		order = append(order, "ended before")
	})
	file.Close(func(err error) {
		require.NoError(t, err)
		order = append(order, "close")
	})
	require.NoError(t, l.Close())
	require.Equal(t, []string{"in the kernel", "behind it", "not begun", "ended before", "close"}, order)
	require.ErrorIs(t, file.OSFile().Close(), os.ErrClosed, "its Close was not dropped")
	require.Equal(t, rings, netpoll.OpenRings())
	f.Close(func(err error) { require.NoError(t, err) })
	require.ErrorIs(t, f.OSFile().Close(), os.ErrClosed)
	require.LessOrEqual(t, descriptors(t), before+1) // the writing end
}

func TestCloseTellsAllAlthoughOnePanics(t *testing.T) {
	l := ringLoop(t)
	f := newFileIn(t, l, "content")
	told := 0
	for range 3 {
		f.ReadAt(make([]byte, 1), 0, func(int, error) { told++; panic("done") })
	}
	require.PanicsWithValue(t, "done", func() { l.Close() })
	require.Equal(t, 3, told)
	f.Close(nil)
}

// A goroutine that hangs in a system call cannot be made to let go of the buffer.
// Close does not wait for ever, and says so.
func TestCloseGivesUpWaiting(t *testing.T) {
	l := newLoop(t, netpoll.WithoutUring())
	closeFile(t, l, newFile(t, l, ""))
	f, w := pipe(t, l)
	var hangs, behind result
	f.Read(make([]byte, 1), hangs.done)
	f.Read(make([]byte, 1), behind.done)
	require.Eventually(t, func() bool { return l.AtGoroutines() == 1 }, time.Minute, time.Millisecond)
	l.SetCloseWithin(20 * time.Millisecond)
	err := l.Close()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.ErrorContains(t, err, "1 file operations have not ended")
	require.Zero(t, hangs.called, "its buffer is in use")
	behind.is(t, 0, netpoll.ErrClosed)
	_, err = w.Write([]byte("x")) // the goroutine ends
	require.NoError(t, err)
}

// More operations hang than there are goroutines.
func TestOperationsBeyondTheGoroutinesWait(t *testing.T) {
	l := newLoop(t, netpoll.WithoutUring())
	closeFile(t, l, newFile(t, l, ""))
	before := runtime.NumGoroutine()
	var pipes []*os.File
	told := 0
	for range 2 * netpoll.MaxWorkers {
		f, w := pipe(t, l)
		pipes = append(pipes, w)
		f.Read(make([]byte, 1), func(n int, err error) {
			require.NoError(t, err)
			told++
		})
	}
	f := newFileIn(t, l, "content")
	var waits, cancelled result
	f.ReadAt(make([]byte, 7), 0, waits.done)
	op := f.ReadAt(make([]byte, 7), 0, cancelled.done)
	settle(l)
	require.LessOrEqual(t, runtime.NumGoroutine(), before+netpoll.MaxWorkers)
	require.True(t, op.Cancel())
	settle(l)
	cancelled.is(t, 0, netpoll.ErrCancelled)
	for _, w := range pipes {
		_, err := w.Write([]byte("x"))
		require.NoError(t, err)
	}
	require.NoError(t, l.Run())
	waits.is(t, 7, nil)
	require.Equal(t, 2*netpoll.MaxWorkers, told)
	closeFile(t, l, f)
}

// The loop passes from one goroutine to another, and the thread that submitted
// ends before its operations do.
func TestTheThreadThatSubmittedMayEnd(t *testing.T) {
	l := ringLoop(t)
	f, w := pipe(t, l)
	file := newFileIn(t, l, "")
	p := make([]byte, 5)
	big := make([]byte, 3*netpoll.FileChunk)
	var r, b result
	onAThreadThatEnds(t, func() {
		f.Read(p, r.done)
		file.WriteAt(big, 0, b.done)
		settle(l)
	})
	require.Equal(t, 0, r.called)
	_, err := w.WriteString("hello")
	require.NoError(t, err)
	within(t, time.Minute, func() { require.NoError(t, l.Run()) })
	r.is(t, 5, nil)
	require.Equal(t, "hello", string(p))
	b.is(t, len(big), nil)
	closeFile(t, l, file)
}

// onAThreadThatEnds returns when f has returned and its thread has ended.
func onAThreadThatEnds(t *testing.T, f func()) {
	t.Helper()
	thread := make(chan int)
	var run func()
	run = func() {
		runtime.LockOSThread()
		if syscall.Gettid() == os.Getpid() { // the first thread does not end
			defer runtime.UnlockOSThread()
			retried := make(chan bool)
			go func() { defer close(retried); run() }()
			<-retried
			return
		}
		f()
		thread <- syscall.Gettid()
	}
	go run()
	name := fmt.Sprintf("/proc/self/task/%d", <-thread)
	require.Eventually(t, func() bool {
		_, err := os.Stat(name)
		return errors.Is(err, os.ErrNotExist)
	}, time.Minute, time.Millisecond)
}

func TestWhatTheRingRefusesAGoroutineDoes(t *testing.T) {
	l := ringLoop(t)
	f := newFile(t, l, "content")
	for _, errno := range []syscall.Errno{syscall.ECANCELED, syscall.EINTR, syscall.EAGAIN, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EFAULT} {
		before := l.Stats().FileOffloads
		p := make([]byte, 8)
		var r, s, w result
		f.ReadAt(p, 2, r.done)
		f.Sync(s.told)
		f.Write([]byte("C"), w.done)
		l.RefuseQueued(errno)
		require.NoError(t, l.Run())
		r.is(t, 5, io.EOF)
		require.Equal(t, "ntent", string(p[:5]))
		s.is(t, 0, nil)
		w.is(t, 1, nil)
		require.Equal(t, before+3, l.Stats().FileOffloads, errno.Error())
		f.SeekTo(0, io.SeekStart, func(int64, error) {})
	}
	// Other errors are answers.
	before := l.Stats().FileOffloads
	var w result
	f.WriteAt([]byte("C"), 0, w.done)
	l.RefuseQueued(syscall.ENOSPC)
	require.NoError(t, l.Run())
	w.is(t, 0, syscall.ENOSPC)
	require.Equal(t, "write "+f.Name()+": "+syscall.ENOSPC.Error(), w.err.Error())
	require.Equal(t, before, l.Stats().FileOffloads)
	closeFile(t, l, f)
}

// Files that are not on a disk.
func TestFilesOfOtherKinds(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		for _, name := range []string{"/proc/self/status", "/proc/self/mem", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/limits"} {
			o, err := os.Open(name)
			if err != nil {
				continue
			}
			p, q := make([]byte, 4096), make([]byte, 4096)
			n, want := o.ReadAt(p, 0)
			f := openFile(t, l, name, os.O_RDONLY)
			var r result
			f.ReadAt(q, 0, r.done)
			require.NoError(t, l.Run())
			require.Equal(t, 1, r.called)
			if want == io.EOF {
				require.Equal(t, io.EOF, r.err, name)
			} else {
				require.ErrorIs(t, r.err, errors.Unwrap(want), name)
			}
			require.InDelta(t, n, r.n, 64, name) // the status of a process changes
			require.NoError(t, o.Close())
			closeFile(t, l, f)
		}
	})
}

// A file that was opened non-blocking.
func TestANonBlockingFile(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		name := filepath.Join(t.TempDir(), "f")
		f := openFile(t, l, name, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK)
		var w, r result
		f.WriteAt([]byte("hello"), 0, w.done)
		require.NoError(t, l.Run())
		w.is(t, 5, nil)
		f.ReadAt(make([]byte, 5), 0, r.done)
		require.NoError(t, l.Run())
		r.is(t, 5, nil)
		closeFile(t, l, f)
	})
}

func TestAFIFOIsNotOpened(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		l := newLoopWith()
		name := filepath.Join(t.TempDir(), "fifo")
		require.NoError(t, syscall.Mkfifo(name, 0o666))
		var got error
		l.OpenFile(name, os.O_RDONLY, 0, func(f *netpoll.File, err error) {
			require.Nil(t, f)
			got = err
		})
		within(t, time.Minute, func() { require.NoError(t, l.Run()) })
		require.ErrorIs(t, got, netpoll.ErrNotFile)
	})
}

func TestFilesLeaveNoDescriptors(t *testing.T) {
	overFileIO(t, func(t *testing.T, newLoopWith func(...netpoll.Option) *netpoll.Loop) {
		before, rings := descriptors(t), netpoll.OpenRings()
		for range 20 {
			l := newLoopWith()
			for range 10 {
				f := newFile(t, l, "content")
				f.ReadAt(make([]byte, 10), 0, func(n int, err error) { require.Equal(t, io.EOF, err) })
				f.Close(nil)
			}
			require.NoError(t, l.Run())
			require.NoError(t, l.Close())
		}
		require.LessOrEqual(t, descriptors(t), before) // those of earlier tests may be collected
		require.Equal(t, rings, netpoll.OpenRings())
	})
}

func TestWritesThatTheKernelWouldLeaveToAThread(t *testing.T) {
	l := ringLoop(t)
	f := newFile(t, l, "content")
	f.Punt()
	before := l.Stats()
	var w, r result
	f.WriteAt([]byte("C"), 0, w.done)
	require.NoError(t, l.Run())
	w.is(t, 1, nil)
	require.Equal(t, before.FileOffloads+1, l.Stats().FileOffloads)
	require.Equal(t, before.FileEnters, l.Stats().FileEnters)
	f.ReadAt(make([]byte, 7), 0, r.done)
	require.NoError(t, l.Run())
	r.is(t, 7, nil)
	require.Equal(t, before.FileEnters+1, l.Stats().FileEnters)
	closeFile(t, l, f)
}

// The kernel's cache is left out, which asks for aligned buffers and offsets.
func TestAFileWithoutBuffersInTheKernel(t *testing.T) {
	l := ringLoop(t)
	name := filepath.Join(t.TempDir(), "f")
	if o, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_DIRECT, 0o666); err != nil {
		t.Skip(err)
	} else {
		require.NoError(t, o.Close())
	}
	const block, blocks = 4096, 64
	f := openFile(t, l, name, os.O_RDWR|syscall.O_DIRECT)
	require.True(t, f.Direct())
	mem, err := syscall.Mmap(-1, 0, block*blocks, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	defer syscall.Munmap(mem)
	before := l.Stats().FileOffloads
	for round := range 2 {
		for i := range blocks {
			p := mem[i*block : (i+1)*block]
			p[0], p[block-1] = byte(i), byte(round)
			f.WriteAt(p, int64(i)*block, func(n int, err error) {
				require.NoError(t, err)
				clear(p)
				f.ReadAt(p, int64(i)*block, func(n int, err error) {
					require.NoError(t, err)
					require.Equal(t, []byte{byte(i), byte(round)}, []byte{p[0], p[block-1]})
				})
			})
		}
		require.NoError(t, l.Run())
	}
	require.Equal(t, before, l.Stats().FileOffloads, "the ring did all")
	var odd result
	f.ReadAt(mem[1:100], 1, odd.done)
	require.NoError(t, l.Run())
	require.Equal(t, 1, odd.called)
	if odd.err != nil { // some file systems do it all the same
		require.ErrorIs(t, odd.err, syscall.EINVAL)
	}
	closeFile(t, l, f)
}

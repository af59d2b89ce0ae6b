package uring_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/internal/uring"
)

// open returns a ring, or skips the test where there is none to be had.
func open(t *testing.T, entries int) *uring.Ring {
	t.Helper()
	r, err := uring.Open(entries)
	if err != nil {
		t.Skipf("no io_uring here: %v", err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// collect waits for n completions and returns their results by UserData.
func collect(t *testing.T, r *uring.Ring, n int) map[uint64]int32 {
	t.Helper()
	results := make(map[uint64]int32)
	for end := time.Now().Add(time.Minute); len(results) < n; {
		require.True(t, time.Now().Before(end), "%d of %d completions came", len(results), n)
		_, err := r.Submit()
		require.NoError(t, err)
		for c, ok := r.Completion(); ok; c, ok = r.Completion() {
			require.NotContains(t, results, c.UserData)
			results[c.UserData] = c.Result
		}
		if len(results) < n {
			r.Wait(10 * time.Millisecond)
		}
	}
	return results
}

// submit fails the test unless all requests are taken.
func submit(t *testing.T, r *uring.Ring) {
	t.Helper()
	_, err := r.Submit()
	require.NoError(t, err)
	require.Zero(t, r.Unsubmitted())
}

func request(t *testing.T, r *uring.Ring, userData uint64) *uring.Request {
	t.Helper()
	e := r.Request()
	require.NotNil(t, e)
	e.UserData = userData
	return e
}

func TestOneSystemCallForManyRequests(t *testing.T) {
	r := open(t, 8)
	require.Equal(t, 8, r.Requests())
	require.Equal(t, 16, r.Completions())
	for round := range uint64(100) { // both rings go round
		for i := range uint64(8) {
			request(t, r, round<<8|i).Nop()
		}
		require.Nil(t, r.Request(), "there is no room for a ninth")
		n, err := r.Submit()
		require.NoError(t, err)
		require.Equal(t, 8, n)
		require.Equal(t, round+1, r.Enters())
		results := collect(t, r, 8)
		for i := range uint64(8) {
			require.Contains(t, results, round<<8|i)
		}
	}
}

func TestSubmitWithoutRequestsMakesNoSystemCall(t *testing.T) {
	r := open(t, 8)
	n, err := r.Submit()
	require.NoError(t, err)
	require.Zero(t, n)
	require.Zero(t, r.Enters())
}

func TestCompletionsThatHaveNoRoomAreKept(t *testing.T) {
	r := open(t, 8)
	n := uint64(10 * r.Completions())
	for i := range n {
		if r.Unsubmitted() == r.Requests() {
			submit(t, r)
		}
		request(t, r, i).Nop()
	}
	require.Len(t, collect(t, r, int(n)), int(n))
	_, ok := r.Completion()
	require.False(t, ok)
}

func TestReadWriteFsync(t *testing.T) {
	r := open(t, 8)
	for _, op := range []uring.Op{uring.OpNop, uring.OpFsync, uring.OpCancel, uring.OpRead, uring.OpWrite} {
		require.True(t, r.Supports(op), "operation %d", op)
	}
	require.False(t, r.Supports(255))
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	fd := int(f.Fd())
	require.False(t, uring.Direct(fd))
	var pin runtime.Pinner
	defer pin.Unpin()
	out, in := []byte("hello, world"), make([]byte, 20)
	pin.Pin(&out[0])
	pin.Pin(&in[0])

	request(t, r, 1).Write(fd, out, 4096)
	require.Equal(t, int32(12), collect(t, r, 1)[1])
	request(t, r, 2).Fsync(fd)
	require.Equal(t, int32(0), collect(t, r, 1)[2])
	request(t, r, 3).Read(fd, in, 4096+7)
	require.Equal(t, int32(5), collect(t, r, 1)[3])
	require.Equal(t, "world", string(in[:5]))
	request(t, r, 4).Read(fd, in, 1<<40)
	require.Equal(t, int32(0), collect(t, r, 1)[4], "behind the end")

	// At the file's own position.
	request(t, r, 5).Write(fd, out, uring.CurrentPos)
	require.Equal(t, int32(12), collect(t, r, 1)[5])
	pos, err := f.Seek(0, 1)
	require.NoError(t, err)
	require.Equal(t, int64(12), pos)

	e := request(t, r, 6)
	e.Read(fd, in, 0)
	e.Flags = uring.Async
	require.Equal(t, int32(20), collect(t, r, 1)[6])
	require.Equal(t, "hello, world", string(in[:12]))

	request(t, r, 7).Read(-1, in, 0)
	require.Equal(t, -int32(syscall.EBADF), collect(t, r, 1)[7])
}

// A refused request stops a batch; Submit goes on behind it.
func TestARefusedRequestDoesNotHoldUpOthers(t *testing.T) {
	r := open(t, 8)
	for i := range uint64(8) {
		e := request(t, r, i)
		e.Nop()
		if i%2 == 0 {
			e.Flags = 1 << 7 // there is none
		}
	}
	submit(t, r)
	for i, result := range collect(t, r, 8) {
		if i%2 == 0 {
			require.Negative(t, result)
		} else {
			require.Zero(t, result)
		}
	}
}

func TestCancel(t *testing.T) {
	r := open(t, 8)
	pr, pw, err := os.Pipe()
	require.NoError(t, err)
	defer pr.Close()
	defer pw.Close()
	var fd int
	rc, err := pr.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(n uintptr) { fd = int(n) }))
	require.NoError(t, syscall.SetNonblock(fd, false))
	var pin runtime.Pinner
	defer pin.Unpin()
	p := make([]byte, 1)
	pin.Pin(&p[0])

	request(t, r, 1).Read(fd, p, uring.CurrentPos)
	submit(t, r)
	_, ok := r.Completion()
	require.False(t, ok, "the pipe is empty")
	request(t, r, 2).Cancel(1)
	results := collect(t, r, 2)
	require.Equal(t, -int32(syscall.ECANCELED), results[1])
	require.Equal(t, int32(0), results[2])

	request(t, r, 3).Cancel(1)
	require.Equal(t, -int32(syscall.ENOENT), collect(t, r, 1)[3])
}

func TestWaitEndsWithACompletionOrTheTime(t *testing.T) {
	r := open(t, 8)
	start := time.Now()
	r.Wait(5 * time.Millisecond)
	require.GreaterOrEqual(t, time.Since(start), time.Millisecond) // less only by a signal
	request(t, r, 1).Nop()
	submit(t, r)
	start = time.Now()
	r.Wait(time.Hour)
	require.Less(t, time.Since(start), time.Minute)
}

func TestOpenRefuses(t *testing.T) {
	_, err := uring.Open(0)
	var sys *os.SyscallError
	require.ErrorAs(t, err, &sys)
	require.Equal(t, "io_uring_setup", sys.Syscall)
}

// Where a sandbox forbids io_uring, Open says so. The filter holds for one thread,
// which ends with its goroutine.
func TestOpenInASandbox(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
		result := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlock it
			if err := forbid(unix.SYS_IO_URING_SETUP, errno); err != nil {
				result <- errors.Join(errSandbox, err)
				return
			}
			_, err := uring.Open(8)
			result <- err
		}()
		err := <-result
		if errors.Is(err, errSandbox) {
			t.Skip(err)
		}
		require.ErrorIs(t, err, errno)
		require.ErrorContains(t, err, "io_uring_setup")
	}
}

var errSandbox = errors.New("no seccomp here")

// forbid makes a system call fail in the thread.
func forbid(call uint32, errno syscall.Errno) error {
	const retErrno, retAllow = 0x00050000, 0x7fff0000
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: retErrno | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: retAllow},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

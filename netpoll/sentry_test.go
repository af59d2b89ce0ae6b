//go:build linux

package netpoll_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

// parkedWithDescriptor returns a loop that has a reader, and expects to be woken
// by posts, so that it sleeps parked.
func parkedWithDescriptor(t *testing.T, read func(fd int)) (l *netpoll.Loop, peer int) {
	l = newLoop(t)
	a, b := socketpair(t)
	t.Cleanup(func() { syscall.Close(a); syscall.Close(b) })
	require.NoError(t, l.AddReader(a, func() { read(a) }))
	back := make(chan bool)
	go func() {
		for range back {
			time.Sleep(50 * time.Microsecond)
			l.Post(func() { l.Unref() })
		}
	}()
	for l.Stats().Parks < 5 {
		l.Ref()
		back <- true
		require.True(t, l.RunOnce())
	}
	close(back)
	return l, b
}

func TestALoopThatExpectsPostsParksWithItsDescriptors(t *testing.T) {
	t.Run("and wakes when one becomes ready", func(t *testing.T) {
		got := 0
		var stop func()
		l, peer := parkedWithDescriptor(t, func(fd int) {
			n, _ := syscall.Read(fd, make([]byte, 8))
			if got += n; got == 3 {
				stop()
			}
		})
		stop = l.Stop
		go func() {
			for range 3 {
				time.Sleep(3 * time.Millisecond)
				syscall.Write(peer, []byte{1})
			}
		}()
		parks := l.Stats().Parks
		within(t, time.Minute, func() { l.Run() })
		require.Equal(t, 3, got)
		require.Greater(t, l.Stats().Parks, parks)
	})
	t.Run("and sleeps in the poller again when descriptors wake it", func(t *testing.T) {
		got := 0
		l, peer := parkedWithDescriptor(t, func(fd int) {
			n, _ := syscall.Read(fd, make([]byte, 8))
			got += n
		})
		var parks, waits uint64
		for i := range 40 {
			if i == 20 {
				parks, waits = l.Stats().Parks, l.Stats().Waits
			}
			go func() {
				time.Sleep(time.Millisecond)
				syscall.Write(peer, []byte{1})
			}()
			for want := got + 1; got < want; {
				require.True(t, l.RunOnce())
			}
		}
		require.Equal(t, parks, l.Stats().Parks)
		require.Greater(t, l.Stats().Waits, waits)
	})
	t.Run("and its timers are exact", func(t *testing.T) {
		l, _ := parkedWithDescriptor(t, func(int) {})
		best := time.Hour
		for range 10 {
			due := l.Deadline(5 * time.Millisecond)
			fired := false
			l.CallAt(due, func() { fired = true })
			for !fired {
				require.True(t, l.RunOnce())
			}
			require.GreaterOrEqual(t, l.Time(), due)
			best = min(best, l.Time()-due)
		}
		require.Less(t, best, 900*time.Microsecond)
	})
	t.Run("and can be closed, and nothing is left", func(t *testing.T) {
		fds := openFiles(t)
		for range 20 {
			l, _ := parkedWithDescriptor(t, func(int) {})
			require.NoError(t, l.Close())
		}
		require.LessOrEqual(t, openFiles(t), fds+2*20, "the pairs are closed by the end of the test")
	})
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// Posts, descriptors and timers come in random order and at random distances, so
// that the loop goes to sleep again and again, in either way, while one of them is
// on its way.
func TestNoWakeUpIsLostInEitherKindOfSleep(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	l := newLoop(t)
	a, b := socketpair(t)
	defer syscall.Close(a)
	defer syscall.Close(b)
	linger := func(r *rand.Rand) {
		switch d := time.Duration(r.IntN(30_000)); r.IntN(3) {
		case 0:
			time.Sleep(d)
		case 1:
			for start := time.Now(); time.Since(start) < d; {
				runtime.Gosched()
			}
		}
	}
	var wg sync.WaitGroup
	var reads, posts, timers, active int
	over := func() {
		if active--; active == 0 {
			l.Stop()
		}
	}
	// Each answer of the loop makes the other side send once more.
	answer := func(seed uint64, send func()) (again func(n int)) {
		active++
		turn := make(chan bool, 1)
		turn <- true
		r := rand.New(rand.NewPCG(1, seed))
		wg.Go(func() {
			for range turn {
				linger(r)
				send()
			}
		})
		return func(n int) {
			if n < rounds {
				turn <- true
				return
			}
			close(turn)
			over()
		}
	}
	for seed := range uint64(2) {
		var again func(int)
		n := 0
		f := func() { n++; posts++; again(n) }
		again = answer(seed, func() { l.Post(f) })
	}
	again := answer(2, func() { syscall.Write(b, []byte{1}) })
	require.NoError(t, l.AddReader(a, func() {
		syscall.Read(a, make([]byte, 1))
		reads++
		again(reads)
	}))
	rng := rand.New(rand.NewPCG(1, 3))
	var tick func()
	tick = func() {
		timers++
		d := 5 * time.Millisecond
		if rng.IntN(2) == 0 {
			d = time.Duration(rng.IntN(100_000))
		}
		l.CallLater(d, tick)
	}
	tick()
	within(t, time.Minute, func() { l.Run() })
	wg.Wait()
	require.Equal(t, rounds, reads)
	require.Equal(t, 2*rounds, posts)
	s := l.Stats()
	require.Positive(t, s.Parks)
	require.Greater(t, s.Waits, s.Parks)
	t.Logf("%d sleeps, %d of them parked, %d ended by a post; %d timers", s.Waits, s.Parks, s.Wakeups, timers)
}

// What is posted before the loop has lain down is seen, and it does not wait.
func TestALoopDoesNotLieDownOnAPost(t *testing.T) {
	l := newLoop(t)
	require.True(t, l.LiesDown())
	require.NoError(t, l.Post(func() {}))
	require.False(t, l.LiesDown())
}

func TestAVirtualClockDoesNotJumpPastWhatTheSentryHasYetToSee(t *testing.T) {
	for range 100 {
		l, _ := newVirtual(t)
		a, b := socketpair(t)
		got := 0
		require.NoError(t, l.AddReader(a, func() {
			syscall.Read(a, make([]byte, 1))
			got++
			l.RemoveReader(a)
		}))
		l.Ref()
		before := -1
		l.CallLater(time.Hour, func() { before = got })
		go func() {
			time.Sleep(200 * time.Microsecond)
			syscall.Write(b, []byte("x"))
			l.Post(l.Unref)
		}()
		require.NoError(t, l.Run())
		require.Equal(t, 1, before)
		syscall.Close(a)
		syscall.Close(b)
	}
}

func TestAChildInheritsNoDescriptorOfALoop(t *testing.T) {
	l, _ := parkedWithDescriptor(t, func(int) {})
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("some text"), 0o600))
	file, err := os.Open(name)
	require.NoError(t, err)
	f, err := l.NewFile(file)
	require.NoError(t, err)
	f.Read(make([]byte, 9), func(int, error) { f.Close(func(error) { l.Stop() }) })
	require.NoError(t, l.Run())
	s, err := netpoll.NewSelector()
	require.NoError(t, err)
	defer s.Close()
	out, err := exec.Command("/bin/ls", "-l", "/proc/self/fd").Output()
	require.NoError(t, err)
	require.NotContains(t, string(out), "anon_inode")
}

//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

// A selectorWorld is descriptors that come and go at random, the selector that
// watches them, and a model of it: what each number should be registered as. What
// is ready is asked of poll(2).
type selectorWorld struct {
	t    testing.TB
	s    *netpoll.Selector
	next func(n int) int // a choice of n
	most int             // descriptors

	keys   map[int]netpoll.Key // the model
	open   []int               // numbers that are open
	closed []int               // numbers that were closed while registered
	dups   []int               // duplicates of what was closed, which stay open
	serial int
	polled []unix.PollFd
}

func newSelectorWorld(t testing.TB, s *netpoll.Selector, most int, next func(n int) int) *selectorWorld {
	return &selectorWorld{t: t, s: s, next: next, most: most, keys: make(map[int]netpoll.Key)}
}

// end closes everything.
func (w *selectorWorld) end() {
	w.s.Close()
	for _, fd := range append(w.open, w.dups...) {
		syscall.Close(fd)
	}
}

// pick chooses an open descriptor, -1 if there is none.
func (w *selectorWorld) pick() (index, fd int) {
	if len(w.open) == 0 {
		return 0, -1
	}
	index = w.next(len(w.open))
	return index, w.open[index]
}

func (w *selectorWorld) events() netpoll.Events {
	return [...]netpoll.Events{netpoll.Read, netpoll.Write, netpoll.Read | netpoll.Write}[w.next(3)]
}

// step does one thing.
func (w *selectorWorld) step() {
	i, fd := w.pick()
	switch what := w.next(16); {
	case what < 3 || fd < 0:
		w.make()
	case what < 6:
		w.register(fd)
	case what < 8:
		w.modify(fd)
	case what < 9:
		w.unregister(fd)
	case what < 11: // on the peer's or on this side, it does not matter
		syscall.Write(fd, make([]byte, 1<<w.next(18)))
	case what < 12:
		syscall.Read(fd, make([]byte, 1<<w.next(18)))
	case what < 13:
		syscall.Shutdown(fd, w.next(3))
	case what < 14:
		w.unregister(fd)
		w.close(i, fd)
	default:
		w.close(i, fd)
	}
}

// make opens two descriptors, of which the numbers may have been in use before.
func (w *selectorWorld) make() {
	if len(w.open)+len(w.dups)+2 > w.most {
		for _, fd := range w.dups {
			require.NoError(w.t, syscall.Close(fd))
		}
		w.dups = w.dups[:0]
		for range 2 {
			if i, fd := w.pick(); fd >= 0 {
				w.close(i, fd)
			}
		}
		return
	}
	a, b := socketpair(w.t)
	w.open = append(w.open, a, b)
}

func (w *selectorWorld) register(fd int) {
	w.serial++
	e := w.events()
	got, err := w.s.Register(fd, e, w.serial)
	if _, ok := w.keys[fd]; ok {
		require.ErrorIs(w.t, err, netpoll.ErrRegistered)
		return
	}
	if errors.Is(err, netpoll.ErrFdTooLarge) {
		require.Equal(w.t, "select", w.s.Name())
		require.GreaterOrEqual(w.t, fd, netpoll.FdSetSize)
		return
	}
	require.NoError(w.t, err)
	w.keys[fd] = netpoll.Key{Fd: fd, Events: e, Data: w.serial}
	require.Equal(w.t, w.keys[fd], got)
}

func (w *selectorWorld) modify(fd int) {
	w.tidy() // what becomes of a key of a number that is used again depends on the kernel
	w.serial++
	e := w.events()
	got, err := w.s.Modify(fd, e, w.serial)
	if _, ok := w.keys[fd]; !ok {
		require.ErrorIs(w.t, err, netpoll.ErrNotRegistered)
		return
	}
	require.NoError(w.t, err)
	w.keys[fd] = netpoll.Key{Fd: fd, Events: e, Data: w.serial}
	require.Equal(w.t, w.keys[fd], got)
}

func (w *selectorWorld) unregister(fd int) {
	got, err := w.s.Unregister(fd)
	want, ok := w.keys[fd]
	if !ok {
		require.ErrorIs(w.t, err, netpoll.ErrNotRegistered)
		return
	}
	require.NoError(w.t, err)
	require.Equal(w.t, want, got)
	delete(w.keys, fd)
}

// close closes a descriptor, whether it is registered or not, and may keep its
// file open by a duplicate.
func (w *selectorWorld) close(i, fd int) {
	if w.next(2) == 0 && len(w.dups) < w.most/4 {
		// Out of the way, so that the number is free for others.
		if dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, w.most+100); err == nil {
			w.dups = append(w.dups, dup)
		}
	}
	require.NoError(w.t, syscall.Close(fd))
	w.open[i] = w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	if _, ok := w.keys[fd]; ok {
		w.closed = append(w.closed, fd)
	}
}

// tidy unregisters what was closed too early, and whatever has its number.
func (w *selectorWorld) tidy() {
	for _, fd := range w.closed {
		if _, ok := w.keys[fd]; ok {
			w.unregister(fd)
		}
	}
	w.closed = w.closed[:0]
}

// check compares the selector with the model, and what it finds with the truth.
func (w *selectorWorld) check() {
	w.tidy()
	require.Equal(w.t, len(w.keys), w.s.Len())
	last := -1
	for key := range w.s.Keys() {
		if key.Fd <= last || key != w.keys[key.Fd] {
			require.FailNow(w.t, "wrong key", "%v after %d, not %v", key, last, w.keys[key.Fd])
		}
		last = key.Fd
	}

	want := w.truth()
	ready, err := w.s.Select(0)
	require.NoError(w.t, err)
	for _, r := range ready {
		if r.Key != w.keys[r.Fd] || r.Ready != want[r.Fd] {
			require.FailNow(w.t, "wrong event", "%v, not %v of %v", r, want[r.Fd], w.keys[r.Fd])
		}
		delete(want, r.Fd)
	}
	require.Empty(w.t, want, "not reported")
}

// truth is what poll says of the keys of the model.
func (w *selectorWorld) truth() map[int]netpoll.Events {
	w.polled = w.polled[:0]
	for fd, key := range w.keys {
		p := unix.PollFd{Fd: int32(fd)}
		if key.Events.Has(netpoll.Read) {
			p.Events |= unix.POLLIN
		}
		if key.Events.Has(netpoll.Write) {
			p.Events |= unix.POLLOUT
		}
		w.polled = append(w.polled, p)
	}
	_, err := netpoll.SysPoll(w.polled, 0)
	require.NoError(w.t, err)
	ready := make(map[int]netpoll.Events)
	for _, p := range w.polled {
		var e netpoll.Events
		if p.Revents&(unix.POLLIN|unix.POLLHUP|unix.POLLERR) != 0 {
			e |= netpoll.Read
		}
		hangUp := int16(unix.POLLHUP)
		if w.s.Name() == "select" {
			hangUp = 0 // is readable to it, and not writable
		}
		if p.Revents&(unix.POLLOUT|hangUp|unix.POLLERR) != 0 {
			e |= netpoll.Write
		}
		if p.Revents&unix.POLLNVAL != 0 {
			require.FailNow(w.t, "the model watches what is closed", "descriptor %d", p.Fd)
		}
		if e &= w.keys[int(p.Fd)].Events; e != 0 {
			ready[int(p.Fd)] = e
		}
	}
	return ready
}

// Thousands of descriptors that come and go, are written, read, shut down and
// closed at random, with duplicates and without, before they are unregistered and
// after: what is ready is found, and nothing else is.
func TestSelectorsAgainstAModel(t *testing.T) {
	for _, size := range []struct{ most, seeds, steps, every int }{
		{20, 20, 400, 3},
		{800, 2, 4000, 100},
		{10_000, 1, 20_000, 2500},
	} {
		t.Run(fmt.Sprint(size.most, " descriptors"), func(t *testing.T) {
			needFds(t, uint64(size.most*5/4+300))
			overMakers(t, func(t *testing.T, newSelector func() *netpoll.Selector) {
				for seed := range uint64(size.seeds) {
					playSelector(t, newSelector(), seed, size.most, size.steps, size.every)
				}
			})
		})
	}
}

// playSelector takes random steps in a world that is nearly full at first, and
// checks it every so many of them.
func playSelector(t *testing.T, s *netpoll.Selector, seed uint64, most, steps, every int) {
	rng := rand.New(rand.NewPCG(seed, uint64(most)))
	w := newSelectorWorld(t, s, most, rng.IntN)
	defer w.end()
	for len(w.open) < most*8/10 {
		w.make()
		for _, fd := range w.open[len(w.open)-2:] {
			if rng.IntN(4) > 0 {
				w.register(fd)
			}
		}
	}
	for i := range steps {
		w.step()
		if i%every == 0 {
			w.check()
		}
	}
	w.check()
}

// FuzzSelectors lets the fuzzer make the choices.
func FuzzSelectors(f *testing.F) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		choices := make([]byte, 600)
		for i := range choices {
			choices[i] = byte(rng.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		for _, k := range kinds {
			s, err := k.make()
			if errors.Is(err, errors.ErrUnsupported) {
				continue
			}
			require.NoError(t, err, k.name)
			followChoices(t, s, choices)
		}
	})
}

// followChoices takes one step after the other for as long as there are choices.
func followChoices(t *testing.T, s *netpoll.Selector, choices []byte) {
	w := newSelectorWorld(t, s, 24, func(n int) int {
		if len(choices) == 0 {
			return 0
		}
		c := int(choices[0]) % n
		choices = choices[1:]
		return c
	})
	defer w.end()
	for len(choices) > 0 {
		w.step()
		if len(choices)%4 == 0 {
			w.check()
		}
	}
	w.check()
}

//go:build linux

package netpoll_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

// A world is a loop, real files that are registered with it, and a model of what
// the kernel and the loop should know of them. Operations of all kinds change
// both, rightly and wrongly, also from callbacks and from [netpoll.Waker]s, and
// after each turn of the loop they are compared. What is really ready is asked of
// poll(2).
//
// The model of the kernel is the rule of epoll: a registration is of a file and a
// number, and lives until it is removed under that number or the last descriptor
// of the file is closed. If the number is closed while the file lives on, nobody
// can remove it until the number stands for that file again.
type world struct {
	t      testing.TB
	l      *netpoll.Loop
	clock  *netpoll.VirtualClock // nil for the real one
	pick   func(n int) int       // makes a choice, at least 0 and less than n
	over   func() bool           // reports that the choices are used up
	most   int                   // files at a time
	round  int                   // turns of the loop
	during string                // "", or what runs: "turn" or "entry"
	depth  int                   // operations that run
	meddle bool                  // an operation ran during the turn

	files []*file
	at    map[int]*file // what a number stands for
	keys  int           // registrations in the kernel

	table map[int]*registration // what a number is registered as
	regs  []*registration       // the same, for picking
	old   []*netpoll.Desc       // released

	waiting   int // sides of Descs that are waited for
	callbacks int
	queued    int // waiters that are woken and have not run
	posted    int // functions that were posted and have not run
}

// A file is an open file: what epoll registers under a number.
type file struct {
	kind  fileKind
	fds   []int                 // its descriptors
	keys  map[int]*registration // its registrations in the kernel by number; nil: nobody's
	truth int16                 // of poll(2), when the last turn began
}

// A registration is a number in the loop's table: a Desc, or one or two callbacks.
type registration struct {
	fd    int
	index int           // in world.regs
	owned bool          // it is a Desc
	desc  *netpoll.Desc // nil until Open has returned
	file  *file         // that was registered last
	files []*file       // that the kernel reports to it
	since int           // round
	sides [2]*wait
	may   [2]bool // a side was ready when the last turn began
	must  [2]bool // and it has to be noticed

	confused bool // drained by a number that stood for another file
}

// A wait is the waiter of a side of a Desc, or the callback of a side.
type wait struct {
	w     *world
	reg   *registration
	side  netpoll.Side
	since int  // the round in which it was made
	over  bool // a waiter: it is woken; a callback: it is removed
	ran   int  // the round in which it ran last
	late  int  // turns that did not notice it
	lost  bool // forgotten: it must not be woken
	free  bool // its Desc was orphaned, which wakes it without an event
}

func newWorld(t testing.TB, virtual bool, most int, pick func(n int) int, over func() bool) *world {
	w := &world{t: t, pick: pick, over: over, most: most, at: map[int]*file{}, table: map[int]*registration{}}
	opts := []netpoll.Option{netpoll.WithBudget(1 << 30)} // an iteration is one turn
	if virtual {
		w.clock = netpoll.NewVirtualClock()
		opts = append(opts, netpoll.WithClock(w.clock))
	}
	l, err := netpoll.NewLoop(opts...)
	require.NoError(t, err)
	w.l = l
	t.Cleanup(func() { // if the test failed
		l.Close()
		for fd := range w.at {
			unix.Close(fd)
		}
	})
	return w
}

// coin is a choice of two.
func (w *world) coin() bool { return w.pick(2) == 0 }

func (w *world) noError(err error) {
	if err != nil {
		require.NoError(w.t, err)
	}
}

// check fails the test unless ok. It is much faster than require's functions when
// nothing is wrong.
func (w *world) check(ok bool, format string, args ...any) {
	if !ok {
		w.t.Helper()
		require.Fail(w.t, fmt.Sprintf("round %d: ", w.round)+fmt.Sprintf(format, args...))
	}
}

// bound notes that f stands at the number fd.
func (w *world) bound(f *file, fd int) {
	w.at[fd] = f
	f.fds = append(f.fds, fd)
}

// unbound notes that the number fd was closed.
func (w *world) unbound(fd int) {
	f := w.at[fd]
	delete(w.at, fd)
	f.fds = slices.DeleteFunc(f.fds, func(n int) bool { return n == fd })
	if len(f.fds) > 0 {
		return
	}
	for n := range f.keys {
		w.unkey(f, n)
	}
	w.files = slices.DeleteFunc(w.files, func(g *file) bool { return g == f })
}

// key notes that the kernel reports f to r under the number fd; r is nil for
// nobody.
func (w *world) key(f *file, fd int, r *registration) {
	w.unkey(f, fd)
	f.keys[fd] = r
	w.keys++
	if r != nil {
		r.files = append(r.files, f)
		r.file = f
	}
}

// unkey notes that the kernel forgot the registration, if it was there.
func (w *world) unkey(f *file, fd int) {
	if r, ok := f.keys[fd]; ok {
		delete(f.keys, fd)
		w.keys--
		w.deaf(r, f)
	}
}

// deaf notes that f is not reported to r any more.
func (w *world) deaf(r *registration, f *file) {
	if r != nil {
		r.files = slices.DeleteFunc(r.files, func(g *file) bool { return g == f })
	}
}

// keyed reports whether the kernel has a registration of what fd stands for.
func (w *world) keyed(fd int) bool {
	f := w.at[fd]
	if f == nil {
		return false
	}
	_, ok := f.keys[fd]
	return ok
}

// enter puts r into the table.
func (w *world) enter(r *registration) {
	r.since = w.round
	r.index = len(w.regs)
	w.regs = append(w.regs, r)
	w.table[r.fd] = r
}

// retire takes r out of the table. What the kernel still has is nobody's.
func (w *world) retire(r *registration) {
	for _, f := range slices.Clone(r.files) {
		w.key(f, r.fd, nil)
	}
	delete(w.table, r.fd)
	last := w.regs[len(w.regs)-1]
	w.regs[r.index], last.index = last, r.index
	w.regs = w.regs[:len(w.regs)-1]
	if r.desc != nil {
		w.old = append(w.old, r.desc)
	}
}

// sync notes which waiters of r have been woken.
func (w *world) sync(r *registration) {
	for s, x := range r.sides {
		if r.desc != nil && x != nil && r.desc.Waiter(netpoll.Side(s)) == nil {
			x.woken()
		}
	}
}

// drop notes that the waiter of a side was dropped.
func (w *world) drop(r *registration, s netpoll.Side) {
	if x := r.sides[s]; x != nil {
		x.lost = true
		r.sides[s] = nil
		w.waiting--
	}
}

// woken notes that a waiter was woken, and checks that it had cause.
func (x *wait) woken() {
	w, r := x.w, x.reg
	w.check(!x.over, "woken twice")
	w.check(!x.lost, "%v of %d woken though it was dropped", x.side, r.fd)
	x.over = true
	r.sides[x.side] = nil
	w.waiting--
	w.queued++
	if !x.free {
		w.check(x.since < w.round, "%v of %d woken by what came before it waited", x.side, r.fd)
		w.cause(x)
	}
}

// cause checks that the side was ready when the turn began. What goes through the
// network may have come later.
func (w *world) cause(x *wait) {
	r := x.reg
	if r.may[x.side] {
		return
	}
	for _, f := range r.files {
		if f.kind.network() && (w.meddle || may(w.ask(f), r.owned)[x.side]) {
			return
		}
	}
	w.check(false, "%v of %d (%v) woken without cause", x.side, r.fd, r.file.kind)
}

// RunReady is a waiter's turn.
func (x *wait) RunReady() {
	if !x.over {
		x.woken()
	}
	x.w.check(x.ran == 0, "a waiter ran twice")
	x.ran = x.w.round
	x.w.queued--
	x.w.act()
}

// A wakerWait is a waiter that is told in the midst of the turn.
type wakerWait struct{ wait }

func (x *wakerWait) Wake() {
	w := x.w
	x.woken()
	if w.during == "turn" {
		w.meddle = true
		w.l.CallSoon(func() {}) // the turn must not poll again
	}
	w.act()
	if w.coin() {
		w.l.Enqueue(x)
		return
	}
	x.ran = w.round
	w.queued--
}

// called is a callback's call.
func (x *wait) called() {
	w := x.w
	w.check(!x.over, "the %v callback of %d is called though it was removed", x.side, x.reg.fd)
	// A Waker may set a callback before the turn reports the poll's event.
	w.check(x.since < w.round || x.reg.since < w.round, "the %v callback of %d is called for what came before it", x.side, x.reg.fd)
	w.check(x.ran < w.round, "a callback is called twice in a turn")
	x.ran = w.round
	w.cause(x)
	w.act()
}

// ask asks poll(2) about one file.
func (w *world) ask(f *file) int16 {
	p := []unix.PollFd{{Fd: int32(f.fds[0]), Events: asked}}
	_, err := unix.Poll(p, 0)
	w.noError(err)
	return p[0].Revents
}

const asked = unix.POLLIN | unix.POLLOUT | unix.POLLPRI | unix.POLLRDHUP

// may says which sides an event concerns: of a Desc, or of one that has callbacks.
func may(truth int16, desc bool) [2]bool {
	both := truth&(unix.POLLHUP|unix.POLLERR) != 0
	special := desc && truth&(unix.POLLPRI|unix.POLLRDHUP) != 0
	return [2]bool{
		netpoll.ReadSide:  both || special || truth&unix.POLLIN != 0,
		netpoll.WriteSide: both || truth&unix.POLLOUT != 0,
	}
}

// must says which sides of a file cannot have been drained. Urgent data stay
// pending when all else has been read.
func must(truth int16) [2]bool { return may(truth, false) }

// look asks poll(2) about all files.
func (w *world) look() {
	polls := make([]unix.PollFd, len(w.files))
	for i, f := range w.files {
		polls[i] = unix.PollFd{Fd: int32(f.fds[0]), Events: asked}
	}
	if len(polls) > 0 {
		_, err := unix.Poll(polls, 0)
		w.noError(err)
	}
	for i, f := range w.files {
		f.truth = polls[i].Revents
	}
	for _, r := range w.regs {
		r.may, r.must = [2]bool{}, [2]bool{}
		for _, f := range r.files {
			m := may(f.truth, r.owned)
			r.may[0], r.may[1] = r.may[0] || m[0], r.may[1] || m[1]
			if f == r.file && !r.confused {
				r.must = must(f.truth)
			}
		}
	}
}

// turn is one turn of the loop, and the entries that it made ready.
func (w *world) turn() {
	w.look()
	due := false
	for _, r := range w.regs {
		for s, x := range r.sides {
			due = due || x != nil && r.must[s]
		}
	}
	var stop *netpoll.Handle
	if due {
		// The turn must end by itself.
		stop = w.l.CallLater(time.Minute, func() { w.check(false, "nobody was woken") })
	} else {
		w.l.CallSoon(func() {})
	}
	w.round++
	polls := w.l.Stats().Polls
	w.during, w.meddle = "turn", false
	w.l.Turn()
	w.during = "entry"
	for _, r := range slices.Clone(w.regs) {
		w.sync(r)
	}
	polled := w.l.Stats().Polls > polls
	// If there are more events than a poll takes, they get their turn with the next
	// ones.
	patience := 0
	if w.keys >= 128 {
		patience = 5 + w.keys/1024
	}
	regs := slices.Clone(w.regs)
	for _, r := range regs {
		for s, x := range r.sides {
			if r.owned && x != nil {
				x.notice(polled, r.must[s], patience)
			}
		}
	}
	expected := slices.DeleteFunc(regs, func(r *registration) bool { return r.owned })
	var callbacks []*wait
	for _, r := range expected {
		for s, x := range r.sides {
			if x != nil && x.since < w.round && r.since < w.round && r.must[s] {
				callbacks = append(callbacks, x)
			}
		}
	}
	for e := w.l.Next(); e != nil; e = w.l.Next() {
		e.RunReady()
	}
	for _, x := range callbacks {
		if !x.over {
			x.notice(polled && x.ran < w.round, true, patience)
			if x.ran == w.round {
				x.late = 0
			}
		}
	}
	if stop != nil {
		stop.Cancel()
	}
	w.during = ""
	w.compare()
}

// notice checks that what is ready does not go unnoticed for long.
func (x *wait) notice(polled, ready bool, patience int) {
	w := x.w
	switch {
	case !ready || x.since == w.round:
		x.late = 0
	case polled:
		x.late++
		w.check(x.late <= patience, "%v of %d (%v, %#x) is not woken", x.side, x.reg.fd, x.reg.file.kind, x.reg.file.truth)
	}
}

// compare compares the loop's counts with the model's.
func (w *world) compare() {
	s := w.l.Stats()
	descs := 0
	for _, r := range w.regs {
		if r.owned {
			descs++
		}
	}
	w.check(s.Descs == descs, "%d Descs, should be %d", s.Descs, descs)
	w.check(s.Waiting == w.waiting, "%d wait, should be %d", s.Waiting, w.waiting)
	w.check(s.Watchers == w.callbacks, "%d callbacks, should be %d", s.Watchers, w.callbacks)
	w.check(s.Stale <= s.Events, "%d of %d events stale", s.Stale, s.Events)
}

// end takes everything back, rightly, and checks that nothing is left.
func (w *world) end() {
	w.during, w.over = "", func() bool { return true }
	for len(w.regs) > 0 {
		r := w.regs[len(w.regs)-1]
		if r.owned {
			w.release(r)
			continue
		}
		for s := range r.sides {
			if r.sides[s] != nil {
				w.removeCallback(r, netpoll.Side(s))
			}
		}
	}
	for fd := range w.at {
		w.close(fd)
	}
	for range 5 {
		w.turn()
	}
	for w.l.Stats().Timers > 0 || w.l.Stats().Ready > 0 {
		w.l.RunOnce()
	}
	w.check(w.queued == 0, "%d waiters were woken and did not run", w.queued)
	w.check(w.posted == 0, "%d posted functions did not run", w.posted)
	w.check(w.keys == 0 && len(w.files) == 0, "the model is wrong")
	w.noError(w.l.CheckSources())
	s := w.l.Stats()
	require.Equal(w.t, netpoll.Stats{}, netpoll.Stats{Descs: s.Descs, Waiting: s.Waiting, Watchers: s.Watchers, Timers: s.Timers, Ready: s.Ready, Refs: s.Refs})
	w.noError(w.l.Close())
}

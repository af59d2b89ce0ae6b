//go:build linux

package netpoll_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/baton-go/baton/netpoll"
)

type fileKind int

const (
	unixStream fileKind = iota
	pipeEnd
	eventFD
	tcpStream
	listener
	udpSocket
	regular // which epoll refuses
)

func (k fileKind) String() string {
	return [...]string{"unix", "pipe", "eventfd", "tcp", "listener", "udp", "file"}[k]
}

// network reports that what is written arrives when the kernel finds the time.
func (k fileKind) network() bool { return k == tcpStream || k == listener || k == udpSocket }

// stream reports that a short transfer means that there is no more.
func (k fileKind) stream() bool { return k == unixStream || k == tcpStream || k == pipeEnd }

// act runs some operations in an entry or a Waker.
func (w *world) act() {
	if w.depth > 2 || w.over() {
		return
	}
	for range w.pick(3) {
		w.operate()
	}
}

// operate runs one operation.
func (w *world) operate() {
	w.depth++
	defer func() { w.depth-- }()
	switch w.pick(32) {
	case 0, 1:
		w.create()
	case 2, 3, 4:
		if f := w.anyFile(); f != nil {
			w.open(w.number(f))
		}
	case 5, 6, 7:
		if f := w.anyFile(); f != nil {
			w.addCallback(w.number(f), netpoll.Side(w.pick(2)))
		}
	case 8, 9, 10, 11, 12:
		w.wait()
	case 13:
		if r := w.anyDesc(); r != nil {
			s := netpoll.Side(w.pick(2))
			w.sync(r)
			w.drop(r, s)
			r.desc.Forget(s)
		}
	case 14, 15:
		if r := w.anyDesc(); r != nil {
			w.release(r)
			if w.coin() && w.at[r.fd] != nil {
				w.close(r.fd)
			}
		}
	case 16, 17:
		if r := w.anyReg(); r != nil && !r.owned {
			w.removeCallback(r, netpoll.Side(w.pick(2)))
		}
	case 18:
		if f := w.anyFile(); f != nil {
			w.close(w.number(f)) // also if it is watched
		}
	case 19:
		if f := w.anyFile(); f != nil && len(f.fds) < 4 {
			w.duplicate(f)
		}
	case 20:
		if f, g := w.anyFile(), w.anyFile(); f != nil && len(f.fds) < 4 {
			w.replace(f, w.number(g))
		}
	case 21, 22, 23:
		if f := w.anyFile(); f != nil {
			w.write(f)
		}
	case 24:
		if f := w.anyFile(); f != nil {
			for range 1 + w.pick(20) {
				if _, err := w.read(f, 8192); err != nil {
					break
				}
			}
		}
	case 25:
		// Of a UDP socket that is shut down, poll(2) says that there is something to
		// read, and recv that there is not.
		if f := w.anyFile(); f != nil && f.kind != udpSocket {
			_ = unix.Shutdown(f.fds[0], w.pick(3))
		}
	case 26:
		if f := w.anyFile(); f != nil && f.kind == tcpStream {
			if w.coin() {
				// A read stops where the urgent byte is, with more behind it.
				for i, flags := range []int{0, unix.MSG_OOB, 0} {
					_ = unix.Sendto(f.fds[0], []byte("a!b")[i:i+1], flags|unix.MSG_NOSIGNAL, nil)
				}
				return
			}
			w.noError(unix.SetsockoptLinger(f.fds[0], unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
			for len(f.fds) > 0 {
				w.close(f.fds[0]) // a reset
			}
		}
	case 27:
		if n := len(w.old); n > 0 {
			w.useReleased(w.old[w.pick(n)])
		}
	case 28:
		if w.l.Stats().Timers < 20 {
			w.l.CallLater(time.Duration(1+w.pick(5))*time.Microsecond, w.act)
		}
	case 29:
		if w.clock != nil && w.during != "turn" {
			w.clock.Advance(time.Duration(w.pick(10)) * time.Microsecond)
		}
	case 30:
		w.post()
	case 31:
		w.l.CallSoon(w.act)
	}
}

func (w *world) anyFile() *file {
	if len(w.files) == 0 {
		return nil
	}
	return w.files[w.pick(len(w.files))]
}

// number picks one of the file's descriptors.
func (w *world) number(f *file) int { return f.fds[w.pick(len(f.fds))] }

func (w *world) anyReg() *registration {
	if len(w.regs) == 0 {
		return nil
	}
	return w.regs[w.pick(len(w.regs))]
}

func (w *world) anyDesc() *registration {
	if r := w.anyReg(); r != nil && r.desc != nil {
		return r
	}
	return nil
}

func (w *world) newFile(k fileKind, fd int) *file {
	f := &file{kind: k, keys: map[int]*registration{}}
	w.files = append(w.files, f)
	w.bound(f, fd)
	return f
}

// create makes new files, with small buffers.
func (w *world) create() {
	if len(w.at)+3 > w.most {
		return
	}
	const flags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	small := func(fd int) {
		w.noError(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096))
		w.noError(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4096))
	}
	switch w.pick(12) {
	default:
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|flags, 0)
		w.noError(err)
		for _, fd := range p {
			small(fd)
			w.newFile(unixStream, fd)
		}
	case 4, 5:
		var p [2]int
		w.noError(unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		_, _ = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, 4096)
		w.newFile(pipeEnd, p[0])
		w.newFile(pipeEnd, p[1])
	case 6:
		fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
		w.noError(err)
		w.newFile(eventFD, fd)
	case 7, 10, 11:
		l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|flags, 0)
		w.noError(err)
		small(l)
		w.noError(unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
		w.noError(unix.Bind(l, loopback()))
		w.noError(unix.Listen(l, 2))
		address, err := unix.Getsockname(l)
		w.noError(err)
		w.newFile(listener, l)
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|flags, 0)
		w.noError(err)
		small(c)
		if err := unix.Connect(c, address); err != unix.EINPROGRESS {
			w.noError(err)
		}
		w.newFile(tcpStream, c)
		if w.coin() {
			_, _ = w.read(w.at[l], 1)
		}
	case 8:
		var p [2]int
		for i := range p {
			var err error
			p[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|flags, 0)
			w.noError(err)
			w.noError(unix.Bind(p[i], loopback()))
		}
		for i := range p {
			address, err := unix.Getsockname(p[1-i])
			w.noError(err)
			w.noError(unix.Connect(p[i], address))
			w.newFile(udpSocket, p[i])
		}
	case 9:
		fd, err := unix.MemfdCreate("baton", unix.MFD_CLOEXEC)
		w.noError(err)
		w.newFile(regular, fd)
	}
}

// loopback returns one address of this machine after the other, so that the ports
// do not run out while those that were used are still set aside.
func loopback() unix.Sockaddr {
	n := loopbacks.Add(1)
	return &unix.SockaddrInet4{Addr: [4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)}}
}

var loopbacks atomic.Uint32

// close closes a number.
func (w *world) close(fd int) {
	w.noError(unix.Close(fd))
	w.unbound(fd)
}

// duplicate makes another descriptor of the file.
func (w *world) duplicate(f *file) {
	fd, err := unix.FcntlInt(uintptr(f.fds[0]), unix.F_DUPFD_CLOEXEC, 0)
	w.noError(err)
	w.bound(f, fd)
}

// replace makes the number fd stand for f, as dup2 does.
func (w *world) replace(f *file, fd int) {
	if w.at[fd] == f {
		return
	}
	w.noError(unix.Dup3(f.fds[0], fd, unix.O_CLOEXEC))
	w.unbound(fd)
	w.bound(f, fd)
}

// write writes a little, or as much as there is room for.
func (w *world) write(f *file) {
	if f.kind == eventFD {
		_, _ = unix.Write(f.fds[0], eight(1))
		return
	}
	n := [...]int{1, 100, 5000, 5000}[w.pick(4)]
	for range 1 + w.pick(8) {
		if _, err := unix.Write(f.fds[0], make([]byte, n)); err != nil || f.kind == regular {
			return
		}
	}
}

func eight(n uint64) []byte {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return b[:]
}

var errEnd = errors.New("end of file")

// read reads once, or accepts a connection.
func (w *world) read(f *file, n int) (int, error) {
	if f.kind == listener {
		fd, _, err := unix.Accept4(f.fds[0], unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return 0, err
		}
		w.newFile(tcpStream, fd)
		return 1, nil
	}
	n, err := unix.Read(f.fds[0], make([]byte, n))
	if n == 0 && err == nil {
		err = errEnd
	}
	return n, err
}

// open opens the number fd in the loop, whatever it is.
func (w *world) open(fd int) {
	f, r := w.at[fd], w.table[fd]
	if r != nil {
		w.sync(r)
	}
	var want error
	switch {
	case r != nil && !r.owned:
		want = syscall.EEXIST
	case f == nil:
		want = syscall.EBADF
	case f.kind == regular:
		want = syscall.EPERM
	case r != nil && w.keyed(fd):
		want = syscall.EEXIST
	}
	fresh := &registration{fd: fd, owned: true}
	if want == nil {
		if r != nil {
			for _, x := range r.sides {
				if x != nil {
					x.free = true // it is woken to find out
				}
			}
			w.retire(r)
		}
		w.enter(fresh)
		w.key(f, fd, fresh)
	}
	d, err := w.l.Open(fd)
	w.check(errors.Is(err, want), "Open(%d): %v, should be %v", fd, err, want)
	fresh.desc = d
	if r != nil && r != w.table[fd] {
		w.sync(r)
	}
}

// release releases a Desc, whatever its number stands for by now.
func (w *world) release(r *registration) {
	w.sync(r)
	f := w.at[r.fd]
	var want error
	switch {
	case f == nil:
		want = syscall.EBADF
	case f.kind == regular:
		want = syscall.EPERM
	case !w.keyed(r.fd):
		want = syscall.ENOENT
	}
	w.drop(r, read)
	w.drop(r, write)
	w.retire(r)
	if want == nil {
		w.unkey(f, r.fd)
	}
	err := r.desc.Release()
	w.check(errors.Is(err, want), "Release of %d: %v, should be %v", r.fd, err, want)
	w.useReleased(r.desc)
}

// useReleased uses a Desc after its time.
func (w *world) useReleased(d *netpoll.Desc) {
	s := netpoll.Side(w.pick(2))
	d.Drained(s)
	d.DrainedShort(s)
	d.Forget(s)
	w.check(d.Ready(s), "a released Desc is ready")
	w.check(d.Waiter(s) == nil, "a released Desc has no waiter")
	w.check(errors.Is(d.Release(), netpoll.ErrClosed), "a Desc is released once")
}

// wait uses a side of a Desc until it is drained, and waits for it.
func (w *world) wait() {
	r := w.anyDesc()
	if r == nil || w.during == "turn" && r.since < w.round {
		return // a Waker must not drain what the turn may be about to report
	}
	w.sync(r)
	s := netpoll.Side(w.pick(2))
	if r.sides[s] != nil {
		return
	}
	if f := w.at[r.fd]; f != nil {
		w.drain(r, f, s)
	}
	x := &wait{w: w, reg: r, side: s, since: w.round}
	var runner netpoll.Runner = x
	if w.coin() {
		waker := &wakerWait{*x}
		x, runner = &waker.wait, waker
	}
	ready := r.desc.Ready(s)
	waits := r.desc.Wait(s, runner)
	w.check(waits != ready, "Wait returns %v for a side with Ready %v", waits, ready)
	if waits {
		r.sides[s] = x
		w.waiting++
	}
}

// drain uses a side until it is not ready.
func (w *world) drain(r *registration, f *file, s netpoll.Side) {
	r.confused = r.confused || f != r.file
	if f.kind == eventFD && s == write {
		_, _ = unix.Write(f.fds[0], eight(1<<64-2)) // all but full
	}
	short := w.coin()
	for range 40 {
		if !r.desc.Ready(s) {
			return
		}
		var n, asked int
		var err error
		switch {
		case s == read:
			asked = 300
			n, err = w.read(f, asked)
		case f.kind == eventFD:
			asked = 8
			n, err = unix.Write(f.fds[0], eight(1))
		default:
			asked = 5000
			n, err = unix.Write(f.fds[0], make([]byte, asked))
		}
		switch {
		case err == unix.EAGAIN:
			r.desc.Drained(s)
		case err != nil:
			return
		case short && n < asked && f.kind.stream():
			r.desc.DrainedShort(s)
		}
	}
}

// post has another goroutine post some operations.
func (w *world) post() {
	w.posted++
	done := make(chan error)
	go func() {
		done <- w.l.Post(func() {
			w.posted--
			w.act()
		})
	}()
	w.noError(<-done)
}

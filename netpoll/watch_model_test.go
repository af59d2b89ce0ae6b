//go:build linux

package netpoll_test

import (
	"errors"
	"slices"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

// addCallback sets a callback of the number fd, whatever it is.
func (w *world) addCallback(fd int, s netpoll.Side) {
	f, r := w.at[fd], w.table[fd]
	var want error
	switch {
	case r != nil && r.owned:
		want = syscall.EEXIST
	case f == nil:
		want = syscall.EBADF
	case f.kind == regular:
		want = syscall.EPERM
	}
	add := w.l.AddReader
	if s == write {
		add = w.l.AddWriter
	}
	x := &wait{w: w, side: s, since: w.round}
	err := add(fd, x.called)
	w.check(errors.Is(err, want), "Add%v(%d): %v, should be %v", s, fd, err, want)
	if want != nil {
		return
	}
	if r == nil {
		r = &registration{fd: fd}
		w.enter(r)
	}
	x.reg = r
	w.arm(r)
	if old := r.sides[s]; old != nil {
		old.over = true
		w.callbacks--
	}
	r.sides[s] = x
	w.callbacks++
}

// removeCallback removes a callback, if there is one, whatever its number stands
// for by now.
func (w *world) removeCallback(r *registration, s netpoll.Side) {
	remove := w.l.RemoveReader
	if s == write {
		remove = w.l.RemoveWriter
	}
	x := r.sides[s]
	there := remove(r.fd)
	w.check(there == (x != nil), "Remove%v(%d): %v", s, r.fd, there)
	if x == nil {
		return
	}
	x.over = true
	r.sides[s] = nil
	w.callbacks--
	switch {
	case r.sides[read] != nil || r.sides[write] != nil:
		w.arm(r)
	default:
		f := w.at[r.fd]
		w.retire(r)
		if f != nil {
			w.unkey(f, r.fd)
		}
	}
}

// arm notes that the kernel was told of the callbacks of r: of the file that its
// number stands for now. If that is another than before, nothing more is heard of
// the other one.
func (w *world) arm(r *registration) {
	f := w.at[r.fd]
	if f == nil || f.kind == regular {
		return
	}
	if !w.keyed(r.fd) {
		for _, g := range slices.Clone(r.files) {
			w.key(g, r.fd, nil)
		}
		r.since = w.round
	}
	w.key(f, r.fd, r)
}

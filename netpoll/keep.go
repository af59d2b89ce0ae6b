package netpoll

// A keeper is the part that hooks, signal handlers and watched children share:
// while one is in place, and not unreferenced, it keeps the loop from ending. It
// does not hold back a [VirtualClock].
type keeper struct {
	loop   *Loop
	active bool // in place: not removed, and the loop is open
	unref  bool // does not keep the loop
}

// begin puts the keeper in place.
func (k *keeper) begin(l *Loop) {
	k.loop, k.active = l, true
	l.kept++
}

// end takes it out, and reports whether it was in place.
func (k *keeper) end() bool {
	if !k.active {
		return false
	}
	if k.active = false; !k.unref {
		k.loop.kept--
	}
	return true
}

// Unref lets the loop end even though this is in place: it goes on working for as
// long as something else keeps the loop. Calling it again has no effect. Only the
// loop's owner may call it. It mirrors libuv's uv_unref and gevent's ref=False.
func (k *keeper) Unref() {
	if k.active && !k.unref {
		k.loop.kept--
	}
	k.unref = true
}

// Ref undoes Unref. Calling it again has no effect. Only the loop's owner may
// call it. It mirrors libuv's uv_ref.
func (k *keeper) Ref() {
	if k.active && k.unref {
		k.loop.kept++
	}
	k.unref = false
}

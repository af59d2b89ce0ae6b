package netpoll

// RunOnce runs one iteration: if nothing is ready, or a poll is due, it takes a
// [Loop.Turn], which may wait; then it runs one batch, the entries that are ready
// by then and not those that they add. It returns false, having run nothing, when
// Turn does. It mirrors libuv's uv_run with UV_RUN_ONCE.
//
// If an entry panics, the panic passes through RunOnce and the loop stays intact:
// the rest of the batch runs at the next RunOnce.
//
// Only the owner may call RunOnce. It panics if it is called from an entry that
// RunOnce or [Loop.Run] of the same loop is running, or if the loop is closed.
func (l *Loop) RunOnce() bool {
	l.mustBeOpen("RunOnce")
	l.enter("RunOnce")
	defer l.leave()
	return l.iterate(true)
}

// Run runs the loop until [Loop.Stop], or until nothing is left to do: see
// [Loop.Turn]. It returns [ErrClosed] if the loop is closed, else nil; it may be
// called again afterwards. A panic of an entry passes through, as in
// [Loop.RunOnce]. It mirrors libuv's uv_run and asyncio's run_forever.
//
// Only the owner may call Run, and not from an entry that the loop is running.
func (l *Loop) Run() error {
	if l.closed {
		return ErrClosed
	}
	l.enter("Run")
	defer l.leave()
	for l.iterate(true) && !l.stopping {
	}
	return nil
}

// Stop makes Run return at the end of the current iteration: entries that are
// ready already still run, if they belong to its batch. If the loop is not
// running, the next Run makes one iteration without waiting. It mirrors
// asyncio's stop.
//
// Only the owner may call Stop; another goroutine calls loop.Post(loop.Stop).
func (l *Loop) Stop() { l.stopping = true }

func (l *Loop) enter(function string) {
	if l.running {
		misuse(function, "the loop is running already", "let the callback return to the loop instead of running it")
	}
	l.running = true
}

func (l *Loop) leave() {
	l.running, l.stopping = false, false
	if l.debug != nil {
		l.debug.finish(l)
	}
}

// iterate is RunOnce. If it must not wait it returns false instead. The entry is
// out of the queue before it runs, so that a panic loses nothing but itself.
func (l *Loop) iterate(mayWait bool) bool {
	r := l.Next()
	if r == nil {
		if !l.turn(mayWait) {
			return false
		}
		if r = l.Next(); r == nil {
			return true
		}
	}
	for {
		r.RunReady()
		if l.batch == 0 {
			if l.held+l.rest == 0 {
				return true
			}
			if l.held == 0 {
				l.turn(mayWait) // between the parts of a large iteration
			}
		}
		if r = l.Next(); r == nil {
			return true
		}
	}
}

package netpoll

import (
	"slices"
	"time"
)

// A Hook is a function that the loop calls in every Turn: see [Loop.AddIdle],
// [Loop.AddPrepare] and [Loop.AddCheck]. Its methods are for the loop's owner.
type Hook struct {
	keeper
	f    func()
	kind hookKind
}

type hookKind uint8

const (
	idleHook hookKind = iota
	prepareHook
	checkHook
)

// hooks are those of a loop. A list is never changed but replaced, so that one
// that is being gone through stays as it is.
type hooks struct {
	lists   [3][]*Hook
	count   int
	calling bool
}

// AddIdle calls f in every [Loop.Turn], before the prepare hooks, and while there
// is an idle hook the poll does not wait. So f runs again and again, with whatever
// becomes ready in between: it is for work that is done when there is nothing
// better to do, a bit at a time. It mirrors libuv's uv_idle_t.
//
// # All hooks
//
// Hooks of a kind are called in the order in which they were added, also while a
// [Loop.Stop] is pending. One that is added by a hook of its kind begins with the
// next Turn; one that is removed is not called any more. While there are hooks,
// Turns follow closer: every iteration takes one, instead of one in 64 entries
// while the queue is busy. An iteration that is larger than the budget (see
// [WithBudget]) takes several.
//
// A hook keeps the loop from ending, unless [Hook.Unref] is called. A hook must
// not run or close the loop. If it panics, the panic passes through Turn (and Run), the
// other hooks of its kind are not called in that Turn, and the loop stays intact.
//
// A [VirtualClock] jumps while there are idle hooks as if there were none, but
// after each Turn in which nothing became ready, not instead of it.
//
// Only the owner may add hooks; it panics if f is nil or the loop is closed.
func (l *Loop) AddIdle(f func()) *Hook { return l.addHook("AddIdle", idleHook, f) }

// AddPrepare calls f in every [Loop.Turn] right before the poll, which may wait:
// it is the last chance to flush what was gathered during the iteration. What f
// makes ready keeps the poll from waiting. For all else see [Loop.AddIdle]. It
// mirrors libuv's uv_prepare_t.
func (l *Loop) AddPrepare(f func()) *Hook { return l.addHook("AddPrepare", prepareHook, f) }

// AddCheck calls f in every [Loop.Turn] right after the poll, when the loop's time
// is updated and what the descriptors woke is ready, but has not run, and before
// posted functions and timers are made ready. For all else see [Loop.AddIdle]. It
// mirrors libuv's uv_check_t, which however is called when the descriptors'
// callbacks have run.
func (l *Loop) AddCheck(f func()) *Hook { return l.addHook("AddCheck", checkHook, f) }

func (l *Loop) addHook(function string, kind hookKind, f func()) *Hook {
	l.mustHave(function, f)
	h := &Hook{f: f, kind: kind}
	h.begin(l)
	list := &l.hooks.lists[kind]
	*list = append(slices.Clone(*list), h)
	l.hooks.count++
	l.pace()
	return h
}

// Remove removes the hook and reports whether it was in place.
func (h *Hook) Remove() bool {
	if !h.end() {
		return false
	}
	hooks := &h.loop.hooks
	list := &hooks.lists[h.kind]
	*list = slices.DeleteFunc(slices.Clone(*list), func(other *Hook) bool { return other == h })
	hooks.count--
	h.loop.pace()
	return true
}

// close removes all hooks.
func (s *hooks) close() {
	for _, list := range s.lists {
		for _, h := range list {
			h.end()
		}
	}
	*s = hooks{}
}

// callHooks calls those of a kind.
func (l *Loop) callHooks(kind hookKind) {
	list := l.hooks.lists[kind]
	if len(list) == 0 {
		return
	}
	l.hooks.calling = true
	defer func() { l.hooks.calling = false }()
	for _, h := range list {
		if !h.active {
			continue
		}
		if d := l.debug; d != nil {
			d.begin(h)
		}
		h.f()
		if d := l.debug; d != nil {
			d.finish(l)
		}
	}
}

// beforePoll calls the idle and the prepare hooks, and returns how long the poller
// may wait then. If they removed what kept the loop, the poll is still made.
func (l *Loop) beforePoll() time.Duration {
	if l.hooks.calling {
		misuse("Turn", "called by a hook", "let the hook return to the loop instead of running it")
	}
	l.callHooks(idleHook)
	l.callHooks(prepareHook)
	if wait := l.wait(); wait != never {
		return wait
	}
	return 0
}

// passTime ends a Turn in which there were idle hooks, so that the loop does not
// wait, and nothing became ready. A virtual clock would stand still for ever.
func (l *Loop) passTime() bool {
	if l.jump() {
		l.UpdateTime()
		l.expire()
		l.beginBatch()
	}
	return true
}

// RunReady calls the hook: it makes debug mode see a hook as an entry.
func (h *Hook) RunReady() { h.f() }

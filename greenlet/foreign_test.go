package greenlet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
)

// A foreignTask is a task as an event loop has it: it is no greenlet of New, but
// it runs on a carrier of the same thread and parks in calls of its own.
type foreignTask struct {
	task baton.Task
	f    func()
}

func (b *foreignTask) Run(*baton.Fiber) (baton.Body, *baton.Fiber) {
	b.f()
	t := b.task.Thread
	b.task.Ended, b.task.Fiber = true, nil
	t.Current = t.Main()
	return nil, t.Root()
}

func (b *foreignTask) Goexit(f *baton.Fiber) *baton.Fiber { return f.Thread().ExitRoot() }

// enter gives the baton to b from the root.
func (b *foreignTask) enter(dest *baton.Fiber) {
	t := b.task.Thread
	t.Main().Fiber = t.Root()
	t.Current = &b.task
	t.Root().Resume(dest)
}

// park gives the baton back to the root.
func (b *foreignTask) park() {
	t, self := b.task.Thread, baton.Self()
	b.task.Fiber = self
	t.Current = t.Main()
	self.Resume(t.Root())
}

func TestATaskOfAnotherPackageIsAGreenletToo(t *testing.T) {
	run(t, "with the main greenlet as its parent", func(t *testing.T) {
		thread := baton.Self().Thread()
		var me *greenlet.Greenlet
		var log []any
		b := &foreignTask{task: baton.Task{Thread: thread}}
		b.f = func() {
			me = greenlet.Current()
			log = append(log, me == greenlet.Current(), me.Parent() == greenlet.Main(), me.String())
			b.park()
			v, err := greenlet.Main().Switch("hello")
			log = append(log, v, err)
			greenlet.New(func() { log = append(log, "child of "+me.Name()) }).Switch()
		}
		b.enter(thread.Carrier(b))
		require.Equal(t, true, log[0])
		require.Equal(t, true, log[1])
		require.Contains(t, log[2], "current active started>")
		require.Contains(t, me.String(), "suspended active started>")
		require.True(t, me.Active() && !me.Dead())
		me.SetName("foreign")

		returns(t, "hello")(me.Switch("ignored by its park"))
		returns(t, nil)(me.Switch(5))
		require.Equal(t, []any{5, nil, "child of foreign"}, log[3:])
		require.True(t, me.Dead())
		returns(t, 6)(me.Switch(6))
	})
	run(t, "that only its loop can start", func(t *testing.T) {
		thread := baton.Self().Thread()
		b := &foreignTask{task: baton.Task{Thread: thread}}
		thread.Current = &b.task
		g := greenlet.Current()
		thread.Current = thread.Main()
		require.False(t, g.Started())
		fails(t, greenlet.ErrNotStarted)(g.Switch())
		fails(t, greenlet.ErrNotStarted)(g.Throw(nil))
	})
	run(t, "and finds what was thrown at it in the handover", func(t *testing.T) {
		thread := baton.Self().Thread()
		b := &foreignTask{task: baton.Task{Thread: thread}}
		var thrown error
		b.f = func() {
			b.park()
			require.Same(t, &b.task, thread.Handover.To)
			thrown = thread.Handover.Err
			thread.Handover = baton.Handover{}
		}
		b.enter(thread.Carrier(b))
		thread.Current = &b.task
		g := greenlet.Current()
		thread.Current = thread.Main()
		returns(t, nil)(g.Throw(errSome))
		require.Equal(t, errSome, thrown)
	})
}

func TestAThreadOfAnotherPackage(t *testing.T) {
	onGoroutine(func() {
		thread := baton.NewThread()
		root := thread.Enter()
		var g *greenlet.Greenlet
		var late error
		thread.OnEnd(baton.EndGreenlets, func(*baton.Fiber) { _, late = g.Switch() })
		main := greenlet.Current()
		if main != greenlet.Main() || main.Parent() != nil {
			t.Error("the root is not the main greenlet")
		}
		ended := false
		g = greenlet.New(func() {
			defer func() { ended = true }()
			main.Switch()
		})
		g.Switch()
		thread.End(root)
		if !ended || !g.Dead() || !main.Dead() {
			t.Error("the end of the thread did not end its greenlets")
		}
		if late != greenlet.ErrExit {
			t.Errorf("a switch at the end returned %v", late)
		}
	})
}

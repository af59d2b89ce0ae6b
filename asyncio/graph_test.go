package asyncio_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// graphOf runs main on a loop of its own for a second, and returns the graph then.
func graphOf(t *testing.T, main func(ctx) error) (g *asyncio.Graph) {
	t.Helper()
	err := run(t, func(c ctx) error {
		loop := asyncio.RunningLoop(c)
		task := spawn(c, main, asyncio.WithName("main"))
		require.NoError(t, asyncio.Sleep(c, time.Second))
		g = loop.Graph()
		task.Cancel()
		if _, err := task.Await(c); !errors.Is(err, asyncio.ErrCancelled) {
			return err
		}
		return nil
	})
	require.NoError(t, err)
	return g
}

// after leaves out the lines before the one that begins with the word.
func after(t *testing.T, text, word string) string {
	t.Helper()
	i := strings.Index(text, word)
	require.GreaterOrEqual(t, i, 0, text)
	return text[i:]
}

func TestGraph(t *testing.T) {
	sleeps := func(c ctx) error { return asyncio.Sleep(c, time.Hour) }
	t.Run("shows who awaits whom, and by way of what", func(t *testing.T) {
		g := graphOf(t, func(c ctx) error {
			inner := spawn(c, sleeps, asyncio.WithName("inner"))
			group := spawn(c, func(c ctx) error {
				return asyncio.WithTaskGroup(c, func(c ctx, g *asyncio.TaskGroup) error {
					require.NoError(t, g.Go(sleeps, asyncio.WithName("child 1")))
					return g.Go(sleeps, asyncio.WithName("child 2"))
				})
			}, asyncio.WithName("group"))
			shields := spawn(c, func(c ctx) error {
				_, err := asyncio.Shield(c, inner)
				return err
			}, asyncio.WithName("shields"))
			waits := spawn(c, func(c ctx) error {
				_, _, err := asyncio.Wait(c, []*asyncio.Task[none]{group, shields})
				return err
			}, asyncio.WithName("waits"))
			_, err := asyncio.Gather(c, waits, inner)
			return err
		})
		require.Equal(t, `main pending, 1s in asyncio.Gather 2 of 2
  via Gather: inner pending, 1s in asyncio.Sleep
  via Gather: waits pending, 1s in asyncio.Wait
    via Wait: group pending, 1s in asyncio.WithTaskGroup
      via TaskGroup: child 1 pending, 1s in asyncio.Sleep
      via TaskGroup: child 2 pending, 1s in asyncio.Sleep
    via Wait: shields pending, 1s in asyncio.Future.Await
      via Shield: inner pending, 1s in asyncio.Sleep
`, after(t, g.String(), "main"))
	})
	t.Run("shows a circle, and who is being cancelled", func(t *testing.T) {
		var one, two *asyncio.Task[none]
		g := graphOf(t, func(c ctx) error {
			one = spawn(c, func(c ctx) error { _, err := two.Await(c); return err }, asyncio.WithName("one"))
			two = spawn(c, func(c ctx) error { _, err := one.Await(c); return err }, asyncio.WithName("two"))
			stubborn := spawn(c, func(c ctx) error {
				_ = asyncio.Sleep(c, time.Hour)
				return asyncio.Sleep(c, 2*time.Second)
			}, asyncio.WithName("stubborn"))
			require.NoError(t, asyncio.Sleep(c, 0))
			stubborn.Cancel()
			err := asyncio.Sleep(c, time.Hour)
			one.Cancel()
			return err
		})
		require.Equal(t, `stubborn cancelling, 1s in asyncio.Sleep
one pending, 1s in asyncio.Task.Await two
  two pending, 1s in asyncio.Task.Await one
    one pending, 1s in asyncio.Task.Await two (a circle: see above)
`, after(t, g.String(), "stubborn"))
	})
	t.Run("shows greenlets that await a task", func(t *testing.T) {
		g := graphOf(t, func(c ctx) error {
			task := spawn(c, sleeps, asyncio.WithName("awaited"))
			green := gevent.Spawn(func() { _, _ = task.Await(c) })
			green.SetName("green")
			return asyncio.Sleep(c, time.Hour)
		})
		require.Contains(t, g.String(), "green greenlet, 1s in asyncio.Task.Await awaited\n  awaited pending")
	})
	t.Run("is written for Graphviz", func(t *testing.T) {
		g := &asyncio.Graph{
			Nodes: []asyncio.GraphNode{
				{Name: `say "hi"`, State: "pending", Wait: `asyncio.Queue.Get a\b`, For: time.Second},
				{Name: "two", State: "cancelling"},
			},
			Edges: []asyncio.GraphEdge{{From: 0, To: 1, Via: "Gather"}, {From: 1, To: 0}},
		}
		require.Equal(t, `digraph asyncio {
	node [shape=box];
	n0 [label="say \"hi\"\npending\n1s in asyncio.Queue.Get a\\b"];
	n1 [label="two\ncancelling"];
	n0 -> n1 [label="Gather"];
	n1 -> n0;
}
`, g.DOT())
		dot, err := exec.LookPath("dot")
		if err != nil {
			t.Skip("Graphviz is not here to read it")
		}
		cmd := exec.Command(dot, "-Tplain")
		cmd.Stdin = strings.NewReader(g.DOT())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	})
	t.Run("is empty for a loop without tasks", func(t *testing.T) {
		g := newLoop(t).Graph()
		require.Empty(t, g.Nodes)
		require.Empty(t, g.String())
	})
}

package gevent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
)

type color struct{}

// family makes a tree of greenlets, named after where they stand in it.
func family() {
	boss := gevent.Spawn(func() {
		if locals := gevent.Current().SpawnTreeLocals(); locals != nil {
			locals[color{}] = "red"
		}
		child := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		child.SetName("child")
		gevent.Spawn(func() {
			orphan := gevent.Spawn(func() { gevent.Sleep(time.Hour) })
			orphan.SetName("orphan")
		})
		child.Join()
	})
	boss.SetName("boss")
	gevent.NewGreenlet(func() {}).SetName("unborn")
	gevent.Sleep(time.Hour)
}

func TestT188ADumpIsTheTreeOfGreenlets(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		raw := greenlet.New(func() { gevent.Sleep(2 * time.Hour) })
		main := gevent.Spawn(func() { family() })
		main.SetName("family")
		gevent.SpawnLater(time.Hour, func() {}).SetName("later")
		gevent.Sleep(time.Second)
		gevent.CurrentHub().Loop().CallSoon(func() { _, _ = raw.Switch() })
		gevent.Sleep(time.Second)

		d := gevent.CurrentHub().Snapshot(gevent.DumpOptions{NoStacks: true, Locals: true})
		text := d.String()
		text = text[strings.Index(text, "\n"):]
		require.Equal(t, `
- main: running
  - family: parked in gevent.Sleep for 2s
    spawn tree locals map[gevent_test.color{}:red]
    - boss: parked in gevent.Join child for 2s
      spawn tree locals map[gevent_test.color{}:red]
      - child: parked in gevent.Sleep for 2s
        spawn tree locals map[gevent_test.color{}:red]
    - unborn: created
      spawn tree locals map[gevent_test.color{}:red]
  - later: parked in start for 2s
  - Greenlet-8: parked in gevent.Sleep for 1s
- orphan: parked in gevent.Sleep for 2s
  spawn tree locals map[gevent_test.color{}:red]
`, text)

		var b bytes.Buffer
		require.NoError(t, gevent.Dump(&b))
		for _, part := range []string{
			"the thread at 20",
			"gevent.Dump(", "TestT188ADumpIsTheTreeOfGreenlets", // of main, which runs
			"gevent_test.family.func1.1", "gevent.Sleep(...)", // of the child
			"spawned at\n", "gevent_test.family(...)",
		} {
			require.Contains(t, b.String(), part)
		}
		for _, part := range []string{"iter.Pull", "hub.(*Proc).Park", "baton.(*Fiber)"} {
			require.NotContains(t, b.String(), part, "it is the same for all")
		}
	}, virtual(), gevent.WithSpawnTree(10), gevent.WithName("the thread")))
}

func TestADumpIsJSONToo(t *testing.T) {
	run(t, func() {
		gevent.Spawn(family)
		joinEachOther("A", "B")
		gevent.Sleep(1)
		var b bytes.Buffer
		require.NoError(t, gevent.DumpJSON(&b))
		var back gevent.ThreadDump
		require.NoError(t, json.Unmarshal(b.Bytes(), &back))
		require.Equal(t, "main", back.Tree[0].Name)
		boss := back.Tree[0].Children[0].Children[0]
		require.Equal(t, "child", boss.Children[0].Name)
		require.Equal(t, []string{"child"}, boss.HeldBy)
		require.Equal(t, "gevent.Sleep", boss.Children[0].Waits)
		require.Contains(t, boss.Children[0].Stack, "gevent_test.family.func1.1")
		require.Len(t, back.Deadlocks, 1)
		require.Equal(t, back.Deadlocks[0].Waits[0].Name, "A")
	})
}

func TestADumpFromAnywhere(t *testing.T) {
	dump := func() string {
		var b strings.Builder
		require.NoError(t, gevent.Dump(&b))
		return b.String()
	}
	require.NoError(t, gevent.Run(func() {
		gevent.Spawn(func() { gevent.Sleep(time.Hour) }).SetName("sleeper")
		gevent.Sleep(0)
		var fromGreenlet, fromCallback, fromOutside string
		g := gevent.Spawn(func() { fromGreenlet = dump() })
		g.SetName("dumper")
		g.Join()
		gevent.CurrentHub().Loop().CallSoon(func() { fromCallback = dump() })
		gevent.Sleep(0)
		gevent.Offload(func() { fromOutside = dump() })
		require.Regexp(t, `(?s)thread-x.*main: parked in gevent.Join dumper.*sleeper: parked.*dumper: running\n.*dump_test.go`, fromGreenlet)
		require.Regexp(t, `(?s)thread-x.*main: ready\n.*sleeper: parked`, fromCallback)
		require.Regexp(t, `(?s)thread-x.*main: parked in gevent.Offload.*sleeper: parked`, fromOutside)
	}, gevent.WithName("thread-x")))
}

func TestDumpAllAsksAllThreads(t *testing.T) {
	var begun atomic.Int32
	var text string
	require.NoError(t, gevent.RunParallel(4, func(i int) error {
		gevent.CurrentHub().SetName(fmt.Sprint("the ", i, "th"))
		begun.Add(1)
		for i != 0 && begun.Load() < 5 {
			gevent.Sleep(time.Millisecond)
		}
		if i == 0 {
			for begun.Load() < 4 {
				gevent.Sleep(time.Millisecond)
			}
			var b strings.Builder
			require.NoError(t, gevent.DumpAll(&b))
			text = b.String()
			begun.Add(1)
		}
		return nil
	}))
	for i := range 4 {
		require.Equal(t, 1, strings.Count(text, fmt.Sprint("the ", i, "th at ")), text)
	}
	require.NotContains(t, text, "does not answer")
	var b strings.Builder
	require.NoError(t, gevent.DumpAll(&b))
	require.Empty(t, b.String())
}

// spinUntil keeps the thread until c is closed, and says so.
func spinUntil(begun chan<- struct{}, c <-chan struct{}) {
	close(begun)
	<-c
}

func TestAThreadThatDoesNotAnswerIsDescribedFromOutside(t *testing.T) {
	for _, named := range []bool{false, true} {
		begun, end := make(chan struct{}), make(chan struct{})
		var h *gevent.Hub
		opts := []gevent.Option{gevent.WithName("stuck thread")}
		if named {
			opts = append(opts, gevent.WithMonitor(gevent.MonitorOptions{MaxBlockingTime: -1}))
		}
		over := make(chan error)
		go func() {
			over <- gevent.Run(func() {
				h = gevent.CurrentHub()
				gevent.Spawn(func() { gevent.Sleep(time.Hour) }).SetName("sleeper")
				gevent.Sleep(0)
				culprit := gevent.Spawn(func() {
					gevent.Current().SetName("culprit")
					spinUntil(begun, end)
				})
				culprit.Join()
			}, opts...)
		}()
		<-begun
		d := h.Snapshot(gevent.DumpOptions{Patience: 10 * time.Millisecond})
		require.True(t, d.Blocked)
		var running []gevent.Goroutine
		names := map[string]bool{}
		for _, g := range d.Goroutines {
			if g.Runs {
				running = append(running, g)
			}
			names[g.Name] = true
		}
		require.Len(t, running, 1)
		require.Contains(t, running[0].Stack, "gevent_test.spinUntil")
		require.Equal(t, named, running[0].Name == "culprit")
		require.Equal(t, named, names["main"] && names["sleeper"])
		text := d.String()
		require.Contains(t, text, "does not answer; its goroutines are:")
		require.Regexp(t, regexp.MustCompile(`(?s) runs\n      github.*spinUntil`), text)
		require.Contains(t, text, "gevent.Sleep(")
		close(end)
		require.NoError(t, <-over)
		require.Equal(t, "stuck thread", h.Snapshot(gevent.DumpOptions{}).Thread, "it has ended")
		require.Empty(t, h.Snapshot(gevent.DumpOptions{}).Tree)
	}
}

func TestTheSizeOfADumpIsBounded(t *testing.T) {
	run(t, func() {
		for range 100 {
			gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		}
		gevent.Sleep(0)
		d := gevent.CurrentHub().Snapshot(gevent.DumpOptions{Max: 10, NoStacks: true})
		require.Equal(t, 91, d.More)
		require.Len(t, d.Tree[0].Children, 9)
		require.Contains(t, d.String(), "and 91 more\n")
		require.Len(t, gevent.CurrentHub().Snapshot(gevent.DumpOptions{Max: -1}).Tree[0].Children, 100)
	})
}

func TestAThousandGreenletsAreDumped(t *testing.T) {
	run(t, func() {
		for range 1000 {
			gevent.Spawn(func() { gevent.Sleep(time.Hour) })
		}
		gevent.Sleep(0)
		var b strings.Builder
		require.NoError(t, gevent.Dump(&b))
		require.Equal(t, 1000, strings.Count(b.String(), "parked in gevent.Sleep"))
		require.Equal(t, 1000, strings.Count(b.String(), "gevent.Sleep(...)"))
	})
}

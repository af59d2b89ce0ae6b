package greenlet_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
)

// traced runs f and returns the events of its switches, by the greenlets' names.
func traced(f func()) []string {
	var events []string
	name := func(g *greenlet.Greenlet) string {
		if g.Parent() == nil {
			return "main"
		}
		return g.Name()
	}
	previous := greenlet.SetTrace(func(e greenlet.Event, origin, target *greenlet.Greenlet) error {
		if greenlet.Current() != target {
			panic("the tracer does not run in the target")
		}
		events = append(events, fmt.Sprintf("%s %s->%s", e, name(origin), name(target)))
		return nil
	})
	defer func() { greenlet.SetTrace(previous) }()
	f()
	return events
}

func named(name string, f func(...any) (any, error)) *greenlet.Greenlet {
	return greenlet.New(f, greenlet.WithName(name))
}

func fail(...any) (any, error) { return nil, errSome }

func TestEventsOfTheTracer(t *testing.T) {
	run(t, "2.5.1 start, return and failure", func(t *testing.T) {
		g1 := named("g1", func(...any) (any, error) { return nil, nil })
		g2 := named("g2", fail)
		require.Equal(t, []string{
			"switch main->g1", "switch g1->main", "switch main->g2", "throw g2->main",
		}, traced(func() {
			g1.Switch()
			g2.Switch()
		}))
	})
	run(t, "suspension, and an error that replaces another", func(t *testing.T) {
		main := greenlet.Current()
		g := named("g", func(...any) (any, error) {
			main.Switch("s")
			if _, err := main.Switch("s2"); err == nil {
				t.Error("no error")
			}
			return nil, errSome
		})
		require.Equal(t, []string{
			"switch main->g", "switch g->main", "switch main->g", "switch g->main", "throw main->g", "throw g->main",
		}, traced(func() {
			g.Switch()
			g.Switch()
			fails(t, errSome)(g.Throw(fmt.Errorf("another")))
		}))
	})
	run(t, "into one that has not begun", func(t *testing.T) {
		g, h := named("g", fail), named("h", fail)
		require.Equal(t, []string{
			"throw main->g", "throw g->main", "throw main->h", "switch h->main",
		}, traced(func() {
			g.Throw(errSome)
			h.Throw(nil)
		}))
	})
	run(t, "to oneself, and to a dead child of oneself", func(t *testing.T) {
		main := greenlet.Current()
		g := named("g", fail)
		g.Throw(nil)
		require.Equal(t, []string{
			"switch main->main", "throw main->main", "switch main->main", "throw main->main", "switch main->main",
		}, traced(func() {
			main.Switch()
			main.Throw(errSome)
			g.Switch()
			g.Throw(errSome)
			g.Throw(nil)
		}))
	})
	run(t, "a panic", func(t *testing.T) {
		g := named("g", func(...any) (any, error) { panic("boom") })
		require.Equal(t, []string{"switch main->g", "throw g->main"}, traced(func() {
			require.NotNil(t, recovered(func() { g.Switch() }))
		}))
	})
	run(t, "to parents that have not begun", func(t *testing.T) {
		p := named("p", func(...any) (any, error) { return nil, nil })
		g := greenlet.New(func() {}, greenlet.WithName("g"), greenlet.WithParent(p))
		q := named("q", fail)
		h := greenlet.New(fail, greenlet.WithName("h"), greenlet.WithParent(q))
		require.Equal(t, []string{
			"switch main->g", "switch g->p", "switch p->main",
			"switch main->h", "throw h->q", "throw q->main",
		}, traced(func() {
			g.Switch()
			h.Switch()
		}))
	})
}

func TestATracerThatFailsIsRemoved(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func() error
		want func(t *testing.T, call func() (any, error))
	}{
		{"with an error", func() error { return errSome }, func(t *testing.T, call func() (any, error)) {
			fails(t, errSome)(call())
		}},
		{"with a panic", func() error { panic("boom") }, func(t *testing.T, call func() (any, error)) {
			v := recovered(func() { call() })
			if e, ok := v.(*greenlet.PanicError); ok {
				v = e.Value
			}
			require.Equal(t, "boom", v)
		}},
	} {
		// failing traces and fails at the first event.
		failing := func() *int {
			n := 0
			greenlet.SetTrace(func(greenlet.Event, *greenlet.Greenlet, *greenlet.Greenlet) error {
				n++
				return c.fail()
			})
			return &n
		}
		run(t, "2.5.2 in a suspended greenlet, "+c.name, func(t *testing.T) {
			g := greenlet.New(func(...any) (any, error) { return parentSwitch() })
			g.Switch()
			n := failing()
			c.want(t, func() (any, error) { return g.Switch("dropped") })
			require.Equal(t, 1, *n)
			require.Nil(t, greenlet.Trace())
			require.True(t, g.Dead())
		})
		run(t, "in one that was about to start, which does not run, "+c.name, func(t *testing.T) {
			failing()
			g := greenlet.New(func() { t.Error("ran") })
			c.want(t, func() (any, error) { return g.Switch() })
			require.True(t, g.Dead())
			require.Nil(t, greenlet.Trace())
		})
		run(t, "in oneself, "+c.name, func(t *testing.T) {
			failing()
			c.want(t, func() (any, error) { return greenlet.Current().Switch(1) })
			require.Nil(t, greenlet.Trace())
			returns(t, 1)(greenlet.Current().Switch(1))
		})
		run(t, "in the place of the error that was thrown, "+c.name, func(t *testing.T) {
			g := greenlet.New(func(...any) (any, error) { return parentSwitch() })
			g.Switch()
			failing()
			c.want(t, func() (any, error) { return g.Throw(fmt.Errorf("dropped")) })
		})
	}
}

func TestATracerCanBeSetAndRead(t *testing.T) {
	run(t, "2.5.3 also twice", func(t *testing.T) {
		f := func(greenlet.Event, *greenlet.Greenlet, *greenlet.Greenlet) error { return nil }
		require.Nil(t, greenlet.SetTrace(f))
		require.NotNil(t, greenlet.SetTrace(f))
		require.NotNil(t, greenlet.Trace())
		require.NotNil(t, greenlet.SetTrace(nil))
		require.Nil(t, greenlet.Trace())
	})
	run(t, "while a greenlet is suspended", func(t *testing.T) {
		main := greenlet.Current()
		g := named("g", func(...any) (any, error) {
			main.Switch()
			return nil, nil
		})
		g.Switch()
		require.Equal(t, []string{"switch main->g", "switch g->main"}, traced(func() { g.Switch() }))
		require.Nil(t, greenlet.Trace())
	})
}

// The tracer itself switches to g2 while g1 is about to start. The start of g1
// keeps its arguments, and the second switch to g1 only resumes the tracer
// (2.2.12).
func TestATracerThatSwitches(t *testing.T) {
	greenlet.Run(func() {
		var log []string
		record := func(where string, v any) { log = append(log, fmt.Sprint(where, ": ", v)) }
		body := func(name string) func(...any) (any, error) {
			return func(args ...any) (any, error) {
				record(name+" arg", args[0])
				p, err := parentSwitch("from " + name + "_run")
				record(name+" from parent", p)
				return name + " done", err
			}
		}
		g1, g2 := greenlet.New(body("g1")), greenlet.New(body("g2"))
		first := true
		greenlet.SetTrace(func(e greenlet.Event, _, _ *greenlet.Greenlet) error {
			record("trace", e)
			if first {
				first = false
				if _, err := g2.Switch("g2 from tracefunc"); err != nil {
					return err
				}
			}
			return nil
		})
		main := func(where string) func(any, error) {
			return func(v any, err error) {
				require.NoError(t, err)
				record(where, v)
			}
		}
		main("main g1")(g1.Switch("g1 from main"))
		main("main g2")(g1.Switch("g2 from main"))
		main("main g1.2")(g1.Switch("g1 from main 2"))
		main("main g2.2")(g2.Switch())
		require.Equal(t, []string{
			"trace: switch", "trace: switch", "g2 arg: g2 from tracefunc",
			"trace: switch", "main g1: from g2_run",
			"trace: switch", "g1 arg: g1 from main",
			"trace: switch", "main g2: from g1_run",
			"trace: switch", "g1 from parent: g1 from main 2",
			"trace: switch", "main g1.2: g1 done",
			"trace: switch", "g2 from parent: <nil>",
			"trace: switch", "main g2.2: g2 done",
		}, log)
	})
}

// The tracer switches at each event, to whichever greenlet is next (2.2.11).
func TestATracerThatSwitchesAlwaysLosesNothing(t *testing.T) {
	greenlet.Run(func() {
		main := greenlet.Current()
		echo := func(args ...any) (any, error) {
			v := args[0]
			for {
				var err error
				if v, err = main.Switch(v); err != nil {
					return nil, err
				}
			}
		}
		g1, g2, g3 := greenlet.New(echo), greenlet.New(echo), greenlet.New(echo)
		inside := false
		greenlet.SetTrace(func(_ greenlet.Event, _, target *greenlet.Greenlet) error {
			if inside || target == main {
				return nil
			}
			inside = true
			defer func() { inside = false }()
			_, err := greenlet.Current().Switch("to itself")
			return err
		})
		for i := range 100 {
			for _, g := range []*greenlet.Greenlet{g1, g2, g3} {
				returns(t, i)(g.Switch(i))
			}
		}
	})
}

package greenlet_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/baton"
)

func TestTheResultGoesToTheParent(t *testing.T) {
	run(t, "at the time of death", func(t *testing.T) {
		main := greenlet.Current()
		other := greenlet.New(func(...any) (any, error) {
			v, err := main.Switch()
			return fmt.Sprint("other got ", v), err
		})
		other.Switch()
		g := greenlet.New(func(...any) (any, error) {
			parentSwitch()
			return 1, nil
		})
		g.Switch()
		require.NoError(t, g.SetParent(other))
		returns(t, "other got 1")(g.Switch())
	})
	run(t, "2.1.36 which is started by it", func(t *testing.T) {
		p := greenlet.New(func(args ...any) (any, error) { return []any{args[0], 24}, nil })
		g := greenlet.New(func(...any) (any, error) { return 42, nil }, greenlet.WithParent(p))
		returns(t, []any{42, 24})(g.Switch())
		require.True(t, p.Dead())
	})
	run(t, "2.1.38 also by a switch to a dead child", func(t *testing.T) {
		var seen []int
		g := greenlet.New(func() { seen = append(seen, 42) })
		g.Switch()
		require.NoError(t, g.SetParent(greenlet.New(func() { seen = append(seen, 24) })))
		returns(t, nil)(g.Switch())
		require.Equal(t, []int{42, 24}, seen)
	})
	run(t, "and an orderly exit starts it without an argument", func(t *testing.T) {
		p := greenlet.New(func(args ...any) (any, error) { return len(args), nil })
		g := greenlet.New(func(...any) (any, error) { return nil, greenlet.ErrExit }, greenlet.WithParent(p))
		returns(t, 0)(g.Switch())
	})
	run(t, "an error kills a parent that has not begun and goes on", func(t *testing.T) {
		p := greenlet.New(func() { t.Error("ran") })
		g := greenlet.New(func(...any) (any, error) { return nil, errSome }, greenlet.WithParent(p))
		fails(t, errSome)(g.Switch())
		require.True(t, p.Dead())
	})
	run(t, "a panic kills a parent that has not begun and goes on", func(t *testing.T) {
		p := greenlet.New(func() { t.Error("ran") })
		g := greenlet.New(func() { panic("lost?") }, greenlet.WithParent(p))
		require.Equal(t, "lost?", recovered(func() { g.Switch() }).(*greenlet.PanicError).Value)
		require.True(t, p.Dead())
	})
	run(t, "dead parents are skipped", func(t *testing.T) {
		p := greenlet.New(func() {})
		g := greenlet.New(func(...any) (any, error) { return 1, nil }, greenlet.WithParent(p))
		p.Switch()
		returns(t, 1)(g.Switch())
	})
	run(t, "a wrapped ErrExit is a value", func(t *testing.T) {
		wrapped := fmt.Errorf("done: %w", greenlet.ErrExit)
		g := greenlet.New(func(...any) (any, error) { return nil, wrapped })
		returns(t, wrapped)(g.Switch())
	})
}

func TestErrorsGoFromGreenletToGreenlet(t *testing.T) {
	run(t, "2.1.10 through a suspended parent", func(t *testing.T) {
		var seen []error
		fmain := func(...any) (any, error) {
			if _, err := parentSwitch(); err != nil {
				seen = append(seen, err)
				return nil, err
			}
			return nil, errSome
		}
		g1, g2 := greenlet.New(fmain), greenlet.New(fmain)
		g1.Switch()
		g2.Switch()
		require.NoError(t, g2.SetParent(g1))
		require.Empty(t, seen)
		fails(t, errSome)(g2.Switch())
		require.Equal(t, []error{errSome}, seen)
		returns(t, nil)(g2.Switch())
		returns(t, 25)(g2.Switch(25))
		require.Equal(t, []error{errSome}, seen)
	})
	run(t, "2.1.11 sent by a helper", func(t *testing.T) {
		var seen error
		g1 := greenlet.New(func(...any) (any, error) {
			_, seen = parentSwitch()
			return nil, seen
		})
		g1.Switch()
		helper := greenlet.New(func(...any) (any, error) { return nil, errSome }, greenlet.WithParent(g1))
		fails(t, errSome)(helper.Switch())
		require.ErrorIs(t, seen, errSome)
	})
	run(t, "2.8 an embedder changes the parent while the child is suspended", func(t *testing.T) {
		main := greenlet.Current()
		var child *greenlet.Greenlet
		bar := func(...any) (any, error) {
			parentSwitch("first")
			return parentSwitch("second")
		}
		foo := greenlet.New(func(...any) (any, error) {
			child = greenlet.New(bar)
			v, _ := child.Switch()
			return main.Switch(v)
		})
		returns(t, "first")(foo.Switch())
		require.NoError(t, child.SetParent(main))
		returns(t, "second")(child.Switch())
		require.True(t, child.Active())
		require.True(t, foo.Active())
	})
}

// recovered returns what f panicked with.
func recovered(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestAPanicGoesOnInTheParent(t *testing.T) {
	run(t, "with its value and its stack", func(t *testing.T) {
		g := greenlet.New(func() { explode() })
		e := recovered(func() { g.Switch() }).(*greenlet.PanicError)
		require.Equal(t, "boom", e.Value)
		require.Contains(t, string(e.Stack), "explode")
		require.True(t, g.Dead())
	})
	run(t, "through several greenlets", func(t *testing.T) {
		outer := greenlet.New(func() {
			greenlet.New(explode).Switch()
		})
		e := recovered(func() { outer.Switch() }).(*greenlet.PanicError)
		require.Equal(t, "boom", e.Value)
		require.Contains(t, string(e.Stack), "explode")
		require.True(t, outer.Dead())
	})
	run(t, "where it can be recovered", func(t *testing.T) {
		outer := greenlet.New(func(...any) (any, error) {
			return recovered(func() { greenlet.New(explode).Switch() }).(*greenlet.PanicError).Value, nil
		})
		returns(t, "boom")(outer.Switch())
	})
	run(t, "an error is matched through it", func(t *testing.T) {
		g := greenlet.New(func() { panic(errSome) })
		require.ErrorIs(t, recovered(func() { g.Switch() }).(error), errSome)
	})
	run(t, "an Unwind as it is", func(t *testing.T) {
		u := &baton.Unwind{Err: errSome}
		g := greenlet.New(func() { panic(u) })
		require.Same(t, u, recovered(func() { g.Switch() }))
	})
	run(t, "and hurts no other greenlet", func(t *testing.T) {
		other := greenlet.New(func(...any) (any, error) {
			v, err := parentSwitch()
			return v, err
		})
		other.Switch()
		require.NotNil(t, recovered(func() { greenlet.New(explode).Switch() }))
		returns(t, 5)(other.Switch(5))
	})
}

func explode() { panic("boom") }

func TestSetParent(t *testing.T) {
	run(t, "2.2.7 refuses cycles", func(t *testing.T) {
		g1 := greenlet.New(func() {})
		g2 := greenlet.New(func() {}, greenlet.WithParent(g1))
		g3 := greenlet.New(func() {}, greenlet.WithParent(g2))
		for _, p := range []*greenlet.Greenlet{g1, g2, g3} {
			require.ErrorIs(t, g1.SetParent(p), greenlet.ErrCyclicParent)
		}
		require.Same(t, greenlet.Current(), g1.Parent())
	})
	run(t, "2.2.5 and 2.2.7 the main greenlet has none", func(t *testing.T) {
		main := greenlet.Current()
		require.Nil(t, main.Parent())
		require.Same(t, main, greenlet.Main())
		require.ErrorIs(t, main.SetParent(main), greenlet.ErrMainParent)
		require.ErrorIs(t, main.SetParent(greenlet.New(func() {})), greenlet.ErrMainParent)
	})
	run(t, "2.2.6 refuses nil", func(t *testing.T) {
		g := greenlet.New(func() { parentSwitch() })
		require.ErrorIs(t, g.SetParent(nil), greenlet.ErrNilParent)
		g.Switch()
		require.ErrorIs(t, g.SetParent(nil), greenlet.ErrNilParent)
		require.Same(t, greenlet.Current(), g.Parent())
	})
	run(t, "2.1.4 the default is the current greenlet", func(t *testing.T) {
		require.Same(t, greenlet.Current(), greenlet.New(func() {}).Parent())
		require.Same(t, greenlet.Current(), greenlet.New(func() {}, greenlet.WithParent(nil)).Parent())
		greenlet.New(func() {
			require.Same(t, greenlet.Current(), greenlet.New(func() {}).Parent())
		}).Switch()
	})
}

func TestStates(t *testing.T) {
	run(t, "2.2.8 and what String says of them", func(t *testing.T) {
		main := greenlet.Current()
		require.Regexp(t, `^<greenlet 0x[0-9a-f]+ \(thread \d+\) current active started main>$`, main.String())
		var g *greenlet.Greenlet
		g = greenlet.New(func() {
			require.Contains(t, main.String(), " suspended active started main>")
			require.Contains(t, g.String(), ") current active started>")
			parentSwitch()
		}, greenlet.WithName("worker"))
		require.Regexp(t, `^<greenlet "worker" 0x[0-9a-f]+ \(thread \d+\) pending>$`, g.String())
		require.False(t, g.Started() || g.Active() || g.Dead())
		g.Switch()
		require.Contains(t, g.String(), ") suspended active started>")
		require.True(t, g.Started() && g.Active() && !g.Dead())
		g.Switch()
		require.Contains(t, g.String(), ") dead>")
		require.True(t, g.Started() && !g.Active() && g.Dead())
		require.True(t, main.Started() && main.Active() && !main.Dead())
		require.Equal(t, main.Thread(), g.Thread())
	})
	run(t, "names can be changed", func(t *testing.T) {
		g := greenlet.New(func() {})
		require.Empty(t, g.Name())
		g.SetName("a")
		require.Equal(t, "a", g.Name())
		g.SetName("")
		require.Empty(t, g.Name())
	})
	run(t, "2.1.15 and 2.1.39 the stack of a suspended greenlet", func(t *testing.T) {
		var g *greenlet.Greenlet
		g = greenlet.New(func(...any) (any, error) { return factorial(g, 5) })
		require.Empty(t, g.Stack())
		require.Empty(t, greenlet.Current().Stack())
		g.Switch()
		require.Contains(t, g.Stack(), "greenlet_test.factorial")
		returns(t, 1200)(g.Switch(10))
		require.Empty(t, g.Stack())
	})
}

// factorial returns n! times what is sent at the bottom of the recursion.
func factorial(g *greenlet.Greenlet, n int) (any, error) {
	if n == 0 {
		if g.Stack() != "" {
			return nil, errors.New("the running greenlet has a stack")
		}
		return parentSwitch()
	}
	v, err := factorial(g, n-1)
	if err != nil {
		return nil, err
	}
	return n * v.(int), nil
}

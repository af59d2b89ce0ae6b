package greenlet_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
)

// The numbers in the names of subtests are those of the original's tests, as
// docs list them: 2.1.n is test_greenlet.py, 2.3.n test_throw.py.

var errSome = errors.New("some error")

// run makes a subtest whose function runs in a thread of its own.
func run(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		greenlet.Run(func() { f(t) })
	})
}

// returns requires that a call returned v without an error.
func returns(t *testing.T, v any) func(any, error) {
	return func(got any, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

// fails requires that a call returned an error that matches want.
func fails(t *testing.T, want error) func(any, error) {
	return func(got any, err error) {
		t.Helper()
		require.ErrorIs(t, err, want)
		require.Nil(t, got)
	}
}

// exits requires that a call returned ErrExit as a value.
func exits(t *testing.T) func(any, error) {
	return func(got any, err error) {
		t.Helper()
		require.NoError(t, err)
		require.ErrorIs(t, got.(error), greenlet.ErrExit)
	}
}

func parentSwitch(args ...any) (any, error) {
	return greenlet.Current().Parent().Switch(args...)
}

func TestSwitchGoesBackAndForth(t *testing.T) {
	run(t, "2.1.1 simple", func(t *testing.T) {
		var seen []int
		g := greenlet.New(func() {
			seen = append(seen, 1)
			parentSwitch()
			seen = append(seen, 3)
		})
		seen = append(seen, 0)
		g.Switch()
		seen = append(seen, 2)
		g.Switch()
		seen = append(seen, 4)
		require.Equal(t, []int{0, 1, 2, 3, 4}, seen)
	})
	run(t, "2.1.6 two children", func(t *testing.T) {
		var seen []int
		f := func() {
			seen = append(seen, 1)
			parentSwitch()
			seen = append(seen, 1, 1)
		}
		g, h := greenlet.New(f), greenlet.New(f)
		g.Switch()
		require.Len(t, seen, 1)
		h.Switch()
		require.Len(t, seen, 2)
		h.Switch()
		require.Len(t, seen, 4)
		require.True(t, h.Dead())
		g.Switch()
		require.Len(t, seen, 6)
		require.True(t, g.Dead())
	})
	run(t, "2.1.7 the parent is whoever made it", func(t *testing.T) {
		var seen []string
		g := greenlet.New(func() {
			seen = append(seen, "a")
			f := greenlet.New(func() {
				seen = append(seen, "b")
				parentSwitch()
			})
			f.Switch()
			seen = append(seen, "c")
			f.Switch()
		})
		g.Switch()
		require.Equal(t, []string{"a", "b", "c"}, seen)
	})
	run(t, "2.1.40 from within sort callbacks", func(t *testing.T) {
		var a, b *greenlet.Greenlet
		sorting := func(other **greenlet.Greenlet) func(...any) (any, error) {
			return func(...any) (any, error) {
				s := []int{3, 1, 2, 5, 4}
				slices.SortFunc(s, func(x, y int) int {
					(*other).Switch()
					return x - y
				})
				return s, nil
			}
		}
		a, b = greenlet.New(sorting(&b)), greenlet.New(sorting(&a))
		returns(t, []int{1, 2, 3, 4, 5})(a.Switch())
	})
}

func TestSwitchPacksItsArguments(t *testing.T) {
	receive := func(...any) (any, error) {
		v, err := parentSwitch()
		return []any{v}, err
	}
	for name, c := range map[string]struct {
		args []any
		want any
	}{
		"nothing is nil":           {nil, nil},
		"one argument is itself":   {[]any{7}, 7},
		"nil is nil":               {[]any{nil}, nil},
		"several are Args":         {[]any{1, "b"}, greenlet.Args{1, "b"}},
		"Args as one are the same": {[]any{greenlet.Args{1}}, greenlet.Args{1}},
	} {
		run(t, name, func(t *testing.T) {
			g := greenlet.New(receive)
			g.Switch()
			returns(t, []any{c.want})(g.Switch(c.args...))
		})
	}
	run(t, "to oneself", func(t *testing.T) {
		g := greenlet.Current()
		returns(t, nil)(g.Switch())
		returns(t, 1)(g.Switch(1))
		returns(t, greenlet.Args{1, 2})(g.Switch(1, 2))
	})
	run(t, "the body gets them as they are", func(t *testing.T) {
		for _, want := range [][]any{nil, {nil}, {1}, {1, 2}, {greenlet.Args{1, 2}}} {
			g := greenlet.New(func(args ...any) (any, error) { return args, nil })
			v, err := g.Switch(want...)
			require.NoError(t, err)
			require.Equal(t, want, v)
		}
	})
	run(t, "several are a copy", func(t *testing.T) {
		args := []any{1, 2}
		v, err := greenlet.Current().Switch(args...)
		require.NoError(t, err)
		args[0] = 3
		require.Equal(t, greenlet.Args{1, 2}, v)
	})
}

func TestAGreenletWithoutABodyCannotStart(t *testing.T) {
	check := func(t *testing.T, g *greenlet.Greenlet) {
		require.False(t, g.Dead())
		require.False(t, g.Active())
		require.False(t, g.Started())
	}
	run(t, "2.1.2 switch", func(t *testing.T) {
		g := greenlet.New[func()](nil)
		fails(t, greenlet.ErrNoRun)(g.Switch())
		check(t, g)
	})
	run(t, "2.1.3 the missing body wins over the error thrown", func(t *testing.T) {
		g := greenlet.New[func(...any) (any, error)](nil)
		fails(t, greenlet.ErrNoRun)(g.Throw(errSome))
		check(t, g)
	})
	run(t, "2.1.25 as a parent it raises the error in its own parent", func(t *testing.T) {
		p := greenlet.New[func()](nil)
		g := greenlet.New(func() {}, greenlet.WithParent(p))
		fails(t, greenlet.ErrNoRun)(g.Switch())
		require.True(t, g.Dead())
		check(t, p)
		fails(t, greenlet.ErrNoRun)(g.Switch())
	})
}

func TestThrow(t *testing.T) {
	run(t, "2.3.1 can be caught", func(t *testing.T) {
		g := greenlet.New(func() {
			if _, err := parentSwitch("ok"); err != nil {
				parentSwitch("ok")
				return
			}
			parentSwitch("fail")
		})
		returns(t, "ok")(g.Switch())
		returns(t, "ok")(g.Throw(errSome))
	})
	run(t, "2.3.3 kill", func(t *testing.T) {
		g := greenlet.New(func(...any) (any, error) { return parentSwitch("ok") })
		returns(t, "ok")(g.Switch())
		exits(t)(g.Throw(nil))
		require.True(t, g.Dead())
		exits(t)(g.Throw(nil))
	})
	for _, c := range []struct {
		name                 string
		g1Started, g2Started bool
	}{{"neither", false, false}, {"the parent", true, false}, {"both", true, true}} {
		run(t, "2.3.4 goes to the original parent, "+c.name+" started", func(t *testing.T) {
			main := greenlet.Current()
			g1 := greenlet.New(func(...any) (any, error) {
				if _, err := main.Switch("f1 ready to catch"); errors.Is(err, errSome) {
					return "caught", nil
				}
				return nil, errors.New("not caught")
			})
			g2 := greenlet.New(func(...any) (any, error) { return main.Switch("from f2") }, greenlet.WithParent(g1))
			if c.g1Started {
				returns(t, "f1 ready to catch")(g1.Switch())
			}
			if c.g2Started {
				returns(t, "from f2")(g2.Switch())
			}
			if c.g1Started {
				returns(t, "caught")(g2.Throw(errSome))
			} else {
				fails(t, errSome)(g2.Throw(errSome))
			}
			require.True(t, g1.Dead())
			require.True(t, g2.Dead())
		})
	}
	run(t, "into oneself returns here", func(t *testing.T) {
		fails(t, errSome)(greenlet.Current().Throw(errSome))
		fails(t, greenlet.ErrExit)(greenlet.Current().Throw(nil))
	})
	run(t, "into one that has not begun runs nothing", func(t *testing.T) {
		g := greenlet.New(func() { t.Error("ran") })
		fails(t, errSome)(g.Throw(errSome))
		require.True(t, g.Dead())
		require.True(t, g.Started())
		g = greenlet.New(func() { t.Error("ran") })
		exits(t)(g.Throw(nil))
		require.True(t, g.Dead())
	})
	run(t, "into a dead one goes to the parent", func(t *testing.T) {
		g := greenlet.New(func() {})
		g.Switch()
		fails(t, errSome)(g.Throw(errSome))
		exits(t)(g.Throw(nil))
	})
	run(t, "2.8 the very same error arrives", func(t *testing.T) {
		thrown := errors.New("take that")
		g := greenlet.New(func(...any) (any, error) {
			_, err := parentSwitch()
			return err, nil
		})
		g.Switch()
		v, err := g.Throw(thrown)
		require.NoError(t, err)
		require.Same(t, thrown, v)
	})
}

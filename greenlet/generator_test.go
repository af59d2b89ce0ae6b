package greenlet_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/greenlet"
)

// A genlet is a generator over greenlets, as in the original's tests (2.4). Any
// function that it calls may yield.
type genlet struct {
	g     *greenlet.Greenlet
	child *genlet // the inner one that yielded for this one
}

// genlets finds the genlet of a greenlet. A test has its own.
type genlets map[*greenlet.Greenlet]*genlet

func (all genlets) generate(body func()) *genlet {
	gen := &genlet{g: greenlet.New(body)}
	all[gen.g] = gen
	return gen
}

// next returns the next item, or false when there are no more.
func (gen *genlet) next() (any, bool) {
	inner := gen
	for inner.child != nil {
		inner, inner.child = inner.child, nil
	}
	if inner == gen {
		if err := gen.g.SetParent(greenlet.Current()); err != nil {
			panic(err)
		}
	}
	v, err := inner.g.Switch()
	return v, err == nil && gen.g.Active()
}

// each calls f with every item.
func (gen *genlet) each(f func(any)) {
	for v, ok := gen.next(); ok; v, ok = gen.next() {
		f(v)
	}
}

var errOutside = errors.New("yield outside of a genlet")

// yield gives v to the consumer of the genlet that is level genlets further out.
func (all genlets) yield(v any, level int) error {
	g := greenlet.Current()
	for ; level > 0; level-- {
		gen := all[g]
		if gen == nil {
			return errOutside
		}
		g = g.Parent()
		if level > 1 {
			all[g].child = gen
		}
	}
	_, err := g.Switch(v)
	return err
}

func TestGeneratorsOnGreenlets(t *testing.T) {
	start := func(t *testing.T, name string, f func(t *testing.T, all genlets)) {
		run(t, name, func(t *testing.T) { f(t, genlets{}) })
	}
	start(t, "plain", func(t *testing.T, all genlets) {
		var seen []int
		for range 3 {
			all.generate(func() {
				for i := range 5 {
					seen = append(seen, i)
					all.yield(i, 1)
				}
			}).each(func(v any) { seen = append(seen, v.(int)) })
		}
		once := []int{0, 0, 1, 1, 2, 2, 3, 3, 4, 4}
		require.Equal(t, append(append(append([]int(nil), once...), once...), once...), seen)
	})
	start(t, "layered", func(t *testing.T, all genlets) {
		var seen []any
		all.generate(func() {
			all.generate(func() {
				for i := 1; i < 5; i++ {
					all.yield(i, 1)
					all.yield(i*i, 2)
				}
			}).each(func(v any) { all.yield(v, 1) })
		}).each(func(v any) { seen = append(seen, v) })
		require.Equal(t, []any{1, 1, 2, 4, 3, 9, 4, 16}, seen)
	})
	start(t, "permutations", func(t *testing.T, all genlets) {
		var perms func(s []int) *genlet
		perms = func(s []int) *genlet {
			return all.generate(func() {
				if len(s) <= 1 {
					all.yield(s, 1)
					return
				}
				perms(s[1:]).each(func(p any) {
					for i := range s {
						rest := p.([]int)
						q := append(append(append([]int(nil), rest[:i]...), s[0]), rest[i:]...)
						all.yield(q, 1)
					}
				})
			})
		}
		seen := make(map[string]bool)
		n := 0
		perms([]int{0, 1, 2, 3}).each(func(v any) { seen[fmt.Sprint(v)] = true; n++ })
		require.Equal(t, 24, n)
		require.Len(t, seen, 24)
		require.Contains(t, seen, "[0 1 2 3]")
		require.Contains(t, seen, "[3 2 1 0]")
		four, three := perms([]int{0, 1, 2, 3}), perms([]int{0, 1, 2})
		var pairs []string
		for {
			b, ok := three.next()
			if !ok {
				break
			}
			a, _ := four.next()
			pairs = append(pairs, fmt.Sprint(a, b))
		}
		require.Equal(t, []string{
			"[0 1 2 3] [0 1 2]", "[1 0 2 3] [1 0 2]", "[1 2 0 3] [1 2 0]",
			"[1 2 3 0] [0 2 1]", "[0 2 1 3] [2 0 1]", "[2 0 1 3] [2 1 0]",
		}, pairs, "two generators take turns")
	})
	start(t, "nested to depth five", func(t *testing.T, all genlets) {
		var nest func(n int) *genlet
		nest = func(n int) *genlet {
			return all.generate(func() {
				if n == 0 {
					return
				}
				nest(n - 1).each(func(v any) { all.yield(v, 1) })
				all.yield(n, 1)
			})
		}
		var seen []any
		nest(5).each(func(v any) { seen = append(seen, v) })
		require.Equal(t, []any{1, 2, 3, 4, 5}, seen)
	})
	start(t, "yield outside is refused", func(t *testing.T, all genlets) {
		require.ErrorIs(t, all.yield(1, 1), errOutside)
		g := greenlet.New(func(...any) (any, error) { return nil, all.yield(1, 1) })
		fails(t, errOutside)(g.Switch())
	})
}

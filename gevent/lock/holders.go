package lock

import (
	"slices"
	"strings"

	"github.com/baton-go/baton/internal/hub"
)

// maxHolders is how many holders of one semaphore are known by name.
const maxHolders = 16

// holders are those who acquired and have not released, at most maxHolders of
// them, the latest last.
type holders []*hub.Proc

// add notes that p, if it is a greenlet, has acquired.
func (hs *holders) add(p *hub.Proc) {
	if p != nil && len(*hs) < maxHolders {
		*hs = append(*hs, p)
	}
}

// drop notes that p has released, and reports whether p had acquired. If not it
// released for somebody else: the one who has held longest.
func (hs *holders) drop(p *hub.Proc) bool {
	all := *hs
	last := len(all) - 1
	if last < 0 {
		return false
	}
	i := last
	if all[last] != p {
		i = slices.Index(all, p)
	}
	*hs = slices.Delete(all, max(i, 0), max(i, 0)+1)
	return i >= 0 && p != nil
}

// names returns the names of those who are of the thread of h.
func (hs holders) names(h *hub.Hub) []string {
	var names []string
	for _, p := range hs {
		names = append(names, nameOf(p, h))
	}
	return names
}

// nameOf returns p's name, if that may be read in the thread of h.
func nameOf(p *hub.Proc, h *hub.Hub) string {
	switch {
	case p.Hub() != h:
		return "a greenlet of another thread"
	case p.Done():
		return p.Name() + " (ended)"
	}
	return p.Name()
}

// held describes who holds, for a String.
func held(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ", held by " + strings.Join(names, ", ")
}

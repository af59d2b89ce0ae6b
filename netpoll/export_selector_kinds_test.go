package netpoll

import (
	"errors"
	"slices"
)

// NewSelectorRefused is NewSelector with a kernel that refuses the named kinds.
func NewSelectorRefused(names ...string) (*Selector, error) {
	kinds := slices.Clone(selectorKinds)
	for i, k := range kinds {
		if slices.Contains(names, k.name) {
			kinds[i].open = func() (selectorBackend, error) { return nil, errors.New("the kernel refuses " + k.name) }
		}
	}
	return newSelector(kinds)
}

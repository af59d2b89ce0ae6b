package pool

// Waits reports whether anybody stands in one of the lists.
func (g *Group) Waits() bool {
	return g.slots.list.First() != nil || g.empty.First() != nil || len(g.watches) > 0
}

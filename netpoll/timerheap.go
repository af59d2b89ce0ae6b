package netpoll

import (
	"math"
	"slices"
	"time"
)

// A timerHeap is a 4-ary min-heap of the armed timers, keyed (when, sequence). It
// is made for a million of them, where what costs is cache misses and the garbage
// collector:
//
//   - A node is 16 bytes and holds a copy of the key, so that comparing follows no
//     pointer, and the four children of a node are one cache line.
//   - Nodes hold no pointer but the number of a slot, in which the timer stands,
//     and a timer knows its slot but not its node. So a node that moves in the
//     heap touches nothing else, not even a write barrier.
//   - Nodes and slots stand in pages, so that growing copies nothing, and pages
//     that are no longer needed are given back.
//
// Since a timer does not know its node, that is mended later. Disarming clears
// the slot, which keeps nothing alive, and leaves a stale node; moving a timer to
// a later time leaves a node with too early a key. Such nodes are dropped and
// renewed when they come to the root, or all at once by rebuild. Moving to an
// earlier time is disarming and arming.
//
// The places of the heap are numbered so that siblings are aligned: the root has
// place 3, the children of place p are 4(p-2) to 4(p-2)+3.
//
// Invariants:
//   - a node is not less than its parent;
//   - each place has a slot of its own, those beyond the last node too: what
//     stands there is a vacant node, which is greater than any key. So no list of
//     free slots is needed, and the last group of siblings can be compared like
//     any other;
//   - slot s of node n holds nil and n is stale, or it holds a timer t with
//     t.slot == s, and (t.when, t.seq) is n's key or, if t was moved, greater;
//     every armed timer is in one slot;
//   - sequence numbers are unique and grow with each arming, so that no two keys
//     are equal and the order of firing is fully defined.
type timerHeap struct {
	nodes []*nodePage
	slots []*slotPage
	n     uint   // nodes
	stale uint   // those of them that are stale
	low   uint   // with fewer nodes than this there are too many pages
	seq   uint32 // the last arming's

	rebuilt uint // how often rebuild or shrink ran, after which keys and slots are others
}

type timerNode struct {
	when uint64 // see ordered
	id   uint64 // sequence<<32 | slot
}

const (
	pageSize = 512 // a power of two
	root     = 3   // the place of the first node

	// vacant is the sequence number of the nodes that are none.
	vacant = math.MaxUint32

	// fewStale is how many stale nodes are left in peace.
	fewStale = 64
)

type (
	nodePage [pageSize / 4][4]timerNode
	slotPage [pageSize]*Timer
)

// ordered maps durations to unsigned numbers in the same order.
func ordered(d time.Duration) uint64 { return uint64(d) ^ 1<<63 }

func (a *timerNode) less(b *timerNode) bool {
	return a.when < b.when || a.when == b.when && a.id < b.id
}

// compare is for sorting.
func (a timerNode) compare(b timerNode) int {
	switch {
	case a.less(&b):
		return -1
	case b.less(&a):
		return 1
	}
	return 0
}

func (a *timerNode) slot() uint32 { return uint32(a.id) }
func (a *timerNode) seq() uint32  { return uint32(a.id >> 32) }

// nodeOf is the node that t should have.
func nodeOf(t *Timer) timerNode {
	return timerNode{ordered(t.when), uint64(t.seq)<<32 | uint64(t.slot)}
}

// vacantNode is what stands in a place of which the slot is free.
func vacantNode(slot uint32) timerNode {
	return timerNode{math.MaxUint64, vacant<<32 | uint64(slot)}
}

func (h *timerHeap) at(place uint) *timerNode {
	return &h.nodes[place/pageSize][place%pageSize/4][place%4]
}

func (h *timerHeap) slot(s uint32) **Timer {
	return &h.slots[s/pageSize][s%pageSize]
}

// live is the number of armed timers.
func (h *timerHeap) live() int { return int(h.n - h.stale) }

// add puts t, whose when is set, into the heap.
func (h *timerHeap) add(t *Timer) {
	t.seq = h.nextSeq()
	place := root + h.n
	if place >= uint(len(h.nodes))*pageSize { // greater if there is no page yet
		h.grow()
	}
	t.slot = h.at(place).slot()
	*h.slot(t.slot) = t
	h.n++
	h.up(place, nodeOf(t))
}

// move sets t.when.
func (h *timerHeap) move(t *Timer, when time.Duration) {
	if when < t.when {
		h.remove(t)
		t.when = when
		h.add(t)
		return
	}
	t.when, t.seq = when, h.nextSeq()
}

// remove takes t out of the heap.
func (h *timerHeap) remove(t *Timer) {
	*h.slot(t.slot) = nil
	// What was armed a moment ago, for a time later than most, is the last one.
	if last := h.at(root + h.n - 1); last.slot() == t.slot {
		*last = vacantNode(t.slot)
		h.n--
		if h.n < h.low {
			h.shrink()
		}
		return
	}
	h.stale++
	if h.stale > fewStale && h.stale > h.n/2 {
		h.rebuild()
	}
}

// first returns the timer that is due first, and nil if there is none. Its node
// is then at the root.
func (h *timerHeap) first() *Timer {
	for renewed := uint(0); h.n > 0; {
		n := h.at(root)
		t := *h.slot(n.slot())
		switch {
		case t == nil:
			h.stale--
			h.pop()
		case t.seq == n.seq():
			return t
		case renewed > fewStale && renewed > h.n/8:
			h.renew()
			h.rebuild()
		default:
			h.down(root, nodeOf(t))
			renewed++
		}
	}
	return nil
}

// removeFirst takes the timer out that first returned.
func (h *timerHeap) removeFirst() {
	*h.slot(h.at(root).slot()) = nil
	h.pop()
}

// due returns the keys of the timers that are due, in order.
func (h *timerHeap) due(now time.Duration) []timerNode {
	n := 0
	for p := uint(root); p < root+h.n; p++ {
		if h.at(p).when <= ordered(now) {
			n++
		}
	}
	due := make([]timerNode, 0, n)
	for p := uint(root); p < root+h.n; p++ {
		n := h.at(p)
		if n.when > ordered(now) {
			continue
		}
		if t := *h.slot(n.slot()); t != nil && t.when <= now {
			due = append(due, nodeOf(t))
		}
	}
	slices.SortFunc(due, timerNode.compare)
	return due
}

// pop takes the root out, whose slot is clear.
func (h *timerHeap) pop() {
	h.n--
	last := h.at(root + h.n)
	n := *last
	*last = vacantNode(h.at(root).slot())
	if h.n > 0 {
		h.down(root, n)
	}
	if h.n < h.low {
		h.shrink()
	}
}

// up moves the vacancy at p towards the root until n fits there.
func (h *timerHeap) up(p uint, n timerNode) {
	for p > root {
		parent := h.at(p/4 + 2)
		if !n.less(parent) {
			break
		}
		*h.at(p) = *parent
		p = p/4 + 2
	}
	*h.at(p) = n
}

// down moves the vacancy at p away from the root until n fits there. That it
// branches is on purpose: time-outs of one length stand in the heap in order, and
// then the processor foresees which child is the least. Without branches, random
// keys took a fifth less time, and timers fired among 10,000 in order half more.
func (h *timerHeap) down(p uint, n timerNode) {
	end := root + h.n
	to := h.at(p)
	for {
		first := 4 * (p - 2)
		if first >= end {
			break
		}
		group := &h.nodes[first/pageSize][first%pageSize/4]
		least := uint(0)
		for i := uint(1); i < 4; i++ {
			if group[i].less(&group[least%4]) {
				least = i
			}
		}
		from := &group[least%4]
		if !from.less(&n) {
			break
		}
		*to = *from
		to, p = from, first+least
	}
	*to = n
}

// renew gives every node the key of its timer; rebuild must follow.
func (h *timerHeap) renew() {
	for p := uint(root); p < root+h.n; p++ {
		n := h.at(p)
		if t := *h.slot(n.slot()); t != nil {
			*n = nodeOf(t)
		}
	}
}

// rebuild drops the stale nodes and restores the order.
func (h *timerHeap) rebuild() {
	h.rebuilt++
	end := root + h.n
	to := uint(root)
	for p := to; p < end; p++ {
		if n := h.at(p); *h.slot(n.slot()) != nil {
			*n, *h.at(to) = *h.at(to), *n
			to++
		}
	}
	h.n, h.stale = to-root, 0
	for p := to; p < end; p++ {
		n := h.at(p)
		*n = vacantNode(n.slot())
	}
	if h.n > 1 {
		for p := (to-1)/4 + 2; p >= root; p-- {
			h.down(p, *h.at(p))
		}
	}
	if h.n < h.low {
		h.shrink()
	}
}

// nextSeq returns the number of an arming. When they run out, those that are in
// use are numbered anew.
func (h *timerHeap) nextSeq() uint32 {
	if h.seq == vacant-1 {
		h.renumber()
	}
	h.seq++
	return h.seq
}

// renumber gives the armed timers the lowest sequence numbers, in their order.
func (h *timerHeap) renumber() {
	h.renew()
	h.rebuild()
	sorted := make([]timerNode, h.n)
	for i := range sorted {
		sorted[i] = *h.at(root + uint(i))
	}
	slices.SortFunc(sorted, timerNode.compare)
	h.seq = 0
	for i, n := range sorted {
		h.seq++
		t := *h.slot(n.slot())
		t.seq = h.seq
		*h.at(root + uint(i)) = nodeOf(t) // what is sorted is a heap
	}
}

// grow adds a page.
func (h *timerHeap) grow() {
	place := uint(len(h.nodes)) * pageSize
	if place >= 1<<31 {
		misuse("Arm", "2³¹ timers are armed", "use fewer timers, or more loops")
	}
	page := new(nodePage)
	for i := range uint(pageSize) {
		page[i/4][i%4] = vacantNode(uint32(place + i))
	}
	h.nodes = append(h.nodes, page)
	h.slots = append(h.slots, new(slotPage))
	h.setLow()
}

// shrink gives pages back, down to twice what is needed: those of the last places,
// and those of the last slots, whose timers move into slots of the places that go.
func (h *timerHeap) shrink() {
	h.rebuilt++
	pages := max(1, (2*h.n+pageSize-1)/pageSize)
	end := pages * pageSize
	goes := end
	for p := uint(root); p < end; p++ {
		n := h.at(p)
		s := n.slot()
		if uint(s) < end {
			continue
		}
		for uint(h.at(goes).slot()) >= end {
			goes++
		}
		stays := h.at(goes).slot()
		goes++
		n.id = n.id - uint64(s) + uint64(stays)
		if t := *h.slot(s); t != nil {
			*h.slot(stays) = t
			t.slot = stays
		}
	}
	h.nodes = slices.Clone(h.nodes[:pages])
	h.slots = slices.Clone(h.slots[:pages])
	h.setLow()
}

// setLow keeps low at a quarter of what the pages hold; one page is kept.
func (h *timerHeap) setLow() {
	h.low = 0
	if len(h.nodes) > 1 {
		h.low = uint(len(h.nodes)) * pageSize / 4
	}
}

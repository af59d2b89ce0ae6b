package netpoll

import (
	"strconv"
	"strings"
)

// Events is a set: what a descriptor is watched for, or what it was found to be.
// [Read], [Write] or both, and when it is registered also [EdgeTriggered] and
// [OneShot]. The first two have the values of Python's EVENT_READ and EVENT_WRITE.
type Events uint8

const (
	// Read stands for: reading, or accepting a connection, does not block.
	Read Events = 1 << iota

	// Write stands for: writing does not block, or a connect is over.
	Write

	// EdgeTriggered makes the kernel report a descriptor when something arrives,
	// not for as long as something is there. Whoever is told must read or write
	// until the kernel says EAGAIN, so the descriptor has to be non-blocking.
	// It is for [NewEpoll] and [NewKqueue] only.
	EdgeTriggered

	// OneShot makes the kernel report a descriptor once. The key stays registered
	// but silent, until [Selector.Modify] arms it again. It is for [NewEpoll] and
	// [NewKqueue] only.
	OneShot
)

const (
	readWrite Events = Read | Write
	modes     Events = EdgeTriggered | OneShot
)

// Has reports whether all of x are in the set.
func (e Events) Has(x Events) bool { return e&x == x }

// String lists what is in the set, such as "read|write|edge|oneshot"; an empty one
// is "none".
func (e Events) String() string {
	if e == 0 {
		return "none"
	}
	var names []string
	for i, name := range [...]string{"read", "write", "edge", "oneshot"} {
		if bit := Events(1) << i; e&bit != 0 {
			names = append(names, name)
			e &^= bit
		}
	}
	if e != 0 {
		names = append(names, "0x"+strconv.FormatUint(uint64(e), 16))
	}
	return strings.Join(names, "|")
}

// A Key is what a descriptor is registered as. It mirrors Python's SelectorKey.
type Key struct {
	Fd     int    // the descriptor's number
	Events Events // what it is watched for
	Data   any    // whatever was registered with it, such as a callback
}

// A Ready is a key of which [Selector.Select] found that something can be done.
type Ready struct {
	Key
	Ready Events // what can be done: Read, Write or both, of what Key.Events asks
}

package netpoll

// The poller is the part of the loop that differs between platforms. Each of
// poller_epoll.go, poller_kqueue.go and poller_stub.go defines a type poller,
// whose zero value is not open, and these methods of *poller, and nothing else
// that the rest of the package uses:
//
// open() error
//	Makes the kernel's object and arms the wake-up.
//
// close() error
//	Undoes open, and with it all registrations.
//
// add(fd int, t tag, again bool) error
//	Registers fd for both sides, edge-triggered. Events carry t. If again is
//	set and the kernel still has an earlier registration: EEXIST. If again is
//	not set such a registration is nobody's any more, and t takes it over.
//
// watch(fd int, t tag, old, new event) error
//	Changes the level-triggered registration of fd from the sides in old to
//	those in new, of which old, but not new, may be none. If old is not none and
//	the kernel has no registration, because the number was closed: ENOENT. If
//	old is none and it has one, that is nobody's any more and t takes it over.
//
// add and watch return EEXIST for the poller's own descriptors.
//
// remove(fd int, registered event) error
//	Removes what add (registered: both sides) or watch made.
//
// poll(wait time.Duration) int
//	Fetches events and returns their number: at once if wait is zero, after at
//	most wait if it is more, else when there are some. It may return early, with
//	no events; the loop then polls again.
//
// event(i int) (tag, event)
//	The ith event of the last poll. The zero tag is nobody's.
//
// wake()
//	Makes a poll that sleeps, or the next one that would, return, with an
//	evWake event or without. Any goroutine may call it between open and close.

// A tag says for whom an event is. The kernel keeps it with a registration and
// hands it back with each event. See sources.
type tag struct {
	index      uint32 // of a slot
	generation uint32 // of the slot when it was taken
}

// An event says what happened to a descriptor, as a set of bits. An end without
// the side's other bit is a guess, from what the other side reports: whoever can
// try without blocking should.
type event uint8

const (
	evRead       event = 1 << ReadSide  // reading may make progress
	evWrite      event = 1 << WriteSide // writing may make progress
	evReadEnd    event = 4 << ReadSide  // no more will come; reading reports why
	evWriteEnd   event = 4 << WriteSide // nothing more is taken; writing reports why
	evWake       event = 1 << 4         // the poller's own wake-up
	evBoth             = evRead | evWrite
	evBothEnded        = evBoth | evReadEnd | evWriteEnd
	evReadEnded        = evRead | evReadEnd
	evWriteEnded       = evWrite | evWriteEnd
)

// A Side is one of the two directions of a descriptor.
type Side uint8

const (
	ReadSide  Side = iota // reading, and accepting connections
	WriteSide             // writing, and the completion of a connect
)

// String returns "read" or "write".
func (s Side) String() string {
	if s == ReadSide {
		return "read"
	}
	return "write"
}

// ready and end are the bits of an event that concern the side.
func (s Side) ready() event { return evRead << s }
func (s Side) end() event   { return evReadEnd << s }

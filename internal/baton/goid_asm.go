//go:build (amd64 || arm64) && !baton_stackid

package baton

// idOffset is where the runtime keeps a goroutine's number in its g. The layout
// of g is private and changes between Go versions, so nothing is assumed of it:
// the offset is found at start-up (see findOffset), and the program refuses to
// start where it cannot be found.
//
//lint:ignore U1000 currentID reads it, in assembly
var idOffset = findOffset()

// peekG returns the word at the offset in the calling goroutine's g.
func peekG(offset uintptr) uint64

// currentID returns the calling goroutine's number.
func currentID() uint64

const (
	probes   = 6   // goroutines asked; each one more makes a chance match less likely
	probeEnd = 256 // bytes of g searched; g has been larger than 350 in every version
)

// findOffset looks for the one word of g that equals the goroutine's number, as
// its stack trace gives it, in several goroutines.
func findOffset() uintptr {
	candidates := make(map[uintptr]int)
	for range probes {
		done := make(chan struct{})
		go func() {
			defer close(done)
			id := parseID()
			for off := uintptr(0); off < probeEnd; off += 8 {
				if peekG(off) == id {
					candidates[off]++
				}
			}
		}()
		<-done
	}
	found := uintptr(0)
	for off, n := range candidates {
		if n != probes {
			continue
		}
		if found != 0 {
			panic("baton: the goroutine number stands twice in g; build with -tags baton_stackid")
		}
		found = off
	}
	if found == 0 {
		panic("baton: the goroutine number is not where it is looked for in g; build with -tags baton_stackid")
	}
	return found
}

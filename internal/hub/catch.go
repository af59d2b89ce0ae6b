package hub

// A Catch finds out whether a function that did not return is being unwound,
// without recovering any other panic, whose stack would be lost. It is begun before
// the call, and asked by the deferred function.
type Catch struct {
	p       *Proc
	unwound uint16
}

// maxUnwound is where the count of unwindings ends. From then on every panic may
// be one.
const maxUnwound = 1<<16 - 1

// Catch begins one for p, which calls.
func (p *Proc) Catch() Catch { return Catch{p, p.unwound} }

// Possible reports whether a panic that is in flight may be an unwinding, see
// [Unwind]. It may still be another one, of a function that has recovered the
// unwinding. A generator may have been begun by one Proc and be driven by another;
// nothing is known of that one.
func (c Catch) Possible() bool {
	if _, p := Here(); p != c.p {
		return true
	}
	return c.p.unwound != c.unwound || c.unwound == maxUnwound
}

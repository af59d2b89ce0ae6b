package baton

// A Stage says when in the end of a thread something is done.
type Stage int

const (
	// EndGreenlets is first: suspended greenlets are ended, of which some may be
	// parked inside a generator.
	EndGreenlets Stage = iota
	// EndGenerators closes those generators that are suspended between two
	// values.
	EndGenerators
	// EndLate and EndLateGenerators are for what the clean-up of those has begun.
	EndLate
	EndLateGenerators
	// EndHub is last, because the clean-up of all others may need the hub.
	EndHub
	stages
)

// OnEnd has h called at a stage of the thread's end (see End), with the fiber of
// the root. The packages that keep suspended bodies in a thread use it to end
// them. In each stage the last one registered is called first. It belongs to the
// holder of the baton.
func (t *Thread) OnEnd(s Stage, h func(root *Fiber)) {
	t.atEnd[s] = append(t.atEnd[s], h)
}

// End calls what OnEnd registered, reaps the carriers and leaves the thread for
// good. The caller is the root. A panic of one of the functions goes on when all
// of this is done.
func (t *Thread) End(root *Fiber) {
	defer t.Leave()
	defer t.Close(root)
	t.runAtEnd(root)
}

func (t *Thread) runAtEnd(root *Fiber) {
	for s := range t.atEnd {
		if n := len(t.atEnd[s]); n > 0 {
			h := t.atEnd[s][n-1]
			t.atEnd[s] = t.atEnd[s][:n-1]
			defer t.runAtEnd(root)
			h(root)
			return
		}
	}
}

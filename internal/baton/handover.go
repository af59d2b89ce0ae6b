package baton

// A Handover is what the task that gives the baton leaves for the task that
// gets it: the value that its parked call returns, or what it fails with. A
// thread has one, because at any time one switch at most is under way.
//
// Package greenlet fills it before each switch, and reads it after each one in
// which To is the task for which it was parked. A package that parks tasks in
// calls of its own (internal/hub) may be resumed by a switch of package
// greenlet too. It finds out by comparing To with the task that it parked, and
// may take Err or, if Mark is not zero, ignore the rest.
type Handover struct {
	To    *Task // for whom it is; every other task must leave it alone
	Value any   // what was sent
	Err   error // what was thrown
	Mark  uint8 // what package greenlet has to do at the arrival beside returning Value
}

// MarkThrown is the Mark of a Handover that carries an Err. Package greenlet has
// further ones.
const MarkThrown uint8 = 1

// Throw leaves err for task to, which is parked in a call of package greenlet and
// is resumed next by somebody else.
func (t *Thread) Throw(to *Task, err error) {
	t.Handover = Handover{To: to, Err: err, Mark: MarkThrown}
}

// OnEnd has h called when the thread ends (see End), with the fiber of the root.
// The packages that keep suspended bodies in a thread use it to end them. The
// last one registered is called first. It belongs to the holder of the baton.
func (t *Thread) OnEnd(h func(root *Fiber)) {
	t.atEnd = append(t.atEnd, h)
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
	n := len(t.atEnd)
	if n == 0 {
		return
	}
	h := t.atEnd[n-1]
	t.atEnd = t.atEnd[:n-1]
	defer t.runAtEnd(root)
	h(root)
}

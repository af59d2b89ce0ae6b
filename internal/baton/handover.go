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

// What a Mark says to every package. Package greenlet has further ones.
const (
	MarkThrown   uint8 = 1 << iota // Err was thrown
	MarkPanicked                   // Value, which Rethrow returned, is to be panicked with
)

// Throw leaves err for task to, which is parked in a call of package greenlet and
// is resumed next by somebody else.
func (t *Thread) Throw(to *Task, err error) {
	t.Handover = Handover{To: to, Err: err, Mark: MarkThrown}
}

package asynciotest

import (
	"testing"

	"github.com/baton-go/baton/internal/hub"
)

// AssertYields calls f, and fails the test, which goes on, if f has not given way to
// the loop: what is ready never got its turn. A task that does so again and again
// lets all others starve. It returns f's error. An f that fails before it gives way
// is not the test's failure. It mirrors trio.testing.assert_checkpoints.
//
// It must be called in a task or a greenlet, which f may park.
func AssertYields(t testing.TB, f func() error) error {
	t.Helper()
	yielded, err := yields("asynciotest.AssertYields", f)
	if !yielded && err == nil {
		t.Errorf("asynciotest.AssertYields: the call did not give way to the loop")
	}
	return err
}

// AssertNoYield calls f, and fails the test, which goes on, if f has given way to the
// loop: others may have run meanwhile, and changed what f relies on. It returns f's
// error. It mirrors trio.testing.assert_no_checkpoints. It may be called where
// [AssertYields] may.
func AssertNoYield(t testing.TB, f func() error) error {
	t.Helper()
	yielded, err := yields("asynciotest.AssertNoYield", f)
	if yielded {
		t.Errorf("asynciotest.AssertNoYield: the call gave way to the loop")
	}
	return err
}

// yields reports whether the loop has handed out an entry while f ran: whoever gives
// way comes back by one.
func yields(op string, f func() error) (bool, error) {
	_, p := hub.Require(op)
	loop := p.Hub().Loop
	before := loop.Stats().Entries
	err := f()
	return loop.Stats().Entries != before, err
}

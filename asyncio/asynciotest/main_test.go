package asynciotest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/baton-go/baton/asyncio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ctx is short for what every coroutine takes.
type ctx = context.Context

// spawn makes a task of a function without a result.
func spawn(c ctx, f func(ctx) error) *asyncio.Task[struct{}] {
	return asyncio.CreateTask(c, func(c ctx) (struct{}, error) { return struct{}{}, f(c) })
}

// A double is a testing.TB that notes how it failed.
type double struct {
	testing.TB
	errors []string
	fatal  string
}

var errFatal = errors.New("the test was ended")

func (d *double) Helper() {}

func (d *double) Errorf(format string, args ...any) {
	d.errors = append(d.errors, fmt.Sprintf(format, args...))
}

func (d *double) Fatalf(format string, args ...any) {
	d.fatal = fmt.Sprintf(format, args...)
	panic(errFatal)
}

// failing runs f with a double and returns how that failed.
func failing(t *testing.T, f func(t testing.TB)) (d *double) {
	d = &double{TB: t}
	defer func() {
		if v := recover(); v != nil && v != any(errFatal) {
			panic(v)
		}
	}()
	f(d)
	return d
}

package cases_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/bench/internal/cases"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNamesAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range cases.All {
		require.NotEmpty(t, c.Name)
		require.False(t, seen[c.Name], "%s stands in the table twice", c.Name)
		seen[c.Name] = true
	}
}

// A meter counts its calls.
type meter struct{ starts, stops int }

func (m *meter) Start() { m.starts++ }
func (m *meter) Stop()  { m.stops++ }

func TestBodiesMeasureOnceAndLeaveNoGoroutine(t *testing.T) {
	for _, c := range cases.All {
		for side, body := range map[string]cases.Body{"ours": c.Ours, "other": c.Other} {
			t.Run(c.Name+"/"+side, func(t *testing.T) {
				for _, n := range []int{1, 7, 1500} {
					var m meter
					body(&m, n)
					require.Equal(t, meter{1, 1}, m)
				}
				goleak.VerifyNone(t)
			})
		}
	}
}

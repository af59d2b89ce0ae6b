package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheLinesAlternate(t *testing.T) {
	for _, lines := range [][4]string{
		{"12", "56", "34", "78"},
		{"ok1", "ok2", "ok3", "ok4"},
	} {
		var out strings.Builder
		pingPong(&out, lines[0], lines[1], lines[2], lines[3])
		require.Equal(t, strings.Join(lines[:], "\n")+"\n", out.String())
	}
}

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheGreenletsTakeTurns(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out))
	require.Equal(t, `first: one greenlet begins
second: the other greenlet begins
third: the one goes on and ends
fourth: the other one goes on and ends
`, out.String())
}

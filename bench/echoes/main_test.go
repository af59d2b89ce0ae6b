package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryServerIsMeasured(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run([]string{"-rounds", "2", "-conns", "10", "-requests", "50"}, &out, io.Discard))
	require.Contains(t, out.String(), "10 connections, 50 requests each, the lowest of 2 rounds\n")
	require.Regexp(t, "\\| `echo` \\| \\S+s \\| 1.00 \\|\n\\| `asyncio-echo-streams` \\| \\S+s \\| \\d", out.String())
	require.Regexp(t, "\\| `asyncio-echo-protocol` \\| \\S+s \\| \\d+\\.\\d\\d \\|\n$", out.String())
}

func TestNumbersMustMakeSense(t *testing.T) {
	require.ErrorContains(t, run([]string{"-rounds", "0"}, io.Discard, io.Discard), "must be 1 or more")
	require.Error(t, run([]string{"-nonsense"}, io.Discard, io.Discard))
	_, err := measure("/nonexistent", 1, 1)
	require.Error(t, err)
	_, err = measure("/bin/echo", 1, 1)
	require.ErrorContains(t, err, "did not say what it used")
}

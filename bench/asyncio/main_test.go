package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table runs the command briefly and returns its lines.
func table(t *testing.T, candidates ...string) []string {
	var stdout, stderr strings.Builder
	require.NoError(t, run([]string{"-rounds", "2", "-part", "100"}, &stdout, &stderr, candidates))
	require.Empty(t, stderr.String())
	return strings.Split(strings.TrimSpace(stdout.String()), "\n")
}

func TestTheTableHasARowForEachWorkload(t *testing.T) {
	python, uvloop := findPython(pythons)
	if python == "" {
		t.Skip("there is no python3")
	}
	lines := table(t, python)
	want := `[\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| 0.25 \| (pass|\*\*miss\*\*) \|$`
	if !uvloop {
		require.Contains(t, lines[0], "has no uvloop: asyncio's own loop only.")
		lines = lines[1:]
		want = `[\d.]+ \| [\d.]+ \| [\d.]+ \| - \| - \| 0.25 \| (pass|\*\*miss\*\*) \|$`
	}
	require.Len(t, lines, 4+len(all))
	require.Regexp(t, `^go\S+ \w+/\w+, GOMAXPROCS \d+; Python 3\S+; the fastest of 2 rounds$`, lines[0])
	for i, w := range all {
		require.Regexp(t, `^\| `+w.name+`: [^|]+ \| `+want, lines[4+i])
	}
}

func TestWithoutPythonOursIsMeasuredAlone(t *testing.T) {
	lines := table(t, "there-is-no-such-interpreter")
	require.Equal(t, "There is no python3 here: ours only. Install one, or name it with -python.", lines[0])
	require.Len(t, lines, 5+len(all))
	for i, w := range all {
		require.Regexp(t, `^\| `+w.name+`: [^|]+ \| [\d.]+ \| - \| - \| - \| - \| 0.25 \| - \|$`, lines[5+i])
	}
}

func TestTheResultIsHeldAgainstTheBudget(t *testing.T) {
	w := workload{name: "name", what: "what"}
	for _, test := range []struct {
		result result
		want   string
	}{
		{result{100, 1000, 500}, "| name: what | 100.0 | 1000 | 0.100 | 500 | 0.200 | 0.25 | pass |"},
		{result{100, 1000, 300}, "| name: what | 100.0 | 1000 | 0.100 | 300 | 0.333 | 0.25 | **miss** |"},
		{result{100, 300, 1000}, "| name: what | 100.0 | 300 | 0.333 | 1000 | 0.100 | 0.25 | **miss** |"},
		{result{100, 1000, 0}, "| name: what | 100.0 | 1000 | 0.100 | - | - | 0.25 | pass |"},
		{result{100, 0, 0}, "| name: what | 100.0 | - | - | - | - | 0.25 | - |"},
	} {
		require.Equal(t, test.want, test.result.row(w))
	}
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	var out strings.Builder
	require.ErrorContains(t, run([]string{"-rounds", "0"}, &out, &out, nil), "-rounds is 0 and -part 1; they must be 1 or more")
	require.ErrorIs(t, run([]string{"-h"}, &out, &out, nil), flag.ErrHelp)
	require.Contains(t, out.String(), "-python interpreter")
}

package main

import (
	"flag"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/bench/internal/cases"
)

func TestTheTableHasARowForEachPairThatWasAskedFor(t *testing.T) {
	var stdout, stderr strings.Builder
	require.NoError(t, run([]string{"-rounds", "12", "-time", "1us", "-only", "^(switch|post-awake)$"}, &stdout, &stderr))
	require.Empty(t, stderr.String())
	lines := strings.Split(stdout.String(), "\n")
	require.Len(t, lines, 7)
	require.Regexp(t, `^go\S+ \w+/\w+, GOMAXPROCS \d+, .+; the fastest of 12 rounds of 1µs or more$`, lines[0])
	require.Empty(t, lines[1])
	require.Equal(t, "| what | ours ns | other ns | ratio | budget | allocs | result |", lines[2])
	require.Equal(t, "|---|---:|---:|---:|---:|---:|---|", lines[3])
	require.Regexp(t, `^\| switch: [^|]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| 0.30 \| 0.00 of 0 \| (pass|\*\*miss\*\*) \|$`, lines[4])
	require.Regexp(t, `^\| post-awake: [^|]+ \| [\d.]+ \| [\d.]+ \| [\d.]+ \| - \| [\d.]+ \| - \|$`, lines[5])
}

func TestTheResultIsHeldAgainstTheBudget(t *testing.T) {
	c := cases.Case{Name: "name", What: "ours / other", Budget: 0.5, Allocs: 1}
	for _, test := range []struct {
		result result
		want   string
	}{
		{result{50, 100, 1}, "| name: ours / other | 50.0 | 100.0 | 0.500 | 0.50 | 1.00 of 1 | pass |"},
		{result{60, 100, 1}, "| name: ours / other | 60.0 | 100.0 | 0.600 | 0.50 | 1.00 of 1 | **miss** |"},
		{result{50, 100, 2}, "| name: ours / other | 50.0 | 100.0 | 0.500 | 0.50 | 2.00 of 1 | **miss** |"},
		{result{50, 100, 1.003}, "| name: ours / other | 50.0 | 100.0 | 0.500 | 0.50 | 1.00 of 1 | pass |"},
	} {
		require.Equal(t, test.want, row(c, test.result))
	}
}

func TestRoundsLastLongEnoughAndHaveWholeGroups(t *testing.T) {
	runs := 0
	hundredNanoseconds := func(m cases.Meter, n int) {
		runs++
		m.(*stopwatch).elapsed = time.Duration(n) * 100
	}
	s := newSide(hundredNanoseconds, 0, time.Millisecond)
	require.GreaterOrEqual(t, s.n, 10_000)
	require.Less(t, s.n, 20_000)
	require.Zero(t, s.n%multiple)
	require.Equal(t, 2, runs)

	s.round()
	require.Equal(t, []float64{100}, s.rounds)

	require.Equal(t, 200_000, newSide(hundredNanoseconds, 200_000, time.Millisecond).n)
}

func TestOneFigureIsMadeOfAllRounds(t *testing.T) {
	rounds := []float64{5, 1, 2, 9, 3}
	require.Equal(t, 1.0, fastest(rounds))
	require.Equal(t, 3.0, median(rounds))
	require.Equal(t, []float64{5, 1, 2, 9, 3}, rounds)
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-rounds 0", "-rounds is 0; it must be 1 or more"},
		{"-only (", "-only: error parsing regexp: missing closing ): `(`"},
		{"-only " + regexp.QuoteMeta("nothing.like.it"), `-only: no pair's name matches "nothing\\.like\\.it"; the names are switch, generator-next`},
	} {
		var out strings.Builder
		err := run(strings.Fields(test.args), &out, &out)
		require.ErrorContains(t, err, test.want)
	}
	var out strings.Builder
	require.ErrorIs(t, run([]string{"-h"}, &out, &out), flag.ErrHelp)
	require.Contains(t, out.String(), "-only regexp")
}

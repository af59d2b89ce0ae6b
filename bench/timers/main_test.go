package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test's own binary serves as the child.
func TestMain(m *testing.M) {
	if spec := os.Getenv(jobVariable); spec != "" {
		os.Exit(child(spec, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestTheTableHasARowForEachWayInEachScenario(t *testing.T) {
	var stdout, stderr strings.Builder
	require.NoError(t, run([]string{"-n", "200", "-rounds", "1", "-hold", "500ms", "-spread", "1ms", "-only", "fire|cancel"}, &stdout, &stderr))
	require.Empty(t, stderr.String())
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	require.Len(t, lines, 4+2*len(ways))
	require.Regexp(t, `^go\S+ \w+/\w+, GOMAXPROCS \d+; 200 timers, the least of 1 rounds; ratios are to time.AfterFunc$`, lines[0])
	require.Empty(t, lines[1])
	for i, scenario := range []string{fire, cancel} {
		for k, w := range ways {
			line := lines[4+i*len(ways)+k]
			require.True(t, strings.HasPrefix(line, "| "+scenario+" | "+w.name+" | "), line)
			require.Equal(t, strings.Count(lines[2], "|"), strings.Count(line, "|"), line)
			judged := w.ours && scenario == fire
			require.Equal(t, !judged, strings.HasSuffix(line, "| - |"), line)
			if w.name == reference {
				require.Contains(t, line, " 1.00 ")
			}
		}
	}
}

func TestEveryWayDoesWhatTheScenarioSays(t *testing.T) {
	for _, s := range scenarios {
		for _, w := range ways {
			t.Run(s+", "+w.name, func(t *testing.T) {
				r, err := job{s, w.name, 100, 300 * time.Millisecond, time.Millisecond}.measure()
				require.NoError(t, err)
				require.Positive(t, r.First)
				require.Positive(t, r.Then)
				require.Positive(t, r.Heap)
			})
		}
	}
}

func TestTimersThatDoNotFireOnceAreFound(t *testing.T) {
	c := newCounter(3)
	require.NoError(t, c.eachFired(0))
	c.fired = []uint8{1, 2, 1}
	require.EqualError(t, c.eachFired(1), "timer 1 fired 2 times, not 1")
	c.fired = []uint8{1, 1, 0}
	require.EqualError(t, c.eachFired(1), "timer 2 fired 0 times, not 1")

	_, err := job{fire, reference, 1000, 1, time.Millisecond}.measure()
	require.ErrorContains(t, err, "the first was due before all were armed")
}

func TestTheResultIsHeldAgainstTheBudgets(t *testing.T) {
	base := result{First: 400, Then: 600, CPU: 2000, Peak: 100 << 20, Heap: 50 << 20}
	for _, test := range []struct {
		result result
		want   string
	}{
		{result{100, 400, 500, 70 << 20, 30 << 20}, "| fire | Loop.CallLater | 10 | 40 | 0.50 | 50 | 0.25 | 70 | 0.70 | 30 | pass |"},
		{result{100, 410, 500, 70 << 20, 30 << 20}, "| fire | Loop.CallLater | 10 | 41 | 0.51 | 50 | 0.25 | 70 | 0.70 | 30 | **miss** |"},
		{result{100, 400, 500, 80 << 20, 30 << 20}, "| fire | Loop.CallLater | 10 | 40 | 0.50 | 50 | 0.25 | 80 | 0.80 | 30 | **miss** |"},
	} {
		require.Equal(t, test.want, row(fire, ways[0], 10, test.result, base))
	}
	require.Equal(t, result{1, 2, 3, 4, 5}, result{1, 9, 3, 9, 5}.least(result{9, 2, 9, 4, 9}))
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	for _, test := range []struct{ arg, want string }{
		{"-n=0", "-n is 0 and -rounds is 3; both must be 1 or more"},
		{"-rounds=0", "-n is 1000000 and -rounds is 0; both must be 1 or more"},
		{"-spread=0", "-spread is 0s; it must be longer than nothing"},
		{"-only=nothing", `-only: no scenario's name matches "nothing"; the names are fire, equal, cancel, reset`},
	} {
		var out strings.Builder
		require.EqualError(t, run([]string{test.arg}, &out, &out), test.want)
	}
	_, err := inChild(job{"no", reference, 1, 1, 1})
	require.ErrorContains(t, err, `there is no scenario "no"`)
	_, err = inChild(job{fire, "no", 1, 1, 1})
	require.ErrorContains(t, err, `there is no way "no"`)
}

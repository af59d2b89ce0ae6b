//go:build unix

package main

import (
	"flag"
	"math"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheTableHasARowForEachWayAndAColumnForEachNumber(t *testing.T) {
	var stdout, stderr strings.Builder
	require.NoError(t, run([]string{"-rounds", "2", "-time", "10us", "-idle", "0,50,1500"}, &stdout, &stderr))
	require.Empty(t, stderr.String())
	lines := strings.Split(stdout.String(), "\n")
	require.Regexp(t, `^go\S+ \w+/\w+, GOMAXPROCS \d+; the fastest of 2 rounds of 10µs or more$`, lines[0])
	require.Empty(t, lines[1])
	require.Equal(t, "| ns for one event, among idle descriptors | 0 | 50 | 1,500 |", lines[2])
	require.Equal(t, "|---|---:|---:|---:|", lines[3])
	require.Regexp(t, "^\\| `select` \\| [\\d,]+ \\| [\\d,]+ \\| - \\|$", lines[4])
	for i, w := range ways()[1:] {
		require.Regexp(t, `^\| `+regexp.QuoteMeta(w.name)+` \| [\d,]+ \| [\d,]+ \| [\d,]+ \|$`, lines[5+i])
	}
	require.Empty(t, lines[8])
	require.Regexp(t, "^-: `select` with 1,500 idle descriptors: .*: descriptor number too large for select$", lines[9])
	require.Len(t, lines, 11)
}

func TestATableThatTheLimitDoesNotAllowSaysSo(t *testing.T) {
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	low := old
	low.Cur = 200
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old)) }()
	c, err := measure(1000, 1, time.Microsecond)
	require.NoError(t, err)
	require.Len(t, c, len(ways()))
	for _, cell := range c {
		require.ErrorIs(t, cell.err, syscall.EMFILE)
		require.ErrorContains(t, cell.err, "can be opened: socket: ")
	}
	var out strings.Builder
	print(&out, []int{1000}, []column{c})
	require.Contains(t, out.String(), "-: `poll` with 1,000 idle descriptors: only 1")
}

func TestPollGetsSlowerWithTheNumberAndTheLoopHardly(t *testing.T) {
	few, err := measure(10, 20, 100*time.Microsecond)
	require.NoError(t, err)
	many, err := measure(800, 20, 100*time.Microsecond)
	require.NoError(t, err)
	ratio := func(name string) float64 { return many[name].ns / few[name].ns }
	require.Greater(t, ratio("`poll`"), 2*ratio("`Loop.AddReader`"))
	for _, c := range many {
		require.NoError(t, c.err)
		require.Greater(t, c.ns, 0.0)
		require.False(t, math.IsInf(c.ns, 0))
	}
}

func TestAnInterruptionDoesNotMakeRoundsShort(t *testing.T) {
	var p [2]int
	require.NoError(t, syscall.Pipe(p[:]))
	defer syscall.Close(p[0])
	defer syscall.Close(p[1])
	first := true
	c := &contender{out: p[1], events: 1, best: math.Inf(1)}
	c.wait = func() {
		if first {
			time.Sleep(20 * time.Millisecond)
			first = false
		}
		readByte(p[0])
	}
	c.size(5 * time.Millisecond)
	require.Greater(t, c.events, 1)
}

func TestNumbersHaveCommas(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567"} {
		require.Equal(t, want, thousands(n))
	}
}

func TestWrongArgumentsAreExplained(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-rounds 0", "-rounds is 0; it must be 1 or more"},
		{"-idle 10,x", `-idle is "10,x"; it must be a list of numbers of 0 or more, such as 10,1000`},
		{"-idle -5", `-idle is "-5"; it must be a list of numbers of 0 or more, such as 10,1000`},
	} {
		var out strings.Builder
		require.EqualError(t, run(strings.Fields(test.args), &out, &out), test.want)
	}
	var out strings.Builder
	require.ErrorIs(t, run([]string{"-h"}, &out, &out), flag.ErrHelp)
	require.Contains(t, out.String(), "-idle list")
}

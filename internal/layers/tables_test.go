package layers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tables of behaviours in docs name a test for each row, a name or its beginning
// and "...". A test that is renamed must not leave them wrong.
func TestTheTablesOfBehavioursNameTestsThatExist(t *testing.T) {
	tables, err := filepath.Glob("../../docs/*-behaviours.md")
	require.NoError(t, err)
	require.Len(t, tables, 2)
	have := testNames(t)
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*(?:\.\.\.)?`)
	for _, table := range tables {
		text, err := os.ReadFile(table)
		require.NoError(t, err)
		names := named.FindAllString(string(text), -1)
		require.Greater(t, len(names), 100, table)
		for _, name := range names {
			begin, open := strings.CutSuffix(name, "...")
			found := have[begin]
			for n := range have {
				found = found || open && strings.HasPrefix(n, begin)
			}
			if !found {
				t.Errorf("%s names %s, which there is not", filepath.Base(table), name)
			}
		}
	}
}

// testNames returns the names of all tests of the module.
func testNames(t *testing.T) map[string]bool {
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	names := make(map[string]bool)
	require.NoError(t, filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	}))
	return names
}

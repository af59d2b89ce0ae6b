// Package layers_test holds the module to its layers: which package may import
// which (see docs/design.md), and which means are out of bounds.
//
// It reads the sources of all platforms and build tags, not what one build
// takes, so nothing hides behind a constraint.
package layers_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the path of this module.
const module = "github.com/baton-go/baton"

// table ranks the packages. A package imports only from lower ranks, or of its
// own layer, and only from the layers named in uses. A path that ends in "/..."
// stands for all packages below it.
var table = []layer{
	{rank: 0, path: "internal/baton"},
	{rank: 0, path: "internal/layers"}, // this test
	{rank: 0, path: "internal/store"},
	{rank: 0, path: "internal/uring"},
	{rank: 1, path: "netpoll/...", uses: []string{"internal/uring"}},
	{rank: 2, path: "coro", uses: []string{"internal/baton"}},
	{rank: 2, path: "greenlet", uses: []string{"internal/baton"}},
	{rank: 2, path: "internal/sys", uses: []string{"netpoll/..."}},
	{rank: 3, path: "internal/hub", uses: []string{"internal/baton", "netpoll/...", "greenlet"}},
	{rank: 4, path: "gevent", uses: []string{"internal/baton", "internal/hub", "netpoll/...", "greenlet", "coro"}},
	{rank: 5, path: "gevent/...", uses: []string{"gevent", "internal/hub", "internal/sys", "internal/baton", "internal/store", "netpoll/...", "greenlet"}},
	{rank: 6, path: "asyncio/...", uses: []string{"gevent/...", "gevent", "internal/hub", "internal/sys", "internal/baton", "internal/store", "netpoll/...", "greenlet", "coro"}},
	{rank: 7, path: "examples/...", uses: []string{"asyncio/...", "gevent/...", "gevent", "netpoll/...", "greenlet", "coro"}},
}

// thirdParty lists the foreign modules. Users of the packages get the first
// ones; the others come with tests only.
var (
	thirdParty     = []string{"golang.org/x/sys"}
	thirdPartyTest = []string{"github.com/stretchr/testify", "go.uber.org/goleak", "golang.org/x/net/nettest"}
)

// unsafeFiles lists the files that may import unsafe: the switch, and what passes
// memory to system calls.
var unsafeFiles = []string{
	"internal/baton/*.go",
	"internal/uring/*.go",
	"netpoll/*_linux.go",
	"netpoll/*_bsd.go",
	"netpoll/*_darwin.go",
	"netpoll/*_unix.go",
	"netpoll/*_windows.go",
	"netpoll/poller_*.go",
	"netpoll/sys_*.go",
	"internal/sys/recv_raw.go",
	"internal/sys/rw_raw.go",
}

func TestTheModuleKeepsToItsLayers(t *testing.T) {
	files, err := parseModule("../..", module)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, problem := range newChecker().check(files) {
		t.Error(problem)
	}
}

func newChecker() checker {
	return checker{
		module:         module,
		table:          table,
		thirdParty:     thirdParty,
		thirdPartyTest: thirdPartyTest,
		unsafeFiles:    unsafeFiles,
	}
}

func TestTheTableRunsDownward(t *testing.T) {
	for _, l := range table {
		for _, used := range l.uses {
			i := slices.IndexFunc(table, func(l layer) bool { return l.path == used })
			require.GreaterOrEqual(t, i, 0, "%s uses %s, which is not in the table", l.path, used)
			require.Less(t, table[i].rank, l.rank, "%s uses %s", l.path, used)
		}
	}
}

// The cases below are made up, each with one file that breaks one rule, or none.
func TestTheCheckerFindsWhatBreaksARule(t *testing.T) {
	for _, c := range []struct {
		name string
		file source
		want string // "" if the file is in order
	}{
		{"an import from a lower rank",
			source{path: "gevent/join.go", pkg: "gevent", imports: []string{"time", module + "/internal/hub"}}, ""},
		{"an import from a package of the same layer",
			source{path: "gevent/server/s.go", pkg: "gevent/server", imports: []string{module + "/gevent/net"}}, ""},
		{"the layer's own root",
			source{path: "netpoll/x/x.go", pkg: "netpoll/x", imports: []string{module + "/netpoll"}}, ""},
		{"an import from a higher rank",
			source{path: "internal/hub/hub.go", pkg: "internal/hub", imports: []string{module + "/gevent"}},
			`internal/hub/hub.go: imports gevent (rank 4) from rank 3: imports run downward only`},
		{"an import from a sibling of the same rank",
			source{path: "coro/coro.go", pkg: "coro", imports: []string{module + "/greenlet"}},
			`coro/coro.go: imports greenlet (rank 2) from rank 2: imports run downward only`},
		{"an import from a lower rank that the layer does not use",
			source{path: "greenlet/g.go", pkg: "greenlet", imports: []string{module + "/netpoll"}},
			`greenlet/g.go: imports netpoll, which is not among what greenlet uses in the table`},
		{"netpoll on the switch",
			source{path: "netpoll/loop.go", pkg: "netpoll", imports: []string{module + "/internal/baton"}},
			`netpoll/loop.go: imports internal/baton, which is not among what netpoll/... uses in the table`},
		{"an example that is imported",
			source{path: "asyncio/a.go", pkg: "asyncio", imports: []string{module + "/examples/echo"}},
			`asyncio/a.go: imports examples/echo: nothing imports an example`},
		{"an example that imports an example",
			source{path: "examples/a/main.go", pkg: "examples/a", imports: []string{module + "/examples/b"}},
			`examples/a/main.go: imports examples/b: nothing imports an example`},
		{"an example that imports what examples share",
			source{path: "examples/a/main.go", pkg: "examples/a", imports: []string{module + "/examples/internal/b"}}, ""},
		{"what examples share, elsewhere",
			source{path: "asyncio/a.go", pkg: "asyncio", imports: []string{module + "/examples/internal/b"}},
			`asyncio/a.go: imports examples/internal/b: nothing imports an example`},
		{"a test that imports an example",
			source{path: "asyncio/a_test.go", pkg: "asyncio", test: true, imports: []string{module + "/examples/echo"}},
			`asyncio/a_test.go: imports examples/echo: nothing imports an example`},
		{"a test across one rank",
			source{path: "coro/c_test.go", pkg: "coro", test: true, imports: []string{module + "/greenlet"}}, ""},
		{"a test that looks upward",
			source{path: "coro/c_test.go", pkg: "coro", test: true, imports: []string{module + "/asyncio"}},
			`coro/c_test.go: imports asyncio (rank 6) from rank 2: imports run downward only`},
		{"a new package",
			source{path: "trio/nursery.go", pkg: "trio"},
			`trio/nursery.go: package trio has no layer: add it to the table in internal/layers/layers_test.go, with its rank and what it uses`},
		{"an import of a package without a layer",
			source{path: "asyncio/a.go", pkg: "asyncio", imports: []string{module + "/trio"}},
			`asyncio/a.go: imports trio, which has no layer: add it to the table in internal/layers/layers_test.go, with its rank and what it uses`},
		{"a module of users",
			source{path: "netpoll/p.go", pkg: "netpoll", imports: []string{"golang.org/x/sys/unix"}}, ""},
		{"a foreign module",
			source{path: "netpoll/p.go", pkg: "netpoll", imports: []string{"github.com/panjf2000/gnet/v2"}},
			`netpoll/p.go: imports github.com/panjf2000/gnet/v2: only the standard library and golang.org/x/sys may be used`},
		{"a module whose name only begins alike",
			source{path: "netpoll/p.go", pkg: "netpoll", imports: []string{"golang.org/x/system"}},
			`netpoll/p.go: imports golang.org/x/system: only the standard library and golang.org/x/sys may be used`},
		{"a test's module in a test",
			source{path: "coro/c_test.go", pkg: "coro", test: true, imports: []string{"github.com/stretchr/testify/require"}}, ""},
		{"a test's module in a package",
			source{path: "coro/c.go", pkg: "coro", imports: []string{"github.com/stretchr/testify/require"}},
			`coro/c.go: imports github.com/stretchr/testify/require: only the standard library and golang.org/x/sys may be used`},
		{"another package of a module of which tests may use one",
			source{path: "coro/c_test.go", pkg: "coro", test: true, imports: []string{"golang.org/x/net/html"}},
			`coro/c_test.go: imports golang.org/x/net/html: tests may use the standard library, golang.org/x/sys, github.com/stretchr/testify, go.uber.org/goleak and golang.org/x/net/nettest`},
		{"cgo",
			source{path: "coro/c.go", pkg: "coro", imports: []string{"C"}},
			`coro/c.go: uses cgo`},
		{"unsafe where it belongs",
			source{path: "internal/baton/x.go", pkg: "internal/baton", imports: []string{"unsafe"}}, ""},
		{"unsafe in a system-call file",
			source{path: "netpoll/poller_epoll.go", pkg: "netpoll", imports: []string{"unsafe"}}, ""},
		{"unsafe elsewhere",
			source{path: "gevent/net/conn.go", pkg: "gevent/net", imports: []string{"unsafe"}},
			`gevent/net/conn.go: imports unsafe, which only internal/baton and system-call files may (see unsafeFiles in internal/layers/layers_test.go)`},
		{"a linkname",
			source{path: "coro/c.go", pkg: "coro", directives: []string{"//go:linkname"}},
			`coro/c.go: uses //go:linkname`},
		{"a hidden race",
			source{path: "coro/c.go", pkg: "coro", directives: []string{"//go:noinline", "//go:norace"}},
			`coro/c.go: uses //go:norace`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			require.Equal(t, want, newChecker().check([]source{c.file}))
		})
	}
}

func TestTheParserReadsFilesOfEveryPlatform(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/m\n")
	write(t, dir, "a/a_windows.go", "//go:build never\n\npackage a\n\nimport (\n\t\"os\"\n\tx \"unsafe\"\n)\n\n"+
		"// Do not write //go:linkname.\n//go:norace\nfunc f() { os.Exit(int(x.Sizeof(0))) }\n")
	write(t, dir, "a/a_test.go", "package a_test\n\n//go:linkname g runtime.g\nfunc g()\n")
	write(t, dir, "root.go", "package m\n")
	// None of these is a part of the module.
	write(t, dir, "a/testdata/t.go", "package t\n")
	write(t, dir, ".hidden/h.go", "package h\n")
	write(t, dir, "nested/go.mod", "module example.com/nested\n")
	write(t, dir, "nested/n.go", "package n\n")

	files, err := parseModule(dir, "example.com/m")
	require.NoError(t, err)
	require.Equal(t, []source{
		{path: "a/a_test.go", pkg: "a", test: true, directives: []string{"//go:linkname"}},
		{path: "a/a_windows.go", pkg: "a", imports: []string{"os", "unsafe"}, directives: []string{"//go:build", "//go:norace"}},
		{path: "root.go", pkg: "."},
	}, files)

	_, err = parseModule(dir, "example.com/other")
	require.ErrorContains(t, err, "is not the root of module example.com/other")
}

package layers_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A layer is one row of the table.
type layer struct {
	rank int
	path string
	uses []string // paths of other layers
}

// holds reports whether package pkg belongs to the layer.
func (l layer) holds(pkg string) bool {
	below, ok := strings.CutSuffix(l.path, "/...")
	return pkg == below || ok && strings.HasPrefix(pkg, below+"/")
}

// A source is what the rules look at in one file.
type source struct {
	path       string // in the module
	pkg        string // the package's path in the module
	test       bool
	imports    []string
	directives []string // the names of its //go: comments
}

type checker struct {
	module                     string
	table                      []layer
	thirdParty, thirdPartyTest []string
	unsafeFiles                []string
}

const addToTable = "add it to the table in internal/layers/layers_test.go, with its rank and what it uses"

// check returns a line for each rule that a file breaks.
func (c checker) check(files []source) (problems []string) {
	for _, f := range files {
		say := func(format string, args ...any) {
			problems = append(problems, f.path+": "+fmt.Sprintf(format, args...))
		}
		from, ok := c.layerOf(f.pkg)
		if !ok {
			say("package %s has no layer: %s", f.pkg, addToTable)
			continue
		}
		for _, name := range []string{"//go:linkname", "//go:norace"} {
			if slices.Contains(f.directives, name) {
				say("uses %s", name)
			}
		}
		for _, imported := range f.imports {
			if pkg, ours := c.own(imported); ours {
				c.checkOwn(f, from, pkg, say)
			} else {
				c.checkForeign(f, imported, say)
			}
		}
	}
	return problems
}

// checkOwn checks an import of a package of this module.
func (c checker) checkOwn(f source, from layer, pkg string, say func(string, ...any)) {
	to, ok := c.layerOf(pkg)
	switch {
	case !ok:
		say("imports %s, which has no layer: %s", pkg, addToTable)
	case strings.HasPrefix(pkg, "examples/internal/") && strings.HasPrefix(f.pkg, "examples/"):
		// What several examples need.
	case strings.HasPrefix(pkg, "examples/") && pkg != f.pkg:
		say("imports %s: nothing imports an example", pkg)
	case from.path == to.path:
	case f.test && to.rank <= from.rank:
		// A test may bring neighbours together, and look into all that is below.
	case to.rank >= from.rank:
		say("imports %s (rank %d) from rank %d: imports run downward only", pkg, to.rank, from.rank)
	case !slices.Contains(from.uses, to.path):
		say("imports %s, which is not among what %s uses in the table", pkg, from.path)
	}
}

// checkForeign checks an import of a package of another module or of the
// standard library.
func (c checker) checkForeign(f source, imported string, say func(string, ...any)) {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case imported == "C":
		say("uses cgo")
	case imported == "unsafe":
		if !slices.ContainsFunc(c.unsafeFiles, func(pattern string) bool {
			ok, err := path.Match(pattern, f.path)
			return ok && err == nil
		}) {
			say("imports unsafe, which only internal/baton and system-call files may (see unsafeFiles in internal/layers/layers_test.go)")
		}
	case !strings.Contains(first, "."):
		// The standard library.
	case within(imported, c.thirdParty):
	case !f.test:
		say("imports %s: only the standard library and %s may be used", imported, enumerate(c.thirdParty))
	case !within(imported, c.thirdPartyTest):
		say("imports %s: tests may use the standard library, %s", imported,
			enumerate(slices.Concat(c.thirdParty, c.thirdPartyTest)))
	}
}

// layerOf returns the layer of a package: the row that names it, or else the
// first one that stands for it.
func (c checker) layerOf(pkg string) (layer, bool) {
	for _, l := range c.table {
		if l.path == pkg {
			return l, true
		}
	}
	for _, l := range c.table {
		if l.holds(pkg) {
			return l, true
		}
	}
	return layer{}, false
}

// own returns the path in the module of an imported package that belongs to it.
func (c checker) own(imported string) (pkg string, ours bool) {
	if imported == c.module {
		return ".", true
	}
	return strings.CutPrefix(imported, c.module+"/")
}

// within reports whether a package is one of roots or below one.
func within(imported string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return imported == root || strings.HasPrefix(imported, root+"/")
	})
}

func enumerate(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// parseModule reads the Go files of the module whose root is dir, in the order
// of their paths. Modules inside it, hidden folders and testdata are not read.
func parseModule(dir, module string) (files []source, err error) {
	modfile, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	if line, _, _ := strings.Cut(string(modfile), "\n"); strings.TrimSpace(line) != "module "+module {
		return nil, fmt.Errorf("%s is not the root of module %s", dir, module)
	}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || hasModfile(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		f, err := parseFile(name, filepath.ToSlash(rel))
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func hasModfile(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// parseFile reads one file, which is called rel in its module.
func parseFile(name, rel string) (source, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	f := source{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		f.imports = append(f.imports, imported)
	}
	for _, group := range parsed.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:") {
				directive, _, _ := strings.Cut(comment.Text, " ")
				f.directives = append(f.directives, directive)
			}
		}
	}
	return f, nil
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(t, os.WriteFile(full, []byte(text), 0o644))
}

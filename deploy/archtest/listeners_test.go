package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every listener of a program whose configuration names balancers is told of them: where it
// is not, the setting would be read and do nothing, or the balancer serve nobody.
func TestListenersKnowTheirBalancers(t *testing.T) {
	found := 0
	for _, dir := range []string{"publiccloud", "privatecloud", "doctor-portal", "patient-agent"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "node_modules":
				return filepath.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			all, told, err := serveOptions(path)
			if all != told {
				t.Errorf("%s: %d of %d httpserver.ServeOptions have Balancers", path, told, all)
			}
			found += all
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 6 {
		t.Errorf("only %d listeners are found", found)
	}
}

// serveOptions counts the literals of a file, and those with balancers.
func serveOptions(path string) (all, told int, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return 0, 0, err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		l, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if s, ok := l.Type.(*ast.SelectorExpr); !ok || s.Sel.Name != "ServeOptions" {
			return true
		}
		all++
		for _, e := range l.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Balancers" {
				told++
			}
		}
		return true
	})
	return all, told, nil
}

package ecc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// labelTable reads the constants of type Label from the source, so that a new one cannot be forgotten.
func labelTable(t *testing.T) map[string]Label {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "labels.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Label{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); !ok || typ.Name != "Label" {
			return true
		}
		for i, name := range v.Names {
			s, err := strconv.Unquote(v.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out[name.Name] = Label(s)
		}
		return true
	})
	return out
}

package observability_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// indirect are events whose text is not where they are logged.
var indirect = map[string]string{
	"httpserver.DevelopmentWarning": "development mode: messages are signed as testers ask for them",
}

// Every event that a service logs has its row in logs.md, and every row is an event that is
// logged somewhere.
func TestLogEvents(t *testing.T) {
	found := map[string]bool{"request": true, "connection error": true}
	for _, dir := range []string{"api", "publiccloud", "privatecloud", "doctor-portal", "patient-agent"} {
		err := filepath.WalkDir(filepath.Join("../..", dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "node_modules":
				return filepath.SkipDir
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
				return eventsOf(path, found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile("../doc/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	_, table, _ := strings.Cut(string(b), "| Event |")
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		rows[m[1]] = true
	}
	for event := range found {
		if !rows[event] {
			t.Errorf("logs.md has no row for %q", event)
		}
	}
	for event := range rows {
		if !found[event] {
			t.Errorf("logs.md has a row for %q, which nothing logs", event)
		}
	}
	if len(found) < 25 {
		t.Errorf("only %d events: the test does not see them", len(found))
	}
}

// eventsOf adds the events of a file: the first argument of a logger's Debug, Info, Warn or
// Error, the third of its LogAttrs, and the second of a hospital's failed.
func eventsOf(path string, found map[string]bool) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch {
		case f.Sel.Name == "failed" && len(call.Args) == 3 && name(call.Args[0]) == "ctx":
			add(found, call.Args[1])
		case isLevel(f.Sel.Name) && len(call.Args) > 0 && strings.Contains(strings.ToLower(name(f.X)), "log"):
			add(found, call.Args[0])
		case f.Sel.Name == "LogAttrs" && len(call.Args) > 2:
			add(found, call.Args[2])
		}
		return true
	})
	return nil
}

func isLevel(s string) bool { return s == "Debug" || s == "Info" || s == "Warn" || s == "Error" }

// name is the last name of an expression: that of log, c.Logger or cfg.logger().
func name(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.CallExpr:
		return name(x.Fun)
	}
	return ""
}

// add notes an event; of a text that is put together its beginning.
func add(found map[string]bool, e ast.Expr) {
	switch x := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(x.Value); err == nil {
			found[s] = true
		}
	case *ast.BinaryExpr:
		if lit, ok := x.X.(*ast.BasicLit); ok {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				found[s+"…"] = true
			}
		}
	case *ast.SelectorExpr:
		if text := indirect[name(x.X)+"."+x.Sel.Name]; text != "" {
			found[text] = true
		}
	}
}

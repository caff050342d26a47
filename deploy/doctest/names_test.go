package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// declaration is a name of the Go source: a function, "Type", "Type.Method",
// a constant or a variable.
type declaration struct {
	folder, pkg, name string
	test              bool
}

// declared reads every declaration of the repository.
func declared(t *testing.T) []declaration {
	t.Helper()
	var all []declaration
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, name := range names(file) {
			all = append(all, declaration{filepath.ToSlash(folder), strings.TrimSuffix(file.Name.Name, "_test"), name, strings.HasSuffix(path, "_test.go")})
		}
		return err
	})
	if err != nil || len(all) < 1000 {
		t.Fatalf("%d declarations: %v", len(all), err)
	}
	return all
}

func names(file *ast.File) []string {
	var out []string
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			out = append(out, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				out = append(out, specNames(s)...)
			}
		}
	}
	return out
}

// receiver is "Type." for a method, also of a generic type.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name + "."
		default:
			return ""
		}
	}
}

func specNames(s ast.Spec) []string {
	switch s := s.(type) {
	case *ast.TypeSpec:
		out := []string{s.Name.Name}
		if fields, ok := s.Type.(*ast.StructType); ok {
			for _, f := range fields.Fields.List {
				for _, n := range f.Names {
					out = append(out, s.Name.Name+"."+n.Name)
				}
			}
		}
		return out
	case *ast.ValueSpec:
		var out []string
		for _, n := range s.Names {
			out = append(out, n.Name)
		}
		return out
	}
	return nil
}

var (
	quoted     = regexp.MustCompile("`([^`\n]+)`")
	symbolName = regexp.MustCompile(`^([a-z][a-z0-9]*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)$`)
	pathName   = regexp.MustCompile(`^(?:\.ci|api|deploy|doctor-portal|ecc|patient-agent|privatecloud|publiccloud)(?:/[\w.*-]+)*/?$`)
	testName   = regexp.MustCompile(`\bTest[A-Z]\w+`)
)

// A document that describes what is gone is a fault.
func TestNamesExist(t *testing.T) {
	symbols, packages, tests := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, d := range declared(t) {
		packages[d.pkg] = true
		if !d.test {
			symbols[d.pkg+"."+d.name] = true
		}
		tests[d.name] = true
	}
	checked := 0
	for name, text := range documents(t) {
		for _, test := range testName.FindAllString(text, -1) {
			checked++
			if !tests[test] {
				t.Errorf("%s names the test %s, which does not exist", name, test)
			}
		}
		for _, q := range quoted.FindAllStringSubmatch(text, -1) {
			switch {
			case pathName.MatchString(q[1]):
				checked++
				if found, err := filepath.Glob(filepath.Join(root, q[1])); err != nil || len(found) == 0 {
					t.Errorf("%s names the path %s, which does not exist", name, q[1])
				}
			case symbolName.MatchString(q[1]):
				checked++
				if m := symbolName.FindStringSubmatch(q[1]); !packages[m[1]] || !symbols[q[1]] {
					t.Errorf("%s names %s, which does not exist", name, q[1])
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d names were checked", checked)
	}
}

var linkTarget = regexp.MustCompile(`\]\(([^)#]+)\)`)

func TestLinksExist(t *testing.T) {
	for name, text := range documents(t) {
		for _, m := range linkTarget.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, "api", "doc", m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
			}
		}
	}
}

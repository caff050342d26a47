package system_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the derived tables of api/doc anew")

// matrix is what each principal saw at each route of a surface.
type matrix struct {
	surface    string
	principals []principal
	rows       []row
}

type row struct {
	route string
	cells map[string]string // by principal
}

// column are the principals to whom all routes look the same.
type column struct {
	names []string
	cells []string
}

func (m matrix) columns() []column {
	var out []column
	at := map[string]int{}
	for _, p := range m.principals {
		if p.foreign {
			continue // the same at every surface, as the document says
		}
		cells := make([]string, len(m.rows))
		for i, r := range m.rows {
			cells[i] = r.cells[p.name]
		}
		key := strings.Join(cells, "|")
		i, found := at[key]
		if !found {
			i = len(out)
			at[key], out = i, append(out, column{cells: cells})
		}
		out[i].names = append(out[i].names, p.name)
	}
	return out
}

// headings name the columns. The largest is called all others, at whatever surface.
func headings(columns []column) []string {
	out, largest := make([]string, len(columns)), 0
	for i, c := range columns {
		out[i] = strings.Join(c.names, "; ")
		if !slices.ContainsFunc(c.names, func(n string) bool { return !slices.Contains(noToken, n) }) && len(c.names) == len(noToken)-1 {
			out[i] = "nobody, and whoever sends no token"
		}
		if len(c.names) > len(columns[largest].names) {
			largest = i
		}
	}
	out[largest] = "all others"
	if len(columns) == 1 {
		out[0] = "everybody"
	}
	return out
}

// write adds the surface's table to a document.
func (m matrix) write(b *strings.Builder) {
	columns := m.columns()
	fmt.Fprintf(b, "\n### %s\n\n| Route | %s |", strings.ToUpper(m.surface[:1])+m.surface[1:], strings.Join(headings(columns), " | "))
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for i, r := range m.rows {
		fmt.Fprintf(b, "| `%s` |", r.route)
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", c.cells[i])
		}
		b.WriteString("\n")
	}
}

// writeDerived compares the part of a document between <!-- name --> and <!-- /name -->
// with what was seen, or writes it.
func writeDerived(t *testing.T, document, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "api", "doc", document)
	text, err := os.ReadFile(path)
	ok(t, err)
	before, rest, found := strings.Cut(string(text), "<!-- "+name+" -->\n")
	got, after, closed := strings.Cut(rest, "<!-- /"+name+" -->\n")
	switch {
	case !found || !closed:
		t.Fatalf("%s has no part %q", document, name)
	case got == want:
	case t.Failed() || !*update:
		t.Errorf("%s: the part %q differs from what was seen: run go test ./deploy/system -run %s -update", document, name, t.Name())
	default:
		ok(t, os.WriteFile(path, []byte(before+"<!-- "+name+" -->\n"+want+"<!-- /"+name+" -->\n"+after), 0o644))
	}
}

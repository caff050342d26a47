package doctest

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository, seen from this package's folder.
const root = "../.."

var update = flag.Bool("update", false, "write the derived tables of api/doc anew")

// documents returns the documents by their names.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "api", "doc", "*.md"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("%d documents: %v", len(paths), err)
	}
	out := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(b)
	}
	return out
}

// derived compares the part of a document between <!-- name --> and
// <!-- /name --> with what the code says, or writes it.
func derived(t *testing.T, document, name, want string) {
	t.Helper()
	text := documents(t)[document]
	before, rest, found := strings.Cut(text, "<!-- "+name+" -->\n")
	got, after, closed := strings.Cut(rest, "<!-- /"+name+" -->\n")
	if !found || !closed {
		t.Fatalf("%s has no part %q", document, name)
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the part %q differs from the code: run go test ./deploy/doctest -update", document, name)
	}
	whole := before + "<!-- " + name + " -->\n" + want + "<!-- /" + name + " -->\n" + after
	if err := os.WriteFile(filepath.Join(root, "api", "doc", document), []byte(whole), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sized are the messages with the golden file of their body, and whether they are
// sealed to a key rather than inside a session.
var sized = []struct {
	name, wireType, golden string
	toKey                  bool
}{
	{"M1", "M1", "m01", true}, {"M2", "M2", "m02", true}, {"M3", "M3", "m03", false},
	{"M4", "M4", "m04", true}, {"M5", "M5", "m05", true}, {"M6", "M6", "m06", true},
	{"M7", "M7", "m07", true}, {"M8", "M8", "m08", false}, {"M9", "M9", "m09", false},
	{"M10", "M10", "m10", false}, {"M11", "M11", "m11", false}, {"M11R", "M11R", "stored", false},
	{"M12", "M12", "m12", true}, {"M12R, receipt", "M12R", "indexed", true}, {"index write", "index", "index", true},
	{"enrolment", "enrol", "enrolment", true}, {"its receipt", "enrolled", "enrolled", true},
	{"question to a hospital", "ask", "ask-hospital", true}, {"question to the public cloud", "ask", "ask-cloud", true},
	{"answer", "answer", "answer", true},
}

// suites with what HPKE adds to a body: enc and the tag.
var suites = []struct {
	name string
	hpke int
}{{"X25519", 32 + 16}, {"X-Wing", 1120 + 16}}

func golden(t *testing.T, suite, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "api", "message", "testdata", "golden", suite, name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// framing is by how much a message is longer than its type and its ciphertext.
const framing = 134

func TestSizes(t *testing.T) {
	if n := len(golden(t, "X25519", "message")); n != framing+len("M1")+48 {
		t.Fatalf("the golden message has %d bytes: its framing is not %d", n, framing)
	}
	var b strings.Builder
	b.WriteString("| Message | Type | Body, suite 1 | Message, suite 1 | Body, suite 2 | Message, suite 2 |\n|---|---|---|---|---|---|\n")
	for _, m := range sized {
		fmt.Fprintf(&b, "| %s | `%s` ", m.name, m.wireType)
		for _, s := range suites {
			body := len(golden(t, s.name, m.golden))
			added := 16
			if m.toKey {
				added = s.hpke
			}
			fmt.Fprintf(&b, "| %d | %d ", body, framing+len(m.wireType)+body+added)
		}
		b.WriteString("|\n")
	}
	derived(t, "protocol.md", "sizes", b.String())
}

var exampleBlock = regexp.MustCompile("(?s)```golden ([^\n]+)\n(.*?)```")

// Worked examples are golden files, with words beside the bytes.
func TestExamples(t *testing.T) {
	found := exampleBlock.FindAllStringSubmatch(documents(t)["protocol.md"], -1)
	if len(found) == 0 {
		t.Fatal("no worked example")
	}
	for _, block := range found {
		var digits strings.Builder
		for line := range strings.Lines(block[2]) {
			code, _, _ := strings.Cut(line, "#")
			digits.WriteString(strings.Join(strings.Fields(code), ""))
		}
		got, err := hex.DecodeString(digits.String())
		suite, name, _ := strings.Cut(block[1], "/")
		if err != nil || !bytes.Equal(got, golden(t, suite, name)) {
			t.Errorf("the example %s is not the golden file: %v", block[1], err)
		}
	}
}

var attackName = regexp.MustCompile(`^TestAttack0*([0-9]+)_?(.*)$`)

// attacks is the number of groups in the list of attacks; partial are those of whose
// subject a part is not built yet, as threats.md says. They may be without a test.
const attacks = 23

var partial = []int{6, 17}

// Every test of an attack stands in the table, by the number of its group, and every
// group has one.
func TestAttackTable(t *testing.T) {
	groups := map[int][]string{}
	for _, d := range declared(t) {
		m := attackName.FindStringSubmatch(d.name)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		if n < 1 || n > attacks {
			t.Errorf("%s: %s is of no group", d.folder, d.name)
		}
		groups[n] = append(groups[n], "`"+d.folder+"`: "+d.name)
	}
	var b strings.Builder
	b.WriteString("| Group | Tests |\n|---|---|\n")
	for n := 1; n <= attacks; n++ {
		if len(groups[n]) == 0 && !slices.Contains(partial, n) {
			t.Errorf("group %d has no test", n)
		}
		slices.Sort(groups[n])
		tests := strings.Join(groups[n], "<br>")
		if tests == "" {
			tests = "none"
		}
		fmt.Fprintf(&b, "| %d | %s |\n", n, tests)
	}
	derived(t, "threats.md", "attacks", b.String())
}

package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository, seen from this package's folder.
const root = "../.."

// listed is what "go list" says of a package.
type listed struct {
	ImportPath, Name                         string
	Imports, TestImports, XTestImports, Deps []string
	Error                                    *struct{ Err string }
}

// list asks the go command for the packages of the module, on a platform.
func list(t *testing.T, goos, goarch string, patterns ...string) []listed {
	t.Helper()
	args := []string{"list", "-e", "-json=ImportPath,Name,Imports,TestImports,XTestImports,Deps,Error"}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// module lists every package natively, and those that only a browser builds.
func module(t *testing.T) []listed {
	t.Helper()
	all := list(t, "", "", "./...")
	if len(all) < 10 {
		t.Fatalf("only %d packages: the list is broken", len(all))
	}
	for _, p := range list(t, "js", "wasm", "./doctor-portal/...") {
		known := slices.ContainsFunc(all, func(q listed) bool { return q.ImportPath == p.ImportPath })
		if !known && len(p.Imports) > 0 {
			all = append(all, p)
		}
	}
	return all
}

func TestImports(t *testing.T) {
	for _, p := range module(t) {
		if p.Error != nil {
			t.Errorf("%s cannot be loaded: %s", p.ImportPath, p.Error.Err)
		}
		r, ok := ruleFor(p.ImportPath)
		if !ok {
			t.Errorf("no rule says what %s may import: decide, and add it to the table", p.ImportPath)
			continue
		}
		for _, path := range p.Imports {
			if !r.allows(path) {
				t.Errorf("%s may not import %s", p.ImportPath, path)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if !ours(path) || matches(service(p.ImportPath), path) || r.allows(path) || matchesAny(testExtra, path) {
				continue
			}
			t.Errorf("the tests of %s may not import %s", p.ImportPath, path)
		}
	}
}

// What a role reaches through others counts as well: it must run in a browser.
func TestRolesReachNoNetwork(t *testing.T) {
	for _, p := range module(t) {
		r, _ := ruleFor(p.ImportPath)
		if !slices.Equal(r.own, role) {
			continue
		}
		for _, path := range p.Deps {
			if slices.Contains([]string{"net", "net/http", "os/exec", "crypto/tls", "syscall/js", "database/sql"}, path) {
				t.Errorf("%s reaches %s", p.ImportPath, path)
			}
		}
	}
}

func TestBrowserLinksLittle(t *testing.T) {
	all := list(t, "js", "wasm", "./doctor-portal/keystore", "./doctor-portal/practice", "./doctor-portal/wasm")
	if len(all) != 3 {
		t.Fatalf("of what runs in the browser %d packages are found", len(all))
	}
	for _, p := range all {
		if len(p.Deps) < 50 {
			t.Errorf("%s cannot be listed: it has %d dependencies", p.ImportPath, len(p.Deps))
		}
		for _, path := range p.Deps {
			if matchesAny(notInBrowser, path) {
				t.Errorf("in the browser, %s links %s", p.ImportPath, path)
			}
		}
	}
}

func TestServicesLinkNoEmbeddedServers(t *testing.T) {
	for _, p := range module(t) {
		if p.Name != "main" || matches("medunion/deploy/...", p.ImportPath) {
			continue
		}
		for _, path := range p.Deps {
			if matchesAny(notInServices, path) {
				t.Errorf("the program %s links %s", p.ImportPath, path)
			}
		}
	}
}

// The table itself: that it says no where it must.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"medunion/ecc", "github.com/cloudflare/circl/group", true},
		{"medunion/ecc", "medunion/api/message", false},
		{"medunion/ecc", "net/http", false},
		{"medunion/api/message", "medunion/ecc", true},
		{"medunion/api/message", "medunion/api/problem", false},
		{"medunion/api/problem", "github.com/labstack/echo/v4", false},
		{"medunion/publiccloud/cloud", "medunion/api/message", true},
		{"medunion/publiccloud/cloud", "medunion/privatecloud/hospital", false},
		{"medunion/publiccloud/cloud", "medunion/api/doctorcert", false},
		{"medunion/publiccloud/cloud", "go.mongodb.org/mongo-driver/mongo", false},
		{"medunion/doctor-portal/doctor", "syscall/js", false},
		{"medunion/doctor-portal/wasm", "syscall/js", true},
		{"medunion/doctor-portal/wasm", "medunion/doctor-portal/agent", false},
		{"medunion/doctor-portal/practice", "syscall/js", false},
		{"medunion/doctor-portal/practice", "medunion/doctor-portal/agent", false},
		{"medunion/doctor-portal/keystore", "os", false},
		{"medunion/doctor-portal/web", "medunion/doctor-portal/server", false},
		{"medunion/doctor-portal/server", "medunion/doctor-portal/web", true},
		{"medunion/doctor-portal/server", "medunion/patient-agent/web", false},
		{"medunion/doctor-portal/server", "syscall/js", false},
		{"medunion/publiccloud/internal/mongostore", "go.mongodb.org/mongo-driver/mongo", true},
		{"medunion/publiccloud/internal/mongostore", "github.com/redis/go-redis/v9", false},
		{"medunion/publiccloud/internal/mongostore", "medunion/publiccloud/internal/httpapi", false},
		{"medunion/publiccloud/internal/httpapi", "medunion/publiccloud/internal/mongostore", false},
		{"medunion/publiccloud/server", "medunion/publiccloud/internal/mongostore", true},
		{"medunion/publiccloud/server", "medunion/privatecloud/server", false},
		{"medunion/publiccloud/server", "medunion/deploy/local/embedmongo", false},
		{"medunion/publiccloud", "medunion/deploy/local/embedredis", false},
		{"medunion/deploy/local", "medunion/privatecloud/server", true},
		{"medunion/patient-agent/server", "C", false},
	} {
		r, ok := ruleFor(c.from)
		if !ok || r.allows(c.to) != c.want {
			t.Errorf("%s -> %s: allowed %v, want %v (rule found: %v)", c.from, c.to, r.allows(c.to), c.want, ok)
		}
	}
	if _, ok := ruleFor("medunion/newthing"); ok {
		t.Error("a package outside the house has a rule")
	}
	if matches("medunion/ecc/...", "medunion/eccentric") || !matches("medunion/ecc/...", "medunion/ecc") {
		t.Error("patterns match by text, not by path")
	}
}

func TestTopLevel(t *testing.T) {
	for _, name := range visible(t) {
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s does not belong at the top level", name)
		}
	}
}

// visible are the names at the top level that git does not ignore, without
// dotfiles; without git, all that are there.
func visible(t *testing.T) []string {
	t.Helper()
	var names []string
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil && len(out) > 0 {
		for line := range strings.Lines(string(out)) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), "/")
			names = append(names, strings.Trim(name, `"`))
		}
	} else {
		entries, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, ".") })
	slices.Sort(names)
	return slices.Compact(names)
}

// source says whether a file is source that is delivered: Go, and what the pages are made of.
func source(path string) bool {
	for _, test := range []string{"_test.go", ".test.ts", ".test.tsx"} {
		if strings.HasSuffix(path, test) {
			return false
		}
	}
	return slices.Contains([]string{".go", ".ts", ".tsx", ".scss", ".html", ".js", ".mjs"}, filepath.Ext(path))
}

// What is not done is not left as a note in the code.
func TestNoNotesOfUnfinishedWork(t *testing.T) {
	note := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	files := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "site" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case d.IsDir() || !source(path):
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files[filepath.Ext(path)]++
		for i, line := range bytes.Split(text, []byte("\n")) {
			if note.Match(line) {
				t.Errorf("%s:%d: %s", path, i+1, bytes.TrimSpace(line))
			}
		}
		return err
	})
	if err != nil || files[".go"] < 100 || files[".ts"] < 10 || files[".tsx"] < 10 {
		t.Fatalf("%v files read: %v", files, err)
	}
}

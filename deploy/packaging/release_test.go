package packaging

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// built is a release of this test's own: two programs of the commit, with what they are
// made of.
var built = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(toolsDir, "release")
	cmd := exec.Command(filepath.Join(root, "deploy", "release"), releaseOptions(dir)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return dir, nil
})

func releaseOptions(dir string) []string {
	o := []string{"--out", dir, "--platforms", "linux/amd64", "--programs", "publiccloud,privatecloud"}
	if info, err := os.Stat(filepath.Join(root, "doctor-portal", "web", "dist", "site")); err == nil && info.IsDir() {
		o = append(o, "--pages", root)
	}
	return o
}

func release(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a release")
	}
	if err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("this is no checkout: a release is of a commit")
	}
	dir, err := built()
	if err != nil {
		t.Fatalf("%v\n%s", err, dir)
	}
	return dir
}

// commitOf is the commit that a release says it is of, which is one of this repository.
func commitOf(t testing.TB, dir string) string {
	t.Helper()
	var r struct{ Commit, Version, Time, Go string }
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "release.json")))(t), &r); err != nil || r.Version == "" || r.Time == "" || r.Go == "" {
		t.Fatalf("%+v: %v", r, err)
	}
	return strings.TrimSpace(must(run(t, command(t, "git", "-C", root, "rev-parse", "--verify", r.Commit+"^{commit}")))(t))
}

// A release holds what it says, under checksums that fit; each program is static, says
// which commit it is of, and holds no path of the machine that built it.
func TestRelease(t *testing.T) {
	dir := release(t)
	check := command(t, "sha256sum", "--strict", "--check", "SHA256SUMS")
	check.Dir = dir
	out, err := run(t, check)
	if err != nil || strings.Count(out, ": OK") < 8 {
		t.Errorf("%v\n%s", err, out)
	}
	commit := commitOf(t, dir)
	for _, name := range []string{"publiccloud", "privatecloud"} {
		path := filepath.Join(dir, name+"-linux-amd64")
		b := must(os.ReadFile(path))(t)
		here := must(filepath.Abs(root))(t)
		for _, leak := range []string{here, os.TempDir() + "/tmp.", "/root/", "/home/"} {
			if bytes.Contains(b, []byte(leak)) {
				t.Errorf("%s holds %q", name, leak)
			}
		}
		info := must(run(t, command(t, "go", "version", "-m", path)))(t)
		for _, want := range []string{"CGO_ENABLED=0", "-trimpath=true", "vcs.revision=" + commit, "vcs.modified=false", "GOARCH=amd64"} {
			if !strings.Contains(info, want) {
				t.Errorf("%s says nothing of %s", name, want)
			}
		}
		if said, err := run(t, command(t, path, "version")); err != nil || !strings.Contains(said, commit) || !strings.HasPrefix(said, name+" v") {
			t.Errorf("%s version: %q, %v", name, said, err)
		}
		if out, err := run(t, command(t, "readelf", "--program-headers", path)); err == nil && strings.Contains(out, "INTERP") {
			t.Errorf("%s is not static", name)
		}
	}
}

// Another build of the commit, elsewhere and later, has the same bytes.
func TestReleaseIsReproducible(t *testing.T) {
	first, second := release(t), filepath.Join(t.TempDir(), "again")
	cmd := command(t, filepath.Join(root, "deploy", "release"), append(releaseOptions(second), "--no-sbom", "--commit", commitOf(t, first))...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "HOME="+os.Getenv("HOME"), "TZ=Pacific/Auckland", "GOAMD64=v1", "GOFLAGS=-buildvcs=false")
	if out, err := run(t, cmd); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"publiccloud-linux-amd64", "privatecloud-linux-amd64", "release.json"} {
		a, b := must(os.ReadFile(filepath.Join(first, name)))(t), must(os.ReadFile(filepath.Join(second, name)))(t)
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs: %d and %d bytes", name, len(a), len(b))
		}
	}
}

// What a program links is in its list, each part with its version and licence, and nothing
// in it says when or where the list was made.
func TestBillOfMaterials(t *testing.T) {
	dir := release(t)
	listed := regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`)
	for _, name := range []string{"publiccloud", "privatecloud"} {
		b := must(os.ReadFile(filepath.Join(dir, "sbom", name+".cdx.json")))(t)
		var bom struct {
			SpecVersion  string `json:"specVersion"`
			SerialNumber string `json:"serialNumber"`
			Metadata     struct{ Timestamp string }
			Components   []struct{ Name, Version, Purl string }
		}
		if err := json.Unmarshal(b, &bom); err != nil || bom.SpecVersion != "1.6" || bom.SerialNumber != "" || bom.Metadata.Timestamp != "" {
			t.Errorf("%s: %+v, %v", name, bom.Metadata, err)
		}
		has := map[string]bool{}
		for _, c := range bom.Components {
			has[c.Name+" "+c.Version] = c.Purl != ""
		}
		linked := listed.FindAllStringSubmatch(must(run(t, command(t, "go", "version", "-m", filepath.Join(dir, name+"-linux-amd64"))))(t), -1)
		if len(linked) < 10 {
			t.Errorf("%s links %d modules", name, len(linked))
		}
		for _, m := range linked {
			if !has[m[1]+" "+m[2]] {
				t.Errorf("%s links %s %s, which is not listed", name, m[1], m[2])
			}
		}
	}
	licences := string(must(os.ReadFile(filepath.Join(dir, "licences.txt")))(t))
	for _, want := range []string{"\tgithub.com/labstack/echo/v4\t", "\tpreact\t", "\tpdfjs-dist\t"} {
		if !strings.Contains(licences, want) {
			t.Errorf("licences.txt has no %q", want)
		}
	}
}

// Options that mean nothing are refused before anything is built, and nothing is written
// over what is there.
func TestReleaseRefuses(t *testing.T) {
	full := t.TempDir()
	write(t, filepath.Join(full, "file"), "x")
	for _, args := range [][]string{{}, {"--out"}, {"--out", full}, {"--out", "x", "--version", "1.2"}, {"--out", "x", "--programs", "nothing"},
		{"--out", "x", "--commit", "no-such-commit"}, {"--out", "x", "--other"}} {
		cmd := command(t, must(filepath.Abs(filepath.Join(root, "deploy", "release")))(t), args...)
		cmd.Dir = t.TempDir()
		out, err := run(t, cmd)
		if err == nil || cmd.ProcessState.ExitCode() != 2 || out == "" {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

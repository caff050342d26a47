package version

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

func settings(pairs ...string) *debug.BuildInfo {
	b := &debug.BuildInfo{}
	for i := 0; i < len(pairs); i += 2 {
		b.Settings = append(b.Settings, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
	}
	return b
}

// What the go command stamped is what is said; a name given to the release goes first;
// and what is not known is said to be unknown, never left empty.
func TestFrom(t *testing.T) {
	b := settings("vcs.revision", "0123abcd", "vcs.time", "2026-01-02T03:04:05Z", "vcs.modified", "true")
	b.Main.Version = "v0.0.0-20260102030405-0123abcd+dirty"
	i := from("", b)
	if i.Version != b.Main.Version || i.Commit != "0123abcd" || i.Time != "2026-01-02T03:04:05Z" || !i.Modified {
		t.Errorf("%+v", i)
	}
	if got := from("v1.2.3", b); got.Version != "v1.2.3" || got.Commit != "0123abcd" || !strings.Contains(got.String(), "with changes") {
		t.Errorf("%+v: %s", got, got)
	}
	devel := settings()
	devel.Main.Version = "(devel)"
	for _, b := range []*debug.BuildInfo{nil, devel} {
		if i := from("", b); i.Version != Unknown || i.Commit != Unknown || i.Time != Unknown || i.Modified || i.Go == "" || i.Platform == "" {
			t.Errorf("%+v", i)
		}
	}
}

// A log line and the labels of the metric name the build.
func TestShown(t *testing.T) {
	i := from("v1.2.3", settings("vcs.revision", "0123abcd"))
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("starts", "build", i)
	var line struct {
		Build struct{ Version, Commit, Go string }
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Build.Version != "v1.2.3" || line.Build.Commit != "0123abcd" || line.Build.Go != i.Go {
		t.Errorf("%s: %v", out.String(), err)
	}
	if l := i.Labels(); len(l) != 3 || l["version"] != "v1.2.3" || l["commit"] != "0123abcd" || l["go"] != i.Go {
		t.Errorf("labels %v", l)
	}
}

// The name that deploy/release gives by the linker is that of this variable: a renamed
// one would be ignored by the linker without a word.
func TestTheLinkersNameIsInTheReleaseScript(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "deploy", "release"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("-X medunion/api/version.Released=")) {
		t.Error("deploy/release does not set medunion/api/version.Released")
	}
	if out, err := exec.Command("bash", "-n", filepath.Join("..", "..", "deploy", "release")).CombinedOutput(); err != nil {
		t.Errorf("deploy/release: %v\n%s", err, out)
	}
}

// Package version says which build of the project a program is.
//
// A release (deploy/release) is built in a clean checkout, so that the go command itself
// stamps version, commit and commit time. A program made otherwise says what it knows:
// a test binary and one built outside a checkout have no commit.
package version

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
)

// Released is the version that a release was given by name, such as v1.4.0; empty
// without one. The linker sets it (-X medunion/api/version.Released=…).
var Released string

// Unknown stands where a program was built without that knowledge.
const Unknown = "unknown"

// Info is one build. All fields are public: they hold no path and no host of the machine
// that built it.
type Info struct {
	Version  string `json:"version"`  // v1.4.0, or v0.0.0-<time>-<commit> between releases
	Commit   string `json:"commit"`   // 40 hex digits
	Time     string `json:"time"`     // of the commit, RFC 3339 in UTC
	Modified bool   `json:"modified"` // built with changes that no commit holds
	Go       string `json:"go"`       // of the compiler, such as go1.26.8
	Platform string `json:"platform"` // such as linux/amd64
}

// Get is the build of the running program.
func Get() Info {
	b, _ := debug.ReadBuildInfo()
	return from(Released, b)
}

// from reads what the go command stamped into b, which may be nil.
func from(released string, b *debug.BuildInfo) Info {
	i := Info{Version: Unknown, Commit: Unknown, Time: Unknown, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b != nil {
		if v := b.Main.Version; v != "" && v != "(devel)" {
			i.Version = v
		}
		for _, s := range b.Settings {
			i.set(s.Key, s.Value)
		}
	}
	if released != "" {
		i.Version = released
	}
	return i
}

func (i *Info) set(key, value string) {
	switch key {
	case "vcs.revision":
		i.Commit = value
	case "vcs.time":
		i.Time = value
	case "vcs.modified":
		i.Modified = value == "true"
	}
}

// String is one line for people: version, commit and what built it.
func (i Info) String() string {
	commit := i.Commit
	if i.Modified && !strings.Contains(i.Version, "+dirty") {
		commit += " with changes"
	}
	return fmt.Sprintf("%s (commit %s of %s, %s, %s)", i.Version, commit, i.Time, i.Go, i.Platform)
}

// LogValue is the build as attributes of a log line: slog.Any("build", version.Get()).
func (i Info) LogValue() slog.Value {
	return slog.GroupValue(slog.String("version", i.Version), slog.String("commit", i.Commit), slog.Bool("modified", i.Modified), slog.String("go", i.Go))
}

// Labels are those of the metric build_info, whose value is always 1: version, commit and
// go. They change with a build only.
func (i Info) Labels() map[string]string {
	return map[string]string{"version": i.Version, "commit": i.Commit, "go": i.Go}
}

package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// trial prepares one, and returns its folder.
func trial(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "trial")
	if out, err := run(t, command(t, "go", "run", "medunion/deploy/compose", "--out", dir)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// environment is the file .env of a trial, as variables.
func environment(t testing.TB, dir string) (out []string) {
	t.Helper()
	for line := range strings.Lines(string(must(os.ReadFile(filepath.Join(dir, ".env")))(t))) {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// The compose file is one that compose itself can load with what is prepared for it, each
// file that it names exists, and without the preparation it says what is missing.
func TestCompose(t *testing.T) {
	dir := trial(t)
	project := resolved(t, dir)
	if n := len(project.Services); n != 11 {
		t.Errorf("%d services", n)
	}
	for name, s := range project.Secrets {
		if info, err := os.Stat(s.File); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("secret %s: %v", name, err)
		}
	}
	cmd := command(t, tool(t, ".", "./composecheck"), composeFile)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MEDUNION_") })
	if out, err := run(t, cmd); err == nil || !strings.Contains(out, "MEDUNION_USER") {
		t.Errorf("without preparation: %v\n%s", err, out)
	}
}

var composeFile = filepath.Join(root, "deploy", "compose", "compose.yaml")

// project is what the tests look at of a resolved compose file.
type project struct {
	Services map[string]composed
	Networks map[string]struct{ Internal bool }
	Secrets  map[string]struct{ File string }
}

type composed struct {
	Image, User, Entrypoint string
	Privileged              bool
	ReadOnly                bool              `yaml:"read_only"`
	CapDrop                 []string          `yaml:"cap_drop"`
	CapAdd                  []string          `yaml:"cap_add"`
	SecurityOpt             []string          `yaml:"security_opt"`
	MemLimit                string            `yaml:"mem_limit"`
	PidsLimit               int               `yaml:"pids_limit"`
	NetworkMode             string            `yaml:"network_mode"`
	Environment             map[string]string `yaml:"environment"`
	CPUs                    float64           `yaml:"cpus"`
	Healthcheck             struct{ Test []string }
	Networks                map[string]any
	Ports                   []struct {
		HostIP string `yaml:"host_ip"`
		Target int
	}
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `yaml:"read_only"`
	}
	Secrets []struct{ Source, Target string }
}

func resolved(t testing.TB, dir string) (p project) {
	t.Helper()
	cmd := command(t, tool(t, ".", "./composecheck"), composeFile)
	cmd.Env = append(os.Environ(), environment(t, dir)...)
	out, err := run(t, cmd)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := yaml.Unmarshal([]byte(out), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// Every container of the trial runs without rights, on a root that it cannot write, with
// limits and a health check, and is published on this machine alone; no secret stands in
// the environment; and a hospital's stores are on a network that only that hospital is on.
func TestComposeSecurity(t *testing.T) {
	p := resolved(t, trial(t))
	for name, s := range p.Services {
		if s.User != "65532:65532" && s.User != fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()) || !s.ReadOnly || s.Privileged || s.NetworkMode != "" {
			t.Errorf("%s runs as %q, read-only %v", name, s.User, s.ReadOnly)
		}
		if !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may have %v, %v", name, s.CapAdd, s.SecurityOpt)
		}
		if s.MemLimit == "" || s.PidsLimit == 0 || s.CPUs == 0 || len(s.Healthcheck.Test) < 2 {
			t.Errorf("%s has no limits, or nobody looks after it", name)
		}
		if tag := s.Image[strings.LastIndex(s.Image, "/")+1:]; !strings.Contains(tag, ":") || strings.HasSuffix(tag, ":latest") {
			t.Errorf("%s runs %s", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" || port.Target >= 9090 {
				t.Errorf("%s is published: %v", name, port)
			}
		}
		for v, value := range s.Environment {
			if strings.Contains(value, "://") || strings.HasSuffix(v, "PASSWORD") {
				t.Errorf("%s has a secret in its environment: %s", name, v)
			}
		}
		checkNetworks(t, p, name, s)
	}
}

func checkNetworks(t *testing.T, p project, name string, s composed) {
	t.Helper()
	owner, store := name, false
	for _, kind := range []string{"mongo-", "redis-"} {
		if rest, ok := strings.CutPrefix(name, kind); ok {
			owner, store = rest, true
		}
	}
	want := []string{owner}
	if !store {
		want = append(want, "union")
	}
	var got []string
	for n := range s.Networks {
		got = append(got, n)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || !p.Networks[owner].Internal {
		t.Errorf("%s is on %v", name, got)
	}
}

// The settings of the trial are those of the services, its addresses those of its
// services, and a second preparation never overwrites the keys of the first.
func TestComposeSettings(t *testing.T) {
	dir := trial(t)
	for name, service := range map[string]string{"publiccloud": "publiccloud", "st-anna": "privatecloud", "st-bruno": "privatecloud", "doctor-portal": "doctor-portal"} {
		known, _ := flags(t, service)
		settings := map[string]any{}
		if err := yaml.Unmarshal(must(os.ReadFile(filepath.Join(dir, name, "config.yaml")))(t), &settings); err != nil || len(settings) < 12 {
			t.Fatalf("%s: %v", name, err)
		}
		for s := range settings {
			if !slices.Contains(known, s) {
				t.Errorf("%s has no setting %s", name, s)
			}
		}
		if _, ok := settings["redis-password"]; !ok || (settings["mongo-uri"] == nil) != (service == "doctor-portal") {
			t.Errorf("%s has not its secrets", name)
		}
	}
	if out, err := run(t, command(t, "go", "run", "medunion/deploy/compose", "--out", dir)); err == nil {
		t.Errorf("a second preparation: %s", out)
	}
}

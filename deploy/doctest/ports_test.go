package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ports are the services' default ports: where each is set, and its API document.
var ports = []struct{ port, config, api, name string }{
	{"8080", "publiccloud/server/config.go", "publiccloud.yaml", "public cloud"},
	{"8081", "privatecloud/server/config.go", "privatecloud.yaml", "hospital"},
	{"8082", "doctor-portal/server/config.go", "portal.yaml", "portal"},
	{"8083", "doctor-portal/agent/config.go", "doctoragent.yaml", "doctor's agent"},
	{"8084", "privatecloud/server/config.go", "privateadmin.yaml", "hospital's administration"},
	{"8091", "patient-agent/server/config.go", "patientagent.yaml", "patient's agent"},
}

var (
	listenPort = regexp.MustCompile(`Listen +string .*default:"127\.0\.0\.1:([0-9]+)"`)
	serverPort = regexp.MustCompile(`url: http://127\.0\.0\.1:([0-9]+)`)
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Everything can run on one machine with its defaults: no port is used twice, and
// configuration, API document and architecture.md name the same one.
func TestDefaultPorts(t *testing.T) {
	set := map[string]int{}
	seen := map[string]bool{}
	for _, p := range ports {
		if !seen[p.config] {
			for _, m := range listenPort.FindAllStringSubmatch(read(t, p.config), -1) {
				set[m[1]]++
			}
			seen[p.config] = true
		}
		if m := serverPort.FindStringSubmatch(read(t, "api", "openapi", p.api)); m == nil || m[1] != p.port {
			t.Errorf("%s names %v, the service listens on %s", p.api, m, p.port)
		}
		if !strings.Contains(documents(t)["architecture.md"], "| "+p.port+" | "+p.name) {
			t.Errorf("architecture.md does not say that %s is the %s", p.port, p.name)
		}
	}
	for _, p := range ports {
		if set[p.port] != 1 {
			t.Errorf("%s: %d services listen on %s by default", p.name, set[p.port], p.port)
		}
	}
	if len(set) != len(ports) {
		t.Errorf("the defaults are %v", set)
	}
}

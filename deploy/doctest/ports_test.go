package doctest

import (
	"maps"
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

// programPorts are the ports of each program that the table of architecture.md says others connect to.
func programPorts(t *testing.T) (of map[string]map[string]bool, all map[string]bool) {
	t.Helper()
	of, all = map[string]map[string]bool{}, map[string]bool{}
	rows := regexp.MustCompile(`(?m)^\| [^|]+ \| ([^|]+) \| ([0-9]+) \| [^|]+ \| [^|]+ \|$`).FindAllStringSubmatch(documents(t)["architecture.md"], -1)
	for _, row := range rows {
		if all[row[2]] = true; of[row[1]] == nil {
			of[row[1]] = map[string]bool{}
		}
		of[row[1]][row[2]] = true
	}
	if len(rows) < 10 {
		t.Fatalf("the table of connections has %d rows", len(rows))
	}
	return of, all
}

// manifests are where ports stand that others connect to, by program; NAME is its name.
var manifests = []struct {
	file string
	port *regexp.Regexp
}{
	{"deploy/images/NAME.Dockerfile", regexp.MustCompile(`(?m)^EXPOSE (.*)$`)},
	{"deploy/systemd/medunion-NAME.service", regexp.MustCompile(`(?m)^SocketBindAllow=tcp:(.*)$`)},
	{"deploy/helm/NAME/templates/_program.tpl", regexp.MustCompile(`(?m)^ports: \{(.*)\}`)},
}

var number = regexp.MustCompile(`\b[0-9]{2,5}\b`)

// Images, units and charts open the ports of the table of connections, all of them and no
// other; where the charts and the trial lead is in the table too.
func TestPortsOfManifests(t *testing.T) {
	of, all := programPorts(t)
	for _, program := range []string{"publiccloud", "privatecloud", "doctor-portal"} {
		for _, m := range manifests {
			open := map[string]bool{}
			for _, line := range m.port.FindAllStringSubmatch(read(t, strings.ReplaceAll(m.file, "NAME", program)), -1) {
				for _, port := range number.FindAllString(line[1], -1) {
					open[port] = true
				}
			}
			if !maps.Equal(open, of[program]) {
				t.Errorf("%s opens %v, the table says %v", strings.ReplaceAll(m.file, "NAME", program), open, of[program])
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^ +port: ([0-9]+)$`).FindAllStringSubmatch(read(t, "deploy/helm", program, "values.yaml"), -1) {
			if !all[m[1]] {
				t.Errorf("the chart of %s leads to port %s, which is not in the table", program, m[1])
			}
		}
	}
	published := regexp.MustCompile(`(?m)^ +- 127\.0\.0\.1:[0-9]+:([0-9]+)`).FindAllStringSubmatch(read(t, "deploy/compose/compose.yaml"), -1)
	for _, m := range published {
		if !all[m[1]] {
			t.Errorf("the trial publishes port %s, which is not in the table", m[1])
		}
	}
	if len(published) == 0 {
		t.Error("the trial publishes nothing")
	}
}

package observability_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []alert
	}
}

type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

type testFile struct {
	Tests []struct {
		Name          string
		AlertRuleTest []struct {
			Alertname string
			ExpAlerts []any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func alerts(t *testing.T) map[string]alert {
	t.Helper()
	var f ruleFile
	read(t, "rules/medunion.yaml", &f)
	all := map[string]alert{}
	for _, g := range f.Groups {
		for _, a := range g.Rules {
			if _, twice := all[a.Alert]; twice || a.Alert == "" {
				t.Errorf("the alert %q stands there twice, or is none", a.Alert)
			}
			all[a.Alert] = a
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

// promtool runs Prometheus' own checker.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not here (apt-get install prometheus)")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Rules and example are what Prometheus reads, and every unit test of an alert holds.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", "rules/medunion.yaml")
	promtool(t, "check", "config", "prometheus.yaml")
	promtool(t, "test", "rules", "rules/medunion_test.yaml")
}

// Every alert has a unit test in which it fires and one in which it does not.
func TestEveryAlertIsTested(t *testing.T) {
	var f testFile
	read(t, "rules/medunion_test.yaml", &f)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, x := range f.Tests {
		for _, a := range x.AlertRuleTest {
			if len(a.ExpAlerts) > 0 {
				fires[a.Alertname] = true
			} else {
				quiet[a.Alertname] = true
			}
		}
	}
	for name := range alerts(t) {
		if !fires[name] || !quiet[name] {
			t.Errorf("%s: a test in which it fires: %v, in which it does not: %v", name, fires[name], quiet[name])
		}
	}
}

// Every alert says how bad it is and where its section in the runbook is, and the runbook
// has a section for each alert and for nothing that is none.
func TestRunbooks(t *testing.T) {
	b, err := os.ReadFile("../doc/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	all := alerts(t)
	for name, a := range all {
		if s := a.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", name, s)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s does not say what it is", name)
		}
		path, anchor, _ := strings.Cut(a.Annotations["runbook"], "#")
		if _, err := os.Stat(filepath.Join("../..", path)); err != nil || anchor != strings.ToLower(name) {
			t.Errorf("%s: the runbook %q is not its section", name, a.Annotations["runbook"])
		}
		section := regexp.MustCompile(`(?s)\n## ` + name + `\n\n\*\*Meaning\.\*\* .+?\n\n\*\*Check\.\*\* .+?\n\n\*\*Do\.\*\* `)
		if !section.Match(b) {
			t.Errorf("alerts.md: no section for %s with its meaning, what to check and what to do", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^## (Medunion\w+)$`).FindAllStringSubmatch(string(b), -1) {
		if _, there := all[m[1]]; !there {
			t.Errorf("alerts.md has a section for %s, which is no alert", m[1])
		}
	}
}

// metricNames are those that a scrape of all services after a visit showed: the table that
// TestMetricsAfterAVisit of deploy/system holds against the services.
func metricNames(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../doc/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(medunion_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(b), -1) {
		names[m[1]] = m[2]
		if m[2] == "histogram" {
			for _, end := range []string{"_bucket", "_count", "_sum"} {
				names[m[1]+end] = "histogram"
			}
		}
	}
	if len(names) < 30 {
		t.Fatalf("only %d metrics", len(names))
	}
	return names
}

var metricForm = regexp.MustCompile(`\bmedunion_\w+`)

// Rules and dashboards speak of metrics that there are.
func TestMetricsExist(t *testing.T) {
	names := metricNames(t)
	expressions := map[string]string{}
	for name, a := range alerts(t) {
		expressions[name] = a.Expr
	}
	maps.Copy(expressions, queries(t))
	for where, e := range expressions {
		for _, name := range metricForm.FindAllString(e, -1) {
			if names[name] == "" {
				t.Errorf("%s: there is no metric %s", where, name)
			}
		}
	}
}

type board struct {
	UID, Title, Description string
	Panels                  []struct {
		Title   string
		Type    string
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

// queries are those of all dashboards, with Grafana's variables filled in.
func queries(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("dashboards/*.json")
	if err != nil || len(paths) < 4 {
		t.Fatal(paths, err)
	}
	all, uids := map[string]string{}, map[string]bool{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var d board
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if d.UID == "" || uids[d.UID] || d.Title == "" || d.Description == "" || len(d.Panels) == 0 || len(d.Templating.List) != 2 {
			t.Errorf("%s is no whole dashboard", path)
		}
		uids[d.UID] = true
		for _, p := range d.Panels {
			if p.Title == "" || p.Type == "" || len(p.Targets) == 0 {
				t.Errorf("%s: the panel %q shows nothing", path, p.Title)
			}
			for i, q := range p.Targets {
				all[fmt.Sprintf("%s, %q, %d", path, p.Title, i)] = strings.NewReplacer("$__rate_interval", "5m", "$job", "hospital").Replace(q.Expr)
			}
		}
	}
	return all
}

// Every query of a dashboard is one that Prometheus can read: as recording rules, because
// promtool reads no others.
func TestDashboards(t *testing.T) {
	type rule struct{ Record, Expr string }
	type group struct {
		Name  string
		Rules []rule
	}
	all := queries(t)
	g := group{Name: "dashboards"}
	for i, where := range slices.Sorted(maps.Keys(all)) {
		g.Rules = append(g.Rules, rule{fmt.Sprintf("panel:query:%d", i), all[where]})
	}
	b, err := yaml.Marshal(map[string]any{"groups": []group{g}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}

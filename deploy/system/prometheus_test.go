package system_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"medunion/deploy/internal/freeport"
)

// A real Prometheus scrapes the running services with the rules as they are shipped, but
// for their patience: every target is up, every rule is evaluated, every query of the
// dashboards is answered, nothing critical fires, and a service that is stopped is told of.
func TestPrometheus(t *testing.T) {
	w := watched(t)
	p := startPrometheus(t, w)
	p.await("every target to be up", func() bool {
		up := p.query(`sum(up)`)
		return len(up) == 1 && up[0].number() == 4
	})
	p.await("every rule to be evaluated", func() bool { return p.rules() > 20 })
	for where, q := range dashboardQueries(t) {
		if _, err := p.ask(q); err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	if ready := p.query(`min(medunion_ready)`); len(ready) != 1 || ready[0].number() != 1 {
		t.Errorf("not all is ready: %v", p.query(`medunion_ready == 0`))
	}
	if critical := p.query(`ALERTS{severity="critical",alertstate="firing"}`); len(critical) > 0 {
		t.Errorf("critical alerts of services that are well: %v", critical)
	}
	ok(t, w.s.StopPortal())
	p.await("the alert of a service that is down", func() bool {
		return len(p.query(`ALERTS{alertname="MedunionTargetDown",job="portal",alertstate="firing"}`)) == 1
	})
	ok(t, w.s.StartPortal(t.Context()))
}

// prometheus is a running Prometheus.
type prometheus struct {
	*testing.T
	url string
}

func startPrometheus(t *testing.T, w *seen) prometheus {
	t.Helper()
	program, dir := tool(t, "prometheus"), t.TempDir()
	rules, err := os.ReadFile("../observability/rules/medunion.yaml")
	ok(t, err)
	hasty := regexp.MustCompile(`(?m)^( +for: ).*$`).ReplaceAll(rules, []byte("${1}0s"))
	ok(t, os.WriteFile(filepath.Join(dir, "rules.yaml"), hasty, 0o600))
	ok(t, os.WriteFile(filepath.Join(dir, "prometheus.yaml"), []byte(prometheusConfig(w.s.Operations())), 0o600))
	addr := freeport.For(t)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	out, err := os.Create(filepath.Join(dir, "log"))
	ok(t, err)
	cmd.Stdout, cmd.Stderr = out, out
	ok(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if b, err := os.ReadFile(out.Name()); t.Failed() && err == nil {
			t.Logf("Prometheus says:\n%s", b)
		}
	})
	return prometheus{t, "http://" + addr}
}

// prometheusConfig scrapes each service every second.
func prometheusConfig(operations map[string]string) string {
	jobs := map[string][]string{}
	for party, u := range operations {
		if kind := strings.ReplaceAll(kindOf(party), " ", ""); !strings.Contains(kind, "agent") {
			jobs[kind] = append(jobs[kind], fmt.Sprintf("%q", strings.TrimPrefix(u, "http://")))
		}
	}
	c := "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs:\n"
	for job, targets := range jobs {
		c += fmt.Sprintf("  - {job_name: %s, static_configs: [{targets: [%s]}]}\n", job, strings.Join(targets, ", "))
	}
	return c
}

// series is one of an answer.
type series struct {
	Metric map[string]string
	Value  []any
}

func (s series) number() (n float64) {
	_, _ = fmt.Sscan(fmt.Sprint(s.Value[1]), &n)
	return n
}

// ask is an instant query.
func (p prometheus) ask(q string) ([]series, error) {
	a, err := call(p.Context(), "GET", p.url+"/api/v1/query?query="+url.QueryEscape(q), "", "", nil)
	if err != nil {
		return nil, err
	}
	var v struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if err := json.Unmarshal(a.body, &v); err != nil || v.Status != "success" {
		return nil, fmt.Errorf("%d %s", a.status, a.body)
	}
	if v.Data.ResultType != "vector" { // a number that is drawn as a line
		return nil, nil
	}
	var found []series
	return found, json.Unmarshal(v.Data.Result, &found)
}

// query is ask; a Prometheus that does not answer yet has no series.
func (p prometheus) query(q string) []series {
	s, _ := p.ask(q)
	return s
}

// rules is how many rules have been evaluated without an error.
func (p prometheus) rules() (n int) {
	a, err := call(p.Context(), "GET", p.url+"/api/v1/rules", "", "", nil)
	if err != nil {
		return 0
	}
	var v struct {
		Data struct {
			Groups []struct{ Rules []struct{ Health string } }
		}
	}
	if json.Unmarshal(a.body, &v) != nil {
		return 0
	}
	for _, g := range v.Data.Groups {
		for _, r := range g.Rules {
			if r.Health == "ok" {
				n++
			}
		}
	}
	return n
}

func (p prometheus) await(what string, yes func() bool) {
	p.Helper()
	for end := time.Now().Add(time.Minute); !yes(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			p.Fatalf("no sign of %s", what)
		}
	}
}

// dashboardQueries are those of the shipped dashboards.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../observability/dashboards/*.json")
	ok(t, err)
	all := map[string]string{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		ok(t, err)
		var d struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		ok(t, json.Unmarshal(b, &d))
		for _, p := range d.Panels {
			for i, q := range p.Targets {
				all[fmt.Sprintf("%s, %q, %d", filepath.Base(path), p.Title, i)] = strings.NewReplacer("$__rate_interval", "1m", "$job", ".*").Replace(q.Expr)
			}
		}
	}
	return all
}

// The commands of the runbooks about alerts and clocks do what they say, in their order, in
// one shell, against a hospital that runs.
func TestSeeingRunbooks(t *testing.T) {
	w := watched(t)
	tool(t, "promtool")
	tool(t, "redis-cli")
	log := filepath.Join(t.TempDir(), "log")
	ok(t, os.WriteFile(log, w.log.from(0), 0o600))
	observability, err := filepath.Abs("../observability")
	ok(t, err)
	env := append(os.Environ(), "OPERATIONS="+w.s.Operations()["hospital-1"], "REDIS=redis://"+w.s.Redis, "LOG="+log, "OBSERVABILITY="+observability)
	for page, says := range map[string][]string{
		"alerts.md":      {`{"status":"live"}`, `"name":"audit"`, `medunion_ready{check="redis"} 1`, "SUCCESS"},
		"clock-wrong.md": {`medunion_clock_skew_seconds{store="redis"}`, `medunion_clock_skew_seconds{store="mongodb"}`, `{"status":"ready"}`},
	} {
		b, err := os.ReadFile(filepath.Join("../doc", page))
		ok(t, err)
		var commands strings.Builder
		commands.WriteString("set -euo pipefail\n")
		for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(b), -1) {
			commands.WriteString(block[1])
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-c", commands.String())
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", page, err, out)
		}
		for _, want := range says {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: the commands do not say %q:\n%s", page, want, out)
			}
		}
	}
}

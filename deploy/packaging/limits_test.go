package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	privatecloud "medunion/privatecloud/server"
)

// rest is what a hospital needs beside its releases, generously.
const rest = 256 << 20

// releasesNeed is the memory of all releases at once: while one is made it is there twice,
// as resources and as pages.
func releasesNeed(t testing.TB, settings map[string]any) int {
	t.Helper()
	k, err := kong.New(&privatecloud.Config{})
	if err != nil {
		t.Fatal(err)
	}
	need := 2
	for _, f := range k.Model.Flags {
		if f.Name != "releases" && f.Name != "max-release" {
			continue
		}
		text := f.Default
		if v, set := settings[f.Name]; set {
			text = fmt.Sprint(v)
		}
		need *= must(strconv.Atoi(text))(t)
	}
	return need
}

// quantity is a number of bytes as Kubernetes writes it.
func quantity(t testing.TB, v any) int {
	t.Helper()
	text, unit := fmt.Sprint(v), 1
	for suffix, bytes := range map[string]int{"Mi": 1 << 20, "Gi": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = rest, bytes
		}
	}
	return unit * must(strconv.Atoi(text))(t)
}

// As many releases as a hospital makes at once fit into what its container may have: else
// a few doctors with large records would end it for all others. Go is told to stay within
// what is requested, so it is that which they must fit into.
func TestReleasesFitTheChart(t *testing.T) {
	for _, set := range values {
		all, settings := objects(t, render(t, "privatecloud", set)), map[string]any{}
		for _, o := range ofKind(all, "ConfigMap") {
			if text, ok := o.at("data", "config.yaml").(string); ok {
				if err := yaml.Unmarshal([]byte(text), &settings); err != nil {
					t.Fatal(err)
				}
			}
		}
		c := list(pods(ofKind(all, "Deployment"))[0].at("spec", "containers"))[0]
		soft, hard := quantity(t, c.at("resources", "requests", "memory")), quantity(t, c.at("resources", "limits", "memory"))
		if need := releasesNeed(t, settings) + rest; need > soft || soft+rest > hard {
			t.Errorf("%s: %d MiB are needed, %d MiB requested, %d MiB the limit", set, need>>20, soft>>20, hard>>20)
		}
	}
}

// The same of the trial, whose containers do not tell Go what they have: its heap may be
// twice of what is in use.
func TestReleasesFitTheTrial(t *testing.T) {
	p := resolved(t, trial(t))
	for _, name := range []string{"st-anna", "st-bruno"} {
		settings := map[string]any{}
		if err := yaml.Unmarshal(must(os.ReadFile(filepath.Join(root, "deploy", "compose", "config", name+".yaml")))(t), &settings); err != nil {
			t.Fatal(err)
		}
		limit := must(strconv.Atoi(p.Services[name].MemLimit))(t)
		if need := 2*releasesNeed(t, settings) + rest; need > limit {
			t.Errorf("%s: %d MiB are needed of %d MiB", name, need>>20, limit>>20)
		}
	}
}

// The rules for alerts know each service by the job that its chart gives it, and no other:
// with another one every alert of it would be quiet for ever.
func TestJobsOfTheRules(t *testing.T) {
	rules := must(os.ReadFile(filepath.Join(root, "deploy", "observability", "rules", "medunion.yaml")))(t)
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`up\{job=~"([a-z|]+)"\}`).FindAllSubmatch(rules, -1) {
		for job := range strings.SplitSeq(string(m[1]), "|") {
			known[job] = true
		}
	}
	given := map[string]string{}
	for _, name := range services {
		monitors := ofKind(objects(t, render(t, name, "everything")), "ServiceMonitor")
		if len(monitors) != 1 {
			t.Fatalf("%s: %d monitors", name, len(monitors))
		}
		for _, endpoint := range list(monitors[0].at("spec", "endpoints")) {
			job := ""
			for _, r := range list(endpoint["relabelings"]) {
				if r["targetLabel"] == "job" && r["action"] == "replace" {
					job, _ = r["replacement"].(string)
				}
			}
			if other, twice := given[job]; !known[job] || twice {
				t.Errorf("%s is the job %q, which no rule names, or is %q too", name, job, other)
			}
			given[job] = name
		}
	}
	if len(given) != len(known) {
		t.Errorf("rules name %v, charts %v", known, given)
	}
}

// A list of peers that the service would not start with is refused before it is sent.
func TestHelmRefusesPeers(t *testing.T) {
	const pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for _, c := range []struct {
		name, pin, operations string
		fine                  bool
	}{
		{"portal", pin, `"release"`, true},
		{"portal", pin, ``, false},
		{"portal", pin, `""`, false},
		{"portal", pin[:49], `"release"`, false},
		{"portal", pin + "A", `"release"`, false},
		{"portal", strings.Replace(pin, "A=", "B=", 1), `"release"`, false},
		{"The Portal", pin, `"release"`, false},
	} {
		args := append([]string{"template", "x", chart("privatecloud"), "--kube-version", "1.33.0"}, valueFiles("privatecloud", "production")...)
		peers := fmt.Sprintf(`peers=[{"name":%q,"pins":[%q],"operations":[%s]}]`, c.name, c.pin, c.operations)
		out, err := helm(t, append(args, "--set-json", peers)...)
		if (err == nil) != c.fine || err != nil && !strings.Contains(out, "peers") {
			t.Errorf("%s: %v\n%s", peers, err, out)
		}
	}
}

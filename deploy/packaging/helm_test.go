package packaging

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// values are sets of values that each chart is rendered with, beside its site's own.
var values = []string{"production", "everything", "trial"}

func helm(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return run(t, command(t, tool(t, "helm", "helm.sh/helm/v3/cmd/helm"), args...))
}

func chart(name string) string { return filepath.Join(root, "deploy", "helm", name) }

func valueFiles(chart, set string) []string {
	return []string{"-f", filepath.Join("testdata", set+".yaml"), "-f", filepath.Join("testdata", "site", chart+".yaml")}
}

// render is what helm would send to a cluster.
func render(t testing.TB, name, set string, more ...string) string {
	t.Helper()
	args := append([]string{"template", "x", chart(name), "--namespace", "medunion", "--kube-version", "1.33.0"}, valueFiles(name, set)...)
	out, err := helm(t, append(args, more...)...)
	if err != nil {
		t.Fatalf("%s with %s: %v\n%s", name, set, err, out)
	}
	return out
}

// Every chart passes helm's strict lint with every set of values.
func TestHelmLint(t *testing.T) {
	for _, name := range services {
		for _, set := range values {
			if out, err := helm(t, append([]string{"lint", "--strict", chart(name)}, valueFiles(name, set)...)...); err != nil {
				t.Errorf("%s with %s: %v\n%s", name, set, err, out)
			}
		}
	}
}

// Every rendered object fits the schemas of Kubernetes, the oldest version that the charts
// take, and those of the operators' resources. A broken one is found.
func TestKubectlValidate(t *testing.T) {
	if testing.Short() {
		t.Skip("the validator is large to build")
	}
	dir := t.TempDir()
	for _, name := range services {
		for _, set := range values {
			write(t, filepath.Join(dir, name+"-"+set+".yaml"), render(t, name, set))
		}
	}
	validate := func(dir string) (string, error) {
		return run(t, command(t, tool(t, ".", "sigs.k8s.io/kubectl-validate"), dir, "--version", "1.30", "--local-crds", filepath.Join("testdata", "crds")))
	}
	out, err := validate(dir)
	if err != nil || strings.Count(out, "OK") < len(services)*len(values) {
		t.Errorf("%v\n%s", err, out)
	}
	for _, broken := range [][2]string{{"readOnlyRootFilesystem: true", "readonlyRootFilesystem: true"}, {"minReadySeconds: 5", "minReadySeconds: five"},
		{"refreshInterval: 1h", "refreshIntervall: 1h"}, {"path: /metrics", "paths: /metrics"}} {
		other := t.TempDir()
		text := render(t, "privatecloud", "everything")
		if !strings.Contains(text, broken[0]) {
			t.Fatalf("nothing says %q", broken[0])
		}
		write(t, filepath.Join(other, "broken.yaml"), strings.ReplaceAll(text, broken[0], broken[1]))
		if _, err := validate(other); err == nil {
			t.Errorf("%q is not noticed", broken[1])
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What would run insecurely, or not as its author thinks, is refused before anything is
// sent to a cluster.
func TestHelmRefuses(t *testing.T) {
	tests := []struct{ name, set, value, says string }{
		{"no image", "production", "image.digest=", "image"},
		{"latest", "trial", "image.tag=latest", "image"},
		{"a short digest", "production", "image.digest=sha256:12", "digest"},
		{"no secret", "production", "secrets.existingSecret=", "existingSecret"},
		{"no certificate", "production", "tls.existingSecret=", "tls"},
		{"a password in the ConfigMap", "production", "config.mongo-uri=mongodb://u:p@db", "ConfigMap"},
		{"development in a cluster", "production", "config.dev=true", "ConfigMap"},
		{"an address of its own", "production", "config.listen=:1", "set by the chart"},
		{"an empty setting", "production", "config.authority=", "must be given"},
		{"no name", "production", "config.Bad_Name=1", "Bad_Name"},
		{"two instances on one volume", "trial", "replicas=2", "one instance"},
		{"an unknown value", "production", "replica=3", "replica"},
		{"no limit", "production", "resources.limits=null", "limits"},
		{"everybody may reach it", "production", "network.ingress.protocol=null", "protocol"},
		{"a store with an unknown kind", "everything", "secrets.external.store.kind=Vault", "kind"},
		{"no time to end", "production", "terminationGracePeriodSeconds=10", "terminationGracePeriodSeconds"},
	}
	for _, tt := range tests {
		args := append([]string{"template", "x", chart("privatecloud"), "--kube-version", "1.33.0"}, valueFiles("privatecloud", tt.set)...)
		out, err := helm(t, append(args, "--set", tt.value)...)
		if err == nil || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v\n%s", tt.name, err, out)
		}
	}
}

// A key file that Vault protects has no passphrase beside it, and the service logs in with
// a token that the cluster makes for Vault alone.
func TestHelmVault(t *testing.T) {
	text := render(t, "publiccloud", "production", "--set", "config.key-provider=vault,config.vault-auth=kubernetes,vault.tokenAudience=vault.example")
	for line, want := range map[string]bool{"    passphrase-file:": false, "    key-provider: vault\n": true, "    vault-jwt-file: /run/secrets/vault/token\n": true,
		`audience: "vault.example"`: true} {
		if strings.Contains(text, line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}

// object is one document of YAML.
type object map[string]any

// at walks into maps; nil where there is nothing.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (o object) kind() string { s, _ := o["kind"].(string); return s }

func objects(t testing.TB, text string) (all []object) {
	t.Helper()
	for dec := yaml.NewDecoder(bytes.NewReader([]byte(text))); ; {
		var o map[string]any
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			all = append(all, o)
		}
	}
}

package packaging

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	portal "medunion/doctor-portal/server"
	privatecloud "medunion/privatecloud/server"
	publiccloud "medunion/publiccloud/server"
)

// flags are the settings of a service, by name and by variable.
func flags(t testing.TB, service string) (names, variables []string) {
	t.Helper()
	config := map[string]any{"publiccloud": &publiccloud.Config{}, "privatecloud": &privatecloud.Config{}, "doctor-portal": &portal.Config{}}[service]
	k, err := kong.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range k.Model.Flags {
		names, variables = append(names, f.Name), append(variables, f.Envs...)
	}
	return names, variables
}

// Every setting that a chart gives to a service is one of that service: a name that it
// does not know would keep it from starting.
func TestSettingsOfCharts(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		known, variables := flags(t, name)
		settings := map[string]any{}
		for _, o := range ofKind(all, "ConfigMap") {
			if text, ok := o.at("data", "config.yaml").(string); ok {
				if err := yaml.Unmarshal([]byte(text), &settings); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(settings) < 8 {
			t.Fatalf("%d settings", len(settings))
		}
		for s := range settings {
			if !slices.Contains(known, s) {
				t.Errorf("%s has no setting %s", name, s)
			}
		}
		for _, e := range list(list(pods(all)[0].at("spec", "containers"))[0]["env"]) {
			if v := e["name"].(string); v != "GOMEMLIMIT" && v != "SSL_CERT_FILE" && !slices.Contains(variables, v) {
				t.Errorf("%s has no variable %s", name, v)
			}
		}
	})
}

// The same of the systemd units.
func TestSettingsOfUnits(t *testing.T) {
	for _, name := range services {
		_, variables := flags(t, name)
		b := must(os.ReadFile(unit(name)))(t)
		found := regexp.MustCompile(`(?m)^Environment=([A-Z_]+)=`).FindAllSubmatch(b, -1)
		if len(found) < 4 {
			t.Errorf("%s: %d variables", name, len(found))
		}
		for _, m := range found {
			if !slices.Contains(variables, string(m[1])) {
				t.Errorf("%s has no variable %s", name, m[1])
			}
		}
	}
}

func unit(name string) string {
	return filepath.Join(root, "deploy", "systemd", "medunion-"+name+".service")
}

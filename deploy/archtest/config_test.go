package archtest

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	doctoragent "medunion/doctor-portal/agent"
	portal "medunion/doctor-portal/server"
	patientagent "medunion/patient-agent/server"
	privatecloud "medunion/privatecloud/server"
	publiccloud "medunion/publiccloud/server"
)

// programs are the configurations, by the prefix of their environment variables.
var programs = map[string]any{
	"PUBLICCLOUD": &publiccloud.Config{}, "PRIVATECLOUD": &privatecloud.Config{}, "PORTAL": &portal.Config{},
	"DOCTOR_AGENT": &doctoragent.Config{}, "PATIENT_AGENT": &patientagent.Config{},
}

// special are the flags that mean something of its own in each program.
var special = map[string]bool{"id": true, "listen": true, "keys": true, "store": true, "token-file": true, "passphrase-file": true,
	"namespace": true, "audience": true, "origin": true}

// withoutVariable are flags that have no environment variable.
var withoutVariable = map[string]bool{"help": true, "passphrase-env": true}

// TestConfigurations: a flag --some-thing is the variable PREFIX_SOME_THING, and the
// same flag means the same, in the same words, in every program.
func TestConfigurations(t *testing.T) {
	meaning, shared := map[string]string{}, 0
	for prefix, config := range programs {
		k, err := kong.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range k.Model.Flags {
			if withoutVariable[f.Name] {
				continue
			}
			if want := prefix + "_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")); len(f.Envs) != 1 || f.Envs[0] != want {
				t.Errorf("%s: --%s is %v, not %s", prefix, f.Name, f.Envs, want)
			}
			if other, known := meaning[f.Name]; known && !special[f.Name] {
				if shared++; other != f.Help {
					t.Errorf("%s: --%s is %q, elsewhere %q", prefix, f.Name, f.Help, other)
				}
			}
			meaning[f.Name] = f.Help
			if secret := strings.Contains(f.Name, "password"); secret != f.Hidden || secret != (f.Tag.Get("secret") == "value") {
				t.Errorf("%s: --%s: a password belongs into the variable and is a secret, and nothing else is hidden", prefix, f.Name)
			}
			if uri := strings.HasSuffix(f.Name, "-uri"); uri != (f.Tag.Get("secret") == "uri") {
				t.Errorf("%s: --%s: a connection string may hold a password", prefix, f.Name)
			}
		}
	}
	if shared < 20 {
		t.Errorf("only %d flags are shared: they have lost their common names", shared)
	}
}

package suite

import (
	"fmt"
	"strings"

	"medunion/api/token"
	"medunion/deploy/local/authority"
)

// Environment says whom the variables of a shell name.
type Environment struct {
	Hospital        *Hospital
	Doctor, Patient string // names of started agents, as of API
	Link            string // the doctor's, for patients
}

// variable is one line of the file: a value, or the name of the file that holds it.
type variable struct{ name, value, file string }

// WriteEnvironment writes a file of shell variables with which commands and programs
// reach the parties, and returns its path: `. file` sets and exports them. Tokens and the
// passphrase are read from their own files when that is done; the file itself holds none.
//
// CLOUD, HOSPITAL, ADMIN (the hospital's administration), PORTAL, DOCTOR and PATIENT (the
// agents) are base addresses, HOSPITAL_ID is ID_HPC. OPERATOR_TOKEN, IMPORT_TOKEN, ADMIN_TOKEN, DOCTOR_TOKEN and
// PATIENT_TOKEN are bearer tokens, those of operators for a day. PASSPHRASE is what the
// patient knows, LINK the doctor's link. PINS and AUTHORITY_KEYS are the paths of the
// public cloud's pins and of the key set of the medical authority AUTHORITY.
func (s *Suite) WriteEnvironment(e Environment) (string, error) {
	variables, err := s.variables(e)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, v := range variables {
		value := quote(v.value)
		if v.file != "" {
			value = `"$(cat ` + quote(v.file) + `)"`
		}
		fmt.Fprintf(&b, "export %s=%s\n", v.name, value)
	}
	return s.state.path("environment"), s.state.write("environment", []byte(b.String()))
}

func (s *Suite) variables(e Environment) ([]variable, error) {
	doctor, err := s.API(e.Doctor)
	if err != nil {
		return nil, err
	}
	patient, err := s.API(e.Patient)
	if err != nil {
		return nil, err
	}
	importToken, err := s.tokenFile(e.Hospital, "import", token.ScopeFHIRImport)
	if err != nil {
		return nil, err
	}
	adminToken, err := s.tokenFile(e.Hospital, "admin", token.ScopeAdmin)
	if err != nil {
		return nil, err
	}
	pins, keys := s.Files()
	return []variable{
		{name: "CLOUD", value: s.Cloud}, {name: "HOSPITAL", value: e.Hospital.URL}, {name: "HOSPITAL_ID", value: string(e.Hospital.ID)}, {name: "ADMIN", value: e.Hospital.Admin},
		{name: "PORTAL", value: s.Portal}, {name: "DOCTOR", value: doctor.URL}, {name: "PATIENT", value: patient.URL},
		{name: "OPERATOR_TOKEN", file: s.state.path("keys/operator.token")}, {name: "IMPORT_TOKEN", file: importToken},
		{name: "ADMIN_TOKEN", file: adminToken}, {name: "DOCTOR_TOKEN", file: doctor.TokenFile}, {name: "PATIENT_TOKEN", file: patient.TokenFile},
		{name: "PASSPHRASE", file: patient.Folder + "/passphrase"}, {name: "LINK", value: e.Link},
		{name: "PINS", value: pins}, {name: "AUTHORITY", value: authority.DefaultName}, {name: "AUTHORITY_KEYS", value: keys},
	}, nil
}

// tokenFile writes a new token for a hospital's administration, and returns its path.
func (s *Suite) tokenFile(h *Hospital, use string, scope token.Scope) (string, error) {
	t, err := h.Token(scope)
	if err != nil {
		return "", err
	}
	name := "keys/" + string(h.ID) + "." + use + ".token"
	return s.state.path(name), s.state.write(name, []byte(t+"\n"))
}

// quote makes one word of a shell of any text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

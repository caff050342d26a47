package system_test

import (
	"fmt"
	"slices"
	"strings"
)

// signer is a party whose keys sign a message, whatever its role.
type signer struct {
	name string
	*registrant
}

// The signers, as the table has them.
const (
	aPatient  = "patient"
	aDoctor   = "doctor"
	aHospital = "hospital"
)

func (w *guarded) signers() []signer {
	return []signer{{aPatient, w.a.patient}, {aDoctor, w.a.doctor}, {aHospital, w.a.hospital},
		{"revoked patient", w.revoked.patient}, {"revoked doctor", w.revoked.doctor}, {"revoked hospital", w.revoked.hospital},
		{"unregistered patient", w.a.patient.unregistered()}, {"unregistered doctor", w.a.doctor.unregistered()},
		{"unregistered hospital", w.a.hospital.unregistered()}}
}

// signing says who may sign the messages of a route. Everybody else is refused with 403.
var signing = []struct {
	at, path string
	method   string
	let      []string
	status   int
	build    func(*strangers) builder
}{
	{"public cloud", "/v1/prekeys", "PUT", []string{aDoctor, aHospital}, 204, func(s *strangers) builder { return prekeyOf(s.doctor) }},
	{"public cloud", "/v1/searches", "POST", []string{aDoctor}, 200, (*strangers).m4},
	{"public cloud", "/v1/index-entries", "POST", []string{aHospital}, 200, (*strangers).indexWrite},
	{"public cloud", "/v1/diagnosis-entries", "POST", []string{aDoctor}, 200, (*strangers).m12},
	{"hospital", "/v1/questions", "POST", []string{aPatient}, 200, (*strangers).hospitalQuestion},
	{"hospital", "/v1/sessions", "POST", []string{aDoctor}, 200, (*strangers).m6},
}

// cast is the party with one registrant in the place of whoever signs.
func (p *party) cast(at string, x signer) *strangers {
	s := p.anew()
	switch c := *x.registrant; {
	case at == "/v1/questions":
		s.patient = &c
	case at == "/v1/index-entries":
		s.hospital = &c
	default:
		if c.certificate == nil {
			c.certificate = p.doctor.certificate
		}
		s.doctor = &c
		s.consent.Doctor = c.credential.Hash()
	}
	return s
}

// signed sends each message as each signer, and returns the table of the answers.
func (w *guarded) signed() string {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("\n| Route | Who may | All others |\n|---|---|---|\n")
	for _, r := range signing {
		refusals := map[string]string{}
		for _, x := range w.signers() {
			want := 403
			if slices.Contains(r.let, x.name) {
				want = r.status
			}
			build, q := r.build(w.a.cast(r.path, x)), request{method: r.method, path: r.path}
			if q = q.message(build); r.method == "PUT" {
				q = q.signed(build)
			}
			i := slices.IndexFunc(w.surfaces(), func(s surface) bool { return s.name == r.at })
			got := w.send(w.surfaces()[i], q, w.principals()[0])
			if got.status != want {
				w.t.Errorf("%s, %s %s signed by a %s: %d, want %d\n%s", r.at, r.method, r.path, x.name, got.status, want, got.text)
			}
			if got.status == 403 {
				refusals[got.text] = x.name
			}
		}
		if len(refusals) != 1 {
			w.t.Errorf("%s %s: refusals differ: %v", r.method, r.path, refusals)
		}
		fmt.Fprintf(&b, "| %s `%s %s` | %s: %d | 403 |\n", r.at, r.method, r.path, strings.Join(r.let, ", "), r.status)
	}
	return b.String()
}

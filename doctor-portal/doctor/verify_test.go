package doctor_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// evidence is that of a whole visit.
func (s *scene) evidence() doctor.Evidence {
	s.T.Helper()
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	s.released(h, `{"page": 1}`, `{"page" :2}`)
	s.storeAndIndex(v, h, peers.Must(v.Diagnose([]byte(diagnosis))))
	return v.Evidence()
}

func (s *scene) verify(e doctor.Evidence) []doctor.Verified {
	return e.Verify(s.Pins, s.World.Verify)
}

// broken names the statements that do not hold.
func broken(all []doctor.Verified) string {
	var out []string
	for _, v := range all {
		if v.Err != nil {
			out = append(out, v.Name)
		}
	}
	return strings.Join(out, " ")
}

func TestEvidenceVerifies(t *testing.T) {
	suites(t, func(t *testing.T, suite ecc.Suite) {
		s := newScene(t, suite)
		e := peers.Must(doctor.DecodeEvidence(s.evidence().Encode()))
		all := s.verify(e)
		var names []string
		for _, v := range all {
			if v.Err != nil || v.ID == "" || v.Time == 0 {
				t.Errorf("%s of %s at %d: %v", v.Name, v.ID, v.Time, v.Err)
			}
			names = append(names, v.Name)
		}
		want := "sigma_P uv sigma_L Sig_P1 Sig_D1 Sig_P2 Sig_D2 Sig_C Sig_D3 Sig_HPC1 Sig_HPC2 Sig_D5 Sig_HPC3 Sig_D7 Sig_C2"
		if got := strings.Join(names, " "); got != want {
			t.Errorf("verified\n%s, want\n%s", got, want)
		}
	})
}

// TestEvidenceOfAVisitThatEnded: before M3 there is no consent, and nothing to miss.
func TestEvidenceOfAVisitThatEnded(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	all := s.verify(s.answered().Evidence())
	if len(all) != 2 || broken(all) != "" {
		t.Errorf("%d statements, broken: %q", len(all), broken(all))
	}
}

// TestEvidenceAltered: attack 17. Any byte changed fails, in whatever part it lies.
func TestEvidenceAltered(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	whole := s.evidence().Encode()
	for i := 0; i < len(whole); i += 23 {
		bent := slices.Clone(whole)
		bent[i] ^= 1
		e, err := doctor.DecodeEvidence(bent)
		if err == nil && broken(s.verify(e)) == "" {
			t.Fatalf("byte %d of %d changed, and all still verifies", i, len(whole))
		}
	}
}

// TestEvidenceSwapped: true signatures in the wrong place.
func TestEvidenceSwapped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	elsewhere := newScene(t, ecc.SuiteX25519)
	elsewhere.p = elsewhere.NewPatient("fedcba9876543210fedcba9876543210")
	elsewhere.Cloud.Entries = []message.Entry{elsewhere.anna.Entry(elsewhere.p)}
	other := elsewhere.evidence()
	for name, edit := range map[string]func(*doctor.Evidence){
		"a statement of another visit": func(e *doctor.Evidence) { e.Statements[0] = other.Statements[0] },
		"renamed":                      func(e *doctor.Evidence) { e.Statements[0].Name = "Sig_P2" },
		"of an unknown name":           func(e *doctor.Evidence) { e.Statements[0].Name = "Sig_X" },
		"said to be the doctor's":      func(e *doctor.Evidence) { e.Statements[0].Signer = e.Doctor.Hash() },
		"another patient":              func(e *doctor.Evidence) { e.Patient = other.Patient },
		"another consent":              func(e *doctor.Evidence) { e.Consent = other.Consent },
		"contents left out":            func(e *doctor.Evidence) { e.Contents = e.Contents[:1] },
		"the search left out":          func(e *doctor.Evidence) { e.Statements = slices.Delete(slices.Clone(e.Statements), 3, 5) },
	} {
		e := s.evidence()
		edit(&e)
		if broken(s.verify(e)) == "" {
			t.Errorf("%s: all verifies", name)
		}
	}
	pins := s.Pins
	pins.First.PUKC = peers.Must(ecc.SigningKeyFromSeed([]byte("a key of thirty-two bytes length"))).Public()
	for _, v := range s.evidence().Verify(pins, s.World.Verify) {
		if !errors.Is(v.Err, doctor.ErrSigner) {
			t.Errorf("under another PUK_C %s: %v", v.Name, v.Err)
		}
	}
}

package doctor_test

import (
	"errors"
	"slices"
	"testing"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
)

// forged is a credential that says all that c says, with another key; nobody issued it.
func forged(c message.Credential, k ecc.SigningKey) message.Credential {
	c.Info.Keys.Sign = k.Public()
	return c
}

// TestEvidenceForgedSigner: attack 17. A made-up credential among those of the file signs
// nothing in the name of the patient, the doctor or a hospital.
func TestEvidenceForgedSigner(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	mallory := peers.Must(ecc.SigningKeyFromSeed([]byte("a key of thirty-two bytes length")))
	whole := s.evidence()
	for i, st := range whole.Statements {
		all := append([]message.Credential{whole.Patient, whole.Doctor}, whole.Hospitals...)
		at := slices.IndexFunc(all, func(c message.Credential) bool { return c.Hash() == st.Signer })
		if at < 0 {
			continue // the public cloud's: its key is pinned
		}
		e := peers.Must(doctor.DecodeEvidence(whole.Encode()))
		fake := forged(all[at], mallory)
		e.Hospitals = append(e.Hospitals, fake)
		e.Statements[i].Signer, e.Statements[i].Signature = fake.Hash(), message.Sign(mallory, st.TBS).Signature
		for _, v := range s.verify(e) {
			if v.Name == st.Name && v.Err == nil {
				t.Errorf("%s under a key that nobody vouches for verifies as that of %s", v.Name, v.ID)
			}
		}
	}
}

// TestEvidenceForgedPatient: the consent's own signatures are worth what the patient's
// credential is.
func TestEvidenceForgedPatient(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	e := s.evidence()
	e.Patient.Signature = e.Doctor.Signature
	for _, v := range s.verify(e) {
		if v.Role == message.Patient && !errors.Is(v.Err, doctor.ErrSigner) {
			t.Errorf("%s of a patient whom nobody registered: %v", v.Name, v.Err)
		}
	}
}

// TestEvidenceMisplacedCredential: a true credential in another's place.
func TestEvidenceMisplacedCredential(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	e := s.evidence()
	e.Patient, e.Hospitals = e.Hospitals[0], nil
	for _, v := range s.verify(e) {
		if v.Name == "Sig_HPC1" && v.Err == nil {
			t.Error("a hospital in the patient's place signs as a hospital")
		}
	}
}

// TestDiagnosisOverUnseenRelease: a release that came after what the doctor was shown is not
// signed over.
func TestDiagnosisOverUnseenRelease(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	s.released(s.session(q), `{"page": 1}`)
	if _, err := v.DiagnoseSeen([]byte(diagnosis), 0); !errors.Is(err, doctor.ErrUnseen) {
		t.Errorf("none shown, one received: %v", err)
	}
	if _, err := v.DiagnoseSeen([]byte(diagnosis), 1); err != nil {
		t.Errorf("one shown: %v", err)
	}
}

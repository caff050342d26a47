package hospital_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// A doctor has seen a patient's vk_L. As a patient of the same hospital she must not enrol it
// with a record of her own: her entry would lie under the patient's (L, c_HPC), later, and the
// patient's own would not be found any more.
func TestAttack16_ForeignLocatorEnrolled(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	cH, mallory := s.h.Party.Cred, s.w.NewPatient()
	s.load("MRN-mallory", s.rec)
	hers := s.p.Locators(cH)
	rekeyed := append([]message.EnrolledLocator(nil), hers...)
	for i := range rekeyed {
		rekeyed[i].Key = message.IndexKey(mallory.KLoc, rekeyed[i].Department, s.h.ID())
	}
	elsewhere := s.w.Register(message.Hospital, "charite", []byte("https://charite.example"), 1).Cred
	for name, list := range map[string][]message.EnrolledLocator{"as she signed them": hers, "with another kv": rekeyed,
		"of another hospital": mallory.Locators(elsewhere)} {
		code, _, err := s.h.NewDeskCode(t.Context(), "MRN-mallory")
		if err != nil {
			t.Fatal(problem.Reason(err))
		}
		_, err = s.h.Enrol(t.Context(), mallory.EnrolWith(t, cH, s.h.Prekey(t, s.w), code, list).M)
		s.refused(err, name)
		// Nothing was used up: with locators of her own the same code enrols her.
		x := mallory.Enrol(t, cH, s.h.Prekey(t, s.w), code)
		m, err := s.h.Enrol(t.Context(), x.M)
		if err != nil {
			t.Fatal(problem.Reason(err))
		}
		x.Enrolled(t, m)
	}
}

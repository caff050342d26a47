package practice

import (
	"errors"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// KeptEvidence returns what there is of a visit so far; of one of an earlier session,
// what was kept.
func (p *Practice) KeptEvidence(id string) (doctor.Evidence, error) {
	s, err := p.session()
	if err != nil {
		return doctor.Evidence{}, err
	}
	if v := s.find(func(v *visit) bool { return v.id == id }); v != nil {
		return v.role.Evidence(), nil
	}
	e, err := s.kept(id)
	if problem.KindOf(err) == problem.KindNotFound && err != nil {
		return doctor.Evidence{}, failed(problem.From(err), "no-evidence")
	}
	return e, err
}

// Evidence verifies each signature of a visit anew, under the pins and the medical
// authority's keys alone, as anybody can with the file that EvidenceFile returns.
func (p *Practice) Evidence(id string) (Evidence, error) {
	e, err := p.KeptEvidence(id)
	if err != nil {
		return Evidence{}, err
	}
	return judged(e.Verify(p.Pins(), p.authority.Verify)), nil
}

func judged(all []doctor.Verified) Evidence {
	out := Evidence{Statements: []Statement{}}
	for _, v := range all {
		st := Statement{Name: v.Name, Signer: Signer{Role: roles[v.Role], ID: string(v.ID)}, Covers: covers[v.Name], Time: int64(v.Time),
			Verified: v.Err == nil}
		if st.Covers == "" {
			st.Covers = "unknown"
		}
		if v.Err != nil {
			st.Why = whyNot(v.Err)
		}
		out.Statements = append(out.Statements, st)
	}
	return out
}

// roles are the parties as a page names them. A signer whom the evidence does not know
// has none.
var roles = map[message.Role]string{message.Patient: "patient", message.Doctor: "doctor", message.Hospital: "hospital",
	message.PublicCloud: "cloud"}

// covers are the codes of what a signature proves.
var covers = map[string]string{
	"sigma_P":  "consent",               // the patient allowed this
	"uv":       "user-verification",     // and proved that it was she
	"sigma_L":  "locator-consent",       // the same, to the public cloud, which does not know her
	"Sig_P1":   "consultation-asked",    // the patient came to this doctor
	"Sig_D1":   "consultation-answered", // the doctor answered her
	"Sig_P2":   "signals-sent",          // the patient sent these signals under this consent
	"Sig_D2":   "search-asked",          // the doctor asked the public cloud
	"Sig_C":    "search-permitted",      // the public cloud permitted it
	"Sig_D3":   "hospital-asked",        // the doctor asked the hospital
	"Sig_HPC1": "hospital-answered",     // the hospital answered
	"Sig_HPC2": "record-released",       // the hospital released exactly this
	"Sig_D5":   "diagnosis-made",        // the doctor made this diagnosis, having seen that
	"Sig_HPC3": "diagnosis-stored",      // the hospital stored it
	"Sig_D7":   "index-asked",           // the doctor forwarded the changed index entry
	"Sig_C2":   "diagnosis-indexed",     // the public cloud took it
}

func whyNot(err error) *Reason {
	for _, k := range []struct {
		cause error
		Reason
	}{
		{doctor.ErrSignature, Reason{Code: "signature-invalid", Says: "The signature does not verify."}},
		{doctor.ErrSigner, Reason{Code: "signer-invalid", Says: "The signer is unknown, or the credential did not hold then."}},
		{doctor.ErrContents, Reason{Code: "contents-mismatch", Says: "The contents are not those that were signed."}},
	} {
		if errors.Is(err, k.cause) {
			return &k.Reason
		}
	}
	return &Reason{Code: "statement-mismatch", Says: "The statement is not about this visit."}
}

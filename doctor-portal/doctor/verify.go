package doctor

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"medunion/api/message"
	"medunion/ecc"
)

// Verified is one statement of the evidence, verified anew.
type Verified struct {
	Name string
	Role message.Role   // of the signer
	ID   message.ID     // of the signer; "" if the evidence does not name it
	Time message.Millis // that the statement names, 0 if it could not be read
	Err  error          // nil if it holds
}

// The causes of Verified.Err.
var (
	ErrSignature = errors.New("doctor: the signature does not verify")
	ErrSigner    = errors.New("doctor: the signer's credential does not hold")
	ErrStatement = errors.New("doctor: the statement is not about this visit")
	ErrContents  = errors.New("doctor: the contents are not those that were signed")
)

// Verify checks each statement of the evidence with nothing but the pins and the medical
// authority's keys: the signature, the signer's credential at the time that the
// statement names, and that it speaks of this patient, this doctor, this consent and the
// contents at hand. The consent's own signatures come first: sigma_P, the user
// verification, and one sigma_L for each locator; they hold only with the patient's
// credential.
func (e Evidence) Verify(p message.Pins, verify message.CertificateVerifier) []Verified {
	j := judge{e: e, pins: p, verify: verify, cP: e.Patient.Hash(), cD: e.Doctor.Hash()}
	for _, c := range e.Contents {
		j.contents = append(j.contents, ecc.Sum(c))
	}
	var out []Verified
	if e.Consent.SigmaP != nil {
		j.consent = e.Consent.Consent.Hash()
		out = j.verifyConsent()
	}
	for _, s := range e.Statements {
		out = append(out, j.verifyStatement(s))
	}
	return out
}

// judge holds what the statements are compared with.
type judge struct {
	e        Evidence
	pins     message.Pins
	verify   message.CertificateVerifier
	cP, cD   message.Hash
	consent  message.Hash   // zero if the visit ended before M3
	contents []message.Hash // of the salted contents
	signer   message.Hash   // of the statement at hand
}

func (j *judge) verifyConsent() []Verified {
	con, patient := j.e.Consent, j.e.Patient
	out := []Verified{{Name: "sigma_P", Err: j.verifySigmaP()},
		{Name: "uv", Err: refuted(ErrSignature, con.Assertion.Verify(patient.Info.Attribute, con.Consent))}}
	fits := con.OpenC.Commit() == con.Consent.CommitC && len(con.Authorizers) == len(con.OpenC.Locators)
	for i, a := range con.Authorizers {
		l := Verified{Name: "sigma_L"}
		switch {
		case !fits || message.Locator(a.VK) != con.OpenC.Locators[i]:
			l.Err = ErrStatement
		default:
			l.Err = refuted(ErrSignature, a.VK.Verify(message.TBSSigmaL(con.Consent), a.SigmaL))
		}
		out = append(out, l)
	}
	vouched := refuted(ErrSigner, j.vouchPatient())
	for i := range out {
		out[i].Role, out[i].ID, out[i].Time = message.Patient, patient.Info.ID, con.Consent.NotBefore
		out[i].Err = cmp.Or(out[i].Err, vouched)
	}
	return out
}

// vouchPatient checks the patient's credential while the consent is in force: a consent is
// dated back a little, and may begin before the credential of a new patient.
func (j *judge) vouchPatient() error {
	con, patient := j.e.Consent.Consent, j.e.Patient
	at := max(con.NotBefore, patient.Info.NotBefore)
	if at >= con.Expires {
		return message.ErrExpired
	}
	return patient.Verify(j.pins, message.Patient, at)
}

func (j *judge) verifySigmaP() error {
	con, patient := j.e.Consent, j.e.Patient
	if con.Consent.Doctor != j.cD || con.OpenH.Commit() != con.Consent.CommitH || con.OpenH.Patient != patient.Info.ID {
		return ErrStatement
	}
	return refuted(ErrSignature, patient.Info.Keys.Sign.Verify(message.TBSSigmaP(con.Consent), con.SigmaP))
}

func refuted(as, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", as, err)
}

// field checks one field of a statement.
type field func(j *judge, b []byte) bool

func anything(*judge, []byte) bool { return true }

func isPatient(j *judge, b []byte) bool   { return bytes.Equal(b, j.cP[:]) }
func isPatientID(j *judge, b []byte) bool { return string(b) == string(j.e.Patient.Info.ID) }
func isDoctor(j *judge, b []byte) bool    { return bytes.Equal(b, j.cD[:]) }
func isConsent(j *judge, b []byte) bool   { return bytes.Equal(b, j.consent[:]) }
func isCloud(j *judge, b []byte) bool     { return string(b) == string(j.pins.CloudID) }

// isPKOf wants the PK of the root that issued the initiator's credential.
func isPKOf(initiator func(*judge) message.Credential) field {
	return func(j *judge, b []byte) bool {
		root, err := j.pins.Issuer(initiator(j))
		return err == nil && bytes.Equal(b, root.PK.Bytes())
	}
}

var (
	isPatientsPK = isPKOf(func(j *judge) message.Credential { return j.e.Patient })
	isDoctorsPK  = isPKOf(func(j *judge) message.Credential { return j.e.Doctor })
)

func isDepartment(j *judge, b []byte) bool {
	return string(b) == string(j.e.Consent.Consent.Department)
}

func isLocators(j *judge, b []byte) bool {
	h := j.e.Consent.OpenC.HashLocators()
	return bytes.Equal(b, h[:])
}

func isCertificate(j *judge, b []byte) bool {
	h := ecc.Sum(j.e.Certificate)
	return bytes.Equal(b, h[:])
}

func isContent(j *judge, b []byte) bool {
	return len(b) == len(message.Hash{}) && slices.Contains(j.contents, message.Hash(b))
}

// isRequest wants H(tbs) of a statement of this name in the evidence.
func isRequest(name string) field {
	return func(j *judge, b []byte) bool {
		return j.has(name, func(s Statement) bool { h := ecc.Sum(s.TBS); return bytes.Equal(b, h[:]) })
	}
}

// isSigned wants H⟨signed: tbs, signature⟩ of a statement of this name.
func isSigned(name string) field {
	return func(j *judge, b []byte) bool {
		return j.has(name, func(s Statement) bool {
			h := ecc.Sum(message.Signed{TBS: s.TBS, Signature: s.Signature}.Encode())
			return bytes.Equal(b, h[:])
		})
	}
}

// isField wants what stands in field n, of count, of a statement of this name.
func isField(name string, l ecc.Label, count, n int) field {
	return func(j *judge, b []byte) bool {
		return j.has(name, func(s Statement) bool {
			f, err := ecc.Decode(l, s.TBS, count)
			return err == nil && bytes.Equal(f[n], b)
		})
	}
}

func isSigner(j *judge, b []byte) bool { return bytes.Equal(b, j.signer[:]) }

// isPages wants a list of hashes of which each is a content.
func isPages(j *judge, b []byte) bool {
	f, err := ecc.DecodeList(ecc.LabelHashes, b, maxEvidence)
	return err == nil && !slices.ContainsFunc(f, func(h []byte) bool { return !isContent(j, h) })
}

func (j *judge) has(name string, is func(Statement) bool) bool {
	return slices.ContainsFunc(j.e.Statements, func(s Statement) bool { return s.Name == name && is(s) })
}

// rule says what a statement ⟨label: hdr, fields⟩ must hold: whose it is, in which
// message it travelled, and each field. Time is the number of the field with the time,
// 0 for the header's.
type rule struct {
	label  ecc.Label
	by     message.Role
	in     message.Type
	time   int
	fields []field
}

// The fields of a statement that others refer to.
var (
	isHospitalsRequest = isField("Sig_D3", ecc.LabelSigD3, 8, 3) // R_D3
	isIndexedLocator   = isField("Sig_D7", ecc.LabelSigD7, 7, 3)
	isIndexedValue     = isField("Sig_D7", ecc.LabelSigD7, 7, 4)
)

// rules are the statements of a visit by their names, with the fields in the order of
// package message. Sig_D5 has no header and is read by itself.
var rules = map[string]rule{
	"Sig_P1": {ecc.LabelSigP1, message.Patient, message.TypeM1, 0, []field{isPatient, isDoctor, anything, anything, isPatientsPK}},
	"Sig_D1": {ecc.LabelSigD1, message.Doctor, message.TypeM2, 0,
		[]field{anything, isPatient, isDoctor, anything, anything, isCertificate, isPatientsPK}},
	"Sig_P2": {ecc.LabelSigP2, message.Patient, message.TypeM3, 0, []field{anything, isPatient, isDoctor, isContent, isConsent}},
	"Sig_D2": {ecc.LabelSigD2, message.Doctor, message.TypeM4, 0,
		[]field{isCloud, isDoctor, isDepartment, isConsent, isLocators, anything, anything}},
	"Sig_C": {ecc.LabelSigC, message.PublicCloud, message.TypeM5, 7,
		[]field{isRequest("Sig_D2"), isDoctor, isDepartment, isConsent, anything, anything, anything, anything}},
	"Sig_D3": {ecc.LabelSigD3, message.Doctor, message.TypeM6, 0,
		[]field{anything, isDoctor, anything, anything, isConsent, isSigned("Sig_C"), isDoctorsPK}},
	"Sig_HPC1": {ecc.LabelSigHPC1, message.Hospital, message.TypeM7, 0,
		[]field{anything, isSigner, isDoctor, isHospitalsRequest, anything, isDoctorsPK}},
	"Sig_HPC2": {ecc.LabelSigHPC2, message.Hospital, message.TypeM9, 0,
		[]field{anything, isDoctor, isSigner, isPatientID, isConsent, anything, isPages}},
	"Sig_HPC3": {ecc.LabelSigHPC3, message.Hospital, message.TypeStored, 6,
		[]field{isDoctor, isSigner, anything, isContent, isSigned("Sig_D5"), anything}},
	"Sig_D7": {ecc.LabelSigD7, message.Doctor, message.TypeM12, 0,
		[]field{isDoctor, anything, anything, anything, isConsent, anything}},
	"Sig_C2": {ecc.LabelReceipt, message.PublicCloud, message.TypeIndexed, 3, []field{isIndexedLocator, isIndexedValue, anything}},
}

func (j *judge) verifyStatement(s Statement) Verified {
	by, known := j.signerBy(s.Signer)
	v := Verified{Name: s.Name, Role: by.role, ID: by.id}
	j.signer = s.Signer
	if s.Name == "Sig_D5" {
		v.Time, v.Err = j.readD5(s.TBS)
	} else {
		v.Time, v.Err = j.read(s)
	}
	switch {
	case v.Err != nil:
	case !known || by.role != signerOf(s.Name):
		v.Err = ErrSigner
	default:
		v.Err = refuted(ErrSignature, by.key.Verify(s.TBS, s.Signature))
	}
	if v.Err == nil {
		v.Err = refuted(ErrSigner, by.vouch(v.Time))
	}
	return v
}

// signerOf is the role whose statement it is.
func signerOf(name string) message.Role {
	if name == "Sig_D5" {
		return message.Doctor
	}
	return rules[name].by
}

// signer is a party of the visit: what it is by its place in the evidence, not by what a
// credential says of itself, and what vouches for its key.
type signer struct {
	role  message.Role
	id    message.ID
	key   ecc.VerifyKey
	vouch func(at message.Millis) error
}

// signerBy finds whose key a statement is under. Each place takes credentials of its own
// role only, and each is vouched for itself: whoever writes an evidence file can put
// credentials of his own making into it.
func (j *judge) signerBy(c message.Hash) (s signer, known bool) {
	if root, ok := j.pins.ByHash(c); ok {
		return j.publicCloud(root), true
	}
	switch c {
	case j.cP:
		return j.credentialed(j.e.Patient, message.Patient), true
	case j.cD:
		s = j.credentialed(j.e.Doctor, message.Doctor)
		s.vouch = func(at message.Millis) error {
			_, err := message.VerifyDoctor(j.pins, j.verify, j.e.Doctor, j.e.Certificate, at)
			return err
		}
		return s, true
	}
	for _, h := range j.e.Hospitals {
		if h.Hash() == c {
			return j.credentialed(h, message.Hospital), true
		}
	}
	return signer{}, false
}

// publicCloud is the public cloud under a root, whose statements count from the time in
// which that root was good.
func (j *judge) publicCloud(root message.Root) signer {
	return signer{message.PublicCloud, j.pins.CloudID, root.PUKC, func(at message.Millis) error {
		if !slices.ContainsFunc(j.pins.Roots(at), root.Equal) {
			return message.ErrExpired
		}
		return nil
	}}
}

func (j *judge) credentialed(c message.Credential, role message.Role) signer {
	return signer{role, c.Info.ID, c.Info.Keys.Sign, func(at message.Millis) error { return c.Verify(j.pins, role, at) }}
}

// read compares a statement with its rule and returns its time.
func (j *judge) read(s Statement) (message.Millis, error) {
	r, known := rules[s.Name]
	if !known {
		return 0, ErrStatement
	}
	f, err := ecc.Decode(r.label, s.TBS, 1+len(r.fields))
	if err != nil {
		return 0, ErrStatement
	}
	h, err := message.DecodeHeader(f[0])
	if err != nil || h.Type != r.in || h.Suite != j.e.Doctor.Info.Suite {
		return 0, ErrStatement
	}
	at := h.Time
	if r.time > 0 {
		if len(f[r.time]) != 8 {
			return 0, ErrStatement
		}
		at = message.Millis(binary.BigEndian.Uint64(f[r.time]))
	}
	for i, holds := range r.fields {
		if !holds(j, f[i+1]) {
			return at, ErrStatement
		}
	}
	return at, nil
}

// readD5 checks the diagnosis statement, which has no header: M_SD, every release and
// the diagnosis must be among the contents.
func (j *judge) readD5(tbs []byte) (message.Millis, error) {
	d, err := message.DecodeD5(tbs)
	if err != nil {
		return 0, ErrStatement
	}
	if d.Patient != j.e.Patient.Info.ID || d.Doctor != j.cD || d.Consent != j.consent {
		return d.Time, ErrStatement
	}
	if !slices.Contains(j.contents, d.MSD) || !slices.Contains(j.contents, d.Diagnosis) {
		return d.Time, ErrContents
	}
	for _, emr := range d.EMR {
		if !j.released(emr) {
			return d.Time, ErrContents
		}
	}
	return d.Time, nil
}

// released reports whether a Sig_HPC2 of the evidence covers this release.
func (j *judge) released(emr message.Hash) bool {
	return j.has("Sig_HPC2", func(s Statement) bool {
		f, err := ecc.Decode(ecc.LabelSigHPC2, s.TBS, 8)
		return err == nil && ecc.H(ecc.LabelEMR, f[7]) == emr
	})
}

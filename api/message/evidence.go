package message

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"medunion/ecc"
)

// What the public cloud and a hospital keep so that it can be shown later who
// asked for what, on which grounds, and what was answered (Table 2). Each piece
// verifies offline against the pins and the medical authority's keys, and holds
// no secret of anybody. The doctor's and the patient's evidence is their own.

// ErrEvidence is returned, wrapped with the place, for evidence that does not
// show what it should.
var ErrEvidence = errors.New("message: the evidence does not hold")

// Grounds are what a search or M12 rests on at the public cloud: ⟨grounds: Cred_D,
// Cert_D, Consent, open_C, (vk_L, σ_L)*⟩. They name nobody but the doctor.
type Grounds struct {
	Doctor      Credential
	Certificate []byte // Cert_D
	Consent     Consent
	OpenC       OpenC
	Authorizers []Authorizer // in the order of L*; of M12 the entry's only
}

// Encode returns the canonical bytes.
func (g Grounds) Encode() []byte {
	return ecc.Encode(ecc.LabelGrounds, g.Doctor.Encode(), g.Certificate, g.Consent.Encode(), g.OpenC.Encode(),
		encodeEach(ecc.LabelList, g.Authorizers))
}

// DecodeGrounds is the inverse of Encode; it fails with ErrFormat.
func DecodeGrounds(b []byte) (Grounds, error) {
	r := read(ecc.LabelGrounds, b, 5)
	g := Grounds{Doctor: r.credential(), Certificate: r.bytes(1, maxCert), Consent: r.consent(), OpenC: r.openC(),
		Authorizers: decodeEach(r, ecc.LabelList, maxLocators, decodeAuthorizer)}
	return g, r.done()
}

// verify checks that the doctor was one at the time, and that the consent was
// hers and in force.
func (g Grounds) verify(p Pins, verify CertificateVerifier, at Millis) error {
	return verifyConsenting(p, verify, g.Doctor, g.Certificate, g.Consent, at)
}

func verifyConsenting(p Pins, verify CertificateVerifier, doctor Credential, certD []byte, c Consent, at Millis) error {
	cert, err := VerifyDoctor(p, verify, doctor, certD, at)
	if err != nil {
		return err
	}
	if c.Doctor != doctor.Hash() || !slices.Contains(cert.Departments, string(c.Department)) {
		return fmt.Errorf("%w: consent for another doctor or department", ErrEvidence)
	}
	return c.CheckTime(at)
}

// SearchEvidence is one counted search, beside its Grounds: ⟨evidence search:
// (tbs_D2, Sig_D2), (Ticket, Sig_C)⟩.
type SearchEvidence struct {
	Request Signed
	Ticket  Signed
}

// Encode returns the canonical bytes.
func (e SearchEvidence) Encode() []byte {
	return ecc.Encode(ecc.LabelEvidenceSearch, e.Request.Encode(), e.Ticket.Encode())
}

// DecodeSearchEvidence is the inverse of Encode; it fails with ErrFormat.
func DecodeSearchEvidence(b []byte) (SearchEvidence, error) {
	r := read(ecc.LabelEvidenceSearch, b, 2)
	e := SearchEvidence{Request: r.signed(), Ticket: r.signed()}
	return e, r.done()
}

// Verify shows that the doctor asked for the locators of this consent, that their
// holder had authorised it, and that the public cloud permitted it. Times are
// those of the ticket.
func (e SearchEvidence) Verify(p Pins, verify CertificateVerifier, g Grounds) error {
	cD, consent, locators := g.Doctor.Hash(), g.Consent.Hash(), g.OpenC.HashLocators()
	t, err := OpenTicket(e.Ticket, p, cD, consent)
	if err != nil {
		return err
	}
	if err := g.verify(p, verify, t.Issued); err != nil {
		return err
	}
	if err := VerifyLocators(g.Consent, g.OpenC, g.Authorizers); err != nil {
		return err
	}
	h, err := openStatement(e.Request, g.Doctor, ecc.LabelSigD2, TypeM4, []byte(p.CloudID), cD[:],
		[]byte(g.Consent.Department), consent[:], locators[:], u8(uint8(t.Mode)), nil)
	if err != nil {
		return err
	}
	if t.Request != ecc.Sum(e.Request.TBS) || t.Department != g.Consent.Department || t.Header.Session != h.Session {
		return fmt.Errorf("%w: ticket for another request", ErrEvidence)
	}
	return nil
}

// EntryEvidence is one accepted M12: ⟨evidence entry: Grounds, entry, (tbs_D7,
// Sig_D7), (tbs, Sig_C2)⟩.
type EntryEvidence struct {
	Grounds Grounds // with the entry's authorizer alone
	Entry   Entry   // L, v', Sig_idx, Cred_HPC
	Request Signed
	Receipt Signed
}

// Encode returns the canonical bytes.
func (e EntryEvidence) Encode() []byte {
	return ecc.Encode(ecc.LabelEvidenceEntry, e.Grounds.Encode(), e.Entry.Encode(), e.Request.Encode(), e.Receipt.Encode())
}

// DecodeEntryEvidence is the inverse of Encode; it fails with ErrFormat.
func DecodeEntryEvidence(b []byte) (EntryEvidence, error) {
	r := read(ecc.LabelEvidenceEntry, b, 4)
	g, err := DecodeGrounds(r.take())
	if err != nil {
		r.fail()
	}
	e := EntryEvidence{Grounds: g, Entry: r.entry(), Request: r.signed(), Receipt: r.signed()}
	return e, r.done()
}

// Verify shows that the doctor forwarded this entry of the hospital under a consent
// for its locator, and that the public cloud took it. Times are those of the receipt.
func (e EntryEvidence) Verify(p Pins, verify CertificateVerifier) error {
	at, session, err := e.receipt(p)
	if err != nil {
		return err
	}
	if err := e.Grounds.verify(p, verify, at); err != nil {
		return err
	}
	g := e.Grounds
	if g.OpenC.Commit() != g.Consent.CommitC || !slices.Contains(g.OpenC.Locators, e.Entry.Locator) || len(g.Authorizers) != 1 {
		return fmt.Errorf("%w: the consent is for other locators", ErrEvidence)
	}
	a := g.Authorizers[0]
	if err := a.VK.Verify(TBSSigmaL(g.Consent), a.SigmaL); err != nil {
		return fmt.Errorf("%w: σ_L", ErrEvidence)
	}
	if err := e.Entry.Verify(p, a.VK, at); err != nil {
		return err
	}
	cD, cH, consent, hv := g.Doctor.Hash(), e.Entry.Hospital.Hash(), g.Consent.Hash(), ecc.Sum(e.Entry.Value)
	h, err := openStatement(e.Request, g.Doctor, ecc.LabelSigD7, TypeM12, cD[:], cH[:], e.Entry.Locator[:], hv[:], consent[:], nil)
	if err == nil && h.Session != session {
		err = fmt.Errorf("%w: receipt for another request", ErrEvidence)
	}
	return err
}

// receipt verifies Sig_C2 and returns its time and the sid of its exchange.
func (e EntryEvidence) receipt(p Pins) (at Millis, session [16]byte, err error) {
	r := read(ecc.LabelReceipt, e.Receipt.TBS, 4)
	h, err := DecodeHeader(r.take())
	l, hv := r.hash(), r.hash()
	at = r.millis()
	if err := errors.Join(err, r.done()); err != nil {
		return 0, session, err
	}
	if _, err := p.Verify(e.Receipt.TBS, e.Receipt.Signature, at); err != nil {
		return 0, session, fmt.Errorf("%w: Sig_C2", ErrEvidence)
	}
	if h.Type != TypeIndexed || l != e.Entry.Locator || hv != ecc.Sum(e.Entry.Value) {
		return 0, session, fmt.Errorf("%w: receipt for another entry", ErrEvidence)
	}
	return at, h.Session, nil
}

// AccessEvidence is what let a doctor in at a hospital, for a release or to write:
// ⟨evidence access: Cred_HPC, Cred_D, Cert_D, (tbs_D3, Sig_D3), authority⟩.
type AccessEvidence struct {
	Hospital    Credential
	Doctor      Credential
	Certificate []byte // Cert_D
	Request     Signed // of M6
	Authority   Authority
}

// Encode returns the canonical bytes.
func (e AccessEvidence) Encode() []byte {
	return ecc.Encode(ecc.LabelEvidenceAccess, e.Hospital.Encode(), e.Doctor.Encode(), e.Certificate, e.Request.Encode(), e.Authority.Encode())
}

// DecodeAccessEvidence is the inverse of Encode; it fails with ErrFormat.
func DecodeAccessEvidence(b []byte) (AccessEvidence, error) {
	r := read(ecc.LabelEvidenceAccess, b, 5)
	e := AccessEvidence{Hospital: r.credential(), Doctor: r.credential(), Certificate: r.bytes(1, maxCert), Request: r.signed(),
		Authority: r.authority()}
	return e, r.done()
}

// Verify shows that this doctor asked this hospital for the patient's record,
// with her consent, her user verification, and the public cloud's ticket. The
// credentials are held against the time of the request, the consent against the
// ticket's.
func (e AccessEvidence) Verify(p Pins, verify CertificateVerifier) error {
	_, err := e.open(p, verify)
	return err
}

func (e AccessEvidence) open(p Pins, verify CertificateVerifier) (Header, error) {
	a := e.Authority
	cH, cD, consent, ticket := e.Hospital.Hash(), e.Doctor.Hash(), a.Consent.Hash(), TicketHash(a.Ticket)
	root, err := p.Issuer(e.Doctor)
	if err != nil {
		return Header{}, err
	}
	h, err := openStatement(e.Request, e.Doctor, ecc.LabelSigD3, TypeM6, cH[:], cD[:], nil, nil, consent[:], ticket[:], root.PK.Bytes())
	if err != nil {
		return h, err
	}
	t, err := OpenTicket(a.Ticket, p, cD, consent)
	if err != nil {
		return h, err
	}
	if t.Department != a.Consent.Department || a.PatientID != a.Patient.Info.ID {
		return h, fmt.Errorf("%w: ticket or patient of another consent", ErrEvidence)
	}
	return h, errors.Join(
		e.Hospital.Verify(p, Hospital, h.Time),
		a.Patient.Verify(p, Patient, h.Time),
		verifyConsenting(p, verify, e.Doctor, e.Certificate, a.Consent, t.Issued),
		VerifyPatientConsent(a.Patient, a.Consent, a.OpenH, a.SigmaP, a.Assertion))
}

// VerifyRelease checks the access and (tbs_HPC2, Sig_HPC2): that the hospital
// released in this session, under this number, exactly the pages whose hashes it returns.
func (e AccessEvidence) VerifyRelease(p Pins, verify CertificateVerifier, receipt uint64, released Signed) ([]Hash, error) {
	cH, cD, consent := e.Hospital.Hash(), e.Doctor.Hash(), e.Authority.Consent.Hash()
	m6, err := e.open(p, verify)
	if err != nil {
		return nil, err
	}
	h, err := openStatement(released, e.Hospital, ecc.LabelSigHPC2, TypeM9, nil, cD[:], cH[:], []byte(e.Authority.PatientID),
		consent[:], u64(receipt), nil)
	if err != nil {
		return nil, err
	}
	if h.Session != m6.Session {
		return nil, fmt.Errorf("%w: release of another session", ErrEvidence)
	}
	r := read(ecc.LabelSigHPC2, released.TBS, 8)
	r.next = 7
	pages := r.hashes(maxPages)
	return pages, r.done()
}

// maxPages bounds the pages of one release: 128 GiB.
const maxPages = 65535

// WriteEvidence is a diagnosis stored at a hospital, beside its AccessEvidence:
// ⟨evidence write: (tbs_D5, Sig_D5), (tbs_HPC3, Sig_HPC3)⟩.
type WriteEvidence struct {
	SigD5   Signed
	SigHPC3 Signed
}

// Encode returns the canonical bytes.
func (w WriteEvidence) Encode() []byte {
	return ecc.Encode(ecc.LabelEvidenceWrite, w.SigD5.Encode(), w.SigHPC3.Encode())
}

// DecodeWriteEvidence is the inverse of Encode; it fails with ErrFormat.
func DecodeWriteEvidence(b []byte) (WriteEvidence, error) {
	r := read(ecc.LabelEvidenceWrite, b, 2)
	w := WriteEvidence{SigD5: r.signed(), SigHPC3: r.signed()}
	return w, r.done()
}

// VerifyWrite checks the access, Sig_D5 and Sig_HPC3: that the doctor made the
// diagnosis whose hash it returns about this patient, and the hospital stored it.
func (e AccessEvidence) VerifyWrite(p Pins, verify CertificateVerifier, w WriteEvidence) (Hash, error) {
	cH, cD := e.Hospital.Hash(), e.Doctor.Hash()
	m6, err := e.open(p, verify)
	if err != nil {
		return Hash{}, err
	}
	d, err := DecodeD5(w.SigD5.TBS)
	if err != nil {
		return Hash{}, err
	}
	if e.Doctor.Info.Keys.Sign.Verify(w.SigD5.TBS, w.SigD5.Signature) != nil || d.Doctor != cD || d.Patient != e.Authority.PatientID ||
		d.Consent != e.Authority.Consent.Hash() {
		return Hash{}, fmt.Errorf("%w: Sig_D5", ErrEvidence)
	}
	hs := ecc.Sum(w.SigD5.Encode())
	h, err := openStatement(w.SigHPC3, e.Hospital, ecc.LabelSigHPC3, TypeStored, cD[:], cH[:], nil, d.Diagnosis[:], hs[:], nil)
	if err == nil && (h.Session != m6.Session || e.Authority.OpenH.WriteTo != e.Hospital.Info.ID) {
		err = fmt.Errorf("%w: written elsewhere", ErrEvidence)
	}
	return d.Diagnosis, err
}

// openStatement verifies a statement ⟨label: hdr, fields⟩ of a credential's holder
// in a message of this type and suite. A field that is nil may be anything.
func openStatement(s Signed, by Credential, l ecc.Label, t Type, fields ...[]byte) (Header, error) {
	f, err := ecc.Decode(l, s.TBS, 1+len(fields))
	if err != nil {
		return Header{}, fmt.Errorf("%w: %s", ErrFormat, l)
	}
	h, err := DecodeHeader(f[0])
	if err != nil {
		return h, err
	}
	if err := by.Info.Keys.Sign.Verify(s.TBS, s.Signature); err != nil {
		return h, fmt.Errorf("%w: %s", ErrEvidence, l)
	}
	if h.Type != t || h.Suite != by.Info.Suite {
		return h, fmt.Errorf("%w: %s in another message", ErrEvidence, l)
	}
	for i, want := range fields {
		if want != nil && !bytes.Equal(f[1+i], want) {
			return h, fmt.Errorf("%w: %s, field %d", ErrEvidence, l, 1+i)
		}
	}
	return h, nil
}

package message

import (
	"medunion/ecc"
)

// Authority is the part that M8 and M11 share: whose record, under which consent,
// with which ticket. The hospital checks all of it each time.
type Authority struct {
	PatientID ID
	Patient   Credential // Cred_P
	Consent   Consent
	OpenH     OpenH
	SigmaP    []byte
	Assertion Assertion
	Ticket    Signed
}

// Encode returns the canonical bytes.
func (a Authority) Encode() []byte {
	return ecc.Encode(ecc.LabelAuthority, []byte(a.PatientID), a.Patient.Encode(), a.Consent.Encode(), a.OpenH.Encode(),
		a.SigmaP, a.Assertion.Encode(), a.Ticket.Encode())
}

func (r *reader) authority() Authority {
	q := read(ecc.LabelAuthority, r.take(), 7)
	a := Authority{PatientID: q.id(), Patient: q.credential(), Consent: q.consent(), OpenH: q.openH(),
		SigmaP: q.signature(), Assertion: q.assertion(), Ticket: q.signed()}
	if q.done() != nil {
		r.fail()
	}
	return a
}

// Filter narrows a release below what the consent allows: ⟨filter: departments,
// classes, since, until⟩. An empty list or a zero time does not narrow.
type Filter struct {
	Departments []Code // sorted
	Classes     []Code // sorted
	Since       Millis
	Until       Millis
}

// Encode returns the canonical bytes.
func (f Filter) Encode() []byte {
	return ecc.Encode(ecc.LabelFilter, encodeCodes(f.Departments), encodeCodes(f.Classes), u64(uint64(f.Since)), u64(uint64(f.Until)))
}

func (r *reader) filter() Filter {
	q := read(ecc.LabelFilter, r.take(), 4)
	f := Filter{Departments: q.codes(maxCodes), Classes: q.codes(maxCodes), Since: q.millis(), Until: q.millis()}
	if q.done() != nil {
		r.fail()
	}
	return f
}

// M8 asks a hospital for the record under SEK_2 (Eq. 45).
type M8 struct {
	Authority Authority
	Filter    Filter
}

// Encode returns the canonical bytes.
func (m M8) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM8, m.Authority.Encode(), m.Filter.Encode())
}

// DecodeM8 is the inverse of Encode.
func DecodeM8(b []byte) (M8, error) {
	r := read(ecc.LabelBodyM8, b, 2)
	m := M8{Authority: r.authority(), Filter: r.filter()}
	return m, r.done()
}

// PageSize is the largest content of one page of M_EMR in bytes.
const PageSize = 2 << 20

// M9 is one page of the record (Eq. 47). Each page is a FHIR collection Bundle of
// its own; the last one carries Sig_HPC2 over all of them.
type M9 struct {
	Page    uint32 // from 1
	Pages   uint32
	EMR     []byte // salted M_EMR page, up to 2 MiB and a little
	Receipt uint64 // release number at this hospital for this patient, from 1
	SigHPC2 []byte // on the last page, else empty
}

// TBSHPC2 is ⟨Sig_HPC2: hdr, th, c_D, c_HPC, ID_P, H(Consent), receipt, H(page)*⟩;
// th is the value before the last page.
func TBSHPC2(h Header, th, cD, cH Hash, patient ID, consent Hash, receipt uint64, pages []Hash) []byte {
	return ecc.Encode(ecc.LabelSigHPC2, h.Encode(), th[:], cD[:], cH[:], []byte(patient), consent[:], u64(receipt), encodeHashes(pages))
}

// EMRHash is the H(M_EMR) of one release that Sig_D5 names: the hash of its page
// hashes in order.
func EMRHash(pages []Hash) Hash { return ecc.H(ecc.LabelEMR, encodeHashes(pages)) }

// Encode returns the canonical bytes.
func (m M9) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM9, u32(m.Page), u32(m.Pages), m.EMR, u64(m.Receipt), m.SigHPC2)
}

// DecodeM9 is the inverse of Encode: the last page and no other is signed.
func DecodeM9(b []byte) (M9, error) {
	r := read(ecc.LabelBodyM9, b, 5)
	m := M9{Page: r.u32(), Pages: r.u32(), EMR: r.salted(), Receipt: r.u64(), SigHPC2: r.bytes(0, SignatureSize)}
	signed := len(m.SigHPC2) == SignatureSize
	if m.Page == 0 || m.Page > m.Pages || signed != (m.Page == m.Pages) || !signed && len(m.SigHPC2) != 0 {
		r.fail()
	}
	return m, r.done()
}

// M11 writes the diagnosis into the record at the home hospital, under SEK_2.
type M11 struct {
	Authority Authority
	Diagnosis []byte // salted M_DINF
	SigD5     Signed
}

// Encode returns the canonical bytes.
func (m M11) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM11, m.Authority.Encode(), m.Diagnosis, m.SigD5.Encode())
}

// DecodeM11 is the inverse of Encode.
func DecodeM11(b []byte) (M11, error) {
	r := read(ecc.LabelBodyM11, b, 3)
	m := M11{Authority: r.authority(), Diagnosis: r.salted(), SigD5: r.signed()}
	return m, r.done()
}

// Stored is the hospital's answer to M11: where the diagnosis stands, Sig_HPC3,
// and the index entries that it changed (none or one).
type Stored struct {
	Record  uint64 // number of the record version
	Time    Millis
	SigHPC3 []byte
	Entries []Entry // up to 1; the doctor sends it on in M12
}

// TBSHPC3 is ⟨Sig_HPC3: hdr, c_D, c_HPC, record, H(M_DINF), H(Sig_D5), T⟩ with the
// header of the answer.
func TBSHPC3(h Header, cD, cH Hash, record uint64, diagnosis []byte, sigD5 Signed, t Millis) []byte {
	hm, hs := ecc.Sum(diagnosis), ecc.Sum(sigD5.Encode())
	return ecc.Encode(ecc.LabelSigHPC3, h.Encode(), cD[:], cH[:], u64(record), hm[:], hs[:], u64(uint64(t)))
}

// Encode returns the canonical bytes.
func (s Stored) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyStored, u64(s.Record), u64(uint64(s.Time)), s.SigHPC3, EncodeEntries(s.Entries))
}

// DecodeStored is the inverse of Encode.
func DecodeStored(b []byte) (Stored, error) {
	r := read(ecc.LabelBodyStored, b, 4)
	s := Stored{Record: r.u64(), Time: r.millis(), SigHPC3: r.signature(), Entries: decodeEach(r, ecc.LabelEntries, 1, DecodeEntry)}
	return s, r.done()
}

// M12 carries the hospital's changed entry to the public cloud; the answer is an
// Indexed under pk_e12.
type M12 struct {
	Doctor      Credential
	Certificate []byte
	Consent     Consent
	OpenC       OpenC
	Authorizer  Authorizer // vk_L, σ_L of the entry's locator
	Entry       Entry      // L, v', Sig_idx, Cred_HPC
	PKe         ecc.KEMPublicKey
	SigD7       []byte
}

// TBSD7 is ⟨Sig_D7: hdr, c_D, c_HPC, L, H(v'), H(Consent), pk_e12⟩.
func TBSD7(h Header, cD Hash, e Entry, consent Hash, pke ecc.KEMPublicKey) []byte {
	cH, hv := e.Hospital.Hash(), ecc.Sum(e.Value)
	return ecc.Encode(ecc.LabelSigD7, h.Encode(), cD[:], cH[:], e.Locator[:], hv[:], consent[:], pke.Bytes())
}

// Encode returns the canonical bytes.
func (m M12) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM12, m.Doctor.Encode(), m.Certificate, m.Consent.Encode(), m.OpenC.Encode(),
		m.Authorizer.Encode(), m.Entry.Encode(), m.PKe.Bytes(), m.SigD7)
}

// DecodeM12 is the inverse of Encode for a message of suite s.
func DecodeM12(s ecc.Suite, b []byte) (M12, error) {
	r := read(ecc.LabelBodyM12, b, 8)
	m := M12{Doctor: r.credential(), Certificate: r.bytes(1, maxCert), Consent: r.consent(), OpenC: r.openC()}
	m.Authorizer, m.Entry = r.authorizer(), r.entry()
	m.PKe, m.SigD7 = r.kemKey(s), r.signature()
	return m, r.done()
}

func (r *reader) authorizer() Authorizer {
	a, err := decodeAuthorizer(r.take())
	if err != nil {
		r.fail()
	}
	return a
}

func (r *reader) entry() Entry {
	e, err := DecodeEntry(r.take())
	if err != nil {
		r.fail()
	}
	return e
}

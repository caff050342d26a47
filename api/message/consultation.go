package message

import (
	"io"

	"medunion/ecc"
)

// maxCert bounds Cert_D in bytes.
const maxCert = 8192

// SaltSize is the size in bytes of the salt of M_SD, M_EMR and M_DINF.
const SaltSize = 16

// Salted is ⟨M: salt, bytes⟩: clinical content with a salt, so that its hash
// confirms no guess.
func Salted(rand io.Reader, content []byte) ([]byte, error) {
	salt := make([]byte, SaltSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return nil, err
	}
	return ecc.Encode(ecc.LabelSalted, salt, content), nil
}

// Unsalted returns the content of ⟨M: salt, bytes⟩.
func Unsalted(b []byte) ([]byte, error) {
	r := read(ecc.LabelSalted, b, 2)
	r.bytes(SaltSize, SaltSize)
	content := r.take()
	return content, r.done()
}

// M1 is what the patient seals for the doctor (Eq. 12).
type M1 struct {
	Patient Credential       // Cred_P
	R       ecc.Point        // R_P2 = r5 P (Eq. 11)
	PKe     ecc.KEMPublicKey // pk_e, one-time
	SigP1   []byte           // Eq. 13
}

// TBSP1 is ⟨Sig_P1: hdr, c_P, c_D, R_P2, pk_e, PK⟩ (Eq. 13).
func TBSP1(h Header, cP, cD Hash, r ecc.Point, pke ecc.KEMPublicKey, pk ecc.Point) []byte {
	return ecc.Encode(ecc.LabelSigP1, h.Encode(), cP[:], cD[:], r.Bytes(), pke.Bytes(), pk.Bytes())
}

// Encode returns the canonical bytes.
func (m M1) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM1, m.Patient.Encode(), m.R.Bytes(), m.PKe.Bytes(), m.SigP1)
}

// DecodeM1 is the inverse of Encode for a message of suite s.
func DecodeM1(s ecc.Suite, b []byte) (M1, error) {
	r := read(ecc.LabelBodyM1, b, 4)
	m := M1{Patient: r.credential(), R: r.point(), PKe: r.kemKey(s), SigP1: r.signature()}
	return m, r.done()
}

// M2 is what the doctor seals under the patient's one-time key (Eq. 18).
type M2 struct {
	Doctor      Credential // Cred_D
	Certificate []byte     // Cert_D, up to 8192 bytes
	R           ecc.Point  // R_D2 = r6 P (Eq. 16)
	Confirm     Hash       // kc_D: answers "SEK_1 =?" of Eq. 22
	SigD1       []byte     // Eq. 19
}

// TBSD1 is ⟨Sig_D1: hdr, th1, c_P, c_D, R_P2, R_D2, H(Cert_D), PK⟩ (Eq. 19).
func TBSD1(h Header, th1, cP, cD Hash, rP, rD ecc.Point, certD []byte, pk ecc.Point) []byte {
	hc := ecc.Sum(certD)
	return ecc.Encode(ecc.LabelSigD1, h.Encode(), th1[:], cP[:], cD[:], rP.Bytes(), rD.Bytes(), hc[:], pk.Bytes())
}

// Encode returns the canonical bytes.
func (m M2) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM2, m.Doctor.Encode(), m.Certificate, m.R.Bytes(), m.Confirm[:], m.SigD1)
}

// DecodeM2 is the inverse of Encode.
func DecodeM2(b []byte) (M2, error) {
	r := read(ecc.LabelBodyM2, b, 5)
	m := M2{Doctor: r.credential(), Certificate: r.bytes(1, maxCert), R: r.point(), Confirm: r.hash(), SigD1: r.signature()}
	return m, r.done()
}

// M3 is what the patient sends under SEK_1 (Eq. 23).
type M3 struct {
	MSD     []byte // salted M_SD, a FHIR Bundle, up to 4 MiB with the rest
	Patient ID
	CON     CON
	SigP2   []byte
}

// TBSP2 is ⟨Sig_P2: hdr, th2, c_P, c_D, H(M_SD), H(Consent)⟩. It names both, so
// that a judge who cannot open th2 still sees whom it was for.
func TBSP2(h Header, th2, cP, cD Hash, msd []byte, consent Hash) []byte {
	hm := ecc.Sum(msd)
	return ecc.Encode(ecc.LabelSigP2, h.Encode(), th2[:], cP[:], cD[:], hm[:], consent[:])
}

// Encode returns the canonical bytes.
func (m M3) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM3, m.MSD, []byte(m.Patient), m.CON.Encode(), m.SigP2)
}

// DecodeM3 is the inverse of Encode.
func DecodeM3(b []byte) (M3, error) {
	r := read(ecc.LabelBodyM3, b, 4)
	m := M3{MSD: r.salted(), Patient: r.id()}
	con, err := DecodeCON(r.take())
	if err != nil {
		r.fail()
	}
	m.CON, m.SigP2 = con, r.signature()
	return m, r.done()
}

// salted returns a field that is itself ⟨M: salt, bytes⟩, with its encoding.
func (r *reader) salted() []byte {
	f := r.take()
	if _, err := Unsalted(f); err != nil {
		r.fail()
		return nil
	}
	return f
}

// M10 is the diagnosis that the doctor sends to the patient under SEK_1 (Eq. 49).
type M10 struct {
	Diagnosis []byte // salted M_DINF
	SigD5     Signed
}

// D5 is what Sig_D5 says: ⟨Sig_D5: ID_P, c_D, H(Consent), H(M_SD), H(M_EMR)*,
// H(M_DINF), T_D5⟩. It travels with its signature, as the lists cannot be rebuilt
// by those who receive it.
type D5 struct {
	Patient   ID
	Doctor    Hash
	Consent   Hash
	MSD       Hash
	EMR       []Hash // one per release, in the order received, up to 64
	Diagnosis Hash
	Time      Millis
}

// Encode returns the canonical bytes: what PRK_D signs.
func (d D5) Encode() []byte {
	return ecc.Encode(ecc.LabelSigD5, []byte(d.Patient), d.Doctor[:], d.Consent[:], d.MSD[:],
		encodeHashes(d.EMR), d.Diagnosis[:], u64(uint64(d.Time)))
}

// DecodeD5 is the inverse of Encode.
func DecodeD5(b []byte) (D5, error) {
	r := read(ecc.LabelSigD5, b, 7)
	d := D5{Patient: r.id(), Doctor: r.hash(), Consent: r.hash(), MSD: r.hash()}
	d.EMR = r.hashes(maxGrants)
	d.Diagnosis, d.Time = r.hash(), r.millis()
	return d, r.done()
}

// OpenD5 verifies a signed diagnosis statement: by this doctor, about this
// patient, under this consent, over this content. It fails with ErrCredential.
func OpenD5(s Signed, doctor Credential, patient ID, consent Hash, diagnosis []byte) (D5, error) {
	d, err := DecodeD5(s.TBS)
	if err != nil {
		return D5{}, err
	}
	if doctor.Info.Keys.Sign.Verify(s.TBS, s.Signature) != nil || d.Doctor != doctor.Hash() || d.Patient != patient ||
		d.Consent != consent || d.Diagnosis != ecc.Sum(diagnosis) {
		return D5{}, ErrCredential
	}
	return d, nil
}

// Encode returns the canonical bytes.
func (m M10) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyM10, m.Diagnosis, m.SigD5.Encode())
}

// DecodeM10 is the inverse of Encode.
func DecodeM10(b []byte) (M10, error) {
	r := read(ecc.LabelBodyM10, b, 2)
	m := M10{Diagnosis: r.salted(), SigD5: r.signed()}
	return m, r.done()
}

package message

import (
	"medunion/ecc"
)

// EnrolledLocator is what a hospital needs to publish an entry of one department:
// (ID_DE, vk_L, kv), and S_sk_L over it. Without that signature whoever has seen a
// patient's vk_L could enrol it with a record of his own, and the hospital would
// write his entry over hers: both lie under (L, c_HPC).
type EnrolledLocator struct {
	Department Code
	VK         ecc.VerifyKey
	Key        Hash   // kv, secret
	Signature  []byte // S_sk_L⟨enrol L: c_P, c_HPC, ID_DE, kv⟩
}

// TBSEnrolLocator is ⟨enrol L: c_P, c_HPC, ID_DE, kv⟩.
func TBSEnrolLocator(cP, cH Hash, department Code, kv Hash) []byte {
	return ecc.Encode(ecc.LabelEnrolLocator, cP[:], cH[:], []byte(department), kv[:])
}

// NewEnrolledLocator gives a hospital the right to write under L for this patient.
func NewEnrolledLocator(sk ecc.SigningKey, cP, cH Hash, department Code, kv Hash) EnrolledLocator {
	return EnrolledLocator{Department: department, VK: sk.Public(), Key: kv,
		Signature: sk.Sign(TBSEnrolLocator(cP, cH, department, kv))}
}

// Verify checks that the holder of sk_L enrols it, for this patient at this hospital.
func (l EnrolledLocator) Verify(cP, cH Hash) error {
	return l.VK.Verify(TBSEnrolLocator(cP, cH, l.Department, l.Key), l.Signature)
}

// Encode returns the canonical bytes.
func (l EnrolledLocator) Encode() []byte {
	return ecc.Encode(ecc.LabelEnrolList, []byte(l.Department), l.VK.Bytes(), l.Key[:], l.Signature)
}

// DecodeEnrolledLocator is the inverse of Encode.
func DecodeEnrolledLocator(b []byte) (EnrolledLocator, error) {
	r := read(ecc.LabelEnrolList, b, 4)
	l := EnrolledLocator{Department: r.code(), VK: r.verifyKey(), Key: r.hash(), Signature: r.signature()}
	return l, r.done()
}

// Enrolment links a patient to a hospital (section 4.2), sealed under the
// hospital's prekey; the reply is an Enrolled under PKe.
type Enrolment struct {
	Patient   Credential
	Code      string            // one-time desk code, 8 to 64 bytes
	Locators  []EnrolledLocator // one per department of the code list, sorted by it
	PKe       ecc.KEMPublicKey
	Signature []byte // S_PRK_P⟨enrol: ..⟩
}

// TBSEnrol is ⟨enrol: hdr, c_P, c_HPC, H(code), H(list), pk_e⟩.
func TBSEnrol(h Header, cP, cH Hash, code string, list []EnrolledLocator, pke ecc.KEMPublicKey) []byte {
	hc, hl := ecc.H(ecc.LabelDeskCode, []byte(code)), ecc.Sum(encodeEach(ecc.LabelList, list))
	return ecc.Encode(ecc.LabelEnrol, h.Encode(), cP[:], cH[:], hc[:], hl[:], pke.Bytes())
}

// Encode returns the canonical bytes.
func (e Enrolment) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyEnrol, e.Patient.Encode(), []byte(e.Code), encodeEach(ecc.LabelList, e.Locators),
		e.PKe.Bytes(), e.Signature)
}

// DecodeEnrolment is the inverse of Encode for a message of suite s.
func DecodeEnrolment(s ecc.Suite, b []byte) (Enrolment, error) {
	r := read(ecc.LabelBodyEnrol, b, 5)
	e := Enrolment{Patient: r.credential(), Code: string(r.bytes(8, 64)),
		Locators: decodeEach(r, ecc.LabelList, maxCodes, DecodeEnrolledLocator), PKe: r.kemKey(s), Signature: r.signature()}
	for i := 1; i < len(e.Locators); i++ {
		if e.Locators[i-1].Department >= e.Locators[i].Department {
			r.fail()
		}
	}
	return e, r.done()
}

// Enrolled is the hospital's receipt: S_PRK_HPC⟨enrolled: hdr, c_P, c_HPC, T⟩ with
// the header of the reply.
type Enrolled struct {
	Time      Millis
	Signature []byte
}

// TBSEnrolled is what the receipt signs.
func TBSEnrolled(h Header, cP, cH Hash, t Millis) []byte {
	return ecc.Encode(ecc.LabelEnrolled, h.Encode(), cP[:], cH[:], u64(uint64(t)))
}

// Encode returns the canonical bytes.
func (e Enrolled) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyEnrolled, u64(uint64(e.Time)), e.Signature)
}

// DecodeEnrolled is the inverse of Encode.
func DecodeEnrolled(b []byte) (Enrolled, error) {
	r := read(ecc.LabelBodyEnrolled, b, 2)
	e := Enrolled{Time: r.millis(), Signature: r.signature()}
	return e, r.done()
}

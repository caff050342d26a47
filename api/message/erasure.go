package message

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"medunion/ecc"
)

// Erasure is what a hospital states when it has destroyed a patient's record:
// ⟨erasure: c_HPC, record, versions, bytes, releases, diagnoses, T, ground, operator⟩, signed by
// PRK_HPC. It names the patient by the record's name only, a keyed hash that nobody but the hospital
// can make, from a handle that means nothing elsewhere: the receipt shows that a record was destroyed, not whose, until
// the hospital says so.
type Erasure struct {
	Hospital  Hash   // c_HPC
	Record    Hash   // hospital.RecordName
	Versions  uint64 // of resources, that were stored
	Bytes     uint64 // of their sealed content
	Releases  uint64 // receipts, with their evidence
	Diagnoses uint64 // kept beside the record
	Time      Millis
	Ground    string // why: 1 to 200 bytes of text, without an identifier
	Operator  string // who gave the order, as the hospital's systems name him: up to 64 bytes
}

// Bounds of the texts in bytes.
const (
	MaxErasureGround   = 200
	MaxErasureOperator = 64
)

// Encode returns the canonical bytes: what PRK_HPC signs.
func (e Erasure) Encode() []byte {
	return ecc.Encode(ecc.LabelErasure, e.Hospital[:], e.Record[:], u64(e.Versions), u64(e.Bytes), u64(e.Releases), u64(e.Diagnoses),
		u64(uint64(e.Time)), []byte(e.Ground), []byte(e.Operator))
}

// DecodeErasure is the inverse of Encode; it fails with ErrFormat.
func DecodeErasure(b []byte) (Erasure, error) {
	r := read(ecc.LabelErasure, b, 9)
	e := Erasure{Hospital: r.hash(), Record: r.hash(), Versions: r.u64(), Bytes: r.u64(), Releases: r.u64(), Diagnoses: r.u64(), Time: r.millis(),
		Ground: string(r.bytes(1, MaxErasureGround)), Operator: string(r.bytes(1, MaxErasureOperator))}
	if !printable(e.Ground) || !printable(e.Operator) {
		r.fail()
	}
	return e, r.done()
}

// ValidErasureTexts says whether a ground and an operator can stand in an Erasure: text on one line, within the bounds.
func ValidErasureTexts(ground, operator string) bool {
	return len(ground) > 0 && len(ground) <= MaxErasureGround && len(operator) > 0 && len(operator) <= MaxErasureOperator &&
		printable(ground) && printable(operator)
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// VerifyErasure verifies a statement of the hospital that holds this credential, offline. The
// credential must be the hospital's under the pins at the time of the statement. It fails with ErrEvidence
// or what the credential fails with.
func VerifyErasure(p Pins, hospital Credential, s Signed) (Erasure, error) {
	e, err := DecodeErasure(s.TBS)
	if err != nil {
		return e, err
	}
	if err := hospital.Verify(p, Hospital, e.Time); err != nil {
		return e, err
	}
	return OpenErasure(hospital, s)
}

// OpenErasure is VerifyErasure for a credential that the caller knows to be the hospital's.
func OpenErasure(hospital Credential, s Signed) (Erasure, error) {
	e, err := DecodeErasure(s.TBS)
	if err != nil {
		return e, err
	}
	if e.Hospital != hospital.Hash() {
		return e, fmt.Errorf("%w: erasure by another hospital", ErrEvidence)
	}
	if err := hospital.Info.Keys.Sign.Verify(s.TBS, s.Signature); err != nil {
		return e, fmt.Errorf("%w: erasure", ErrEvidence)
	}
	return e, nil
}

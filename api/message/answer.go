package message

import (
	"medunion/ecc"
)

// maxAnswers bounds the elements of one answer.
const maxAnswers = 65535

// Release is one line of "who saw what": the hospital's receipt of one release or
// of one diagnosis written, in the order of their numbers.
type Release struct {
	Number      uint64 // from 1, without gaps
	Time        Millis
	Doctor      Hash   // c_D
	Licence     string // from Cert_D, 1 to 64 bytes
	Name        string // from Cert_D, 1 to 256 bytes
	Department  Code   // ID_DE in which the doctor acted
	Purpose     Code
	Consent     Hash
	Departments []Code // of what was released, sorted
	Classes     []Code
	Resources   uint32 // how many
	Pages       []Hash // H(page)*, as Sig_HPC2 names them
}

// Encode returns the canonical bytes.
func (e Release) Encode() []byte {
	return ecc.Encode(ecc.LabelRelease, u64(e.Number), u64(uint64(e.Time)), e.Doctor[:], []byte(e.Licence), []byte(e.Name),
		[]byte(e.Department), []byte(e.Purpose), e.Consent[:], encodeCodes(e.Departments), encodeCodes(e.Classes),
		u32(e.Resources), encodeHashes(e.Pages))
}

// DecodeRelease is the inverse of Encode.
func DecodeRelease(b []byte) (Release, error) {
	r := read(ecc.LabelRelease, b, 12)
	e := Release{Number: r.u64(), Time: r.millis(), Doctor: r.hash(), Licence: string(r.bytes(1, 64)),
		Name: string(r.bytes(1, 256)), Department: r.code(), Purpose: r.code(), Consent: r.hash(),
		Departments: r.codes(maxCodes), Classes: r.codes(maxCodes), Resources: r.u32()}
	e.Pages = r.hashes(maxAnswers)
	return e, r.done()
}

// EncodeReleases and DecodeReleases are the content of an answer to AskReleases.
func EncodeReleases(e []Release) []byte { return encodeEach(ecc.LabelList, e) }

// DecodeReleases is the inverse of EncodeReleases.
func DecodeReleases(b []byte) ([]Release, error) { return decodeList(b, DecodeRelease) }

// WrittenDiagnosis is a diagnosis as the record holds it, with what verifies it.
type WrittenDiagnosis struct {
	Record      uint64 // number of the record version
	Time        Millis
	Doctor      Credential
	Certificate []byte // Cert_D
	Consent     Hash
	Diagnosis   []byte // salted M_DINF
	SigD5       Signed
}

// Encode returns the canonical bytes.
func (d WrittenDiagnosis) Encode() []byte {
	return ecc.Encode(ecc.LabelWritten, u64(d.Record), u64(uint64(d.Time)), d.Doctor.Encode(), d.Certificate, d.Consent[:],
		d.Diagnosis, d.SigD5.Encode())
}

// DecodeWrittenDiagnosis is the inverse of Encode.
func DecodeWrittenDiagnosis(b []byte) (WrittenDiagnosis, error) {
	r := read(ecc.LabelWritten, b, 7)
	d := WrittenDiagnosis{Record: r.u64(), Time: r.millis(), Doctor: r.credential(), Certificate: r.bytes(1, maxCert),
		Consent: r.hash(), Diagnosis: r.salted(), SigD5: r.signed()}
	return d, r.done()
}

// EncodeDiagnoses is the content of an answer to AskDiagnoses.
func EncodeDiagnoses(d []WrittenDiagnosis) []byte { return encodeEach(ecc.LabelList, d) }

// DecodeDiagnoses is the inverse of EncodeDiagnoses.
func DecodeDiagnoses(b []byte) ([]WrittenDiagnosis, error) {
	return decodeList(b, DecodeWrittenDiagnosis)
}

// Use is one search made under a consent: when, in which mode, with which H(tbs_D2).
type Use struct {
	Time    Millis
	Mode    Mode
	Request Hash
}

// Encode returns the canonical bytes.
func (u Use) Encode() []byte {
	return ecc.Encode(ecc.LabelUse, u64(uint64(u.Time)), u8(uint8(u.Mode)), u.Request[:])
}

func decodeUse(b []byte) (Use, error) {
	r := read(ecc.LabelUse, b, 3)
	u := Use{Time: r.millis(), Mode: r.mode(), Request: r.hash()}
	return u, r.done()
}

// EncodeUses is the content of an answer to AskUses.
func EncodeUses(u []Use) []byte { return encodeEach(ecc.LabelList, u) }

// DecodeUses is the inverse of EncodeUses.
func DecodeUses(b []byte) ([]Use, error) { return decodeList(b, decodeUse) }

// DecodeEntries is the inverse of EncodeEntries: the content of an answer to
// AskEntries.
func DecodeEntries(b []byte) ([]Entry, error) {
	f, err := ecc.DecodeList(ecc.LabelEntries, b, maxEntries)
	if err != nil {
		return nil, ErrFormat
	}
	return decodeFields(f, DecodeEntry)
}

func decodeList[T any](b []byte, decode func([]byte) (T, error)) ([]T, error) {
	f, err := ecc.DecodeList(ecc.LabelList, b, maxAnswers)
	if err != nil {
		return nil, ErrFormat
	}
	return decodeFields(f, decode)
}

func decodeFields[T any](fields [][]byte, decode func([]byte) (T, error)) ([]T, error) {
	out := make([]T, len(fields))
	for i, f := range fields {
		v, err := decode(f)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

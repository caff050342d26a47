package practice

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/strictjson"
	"medunion/doctor-portal/doctor"
)

// EvidenceFormat is the first member of an evidence file.
const EvidenceFormat = "medunion evidence of a visit, version 1"

// evidenceFile is the form of the file that EvidenceFile returns. Binary values are
// base64url without padding. A verifier brings the pins and the medical authority's keys
// itself; those in the file only say for whom it was made.
type evidenceFile struct {
	Format      string          `json:"format"`
	Pins        message.Pins    `json:"pins"`
	Authority   authorityFile   `json:"authority"`
	Doctor      string          `json:"doctor"`            // Cred_D: ⟨credential: Info, R, signature of PUK_C⟩
	Certificate string          `json:"certificate"`       // Cert_D, the authority's JWT
	Patient     string          `json:"patient"`           // Cred_P
	Consent     string          `json:"consent,omitempty"` // CON without kv; absent if the visit ended before it came
	Hospitals   []string        `json:"hospitals"`         // Cred_HPC
	Statements  []statementFile `json:"statements"`        // in the order of the visit
	Contents    []string        `json:"contents"`          // ⟨M: salt, bytes⟩: M_SD, the pages of M_EMR, M_DINF
}

type authorityFile struct {
	Name string          `json:"name"`
	JWKS json.RawMessage `json:"jwks"`
}

type statementFile struct {
	Name      string `json:"name"`
	Signer    string `json:"signer"`    // c_X in hexadecimal, or the public cloud's hash H⟨kid c: PC, PUK_C⟩
	Statement string `json:"statement"` // the bytes that were signed: ⟨name: fields⟩
	Signature string `json:"signature"` // Ed25519, 64 bytes
}

// EvidenceFile returns the evidence of a visit so far as JSON that verifies offline,
// with VerifyEvidenceFile or any other implementation of the protocol's section 6. It
// holds the clinical content whose hashes were signed: keep it as carefully. It holds no
// key and nothing that opens an index entry.
func (p *Practice) EvidenceFile(id string) ([]byte, error) {
	e, err := p.KeptEvidence(id)
	if err != nil {
		return nil, err
	}
	f := evidenceFile{Format: EvidenceFormat, Pins: p.Pins(), Authority: authorityFile{Name: p.cfg.Authority, JWKS: p.cfg.JWKS},
		Doctor: text64(e.Doctor.Encode()), Certificate: string(e.Certificate), Patient: text64(e.Patient.Encode()),
		Hospitals: []string{}, Statements: []statementFile{}, Contents: []string{}}
	if e.Consent.SigmaP != nil {
		f.Consent = text64(e.Consent.Encode())
	}
	for _, h := range e.Hospitals {
		f.Hospitals = append(f.Hospitals, text64(h.Encode()))
	}
	for _, s := range e.Statements {
		f.Statements = append(f.Statements, statementFile{Name: s.Name, Signer: hexHash(s.Signer), Statement: text64(s.TBS), Signature: text64(s.Signature)})
	}
	for _, c := range e.Contents {
		f.Contents = append(f.Contents, text64(c))
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, problem.Internal(err)
	}
	return b, nil
}

func text64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// VerifyEvidenceFile reads an evidence file strictly and verifies each of its
// signatures under the verifier's own pins and the medical authority as he knows it.
func VerifyEvidenceFile(file []byte, pins message.Pins, authority *doctorcert.Authority) (Evidence, error) {
	var f evidenceFile
	if err := strictjson.Decode(file, &f); err != nil {
		return Evidence{}, notEvidence(err)
	}
	if f.Format != EvidenceFormat {
		return Evidence{}, notEvidence(nil)
	}
	e, err := f.evidence()
	if err != nil {
		return Evidence{}, notEvidence(err)
	}
	return judged(e.Verify(pins, authority.Verify)), nil
}

func notEvidence(cause error) error {
	return problem.Invalid("The file is no evidence of a visit.").Because(cause)
}

func (f evidenceFile) evidence() (e doctor.Evidence, err error) {
	e.Certificate = []byte(f.Certificate)
	if e.Doctor, err = from64(f.Doctor, message.DecodeCredential); err != nil {
		return e, err
	}
	if e.Patient, err = from64(f.Patient, message.DecodeCredential); err != nil {
		return e, err
	}
	if f.Consent != "" {
		if e.Consent, err = from64(f.Consent, message.DecodeCON); err != nil {
			return e, err
		}
	}
	for _, h := range f.Hospitals {
		c, err := from64(h, message.DecodeCredential)
		if err != nil {
			return e, err
		}
		e.Hospitals = append(e.Hospitals, c)
	}
	for _, s := range f.Statements {
		st, err := s.statement()
		if err != nil {
			return e, err
		}
		e.Statements = append(e.Statements, st)
	}
	for _, c := range f.Contents {
		b, err := decode64(c)
		if err != nil {
			return e, err
		}
		e.Contents = append(e.Contents, b)
	}
	return e, nil
}

func (s statementFile) statement() (doctor.Statement, error) {
	signer, err := hex.DecodeString(s.Signer)
	if err != nil || len(signer) != len(message.Hash{}) {
		return doctor.Statement{}, notEvidence(err)
	}
	st := doctor.Statement{Name: s.Name, Signer: message.Hash(signer)}
	if st.TBS, err = decode64(s.Statement); err != nil {
		return doctor.Statement{}, err
	}
	st.Signature, err = decode64(s.Signature)
	return st, err
}

func from64[T any](text string, decode func([]byte) (T, error)) (T, error) {
	b, err := decode64(text)
	if err != nil {
		var zero T
		return zero, err
	}
	return decode(b)
}

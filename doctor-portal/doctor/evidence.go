package doctor

import (
	"bytes"
	"slices"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Statement is one signature with the bytes that it covers. Name is the paper's
// (Sig_P1, ..); Signer is c_X, or the public cloud's CloudHash.
type Statement struct {
	Name      string
	Signer    message.Hash
	TBS       []byte
	Signature []byte
}

// Evidence is what the doctor keeps of one visit (Table 2 of the paper): each
// statement with its signature, the credentials that vouch for the signers, the
// openings of the consent and the salted contents whose hashes were signed. It
// holds no S_X, no session key and no kv; it holds clinical content: keep it
// sealed. It prints as "[redacted]".
type Evidence struct {
	redacted
	Doctor      message.Credential
	Certificate []byte
	Patient     message.Credential
	Consent     message.CON          // without kv*; zero before M3
	Hospitals   []message.Credential // in the order of their releases
	Statements  []Statement          // in the order of the visit
	Contents    [][]byte             // salted M_SD, pages of M_EMR, M_DINF
}

func (e *Evidence) add(name string, signer message.Hash, tbs, signature []byte) {
	e.Statements = append(e.Statements, Statement{Name: name, Signer: signer, TBS: tbs, Signature: signature})
}

func (e *Evidence) hospital(c message.Credential) {
	known := slices.ContainsFunc(e.Hospitals, func(h message.Credential) bool { return h.Hash() == c.Hash() })
	if !known {
		e.Hospitals = append(e.Hospitals, c)
	}
}

func (e *Evidence) clone() Evidence {
	c := *e
	c.Hospitals, c.Statements, c.Contents = slices.Clone(e.Hospitals), slices.Clone(e.Statements), slices.Clone(e.Contents)
	return c
}

// Encode returns the canonical bytes: ⟨evidence: Cred_D, Cert_D, Cred_P, CON,
// Cred_HPC*, statements, contents⟩, CON empty if the visit ended before M3.
func (e Evidence) Encode() []byte {
	var con []byte
	if e.Consent.SigmaP != nil {
		con = e.Consent.Encode()
	}
	hospitals := make([][]byte, len(e.Hospitals))
	for i, h := range e.Hospitals {
		hospitals[i] = h.Encode()
	}
	statements := make([][]byte, len(e.Statements))
	for i, s := range e.Statements {
		statements[i] = ecc.Encode(ecc.LabelStatement, []byte(s.Name), s.Signer[:], s.TBS, s.Signature)
	}
	return ecc.Encode(ecc.LabelEvidence, e.Doctor.Encode(), e.Certificate, e.Patient.Encode(), con,
		ecc.Encode(ecc.LabelList, hospitals...), ecc.Encode(ecc.LabelList, statements...),
		ecc.Encode(ecc.LabelList, e.Contents...))
}

const maxEvidence = 65535

// DecodeEvidence is the inverse of Encode; it fails with Invalid.
func DecodeEvidence(b []byte) (Evidence, error) {
	e, err := decodeEvidence(b)
	if err != nil {
		return Evidence{}, problem.Invalid("The evidence cannot be read.").Because(err)
	}
	return e, nil
}

func decodeEvidence(b []byte) (e Evidence, err error) {
	f, err := ecc.Decode(ecc.LabelEvidence, b, 7)
	if err != nil {
		return e, err
	}
	e.Certificate = bytes.Clone(f[1])
	if e.Doctor, err = message.DecodeCredential(f[0]); err != nil {
		return e, err
	}
	if e.Patient, err = message.DecodeCredential(f[2]); err != nil {
		return e, err
	}
	if len(f[3]) > 0 {
		if e.Consent, err = message.DecodeCON(f[3]); err != nil {
			return e, err
		}
	}
	if e.Hospitals, err = decodeEach(f[4], message.DecodeCredential); err != nil {
		return e, err
	}
	if e.Statements, err = decodeEach(f[5], decodeStatement); err != nil {
		return e, err
	}
	e.Contents, err = ecc.DecodeList(ecc.LabelList, f[6], maxEvidence)
	return e, err
}

func decodeEach[T any](list []byte, decode func([]byte) (T, error)) ([]T, error) {
	f, err := ecc.DecodeList(ecc.LabelList, list, maxEvidence)
	if err != nil {
		return nil, err
	}
	var out []T
	for _, b := range f {
		v, err := decode(b)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func decodeStatement(b []byte) (Statement, error) {
	f, err := ecc.Decode(ecc.LabelStatement, b, 4)
	if err != nil || len(f[1]) != len(message.Hash{}) {
		return Statement{}, ecc.ErrEncoding
	}
	return Statement{Name: string(f[0]), Signer: message.Hash(f[1]), TBS: f[2], Signature: f[3]}, nil
}

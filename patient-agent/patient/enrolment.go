package patient

import (
	"errors"
	"slices"

	"medunion/api/message"
	"medunion/ecc"
)

// PendingEnrolment waits for a hospital's receipt.
type PendingEnrolment struct {
	p        *Patient
	hospital Hospital
	session  [16]byte
	key      ecc.KEMPrivateKey
}

// Receipt is a hospital's signed word that it has linked the patient.
type Receipt struct {
	Hospital message.Credential
	Time     message.Millis
	TBS      []byte // ⟨enrolled: hdr, c_P, c_HPC, T⟩
	Sig      []byte
}

// Enrol makes the enrolment message (section 4.2) with the desk code: for every
// department of the code list a locator key and the index key kv of this hospital.
func (p *Patient) Enrol(h Hospital, code string, departments []message.Code) (*PendingEnrolment, message.Message, error) {
	cred, err := p.credential()
	if err != nil {
		return nil, message.Message{}, err
	}
	list, err := p.locators(h, cred.Hash(), departments)
	if err != nil {
		return nil, message.Message{}, err
	}
	hdr, err := p.header(message.TypeEnrol)
	if err != nil {
		return nil, message.Message{}, err
	}
	key, err := p.oneTimeKey()
	if err != nil {
		return nil, message.Message{}, err
	}
	s, err := message.Begin(p.cfg.Rand, h.prekey, h.ID(), hdr)
	if err != nil {
		return nil, message.Message{}, err
	}
	sig := p.keys.Sign.Sign(message.TBSEnrol(s.Header(), cred.Hash(), h.Hash, code, list, key.Public()))
	m, err := s.Seal(message.Enrolment{Patient: cred, Code: code, Locators: list, PKe: key.Public(), Signature: sig}.Encode())
	return &PendingEnrolment{p: p, hospital: h, session: hdr.Session, key: key}, m, err
}

func (p *Patient) locators(h Hospital, cP message.Hash, departments []message.Code) ([]message.EnrolledLocator, error) {
	var list []message.EnrolledLocator
	for _, d := range message.SortCodes(departments) {
		k, err := message.LocatorKey(p.keys.Locator[:], d)
		if err != nil {
			return nil, err
		}
		list = append(list, message.NewEnrolledLocator(k, cP, h.Hash, d, message.IndexKey(p.keys.Locator[:], d, h.ID())))
	}
	return list, nil
}

// Accept checks the receipt. It works once: whatever came, the one-time key is erased.
func (e *PendingEnrolment) Accept(m message.Message) (Receipt, error) {
	if !e.key.Valid() {
		return Receipt{}, ErrOrder
	}
	defer func() { e.key = ecc.KEMPrivateKey{} }()
	body, err := openReply(m, message.TypeEnrolled, e.session, e.key, e.p.keys.ID)
	if err != nil {
		return Receipt{}, err
	}
	r, err := message.DecodeEnrolled(body)
	if err != nil {
		return Receipt{}, refuse(err)
	}
	tbs := message.TBSEnrolled(m.Header, e.p.keys.Credential.Hash(), e.hospital.Hash, r.Time)
	if err := e.hospital.Credential.Info.Keys.Sign.Verify(tbs, r.Signature); err != nil {
		return Receipt{}, refuse(err)
	}
	return Receipt{Hospital: e.hospital.Credential, Time: r.Time, TBS: tbs, Sig: r.Signature}, nil
}

// openReply opens the answer to an exchange under its one-time key.
func openReply(m message.Message, want message.Type, session [16]byte, k ecc.KEMPrivateKey, recipient message.ID) ([]byte, error) {
	if m.Header.Type != want || m.Header.Session != session || m.Header.Seq != 1 {
		return nil, refuse(errors.New("reply of another exchange"))
	}
	o, err := message.Open(m, k, recipient)
	if err != nil {
		return nil, refuse(err)
	}
	return o.Plaintext, nil
}

// grantedDepartments lists each department granted anywhere once, sorted.
func grantedDepartments(grants []message.Grant) []message.Code {
	var all []message.Code
	for _, g := range grants {
		all = append(all, g.Departments...)
	}
	return message.SortCodes(all)
}

func sortGrants(grants []message.Grant) []message.Grant {
	out := slices.Clone(grants)
	for i := range out {
		out[i].Departments = message.SortCodes(out[i].Departments)
		out[i].Classes = message.SortCodes(out[i].Classes)
	}
	slices.SortFunc(out, func(a, b message.Grant) int {
		if a.Hospital < b.Hospital {
			return -1
		}
		return 1
	})
	return out
}

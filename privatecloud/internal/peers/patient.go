package peers

import (
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/ecc"
)

// Patient is a patient with her device's secrets.
type Patient struct {
	Party
	W    *World
	UV   ecc.SigningKey
	Key  *softkey.Key // instead of UV, if she registered with a passkey
	KLoc []byte
	Beta uint64 // epoch of β_P
	Seq  uint64 // of what she sends; 0 for the right number, 1
}

// NewPatient registers a patient under a random identity.
func (w *World) NewPatient() *Patient {
	id := make([]byte, 16)
	rand.Read(id)
	return w.PatientAs(message.ID(hex.EncodeToString(id)), 1)
}

// PatientAs registers a patient under a given identity: what only a dishonest public cloud
// does for an identity that exists.
func (w *World) PatientAs(id message.ID, epoch uint64) *Patient {
	p := &Patient{W: w, UV: Must(ecc.GenerateSigningKey(rand.Reader)), KLoc: make([]byte, 32), Beta: epoch}
	rand.Read(p.KLoc)
	attribute := message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Beta(p.UV.Public().Bytes(), message.Hash{}, epoch)}
	p.Party = w.Register(message.Patient, id, attribute.Encode(), epoch)
	return p
}

// PasskeyPatient registers a patient whose β_P is that of a passkey.
func (w *World) PasskeyPatient() *Patient {
	id := make([]byte, 16)
	rand.Read(id)
	p := &Patient{W: w, Key: softkey.ES256(id[0], "localhost", "http://localhost:8091"), KLoc: make([]byte, 32), Beta: 1}
	rand.Read(p.KLoc)
	attribute := message.PatientAttribute{Kind: message.KindWebAuthn, Beta: p.Key.Passkey().Beta(1)}
	p.Party = w.Register(message.Patient, message.ID(hex.EncodeToString(id)), attribute.Encode(), 1)
	return p
}

// Renewed is the patient with another credential of the same keys and attr_P.
func (p *Patient) Renewed(epoch uint64) *Patient {
	i, q := p.Cred.Info, *p
	q.Party = p.W.RegisterKeys(message.Patient, i.ID, i.Attribute, epoch, p.Sign, p.KEM)
	return &q
}

// Departments are those for which the tests' patients make locators.
var Departments = []message.Code{"EMERGENCY", "GENERAL", "INPATIENT", "OBSTETRICS", "OUTPATIENT", "SURGERY"}

// Locators are what she gives to a hospital.
func (p *Patient) Locators(h message.Credential) []message.EnrolledLocator {
	var out []message.EnrolledLocator
	for _, d := range Departments {
		k := Must(message.LocatorKey(p.KLoc, d))
		out = append(out, message.NewEnrolledLocator(k, p.Cred.Hash(), h.Hash(), d, message.IndexKey(p.KLoc, d, h.Info.ID)))
	}
	return out
}

// Exchange is a message of hers that waits for a sealed reply.
type Exchange struct {
	M   message.Message
	key ecc.KEMPrivateKey
	p   *Patient
	h   message.Credential
	q   message.Question
}

// Enrol makes the enrolment message.
func (p *Patient) Enrol(t testing.TB, h message.Credential, prekey ecc.KEMPublicKey, code string) Exchange {
	t.Helper()
	return p.EnrolWith(t, h, prekey, code, p.Locators(h))
}

// EnrolWith enrols with locators that need not be hers.
func (p *Patient) EnrolWith(t testing.TB, h message.Credential, prekey ecc.KEMPublicKey, code string, list []message.EnrolledLocator) Exchange {
	t.Helper()
	hdr := Must(message.NewHeader(rand.Reader, p.W.Suite, message.TypeEnrol, [16]byte{}, p.W.Now()))
	hdr.Seq = max(p.Seq, 1)
	s := Must(message.Begin(rand.Reader, prekey, h.Info.ID, hdr))
	x := Exchange{key: Must(ecc.GenerateKEM(p.W.Suite, rand.Reader)), p: p, h: h}
	e := message.Enrolment{Patient: p.Cred, Code: code, Locators: list, PKe: x.key.Public()}
	e.Signature = p.Sign.Sign(message.TBSEnrol(s.Header(), p.Cred.Hash(), h.Hash(), code, e.Locators, e.PKe))
	x.M = Must(s.Seal(e.Encode()))
	return x
}

// Enrolled verifies the hospital's receipt.
func (x Exchange) Enrolled(t testing.TB, m message.Message) {
	t.Helper()
	opened, err := message.Open(m, x.key, x.p.Cred.Info.ID)
	if err != nil {
		t.Fatal(err)
	}
	e, err := message.DecodeEnrolled(opened.Plaintext)
	if err != nil {
		t.Fatal(err)
	}
	tbs := message.TBSEnrolled(m.Header, x.p.Cred.Hash(), x.h.Hash(), e.Time)
	if err := x.h.Info.Keys.Sign.Verify(tbs, e.Signature); err != nil || m.Header.Session != x.M.Header.Session {
		t.Fatal("the receipt does not hold")
	}
}

// Ask makes a question.
func (p *Patient) Ask(t testing.TB, h message.Credential, prekey ecc.KEMPublicKey, q message.Question) Exchange {
	t.Helper()
	hdr := Must(message.NewHeader(rand.Reader, p.W.Suite, message.TypeAsk, [16]byte{}, p.W.Now()))
	hdr.Seq = max(p.Seq, 1)
	s := Must(message.Begin(rand.Reader, prekey, h.Info.ID, hdr))
	x := Exchange{key: Must(ecc.GenerateKEM(p.W.Suite, rand.Reader)), p: p, h: h, q: q}
	body := message.HospitalQuestion{Patient: p.Cred, Question: q, PKe: x.key.Public()}
	body.Signature = p.Sign.Sign(message.TBSAsk(s.Header(), p.Cred.Hash(), h.Hash(), q, body.PKe))
	x.M = Must(s.Seal(body.Encode()))
	return x
}

// Answer verifies and returns the answer.
func (x Exchange) Answer(t testing.TB, m message.Message) message.Answer {
	t.Helper()
	opened, err := message.Open(m, x.key, x.p.Cred.Info.ID)
	if err != nil {
		t.Fatal(err)
	}
	a, err := message.DecodeAnswer(opened.Plaintext)
	if err != nil {
		t.Fatal(err)
	}
	tbs := message.TBSAnswered(m.Header, x.p.Cred.Hash(), x.h.Hash(), x.q, a.Content, a.More)
	if err := x.h.Info.Keys.Sign.Verify(tbs, a.Signature); err != nil {
		t.Fatal("the answer is not signed")
	}
	return a
}

// Terms are what a consent says; zero fields take what an ordinary visit has.
type Terms struct {
	Doctor     Party
	Department message.Code
	Grants     []message.Grant
	WriteTo    message.ID
	NotBefore  message.Millis
	Expires    message.Millis
	CID        [16]byte
}

// Consent signs a consent.
func (p *Patient) Consent(x Terms) message.CON {
	now := p.W.Now()
	if x.Department == "" {
		x.Department = "OUTPATIENT"
	}
	if x.NotBefore == 0 {
		x.NotBefore = now.Add(-time.Minute)
	}
	if x.Expires == 0 {
		x.Expires = now.Add(time.Hour)
	}
	if x.CID == ([16]byte{}) {
		rand.Read(x.CID[:])
	}
	var c message.CON
	k := Must(message.LocatorKey(p.KLoc, "GENERAL"))
	c.OpenC = message.OpenC{Locators: []message.Hash{message.Locator(k.Public())}}
	rand.Read(c.OpenC.Salt[:])
	c.OpenH = message.OpenH{Patient: p.Cred.Info.ID, Grants: x.Grants, WriteTo: x.WriteTo}
	rand.Read(c.OpenH.Salt[:])
	c.Consent = message.Consent{CID: x.CID, Doctor: x.Doctor.Cred.Hash(), Department: x.Department, Purpose: "TREATMENT",
		NotBefore: x.NotBefore, Expires: x.Expires, MaxUses: 3, CommitC: c.OpenC.Commit(), CommitH: c.OpenH.Commit()}
	return p.Signed(c)
}

// Signed signs a consent as it stands.
func (p *Patient) Signed(c message.CON) message.CON {
	c.SigmaP = p.Sign.Sign(message.TBSSigmaP(c.Consent))
	if p.Key != nil {
		ch := message.Challenge(c.Consent)
		c.Assertion = message.AssertWebAuthn(p.Key.COSE(), message.RPIDHash(p.Key.RPID), p.Beta, p.Key.Assert(ch[:]))
		return c
	}
	c.Assertion = message.AssertPassphrase(p.UV, p.Beta, c.Consent)
	return c
}

// Package peers is for tests of the doctor's side: the smallest honest patient,
// public cloud and hospital that the protocol lets be. They do what their part does
// for the doctor, from api/message and ecc, check only what such tests need, and
// panic where an honest party cannot fail. The real roles meet the doctor in deploy.
package peers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// The identities in the tests' union.
const (
	PatientID = message.ID("0123456789abcdef0123456789abcdef")
	CloudID   = message.ID("cloud.example")
	DoctorID  = message.ID("dr-okafor")
	AnnaID    = message.ID("st-anna")
	ElseID    = message.ID("st-else")
)

// Must returns v, or panics.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// World is one union: a registrar, an authority, a clock.
type World struct {
	T         testing.TB
	Suite     ecc.Suite
	Rand      io.Reader
	Now       time.Time
	Issuer    *ecc.Issuer
	Cloud     *Cloud
	Pins      message.Pins
	Authority *Authority
	Verify    message.CertificateVerifier
	Seen      *SeenStore
	Tape      *Tape                    // what the doctor drew
	Lives     map[uint64]time.Duration // of credentials, by their number
	Taken     uint64                   // numbers that somebody else's renewals took
}

// Tape is randomness that remembers what it gave out.
type Tape struct {
	Src   io.Reader
	Taken []byte
}

func (t *Tape) Read(b []byte) (int, error) {
	n, err := t.Src.Read(b)
	t.Taken = append(t.Taken, b[:n]...)
	return n, err
}

// SeenStore is a SeenStore in memory; it stands for the sealed file.
type SeenStore struct {
	Mu   sync.Mutex
	Seen map[[16]byte]bool
	Down error
}

// ErrSeen is the cause of the refusal of an id that was recorded before.
var ErrSeen = errors.New("seen before")

// Accept implements doctor.SeenStore.
func (s *SeenStore) Accept(_ context.Context, id [16]byte, _ time.Time) error {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if s.Down != nil {
		return s.Down
	}
	if s.Seen[id] {
		return problem.Refused(ErrSeen)
	}
	s.Seen[id] = true
	return nil
}

// NewWorld is deterministic: the same suite gives the same keys.
func NewWorld(t testing.TB, suite ecc.Suite) *World {
	w := &World{T: t, Suite: suite, Rand: rand.NewChaCha8([32]byte{3, byte(suite)}), Now: time.UnixMilli(1_790_000_000_000),
		Seen: &SeenStore{Seen: map[[16]byte]bool{}}}
	w.Tape = &Tape{Src: rand.NewChaCha8([32]byte{4, byte(suite)})}
	w.Issuer = Must(ecc.NewIssuer(Must(ecc.GenerateScalar(w.Rand)), bytes.Repeat([]byte{9}, 32)))
	w.Cloud = &Cloud{W: w, Sign: Must(ecc.GenerateSigningKey(w.Rand)), Kem: Must(ecc.GenerateKEM(suite, w.Rand))}
	w.Authority, w.Verify = w.newAuthority()
	w.Pins = message.Pins{CloudID: CloudID, First: message.Root{PK: w.Issuer.Public(), PUKC: w.Cloud.Sign.Public()}}
	return w
}

// Millis is the world's time.
func (w *World) Millis() message.Millis { return message.MillisOf(w.Now) }

// Config is a doctor's configuration in this world.
func (w *World) Config() doctor.Config {
	return doctor.Config{Pins: w.Pins, VerifyCertificate: w.Verify, Now: func() time.Time { return w.Now },
		Rand: w.Tape, Seen: w.Seen}
}

// CertificateLife is how long the authority's certificates hold.
const CertificateLife = 100 * 24 * time.Hour

// AuthorityName is the issuer of Cert_D.
const AuthorityName = "medical board"

// Certify is the medical authority's answer to a doctor's keys.
func (w *World) Certify(keys message.PublicKeys, name string) []byte {
	return Must(w.Authority.Issue(message.CertificateRequest{Authority: AuthorityName, Licence: "L-1", Name: name,
		Departments: []string{"GENERAL", "SURGERY"}, Affiliation: string(AnnaID), Keys: keys}, w.Now))
}

// CredentialLife is how long the registrar's credentials hold, if Lives does not say otherwise.
const CredentialLife = 365 * 24 * time.Hour

// Reply is the registrar's: Eq. 8, 9. A renewal gets the next number.
func (w *World) Reply(q message.RegistrationRequest) message.RegistrationReply {
	r, epoch := q.Registration, uint64(1)
	if renewal, err := message.DecodeRenewal(q.Admission); err == nil {
		w.Ok(renewal.Verify(w.Pins, r, w.Millis()))
		epoch += renewal.Credential.Info.Epoch + w.Taken
	}
	life, ok := w.Lives[epoch]
	if !ok {
		life = CredentialLife
	}
	info := message.Info{Suite: r.Suite, Role: r.Role, ID: r.ID, Attribute: r.Attribute, Keys: r.Keys, Epoch: epoch,
		NotBefore: w.Millis().Add(-time.Hour), NotAfter: w.Millis().Add(life)}
	pk := Must(w.Issuer.Issue(w.Rand, r.Encode(), r.X, info.Encode()))
	cred := message.Credential{Info: info, R: pk.R, Signature: w.Cloud.Sign.Sign(message.TBSCredential(info, pk.R))}
	return message.RegistrationReply{Credential: cred, D: pk.D}
}

// NewDoctor runs the whole of M0 through the role.
func (w *World) NewDoctor(id message.ID) *doctor.Doctor {
	d := Must(doctor.New(w.Config(), w.Suite, id))
	w.Ok(d.SetCertificate(w.Certify(d.Keys(), string(id))))
	req := Must(d.Register(make([]byte, message.ChallengeSize)))
	w.Ok(req.Verify())
	w.Ok(d.AcceptRegistration(w.Reply(req)))
	w.Ok(d.AcceptRevocations(w.Cloud.Revocations()))
	return d
}

// Ok fails the test for an error, with its cause.
func (w *World) Ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatalf("%v: %v", err, problem.Reason(err))
	}
}

// Party is a registered patient or hospital.
type Party struct {
	W    *World
	Cred message.Credential
	C    message.Hash
	Sign ecc.SigningKey
	S    ecc.Scalar
}

// Party registers a patient or a hospital: Eq. 2-7.
func (w *World) Party(role message.Role, id message.ID, suite ecc.Suite, attr []byte) Party {
	p := Party{W: w, Sign: Must(ecc.GenerateSigningKey(w.Rand))}
	x := Must(ecc.GenerateScalar(w.Rand))
	keys := message.PublicKeys{Sign: p.Sign.Public(), KEM: Must(ecc.GenerateKEM(suite, w.Rand)).Public()}
	rep := w.Reply(message.RegistrationRequest{Registration: message.Registration{Suite: suite, Role: role, ID: id,
		X: x.Public(), Keys: keys, Attribute: attr, Challenge: make([]byte, message.ChallengeSize)}})
	p.Cred, p.C = rep.Credential, rep.Credential.Hash()
	p.S = Must(ecc.Accept(x, p.Cred.Info.Encode(), ecc.PartialKey{R: p.Cred.R, D: rep.D}, w.Pins.First.PK))
	return p
}

// Patient is an honest patient in one visit; tests edit its fields between steps.
type Patient struct {
	Party
	Uv   ecc.SigningKey
	KLoc []byte

	Session [16]byte
	R5      ecc.Scalar
	Ske     ecc.KEMPrivateKey
	X1, X2  []byte
	RD      ecc.Point
	Th1     message.Hash
	Th2     message.Hash
	Doctor  message.Credential
	Out, In ecc.Channel
	Con     message.CON
}

// NewPatient registers a patient of the world's suite.
func (w *World) NewPatient(id message.ID) *Patient { return w.NewPatientOf(id, w.Suite) }

// NewPatientOf registers a patient of any suite.
func (w *World) NewPatientOf(id message.ID, suite ecc.Suite) *Patient {
	uv := Must(ecc.GenerateSigningKey(w.Rand))
	attr := message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Beta(uv.Public().Bytes(), message.Hash{}, 1)}
	kLoc := make([]byte, 32)
	Must(io.ReadFull(w.Rand, kLoc))
	return &Patient{Party: w.Party(message.Patient, id, suite, attr.Encode()), Uv: uv, KLoc: kLoc}
}

// M1 makes Eq. 11-13 for a doctor under the prekey that he signed.
func (p *Patient) M1(d *doctor.Doctor) message.Message {
	return p.M1To(Must(d.Credential()), First(d.Prekey()), nil)
}

// First is the prekey that a doctor publishes.
func First(s message.Signed, _ bool, err error) message.Signed { return Must(s, err) }

// M1To lets a test edit the header before it is sealed.
func (p *Patient) M1To(cred message.Credential, prekey message.Signed, edit func(*message.Header)) message.Message {
	pre := Must(message.DecodePrekey(prekey.TBS))
	p.Doctor, p.R5, p.Ske = cred, Must(ecc.GenerateScalar(p.W.Rand)), Must(ecc.GenerateKEM(p.W.Suite, p.W.Rand))
	h := Must(message.NewHeader(p.W.Rand, p.W.Suite, message.TypeM1, [16]byte{}, p.W.Millis()))
	if edit != nil {
		edit(&h)
	}
	s := Must(message.Begin(p.W.Rand, pre.Key, cred.Info.ID, h))
	tbs := message.TBSP1(s.Header(), p.C, cred.Hash(), p.R5.Public(), p.Ske.Public(), p.W.Pins.First.PK)
	body := message.M1{Patient: p.Cred, R: p.R5.Public(), PKe: p.Ske.Public(), SigP1: p.Sign.Sign(tbs)}
	p.X1 = s.Export()
	m := Must(s.Seal(body.Encode()))
	p.Session = m.Header.Session
	p.Th1 = message.Transcript(message.Transcript0(p.W.Suite, p.Session), m)
	return m
}

// ReceiveM2 does what a patient does with M2 (Eq. 20-22).
func (p *Patient) ReceiveM2(m2 message.Message) {
	p.W.T.Helper()
	opened := Must(message.Open(m2, p.Ske, p.Cred.Info.ID))
	body := Must(message.DecodeM2(opened.Plaintext))
	p.X2, p.RD = opened.Export, body.R
	tbs := message.TBSD1(m2.Header, p.Th1, p.C, p.Doctor.Hash(), p.R5.Public(), body.R, body.Certificate, p.W.Pins.First.PK)
	p.W.Ok(p.Doctor.Info.Keys.Sign.Verify(tbs, body.SigD1))
	sek := Must(p.Agreement(opened.Enc).Initiator(ecc.Secrets{S: p.S, R: p.R5, X1: p.X1, X2: p.X2}, Must(p.Doctor.ImplicitKey(p.W.Pins))))
	p.W.Ok(sek.VerifyConfirm("D", tbs, body.Confirm[:]))
	p.Th2 = message.Transcript(p.Th1, m2)
	p.Channels(sek)
}

// Agreement is the public input of SEK_1.
func (p *Patient) Agreement(enc []byte) ecc.Agreement {
	return ecc.Agreement{Label: ecc.LabelSEK1, TH: p.Th1, CInitiator: p.C, CResponder: p.Doctor.Hash(),
		RInitiator: p.R5.Public(), RResponder: p.RD, EncResponder: enc}
}

// Channels sets the two directions of the session.
func (p *Patient) Channels(sek ecc.SessionKey) {
	p.Out, p.In = sek.Channel(ecc.PatientToDoctor, p.Th2), sek.Channel(ecc.DoctorToPatient, p.Th2)
}

// Consent grants LAB and VITAL of GENERAL at St Anna; edit changes it before it is signed.
func (p *Patient) Consent(edit func(*message.Consent, *message.OpenH)) message.CON {
	sk := Must(message.LocatorKey(p.KLoc, "GENERAL"))
	c := message.Consent{Doctor: p.Doctor.Hash(), Department: "GENERAL", Purpose: "TREATMENT",
		NotBefore: p.W.Millis().Add(-time.Minute), Expires: p.W.Millis().Add(24 * time.Hour), MaxUses: 3}
	Must(io.ReadFull(p.W.Rand, c.CID[:]))
	oc := message.OpenC{Locators: []message.Hash{message.Locator(sk.Public())}}
	oh := message.OpenH{Patient: p.Cred.Info.ID, WriteTo: AnnaID, Grants: []message.Grant{
		{Hospital: AnnaID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB", "VITAL"}}}}
	c.CommitC, c.CommitH = oc.Commit(), oh.Commit()
	if edit != nil {
		edit(&c, &oh)
	}
	return message.CON{Consent: c, OpenC: oc, OpenH: oh, SigmaP: p.Sign.Sign(message.TBSSigmaP(c)),
		Assertion:   message.AssertPassphrase(p.Uv, 1, c),
		Authorizers: []message.Authorizer{{VK: sk.Public(), SigmaL: sk.Sign(message.TBSSigmaL(c))}},
		IndexKeys: []message.SharedIndexKey{{Department: "GENERAL", Hospital: AnnaID,
			Key: message.IndexKey(p.KLoc, "GENERAL", AnnaID)}}}
}

// M3 makes Eq. 23.
func (p *Patient) M3(con message.CON) message.Message {
	p.Con = con
	h := p.Header(message.TypeM3, 2)
	msd := Must(message.Salted(p.W.Rand, Signals))
	tbs := message.TBSP2(h, p.Th2, p.C, p.Doctor.Hash(), msd, con.Consent.Hash())
	body := message.M3{MSD: msd, Patient: p.Cred.Info.ID, CON: con, SigP2: p.Sign.Sign(tbs)}
	return Must(message.SealSession(p.Out, h, body.Encode()))
}

// Header begins a message of the session.
func (p *Patient) Header(t message.Type, seq uint64) message.Header {
	h := Must(message.NewHeader(p.W.Rand, p.W.Suite, t, p.Session, p.W.Millis()))
	h.Seq, h.To = seq, message.PeerID(p.Doctor.Hash())
	return h
}

// Signals is the content of M_SD.
var Signals = []byte(`{"resourceType":"Bundle","type":"collection","entry":[ ]}`)

// Cloud is the public cloud: it answers what it is told to.
type Cloud struct {
	W       *World
	Sign    ecc.SigningKey
	Kem     ecc.KEMPrivateKey
	Entries []message.Entry
	Edit    func(*message.Ticket)
}

// Prekey is the public cloud's signed prekey.
func (c *Cloud) Prekey() message.Signed {
	p := message.Prekey{Suite: c.W.Suite, Owner: message.CloudHash(c.Sign.Public()), Key: c.Kem.Public(),
		NotBefore: c.W.Millis().Add(-time.Minute), NotAfter: c.W.Millis().Add(time.Hour)}
	return message.Sign(c.Sign, p.Encode())
}

// Revocations is the signed list of the world's time.
func (c *Cloud) Revocations(revoked ...message.Hash) message.Signed {
	v := message.Revocations{Issued: c.W.Millis(), Revoked: message.SortHashes(revoked)}
	return message.Sign(c.Sign, v.Encode())
}

// M5 verifies Eq. 25-28 as far as the doctor's part goes, and answers (Eq. 29, 30).
func (c *Cloud) M5(m4 message.Message) message.Message {
	c.W.T.Helper()
	body := Must(message.DecodeM4(c.W.Suite, Must(message.Open(m4, c.Kem, CloudID)).Plaintext))
	tbs := body.TBS(m4.Header, CloudID)
	c.W.Ok(body.Doctor.Info.Keys.Sign.Verify(tbs, body.SigD2))
	c.W.Ok(message.VerifyLocators(body.Consent, body.OpenC, body.Authorizers))
	h := Must(message.NewHeader(c.W.Rand, c.W.Suite, message.TypeM5, m4.Header.Session, c.W.Millis()))
	s := Must(message.Begin(c.W.Rand, body.PKe, body.Doctor.Info.ID, h))
	t := message.Ticket{Header: s.Header(), Request: ecc.Sum(tbs), Doctor: body.Doctor.Hash(), Department: body.Department,
		Consent: body.Consent.Hash(), Mode: body.Mode, Entries: ecc.Sum(message.EncodeEntries(c.Entries)),
		Issued: c.W.Millis(), Expires: c.W.Millis().Add(5 * time.Minute)}
	if c.Edit != nil {
		c.Edit(&t)
	}
	return Must(s.Seal(message.M5{Entries: c.Entries, Ticket: message.Sign(c.Sign, t.Encode())}.Encode()))
}

// Indexed answers M12.
func (c *Cloud) Indexed(m12 message.Message) message.Message {
	c.W.T.Helper()
	body := Must(message.DecodeM12(c.W.Suite, Must(message.Open(m12, c.Kem, CloudID)).Plaintext))
	tbs := message.TBSD7(m12.Header, body.Doctor.Hash(), body.Entry, body.Consent.Hash(), body.PKe)
	c.W.Ok(body.Doctor.Info.Keys.Sign.Verify(tbs, body.SigD7))
	h := Must(message.NewHeader(c.W.Rand, c.W.Suite, message.TypeIndexed, m12.Header.Session, c.W.Millis()))
	s := Must(message.Begin(c.W.Rand, body.PKe, body.Doctor.Info.ID, h))
	sig := c.Sign.Sign(message.TBSIndexed(s.Header(), body.Entry.Locator, body.Entry.Value, c.W.Millis()))
	return Must(s.Seal(message.Indexed{Time: c.W.Millis(), Signature: sig}.Encode()))
}

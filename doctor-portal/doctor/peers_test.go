package doctor_test

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

// The peers in this file are as small as the protocol lets them be: they do what
// an honest patient, public cloud or hospital does for the doctor, from
// api/message and ecc, and check only what these tests need. The real roles meet
// the doctor in deploy.

const (
	patientID = message.ID("0123456789abcdef0123456789abcdef")
	cloudID   = message.ID("cloud.example")
	doctorID  = message.ID("dr-okafor")
	annaID    = message.ID("st-anna")
	elseID    = message.ID("st-else")
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// world is one union: a registrar, an authority, a clock.
type world struct {
	t      testing.TB
	suite  ecc.Suite
	rand   io.Reader
	now    time.Time
	issuer *ecc.Issuer
	cloud  *cloud
	pins   message.Pins
	certs  map[string]message.DoctorCertificate
	seen   *seenStore
	tape   *tape // what the doctor drew
}

// tape is randomness that remembers what it gave out.
type tape struct {
	src  io.Reader
	read []byte
}

func (t *tape) Read(b []byte) (int, error) {
	n, err := t.src.Read(b)
	t.read = append(t.read, b[:n]...)
	return n, err
}

// seenStore is a SeenStore in memory; it stands for the sealed file.
type seenStore struct {
	mu   sync.Mutex
	seen map[[16]byte]bool
	down error
}

var errSeen = errors.New("seen before")

func (s *seenStore) Accept(_ context.Context, id [16]byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	if s.seen[id] {
		return problem.Refused(errSeen)
	}
	s.seen[id] = true
	return nil
}

func newWorld(t testing.TB, suite ecc.Suite) *world {
	w := &world{t: t, suite: suite, rand: rand.NewChaCha8([32]byte{3, byte(suite)}), now: time.UnixMilli(1_790_000_000_000),
		certs: map[string]message.DoctorCertificate{}, seen: &seenStore{seen: map[[16]byte]bool{}}}
	w.tape = &tape{src: rand.NewChaCha8([32]byte{4, byte(suite)})}
	w.issuer = must(ecc.NewIssuer(must(ecc.GenerateScalar(w.rand)), bytes.Repeat([]byte{9}, 32)))
	w.cloud = &cloud{w: w, sign: must(ecc.GenerateSigningKey(w.rand)), kem: must(ecc.GenerateKEM(suite, w.rand))}
	w.pins = message.Pins{CloudID: cloudID, PK: w.issuer.Public(), PUKC: w.cloud.sign.Public()}
	return w
}

func (w *world) millis() message.Millis { return message.MillisOf(w.now) }

func (w *world) config() doctor.Config {
	return doctor.Config{Pins: w.pins, VerifyCertificate: w.verifyCertificate, Now: func() time.Time { return w.now },
		Rand: w.tape, Seen: w.seen}
}

// verifyCertificate stands for the medical authority: it knows what it issued.
func (w *world) verifyCertificate(cert []byte, now time.Time) (message.DoctorCertificate, error) {
	c, ok := w.certs[string(cert)]
	if !ok || now.Before(c.NotBefore) || !now.Before(c.Expires) {
		return message.DoctorCertificate{}, errors.New("not a certificate")
	}
	return c, nil
}

func (w *world) certify(keys message.PublicKeys, name string) []byte {
	cert := []byte("certificate of " + name)
	w.certs[string(cert)] = message.DoctorCertificate{Licence: "L-1", Name: name, Departments: []string{"GENERAL", "SURGERY"},
		Affiliation: string(annaID), Suite: w.suite, SigningKey: keys.Sign, KEMKey: keys.KEM,
		NotBefore: w.now.Add(-time.Hour), Expires: w.now.Add(365 * 24 * time.Hour)}
	return cert
}

// reply is the registrar's: Eq. 8, 9.
func (w *world) reply(q message.RegistrationRequest) message.RegistrationReply {
	r := q.Registration
	info := message.Info{Suite: r.Suite, Role: r.Role, ID: r.ID, Attribute: r.Attribute, Keys: r.Keys, Epoch: 1,
		NotBefore: w.millis().Add(-time.Hour), NotAfter: w.millis().Add(365 * 24 * time.Hour)}
	pk := must(w.issuer.Issue(w.rand, r.Encode(), r.X, info.Encode()))
	cred := message.Credential{Info: info, R: pk.R, Signature: w.cloud.sign.Sign(message.TBSCredential(info, pk.R))}
	return message.RegistrationReply{Credential: cred, D: pk.D}
}

// newDoctor runs the whole of M0 through the role.
func (w *world) newDoctor(id message.ID) *doctor.Doctor {
	d := must(doctor.New(w.config(), w.suite, id))
	w.ok(d.SetCertificate(w.certify(d.Keys(), string(id))))
	req := must(d.Register(make([]byte, message.ChallengeSize)))
	w.ok(req.Verify())
	w.ok(d.AcceptRegistration(w.reply(req)))
	w.ok(d.AcceptRevocations(w.cloud.revocations()))
	return d
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v: %v", err, problem.Reason(err))
	}
}

// party is a registered patient or hospital.
type party struct {
	w    *world
	cred message.Credential
	c    message.Hash
	sign ecc.SigningKey
	s    ecc.Scalar
}

func (w *world) party(role message.Role, id message.ID, suite ecc.Suite, attr []byte) party {
	p := party{w: w, sign: must(ecc.GenerateSigningKey(w.rand))}
	x := must(ecc.GenerateScalar(w.rand))
	keys := message.PublicKeys{Sign: p.sign.Public(), KEM: must(ecc.GenerateKEM(suite, w.rand)).Public()}
	rep := w.reply(message.RegistrationRequest{Registration: message.Registration{Suite: suite, Role: role, ID: id,
		X: x.Public(), Keys: keys, Attribute: attr, Challenge: make([]byte, message.ChallengeSize)}})
	p.cred, p.c = rep.Credential, rep.Credential.Hash()
	p.s = must(ecc.Accept(x, p.cred.Info.Encode(), ecc.PartialKey{R: p.cred.R, D: rep.D}, w.pins.PK))
	return p
}

// patient is an honest patient in one visit; tests edit its fields between steps.
type patient struct {
	party
	uv   ecc.SigningKey
	kLoc []byte

	session [16]byte
	r5      ecc.Scalar
	ske     ecc.KEMPrivateKey
	x1, x2  []byte
	rD      ecc.Point
	th1     message.Hash
	th2     message.Hash
	doctor  message.Credential
	out, in ecc.Channel
	con     message.CON
}

func (w *world) newPatient(id message.ID) *patient { return w.newPatientOf(id, w.suite) }

func (w *world) newPatientOf(id message.ID, suite ecc.Suite) *patient {
	uv := must(ecc.GenerateSigningKey(w.rand))
	attr := message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Beta(uv.Public().Bytes(), message.Hash{}, 1)}
	kLoc := make([]byte, 32)
	must(io.ReadFull(w.rand, kLoc))
	return &patient{party: w.party(message.Patient, id, suite, attr.Encode()), uv: uv, kLoc: kLoc}
}

// m1 makes Eq. 11-13 for a doctor under the prekey that he signed.
func (p *patient) m1(d *doctor.Doctor) message.Message {
	return p.m1To(must(d.Credential()), first(d.Prekey()), nil)
}

func first(s message.Signed, _ bool, err error) message.Signed { return must(s, err) }

// m1To lets a test edit the header before it is sealed.
func (p *patient) m1To(cred message.Credential, prekey message.Signed, edit func(*message.Header)) message.Message {
	pre := must(message.DecodePrekey(prekey.TBS))
	p.doctor, p.r5, p.ske = cred, must(ecc.GenerateScalar(p.w.rand)), must(ecc.GenerateKEM(p.w.suite, p.w.rand))
	h := must(message.NewHeader(p.w.rand, p.w.suite, message.TypeM1, [16]byte{}, p.w.millis()))
	if edit != nil {
		edit(&h)
	}
	s := must(message.Begin(p.w.rand, pre.Key, cred.Info.ID, h))
	tbs := message.TBSP1(s.Header(), p.c, cred.Hash(), p.r5.Public(), p.ske.Public(), p.w.pins.PK)
	body := message.M1{Patient: p.cred, R: p.r5.Public(), PKe: p.ske.Public(), SigP1: p.sign.Sign(tbs)}
	p.x1 = s.Export()
	m := must(s.Seal(body.Encode()))
	p.session = m.Header.Session
	p.th1 = message.Transcript(message.Transcript0(p.w.suite, p.session), m)
	return m
}

// receiveM2 does what a patient does with M2 (Eq. 20-22).
func (p *patient) receiveM2(m2 message.Message) {
	p.w.t.Helper()
	opened := must(message.Open(m2, p.ske, p.cred.Info.ID))
	body := must(message.DecodeM2(opened.Plaintext))
	p.x2, p.rD = opened.Export, body.R
	tbs := message.TBSD1(m2.Header, p.th1, p.c, p.doctor.Hash(), p.r5.Public(), body.R, body.Certificate, p.w.pins.PK)
	p.w.ok(p.doctor.Info.Keys.Sign.Verify(tbs, body.SigD1))
	sek := must(p.agreement(opened.Enc).Initiator(ecc.Secrets{S: p.s, R: p.r5, X1: p.x1, X2: p.x2}, must(p.doctor.ImplicitKey(p.w.pins))))
	p.w.ok(sek.VerifyConfirm("D", tbs, body.Confirm[:]))
	p.th2 = message.Transcript(p.th1, m2)
	p.channels(sek)
}

func (p *patient) agreement(enc []byte) ecc.Agreement {
	return ecc.Agreement{Label: ecc.LabelSEK1, TH: p.th1, CInitiator: p.c, CResponder: p.doctor.Hash(),
		RInitiator: p.r5.Public(), RResponder: p.rD, EncResponder: enc}
}

func (p *patient) channels(sek ecc.SessionKey) {
	p.out, p.in = sek.Channel(ecc.PatientToDoctor, p.th2), sek.Channel(ecc.DoctorToPatient, p.th2)
}

// consent grants LAB and VITAL of GENERAL at St Anna; edit changes it before it is signed.
func (p *patient) consent(edit func(*message.Consent, *message.OpenH)) message.CON {
	sk := must(message.LocatorKey(p.kLoc, "GENERAL"))
	c := message.Consent{Doctor: p.doctor.Hash(), Department: "GENERAL", Purpose: "TREATMENT",
		NotBefore: p.w.millis().Add(-time.Minute), Expires: p.w.millis().Add(24 * time.Hour), MaxUses: 3}
	must(io.ReadFull(p.w.rand, c.CID[:]))
	oc := message.OpenC{Locators: []message.Hash{message.Locator(sk.Public())}}
	oh := message.OpenH{Patient: p.cred.Info.ID, WriteTo: annaID, Grants: []message.Grant{
		{Hospital: annaID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB", "VITAL"}}}}
	c.CommitC, c.CommitH = oc.Commit(), oh.Commit()
	if edit != nil {
		edit(&c, &oh)
	}
	return message.CON{Consent: c, OpenC: oc, OpenH: oh, SigmaP: p.sign.Sign(message.TBSSigmaP(c)),
		Assertion:   message.AssertPassphrase(p.uv, 1, c),
		Authorizers: []message.Authorizer{{VK: sk.Public(), SigmaL: sk.Sign(message.TBSSigmaL(c))}},
		IndexKeys: []message.SharedIndexKey{{Department: "GENERAL", Hospital: annaID,
			Key: message.IndexKey(p.kLoc, "GENERAL", annaID)}}}
}

// m3 makes Eq. 23.
func (p *patient) m3(con message.CON) message.Message {
	p.con = con
	h := p.header(message.TypeM3, 2)
	msd := must(message.Salted(p.w.rand, signals))
	tbs := message.TBSP2(h, p.th2, p.c, p.doctor.Hash(), msd, con.Consent.Hash())
	body := message.M3{MSD: msd, Patient: p.cred.Info.ID, CON: con, SigP2: p.sign.Sign(tbs)}
	return must(message.SealSession(p.out, h, body.Encode()))
}

func (p *patient) header(t message.Type, seq uint64) message.Header {
	h := must(message.NewHeader(p.w.rand, p.w.suite, t, p.session, p.w.millis()))
	h.Seq, h.To = seq, message.PeerID(p.doctor.Hash())
	return h
}

var signals = []byte(`{"resourceType":"Bundle","type":"collection","entry":[ ]}`)

// cloud is the public cloud: it answers what it is told to.
type cloud struct {
	w       *world
	sign    ecc.SigningKey
	kem     ecc.KEMPrivateKey
	entries []message.Entry
	edit    func(*message.Ticket)
}

func (c *cloud) prekey() message.Signed {
	p := message.Prekey{Suite: c.w.suite, Owner: message.CloudHash(c.sign.Public()), Key: c.kem.Public(),
		NotBefore: c.w.millis().Add(-time.Minute), NotAfter: c.w.millis().Add(time.Hour)}
	return message.Sign(c.sign, p.Encode())
}

func (c *cloud) revocations(revoked ...message.Hash) message.Signed {
	v := message.Revocations{Issued: c.w.millis(), Revoked: message.SortHashes(revoked)}
	return message.Sign(c.sign, v.Encode())
}

// m5 verifies Eq. 25-28 as far as the doctor's part goes, and answers (Eq. 29, 30).
func (c *cloud) m5(m4 message.Message) message.Message {
	c.w.t.Helper()
	body := must(message.DecodeM4(c.w.suite, must(message.Open(m4, c.kem, cloudID)).Plaintext))
	tbs := body.TBS(m4.Header, cloudID)
	c.w.ok(body.Doctor.Info.Keys.Sign.Verify(tbs, body.SigD2))
	c.w.ok(message.VerifyLocators(body.Consent, body.OpenC, body.Authorizers))
	h := must(message.NewHeader(c.w.rand, c.w.suite, message.TypeM5, m4.Header.Session, c.w.millis()))
	s := must(message.Begin(c.w.rand, body.PKe, body.Doctor.Info.ID, h))
	t := message.Ticket{Header: s.Header(), Request: ecc.Sum(tbs), Doctor: body.Doctor.Hash(), Department: body.Department,
		Consent: body.Consent.Hash(), Mode: body.Mode, Entries: ecc.Sum(message.EncodeEntries(c.entries)),
		Issued: c.w.millis(), Expires: c.w.millis().Add(5 * time.Minute)}
	if c.edit != nil {
		c.edit(&t)
	}
	return must(s.Seal(message.M5{Entries: c.entries, Ticket: message.Sign(c.sign, t.Encode())}.Encode()))
}

// indexed answers M12.
func (c *cloud) indexed(m12 message.Message) message.Message {
	c.w.t.Helper()
	body := must(message.DecodeM12(c.w.suite, must(message.Open(m12, c.kem, cloudID)).Plaintext))
	tbs := message.TBSD7(m12.Header, body.Doctor.Hash(), body.Entry, body.Consent.Hash(), body.PKe)
	c.w.ok(body.Doctor.Info.Keys.Sign.Verify(tbs, body.SigD7))
	h := must(message.NewHeader(c.w.rand, c.w.suite, message.TypeIndexed, m12.Header.Session, c.w.millis()))
	s := must(message.Begin(c.w.rand, body.PKe, body.Doctor.Info.ID, h))
	sig := c.sign.Sign(message.TBSIndexed(s.Header(), body.Entry.Locator, body.Entry.Value, c.w.millis()))
	return must(s.Seal(message.Indexed{Time: c.w.millis(), Signature: sig}.Encode()))
}

package attack_test

import (
	"crypto/rand"
	"encoding/binary"
	"slices"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/patient"
	"medunion/privatecloud/hospital"
)

// rogue is a certified doctor whose client does what she tells it: her own keys, and
// messages made by hand.
type rogue struct {
	*physician
	sign  ecc.SigningKey
	kem   ecc.KEMPrivateKey
	s     ecc.Scalar
	cert  []byte
	suite ecc.Suite
	pre   []ecc.KEMPrivateKey // private prekeys
}

// turn gives a doctor's secrets to the test.
func (p *physician) turn() *rogue {
	f := must(ecc.Decode(ecc.LabelDoctorIdentity, p.Export(), 10))
	r := &rogue{physician: p, sign: must(ecc.SigningKeyFromSeed(f[2])), cert: f[6], s: must(ecc.DecodeScalar(f[8])), suite: p.Suite()}
	r.kem = must(ecc.DecodeKEMPrivateKey(r.suite, f[3]))
	for _, b := range must(ecc.DecodeList(ecc.LabelList, f[9], 16)) {
		k := must(ecc.Decode(ecc.LabelDoctorPrekey, b, 3))
		r.pre = append(r.pre, must(ecc.DecodeKEMPrivateKey(r.suite, k[0])))
	}
	return r
}

func (r *rogue) header(t message.Type) message.Header {
	return must(message.NewHeader(rand.Reader, r.suite, t, [16]byte{}, r.u.clock.millis()))
}

// edits change a message by hand before it is signed and sealed, nil for an honest one.
type edits[T any] struct {
	header func(*message.Header)
	body   func(*T)
	key    ecc.SigningKey // signs instead, if valid
}

func (e edits[T]) head(h message.Header) message.Header {
	if e.header != nil {
		e.header(&h)
	}
	return h
}

func (e edits[T]) edit(b *T) {
	if e.body != nil {
		e.body(b)
	}
}

func (e edits[T]) signer(k ecc.SigningKey) ecc.SigningKey {
	if e.key.Valid() {
		return e.key
	}
	return k
}

// m4 searches by hand (Eq. 25, 26).
func (r *rogue) m4(con message.CON, mode message.Mode, e edits[message.M4]) (message.Message, ecc.KEMPrivateKey) {
	pre := must(message.DecodePrekey(r.u.cloudPrekey(r.suite).TBS))
	s := must(message.Begin(rand.Reader, pre.Key, r.u.pins.CloudID, e.head(r.header(message.TypeM4))))
	key := must(ecc.GenerateKEM(r.suite, rand.Reader))
	m := message.M4{Doctor: r.cred, Certificate: r.cert, Department: con.Consent.Department, Consent: con.Consent, OpenC: con.OpenC,
		Authorizers: con.Authorizers, Mode: mode, PKe: key.Public()}
	e.edit(&m)
	m.SigD2 = e.signer(r.sign).Sign(m.TBS(s.Header(), r.u.pins.CloudID))
	return must(s.Seal(m.Encode())), key
}

// ticket searches and returns the ticket without looking at it.
func (r *rogue) ticket(con message.CON, mode message.Mode) message.Signed {
	r.u.Helper()
	return r.found(con, mode).Ticket
}

func (r *rogue) found(con message.CON, mode message.Mode) message.M5 {
	r.u.Helper()
	m4, key := r.m4(con, mode, edits[message.M4]{})
	o := must(message.Open(r.u.mustAsk(r.u.pc(), m4), key, r.ID()))
	return must(message.DecodeM5(o.Plaintext))
}

// link is a session that the rogue has with a hospital.
type link struct {
	r       *rogue
	h       *house
	m6      message.Message
	r7      ecc.Scalar
	key     ecc.KEMPrivateKey
	x1      []byte
	in, out ecc.Channel
	seq     uint64
}

// m6 begins a session by hand (Eq. 33-35).
func (r *rogue) m6(h *house, consent, ticket message.Hash, e edits[message.M6]) *link {
	pre := must(message.DecodePrekey(r.u.prekey(h.cred).TBS))
	s := must(message.Begin(rand.Reader, pre.Key, h.id, e.head(r.header(message.TypeM6))))
	l := &link{r: r, h: h, r7: must(ecc.GenerateScalar(rand.Reader)), key: must(ecc.GenerateKEM(r.suite, rand.Reader)), x1: s.Export(), seq: 1}
	m := message.M6{Doctor: r.cred, Certificate: r.cert, R: l.r7.Public(), PKe: l.key.Public(), Consent: consent, Ticket: ticket}
	e.edit(&m)
	tbs := message.TBSD3(s.Header(), h.cred.Hash(), m.Doctor.Hash(), m.R, m.PKe, m.Consent, m.Ticket, must(r.u.pins.Issuer(m.Doctor)).PK)
	m.SigD3 = e.signer(r.sign).Sign(tbs)
	l.m6 = must(s.Seal(m.Encode()))
	return l
}

// connect runs M6 and M7 for a consent and a ticket.
func (r *rogue) connect(h *house, con message.CON, ticket message.Signed) *link {
	r.u.Helper()
	l := r.m6(h, con.Consent.Hash(), message.TicketHash(ticket), edits[message.M6]{})
	l.receive(r.u.mustAsk(h.node, l.m6))
	return l
}

// receive derives SEK_2 (Eq. 44).
func (l *link) receive(m7 message.Message) {
	l.r.u.Helper()
	o := must(message.Open(m7, l.key, l.r.ID()))
	b := must(message.DecodeM7(o.Plaintext))
	th1 := message.Transcript(message.Transcript0(l.r.suite, l.m6.Header.Session), l.m6)
	a := ecc.Agreement{Label: ecc.LabelSEK2, TH: th1, CInitiator: l.r.cred.Hash(), CResponder: l.h.cred.Hash(), RInitiator: l.r7.Public(),
		RResponder: b.R, EncResponder: o.Enc}
	sek := must(a.Initiator(ecc.Secrets{S: l.r.s, R: l.r7, X1: l.x1, X2: o.Export}, must(l.h.cred.ImplicitKey(l.r.u.pins))))
	th2 := message.Transcript(th1, m7)
	l.in, l.out = sek.Channel(ecc.HospitalToDoctor, th2), sek.Channel(ecc.DoctorToHospital, th2)
}

func (l *link) seal(t message.Type, body []byte) message.Message {
	l.seq++
	h := l.r.header(t)
	h.Session, h.Seq, h.To = l.m6.Header.Session, l.seq, message.PeerID(l.h.cred.Hash())
	return must(message.SealSession(l.out, h, body))
}

// authority is what M8 and M11 say of a patient's consent.
func (p *person) authority(con message.CON, ticket message.Signed) message.Authority {
	return message.Authority{PatientID: con.OpenH.Patient, Patient: *p.keys.Credential, Consent: con.Consent, OpenH: con.OpenH,
		SigmaP: con.SigmaP, Assertion: con.Assertion, Ticket: ticket}
}

func (l *link) m8(a message.Authority) message.Message {
	return l.seal(message.TypeM8, message.M8{Authority: a}.Encode())
}

// m11 signs a diagnosis and writes it by hand.
func (l *link) m11(a message.Authority, bundle []byte) message.Message {
	salted := must(message.Salted(rand.Reader, bundle))
	d := message.D5{Patient: a.PatientID, Doctor: l.r.cred.Hash(), Consent: a.Consent.Hash(), Diagnosis: ecc.Sum(salted), Time: l.r.u.clock.millis()}
	return l.seal(message.TypeM11, message.M11{Authority: a, Diagnosis: salted, SigD5: message.Sign(l.r.sign, d.Encode())}.Encode())
}

// m12 indexes an entry by hand.
func (r *rogue) m12(con message.CON, entry message.Entry, e edits[message.M12]) message.Message {
	pre := must(message.DecodePrekey(r.u.cloudPrekey(r.suite).TBS))
	s := must(message.Begin(rand.Reader, pre.Key, r.u.pins.CloudID, e.head(r.header(message.TypeM12))))
	m := message.M12{Doctor: r.cred, Certificate: r.cert, Consent: con.Consent, OpenC: con.OpenC, Entry: entry,
		PKe: must(ecc.GenerateKEM(r.suite, rand.Reader)).Public()}
	m.Authorizer = con.Authorizers[max(0, slices.Index(con.OpenC.Locators, entry.Locator))]
	e.edit(&m)
	m.SigD7 = e.signer(r.sign).Sign(message.TBSD7(s.Header(), m.Doctor.Hash(), m.Entry, m.Consent.Hash(), m.PKe))
	return must(s.Seal(m.Encode()))
}

// resigned lets the patient herself sign a consent that was changed.
func (p *person) resigned(con message.CON, edit func(*message.CON)) message.CON {
	con.Authorizers, con.OpenC.Locators = slices.Clone(con.Authorizers), slices.Clone(con.OpenC.Locators)
	con.OpenH.Grants = slices.Clone(con.OpenH.Grants)
	edit(&con)
	con.Consent.CommitC, con.Consent.CommitH = con.OpenC.Commit(), con.OpenH.Commit()
	con.SigmaP = p.keys.Sign.Sign(message.TBSSigmaP(con.Consent))
	con.Assertion = message.AssertPassphrase(p.uv, p.keys.Epoch, con.Consent)
	con.Authorizers = nil
	for _, l := range con.OpenC.Locators {
		for _, d := range departments {
			if k := must(message.LocatorKey(p.keys.Locator[:], d)); message.Locator(k.Public()) == l {
				con.Authorizers = append(con.Authorizers, message.Authorizer{VK: k.Public(), SigmaL: k.Sign(message.TBSSigmaL(con.Consent))})
			}
		}
	}
	return con
}

// consent is an ordinary one for a doctor, given without a visit.
func (p *person) consent(d *physician, edit func(*patient.Choices)) message.CON {
	p.u.Helper()
	c := p.u.terms()
	if edit != nil {
		edit(&c)
	}
	v := p.u.begun(p, d)
	v.share(c)
	return v.con
}

// clinic is a registered hospital whose keys the test holds.
type clinic struct {
	u    *union
	cred message.Credential
	sign ecc.SigningKey
	s    ecc.Scalar
	pre  ecc.KEMPrivateKey
}

func (u *union) clinic(id message.ID) *clinic {
	u.Helper()
	d := must(hospital.NewDraft(rand.Reader, u.suite, id, "http://127.0.0.1:9"))
	q := must(d.Request(rand.Reader, must(u.cloud.Challenge())))
	reply, err := u.cloud.Register(u.Context(), q.Encode(), true)
	ok(u, err)
	c := &clinic{u: u, sign: d.Sign, pre: must(ecc.GenerateKEM(u.suite, rand.Reader))}
	c.cred, c.s, err = d.Accept(must(message.DecodeRegistrationReply(reply)), u.pins, u.clock.millis())
	ok(u, err)
	now := u.clock.millis()
	p := message.Prekey{Suite: u.suite, Owner: c.cred.Hash(), Key: c.pre.Public(), NotBefore: now.Add(-1e9), NotAfter: now.Add(3600e9)}
	ok(u, u.cloud.PublishPrekey(u.Context(), message.Sign(c.sign, p.Encode()).Encode()))
	return c
}

// entry signs an index entry for a patient's department.
func (c *clinic) entry(p *person, department message.Code) (message.Entry, ecc.VerifyKey) {
	vk := must(message.LocatorKey(p.keys.Locator[:], department)).Public()
	l, id := message.Locator(vk), c.cred.Info.ID
	v := must(message.SealIndex(rand.Reader, message.IndexKey(p.keys.Locator[:], department, id), l, c.cred.Hash(), message.IndexContent{
		Hospital: id, Departments: []message.Code{department}, Classes: []message.Code{"LAB"}}))
	return c.signed(message.Entry{Locator: l, Value: v, Time: c.u.clock.millis(), Hospital: c.cred}, vk), vk
}

func (c *clinic) signed(e message.Entry, vk ecc.VerifyKey) message.Entry {
	e.SigIndex = c.sign.Sign(message.TBSIndex(e.Hospital.Hash(), e.Locator, vk, e.Value, e.Time))
	return e
}

// write makes an index write of an entry.
func (c *clinic) write(e message.Entry, vk ecc.VerifyKey) message.Message {
	pre := must(message.DecodePrekey(c.u.cloudPrekey(c.u.suite).TBS))
	s := must(message.Begin(rand.Reader, pre.Key, c.u.pins.CloudID, must(message.NewHeader(rand.Reader, c.u.suite, message.TypeIndex, [16]byte{}, c.u.clock.millis()))))
	w := message.IndexWrite{Entry: e, VK: vk, PKe: must(ecc.GenerateKEM(c.u.suite, rand.Reader)).Public()}
	w.Signature = c.sign.Sign(message.TBSIndexWrite(s.Header(), c.cred.Hash(), e, w.PKe))
	return must(s.Seal(w.Encode()))
}

// openM4 is what a malicious public cloud can do: it reads its own prekeys.
func (u *union) openM4(m4 message.Message) (message.M4, message.Hash) {
	u.Helper()
	k := u.cloudSecret(m4.Header.To)
	m := must(message.DecodeM4(m4.Header.Suite, must(message.Open(m4, k, u.pins.CloudID)).Plaintext))
	return m, ecc.Sum(m.TBS(m4.Header, u.pins.CloudID))
}

// cloudSecret is the private part of one of the public cloud's prekeys.
func (u *union) cloudSecret(kid message.Hash) ecc.KEMPrivateKey {
	u.Helper()
	for _, p := range must(u.cloud.OwnPrekeys.Own(u.Context(), 0)) {
		aad := ecc.Encode(ecc.LabelAtRest, []byte("own prekey"), []byte{byte(p.Suite)}, binary.BigEndian.AppendUint64(nil, p.Slot))
		k := must(ecc.DecodeKEMPrivateKey(p.Suite, must(ecc.OpenAtRest(u.cloud.AtRest.Opening().Secrets[1], aad, p.Sealed))))
		if k.Public().ID() == kid {
			return k
		}
	}
	u.Fatal("the public cloud has no such prekey")
	return ecc.KEMPrivateKey{}
}

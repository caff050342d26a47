package attack_test

import (
	"crypto/rand"
	"testing"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// TestAttack19_Write: a doctor writes into a record without being allowed to; nothing is
// appended at any hospital.
func TestAttack19_Write(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	other := s.doctor().turn()
	good := s.p.consent(s.r.physician, nil)
	write := func(r *rogue, h *house, con message.CON) message.Message {
		x := &scene{union: s.union, p: s.p, r: r}
		ticket := x.mint(con, message.ModeWrite, nil)
		return r.connect(h, con, ticket).m11(s.p.authority(con, ticket), diagnosis)
	}
	none := s.p.consent(s.r.physician, func(c *patient.Choices) { c.WriteTo = "" })
	bern := s.p.consent(s.r.physician, func(c *patient.Choices) { c.WriteTo = s.bern.id })
	edited := none // write_to added without the patient
	edited.OpenH.WriteTo = s.anna.id
	before := s.p.record(s.anna) + s.p.record(s.bern)
	s.refused("without consent, under another doctor's", s.attempt(s.anna.node, write(other, s.anna, good)))
	s.refused("write_to none", s.attempt(s.anna.node, write(s.r, s.anna, none)))
	s.refused("write_to another hospital", s.attempt(s.anna.node, write(s.r, s.anna, bern)))
	s.refused("write_to added by the doctor", s.attempt(s.anna.node, write(s.r, s.anna, edited)))
	if after := s.p.record(s.anna) + s.p.record(s.bern); after != before {
		t.Error("the patient's own record changed")
	}
	signed := s.wrongD5(good)
	for name, m := range signed {
		s.refused(name, s.attempt(s.anna.node, m))
	}
	s.mustAsk(s.anna.node, write(s.r, s.anna, good))
	s.mustAsk(s.bern.node, write(s.r, s.bern, bern))
	if len(s.p.record(s.anna)+s.p.record(s.bern)) == len(before) {
		t.Error("an allowed diagnosis is not in the record")
	}
}

// wrongD5 are M11s whose Sig_D5 is of another patient, consent, content or signer.
func (s *scene) wrongD5(con message.CON) map[string]message.Message {
	out := map[string]message.Message{}
	for name, change := range map[string]func(*message.D5, *ecc.SigningKey){
		"Sig_D5 for another patient": func(d *message.D5, _ *ecc.SigningKey) { d.Patient = s.patient().keys.ID },
		"Sig_D5 for another consent": func(d *message.D5, _ *ecc.SigningKey) { d.Consent[0]++ },
		"Sig_D5 for another content": func(d *message.D5, _ *ecc.SigningKey) { d.Diagnosis[0]++ },
		"Sig_D5 by another doctor":   func(_ *message.D5, k *ecc.SigningKey) { *k = s.doctor().turn().sign },
	} {
		ticket := s.mint(con, message.ModeWrite, nil)
		a := s.p.authority(con, ticket)
		salted, key := must(message.Salted(rand.Reader, diagnosis)), s.r.sign
		d := message.D5{Patient: a.PatientID, Doctor: s.r.cred.Hash(), Consent: a.Consent.Hash(), Diagnosis: ecc.Sum(salted), Time: s.clock.millis()}
		change(&d, &key)
		body := message.M11{Authority: a, Diagnosis: salted, SigD5: message.Sign(key, d.Encode())}
		out[name] = s.r.connect(s.anna, con, ticket).seal(message.TypeM11, body.Encode())
	}
	return out
}

// TestAttack19_DoctorsOwnClient: an honest client does not even ask.
func TestAttack19_DoctorsOwnClient(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	c := s.terms()
	c.WriteTo = s.bern.id
	v := s.open(s.p, s.r.physician, c)
	q, _ := v.search(message.ModeRead)
	g := must(v.dv.Diagnose(diagnosis))
	x := v.session(q, s.anna)
	s.refused("M11 at a hospital that is not write_to", func() error { _, err := x.M11(g); return err }, anyKind...)
	v.store(v.session(q, s.bern), s.bern, g)
}

// TestAttack20_SecondCredential: a public cloud mints a second credential for an enrolled
// ID_P and gives it, with everything that it can sign, to a dishonest doctor.
func TestAttack20_SecondCredential(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	minted := s.minted(s.p)
	con := minted.consent(s.r.physician, nil)
	ticket := s.mint(con, message.ModeRead, nil)
	s.refused("M8 under the second credential", s.attempt(s.anna.node, s.r.connect(s.anna, con, ticket).m8(minted.authority(con, ticket))))
	hers := minted.authority(con, s.mint(con, message.ModeRead, nil)) // her true credential, the minted one's signatures
	hers.Patient = *s.p.keys.Credential
	s.refused("M8 under her credential, signed by the other", s.attempt(s.anna.node, s.r.connect(s.anna, con, hers.Ticket).m8(hers)))
	write := s.mint(con, message.ModeWrite, nil)
	s.refused("M11 under the second credential", s.attempt(s.anna.node, s.r.connect(s.anna, con, write).m11(minted.authority(con, write), diagnosis)))
	_, ask, err := minted.AskHospital(minted.hospital(s.anna), message.Question{Kind: message.AskRecord})
	ok(t, err)
	s.refused("a question under the second credential", s.attempt(s.anna.node, ask))
	_, enrol, err := minted.Enrol(minted.hospital(s.anna), "AAAA-AAAA-AAAA-AAAA", departments)
	ok(t, err)
	s.refused("an enrolment without a desk code", s.attempt(s.anna.node, enrol))
	own := s.p.consent(s.r.physician, nil)
	ticket = s.mint(own, message.ModeRead, nil)
	_, err = s.send(s.anna.node, s.r.connect(s.anna, own, ticket).m8(s.p.authority(own, ticket)))
	ok(t, err) // the public cloud's own ticket is as good as ever: what failed is the pin
}

// minted is somebody else with the patient's ID_P, made with s and PRK_C.
func (s *scene) minted(p *person) *person {
	q := s.stranger(s.suite, rand.Reader)
	q = q.with(func(i *patient.Identity) { i.ID = p.keys.ID })
	now := s.clock.millis()
	info := message.Info{Suite: s.suite, Role: message.Patient, ID: p.keys.ID, Attribute: q.keys.Attribute.Encode(), Epoch: 2, NotBefore: now.Add(-60e9),
		NotAfter: now.Add(3600e9), Keys: message.PublicKeys{Sign: q.keys.Sign.Public(), KEM: q.keys.KEM.Public()}}
	root := s.cloud.Current().Held[0]
	pk := must(root.Issuer.Issue(rand.Reader, []byte("nothing that was asked"), q.keys.X.Public(), info.Encode()))
	cred := message.Credential{Info: info, R: pk.R, Signature: root.SigningKey.Sign(message.TBSCredential(info, pk.R))}
	key := must(ecc.Accept(*q.keys.X, info.Encode(), pk, s.pins.First.PK))
	return q.with(func(i *patient.Identity) { i.Credential, i.S = &cred, &key })
}

// TestAttack21_EqualCIDAndForeignRevocation: another patient's consent with the same cid,
// and revocations by keys that are not the patient's, have no effect on hers.
func TestAttack21_EqualCIDAndForeignRevocation(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	thief := s.patient()
	thief.enrol(s.anna, lab("t", 10))
	hers := s.p.consent(s.r.physician, func(c *patient.Choices) { c.MaxUses = 2 })
	theirs := thief.resigned(thief.consent(s.r.physician, nil), func(c *message.CON) { c.Consent.CID, c.Consent.MaxUses = hers.Consent.CID, 1 })
	s.r.ticket(theirs, message.ModeRead) // theirs is spent
	s.refused("a second search under theirs", s.attempt(s.pc(), s.searches(theirs)))
	for _, c := range []message.Hash{theirs.Consent.Hash(), hers.Consent.Hash()} {
		q := message.Question{Kind: message.AskRevoke, Consent: c}
		thief.asksCloud(q) // under a foreign sk_L
		thief.asks(s.anna, q)
	}
	if n := thief.uses(hers.Consent.Hash()); n != 0 {
		t.Errorf("a foreign locator sees %d uses of her consent", n)
	}
	works := func() error { _, err := s.send(s.anna.node, s.asksM8(hers)); return err }
	ok(t, works())
	s.mustAsk(s.pc(), s.searches(hers))
	_, ask, err := s.stolenName(thief).AskHospital(s.p.hospital(s.anna), message.Question{Kind: message.AskRevoke, Consent: hers.Consent.Hash()})
	ok(t, err)
	s.refused("a revocation in her name under a foreign PRK_P", s.attempt(s.anna.node, ask))
	s.mustAsk(s.pc(), s.searches(hers))
	ok(t, works())
	q := message.Question{Kind: message.AskRevoke, Consent: hers.Consent.Hash()}
	s.p.asks(s.anna, q) // her own revocation works
	s.refused("M8 after her own revocation", s.attempt(s.anna.node, s.asksM8(hers)))
}

// stolenName is the patient's credential with somebody else's signing key.
func (s *scene) stolenName(thief *person) *person {
	return s.p.with(func(i *patient.Identity) { i.Sign = thief.keys.Sign })
}

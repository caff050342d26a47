package doctor

import (
	"context"
	"sync"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Visit is one consultation: a patient's M1 and what follows. It is safe for
// concurrent use. It prints as "[redacted]".
type Visit struct {
	redacted
	d       *Doctor
	self    *registered
	session [16]byte           // sid
	patient message.Credential // Cred_P
	cP      message.Hash
	th2     message.Hash
	expires message.Millis // of SEK_1

	mu       sync.Mutex
	phase    phase
	in, out  ecc.Channel // P>D, D>P
	inSeq    *ecc.Sequence
	outSeq   *ecc.Sequence
	msd      []byte // salted M_SD
	con      message.CON
	consent  message.Hash   // H(Consent)
	emr      []message.Hash // H(M_EMR)*, in the order received
	done     *Diagnosis
	evidence Evidence
}

// phase is how far a visit has come.
type phase uint8

const (
	answered phase = iota // M2 is made, M3 is awaited
	open                  // M3 is verified
	closed                // nothing more can be done
)

// AnswerM1 verifies a patient's request and answers it (Eq. 14-19): it returns the
// visit and M2. The same M1 is answered once, however often it comes; one from
// more than 15 minutes ago, or from the future, is Stale.
func (d *Doctor) AnswerM1(ctx context.Context, m1 message.Message) (*Visit, message.Message, error) {
	self, err := d.active()
	if err != nil {
		return nil, message.Message{}, err
	}
	h := m1.Header
	if h.Type != message.TypeM1 || h.Seq != 1 || h.Suite != self.suite {
		return nil, message.Message{}, problem.Refused(errHeader)
	}
	if err := d.freshM1(h.Time); err != nil {
		return nil, message.Message{}, err
	}
	body, opened, err := d.openM1(self, m1)
	if err != nil {
		return nil, message.Message{}, err
	}
	pk, err := d.verifyM1(self, h, body)
	if err != nil {
		return nil, message.Message{}, err
	}
	id := message.WindowID(self.id, body.Patient.Hash(), h)
	if err := d.cfg.Seen.Accept(ctx, id, h.Time.Add(MaxM1Age).Time()); err != nil {
		return nil, message.Message{}, problem.From(err)
	}
	return d.answer(self, m1, body, opened, pk)
}

// freshM1: the doctor may be busy, so M1 waits longer than a message to a server.
func (d *Doctor) freshM1(t message.Millis) error {
	now := d.now()
	if now > t.Add(MaxM1Age) || t > now.Add(future) {
		return problem.Stale(now.Time())
	}
	return nil
}

func (d *Doctor) openM1(self *registered, m1 message.Message) (message.M1, ecc.Opened, error) {
	key, err := d.prekeyFor(m1.Header.To)
	if err != nil {
		return message.M1{}, ecc.Opened{}, err
	}
	opened, err := message.Open(m1, key, self.id) // Eq. 14
	if err != nil {
		return message.M1{}, ecc.Opened{}, problem.Refused(err)
	}
	body, err := message.DecodeM1(self.suite, opened.Plaintext)
	if err != nil {
		return message.M1{}, ecc.Opened{}, malformed(message.TypeM1, err)
	}
	return body, opened, nil
}

// verifyM1 returns the PK of the exchange: that of the root which issued Cred_P.
func (d *Doctor) verifyM1(self *registered, h message.Header, m message.M1) (ecc.Point, error) {
	root, err := d.knownPatient(self, m.Patient)
	if err != nil {
		return ecc.Point{}, problem.Refused(err)
	}
	tbs := message.TBSP1(h, m.Patient.Hash(), self.c, m.R, m.PKe, root.PK)
	if err := m.Patient.Info.Keys.Sign.Verify(tbs, m.SigP1); err != nil { // Eq. 15
		return ecc.Point{}, problem.Refused(err)
	}
	return root.PK, d.unrevoked(m.Patient.Hash())
}

// knownPatient checks Cred_P and returns the root that issued it.
func (d *Doctor) knownPatient(self *registered, c message.Credential) (message.Root, error) {
	pins := d.pins()
	if err := c.Verify(pins, message.Patient, d.now()); err != nil {
		return message.Root{}, err
	}
	if c.Info.Suite != self.suite {
		return message.Root{}, errSuite
	}
	if _, err := message.DecodePatientAttribute(c.Info.Attribute); err != nil {
		return message.Root{}, err
	}
	return pins.Issuer(c)
}

// answer makes R_D2, SEK_1 and M2 (Eq. 16-19). pk is the PK of the exchange.
func (d *Doctor) answer(self *registered, m1 message.Message, m message.M1, opened ecc.Opened, pk ecc.Point) (*Visit, message.Message, error) {
	r6, err := ecc.GenerateScalar(d.cfg.Rand)
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	h, err := message.NewHeader(d.cfg.Rand, self.suite, message.TypeM2, m1.Header.Session, d.stamp())
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	sealing, err := message.Begin(d.cfg.Rand, m.PKe, m.Patient.Info.ID, h)
	if err != nil {
		return nil, message.Message{}, problem.Refused(err)
	}
	th1 := message.Transcript(message.Transcript0(self.suite, h.Session), m1)
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: m.Patient.Hash(), CResponder: self.c,
		RInitiator: m.R, RResponder: r6.Public(), EncResponder: sealing.Enc()} // R_D2 = r6 P, Eq. 16
	sek, err := d.sek1(self, a, m.Patient, ecc.Secrets{S: self.s, R: r6, X1: opened.Export, X2: sealing.Export()})
	if err != nil {
		return nil, message.Message{}, err
	}
	tbs := message.TBSD1(sealing.Header(), th1, a.CInitiator, self.c, m.R, a.RResponder, self.certificate, pk)
	body := message.M2{Doctor: self.credential, Certificate: self.certificate, R: a.RResponder,
		Confirm: sek.Confirm(string(message.Doctor), tbs), SigD1: self.sign.Sign(tbs)} // Eq. 19
	m2, err := sealing.Seal(body.Encode()) // Eq. 18
	if err != nil {
		return nil, message.Message{}, problem.Internal(err)
	}
	v := d.newVisit(self, m.Patient, sek, h.Session, message.Transcript(th1, m2))
	v.evidence.add("Sig_P1", a.CInitiator, message.TBSP1(m1.Header, a.CInitiator, self.c, m.R, m.PKe, pk), m.SigP1)
	v.evidence.add("Sig_D1", self.c, tbs, body.SigD1)
	return v, m2, nil
}

// sek1 is SEK_1 on the doctor's side (Eq. 17).
func (d *Doctor) sek1(self *registered, a ecc.Agreement, patient message.Credential, s ecc.Secrets) (ecc.SessionKey, error) {
	aP, err := patient.ImplicitKey(d.pins()) // A_P, left side of Eq. 4
	if err != nil {
		return ecc.SessionKey{}, problem.Refused(err)
	}
	sek, err := a.Responder(s, aP) // Eq. 17
	if err != nil {
		return ecc.SessionKey{}, problem.Refused(err)
	}
	return sek, nil
}

func (d *Doctor) newVisit(self *registered, patient message.Credential, sek ecc.SessionKey, session [16]byte, th2 message.Hash) *Visit {
	return &Visit{d: d, self: self, session: session, patient: patient, cP: patient.Hash(), th2: th2,
		expires: d.now().Add(SessionLife),
		in:      sek.Channel(ecc.PatientToDoctor, th2), inSeq: ecc.NewSequence(1), // M1 was number 1
		out: sek.Channel(ecc.DoctorToPatient, th2), outSeq: ecc.NewSequence(1), // M2 was number 1
		evidence: Evidence{Doctor: self.credential, Certificate: self.certificate, Patient: patient}}
}

// ReceiveM3 opens what the patient sends under SEK_1 (Eq. 24) and verifies the
// consent and Sig_P2. Any failure closes the visit.
func (v *Visit) ReceiveM3(m3 message.Message) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phase != answered {
		return order("M3 is not awaited")
	}
	body, err := v.openM3(m3)
	if err == nil {
		err = v.verifyM3(m3.Header, body)
	}
	if err != nil {
		v.close()
		return err
	}
	v.phase = open
	v.msd, v.con, v.consent = body.MSD, body.CON, body.CON.Consent.Hash()
	v.keepM3(m3.Header, body)
	return nil
}

func (v *Visit) openM3(m message.Message) (message.M3, error) {
	h := m.Header
	if h.Type != message.TypeM3 || h.Session != v.session || h.Suite != v.self.suite || h.To != message.PeerID(v.self.c) {
		return message.M3{}, problem.Refused(errHeader)
	}
	if v.d.now() >= v.expires {
		return message.M3{}, problem.Refused(errLifetime)
	}
	if err := v.inSeq.Accept(h.Seq); err != nil {
		return message.M3{}, problem.Refused(err)
	}
	b, err := message.OpenSession(v.in, m) // Eq. 24
	if err != nil {
		return message.M3{}, problem.Refused(err)
	}
	body, err := message.DecodeM3(b)
	if err != nil {
		return message.M3{}, malformed(message.TypeM3, err)
	}
	return body, nil
}

func (v *Visit) verifyM3(h message.Header, m message.M3) error {
	if m.Patient != v.patient.Info.ID {
		return problem.Refused(errPeer)
	}
	if err := m.CON.Verify(v.patient, v.self.c, v.self.departments, v.d.now()); err != nil {
		return problem.Refused(err)
	}
	tbs := message.TBSP2(h, v.th2, v.cP, v.self.c, m.MSD, m.CON.Consent.Hash())
	if err := v.patient.Info.Keys.Sign.Verify(tbs, m.SigP2); err != nil {
		return problem.Refused(err)
	}
	return nil
}

func (v *Visit) keepM3(h message.Header, m message.M3) {
	v.evidence.add("Sig_P2", v.cP, message.TBSP2(h, v.th2, v.cP, v.self.c, m.MSD, v.consent), m.SigP2)
	v.evidence.Consent = m.CON
	v.evidence.Consent.IndexKeys = nil // kv* open index values: they prove nothing and stay secret
	v.evidence.Contents = append(v.evidence.Contents, m.MSD)
}

package patient

import (
	"bytes"
	"errors"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// sessionLife is how long SEK_1 may be used.
const sessionLife = 30 * time.Minute

// state is where a visit stands.
type state int

const (
	awaitM2 state = iota + 1
	awaitChoices
	awaitM10
	finished
	closed
)

// Visit is one consultation with one doctor, from M1 to M10. It holds the keys of
// its session and is never stored.
type Visit struct {
	p       *Patient
	doctor  Doctor
	state   state
	started time.Time
	pk      ecc.Point // of the root that issued Cred_P

	session [16]byte
	r5      ecc.Scalar
	key     ecc.KEMPrivateKey // sk_e
	x1      []byte
	rP      ecc.Point
	tbsP1   []byte
	th      message.Hash

	toDoctor, fromDoctor ecc.Channel
	con                  message.CON
	msd                  message.Hash
	evidence             Evidence
}

// Evidence is what the patient keeps of a visit: statements and signatures that a
// third party can verify.
type Evidence struct {
	TBSP1, TBSD1, TBSP2 []byte
	SigD1               []byte
	Doctor              message.Credential
	Certificate         []byte
}

// Begin makes M1 to a verified doctor (Eq. 11-13).
func (p *Patient) Begin(d Doctor) (*Visit, message.Message, error) {
	cred, err := p.credential()
	if err != nil {
		return nil, message.Message{}, err
	}
	root, err := p.pins().Issuer(cred) // hers: she is the initiator
	if err != nil {
		return nil, message.Message{}, err
	}
	v := &Visit{p: p, doctor: d, started: p.cfg.Now(), pk: root.PK}
	if v.r5, err = ecc.GenerateScalar(p.cfg.Rand); err != nil {
		return nil, message.Message{}, err
	}
	if v.key, err = p.oneTimeKey(); err != nil {
		return nil, message.Message{}, err
	}
	hdr, err := p.header(message.TypeM1)
	if err != nil {
		return nil, message.Message{}, err
	}
	s, err := message.Begin(p.cfg.Rand, d.prekey, d.Credential.Info.ID, hdr)
	if err != nil {
		return nil, message.Message{}, err
	}
	return v.sealM1(s, cred)
}

func (v *Visit) sealM1(s *message.Sealing, cred message.Credential) (*Visit, message.Message, error) {
	v.session, v.x1 = s.Header().Session, s.Export()
	v.rP = v.r5.Public()                                                                        // Eq. 11
	v.tbsP1 = message.TBSP1(s.Header(), cred.Hash(), v.doctor.Hash, v.rP, v.key.Public(), v.pk) // Eq. 13
	body := message.M1{Patient: cred, R: v.rP, PKe: v.key.Public(), SigP1: v.p.keys.Sign.Sign(v.tbsP1)}
	m, err := s.Seal(body.Encode()) // Eq. 12
	if err != nil {
		return nil, message.Message{}, err
	}
	v.th = message.Transcript(message.Transcript0(v.p.keys.Suite, v.session), m)
	v.state = awaitM2
	return v, m, nil
}

// Session is sid, the patient's capability for her mailbox at the portal.
func (v *Visit) Session() [16]byte { return v.session }

// Doctor is whom the visit is with.
func (v *Visit) Doctor() Doctor { return v.doctor }

// ReceiveM2 opens the doctor's answer and derives SEK_1 (Eq. 20-22). A message that
// does not hold closes the visit.
func (v *Visit) ReceiveM2(m message.Message) error {
	if v.state != awaitM2 {
		return ErrOrder
	}
	v.state = closed
	if m.Header.Type != message.TypeM2 || m.Header.Session != v.session || m.Header.Seq != 1 {
		return refuse(errors.New("M2: of another exchange"))
	}
	o, err := message.Open(m, v.key, v.p.keys.ID) // Eq. 20
	if err != nil {
		return refuse(err)
	}
	b, err := message.DecodeM2(o.Plaintext)
	if err != nil {
		return refuse(err)
	}
	if err := v.checkM2(m, b); err != nil {
		return refuse(err)
	}
	if err := v.agree(m, b, o); err != nil {
		return refuse(err)
	}
	v.state = awaitChoices
	return nil
}

// checkM2 checks that the doctor is the one meant and Sig_D1 (Eq. 21). Cred_D and
// Cert_D were verified with the card; here they must be the same bytes.
func (v *Visit) checkM2(m message.Message, b message.M2) error {
	if b.Doctor.Hash() != v.doctor.Hash || !bytes.Equal(b.Certificate, v.doctor.rawCert) {
		return errors.New("M2: another doctor")
	}
	tbs := v.tbsD1(m.Header, b)
	v.evidence = Evidence{TBSP1: v.tbsP1, TBSD1: tbs, SigD1: b.SigD1, Doctor: b.Doctor, Certificate: b.Certificate}
	return v.doctor.Credential.Info.Keys.Sign.Verify(tbs, b.SigD1)
}

func (v *Visit) tbsD1(h message.Header, b message.M2) []byte {
	return message.TBSD1(h, v.th, v.p.keys.Credential.Hash(), v.doctor.Hash, v.rP, b.R, b.Certificate, v.pk)
}

// agree computes SEK_1 = the doctor's, confirmed by kc_D (Eq. 22), and erases what
// made it.
func (v *Visit) agree(m message.Message, b message.M2, o ecc.Opened) error {
	aD, err := v.doctor.Credential.ImplicitKey(v.p.pins()) // A_D = R_D1 + e_D PK
	if err != nil {
		return err
	}
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: v.th, CInitiator: v.p.keys.Credential.Hash(), CResponder: v.doctor.Hash,
		RInitiator: v.rP, RResponder: b.R, EncResponder: o.Enc}
	sek, err := a.Initiator(ecc.Secrets{S: *v.p.keys.S, R: v.r5, X1: v.x1, X2: o.Export}, aD) // Eq. 22
	if err != nil {
		return err
	}
	if err := sek.VerifyConfirm(string(message.Doctor), v.tbsD1(m.Header, b), b.Confirm[:]); err != nil {
		return err
	}
	v.th = message.Transcript(v.th, m)
	v.toDoctor, v.fromDoctor = sek.Channel(ecc.PatientToDoctor, v.th), sek.Channel(ecc.DoctorToPatient, v.th)
	v.r5, v.key, v.x1 = ecc.Scalar{}, ecc.KEMPrivateKey{}, nil
	return nil
}

// Share gives a consent approved by the key of a passphrase, which was unlocked for
// this one, and makes M3: Prepare, Approve and ShareApproved in one step.
func (v *Visit) Share(c Choices, uv ecc.SigningKey) (Given, message.Message, error) {
	if v.state != awaitChoices || v.expired() {
		return Given{}, message.Message{}, ErrOrder
	}
	draft, err := v.p.Prepare(v.doctor, c)
	if err != nil {
		return Given{}, message.Message{}, err
	}
	approved, err := draft.Approve(message.AssertPassphrase(uv, draft.Epoch(), draft.Consent()))
	if err != nil {
		return Given{}, message.Message{}, err
	}
	return v.ShareApproved(approved)
}

// ShareApproved makes M3 with an approved consent (Eq. 23). It is for this doctor, not
// expired meanwhile, and shared once.
func (v *Visit) ShareApproved(a *Approved) (Given, message.Message, error) {
	if v.state != awaitChoices || v.expired() || a.shared {
		return Given{}, message.Message{}, ErrOrder
	}
	if a.doctor.Hash != v.doctor.Hash || v.p.now() >= a.con.Consent.Expires {
		return Given{}, message.Message{}, refuse(errors.New("consent: for another doctor, or over"))
	}
	msd, err := message.Salted(v.p.cfg.Rand, a.msd)
	if err != nil {
		return Given{}, message.Message{}, err
	}
	m, err := v.sealM3(a.con, msd)
	if err != nil {
		return Given{}, message.Message{}, err
	}
	v.con, v.msd, v.state, a.shared = a.con, ecc.Sum(msd), awaitM10, true
	return Given{CON: a.con, Doctor: v.doctor.Credential, Name: v.doctor.Certificate.Name}, m, nil
}

func (v *Visit) sealM3(con message.CON, msd []byte) (message.Message, error) {
	hdr, err := message.NewHeader(v.p.cfg.Rand, v.p.keys.Suite, message.TypeM3, v.session, v.p.stamp())
	if err != nil {
		return message.Message{}, err
	}
	hdr.Seq, hdr.To = 2, message.PeerID(v.doctor.Hash)
	v.evidence.TBSP2 = message.TBSP2(hdr, v.th, v.p.keys.Credential.Hash(), v.doctor.Hash, msd, con.Consent.Hash())
	body := message.M3{MSD: msd, Patient: v.p.keys.ID, CON: con, SigP2: v.p.keys.Sign.Sign(v.evidence.TBSP2)}.Encode()
	m, err := message.SealSession(v.toDoctor, hdr, body) // Eq. 23
	if err == nil && len(m.Encode()) > message.TypeM3.Limit() {
		return message.Message{}, problem.TooLarge()
	}
	return m, err
}

func (v *Visit) expired() bool { return v.p.cfg.Now().Sub(v.started) > sessionLife }

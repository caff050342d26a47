package peers

import (
	"crypto/rand"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// Doctor is an honest doctor in one visit; tests edit its fields between steps.
type Doctor struct {
	Party
	Certificate []byte

	R6        ecc.Scalar
	Patient   message.Credential
	session   [16]byte
	th2       message.Hash
	in, out   ecc.Channel
	M3        message.M3
	EditBody2 func([]byte) []byte // changes M2's plaintext before it is sealed
}

// NewDoctor is certified for GENERAL and SURGERY, and affiliated with AnnaID.
func (w *World) NewDoctor(id message.ID) *Doctor {
	cert := []byte("certificate." + string(id) + ".signature")
	d := &Doctor{Certificate: cert}
	d.Party = w.party(message.Doctor, id, func(k message.PublicKeys) []byte {
		w.certs[string(cert)] = message.DoctorCertificate{Licence: "L-1", Name: string(id), Departments: []string{"GENERAL", "SURGERY"},
			Affiliation: string(AnnaID), Suite: w.Suite, SigningKey: k.Sign, KEMKey: k.KEM,
			NotBefore: w.Now.Add(-time.Hour), Expires: w.Now.Add(365 * 24 * time.Hour)}
		h := ecc.Sum(cert)
		return h[:]
	})
	return d
}

// Card is what a portal hands out.
func (d *Doctor) Card() patient.Card {
	return patient.Card{Credential: d.Cred, Certificate: d.Certificate, Prekey: d.Prekey()}
}

// M2 verifies M1 (Eq. 14, 15) and answers it (Eq. 16-19). An M1 that does not hold
// is an error.
func (d *Doctor) M2(m1 message.Message) (message.Message, error) {
	o, err := message.Open(m1, d.Pre, d.Cred.Info.ID) // Eq. 14
	if err != nil {
		return message.Message{}, err
	}
	b, err := message.DecodeM1(d.W.Suite, o.Plaintext)
	if err != nil {
		return message.Message{}, err
	}
	tbs := message.TBSP1(m1.Header, b.Patient.Hash(), d.C, b.R, b.PKe, d.W.Pins.First.PK)
	if err := b.Patient.Info.Keys.Sign.Verify(tbs, b.SigP1); err != nil { // Eq. 15
		return message.Message{}, err
	}
	d.Patient, d.session, d.R6 = b.Patient, m1.Header.Session, Must(ecc.GenerateScalar(rand.Reader))
	return d.answer(m1, b, o.Export)
}

func (d *Doctor) answer(m1 message.Message, b message.M1, x1 []byte) (message.Message, error) {
	th1 := message.Transcript(message.Transcript0(d.W.Suite, d.session), m1)
	h := Must(message.NewHeader(rand.Reader, d.W.Suite, message.TypeM2, d.session, d.W.Millis()))
	s := Must(message.Begin(rand.Reader, b.PKe, b.Patient.Info.ID, h))
	a := ecc.Agreement{Label: ecc.LabelSEK1, TH: th1, CInitiator: b.Patient.Hash(), CResponder: d.C, RInitiator: b.R,
		RResponder: d.R6.Public(), EncResponder: s.Enc()}
	sek := Must(a.Responder(ecc.Secrets{S: d.S, R: d.R6, X1: x1, X2: s.Export()}, Must(b.Patient.ImplicitKey(d.W.Pins)))) // Eq. 17
	tbs := message.TBSD1(s.Header(), th1, b.Patient.Hash(), d.C, b.R, d.R6.Public(), d.Certificate, d.W.Pins.First.PK)
	body := message.M2{Doctor: d.Cred, Certificate: d.Certificate, R: d.R6.Public(), Confirm: sek.Confirm(string(message.Doctor), tbs), SigD1: d.Sign.Sign(tbs)}.Encode()
	if d.EditBody2 != nil {
		body = d.EditBody2(body)
	}
	m2 := Must(s.Seal(body))
	d.th2 = message.Transcript(th1, m2)
	d.in, d.out = sek.Channel(ecc.PatientToDoctor, d.th2), sek.Channel(ecc.DoctorToPatient, d.th2)
	return m2, nil
}

// ReceiveM3 verifies all of M3 (Eq. 24) and keeps it.
func (d *Doctor) ReceiveM3(m3 message.Message) error {
	b, err := message.OpenSession(d.in, m3)
	if err != nil {
		return err
	}
	if d.M3, err = message.DecodeM3(b); err != nil {
		return err
	}
	if err := d.M3.CON.Verify(d.Patient, d.C, []string{"GENERAL", "SURGERY"}, d.W.Millis()); err != nil {
		return err
	}
	tbs := message.TBSP2(m3.Header, d.th2, d.Patient.Hash(), d.C, d.M3.MSD, d.M3.CON.Consent.Hash())
	return d.Patient.Info.Keys.Sign.Verify(tbs, d.M3.SigP2)
}

// D5 is the statement of a diagnosis with this content; edit changes it before it
// is signed.
func (d *Doctor) D5(content string, edit func(*message.D5)) (salted []byte, sig message.Signed) {
	salted = Must(message.Salted(rand.Reader, []byte(content)))
	s := message.D5{Patient: d.Patient.Info.ID, Doctor: d.C, Consent: d.M3.CON.Consent.Hash(), MSD: ecc.Sum(d.M3.MSD),
		Diagnosis: ecc.Sum(salted), Time: d.W.Millis()}
	if edit != nil {
		edit(&s)
	}
	return salted, message.Sign(d.Sign, s.Encode())
}

// M10 sends a diagnosis (Eq. 49).
func (d *Doctor) M10(content string, edit func(*message.D5)) message.Message {
	salted, sig := d.D5(content, edit)
	h := Must(message.NewHeader(rand.Reader, d.W.Suite, message.TypeM10, d.session, d.W.Millis()))
	h.Seq, h.To = 2, message.PeerID(d.Patient.Hash())
	return Must(message.SealSession(d.out, h, message.M10{Diagnosis: salted, SigD5: sig}.Encode()))
}

// Reflect sends bytes of the patient's direction back to her, as M10.
func (d *Doctor) Reflect(m3 message.Message) message.Message {
	m3.Header.Type, m3.Header.To = message.TypeM10, message.PeerID(d.Patient.Hash())
	return m3
}

// Written is the diagnosis as a record holds it.
func (d *Doctor) Written(record uint64, salted []byte, sig message.Signed) message.WrittenDiagnosis {
	return message.WrittenDiagnosis{Record: record, Time: d.W.Millis(), Doctor: d.Cred, Certificate: d.Certificate,
		Consent: d.M3.CON.Consent.Hash(), Diagnosis: salted, SigD5: sig}
}

package patient

import (
	"errors"

	"medunion/api/message"
)

// Diagnosis is what the doctor signed, verified.
type Diagnosis struct {
	Doctor      message.Credential
	Certificate message.DoctorCertificate
	Consent     message.Hash
	Content     []byte // FHIR Bundle
	Time        message.Millis
	Record      uint64 // number in the hospital's record, 0 if it came from the doctor directly
	Salted      []byte // as hashed in Sig_D5
	SigD5       message.Signed
}

// ReceiveM10 opens the diagnosis (Eq. 50) and verifies Sig_D5: by this doctor, for
// this patient, under this consent, about the signals that she sent.
func (v *Visit) ReceiveM10(m message.Message) (Diagnosis, error) {
	if v.state != awaitM10 || v.expired() {
		return Diagnosis{}, ErrOrder
	}
	v.state = closed
	if m.Header.Type != message.TypeM10 || m.Header.Session != v.session || m.Header.Seq != 2 ||
		m.Header.To != message.PeerID(v.p.keys.Credential.Hash()) {
		return Diagnosis{}, refuse(errors.New("M10: not the next message of this visit"))
	}
	body, err := message.OpenSession(v.fromDoctor, m) // Eq. 50
	if err != nil {
		return Diagnosis{}, refuse(err)
	}
	b, err := message.DecodeM10(body)
	if err != nil {
		return Diagnosis{}, refuse(err)
	}
	d, err := v.p.openDiagnosis(v.doctor.Credential, v.con.Consent.Hash(), b.Diagnosis, b.SigD5)
	if err != nil {
		return Diagnosis{}, err
	}
	if d5, _ := message.DecodeD5(b.SigD5.TBS); d5.MSD != v.msd {
		return Diagnosis{}, refuse(errors.New("M10: about other signals"))
	}
	d.Certificate, v.state = v.doctor.Certificate, finished
	return d, nil
}

// openDiagnosis verifies Sig_D5 and takes the content out of its salt.
func (p *Patient) openDiagnosis(doctor message.Credential, consent message.Hash, salted []byte, sig message.Signed) (Diagnosis, error) {
	d5, err := message.OpenD5(sig, doctor, p.keys.ID, consent, salted)
	if err != nil {
		return Diagnosis{}, refuse(err)
	}
	content, err := message.Unsalted(salted)
	if err != nil {
		return Diagnosis{}, refuse(err)
	}
	return Diagnosis{Doctor: doctor, Consent: consent, Content: content, Time: d5.Time, Salted: salted, SigD5: sig}, nil
}

// Evidence returns the statements of the visit so far.
func (v *Visit) Evidence() Evidence { return v.evidence }

// OpenWritten verifies a diagnosis that a hospital's record holds: Cred_D, Cert_D as
// they were at its time, and Sig_D5.
func (p *Patient) OpenWritten(w message.WrittenDiagnosis) (Diagnosis, error) {
	cert, err := message.VerifyDoctor(p.pins(), p.cfg.VerifyCertificate, w.Doctor, w.Certificate, w.Time)
	if err != nil {
		return Diagnosis{}, refuse(err)
	}
	d, err := p.openDiagnosis(w.Doctor, w.Consent, w.Diagnosis, w.SigD5)
	if err != nil {
		return Diagnosis{}, err
	}
	d.Certificate, d.Record = cert, w.Record
	return d, nil
}

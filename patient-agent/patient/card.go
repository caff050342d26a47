package patient

import (
	"errors"

	"medunion/api/message"
	"medunion/ecc"
)

// Card is what the portal hands out about a doctor: nothing of it is trusted until
// VerifyCard has checked it.
type Card struct {
	Credential  message.Credential // Cred_D
	Certificate []byte             // Cert_D
	Prekey      message.Signed
}

// Doctor is a verified card.
type Doctor struct {
	Hash        message.Hash // c_D, as in the QR code
	Credential  message.Credential
	Certificate message.DoctorCertificate
	rawCert     []byte
	prekey      ecc.KEMPublicKey
}

// VerifyCard checks that the card is of the doctor meant (c_D from the QR code),
// Cred_D, Cert_D, the prekey's signature and that nothing is revoked.
func (p *Patient) VerifyCard(meant message.Hash, card Card, revoked message.Revocations) (Doctor, error) {
	if card.Credential.Hash() != meant {
		return Doctor{}, refuse(errors.New("card: of another doctor"))
	}
	if revoked.Contains(meant) {
		return Doctor{}, refuse(errors.New("card: credential revoked"))
	}
	cert, err := message.VerifyDoctor(p.pins(), p.cfg.VerifyCertificate, card.Credential, card.Certificate, p.now())
	if err != nil {
		return Doctor{}, refuse(err)
	}
	pre, err := message.OpenPrekey(card.Prekey, meant, p.keys.Suite, card.Credential.Info.Keys.Sign, p.now())
	if err != nil {
		return Doctor{}, refuse(err)
	}
	if card.Credential.Info.Suite != p.keys.Suite {
		return Doctor{}, refuse(errors.New("card: another suite"))
	}
	return Doctor{Hash: meant, Credential: card.Credential, Certificate: cert, rawCert: card.Certificate, prekey: pre.Key}, nil
}

// RawCertificate is Cert_D as the medical authority signed it.
func (d Doctor) RawCertificate() []byte { return d.rawCert }

// Hospital is a verified entry of the signed directory with its current prekey.
type Hospital struct {
	Hash       message.Hash // c_HPC
	Credential message.Credential
	prekey     ecc.KEMPublicKey
}

// ID is ID_HPC.
func (h Hospital) ID() message.ID { return h.Credential.Info.ID }

// VerifyHospital checks a hospital's credential and signed prekey.
func (p *Patient) VerifyHospital(cred message.Credential, prekey message.Signed, revoked message.Revocations) (Hospital, error) {
	c := cred.Hash()
	if revoked.Contains(c) {
		return Hospital{}, refuse(errors.New("hospital: credential revoked"))
	}
	if err := cred.Verify(p.pins(), message.Hospital, p.now()); err != nil {
		return Hospital{}, refuse(err)
	}
	if cred.Info.Suite != p.keys.Suite {
		return Hospital{}, refuse(errors.New("hospital: another suite"))
	}
	pre, err := message.OpenPrekey(prekey, c, p.keys.Suite, cred.Info.Keys.Sign, p.now())
	if err != nil {
		return Hospital{}, refuse(err)
	}
	return Hospital{Hash: c, Credential: cred, prekey: pre.Key}, nil
}

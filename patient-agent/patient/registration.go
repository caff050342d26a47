package patient

import (
	"bytes"
	"errors"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// RequestRegistration makes M0: Req with the challenge nonce_PC (56 bytes), the
// proof of possession of x_P, S_PRK_P(Req) and the single-use code.
func (p *Patient) RequestRegistration(challenge []byte, code string) (message.RegistrationRequest, error) {
	if p.keys.X == nil || p.Registered() {
		return message.RegistrationRequest{}, ErrOrder
	}
	return p.request(challenge, func(message.Registration) ([]byte, error) { return []byte(code), nil })
}

// request makes M0 with what admits it.
func (p *Patient) request(challenge []byte, admission func(message.Registration) ([]byte, error)) (message.RegistrationRequest, error) {
	if len(challenge) != message.ChallengeSize {
		return message.RegistrationRequest{}, problem.Invalid("The challenge has the wrong size.")
	}
	req := message.Registration{Suite: p.keys.Suite, Role: message.Patient, ID: p.keys.ID, X: p.keys.X.Public(),
		Keys: p.keys.publicKeys(), Attribute: p.keys.Attribute.Encode(), Challenge: challenge}
	proof, err := ecc.ProvePossession(p.cfg.Rand, *p.keys.X, ecc.Sum(req.Encode()))
	if err != nil {
		return message.RegistrationRequest{}, err
	}
	q := message.RegistrationRequest{Registration: req, Possession: proof, Signature: p.keys.Sign.Sign(req.Encode())}
	q.Admission, err = admission(req)
	return q, err
}

// AcceptRegistration checks the public cloud's reply and keeps S_P. The credential
// must say what was asked for and nothing else.
func (p *Patient) AcceptRegistration(reply message.RegistrationReply) error {
	if p.keys.X == nil || p.Registered() {
		return ErrOrder
	}
	s, err := p.accept(reply)
	if err != nil {
		return err
	}
	p.keys.S, p.keys.Credential, p.keys.X = &s, &reply.Credential, nil
	return nil
}

// accept checks a reply against what was asked for, and returns S_P.
func (p *Patient) accept(reply message.RegistrationReply) (ecc.Scalar, error) {
	info := reply.Credential.Info
	if info.ID != p.keys.ID || info.Suite != p.keys.Suite || !bytes.Equal(info.Attribute, p.keys.Attribute.Encode()) ||
		!bytes.Equal(info.Keys.Encode(), p.keys.publicKeys().Encode()) {
		return ecc.Scalar{}, refuse(errors.New("registration: the credential is not what was asked for"))
	}
	root, err := reply.Credential.VerifyIssued(p.pins(), message.Patient, p.now())
	if err != nil {
		return ecc.Scalar{}, refuse(err)
	}
	// S_P = d_P + x_P, and S_P P =? R_P1 + e_P PK (Eq. 4)
	s, err := ecc.Accept(*p.keys.X, info.Encode(), ecc.PartialKey{R: reply.Credential.R, D: reply.D}, root.PK)
	if err != nil {
		return ecc.Scalar{}, refuse(err)
	}
	return s, nil
}

package peers

import (
	"crypto/rand"

	"medunion/api/message"
	"medunion/ecc"
)

// Next is the party with a fresh x_X, before it has renewed its credential: all else is the same.
func (p *Party) Next() *Party {
	n := *p
	n.X, n.Credential, n.S = Must(ecc.GenerateScalar(rand.Reader)), message.Credential{}, ecc.Scalar{}
	return &n
}

// Renewal is the party's part of M0, admitted by a renewal of the old party's credential. alter may
// change the renewal.
func (p *Party) Renewal(old *Party, challenge []byte, alter func(*message.Renewal)) message.RegistrationRequest {
	q := p.Request(challenge, nil, nil)
	var certificate []byte
	if p.Role == message.Doctor {
		certificate = p.Certificate
	}
	r := Must(message.Renew(rand.Reader, old.Credential, old.S, old.Sign, q.Registration, certificate))
	if alter != nil {
		alter(&r)
	}
	q.Admission = r.Encode()
	return q
}

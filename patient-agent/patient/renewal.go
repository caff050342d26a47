package patient

import (
	"errors"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// A credential is renewed by itself: an ordinary registration, admitted by both secrets of
// the credential that it follows. Her identity, her keys and β_P stay, so that whoever has
// pinned her goes on; x_P, S_P and Cred_P are new. The old ones are good until they end.

// renewalLead is how long before its end a credential is renewed at the earliest; one of a
// short life, in its last quarter.
const renewalLead = 30 * 24 * time.Hour

// ErrRenewedElsewhere says that the public cloud has counted more renewals than she has
// made: somebody else holds her keys, or has held a copy of her store.
var ErrRenewedElsewhere error = problem.Conflict("Your credential has been renewed with your keys, but not by this device. " +
	"Unless you have brought back an older copy of its store, somebody else holds your keys: have your credential revoked, as for a lost device.").Coded("renewed-elsewhere")

// rootLead is how long a root must have been good before a renewal counts on credentials of
// it: the public cloud issues by one that has been good for five minutes.
const rootLead = 10 * time.Minute

// Ends is when her credential stops to be good: at its own end, or with its root.
func (p *Patient) Ends() (time.Time, error) {
	c, err := p.credential()
	if err != nil {
		return time.Time{}, err
	}
	ends, _, err := p.term(c)
	return ends.Time(), err
}

// term is the end of a credential, and from when on another that is issued may end later: 0,
// or if it ends with its root, when the next root issues.
func (p *Patient) term(c message.Credential) (ends, later message.Millis, err error) {
	pins := p.pins()
	root, err := pins.Issuer(c)
	if err != nil {
		return 0, 0, refuse(err)
	}
	_, until, _ := pins.Term(root)
	if until > c.Info.NotAfter {
		return c.Info.NotAfter, 0, nil
	}
	for _, l := range pins.Successions() {
		if s := l.Statement(); s.Old.Equal(root) {
			later = s.From.Add(rootLead)
		}
	}
	return until, later, nil
}

// RenewAt is from when on her credential is to be renewed: a quarter of its life, but 30
// days at most, before it ends; and not before a renewal can end later.
func (p *Patient) RenewAt() (time.Time, error) {
	c, err := p.credential()
	if err != nil {
		return time.Time{}, err
	}
	ends, later, err := p.term(c)
	if err != nil {
		return time.Time{}, err
	}
	life := ends.Time().Sub(c.Info.NotBefore.Time())
	return max(ends.Add(-min(life/4, renewalLead)), later).Time(), nil
}

// DraftRenewal draws x_P of the next credential and counts one more attempt. The patient
// goes on as she is; a role made from the identity that it returns asks for the renewal,
// once that identity is durable: a number of the public cloud may be used up by the request,
// also if no answer comes.
func (p *Patient) DraftRenewal() (Identity, error) {
	if !p.Registered() {
		return Identity{}, ErrNotRegistered
	}
	id := p.keys
	x, err := ecc.GenerateScalar(p.cfg.Rand)
	id.X, id.Attempts = &x, id.Attempts+1
	return id, err
}

// RequestRenewal makes M0 for the drafted credential with the challenge nonce_PC (56
// bytes), admitted by both secrets of the current one.
func (p *Patient) RequestRenewal(challenge []byte) (message.RegistrationRequest, error) {
	if p.keys.X == nil || !p.Registered() {
		return message.RegistrationRequest{}, ErrOrder
	}
	return p.request(challenge, func(q message.Registration) ([]byte, error) {
		r, err := message.Renew(p.cfg.Rand, *p.keys.Credential, *p.keys.S, p.keys.Sign, q, nil)
		return r.Encode(), err
	})
}

// AcceptRenewal checks the public cloud's reply and takes the new S_P and Cred_P in the
// place of the old ones. The new credential says what the old one says but for its times and
// its number, which is one of those that her own attempts can have used up; a higher one
// is ErrRenewedElsewhere, and she keeps what she has, unless she says that her store was
// restored from an older copy, which does not know all of her own renewals.
func (p *Patient) AcceptRenewal(reply message.RegistrationReply, restored bool) error {
	if p.keys.X == nil || !p.Registered() {
		return ErrOrder
	}
	s, err := p.accept(reply)
	if err != nil {
		return err
	}
	before, _, err := p.term(*p.keys.Credential)
	if err != nil {
		return err
	}
	ends, _, err := p.term(reply.Credential)
	if err != nil {
		return err
	}
	switch old, epoch := p.keys.Credential.Info.Epoch, reply.Credential.Info.Epoch; {
	case epoch <= old || ends < before:
		return refuse(errors.New("renewal: not later than the credential that it follows"))
	case epoch-old > p.keys.Attempts && !restored:
		return ErrRenewedElsewhere
	}
	p.keys.S, p.keys.Credential, p.keys.X, p.keys.Attempts = &s, &reply.Credential, nil, 0
	return nil
}

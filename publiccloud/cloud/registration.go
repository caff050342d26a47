package cloud

import (
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// backdate lets a credential hold for parties whose clocks are behind ours.
const backdate = 5 * time.Minute

// typeM0 names a registration in the replay window. It is no type of a header:
// M0 travels over TLS.
const typeM0 message.Type = "M0"

var errChallenge = errors.New("the challenge is not ours")

// Challenge makes nonce_PC = T (8) || random (16) || MAC (32). It is not stored:
// the MAC recognises it, T bounds its life, the replay window its use.
func (c *Cloud) Challenge() ([]byte, error) {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, message.ChallengeSize), uint64(c.now()))
	b = b[:24]
	if _, err := io.ReadFull(c.Rand, b[8:]); err != nil {
		return nil, problem.Internal(err)
	}
	v := c.AtRest.Challenge()
	mac := c.challengeMAC(v.Secrets[v.Current], b)
	return append(b, mac[:]...), nil
}

func (c *Cloud) challengeMAC(key, b []byte) ecc.Hash {
	return ecc.HMAC(key, ecc.LabelChallenge, []byte(c.ID), b)
}

// Register is the registrar's part of M0 (Eq. 2, 3, 5, 6, 8, 9). raw is a
// message.RegistrationRequest, the answer a message.RegistrationReply, which
// holds d_X: it must travel over TLS and is never logged. operator says that the
// request came with an operator's token, which alone admits a hospital.
//
// The credentials of one (role, ID) are numbered from 1 (Info.Epoch). A second one is
// issued only to whoever renews the first, or, when it is over, holds the same licence or is let in by an operator as the
// same hospital; to everybody else the identity is taken. A patient who lost her secrets registers under a new ID.
//
// Fails with Invalid, Stale, Refused, or Conflict for an identity that exists.
// A failed registration uses no patient's code up.
func (c *Cloud) Register(ctx context.Context, raw []byte, operator bool) ([]byte, error) {
	q, err := message.DecodeRegistrationRequest(raw)
	if err != nil {
		return nil, refused(err)
	}
	issued, err := c.checkChallenge(q.Registration.Challenge)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.Suites, q.Registration.Suite) {
		return nil, problem.Invalid("The suite is not offered.")
	}
	if err := q.Verify(); err != nil {
		return nil, refused(err)
	}
	a, err := c.admit(ctx, q, operator)
	if err != nil {
		return nil, err
	}
	h := message.Header{Type: typeM0, Nonce: [16]byte(q.Registration.Challenge[8:24])}
	if err := c.Window.Accept(ctx, message.WindowID(c.ID, message.Hash{}, h), issued.Time()); err != nil {
		return nil, err
	}
	return c.enter(ctx, q, a)
}

// checkChallenge returns the time of a challenge that is ours and fresh.
func (c *Cloud) checkChallenge(b []byte) (message.Millis, error) {
	t := message.Millis(binary.BigEndian.Uint64(b))
	if err := c.Window.Fresh(t.Time()); err != nil {
		return 0, err
	}
	for _, key := range c.AtRest.Challenge().Secrets {
		if mac := c.challengeMAC(key, b[:24]); hmac.Equal(mac[:], b[24:]) {
			return t, nil
		}
	}
	return 0, problem.Refused(errChallenge)
}

// enter issues the credential and makes it durable. The log comes first: no
// credential is ever handed out that the log does not show, whatever fails in
// between. A line may name a credential that nobody ever received.
func (c *Cloud) enter(ctx context.Context, q message.RegistrationRequest, a admission) ([]byte, error) {
	// Whoever is sent away anyway writes no line.
	r, info, err := c.number(ctx, q.Registration, a)
	if err != nil {
		return nil, err
	}
	reply, err := c.issue(q.Registration, info, a.notAfter)
	if err != nil {
		return nil, err
	}
	r = r.of(reply.Credential)
	if err := c.Log.Append(ctx, r.Credential, r.Role, c.now()); err != nil {
		return nil, err
	}
	if err := c.Registry.Add(ctx, r); err != nil {
		return nil, err
	}
	c.lists.forget()
	if err := c.outlived(ctx, a.former, r); err != nil {
		return nil, err
	}
	return reply.Encode(), nil
}

// of completes the record by the credential. A patient's is not kept.
func (r Record) of(cred message.Credential) Record {
	r.Credential, r.NotAfter = cred.Hash(), cred.Info.NotAfter
	if r.Line == (message.Hash{}) {
		r.Line = r.Credential
	}
	if r.Role != message.Patient {
		r.Body = cred.Encode()
	}
	return r
}

func (c *Cloud) nameHandle(i message.Info) message.Hash {
	return c.handle(handleName, []byte(i.Role), []byte(i.ID), binary.BigEndian.AppendUint64(nil, i.Epoch))
}

// issue computes the partial key and signs the credential of what info says so far.
func (c *Cloud) issue(q message.Registration, info message.Info, notAfter message.Millis) (message.RegistrationReply, error) {
	now, root, err := c.now(), OwnRoot{}, error(nil)
	if root, err = c.signing(); err != nil {
		return message.RegistrationReply{}, err
	}
	_, ends, _ := c.Pins().Term(root.Public()) // no credential outlives its root
	info.NotBefore, info.NotAfter = now.Add(-backdate), min(notAfter, now.Add(c.CredentialLife), ends)
	// R_X1 = rP + X_X (2, 5, 8), d_X = r + e_X s (3, 6, 9)
	pk, err := root.Issuer.Issue(c.Rand, q.Encode(), q.X, info.Encode())
	if err != nil {
		return message.RegistrationReply{}, problem.Refused(err)
	}
	cred := message.Credential{Info: info, R: pk.R, Signature: root.SigningKey.Sign(message.TBSCredential(info, pk.R))}
	return message.RegistrationReply{Credential: cred, D: pk.D}, nil
}

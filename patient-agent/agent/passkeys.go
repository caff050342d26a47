package agent

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
)

// Passkey is the passkey behind β_P.
type Passkey struct {
	CredentialID []byte
	RPID         string
	Opens        bool // the store, by its PRF extension
}

// NewPasskey is what the browser gave for a new one.
type NewPasskey struct {
	CredentialID, AttestationObject, ClientDataJSON []byte
	PRF                                             []byte // 32 bytes, nil if it has no such extension
}

// PasskeyChallenge is what the browser needs to make one.
type PasskeyChallenge struct {
	Challenge []byte // 32 bytes
	RPID      string
	UserID    []byte // random: a new passkey never takes the place of one that is in use
	UserName  string
}

const (
	challengeLife = 5 * time.Minute
	challengeSize = 32
	maxChallenges = 8
)

// challenges are those of passkeys that are being made.
type challenges struct {
	mu   sync.Mutex
	list []challenge
}

type challenge struct {
	value []byte
	until time.Time
}

func (c *challenges) add(value []byte, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == maxChallenges {
		c.list = c.list[1:]
	}
	c.list = append(c.list, challenge{value, until})
}

// take finds the challenge that client data speaks of and uses it up.
func (c *challenges) take(clientDataJSON []byte, now time.Time) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.list, func(x challenge) bool {
		return bytes.Contains(clientDataJSON, []byte(base64.RawURLEncoding.EncodeToString(x.value)))
	})
	if i < 0 {
		return nil
	}
	found := c.list[i]
	c.list = slices.Delete(c.list, i, i+1)
	if !now.Before(found.until) {
		return nil
	}
	return found.value
}

// ChallengePasskey draws the challenge of a new passkey, for one use within five
// minutes.
func (a *Agent) ChallengePasskey() (PasskeyChallenge, error) {
	rpID, err := message.RelyingParty(a.cfg.Origin)
	if err != nil {
		return PasskeyChallenge{}, problem.Conflict("The agent's page has no address at which passkeys can be made.").Coded("no-passkeys-here").Because(err)
	}
	random := make([]byte, challengeSize+16)
	if _, err := io.ReadFull(a.cfg.Rand, random); err != nil {
		return PasskeyChallenge{}, problem.Internal(err)
	}
	value, user := random[:challengeSize:challengeSize], random[challengeSize:]
	a.challenges.add(value, a.cfg.Now().Add(challengeLife))
	return PasskeyChallenge{Challenge: value, RPID: rpID, UserID: user, UserName: "patient " + hex.EncodeToString(user[:2])}, nil
}

// openPasskey verifies a new passkey, made at the agent's own page.
func (a *Agent) openPasskey(n NewPasskey) (keystore.VerificationPasskey, error) {
	challenge := a.challenges.take(n.ClientDataJSON, a.cfg.Now())
	if challenge == nil {
		return keystore.VerificationPasskey{}, errNoChallenge
	}
	p, err := message.OpenPasskey(n.AttestationObject, n.ClientDataJSON, challenge, a.cfg.Origin)
	if err != nil || !bytes.Equal(p.CredentialID, n.CredentialID) {
		return keystore.VerificationPasskey{}, errNewPasskey.Because(err)
	}
	rpID, err := message.RelyingParty(a.cfg.Origin)
	return keystore.VerificationPasskey{CredentialID: p.CredentialID, Key: p.Key, RPID: rpID}, err
}

// passkeyOf is the public half as β_P is made from it.
func passkeyOf(k keystore.VerificationPasskey) message.Passkey {
	return message.Passkey{CredentialID: k.CredentialID, Key: k.Key, RPIDHash: message.RPIDHash(k.RPID)}
}

func passkeyIn(h keystore.Header) *Passkey {
	if h.Passkey == nil {
		return nil
	}
	return &Passkey{CredentialID: h.Passkey.CredentialID, RPID: h.Passkey.RPID, Opens: slices.Contains(h.Openers(), message.KindWebAuthn)}
}

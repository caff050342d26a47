package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/ecc"
)

// sessionLife is how long a doctor's session lasts; she logs in again by herself.
const sessionLife = 15 * time.Minute

// sessions issues and checks the doctors' tokens under the portal's own key.
type sessions struct {
	issuer   *token.Issuer
	verifier *token.Verifier
	audience string
}

// newSessions binds the tokens to the portal's origin.
func newSessions(key ecc.SigningKey, origin string) (*sessions, error) {
	issuer, err := token.NewIssuer(token.Session, origin, key, rand.Reader)
	if err != nil {
		return nil, err
	}
	keys, err := issuer.JWKS()
	if err != nil {
		return nil, err
	}
	verifier, err := token.NewVerifier(token.Session, origin, origin, keys)
	if err != nil {
		return nil, err
	}
	return &sessions{issuer: issuer, verifier: verifier, audience: origin}, nil
}

// Issue makes a token for c_D.
func (s *sessions) Issue(doctor message.Hash, now time.Time) (string, time.Time, error) {
	t, err := s.issuer.Issue(token.Grant{Subject: hex.EncodeToString(doctor[:]), Audience: s.audience,
		Scopes: []token.Scope{token.ScopeSession}, Life: sessionLife}, now)
	return string(t), now.Add(sessionLife), err
}

// Verify returns c_D of a valid token, and until when it is valid.
func (s *sessions) Verify(text string, now time.Time) (message.Hash, time.Time, error) {
	t, err := s.verifier.Verify([]byte(text), now)
	if err != nil {
		return message.Hash{}, time.Time{}, err
	}
	b, err := hex.DecodeString(t.Subject)
	if err != nil || len(b) != len(message.Hash{}) || !t.Allows(token.ScopeSession) {
		return message.Hash{}, time.Time{}, errors.New("portal: session of nobody")
	}
	return message.Hash(b), t.Expires, nil
}

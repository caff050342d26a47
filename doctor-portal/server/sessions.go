package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/api/token"
	"medunion/ecc"
)

// sessionLife is how long a doctor's session lasts; she logs in again by herself.
const sessionLife = 15 * time.Minute

// sessions issues and checks the doctors' tokens under the portal's own key, in the
// versions that its ring has now.
type sessions struct {
	ring   func() keyring.Ring
	origin string

	mu         sync.Mutex
	generation uint64
	issuer     *token.Issuer     // under the current version
	verifiers  []*token.Verifier // one for each version that is left, the current one first
}

// newSessions binds the tokens to the portal's origin.
func newSessions(ring func() keyring.Ring, origin string) (*sessions, error) {
	s := &sessions{ring: ring, origin: origin}
	_, _, err := s.keys()
	return s, err
}

// keys are made anew when the ring has changed.
func (s *sessions) keys() (*token.Issuer, []*token.Verifier, error) {
	r := s.ring()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.issuer != nil && r.Generation == s.generation {
		return s.issuer, s.verifiers, nil
	}
	var issuer *token.Issuer
	var verifiers []*token.Verifier
	for _, v := range r.Versions(keySession) {
		if v.State == keyring.Destroyed {
			continue
		}
		i, verifier, err := s.pair(v.SecretBytes())
		if err != nil {
			return nil, nil, err
		}
		if v.State == keyring.Current {
			issuer, verifiers = i, append([]*token.Verifier{verifier}, verifiers...)
		} else {
			verifiers = append(verifiers, verifier)
		}
	}
	if issuer == nil {
		return nil, nil, errors.New("portal: the key file has no session key")
	}
	s.generation, s.issuer, s.verifiers = r.Generation, issuer, verifiers
	return issuer, verifiers, nil
}

func (s *sessions) pair(seed []byte) (*token.Issuer, *token.Verifier, error) {
	key, err := ecc.SigningKeyFromSeed(seed)
	if err != nil {
		return nil, nil, err
	}
	issuer, err := token.NewIssuer(token.Session, s.origin, key, rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	jwks, err := issuer.JWKS()
	if err != nil {
		return nil, nil, err
	}
	verifier, err := token.NewVerifier(token.Session, s.origin, s.origin, jwks)
	return issuer, verifier, err
}

// Issue makes a token for c_D.
func (s *sessions) Issue(doctor message.Hash, now time.Time) (string, time.Time, error) {
	issuer, _, err := s.keys()
	if err != nil {
		return "", time.Time{}, err
	}
	t, err := issuer.Issue(token.Grant{Subject: hex.EncodeToString(doctor[:]), Audience: s.origin,
		Scopes: []token.Scope{token.ScopeSession}, Life: sessionLife}, now)
	return string(t), now.Add(sessionLife), err
}

// Verify returns c_D of a valid token, and until when it is valid.
func (s *sessions) Verify(text string, now time.Time) (message.Hash, time.Time, error) {
	_, verifiers, err := s.keys()
	if err != nil {
		return message.Hash{}, time.Time{}, err
	}
	var t token.Token
	for _, v := range verifiers {
		if t, err = v.Verify([]byte(text), now); err == nil {
			break
		}
	}
	if err != nil {
		return message.Hash{}, time.Time{}, err
	}
	b, err := hex.DecodeString(t.Subject)
	if err != nil || len(b) != len(message.Hash{}) || !t.Allows(token.ScopeSession) {
		return message.Hash{}, time.Time{}, errors.New("portal: session of nobody")
	}
	return message.Hash(b), t.Expires, nil
}

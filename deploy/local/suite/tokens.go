package suite

import (
	"crypto/rand"
	"time"

	"medunion/api/token"
	"medunion/ecc"
)

// operators is who issues the tokens for administration in this suite.
const operators = "development operators"

// Audiences of the services' administration.
const cloudAudience = "publiccloud"

// newIssuer makes the operators' issuer under a key of the folder and writes its
// JWKS where the services find it.
func (s *state) newIssuer() (*token.Issuer, error) {
	seed, err := s.secret("keys/operators")
	if err != nil {
		return nil, err
	}
	key, err := ecc.SigningKeyFromSeed(seed)
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(token.Access, operators, key, rand.Reader)
	if err != nil {
		return nil, err
	}
	jwks, err := issuer.JWKS()
	if err != nil {
		return nil, err
	}
	return issuer, s.write("keys/operators.jwks.json", jwks)
}

// token issues a bearer token for a service's administration, of one day from the given time.
func (s *Suite) token(at time.Time, audience string, scopes ...token.Scope) (string, error) {
	t, err := s.issuer.Issue(token.Grant{Subject: "local", Audience: audience, Scopes: scopes, Life: 24 * time.Hour}, at)
	return string(t), err
}

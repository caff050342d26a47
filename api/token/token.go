// Package token makes and checks the bearer tokens of the suite: those by which
// operators and FHIR clients use a service's administration, and the short
// sessions of a doctor at a portal.
//
// All are EdDSA JWTs under a pinned key. A token names one service as its
// audience, so that the operator of one hospital is nobody at another, and a kind
// in its header, so that a session never passes for an operator.
package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"medunion/api/internal/strictjwt"
	"medunion/ecc"
)

// Scope is something that a token lets its holder do.
type Scope string

// The scopes of the suite.
const (
	ScopeAdmin      Scope = "admin"       // change a service's configuration
	ScopeOperator   Scope = "operator"    // codes, registrations, audit
	ScopeFHIRImport Scope = "fhir:import" // import records
	ScopeSession    Scope = "session"     // a doctor at a portal
)

// Kind is a kind of token, with the longest life that it may have.
type Kind struct {
	typ  string
	life time.Duration
}

// The kinds of token.
var (
	Access  = Kind{"access+jwt", 24 * time.Hour}
	Session = Kind{"session+jwt", 15 * time.Minute}
)

// skew is how far a verifier's clock may be behind the issuer's.
const skew = 30 * time.Second

const (
	maxName   = 128
	maxScopes = 16
)

// The errors of this package, beside those of a token's form and signature. They
// are for the audit log.
var (
	ErrGrant    = errors.New("token: invalid grant")
	ErrIssuer   = errors.New("token: from another issuer")
	ErrAudience = errors.New("token: for another service")
	ErrScope    = errors.New("token: does not allow this")
)

// Token is a verified token.
type Token struct {
	Subject string // who holds it: an operator's or client's name, or c_D in hex
	ID      string // jti, unique
	Scopes  []Scope
	Expires time.Time
}

// Allows says whether the token holds the scope.
func (t Token) Allows(s Scope) bool { return slices.Contains(t.Scopes, s) }

// claims is the payload. No member may be missing or empty.
type claims struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"`
	Audience string  `json:"aud"`
	Scopes   []Scope `json:"scope"`
	strictjwt.Times
	ID string `json:"jti"`
}

// Grant is what a new token is to say.
type Grant struct {
	Subject  string // 1 to 128 bytes
	Audience string // the service's name, 1 to 128 bytes
	Scopes   []Scope
	Life     time.Duration // 1 s up to that of the kind
}

// Issuer makes tokens of one kind.
type Issuer struct {
	kind Kind
	name string
	key  ecc.SigningKey
	rand io.Reader
}

// NewIssuer is an issuer of the given name (1 to 128 bytes). Instances of one
// service share the key.
func NewIssuer(kind Kind, name string, key ecc.SigningKey, rand io.Reader) (*Issuer, error) {
	if kind.typ == "" || !named(name) || !key.Valid() || rand == nil {
		return nil, fmt.Errorf("%w: issuer", ErrGrant)
	}
	return &Issuer{kind: kind, name: name, key: key, rand: rand}, nil
}

// Issue makes a token at now. ErrGrant if the grant asks for what no verifier
// would accept.
func (i *Issuer) Issue(g Grant, now time.Time) ([]byte, error) {
	switch {
	case !named(g.Subject) || !named(g.Audience):
		return nil, fmt.Errorf("%w: subject or audience", ErrGrant)
	case len(g.Scopes) == 0 || len(g.Scopes) > maxScopes || slices.Contains(g.Scopes, ""):
		return nil, fmt.Errorf("%w: scopes", ErrGrant)
	case g.Life < time.Second || g.Life > i.kind.life:
		return nil, fmt.Errorf("%w: life", ErrGrant)
	}
	var id [16]byte
	if _, err := io.ReadFull(i.rand, id[:]); err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return strictjwt.Sign(i.key, i.kind.typ, claims{
		Issuer: i.name, Subject: g.Subject, Audience: g.Audience, Scopes: g.Scopes,
		Times: strictjwt.TimesFrom(now, skew, g.Life), ID: base64.RawURLEncoding.EncodeToString(id[:]),
	})
}

// JWKS is the key set that verifiers pin.
func (i *Issuer) JWKS() ([]byte, error) {
	keys, err := strictjwt.NewKeys(i.key.Public())
	if err != nil {
		return nil, err
	}
	return keys.MarshalJSON()
}

// Verifier checks tokens of one kind from one issuer for one service.
type Verifier struct {
	kind             Kind
	issuer, audience string
	keys             strictjwt.Keys
}

// NewVerifier pins the issuer's name and JWKS; audience is the name of the
// service that checks.
func NewVerifier(kind Kind, issuer, audience string, jwks []byte) (*Verifier, error) {
	if kind.typ == "" || !named(issuer) || !named(audience) {
		return nil, fmt.Errorf("%w: verifier", ErrGrant)
	}
	keys, err := strictjwt.ParseKeys(jwks)
	if err != nil {
		return nil, err
	}
	return &Verifier{kind: kind, issuer: issuer, audience: audience, keys: keys}, nil
}

// Verify checks a token entirely at now, except for what it allows.
func (v *Verifier) Verify(token []byte, now time.Time) (Token, error) {
	var c claims
	if err := strictjwt.Verify(token, v.kind.typ, v.keys, &c); err != nil {
		return Token{}, err
	}
	switch {
	case c.Issuer != v.issuer:
		return Token{}, ErrIssuer
	case c.Audience != v.audience:
		return Token{}, ErrAudience
	case !named(c.Subject) || c.ID == "" || len(c.Scopes) == 0 || len(c.Scopes) > maxScopes:
		return Token{}, strictjwt.ErrClaims
	}
	if err := c.Check(now, v.kind.life); err != nil {
		return Token{}, err
	}
	return Token{Subject: c.Subject, ID: c.ID, Scopes: c.Scopes, Expires: time.Unix(c.Expires, 0).UTC()}, nil
}

func named(s string) bool { return s != "" && len(s) <= maxName }

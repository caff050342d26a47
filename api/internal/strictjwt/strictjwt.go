// Package strictjwt makes and reads the only kind of JSON Web Token that the
// suite knows: compact, EdDSA over Ed25519, of one declared type, under a pinned
// key that its key id names.
//
// The signature and the list of algorithms are golang-jwt's work. This package
// closes what RFC 7515 leaves open: of one token there is exactly one text, its
// header holds alg, typ and kid and nothing else (so no jku, x5u, jwk or crit),
// and its claims are decoded strictly into the caller's type.
package strictjwt

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"medunion/api/strictjson"
	"medunion/ecc"
)

// MaxSize is the most bytes that a token may have.
const MaxSize = 8 << 10

// algorithm is the only one (RFC 8037, section 3.1).
const algorithm = "EdDSA"

// The errors of Verify, for an audit log; outside all of them are one refusal.
var (
	ErrSize      = errors.New("jwt: too long")
	ErrMalformed = errors.New("jwt: malformed")
	ErrAlgorithm = errors.New("jwt: algorithm is not EdDSA")
	ErrType      = errors.New("jwt: wrong type of token")
	ErrKey       = errors.New("jwt: unknown key")
	ErrSignature = errors.New("jwt: signature does not verify")
	ErrClaims    = errors.New("jwt: claims do not fit")
)

type header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Typ string `json:"typ"`
}

// Sign makes a token of type typ (RFC 8725, section 3.11) with claims, under
// the key id that KeyID gives for the key.
func Sign(key ecc.SigningKey, typ string, claims any) ([]byte, error) {
	if !key.Valid() {
		return nil, fmt.Errorf("signing a token: %w", ecc.ErrKey)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wrapped{Any: claims})
	token.Header["typ"] = typ
	token.Header["kid"] = KeyID(key.Public())
	text, err := token.SignedString(ed25519.NewKeyFromSeed(key.Seed()))
	if err != nil {
		return nil, fmt.Errorf("signing a token: %w", err)
	}
	if len(text) > MaxSize {
		return nil, ErrSize
	}
	return []byte(text), nil
}

// Verify checks token's form, type, key and signature, and then decodes its
// claims strictly into the value that claims points to. Whether the claims hold
// (times, issuer, audience) is for the caller to say.
func Verify(token []byte, typ string, keys Keys, claims any) error {
	if len(token) > MaxSize {
		return ErrSize
	}
	parts, err := decodeParts(string(token))
	if err != nil {
		return err
	}
	var h header
	switch err := strictjson.Decode(parts[0], &h); {
	case err != nil:
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	case h.Alg != algorithm:
		return ErrAlgorithm
	case h.Typ != typ:
		return ErrType
	}
	key, known := keys.find(h.Kid)
	if !known {
		return ErrKey
	}
	if err := verifySignature(string(token), key); err != nil {
		return err
	}
	if err := strictjson.Decode(parts[1], claims); err != nil {
		return fmt.Errorf("%w: %w", ErrClaims, err)
	}
	return nil
}

// decodeParts splits the compact form (RFC 7515, section 7.1) and decodes each
// part from the one text that stands for it.
func decodeParts(token string) (parts [3][]byte, err error) {
	texts := strings.Split(token, ".")
	if len(texts) != len(parts) {
		return parts, ErrMalformed
	}
	for i, text := range texts {
		if parts[i], err = DecodeBytes(text); err != nil || text == "" {
			return parts, ErrMalformed
		}
	}
	return parts, nil
}

func verifySignature(token string, key ecc.VerifyKey) error {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	keyOf := func(*jwt.Token) (any, error) { return ed25519.PublicKey(key.Bytes()), nil }
	parsed, err := parser.ParseWithClaims(token, jwt.MapClaims{}, keyOf)
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return ErrMalformed
	case err != nil || !parsed.Valid:
		return ErrSignature
	}
	return nil
}

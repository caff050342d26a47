// Package strictjwt makes and reads the only kind of JSON Web Token that the
// suite knows: compact, EdDSA over Ed25519, of one declared type, under a pinned
// key that its key id names.
//
// The signature and the list of algorithms are golang-jwt's work; in a browser, where
// that would bring RSA and X.509 with it, Ed25519 is called directly, and tokens are
// read but not made. Tests hold both ways against each other. This package
// closes what RFC 7515 leaves open: of one token there is exactly one text, its
// header holds alg, typ and kid and nothing else (so no jku, x5u, jwk or crit),
// and its claims are decoded strictly into the caller's type.
package strictjwt

import (
	"errors"
	"fmt"
	"strings"

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

// Verify checks token's form, type, key and signature, and then decodes its
// claims strictly into the value that claims points to. Whether the claims hold
// (times, issuer, audience) is for the caller to say.
func Verify(token []byte, typ string, keys Keys, claims any) error {
	return verify(token, typ, keys, claims, verifySignature)
}

// signatureCheck verifies a token whose form has been checked; signature is its third
// part, decoded.
type signatureCheck func(token string, signature []byte, key ecc.VerifyKey) error

func verify(token []byte, typ string, keys Keys, claims any, check signatureCheck) error {
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
	if err := check(string(token), parts[2], key); err != nil {
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

// verifyDirectly checks the signature, decoded already, over the text before the last
// dot (RFC 7515, section 5.2; RFC 8037, section 3.1).
func verifyDirectly(token string, signature []byte, key ecc.VerifyKey) error {
	signed := token[:strings.LastIndexByte(token, '.')]
	if err := key.Verify([]byte(signed), signature); err != nil {
		return ErrSignature
	}
	return nil
}

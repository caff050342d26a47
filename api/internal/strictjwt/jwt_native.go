//go:build !js

package strictjwt

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"medunion/ecc"
)

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

// wrapped lets any value be the claims of a token that golang-jwt signs.
type wrapped struct {
	jwt.MapClaims
	Any any
}

// MarshalJSON writes the value itself.
func (w wrapped) MarshalJSON() ([]byte, error) { return json.Marshal(w.Any) }

// verifySignature checks the signature with golang-jwt, which reads the token once more.
func verifySignature(token string, _ []byte, key ecc.VerifyKey) error {
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

package strictjwt

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"medunion/api/strictjson"
	"medunion/ecc"
)

// Limits of a key set.
const (
	maxKeys    = 16
	maxJWKS    = 16 << 10
	maxKeyID   = 64
	keyType    = "OKP"     // RFC 8037, section 2
	keyCurve   = "Ed25519" // RFC 8037, section 2
	keyPurpose = "sig"
)

// ErrJWKS says that a key set cannot be used.
var ErrJWKS = errors.New("jwks: invalid key set")

// Keys are pinned verification keys by key id. The zero value knows none.
type Keys struct{ byID map[string]ecc.VerifyKey }

// jwk is a public Ed25519 key (RFC 8037). A private one has a member more, which
// is refused as unknown.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Kid string `json:"kid"`
	Use string `json:"use,omitempty"`
	Alg string `json:"alg,omitempty"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// KeyID is the key's thumbprint (RFC 7638 with RFC 8037, appendix A.3):
// base64url of a SHA-256, 43 characters.
func KeyID(key ecc.VerifyKey) string {
	text := fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q}`, keyCurve, keyType, encode(key.Bytes()))
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// NewKeys pins the given keys under their KeyID.
func NewKeys(keys ...ecc.VerifyKey) (Keys, error) {
	set := Keys{byID: map[string]ecc.VerifyKey{}}
	for _, key := range keys {
		if !key.Valid() {
			return Keys{}, fmt.Errorf("%w: %w", ErrJWKS, ecc.ErrKey)
		}
		set.byID[KeyID(key)] = key
	}
	if len(set.byID) == 0 {
		return Keys{}, fmt.Errorf("%w: it has no key", ErrJWKS)
	}
	return set, nil
}

// ParseKeys reads a JWKS (RFC 7517, section 5) of 1 to 16 Ed25519 public keys,
// each with a key id of its own. Anything else in it is an error: a key that is
// silently left out would be missed only later.
func ParseKeys(data []byte) (Keys, error) {
	if len(data) > maxJWKS {
		return Keys{}, fmt.Errorf("%w: too long", ErrJWKS)
	}
	var set jwks
	if err := strictjson.Decode(data, &set); err != nil {
		return Keys{}, fmt.Errorf("%w: %w", ErrJWKS, err)
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return Keys{}, fmt.Errorf("%w: it has %d keys", ErrJWKS, len(set.Keys))
	}
	keys := Keys{byID: map[string]ecc.VerifyKey{}}
	for i, k := range set.Keys {
		key, err := k.verifyKey()
		if err != nil {
			return Keys{}, fmt.Errorf("%w: key %d: %w", ErrJWKS, i, err)
		}
		if _, twice := keys.byID[k.Kid]; twice {
			return Keys{}, fmt.Errorf("%w: key %d: its kid is not its own", ErrJWKS, i)
		}
		keys.byID[k.Kid] = key
	}
	return keys, nil
}

func (k jwk) verifyKey() (ecc.VerifyKey, error) {
	switch {
	case k.Kty != keyType || k.Crv != keyCurve:
		return ecc.VerifyKey{}, errors.New("not an Ed25519 key")
	case k.Use != "" && k.Use != keyPurpose, k.Alg != "" && k.Alg != algorithm:
		return ecc.VerifyKey{}, errors.New("not for EdDSA signatures")
	case k.Kid == "" || len(k.Kid) > maxKeyID:
		return ecc.VerifyKey{}, errors.New("no usable kid")
	}
	raw, err := DecodeBytes(k.X)
	if err != nil {
		return ecc.VerifyKey{}, err
	}
	return ecc.DecodeVerifyKey(raw)
}

// DecodeBytes reads base64url without padding from the one text that stands for
// its bytes.
func DecodeBytes(text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || encode(raw) != text {
		return nil, ErrMalformed
	}
	return raw, nil
}

// MarshalJSON writes the set as a JWKS, in the order of the key ids.
func (k Keys) MarshalJSON() ([]byte, error) {
	set := jwks{Keys: []jwk{}}
	for kid, key := range k.byID {
		set.Keys = append(set.Keys, jwk{Kty: keyType, Crv: keyCurve, X: encode(key.Bytes()), Kid: kid, Use: keyPurpose, Alg: algorithm})
	}
	slices.SortFunc(set.Keys, func(a, b jwk) int { return strings.Compare(a.Kid, b.Kid) })
	return json.Marshal(set)
}

func (k Keys) find(kid string) (ecc.VerifyKey, bool) {
	key, known := k.byID[kid]
	return key, known
}

// All returns the 32 bytes of each key, in no order.
func (k Keys) All() [][]byte {
	var out [][]byte
	for _, key := range k.byID {
		out = append(out, key.Bytes())
	}
	return out
}

// Len is the number of keys.
func (k Keys) Len() int { return len(k.byID) }

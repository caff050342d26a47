package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"medunion/ecc"
)

// WebAuthnProof is what a passkey gives for one user verification (W3C Web
// Authentication, section 7.2): ⟨webauthn: authenticatorData, clientDataJSON, signature⟩.
// It is the proof of an Assertion of kind webauthn.
type WebAuthnProof struct {
	AuthenticatorData []byte // 37 to 1024 bytes
	ClientDataJSON    []byte // up to 2048 bytes
	Signature         []byte // ES256: DER, up to 72 bytes; EdDSA: 64 bytes
}

const (
	maxAuthenticatorData = 1024
	maxClientData        = 2048
	maxWebAuthnSignature = 72
)

// Encode returns the canonical bytes.
func (p WebAuthnProof) Encode() []byte {
	return ecc.Encode(ecc.LabelWebAuthn, p.AuthenticatorData, p.ClientDataJSON, p.Signature)
}

// DecodeWebAuthnProof is the inverse of Encode; it fails with ErrFormat.
func DecodeWebAuthnProof(b []byte) (WebAuthnProof, error) {
	r := read(ecc.LabelWebAuthn, b, 3)
	p := WebAuthnProof{AuthenticatorData: r.bytes(fixedAuthData, maxAuthenticatorData), ClientDataJSON: r.bytes(1, maxClientData),
		Signature: r.bytes(1, maxWebAuthnSignature)}
	return p, r.done()
}

// Origin is that of the page at which the proof was made, as the browser says. Its
// signature is not verified here.
func (p WebAuthnProof) Origin() (string, error) {
	c, err := decodeClientData(p.ClientDataJSON)
	return c.origin, err
}

// AssertWebAuthn makes the assertion of kind webauthn. key is the passkey's public key
// as DecodeCOSEKey accepts it.
func AssertWebAuthn(key []byte, rpIDHash Hash, epoch uint64, p WebAuthnProof) Assertion {
	return Assertion{Kind: KindWebAuthn, Key: key, RPIDHash: rpIDHash, Epoch: epoch, Proof: p.Encode()}
}

// verifyWebAuthn checks the proof of an assertion whose key hashes to β_P: made for
// this challenge, with user presence and verification, at an origin of the relying party
// of β_P, by its key. What the signature covers is judged only after it holds.
func (a Assertion) verifyWebAuthn(challenge Hash) error {
	key, err := DecodeCOSEKey(a.Key)
	if err != nil {
		return err
	}
	p, err := DecodeWebAuthnProof(a.Proof)
	if err != nil {
		return err
	}
	if err := key.verify(p.AuthenticatorData, p.ClientDataJSON, p.Signature); err != nil {
		return err
	}
	auth, err := decodeAuthData(p.AuthenticatorData)
	if err != nil {
		return err
	}
	if auth.rpIDHash != a.RPIDHash || !auth.verified() || auth.has(flagAttested) {
		return errors.New("webauthn: another relying party, no user verification, or no assertion")
	}
	client, err := decodeClientData(p.ClientDataJSON)
	if err != nil {
		return err
	}
	return client.check("webauthn.get", challenge[:], func(host string) bool { return coveredBy(host, a.RPIDHash) })
}

// COSEKey is a passkey's public key: ES256 on P-256, or Ed25519.
type COSEKey struct {
	p256    ecc.P256Key
	ed25519 ecc.VerifyKey
}

// The algorithms of COSE (RFC 9053).
const (
	coseES256 = -7
	coseEdDSA = -8
)

// The one canonical form of each key (RFC 9053, sections 7.1 and 7.2, in CTAP2's order),
// between whose parts the coordinates stand: 77 bytes for ES256, 42 for EdDSA.
var (
	coseP256X   = []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	coseP256Y   = []byte{0x22, 0x58, 0x20}
	coseEd25519 = []byte{0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20}
)

const (
	coseP256Size    = 77
	coseEd25519Size = 42
)

// DecodeCOSEKey reads the canonical form of a key. Any other algorithm, form or
// coordinate is ErrFormat.
func DecodeCOSEKey(b []byte) (k COSEKey, err error) {
	switch {
	case len(b) == coseP256Size && bytes.HasPrefix(b, coseP256X) && bytes.HasPrefix(b[42:], coseP256Y):
		k.p256, err = ecc.DecodeP256Key(b[10:42], b[45:])
	case len(b) == coseEd25519Size && bytes.HasPrefix(b, coseEd25519):
		k.ed25519, err = ecc.DecodeVerifyKey(b[10:])
	default:
		err = ErrFormat
	}
	if err != nil {
		return COSEKey{}, fmt.Errorf("%w: COSE key", ErrFormat)
	}
	return k, nil
}

func (k COSEKey) algorithm() int {
	if k.p256.Valid() {
		return coseES256
	}
	return coseEdDSA
}

// verify checks a signature over authenticatorData || SHA-256(clientDataJSON).
func (k COSEKey) verify(authData, clientData, sig []byte) error {
	h := sha256.Sum256(clientData)
	signed := append(bytes.Clone(authData), h[:]...)
	if k.p256.Valid() {
		return k.p256.Verify(signed, sig)
	}
	return k.ed25519.Verify(signed, sig)
}

// The flags of authenticator data.
const (
	flagPresent    = 0x01
	flagVerified   = 0x04
	flagBackupable = 0x08
	flagBackedUp   = 0x10
	flagAttested   = 0x40
	flagExtensions = 0x80
)

// fixedAuthData is the size of rpIdHash (32), flags (1) and counter (4).
const fixedAuthData = 37

// authData is authenticator data. The counter is not judged: passkeys that are copied
// between devices leave it at zero, and a challenge is used once anyway.
type authData struct {
	rpIDHash Hash
	flags    byte
	credID   []byte // with flagAttested only
	key      []byte // likewise: canonical COSE
}

func (a authData) has(flag byte) bool { return a.flags&flag != 0 }

// verified reports user presence and user verification.
func (a authData) verified() bool { return a.has(flagPresent) && a.has(flagVerified) }

// decodeAuthData reads authenticator data; nothing may follow what the flags announce.
func decodeAuthData(b []byte) (a authData, err error) {
	bad := fmt.Errorf("%w: authenticator data", ErrFormat)
	if len(b) < fixedAuthData || len(b) > maxAuthenticatorData {
		return a, bad
	}
	a.rpIDHash, a.flags = Hash(b[:32]), b[32]
	rest := cbor{b: b[fixedAuthData:]}
	if a.has(flagAttested) {
		rest.take(16) // AAGUID: nothing is made of it
		if n := rest.take(2); n != nil {
			a.credID = rest.take(uint64(binary.BigEndian.Uint16(n)))
		}
		a.key = rest.coseKey()
	}
	if a.has(flagExtensions) {
		if len(rest.b) == 0 || rest.b[0]>>5 != cborMap {
			return authData{}, bad
		}
		rest.skip(1)
	}
	if !rest.done() || a.has(flagBackedUp) && !a.has(flagBackupable) {
		return authData{}, bad
	}
	return a, nil
}

// coseKey takes a canonical COSE key off the front.
func (c *cbor) coseKey() []byte {
	size := uint64(coseEd25519Size)
	if len(c.b) > 0 && c.b[0] == coseP256X[0] {
		size = coseP256Size
	}
	k := c.take(size)
	if _, err := DecodeCOSEKey(k); err != nil {
		c.bad = true
	}
	return k
}

// clientData is what the browser says of a ceremony.
type clientData struct {
	kind, challenge, origin string
	crossOrigin             bool
}

// check holds client data against what was asked for. relyingParty judges the
// origin's host.
func (c clientData) check(kind string, challenge []byte, relyingParty func(host string) bool) error {
	host, err := originHost(c.origin)
	switch {
	case err != nil:
		return err
	case c.kind != kind:
		return errors.New("webauthn: another ceremony")
	case c.challenge != base64.RawURLEncoding.EncodeToString(challenge):
		return errors.New("webauthn: another challenge")
	case c.crossOrigin:
		return errors.New("webauthn: inside a page of another origin")
	case !relyingParty(host):
		return errors.New("webauthn: an origin of another relying party")
	}
	return nil
}

// decodeClientData reads clientDataJSON. Members that are not known are passed over, as
// the standard wants; a member twice, or bytes behind the object, is ErrFormat.
func decodeClientData(b []byte) (c clientData, err error) {
	bad := fmt.Errorf("%w: client data", ErrFormat)
	if len(b) > maxClientData || !utf8.Valid(b) {
		return c, bad
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return c, bad
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		key, _ := name.(string)
		if err != nil || seen[key] {
			return clientData{}, bad
		}
		seen[key] = true
		var value json.RawMessage
		if d.Decode(&value) != nil || !c.set(key, value) {
			return clientData{}, bad
		}
	}
	if _, err := d.Token(); err != nil { // the brace
		return clientData{}, bad
	}
	if _, err := d.Token(); err != io.EOF || !seen["type"] || !seen["challenge"] || !seen["origin"] {
		return clientData{}, bad
	}
	return c, nil
}

// set takes a member over; it reports false for one of the wrong type.
func (c *clientData) set(key string, value json.RawMessage) bool {
	var to any
	switch key {
	case "type":
		to = &c.kind
	case "challenge":
		to = &c.challenge
	case "origin":
		to = &c.origin
	case "crossOrigin":
		to = &c.crossOrigin
	default:
		return true
	}
	return string(value) != "null" && json.Unmarshal(value, to) == nil
}

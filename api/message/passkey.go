package message

import (
	"errors"
	"fmt"
)

// ErrPasskey is returned, wrapped with the reason, for a registration that makes no
// passkey of ours.
var ErrPasskey = errors.New("message: not a passkey that can be used")

// maxAttestation bounds an attestation object in bytes.
const maxAttestation = 4096

// Passkey is a new passkey's public half, from which β_P is made.
type Passkey struct {
	CredentialID []byte // 1 to 1023 bytes
	Key          []byte // canonical COSE, as DecodeCOSEKey accepts it
	RPIDHash     Hash
}

// Beta is β_P of the passkey.
func (p Passkey) Beta(epoch uint64) Hash { return Beta(p.Key, p.RPIDHash, epoch) }

// OpenPasskey verifies a registration ceremony (W3C Web Authentication, section 7.1):
// made for this challenge, at exactly this origin, for its host as relying party, with user
// presence and verification, with a key of ES256 or EdDSA, and attested by nobody (none) or by
// the key itself (packed). Which make of authenticator it is, nobody asks. It fails with
// ErrPasskey.
func OpenPasskey(attestationObject, clientDataJSON, challenge []byte, origin string) (Passkey, error) {
	p, err := openPasskey(attestationObject, clientDataJSON, challenge, origin)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	return p, nil
}

func openPasskey(attestationObject, clientDataJSON, challenge []byte, origin string) (p Passkey, err error) {
	rpID, err := RelyingParty(origin)
	if err != nil {
		return p, err
	}
	client, err := decodeClientData(clientDataJSON)
	if err != nil {
		return p, err
	}
	if err := client.check("webauthn.create", challenge, func(string) bool { return client.origin == origin }); err != nil {
		return p, err
	}
	att, err := decodeAttestation(attestationObject)
	if err != nil {
		return p, err
	}
	auth, err := decodeAuthData(att.authData)
	if err != nil {
		return p, err
	}
	if auth.rpIDHash != RPIDHash(rpID) || !auth.verified() || !auth.has(flagAttested) || len(auth.credID) == 0 || len(auth.credID) > 1023 {
		return p, errors.New("webauthn: another relying party, no user verification, or no credential")
	}
	return Passkey{CredentialID: auth.credID, Key: auth.key, RPIDHash: auth.rpIDHash}, att.verify(auth.key, clientDataJSON)
}

// attestation is an attestation object of the format none or packed.
type attestation struct {
	authData []byte
	packed   bool
	alg      int
	sig      []byte
}

// decodeAttestation reads the object in the order in which CTAP2 writes it: fmt,
// attStmt, authData. A statement that holds more than its format says is ErrFormat,
// a certificate chain among it.
func decodeAttestation(b []byte) (a attestation, err error) {
	c := cbor{b: b}
	if len(b) > maxAttestation || c.want(cborMap) != 3 {
		return a, fmt.Errorf("%w: attestation object", ErrFormat)
	}
	c.key("fmt")
	format := c.text()
	c.key("attStmt")
	switch members := c.want(cborMap); {
	case format == "none" && members == 0:
	case format == "packed" && members == 2:
		a.packed = true
		c.key("alg")
		a.alg = -1 - int(min(c.want(cborNint), 1<<16))
		c.key("sig")
		a.sig = c.bytes()
	default:
		c.bad = true
	}
	c.key("authData")
	a.authData = c.bytes()
	if !c.done() {
		return attestation{}, fmt.Errorf("%w: attestation object", ErrFormat)
	}
	return a, nil
}

// verify checks a self attestation; without one there is nothing to check.
func (a attestation) verify(key, clientDataJSON []byte) error {
	if !a.packed {
		return nil
	}
	k, err := DecodeCOSEKey(key)
	if err != nil {
		return err
	}
	if a.alg != k.algorithm() {
		return errors.New("webauthn: attestation by another algorithm")
	}
	return k.verify(a.authData, clientDataJSON, a.sig)
}

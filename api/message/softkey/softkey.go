// Package softkey is a passkey in software, for tests: it answers the ceremonies of
// WebAuthn as a browser with an authenticator does, and can be made to answer wrongly.
// No program may link it: what it signs, nobody has verified.
package softkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"medunion/api/message"
)

// The flags of authenticator data.
const (
	Present    = 0x01
	Verified   = 0x04
	Attested   = 0x40
	Extensions = 0x80
)

// Key is one passkey at one relying party. A test changes its fields to make it answer
// wrongly.
type Key struct {
	ID     []byte // of the credential
	RPID   string
	Origin string // of the page
	Flags  byte   // Present and Verified, unless changed
	Type   string // of the ceremony, if not the right one
	// Extra are members that follow in clientDataJSON, each with a comma before it.
	Extra string
	// Extension is CBOR behind the authenticator data, announced by Extensions in Flags.
	Extension []byte
	// Packed makes Create attest by the key itself instead of by nobody.
	Packed bool

	signer crypto.Signer
	secret [32]byte
}

// ES256 makes a passkey on P-256 from a seed, the same one from the same seed.
func ES256(seed byte, rpID, origin string) *Key {
	raw := sha256.Sum256([]byte{seed})
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw[:])
	if err != nil {
		panic(err) // the seed is below the order, but for a chance of 2^-32
	}
	return newKey(k, raw, rpID, origin)
}

// EdDSA makes a passkey on Ed25519 from a seed, the same one from the same seed.
func EdDSA(seed byte, rpID, origin string) *Key {
	raw := sha256.Sum256([]byte{seed})
	return newKey(ed25519.NewKeyFromSeed(raw[:]), raw, rpID, origin)
}

func newKey(s crypto.Signer, raw [32]byte, rpID, origin string) *Key {
	id := sha256.Sum256(raw[:])
	return &Key{ID: id[:16], RPID: rpID, Origin: origin, Flags: Present | Verified, signer: s, secret: sha256.Sum256(append([]byte("prf"), raw[:]...))}
}

// PRF is what the passkey's PRF extension answers to the one salt that is asked.
func (k *Key) PRF() []byte { return k.secret[:] }

// COSE is the public key in canonical form.
func (k *Key) COSE() []byte {
	switch pub := k.signer.Public().(type) {
	case *ecdsa.PublicKey:
		b, err := pub.Bytes()
		if err != nil {
			panic(err)
		}
		out := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20}, b[1:33]...)
		return append(append(out, 0x22, 0x58, 0x20), b[33:]...)
	case ed25519.PublicKey:
		return append([]byte{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20}, pub...)
	}
	panic("softkey: unknown key")
}

// Passkey is what its registration yields.
func (k *Key) Passkey() message.Passkey {
	return message.Passkey{CredentialID: k.ID, Key: k.COSE(), RPIDHash: message.RPIDHash(k.RPID)}
}

// Assert answers navigator.credentials.get for a challenge.
func (k *Key) Assert(challenge []byte) message.WebAuthnProof {
	client := k.clientData("webauthn.get", challenge)
	auth := k.authData(k.Flags)
	return message.WebAuthnProof{AuthenticatorData: auth, ClientDataJSON: client, Signature: k.sign(auth, client)}
}

// Create answers navigator.credentials.create for a challenge.
func (k *Key) Create(challenge []byte) (attestationObject, clientDataJSON []byte) {
	client := k.clientData("webauthn.create", challenge)
	auth := k.authData(k.Flags | Attested)
	out := append([]byte{0xa3}, text("fmt")...)
	if k.Packed {
		sig := k.sign(auth, client)
		out = append(append(append(out, text("packed")...), text("attStmt")...), 0xa2)
		out = append(append(append(out, text("alg")...), k.COSE()[4]), text("sig")...)
		out = append(append(out, 0x58, byte(len(sig))), sig...)
	} else {
		out = append(append(append(out, text("none")...), text("attStmt")...), 0xa0)
	}
	out = append(out, text("authData")...)
	if len(auth) < 256 {
		return append(append(out, 0x58, byte(len(auth))), auth...), client
	}
	return append(append(out, 0x59, byte(len(auth)>>8), byte(len(auth))), auth...), client
}

func text(s string) []byte { return append([]byte{0x60 + byte(len(s))}, s...) }

func (k *Key) clientData(kind string, challenge []byte) []byte {
	if k.Type != "" {
		kind = k.Type
	}
	origin, err := json.Marshal(k.Origin)
	if err != nil {
		panic(err)
	}
	return []byte(`{"type":"` + kind + `","challenge":"` + base64.RawURLEncoding.EncodeToString(challenge) +
		`","origin":` + string(origin) + `,"crossOrigin":false` + k.Extra + `}`)
}

func (k *Key) authData(flags byte) []byte {
	h := message.RPIDHash(k.RPID)
	b := append(h[:], flags, 0, 0, 0, 7)
	if flags&Attested != 0 {
		b = append(b, make([]byte, 16)...)
		b = binary.BigEndian.AppendUint16(b, uint16(len(k.ID)))
		b = append(append(b, k.ID...), k.COSE()...)
	}
	return append(b, k.Extension...)
}

func (k *Key) sign(auth, client []byte) []byte {
	h := sha256.Sum256(client)
	signed, opts := append(append([]byte{}, auth...), h[:]...), crypto.Hash(0)
	if _, is := k.signer.(*ecdsa.PrivateKey); is {
		sum := sha256.Sum256(signed)
		signed, opts = sum[:], crypto.SHA256
	}
	sig, err := k.signer.Sign(nil, signed, opts) // ECDSA without randomness is that of RFC 6979
	if err != nil {
		panic(err)
	}
	return sig
}

// Resign changes the client data of a proof and signs it again.
func (k *Key) Resign(p message.WebAuthnProof, edit func(client string) string) message.WebAuthnProof {
	p.ClientDataJSON = []byte(edit(string(p.ClientDataJSON)))
	p.Signature = k.sign(p.AuthenticatorData, p.ClientDataJSON)
	return p
}

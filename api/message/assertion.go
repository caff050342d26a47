package message

import (
	"fmt"

	"medunion/ecc"
)

// Assertion is the user-verification assertion over H⟨uv: Consent⟩ (section 7):
// ⟨assertion: kind, key, rpIdHash, epoch, proof⟩. For kind passphrase the key is
// an Ed25519 key, rpIdHash is zero and the proof its 64-byte signature over the
// challenge; for kind webauthn they are a passkey's COSE key, its relying party and a
// WebAuthnProof. It identifies the patient: never shown to the public cloud.
type Assertion struct {
	Kind     VerificationKind
	Key      []byte // 32 bytes for kind passphrase; the COSE key, 42 or 77, for kind webauthn
	RPIDHash Hash
	Epoch    uint64
	Proof    []byte // 64 bytes for kind passphrase; up to 4096 for kind webauthn
}

// Encode returns the canonical bytes.
func (a Assertion) Encode() []byte {
	return ecc.Encode(ecc.LabelAssertion, u8(uint8(a.Kind)), a.Key, a.RPIDHash[:], u64(a.Epoch), a.Proof)
}

// DecodeAssertion is the inverse of Encode; it fails with ErrFormat.
func DecodeAssertion(b []byte) (Assertion, error) {
	q := read(ecc.LabelAssertion, b, 5)
	a := Assertion{Kind: VerificationKind(q.u8()), Key: q.bytes(1, 1024), RPIDHash: q.hash(), Epoch: q.u64(), Proof: q.bytes(1, 4096)}
	return a, q.done()
}

func (r *reader) assertion() Assertion {
	a, err := DecodeAssertion(r.take())
	if err != nil {
		r.fail()
	}
	return a
}

// Challenge is what the user verification signs: H⟨uv: Consent⟩.
func Challenge(c Consent) Hash { return ecc.H(ecc.LabelVerification, c.Encode()) }

// AssertPassphrase makes the assertion of kind passphrase over a consent.
func AssertPassphrase(k ecc.SigningKey, epoch uint64, c Consent) Assertion {
	ch := Challenge(c)
	return Assertion{Kind: KindPassphrase, Key: k.Public().Bytes(), Epoch: epoch, Proof: k.Sign(ch[:])}
}

// Verify checks that the key hashes to β_P of attr_P, that the kind is the one
// the credential names, and the proof over the consent. Doctor and hospital call it; it
// fails with ErrConsent.
func (a Assertion) Verify(attribute []byte, c Consent) error {
	attr, err := DecodePatientAttribute(attribute)
	if err != nil || attr.Kind != a.Kind || attr.Beta != Beta(a.Key, a.RPIDHash, a.Epoch) {
		return fmt.Errorf("%w: β_P", ErrConsent)
	}
	verify := a.verifyPassphrase
	if a.Kind == KindWebAuthn {
		verify = a.verifyWebAuthn
	}
	if err := verify(Challenge(c)); err != nil {
		return fmt.Errorf("%w: user verification: %w", ErrConsent, err)
	}
	return nil
}

// verifyPassphrase checks the signature of a key of kind passphrase, which belongs to
// no relying party.
func (a Assertion) verifyPassphrase(challenge Hash) error {
	if a.RPIDHash != (Hash{}) {
		return ErrFormat
	}
	k, err := ecc.DecodeVerifyKey(a.Key)
	if err != nil {
		return err
	}
	return k.Verify(challenge[:], a.Proof)
}

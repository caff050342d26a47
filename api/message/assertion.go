package message

import (
	"fmt"

	"medunion/ecc"
)

// Assertion is the user-verification assertion over H⟨uv: Consent⟩ (section 7):
// ⟨assertion: kind, key, rpIdHash, epoch, proof⟩. For kind passphrase the key is
// an Ed25519 key, rpIdHash is zero and the proof its 64-byte signature over the
// challenge. It identifies the patient: never shown to the public cloud.
type Assertion struct {
	Kind     VerificationKind
	Key      []byte // 32 bytes for kind passphrase; the COSE key, up to 1024, for kind webauthn
	RPIDHash Hash
	Epoch    uint64
	Proof    []byte // 64 bytes for kind passphrase; up to 4096 for kind webauthn
}

// Encode returns the canonical bytes.
func (a Assertion) Encode() []byte {
	return ecc.Encode(ecc.LabelAssertion, u8(uint8(a.Kind)), a.Key, a.RPIDHash[:], u64(a.Epoch), a.Proof)
}

func (r *reader) assertion() Assertion {
	q := read(ecc.LabelAssertion, r.take(), 5)
	a := Assertion{Kind: VerificationKind(q.u8()), Key: q.bytes(1, 1024), RPIDHash: q.hash(), Epoch: q.u64(), Proof: q.bytes(1, 4096)}
	if q.done() != nil {
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
// the credential names, and the proof over the consent. Kind webauthn is not
// verified here yet and therefore refused.
func (a Assertion) Verify(attribute []byte, c Consent) error {
	attr, err := DecodePatientAttribute(attribute)
	if err != nil || attr.Kind != a.Kind || attr.Beta != Beta(a.Key, a.RPIDHash, a.Epoch) {
		return fmt.Errorf("%w: β_P", ErrConsent)
	}
	if a.Kind != KindPassphrase || a.RPIDHash != (Hash{}) {
		return fmt.Errorf("%w: kind of verification", ErrConsent)
	}
	k, err := ecc.DecodeVerifyKey(a.Key)
	if err != nil {
		return fmt.Errorf("%w: verification key", ErrConsent)
	}
	ch := Challenge(c)
	if err := k.Verify(ch[:], a.Proof); err != nil {
		return fmt.Errorf("%w: user verification", ErrConsent)
	}
	return nil
}

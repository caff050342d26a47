package message

import (
	"fmt"
	"io"

	"medunion/ecc"
)

// Renewal admits a registration by the credential that it follows: ⟨renewal: Cred_X,
// proof of S_X, S_PRK_X⟨renew: c_X, H(Req)⟩, Cert_D⟩. Both secrets of the old credential
// answer for the new one, and Req holds the registrar's challenge, so that neither a
// thief of one of them nor a listener can renew.
type Renewal struct {
	Credential  Credential // the one to follow
	Possession  []byte     // Schnorr proof of S_X, bound to H⟨renew: c_X, H(Req)⟩, 64 bytes
	Signature   []byte     // by the old PRK_X, 64 bytes
	Certificate []byte     // Cert_D for the new keys, of a doctor; else empty; 0 to 8192 bytes
}

// TBSRenew is ⟨renew: c_X, H(Req)⟩.
func TBSRenew(old Hash, q Registration) []byte {
	h := ecc.Sum(q.Encode())
	return ecc.Encode(ecc.LabelRenew, old[:], h[:])
}

// Renew makes the renewal of a credential, of which s and sign are the secrets, for a
// registration request.
func Renew(rand io.Reader, old Credential, s ecc.Scalar, sign ecc.SigningKey, q Registration, certificate []byte) (Renewal, error) {
	tbs := TBSRenew(old.Hash(), q)
	proof, err := ecc.ProvePossession(rand, s, ecc.Sum(tbs))
	return Renewal{Credential: old, Possession: proof, Signature: sign.Sign(tbs), Certificate: certificate}, err
}

// Encode returns the canonical bytes.
func (r Renewal) Encode() []byte {
	return ecc.Encode(ecc.LabelRenewal, r.Credential.Encode(), r.Possession, r.Signature, r.Certificate)
}

// DecodeRenewal is the inverse of Encode; it fails with ErrFormat. No code and no Cert_D
// is a renewal: those are text.
func DecodeRenewal(b []byte) (Renewal, error) {
	r := read(ecc.LabelRenewal, b, 4)
	v := Renewal{Credential: r.credential(), Possession: r.bytes(64, 64), Signature: r.signature(), Certificate: r.bytes(0, 8192)}
	return v, r.done()
}

// Verify checks that the holder of a credential that is good now renews it by q: the
// same suite, role and ID, and both proofs. Revocation, and what the role demands of
// attr_X, is the caller's to check. It fails with ErrCredential or ErrExpired.
func (r Renewal) Verify(p Pins, q Registration, now Millis) error {
	old := r.Credential
	if err := old.Verify(p, q.Role, now); err != nil {
		return err
	}
	if old.Info.ID != q.ID || old.Info.Suite != q.Suite {
		return fmt.Errorf("%w: renewal of another identity", ErrCredential)
	}
	tbs := TBSRenew(old.Hash(), q)
	if err := old.Info.Keys.Sign.Verify(tbs, r.Signature); err != nil {
		return fmt.Errorf("%w: renewal signature", ErrCredential)
	}
	a, err := old.ImplicitKey(p)
	if err != nil {
		return err
	}
	if err := ecc.VerifyPossession(a, ecc.Sum(tbs), r.Possession); err != nil {
		return fmt.Errorf("%w: renewal possession", ErrCredential)
	}
	return nil
}

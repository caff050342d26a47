package message

import (
	"fmt"

	"medunion/ecc"
)

// ChallengeSize is the size of nonce_PC in bytes: T (8), random (16), MAC (32).
const ChallengeSize = 56

// Registration is Req = ⟨reg: suite, role, ID_X, X_X, PUK_X, attr_X, nonce_PC⟩
// (M0). The suite is ours: PUK_X cannot be read without it.
type Registration struct {
	Suite     ecc.Suite
	Role      Role
	ID        ID
	X         ecc.Point // X_X = x_X P
	Keys      PublicKeys
	Attribute []byte // attr_X, 1 to 256 bytes
	Challenge []byte // nonce_PC, 56 bytes
}

// Encode returns the canonical bytes, which the party signs and hashes.
func (q Registration) Encode() []byte {
	return ecc.Encode(ecc.LabelRegistration, u8(uint8(q.Suite)), []byte(q.Role), []byte(q.ID), q.X.Bytes(),
		q.Keys.Encode(), q.Attribute, q.Challenge)
}

func decodeRegistration(b []byte) (Registration, error) {
	r := read(ecc.LabelRegistration, b, 7)
	q := Registration{Suite: r.suite(), Role: r.role(), ID: r.id(), X: r.point()}
	q.Keys = r.publicKeys(q.Suite)
	q.Attribute, q.Challenge = r.bytes(1, 256), r.bytes(ChallengeSize, ChallengeSize)
	return q, r.done()
}

// RegistrationRequest is what X sends: Req, the proof of possession of x_X bound
// to H(Req), S_PRK_X(Req), and what admits it: a patient's single-use code, a
// doctor's Cert_D, nothing for a hospital (the operator's token admits it), or, for a
// credential that follows another, a Renewal.
type RegistrationRequest struct {
	Registration Registration
	Possession   []byte // Schnorr proof, 64 bytes
	Signature    []byte // S_PRK_X(Req), 64 bytes
	Admission    []byte // 0 to 12288 bytes
}

// Encode returns the canonical bytes.
func (q RegistrationRequest) Encode() []byte {
	return ecc.Encode(ecc.LabelRegistrationRequest, q.Registration.Encode(), q.Possession, q.Signature, q.Admission)
}

// DecodeRegistrationRequest is the inverse of Encode; it fails with ErrFormat.
func DecodeRegistrationRequest(b []byte) (RegistrationRequest, error) {
	r := read(ecc.LabelRegistrationRequest, b, 4)
	reg, err := decodeRegistration(r.take())
	if err != nil {
		r.fail()
	}
	q := RegistrationRequest{Registration: reg, Possession: r.bytes(64, 64), Signature: r.signature(), Admission: r.bytes(0, 12288)}
	return q, r.done()
}

// Verify checks both proofs: that the sender knows x_X and PRK_X.
func (q RegistrationRequest) Verify() error {
	req := q.Registration.Encode()
	if err := q.Registration.Keys.Sign.Verify(req, q.Signature); err != nil {
		return fmt.Errorf("%w: request signature", ErrCredential)
	}
	if err := ecc.VerifyPossession(q.Registration.X, ecc.Sum(req), q.Possession); err != nil {
		return fmt.Errorf("%w: possession", ErrCredential)
	}
	return nil
}

// RegistrationReply carries Cred_X and the partial key d_X over TLS. d_X alone is
// no secret key: S_X = d_X + x_X.
type RegistrationReply struct {
	Credential Credential
	D          ecc.Scalar // d_X
}

// Encode returns the canonical bytes. They hold d_X: never log them.
func (q RegistrationReply) Encode() []byte {
	return ecc.Encode(ecc.LabelRegistrationReply, q.Credential.Encode(), q.D.SecretBytes())
}

// DecodeRegistrationReply is the inverse of Encode; it fails with ErrFormat.
func DecodeRegistrationReply(b []byte) (RegistrationReply, error) {
	r := read(ecc.LabelRegistrationReply, b, 2)
	q := RegistrationReply{Credential: r.credential()}
	d, err := ecc.DecodeScalar(r.take())
	if err != nil {
		r.fail()
	}
	q.D = d
	return q, r.done()
}

// VerificationKind says what stands behind β_P (section 7 of the protocol).
type VerificationKind uint8

// The kinds of user verification.
const (
	KindPassphrase VerificationKind = 1 // an Ed25519 key from a passphrase through Argon2id
	KindWebAuthn   VerificationKind = 2 // a passkey with user verification
)

// String names the kind as the interfaces do: "passphrase" or "passkey".
func (k VerificationKind) String() string {
	switch k {
	case KindPassphrase:
		return "passphrase"
	case KindWebAuthn:
		return "passkey"
	}
	return "unknown"
}

// PatientAttribute is attr_P = ⟨attr P: kind, β_P⟩: the credential says which kind
// of verification it rests on.
type PatientAttribute struct {
	Kind VerificationKind
	Beta Hash // β_P
}

// Encode returns the canonical bytes.
func (a PatientAttribute) Encode() []byte {
	return ecc.Encode(ecc.LabelPatientAttribute, u8(uint8(a.Kind)), a.Beta[:])
}

// DecodePatientAttribute is the inverse of Encode; it fails with ErrFormat.
func DecodePatientAttribute(b []byte) (PatientAttribute, error) {
	r := read(ecc.LabelPatientAttribute, b, 2)
	a := PatientAttribute{Kind: VerificationKind(r.u8()), Beta: r.hash()}
	if a.Kind != KindPassphrase && a.Kind != KindWebAuthn {
		r.fail()
	}
	return a, r.done()
}

// PatientVerification is the kind of user verification that a patient's credential
// names. It fails with ErrFormat for a credential of another role.
func (c Credential) PatientVerification() (VerificationKind, error) {
	if c.Info.Role != Patient {
		return 0, fmt.Errorf("%w: not a patient's credential", ErrFormat)
	}
	a, err := DecodePatientAttribute(c.Info.Attribute)
	return a.Kind, err
}

// Beta is β_P = H⟨bio: key, rpIdHash, epoch⟩. For kind passphrase the key is the
// 32-byte Ed25519 key and rpIdHash is zero.
func Beta(key []byte, rpIDHash Hash, epoch uint64) Hash {
	return ecc.H(ecc.LabelBiometric, key, rpIDHash[:], u64(epoch))
}

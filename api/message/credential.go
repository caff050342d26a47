package message

import (
	"errors"
	"fmt"

	"medunion/ecc"
)

// Errors of credential checks. A service answers all of them with one refusal.
var (
	ErrCredential = errors.New("message: credential not valid")
	ErrExpired    = errors.New("message: outside its time of validity")
)

// PublicKeys is PUK_X = ⟨puk: signing key, HPKE key⟩.
type PublicKeys struct {
	Sign ecc.VerifyKey    // Ed25519, 32 bytes
	KEM  ecc.KEMPublicKey // 32 bytes (suite 1) or 1216 bytes (suite 2)
}

// Encode returns the canonical bytes.
func (k PublicKeys) Encode() []byte {
	return ecc.Encode(ecc.LabelPublicKeys, k.Sign.Bytes(), k.KEM.Bytes())
}

func decodePublicKeys(s ecc.Suite, b []byte) (PublicKeys, error) {
	r := read(ecc.LabelPublicKeys, b, 2)
	k := PublicKeys{Sign: r.verifyKey(), KEM: r.kemKey(s)}
	return k, r.done()
}

func (r *reader) publicKeys(s ecc.Suite) PublicKeys {
	k, err := decodePublicKeys(s, r.take())
	if err != nil {
		r.fail()
	}
	return k
}

// Info is Info_X = ⟨info: suite, role, ID_X, attr_X, PUK_X, epoch, not-before,
// not-after⟩: what a credential says about its holder.
type Info struct {
	Suite     ecc.Suite
	Role      Role
	ID        ID
	Attribute []byte // attr_X, 1 to 256 bytes: β_P with its kind, H(Cert_D), or the hospital's address
	Keys      PublicKeys
	Epoch     uint64 // counts the credentials of one (role, ID)
	NotBefore Millis
	NotAfter  Millis
}

// Encode returns the canonical bytes.
func (i Info) Encode() []byte {
	return ecc.Encode(ecc.LabelInfo, u8(uint8(i.Suite)), []byte(i.Role), []byte(i.ID), i.Attribute,
		i.Keys.Encode(), u64(i.Epoch), u64(uint64(i.NotBefore)), u64(uint64(i.NotAfter)))
}

func decodeInfo(b []byte) (Info, error) {
	r := read(ecc.LabelInfo, b, 8)
	i := Info{Suite: r.suite(), Role: r.role(), ID: r.id(), Attribute: r.bytes(1, 256)}
	i.Keys = r.publicKeys(i.Suite)
	i.Epoch, i.NotBefore, i.NotAfter = r.u64(), r.millis(), r.millis()
	if i.NotAfter <= i.NotBefore {
		r.fail()
	}
	return i, r.done()
}

func (r *reader) role() Role {
	role := Role(r.bytes(1, 3))
	if role != Patient && role != Doctor && role != Hospital {
		r.fail()
	}
	return role
}

// Credential is Cred_X = (Info_X, R_X1, S_PRK_C⟨cred: Info_X, R_X1⟩).
type Credential struct {
	Info      Info
	R         ecc.Point // R_X1
	Signature []byte    // by PUK_C, 64 bytes
}

// TBSCredential is what PRK_C signs: ⟨cred: Info_X, R_X1⟩.
func TBSCredential(info Info, r ecc.Point) []byte {
	return ecc.Encode(ecc.LabelCredential, info.Encode(), r.Bytes())
}

// Encode returns the canonical bytes.
func (c Credential) Encode() []byte {
	return ecc.Encode(ecc.LabelCredentialBody, c.Info.Encode(), c.R.Bytes(), c.Signature)
}

// DecodeCredential is the inverse of Encode; it fails with ErrFormat. A decoded
// credential is well formed, not yet verified.
func DecodeCredential(b []byte) (Credential, error) {
	r := read(ecc.LabelCredentialBody, b, 3)
	info, err := decodeInfo(r.take())
	if err != nil {
		r.fail()
	}
	c := Credential{Info: info, R: r.point(), Signature: r.signature()}
	return c, r.done()
}

// Hash is c_X = H(Cred_X).
func (c Credential) Hash() Hash { return ecc.Sum(c.Encode()) }

// TBSPortalLogin is what a doctor signs to open a session with a portal:
// ⟨portal login: challenge, c_D, origin⟩. The origin, the scheme, name and port of
// the portal meant, keeps one portal from logging in to another.
func TBSPortalLogin(challenge []byte, cD Hash, origin string) []byte {
	return ecc.Encode(ecc.LabelPortalLogin, challenge, cD[:], []byte(origin))
}

// Verify checks the signature of a root that is good now, the role and the time. It fails
// with ErrCredential or ErrExpired. A credential ends with the root that issued it.
// Revocation is the caller's to check.
func (c Credential) Verify(p Pins, role Role, now Millis) error {
	_, err := c.VerifyIssued(p, role, now)
	return err
}

// VerifyIssued is Verify; it returns the root that issued the credential.
func (c Credential) VerifyIssued(p Pins, role Role, now Millis) (Root, error) {
	if c.Info.Role != role {
		return Root{}, fmt.Errorf("%w: role", ErrCredential)
	}
	root, err := p.Verify(TBSCredential(c.Info, c.R), c.Signature, now)
	if err == nil && (now < c.Info.NotBefore || now >= c.Info.NotAfter) {
		err = ErrExpired
	}
	return root, err
}

// ImplicitKey is A_X = R_X1 + e_X PK, the public key of S_X (right side of Eq. 4,
// 7, 10), with the PK of the root that issued the credential.
func (c Credential) ImplicitKey(p Pins) (ecc.Point, error) {
	root, err := p.Issuer(c)
	if err != nil {
		return ecc.Point{}, err
	}
	return ecc.ImplicitKey(c.Info.Encode(), c.R, root.PK)
}

// VerifyDoctor checks a doctor entirely: Cred_D as Verify, Cert_D under the
// medical authority, and that both speak of the same keys. This is what keeps a
// dishonest public cloud from impersonating a doctor.
func VerifyDoctor(p Pins, verify CertificateVerifier, c Credential, certD []byte, now Millis) (DoctorCertificate, error) {
	if err := c.Verify(p, Doctor, now); err != nil {
		return DoctorCertificate{}, err
	}
	cert, err := verify(certD, now.Time())
	if err != nil {
		return DoctorCertificate{}, fmt.Errorf("%w: Cert_D: %w", ErrCredential, err)
	}
	return cert, matchCertificate(c.Info, cert, certD)
}

// matchCertificate checks that attr_D = H(Cert_D) and that the keys agree.
func matchCertificate(i Info, cert DoctorCertificate, certD []byte) error {
	h := ecc.Sum(certD)
	if string(i.Attribute) != string(h[:]) {
		return fmt.Errorf("%w: attr_D is not H(Cert_D)", ErrCredential)
	}
	if cert.Suite != i.Suite || !cert.SigningKey.Equal(i.Keys.Sign) || cert.KEMKey.ID() != i.Keys.KEM.ID() {
		return fmt.Errorf("%w: keys differ from Cert_D", ErrCredential)
	}
	return nil
}

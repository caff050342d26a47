package patient

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"

	"medunion/api/message"
	"medunion/ecc"
)

// Identity is everything that the sealed store holds of a patient. It prints as
// "[redacted]". Before registration it holds x_P, after it S_P and Cred_P; while a renewal
// is under way, x_P of the next credential beside them.
type Identity struct {
	Suite      ecc.Suite
	ID         message.ID               // ID_P, 32 random hexadecimal digits
	Sign       ecc.SigningKey           // PRK_P, signing part
	KEM        ecc.KEMPrivateKey        // PRK_P, HPKE part
	Locator    [32]byte                 // k_loc
	Attribute  message.PatientAttribute // attr_P: kind and β_P
	Epoch      uint64                   // of β_P
	X          *ecc.Scalar              // x_P, until the partial key is accepted
	S          *ecc.Scalar              // S_P, from then on
	Credential *message.Credential      // Cred_P
	Attempts   uint64                   // to renew Cred_P; each may have used up a number
}

// String and the methods beside it keep keys out of every log.
func (Identity) String() string { return "[redacted]" }

// GoString hides the keys from %#v.
func (Identity) GoString() string { return "[redacted]" }

// LogValue hides the keys from slog.
func (Identity) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalJSON refuses: Encode is the one way to write an identity.
func (Identity) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }

// NewIdentity draws a random ID_P, PRK_P, k_loc and x_P. verification is the public
// half of the user-verification key (32 bytes, kind passphrase), from which β_P is
// made; the key itself is never stored.
func NewIdentity(rand io.Reader, suite ecc.Suite, verification ecc.VerifyKey) (Identity, error) {
	return newIdentity(rand, suite, message.PatientAttribute{Kind: message.KindPassphrase,
		Beta: message.Beta(verification.Bytes(), message.Hash{}, firstEpoch)})
}

// NewPasskeyIdentity is NewIdentity with β_P of kind webauthn, made from a passkey.
func NewPasskeyIdentity(rand io.Reader, suite ecc.Suite, k message.Passkey) (Identity, error) {
	return newIdentity(rand, suite, message.PatientAttribute{Kind: message.KindWebAuthn, Beta: k.Beta(firstEpoch)})
}

// firstEpoch is the epoch of a new identity's β_P.
const firstEpoch = 1

func newIdentity(rand io.Reader, suite ecc.Suite, attribute message.PatientAttribute) (Identity, error) {
	id := Identity{Suite: suite, Epoch: firstEpoch, Attribute: attribute}
	var random [16]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return Identity{}, err
	}
	if _, err := io.ReadFull(rand, id.Locator[:]); err != nil {
		return Identity{}, err
	}
	id.ID = message.ID(hex.EncodeToString(random[:]))
	return id, id.drawKeys(rand)
}

func (id *Identity) drawKeys(rand io.Reader) (err error) {
	if id.Sign, err = ecc.GenerateSigningKey(rand); err != nil {
		return err
	}
	if id.KEM, err = ecc.GenerateKEM(id.Suite, rand); err != nil {
		return err
	}
	x, err := ecc.GenerateScalar(rand)
	id.X = &x
	return err
}

// publicKeys is PUK_P.
func (id Identity) publicKeys() message.PublicKeys {
	return message.PublicKeys{Sign: id.Sign.Public(), KEM: id.KEM.Public()}
}

// Encode returns the canonical bytes, to be sealed and nothing else: they hold
// every key. The attempts are a field only if there are any.
func (id Identity) Encode() []byte {
	fields := [][]byte{{byte(id.Suite)}, []byte(id.ID), id.Sign.Seed(), id.KEM.SecretBytes(), id.Locator[:], id.Attribute.Encode(),
		binary.BigEndian.AppendUint64(nil, id.Epoch), scalarBytes(id.X), scalarBytes(id.S), credentialBytes(id.Credential)}
	if id.Attempts > 0 {
		fields = append(fields, binary.BigEndian.AppendUint64(nil, id.Attempts))
	}
	return ecc.Encode(ecc.LabelPatientStore, fields...)
}

func scalarBytes(s *ecc.Scalar) []byte {
	if s == nil {
		return nil
	}
	return s.SecretBytes()
}

func credentialBytes(c *message.Credential) []byte {
	if c == nil {
		return nil
	}
	return c.Encode()
}

// DecodeIdentity is the inverse of Encode. Its errors hold no bytes.
func DecodeIdentity(b []byte) (Identity, error) {
	f, err := ecc.DecodeList(ecc.LabelPatientStore, b, 11)
	if err != nil || len(f) < 10 || len(f[0]) != 1 || len(f[4]) != 32 || len(f[6]) != 8 || len(f) == 11 && len(f[10]) != 8 {
		return Identity{}, fmt.Errorf("patient: identity: %w", message.ErrFormat)
	}
	id := Identity{Suite: ecc.Suite(f[0][0]), ID: message.ID(f[1]), Locator: [32]byte(f[4]), Epoch: binary.BigEndian.Uint64(f[6])}
	if len(f) == 11 {
		id.Attempts = binary.BigEndian.Uint64(f[10])
	}
	if id.Sign, err = ecc.SigningKeyFromSeed(f[2]); err != nil {
		return Identity{}, err
	}
	if id.KEM, err = ecc.DecodeKEMPrivateKey(id.Suite, f[3]); err != nil {
		return Identity{}, err
	}
	if id.Attribute, err = message.DecodePatientAttribute(f[5]); err != nil {
		return Identity{}, err
	}
	return id, id.decodeSecrets(f[7], f[8], f[9])
}

func (id *Identity) decodeSecrets(x, s, cred []byte) (err error) {
	if id.X, err = optionalScalar(x); err != nil {
		return err
	}
	if id.S, err = optionalScalar(s); err != nil {
		return err
	}
	if len(cred) == 0 {
		return nil
	}
	c, err := message.DecodeCredential(cred)
	id.Credential = &c
	return err
}

func optionalScalar(b []byte) (*ecc.Scalar, error) {
	if len(b) == 0 {
		return nil, nil
	}
	s, err := ecc.DecodeScalar(b)
	return &s, err
}

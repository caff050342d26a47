// Package doctorcert is Cert_D, the doctor's certificate from the medical
// authority (protocol, section 3): an EdDSA JWT of type doctor-cert+jwt, verified
// against the authority's pinned key set. Patient and hospital verify it
// themselves; that keeps a dishonest public cloud from impersonating a doctor.
//
// It also holds the other side, for an authority: the check of a doctor's
// request and the making of the certificate.
package doctorcert

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"medunion/api/internal/strictjwt"
	"medunion/api/message"
	"medunion/ecc"
)

// Type is the token type in the header (RFC 8725, section 3.11), so that no
// other token of the same key passes for a certificate.
const Type = "doctor-cert+jwt"

// MaxSize is the most bytes that a certificate may have.
const MaxSize = strictjwt.MaxSize

// MaxLife bounds how long a certificate may hold.
const MaxLife = 5 * 366 * 24 * time.Hour

const (
	maxIssuer      = 256
	maxDepartments = 32
	maxLicence     = 64
	maxName        = 256
)

// ErrContent says that a certificate or a request has a field that it must not
// have. The text behind it names the field, never its value.
var ErrContent = errors.New("doctor certificate: invalid content")

// claims is the payload of Cert_D. No member may be missing or empty, but the
// affiliation, where both mean none.
type claims struct {
	Issuer      string   `json:"iss"`
	Licence     string   `json:"sub"`
	Name        string   `json:"name"`
	Departments []string `json:"departments"`
	Affiliation string   `json:"affiliation"`
	SigningKey  string   `json:"signing_key"`
	Suite       uint8    `json:"hpke_suite"`
	KEMKey      string   `json:"hpke_key"`
	strictjwt.Times
	ID string `json:"jti"`
}

// Authority is the medical authority as its relying parties pin it.
type Authority struct {
	issuer string
	keys   strictjwt.Keys
}

// NewAuthority pins an authority: its issuer name (1 to 256 bytes) and its JWKS of
// Ed25519 keys. A key set that cannot be read to its end is an error.
func NewAuthority(issuer string, jwks []byte) (*Authority, error) {
	if issuer == "" || len(issuer) > maxIssuer {
		return nil, fmt.Errorf("%w: issuer", ErrContent)
	}
	keys, err := strictjwt.ParseKeys(jwks)
	if err != nil {
		return nil, err
	}
	return &Authority{issuer: issuer, keys: keys}, nil
}

// Fingerprint is H⟨authority keys: issuer, key*⟩ over the keys in the order of their
// bytes: the same however the key set was written.
func (a *Authority) Fingerprint() ecc.Hash {
	keys := a.keys.All()
	slices.SortFunc(keys, bytes.Compare)
	return ecc.H(ecc.LabelAuthorityKeys, append([][]byte{[]byte(a.issuer)}, keys...)...)
}

// Verify checks Cert_D entirely at the time now: form, type, algorithm, key,
// signature, issuer, times, and every field. It is a message.CertificateVerifier.
// Its errors are for the audit log; outside, each is the same refusal.
func (a *Authority) Verify(cert []byte, now time.Time) (message.DoctorCertificate, error) {
	var c claims
	if err := strictjwt.Verify(cert, Type, a.keys, &c); err != nil {
		return message.DoctorCertificate{}, err
	}
	if c.Issuer != a.issuer {
		return message.DoctorCertificate{}, fmt.Errorf("%w: issuer", ErrContent)
	}
	if c.ID == "" {
		return message.DoctorCertificate{}, fmt.Errorf("%w: jti", ErrContent)
	}
	if err := c.Check(now, MaxLife); err != nil {
		return message.DoctorCertificate{}, err
	}
	return c.certificate()
}

// certificate turns the claims into the types of the protocol.
func (c claims) certificate() (message.DoctorCertificate, error) {
	keys, err := decodeKeys(c.Suite, c.SigningKey, c.KEMKey)
	if err != nil {
		return message.DoctorCertificate{}, err
	}
	d := message.DoctorCertificate{
		Licence: c.Licence, Name: c.Name, Departments: c.Departments, Affiliation: c.Affiliation,
		Suite: keys.KEM.Suite(), SigningKey: keys.Sign, KEMKey: keys.KEM,
		NotBefore: time.Unix(c.NotBefore, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(),
	}
	return d, checkPerson(d.Licence, d.Name, d.Departments, d.Affiliation)
}

// decodeKeys reads PUK_D from its text form. Small-order and non-canonical
// keys are refused by ecc.
func decodeKeys(suite uint8, signing, kem string) (message.PublicKeys, error) {
	rawSigning, err1 := strictjwt.DecodeBytes(signing)
	rawKEM, err2 := strictjwt.DecodeBytes(kem)
	if err := errors.Join(err1, err2); err != nil {
		return message.PublicKeys{}, fmt.Errorf("%w: encoding of a key", ErrContent)
	}
	signingKey, err := ecc.DecodeVerifyKey(rawSigning)
	if err != nil {
		return message.PublicKeys{}, fmt.Errorf("%w: signing key: %w", ErrContent, err)
	}
	kemKey, err := ecc.DecodeKEMPublicKey(ecc.Suite(suite), rawKEM)
	if err != nil {
		return message.PublicKeys{}, fmt.Errorf("%w: HPKE key: %w", ErrContent, err)
	}
	return message.PublicKeys{Sign: signingKey, KEM: kemKey}, nil
}

// checkPerson checks what is said about the doctor.
func checkPerson(licence, name string, departments []string, affiliation string) error {
	switch {
	case !printable(licence, maxLicence):
		return fmt.Errorf("%w: licence", ErrContent)
	case !printable(name, maxName):
		return fmt.Errorf("%w: name", ErrContent)
	case affiliation != "" && !message.ID(affiliation).Valid():
		return fmt.Errorf("%w: affiliation", ErrContent)
	case len(departments) == 0 || len(departments) > maxDepartments:
		return fmt.Errorf("%w: number of departments", ErrContent)
	}
	seen := map[string]bool{}
	for _, d := range departments {
		if seen[d] || !message.Code(d).Valid() {
			return fmt.Errorf("%w: departments", ErrContent)
		}
		seen[d] = true
	}
	return nil
}

// printable wants 1 to most bytes of text that shows as it is: what stands on a
// doctor's card must not hide or turn around its letters.
func printable(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

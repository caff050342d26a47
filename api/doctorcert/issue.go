//go:build !js

package doctorcert

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"medunion/api/internal/strictjwt"
	"medunion/api/message"
	"medunion/api/strictjson"
	"medunion/ecc"
)

// backdate lets a new certificate hold at once for verifiers whose clock is behind.
const backdate = 5 * time.Minute

// Issuer makes certificates. Whether the doctor is who she says, and holds the
// licence, must be settled before Issue.
type Issuer struct {
	name string
	key  ecc.SigningKey
	life time.Duration
	rand io.Reader
}

// NewIssuer is an issuer of the given name (1 to 256 bytes) whose certificates
// live for life, at most MaxLife.
func NewIssuer(name string, key ecc.SigningKey, life time.Duration, rand io.Reader) (*Issuer, error) {
	if name == "" || len(name) > maxIssuer || !key.Valid() || life < time.Second || life > MaxLife || rand == nil {
		return nil, fmt.Errorf("%w: issuer", ErrContent)
	}
	return &Issuer{name: name, key: key, life: life, rand: rand}, nil
}

// JWKS is the key set that relying parties pin.
func (i *Issuer) JWKS() ([]byte, error) {
	keys, err := strictjwt.NewKeys(i.key.Public())
	if err != nil {
		return nil, err
	}
	return json.Marshal(keys)
}

// Open reads a request strictly and checks its fields, that it is meant for this
// issuer, and that its signing key signed it.
func (i *Issuer) Open(data []byte) (message.CertificateRequest, error) {
	var w request
	if err := strictjson.Decode(data, &w); err != nil {
		return message.CertificateRequest{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	keys, err := decodeKeys(w.Suite, w.SigningKey, w.KEMKey)
	if err != nil {
		return message.CertificateRequest{}, err
	}
	q := message.CertificateRequest{Authority: w.Authority, Licence: w.Licence, Name: w.Name,
		Departments: w.Departments, Affiliation: w.Affiliation, Keys: keys}
	signature, err := strictjwt.DecodeBytes(w.Signature)
	if err != nil || q.Authority != i.name {
		return message.CertificateRequest{}, ErrRequest
	}
	if err := checkPerson(q.Licence, q.Name, q.Departments, q.Affiliation); err != nil {
		return message.CertificateRequest{}, err
	}
	if err := keys.Sign.Verify(q.TBS(), signature); err != nil {
		return message.CertificateRequest{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return q, nil
}

// Issue certifies an opened request at now: an EdDSA JWT of at most MaxSize bytes.
func (i *Issuer) Issue(q message.CertificateRequest, now time.Time) ([]byte, error) {
	var id [16]byte
	if _, err := io.ReadFull(i.rand, id[:]); err != nil {
		return nil, fmt.Errorf("doctor certificate: %w", err)
	}
	c := claims{
		Issuer: i.name, Licence: q.Licence, Name: q.Name, Departments: q.Departments, Affiliation: q.Affiliation,
		SigningKey: encode(q.Keys.Sign.Bytes()), Suite: uint8(q.Keys.KEM.Suite()), KEMKey: encode(q.Keys.KEM.Bytes()),
		Times: strictjwt.TimesFrom(now, backdate, i.life), ID: encode(id[:]),
	}
	if _, err := c.certificate(); err != nil {
		return nil, err
	}
	return strictjwt.Sign(i.key, Type, c)
}

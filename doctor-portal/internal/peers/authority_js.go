package peers

import (
	"encoding/base64"
	"errors"
	"time"

	"medunion/api/message"
)

// Authority is a medical authority for benchmarks in a browser's engine, where nothing
// that issues certificates is built: it hands out texts of a certificate's length that
// only it knows. No step of a visit verifies the doctor's own certificate.
type Authority map[string]message.DoctorCertificate

// certificateText is about as long as the claims and the signature of Cert_D, in bytes.
const certificateText = 450

func (w *World) newAuthority() (*Authority, message.CertificateVerifier) {
	a := Authority{}
	return &a, func(text []byte, _ time.Time) (message.DoctorCertificate, error) {
		c, ok := a[string(text)]
		if !ok {
			return c, errors.New("peers: no certificate of this authority")
		}
		return c, nil
	}
}

// Issue certifies whatever it is asked to.
func (a *Authority) Issue(q message.CertificateRequest, now time.Time) ([]byte, error) {
	c := message.DoctorCertificate{Licence: q.Licence, Name: q.Name, Departments: q.Departments, Affiliation: q.Affiliation,
		Suite: q.Keys.KEM.Suite(), SigningKey: q.Keys.Sign, KEMKey: q.Keys.KEM, NotBefore: now, Expires: now.Add(CertificateLife)}
	raw := append(q.Keys.Sign.Bytes(), make([]byte, certificateText)...)
	text := base64.RawURLEncoding.EncodeToString(raw)
	(*a)[text] = c
	return []byte(text), nil
}

// Package certs holds what every TLS listener and client of the suite does alike with
// certificates: pairs in files that are exchanged under a running service, and pins of keys.
package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pin names a key by the SHA-256 of its SubjectPublicKeyInfo (RFC 7469, section 2.4). It
// outlives the certificate: a renewed one over the same key has the same pin.
type Pin [sha256.Size]byte

const pinPrefix = "sha256/"

// ParsePin reads `sha256/` and 44 characters of base64 (RFC 4648, section 4).
func ParsePin(text string) (p Pin, err error) {
	coded, _ := strings.CutPrefix(text, pinPrefix)
	raw, _ := base64.StdEncoding.DecodeString(coded)
	if len(raw) == len(p) && Pin(raw).String() == text {
		return Pin(raw), nil
	}
	return p, fmt.Errorf("%q is no pin: sha256/ and 44 characters of base64", text)
}

// ParsePins reads several; none are no error.
func ParsePins(texts []string) ([]Pin, error) {
	var pins []Pin
	for _, text := range texts {
		p, err := ParsePin(text)
		if err != nil {
			return nil, err
		}
		pins = append(pins, p)
	}
	return pins, nil
}

// PinOf is the pin of a certificate's key.
func PinOf(c *x509.Certificate) Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// String is the form that ParsePin reads.
func (p Pin) String() string { return pinPrefix + base64.StdEncoding.EncodeToString(p[:]) }

// Errors of a certificate that does not hold now.
var (
	ErrExpired  = errors.New("the certificate has expired")
	ErrNotYet   = errors.New("the certificate is not valid yet")
	ErrUnpinned = errors.New("the certificate's key is not pinned")
	errAbsent   = errors.New("there is no certificate")
)

// Valid says whether a certificate holds at a time: ErrExpired or ErrNotYet.
func Valid(c *x509.Certificate, now time.Time) error {
	switch {
	case now.After(c.NotAfter):
		return ErrExpired
	case now.Before(c.NotBefore):
		return ErrNotYet
	}
	return nil
}

// VerifyPinned is a tls.Config.VerifyConnection that knows the other side by its key alone,
// whoever signed the certificate and whatever names it has. The time of the certificate
// still counts. TLS itself has proved that the other side holds the key.
func VerifyPinned(pins []Pin) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errAbsent
		}
		if !slices.Contains(pins, PinOf(s.PeerCertificates[0])) {
			return ErrUnpinned
		}
		return Valid(s.PeerCertificates[0], time.Now())
	}
}

// Package certtest makes certificates for tests.
package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"medunion/api/certs"
)

// Pair is a certificate and its key in files. It signs itself unless Issuer does.
type Pair struct {
	Issuer *Pair

	t         testing.TB
	Cert, Key string
	signer    crypto.Signer
	leaf      *x509.Certificate
}

// New makes a self-signed pair for a name and loopback, good for an hour, as NAME.crt and
// NAME.key in a folder.
func New(t testing.TB, dir, name string) *Pair {
	t.Helper()
	p := &Pair{t: t, Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	p.Rekey()
	return p
}

// Rekey exchanges key and certificate.
func (p *Pair) Rekey() {
	p.t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	p.signer = k
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	p.must(err)
	p.must(Replace(p.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	p.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// Renew exchanges the certificate and keeps the key. Further addresses may be named in it.
func (p *Pair) Renew(from, until time.Time, addresses ...string) {
	p.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	p.must(err)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: filepath.Base(p.Cert)}, NotBefore: from, NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	for _, a := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(a))
	}
	template.IsCA, template.BasicConstraintsValid = p.Issuer == nil, true
	issuer, signer := template, p.signer
	if p.Issuer != nil {
		issuer, signer = p.Issuer.leaf, p.Issuer.signer
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, p.signer.Public(), signer)
	p.must(err)
	p.leaf, err = x509.ParseCertificate(der)
	p.must(err)
	p.must(Replace(p.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// Leaf is the certificate as it is now.
func (p *Pair) Leaf() *x509.Certificate { return p.leaf }

// Pin is the pin of the key as it is now.
func (p *Pair) Pin() string { return certs.PinOf(p.leaf).String() }

// Roots holds the certificate as it is now.
func (p *Pair) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(p.leaf)
	return roots
}

func (p *Pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// Replace writes a file anew under its name, so that no reader sees a part of it.
func Replace(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Pair is a certificate chain and its key in two PEM files. It is used as it was last read
// whole: files that are half exchanged, damaged or expired leave the pair in hand in force.
type Pair struct {
	cert, key string
	now       func() time.Time

	mu       sync.Mutex // one reload at a time
	tried    [sha256.Size]byte
	failed   error // of what was tried last
	current  atomic.Pointer[tls.Certificate]
	failures atomic.Uint64
}

// LoadPair reads the files, both of which must be given.
func LoadPair(cert, key string) (*Pair, error) {
	if cert == "" || key == "" {
		return nil, errors.New("a TLS certificate and its key come together")
	}
	p := &Pair{cert: cert, key: key, now: time.Now}
	chain, secret, err := p.read()
	if err != nil {
		return nil, err
	}
	pair, err := parse(chain, secret)
	if err != nil {
		return nil, err
	}
	p.tried = digest(chain, secret)
	p.current.Store(pair)
	return p, nil
}

func (p *Pair) read() (chain, secret []byte, err error) {
	if chain, err = os.ReadFile(p.cert); err != nil {
		return nil, nil, fmt.Errorf("TLS certificate: %w", err)
	}
	if secret, err = os.ReadFile(p.key); err != nil {
		return nil, nil, fmt.Errorf("TLS key: %w", err)
	}
	return chain, secret, nil
}

func digest(chain, secret []byte) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join([][]byte{chain, secret}, []byte{0}))
}

// parse fails for a key that is not the certificate's.
func parse(chain, secret []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return &pair, nil
}

// Name is the certificate's file.
func (p *Pair) Name() string { return p.cert }

// Reload reads the files anew. It says whether another pair is in force now. An error means
// that the files hold none that could be: it is returned, and counted, once for each
// content. What could not be taken is tried again each time, for it may be that only its
// date had not come yet.
func (p *Pair) Reload() (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	chain, secret, err := p.read()
	if err != nil {
		return false, p.fail([sha256.Size]byte{}, err)
	}
	sum := digest(chain, secret)
	if sum == p.tried && p.failed == nil {
		return false, nil
	}
	pair, err := parse(chain, secret)
	if err == nil {
		err = Valid(pair.Leaf, p.now())
	}
	if err != nil {
		return false, p.fail(sum, err)
	}
	p.tried, p.failed = sum, nil
	p.current.Store(pair)
	return true, nil
}

func (p *Pair) fail(sum [sha256.Size]byte, err error) error {
	if sum == p.tried && p.failed != nil {
		return nil
	}
	p.tried, p.failed = sum, err
	p.failures.Add(1)
	return err
}

// Current is the pair in force. It is not to be changed.
func (p *Pair) Current() *tls.Certificate { return p.current.Load() }

// NotAfter is when the certificate in force ends.
func (p *Pair) NotAfter() time.Time { return p.Current().Leaf.NotAfter }

// Pin is the pin of the key in force.
func (p *Pair) Pin() Pin { return PinOf(p.Current().Leaf) }

// Failures counts the contents of the files that could not be taken.
func (p *Pair) Failures() uint64 { return p.failures.Load() }

// Failing says whether the files, when they were last read, held what could not be taken.
func (p *Pair) Failing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed != nil
}

// Valid says whether the certificate in force holds now.
func (p *Pair) Valid() error { return Valid(p.Current().Leaf, p.now()) }

// Served is a tls.Config.GetCertificate.
func (p *Pair) Served(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.Current(), nil }

// Shown is a tls.Config.GetClientCertificate: it is shown to whoever asks for one, because
// whom to trust is decided by the key, and not by who signed it.
func (p *Pair) Shown(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return p.Current(), nil
}

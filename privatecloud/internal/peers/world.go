// Package peers holds the other parties of the protocol as the hospital's tests need them:
// a registrar, a doctor and a patient that make real messages with api/message and ecc, and
// that can be told to cheat. Only tests import it.
package peers

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
)

// Must returns v or ends the test.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Clock is a clock that tests move.
type Clock struct {
	mu sync.Mutex
	d  time.Duration
}

// Now is the system's time plus what the clock was moved by.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.d)
}

// Move moves the clock.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.d += d
}

// World is one public cloud with everybody it has registered.
type World struct {
	Suite  ecc.Suite
	Clock  *Clock
	Issuer *ecc.Issuer
	Cloud  ecc.SigningKey // PRK_C
	Prekey ecc.KEMPrivateKey
	Pins   message.Pins

	Medical     *doctorcert.Issuer // of Cert_D
	MedicalJWKS []byte
	authority   *doctorcert.Authority

	mu      sync.Mutex
	revoked []message.Hash
	written []message.IndexWrite
	prekeys []message.Signed
	down    error
	listAge time.Duration
	numbers map[message.ID]uint64 // of the credentials that were registered over HTTP
	issued  map[message.ID][]message.Credential
}

// Party is a registered party with its secrets.
type Party struct {
	Cred message.Credential
	Sign ecc.SigningKey
	KEM  ecc.KEMPrivateKey
	S    ecc.Scalar
	Cert []byte // of a doctor
}

// AuthorityName is the medical authority's issuer name.
const AuthorityName = "medical-authority"

// NewWorld makes a registrar with fresh keys.
func NewWorld(suite ecc.Suite) *World {
	w := &World{Suite: suite, Clock: &Clock{}}
	w.Medical = Must(doctorcert.NewIssuer(AuthorityName, Must(ecc.GenerateSigningKey(rand.Reader)), 48*time.Hour, rand.Reader))
	w.MedicalJWKS = Must(w.Medical.JWKS())
	w.authority = Must(doctorcert.NewAuthority(AuthorityName, w.MedicalJWKS))
	return w.newRoot()
}

// Anew is the world after its public cloud's root was stolen: one with another root, that knows nobody.
func (w *World) Anew() *World {
	return (&World{Suite: w.Suite, Clock: w.Clock, Medical: w.Medical, MedicalJWKS: w.MedicalJWKS, authority: w.authority}).newRoot()
}

func (w *World) newRoot() *World {
	w.numbers, w.issued = map[message.ID]uint64{}, map[message.ID][]message.Credential{}
	w.Issuer = Must(ecc.NewIssuer(Must(ecc.GenerateScalar(rand.Reader)), bytes.Repeat([]byte{9}, 32)))
	w.Cloud = Must(ecc.GenerateSigningKey(rand.Reader))
	w.Prekey = Must(ecc.GenerateKEM(w.Suite, rand.Reader))
	w.Pins = message.Pins{CloudID: "cloud.example", First: message.Root{PK: w.Issuer.Public(), PUKC: w.Cloud.Public()}}
	return w
}

// Now is the world's time.
func (w *World) Now() message.Millis { return message.MillisOf(w.Clock.Now()) }

// Register issues a credential, with a partial key as in Eq. 2-10.
func (w *World) Register(role message.Role, id message.ID, attribute []byte, epoch uint64) Party {
	return w.RegisterKeys(role, id, attribute, epoch, Must(ecc.GenerateSigningKey(rand.Reader)), Must(ecc.GenerateKEM(w.Suite, rand.Reader)))
}

// RegisterKeys is Register for keys that exist.
func (w *World) RegisterKeys(role message.Role, id message.ID, attribute []byte, epoch uint64, sign ecc.SigningKey, kem ecc.KEMPrivateKey) Party {
	p := Party{Sign: sign, KEM: kem}
	now := w.Now()
	info := message.Info{Suite: kem.Suite(), Role: role, ID: id, Attribute: attribute, Epoch: epoch, NotBefore: now.Add(-time.Minute),
		NotAfter: now.Add(48 * time.Hour), Keys: message.PublicKeys{Sign: sign.Public(), KEM: kem.Public()}}
	x := Must(ecc.GenerateScalar(rand.Reader))
	pk := Must(w.Issuer.Issue(rand.Reader, []byte("req"), x.Public(), info.Encode()))
	p.S = Must(ecc.Accept(x, info.Encode(), pk, w.Pins.First.PK))
	p.Cred = message.Credential{Info: info, R: pk.R, Signature: w.Cloud.Sign(message.TBSCredential(info, pk.R))}
	return p
}

// Doctor registers a doctor with a certificate for these departments.
func (w *World) Doctor(id message.ID, departments ...string) Party {
	sign, kem := Must(ecc.GenerateSigningKey(rand.Reader)), Must(ecc.GenerateKEM(w.Suite, rand.Reader))
	cert := Must(w.Medical.Issue(message.CertificateRequest{Authority: AuthorityName, Licence: "L-" + string(id), Name: "Dr " + string(id),
		Departments: departments, Keys: message.PublicKeys{Sign: sign.Public(), KEM: kem.Public()}}, w.Clock.Now()))
	attribute := ecc.Sum(cert)
	p := w.RegisterKeys(message.Doctor, id, attribute[:], 1, sign, kem)
	p.Cert = cert
	return p
}

// VerifyCertificate is the medical authority's relying party.
func (w *World) VerifyCertificate(cert []byte, now time.Time) (message.DoctorCertificate, error) {
	return w.authority.Verify(cert, now)
}

// Revoke puts a credential on the revocation list.
func (w *World) Revoke(c message.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked = message.SortHashes(append(w.revoked, c))
}

// AgeList makes the revocation list older than it is.
func (w *World) AgeList(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listAge = d
}

// Revocations implements hospital.Revocations.
func (w *World) Revocations() message.Revocations {
	w.mu.Lock()
	defer w.mu.Unlock()
	return message.Revocations{Issued: message.MillisOf(w.Clock.Now().Add(-w.listAge)), Revoked: w.revoked}
}

var _ hospital.Cloud = (*World)(nil)

// Break makes the public cloud fail with err until it is nil again.
func (w *World) Break(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = err
}

// Written returns the index writes that the public cloud has confirmed.
func (w *World) Written() []message.IndexWrite {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]message.IndexWrite(nil), w.written...)
}

// Published returns the prekeys that the hospital has published.
func (w *World) Published() []message.Signed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]message.Signed(nil), w.prekeys...)
}

// CloudPrekey implements hospital.Cloud.
func (w *World) CloudPrekey(context.Context, uint8) (message.Signed, error) {
	now := w.Now()
	p := message.Prekey{Suite: w.Suite, Owner: message.CloudHash(w.Pins.First.PUKC), Key: w.Prekey.Public(), NotBefore: now.Add(-time.Second), NotAfter: now.Add(time.Hour)}
	return message.Sign(w.Cloud, p.Encode()), nil
}

// PutPrekey implements hospital.Cloud.
func (w *World) PutPrekey(_ context.Context, s message.Signed) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prekeys = append(w.prekeys, s)
	return w.down
}

// WriteIndexEntry implements hospital.Cloud: it opens and verifies the write as the public
// cloud does, and answers with a receipt.
func (w *World) WriteIndexEntry(_ context.Context, m message.Message) (message.Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return message.Message{}, w.down
	}
	opened, err := message.Open(m, w.Prekey, w.Pins.CloudID)
	if err != nil {
		return message.Message{}, err
	}
	x, err := message.DecodeIndexWrite(w.Suite, opened.Plaintext)
	if err != nil {
		return message.Message{}, err
	}
	now := message.MillisOf(w.Clock.Now())
	if err := x.Entry.Verify(w.Pins, x.VK, now); err != nil {
		return message.Message{}, err
	}
	cH := x.Entry.Hospital.Hash()
	if slices.Contains(w.revoked, cH) {
		return message.Message{}, problem.Refused(errors.New("a revoked hospital"))
	}
	if err := x.Entry.Hospital.Info.Keys.Sign.Verify(message.TBSIndexWrite(m.Header, cH, x.Entry, x.PKe), x.Signature); err != nil {
		return message.Message{}, err
	}
	for _, old := range w.written {
		if old.Entry.Locator == x.Entry.Locator && old.Entry.Hospital.Hash() == cH && old.Entry.Time >= x.Entry.Time && !bytes.Equal(old.Entry.Encode(), x.Entry.Encode()) {
			return message.Message{}, problem.Conflict("A later entry of this hospital is stored.")
		}
	}
	w.written = append(w.written, x)
	hdr := Must(message.NewHeader(rand.Reader, w.Suite, message.TypeIndexed, m.Header.Session, now))
	s := Must(message.Begin(rand.Reader, x.PKe, x.Entry.Hospital.Info.ID, hdr))
	sig := w.Cloud.Sign(message.TBSIndexed(s.Header(), x.Entry.Locator, x.Entry.Value, now))
	return s.Seal(message.Indexed{Time: now, Signature: sig}.Encode())
}

// OpenPrekey returns the hospital's newest published prekey, verified.
func (w *World) OpenPrekey(t testing.TB, h message.Credential) ecc.KEMPublicKey {
	t.Helper()
	p, found := w.FindPrekey(h)
	if !found {
		t.Fatal("the hospital has published no prekey")
	}
	return p
}

// FindPrekey is OpenPrekey for a credential that may have none.
func (w *World) FindPrekey(h message.Credential) (ecc.KEMPublicKey, bool) {
	for _, s := range slices.Backward(w.Published()) {
		if p, err := message.OpenPrekey(s, h.Hash(), w.Suite, h.Info.Keys.Sign, w.Now()); err == nil {
			return p.Key, true
		}
	}
	return ecc.KEMPublicKey{}, false
}

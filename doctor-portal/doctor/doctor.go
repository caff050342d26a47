package doctor

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Times that the protocol fixes for the doctor.
const (
	MaxM1Age    = 15 * time.Minute // how old an M1 may be when it is answered
	SessionLife = 30 * time.Minute // of SEK_1 and of SEK_2
	future      = 2 * time.Second  // δ: how far ahead the patient's clock may be
)

// SeenStore remembers which M1 has been answered. It outlives a restart: the
// headless agent and the browser keep it in their sealed store.
type SeenStore interface {
	// Accept records the id of an M1 and returns nil once that is durable. An id
	// recorded before is a refusal. After until the id may be forgotten.
	Accept(ctx context.Context, id [16]byte, until time.Time) error
}

// Config is what a Doctor is given from outside. All fields but Stamp are
// required.
type Config struct {
	Pins              message.Pinned // as they are at each moment
	VerifyCertificate message.CertificateVerifier
	Now               func() time.Time
	Rand              io.Reader
	Seen              SeenStore

	// Stamp gives the time T of the headers that the doctor sends; nil means Now.
	// It lets a client whose clock is off follow a server's clock in what it sends
	// without following it in what it accepts.
	Stamp func() time.Time
}

func (c Config) check() error {
	if c.Pins == nil || !c.Pins.Pins().Valid() {
		return problem.Invalid("The pinned public parameters are missing.")
	}
	if c.VerifyCertificate == nil || c.Now == nil || c.Rand == nil || c.Seen == nil {
		return problem.Invalid("The doctor's configuration is incomplete.")
	}
	return nil
}

// Doctor is one doctor's identity: keys, Cert_D, Cred_D and prekeys. It is safe
// for concurrent use. It prints as "[redacted]".
type Doctor struct {
	redacted
	cfg   Config
	suite ecc.Suite
	id    message.ID
	sign  ecc.SigningKey    // PRK_D, signing
	kem   ecc.KEMPrivateKey // PRK_D, HPKE

	mu          sync.Mutex
	certificate []byte     // Cert_D, nil before SetCertificate
	x           ecc.Scalar // x_D, only between Register and AcceptRegistration
	renewing    bool       // whether that registration renews the one in use
	self        *registered
	prekeys     []prekey // oldest first
	revocations message.Revocations
}

// registered is what a completed registration leaves. It never changes, so that a
// visit keeps the credential under which it began.
type registered struct {
	redacted
	id          message.ID
	suite       ecc.Suite
	sign        ecc.SigningKey
	certificate []byte
	departments []string
	notBefore   time.Time // of Cert_D
	expires     time.Time
	credential  message.Credential
	c           message.Hash // c_D
	s           ecc.Scalar   // S_D
}

// ID returns ID_D, Suite the suite of all the doctor's keys.
func (d *Doctor) ID() message.ID { return d.id }

// Suite returns the suite of the doctor's keys.
func (d *Doctor) Suite() ecc.Suite { return d.suite }

// Credential returns Cred_D; it fails with a conflict before registration.
func (d *Doctor) Credential() (message.Credential, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.self == nil {
		return message.Credential{}, order("the doctor is not registered")
	}
	return d.self.credential, nil
}

// Certificate returns Cert_D, nil before SetCertificate.
func (d *Doctor) Certificate() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.certificate
}

func (d *Doctor) pins() message.Pins { return d.cfg.Pins.Pins() }

func (d *Doctor) now() message.Millis { return message.MillisOf(d.cfg.Now()) }

func (d *Doctor) stamp() message.Millis {
	if d.cfg.Stamp == nil {
		return d.now()
	}
	return message.MillisOf(d.cfg.Stamp())
}

// active returns the registration if Cred_D and Cert_D hold now: whoever's licence
// has run out neither answers nor asks.
func (d *Doctor) active() (*registered, error) {
	d.mu.Lock()
	self := d.self
	d.mu.Unlock()
	if self == nil {
		return nil, order("the doctor is not registered")
	}
	now := d.cfg.Now()
	if err := self.credential.Verify(d.pins(), message.Doctor, message.MillisOf(now)); err != nil {
		return nil, problem.Refused(err)
	}
	if now.Before(self.notBefore) || !now.Before(self.expires) {
		return nil, problem.Refused(message.ErrExpired)
	}
	return self, nil
}

// AcceptRevocations takes the public cloud's signed revocation list. Without one
// that is at most two hours old, nobody's credential is accepted.
func (d *Doctor) AcceptRevocations(s message.Signed) error {
	v, err := message.OpenRevocations(s, d.pins(), d.now())
	if err != nil {
		return problem.Refused(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.Issued < d.revocations.Issued {
		return problem.Refused(errOldList) // a relay must not take a revocation back
	}
	d.revocations = v
	return nil
}

// unrevoked fails for a revoked credential, and for every one while the list is
// too old to tell.
func (d *Doctor) unrevoked(c message.Hash) error {
	d.mu.Lock()
	v := d.revocations
	d.mu.Unlock()
	if d.now() > v.Issued.Add(message.MaxRevocationAge) {
		return problem.Unavailable(time.Second, errOldList)
	}
	if v.Contains(c) {
		return problem.Refused(errRevoked)
	}
	return nil
}

// ErrPrekey is the cause of a refusal of an M1 under a prekey that this store does not
// hold, or holds no more: it may be for another workstation of the same doctor.
var ErrPrekey = errors.New("doctor: no such prekey, or its time is over")

// Causes of refusals that no other package names.
var (
	errOldList  = errors.New("doctor: no revocation list that is new enough")
	errRevoked  = errors.New("doctor: credential revoked")
	errSuite    = errors.New("doctor: suites differ")
	errHeader   = errors.New("doctor: header is not the expected one")
	errPeer     = errors.New("doctor: not the party that was meant")
	errTicket   = errors.New("doctor: ticket does not answer the request")
	errEntry    = errors.New("doctor: index entry of a locator not asked for")
	errGrant    = errors.New("doctor: hospital not in the consent")
	errReceipt  = errors.New("doctor: receipt does not verify")
	errPage     = errors.New("doctor: page out of order")
	errNumber   = errors.New("doctor: the credential is not newer than the one in use")
	errLifetime = errors.New("doctor: session is over")
)

// order is the error of a step that is not the next one.
func order(what string) error { return problem.Conflict("Out of order: " + what + ".") }

// malformed is the error of bytes that are not the canonical message.
func malformed(t message.Type, cause error) error {
	return problem.Invalid("The message " + string(t) + " is malformed.").Because(cause)
}

// Package patient is the patient's role: what her device computes in each step of
// the protocol, and what it checks of everybody else.
//
// It does no input or output. Clock, randomness, the pinned parameters and the
// medical authority's verifier are given to New; messages come in and go out as
// values. A step out of order is an error and changes nothing.
package patient

import (
	"errors"
	"io"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Config is what the role depends on. Every field but Stamp is needed.
type Config struct {
	Now               func() time.Time
	Rand              io.Reader      // cryptographically secure
	Pins              message.Pinned // as they are at each moment
	VerifyCertificate message.CertificateVerifier

	// Stamp gives the time T of what the patient sends; nil means Now. It lets a
	// device whose clock is off follow a server's in what it sends, without
	// following it in what it accepts.
	Stamp func() time.Time
}

// Patient is one person's role with her keys. AcceptRegistration and AcceptRenewal change
// it and must not run beside other methods; the others may run side by side. A Visit is for
// one goroutine; Visits of one Patient are independent of each other.
type Patient struct {
	cfg  Config
	keys Identity
}

// New makes the role from an identity, fresh or from the sealed store.
func New(cfg Config, keys Identity) (*Patient, error) {
	if cfg.Now == nil || cfg.Rand == nil || cfg.VerifyCertificate == nil || cfg.Pins == nil || !cfg.Pins.Pins().Valid() {
		return nil, errors.New("patient: incomplete configuration")
	}
	if !keys.Suite.Valid() || !keys.ID.Valid() {
		return nil, errors.New("patient: no identity")
	}
	return &Patient{cfg: cfg, keys: keys}, nil
}

// Identity returns the current keys and credential, for the sealed store.
func (p *Patient) Identity() Identity { return p.keys }

// ID is ID_P.
func (p *Patient) ID() message.ID { return p.keys.ID }

// Registered reports whether the patient holds a credential and S_P.
func (p *Patient) Registered() bool { return p.keys.Credential != nil }

func (p *Patient) pins() message.Pins { return p.cfg.Pins.Pins() }

func (p *Patient) now() message.Millis { return message.MillisOf(p.cfg.Now()) }

func (p *Patient) stamp() message.Millis {
	if p.cfg.Stamp == nil {
		return p.now()
	}
	return message.MillisOf(p.cfg.Stamp())
}

// Errors of steps taken out of order; both are conflicts.
var (
	ErrNotRegistered error = problem.Conflict("There is no registered identity yet.").Coded("not-registered")
	ErrOrder         error = problem.Conflict("This is not the next step, or the session is over.").Coded("session-over")
)

// header starts an exchange of its own.
func (p *Patient) header(t message.Type) (message.Header, error) {
	return message.NewHeader(p.cfg.Rand, p.keys.Suite, t, [16]byte{}, p.stamp())
}

// refuse is the patient's verdict over a message that does not hold.
func refuse(cause error) error { return problem.Refused(cause) }

// credential returns c_P's preimage or ErrNotRegistered.
func (p *Patient) credential() (message.Credential, error) {
	if p.keys.Credential == nil {
		return message.Credential{}, ErrNotRegistered
	}
	return *p.keys.Credential, nil
}

// oneTimeKey draws the HPKE pair (sk_e, pk_e) of one exchange.
func (p *Patient) oneTimeKey() (ecc.KEMPrivateKey, error) {
	return ecc.GenerateKEM(p.keys.Suite, p.cfg.Rand)
}

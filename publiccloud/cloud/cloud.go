package cloud

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Config is all that the role needs. Every field is required unless it says otherwise.
type Config struct {
	ID        message.ID // ID_PC
	Roots     Roots      // at the start; SetRoots follows
	HandleKey []byte     // 32 bytes: makes handles of names; never changes
	AtRest    AtRest     // of the challenges, the own prekeys and the evidence; the instances share it

	Suites         []ecc.Suite   // that are offered
	Past, Future   time.Duration // ΔT, δ of the window, as published
	CredentialLife time.Duration // of a patient or hospital; a doctor's ends with Cert_D at the latest
	CodeLife       time.Duration // of a patient's registration code

	// Floor is the time of the last restore from a backup, 0 if there was none. A consent
	// that begins before may have been used up or revoked after the backup: it is refused.
	Floor message.Millis

	VerifyCertificate message.CertificateVerifier
	Now               func() time.Time
	Rand              io.Reader

	Window      Window
	Registry    Registry
	Revocations Revocations
	Prekeys     Prekeys
	OwnPrekeys  OwnPrekeys
	Sealed      Sealed
	Index       Index
	Consents    Consents
	Log         Log
	Operations  Operations
}

// Cloud is the public cloud. Its methods may be called concurrently.
type Cloud struct {
	Config
	roots     *atomic.Pointer[Roots]
	rooting   *sync.Mutex // serialises SetRoots
	keys      *keyring
	doctors   *doctorCache
	hospitals hospitalCache
	lists     *listCache
}

const secretSize = 32

// New checks the configuration. It touches no store.
func New(c Config) (*Cloud, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("cloud: %w", err)
	}
	c.Suites = slices.Compact(slices.Sorted(slices.Values(c.Suites)))
	cl := &Cloud{
		Config:  c,
		roots:   &atomic.Pointer[Roots]{},
		rooting: &sync.Mutex{},
		keys:    &keyring{},
		doctors: newDoctorCache(),
		lists:   newLists(),
	}
	cl.roots.Store(&c.Roots)
	return cl, nil
}

func (c Config) check() error {
	switch {
	case !c.ID.Valid():
		return errors.New("ID is not valid")
	case len(c.HandleKey) != secretSize || c.AtRest == nil || !c.AtRest.Challenge().valid() || !c.AtRest.Opening().valid():
		return errors.New("a secret is missing or not of 32 bytes")
	case len(c.Suites) == 0 || slices.ContainsFunc(c.Suites, func(s ecc.Suite) bool { return !s.Valid() }):
		return errors.New("no suite, or an unknown one")
	case c.Past <= 0 || c.Future <= 0 || c.CredentialLife <= 0 || c.CodeLife <= 0:
		return errors.New("a duration is not positive")
	case c.VerifyCertificate == nil || c.Now == nil || c.Rand == nil:
		return errors.New("no certificate verifier, clock or randomness")
	case c.Window == nil || c.Registry == nil || c.Revocations == nil || c.Prekeys == nil ||
		c.OwnPrekeys == nil || c.Sealed == nil || c.Index == nil || c.Consents == nil || c.Log == nil || c.Operations == nil:
		return errors.New("a port is missing")
	}
	return c.Roots.check(c.ID, message.MillisOf(c.Now()))
}

func (c *Cloud) trail() Trail {
	return Trail{Store: c.Operations, HandleKey: c.HandleKey, Now: c.Now}
}

func (c *Cloud) now() message.Millis { return message.MillisOf(c.Now()) }

// handle is the pseudonym HMAC(k, ⟨handle: use, fields⟩) under which the store
// knows a name. Without the key, a dictionary of names finds none of them.
func (c *Cloud) handle(use string, fields ...[]byte) message.Hash {
	return ecc.HMAC(c.HandleKey, ecc.LabelHandle, append([][]byte{[]byte(use)}, fields...)...)
}

// The uses of handles.
const (
	handleName      = "name"
	handleCode      = "code"
	handleLicence   = "licence"
	handleHospital  = "hospital"
	handleRenewal   = "renewal"
	handleUses      = "uses"
	handleRevoked   = "revoked consent"
	handlePrekeyAAD = "own prekey"
)

// consentHandles are the pseudonyms of (H(Consent), L) for each L: a dump of the
// database does not tell which locators were named together.
func (c *Cloud) consentHandles(use string, consent message.Hash, locators []message.Hash) []message.Hash {
	out := make([]message.Hash, len(locators))
	for i, l := range locators {
		out[i] = c.handle(use, consent[:], l[:])
	}
	return out
}

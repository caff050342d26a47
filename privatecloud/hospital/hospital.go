package hospital

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Keys are the hospital's secrets. They come from its key file and are kept in memory only.
type Keys struct {
	Identities IdentityKeys // the credentials with PRK_HPC and S_HPC
	Lookup     message.Hash // keyed hashes under which the stores find things; never rolled
	Storage    StorageKeys  // the key-encryption key; all other keys at rest derive from it or lie under it
}

// Config is what a Hospital is made of; all of it is needed.
type Config struct {
	Keys              Keys
	Pins              message.Pinned // as they are at each moment
	VerifyCertificate message.CertificateVerifier
	Now               func() time.Time
	Rand              io.Reader

	Window      Window
	Sessions    Sessions
	Records     Records
	DeskCodes   DeskCodes
	Enrolments  Enrolments
	Tickets     Tickets
	Consents    Consents
	Receipts    Receipts
	Diagnoses   Diagnoses
	Audit       AuditLog
	Erasures    Erasures
	Rekeying    Rekeying
	Prekeys     Prekeys
	Revocations Revocations
	Cloud       Cloud
	Reader      DiagnosisReader

	// Floor is the time of the last restore from a backup, 0 if there was none. A consent
	// that begins before, or a ticket issued before, may have been revoked or spent after the
	// backup: both are refused.
	Floor message.Millis

	DeskCodeLife time.Duration // default 15 minutes
	// RequirePasskey refuses consents whose user verification is the weaker kind, a
	// passphrase. Outside it is the one refusal; the audit trail says which it was.
	RequirePasskey bool

	MaxReleaseSize int                          // bytes of one release held in memory, default 256 MiB
	RequestID      func(context.Context) string // for the audit trail; may be nil
	Past           bool                         // what is kept is read and nothing signed: the credential may have ended
	Due            func()                       // called when index entries wait to be published; may be nil
}

// Hospital is the role. Its methods may be called from many goroutines.
type Hospital struct {
	Config
	id    message.ID
	suite ecc.Suite
	keys  atRest

	audit     auditor
	strangers strangers
	prekeyMu  sync.RWMutex
	prekeys   map[message.Hash]openPrekey
	prekeyEnd atomic.Int64 // in milliseconds since 1970

	renewAgain   atomic.Int64                 // when to look again for entries under an older credential, in milliseconds since 1970
	publishedFor atomic.Pointer[message.Hash] // c_HPC of the current prekey that this instance has published
}

// MaxSessionLife bounds the life of a SEK.
const MaxSessionLife = 30 * time.Minute

// New checks that the keys belong together and to the pins.
func New(c Config) (*Hospital, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.DeskCodeLife == 0 {
		c.DeskCodeLife = 15 * time.Minute
	}
	if c.MaxReleaseSize == 0 {
		c.MaxReleaseSize = 256 << 20
	}
	if c.RequestID == nil {
		c.RequestID = func(context.Context) string { return "" }
	}
	if c.Due == nil {
		c.Due = func() {}
	}
	cred := c.Keys.Identities.Identities().Current.Credential
	h := &Hospital{Config: c, id: cred.Info.ID, suite: cred.Info.Suite,
		keys: atRest{lookup: c.Keys.Lookup, storage: c.Keys.Storage}, prekeys: map[message.Hash]openPrekey{}}
	h.audit = auditor{log: c.Audit, keys: h.keys, rand: c.Rand}
	return h, nil
}

func (c Config) check() error {
	for name, missing := range map[string]bool{
		"Now": c.Now == nil, "Rand": c.Rand == nil, "VerifyCertificate": c.VerifyCertificate == nil, "Window": c.Window == nil,
		"Sessions": c.Sessions == nil, "Records": c.Records == nil, "DeskCodes": c.DeskCodes == nil, "Enrolments": c.Enrolments == nil,
		"Tickets": c.Tickets == nil, "Consents": c.Consents == nil, "Receipts": c.Receipts == nil, "Diagnoses": c.Diagnoses == nil,
		"Audit": c.Audit == nil, "Erasures": c.Erasures == nil, "Rekeying": c.Rekeying == nil, "Prekeys": c.Prekeys == nil, "Revocations": c.Revocations == nil, "Cloud": c.Cloud == nil, "Reader": c.Reader == nil,
		"Identities": c.Keys.Identities == nil, "Storage": c.Keys.Storage == nil || !c.Keys.Storage.Opening().valid(), "Lookup": c.Keys.Lookup == message.Hash{},
	} {
		if missing {
			return fmt.Errorf("hospital: %s is missing", name)
		}
	}
	if c.Pins == nil || !c.Pins.Pins().Valid() {
		return errors.New("hospital: the pins are missing")
	}
	ids, at := c.Keys.Identities.Identities(), message.MillisOf(c.Now())
	if c.Past {
		at = ids.Current.Credential.Info.NotBefore
	}
	return ids.check(c.Pins.Pins(), at)
}

// ID is the hospital's ID_HPC.
func (h *Hospital) ID() message.ID { return h.id }

func (h *Hospital) now() message.Millis { return message.MillisOf(h.Now()) }

// fresh checks a message's suite and time, before anything is decrypted.
func (h *Hospital) fresh(m message.Message) error {
	if m.Header.Suite != h.suite {
		return fmt.Errorf("%w: suite", message.ErrCredential) // no downgrade
	}
	return h.Window.Fresh(m.Header.Time.Time())
}

// accept takes a verified message through the replay window.
func (h *Hospital) accept(ctx context.Context, sender message.Hash, hdr message.Header) error {
	return h.Window.Accept(ctx, message.WindowID(h.id, sender, hdr), hdr.Time.Time())
}

// unrevoked asks the revocation list about credentials. A list that is too old refuses
// everything: a revoked doctor must not gain by keeping the hospital from the public cloud.
func (h *Hospital) unrevoked(creds ...message.Hash) error {
	list := h.Revocations.Revocations()
	if h.now() > list.Issued.Add(message.MaxRevocationAge) {
		return problem.Unavailable(time.Minute, errors.New("the revocation list is too old"))
	}
	for _, c := range creds {
		if list.Contains(c) {
			return fmt.Errorf("%w: revoked", message.ErrCredential)
		}
	}
	return nil
}

// stored makes of a store's error what the caller may see.
func stored(err error) error {
	var known *problem.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return problem.Unavailable(time.Second, err)
}

// malformed is the answer to bytes that are no message of the type wanted.
func malformed(t message.Type) error {
	return problem.Invalid(fmt.Sprintf("The body is no message of type %s.", t))
}

// reply seals a body for the holder of a one-time key, in the exchange of hdr.
func (h *Hospital) reply(hdr message.Header, t message.Type, to ecc.KEMPublicKey, recipient message.ID) (*message.Sealing, error) {
	rh, err := message.NewHeader(h.Rand, h.suite, t, hdr.Session, h.now())
	if err != nil {
		return nil, err
	}
	return message.Begin(h.Rand, to, recipient, rh)
}

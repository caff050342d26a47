package cloud

import (
	"context"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// The ports. Their errors are *problem.Error: Unavailable when a store does not
// answer, otherwise as each method says. A write has been made durable when it
// returns nil.

// Window is the replay window (section 6 of the protocol).
type Window interface {
	// Fresh fails with Stale for a time outside the window, before anything is decrypted.
	Fresh(t time.Time) error
	// Accept fails with Refused for an id that was accepted before, with Stale
	// for a time whose ids may have been forgotten.
	Accept(ctx context.Context, id [16]byte, t time.Time) error
}

// Record is what the registry keeps of a credential. Of a patient it keeps no
// body: nothing that a later reader of the database could link to a person.
type Record struct {
	Credential  message.Hash // c_X
	Role        message.Role
	Name        message.Hash // handle of (role, ID, epoch)
	Admission   message.Hash // handle of what admitted it: code, licence, hospital, or renewal
	Line        message.Hash // c_X of the first of those that were renewed one by another, up to this one
	Body        []byte       // Cred_X; empty for a patient
	Certificate []byte       // Cert_D, for a doctor
	NotAfter    message.Millis
}

// Registry keeps the credentials and the patients' single-use codes.
type Registry interface {
	// AddCode keeps the handle of a code until it expires, and forgets expired ones.
	AddCode(ctx context.Context, code message.Hash, now, expires message.Millis) error
	// HasCode reports whether the code exists, unused and unexpired.
	HasCode(ctx context.Context, code message.Hash, now message.Millis) (bool, error)
	// Free fails as Add would for a name or admission that is taken now.
	Free(ctx context.Context, r Record) error
	// Add stores the record. Name and Admission are unique, so that storing the
	// record is what uses the code up: fails with Conflict if the name, a renewal's
	// number, a doctor's licence or a hospital's ID is taken, with Refused if another admission is, and nothing is changed then.
	Add(ctx context.Context, r Record) error
	// Find fails with NotFound.
	Find(ctx context.Context, c message.Hash) (Record, error)
	// Admitted finds by admission. It fails with NotFound.
	Admitted(ctx context.Context, admission message.Hash) (Record, error)
	// Line returns the records of a line, by c_X.
	Line(ctx context.Context, line message.Hash) ([]Record, error)
	// Hospitals returns the records of the hospitals that have not expired, by c_X.
	Hospitals(ctx context.Context, now message.Millis) ([]Record, error)
}

// Revocations keeps what has been revoked. Credentials are named by c_X, consents
// at a locator by a handle.
type Revocations interface {
	// RevokeCredential is idempotent. The list need not show it after until.
	RevokeCredential(ctx context.Context, c message.Hash, now, until message.Millis) error
	RevokeConsent(ctx context.Context, handle message.Hash, now message.Millis) error
	// AnyRevoked asks for all names, of both sorts, in one operation.
	AnyRevoked(ctx context.Context, names []message.Hash) (bool, error)
	// RevokedCredentials are those whose until has not passed.
	RevokedCredentials(ctx context.Context, now message.Millis) ([]message.Hash, error)
}

// PublishedPrekey is a party's current prekey, signed by its owner.
type PublishedPrekey struct {
	Owner     message.Hash // c_X
	Signed    []byte       // message.Signed over a message.Prekey
	NotBefore message.Millis
	NotAfter  message.Millis
}

// Prekeys keeps the parties' published prekeys, one an owner.
type Prekeys interface {
	// Publish replaces the owner's prekey. Fails with Conflict if the stored one
	// begins later, or at the same time with other bytes.
	Publish(ctx context.Context, p PublishedPrekey) error
	// Published fails with NotFound.
	Published(ctx context.Context, owner message.Hash) (PublishedPrekey, error)
}

// OwnPrekey is one of the public cloud's own prekeys; its private part is sealed.
type OwnPrekey struct {
	Suite    ecc.Suite
	Slot     uint64 // counts the half days since 1970
	Signed   []byte
	Sealed   []byte // private key under the sealing key
	Under    uint32 // its version
	NotAfter message.Millis
}

// OwnPrekeys lets the instances of the public cloud share their prekeys.
type OwnPrekeys interface {
	// AddOwn fails with Conflict if another instance has filled (suite, slot).
	AddOwn(ctx context.Context, p OwnPrekey) error
	Own(ctx context.Context, now message.Millis) ([]OwnPrekey, error)
	// EraseOwn deletes those that expired before.
	EraseOwn(ctx context.Context, before message.Millis) error
}

// StoredEntry is one version of an index entry: Cred_HPC in canonical bytes.
type StoredEntry struct {
	Locator    message.Hash
	Hospital   message.Hash // c_HPC
	Time       message.Millis
	Value      []byte // v
	SigIndex   []byte
	Credential []byte // Cred_HPC
	Evidence   []byte // sealed, of the M12 that brought it, else empty; Latest does not return it
	Under      uint32 // version of the sealing key under which the evidence lies
}

// Index keeps every version of every entry.
type Index interface {
	// Put appends a version. Writing the same (L, c_HPC, T, v) again changes nothing
	// and succeeds, but keeps the evidence of each M12; an older T, or the same T
	// with another v, is a Conflict. It is Refused to keep no end of evidence about one version.
	Put(ctx context.Context, e StoredEntry) error
	// Latest returns the newest version per (L, c_HPC) for all locators in one
	// operation, by (L, c_HPC), at most limit of them beginning at skip.
	Latest(ctx context.Context, locators []message.Hash, skip, limit int) ([]StoredEntry, error)
}

// SearchUse is one accepted search.
type SearchUse struct {
	Consent   message.Hash   // H(Consent)
	Operation [16]byte       // the message's window id: unique, the second guard against replay
	Tags      []message.Hash // handles of (H(Consent), L) for each L of the consent
	MaxUses   uint32
	Use       message.Use
	Grounds   []byte // sealed: the same for every use of the consent, kept of the first
	Evidence  []byte // sealed: of this use
	Under     uint32 // the older version of the sealing key of the two
}

// Consents counts and lists what was searched under a consent.
type Consents interface {
	// Count records the use with its evidence in one atomic operation. Fails with Refused, changing
	// nothing, if MaxUses reads were counted before or the operation is known. A use in mode write
	// is recorded and not counted.
	Count(ctx context.Context, u SearchUse) error
	// Uses returns the recorded uses of the consent, in their order, from the
	// given number on, if tag is one of its tags; otherwise none.
	Uses(ctx context.Context, consent, tag message.Hash, from, limit int) ([]message.Use, error)
}

// Log is the append-only registration log.
type Log interface {
	// Append chains a line to the last one.
	Append(ctx context.Context, c message.Hash, role message.Role, t message.Millis) error
	// Read returns up to limit lines, beginning with the index from.
	Read(ctx context.Context, from uint64, limit int) ([]message.LogEntry, error)
}

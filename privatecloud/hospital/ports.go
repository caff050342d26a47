package hospital

import (
	"context"
	"errors"
	"time"

	"medunion/api/message"
)

// What a store says of the data. Any other error of a store means that it does not
// answer, and the request is refused as unavailable.
var (
	// ErrNotFound: there is nothing under this key.
	ErrNotFound = errors.New("hospital: not found")
	// ErrExists: the key is taken; nothing was written over it.
	ErrExists = errors.New("hospital: exists already")
	// ErrLost: a compare-and-set found another value than the expected one.
	ErrLost = errors.New("hospital: another request was first")
)

// Handle names a patient inside the hospital's stores: 16 random bytes.
type Handle [16]byte

// Window is the replay window of section 6. Its errors are problem errors.
type Window interface {
	Fresh(t time.Time) error
	Accept(ctx context.Context, id [16]byte, t time.Time) error
}

// Head is the newest version of a record. Tag authenticates it, so that whoever can
// write into the store cannot move it.
type Head struct {
	Number uint64 // 0 for an empty record
	Hash   message.Hash
	Tag    message.Hash
	Under  uint32 // of a head to be written: the version of the storage key that made the tag
}

// Patient is what the store holds of one patient.
type Patient struct {
	Handle  Handle
	Wrapped []byte // the patient's data key under the key-encryption key
	Head    Head
	Under   uint32 // the oldest version of the storage key that something here may lie under
}

// Version is one sealed version of one resource.
type Version struct {
	Handle  Handle
	Number  uint64 // from 1
	Prev    message.Hash
	Hash    message.Hash
	Key     message.Hash // keyed hash of source, type and id
	Content message.Hash // keyed hash of the content
	Blob    []byte
}

// Outline is a version without its blob.
type Outline struct {
	Number       uint64
	Key, Content message.Hash
}

// Records holds the patients and their record versions.
type Records interface {
	PatientByMRN(ctx context.Context, mrn message.Hash) (Patient, error)
	Patient(ctx context.Context, h Handle) (Patient, error)
	// CreatePatient fails with ErrExists if the MRN has a patient already.
	CreatePatient(ctx context.Context, mrn message.Hash, p Patient) error
	// MoveHead fails with ErrLost unless the head is from.
	MoveHead(ctx context.Context, h Handle, from, to Head) error
	// AppendVersions writes in order and stops with ErrExists at the first number that is taken.
	AppendVersions(ctx context.Context, v []Version) error
	// Versions calls visit for each number from from on, ascending, up to and including to.
	Versions(ctx context.Context, h Handle, from, to uint64, visit func(Version) error) error
	// Outlines does the same without blobs.
	Outlines(ctx context.Context, h Handle, from, to uint64, visit func(Outline) error) error
}

// DeskCode admits one enrolment. The code itself is not stored.
type DeskCode struct {
	Code    message.Hash // keyed hash
	Handle  Handle
	Expires message.Millis
}

// DeskCodes holds the one-time codes of the desk.
type DeskCodes interface {
	AddDeskCode(ctx context.Context, c DeskCode) error
	// UseDeskCode consumes an unexpired code atomically; ErrNotFound if there is none.
	UseDeskCode(ctx context.Context, code message.Hash, now message.Millis) (Handle, error)
	// CountTry adds one to the tries of who and returns how many there were since the
	// first one, whose count is forgotten at expires.
	CountTry(ctx context.Context, who message.Hash, now, expires message.Millis) (int, error)
}

// Enrolment links a record to a patient's identity. Who is the keyed hash of ID_P;
// Sealed holds the pinned credential, the locators and the state of the entries.
type Enrolment struct {
	Handle  Handle
	Who     message.Hash
	Version uint64         // counts what PutEnrolment wrote; the seal is bound to it
	Marks   uint64         // counts what MarkDue changed
	Due     message.Millis // when index entries are to be published, NeverDue if all are
	Epoch   uint64         // of the oldest credential of the hospital under which an index entry of hers may stand, NoEpoch without one
	Sealed  []byte
}

// NeverDue says that nothing waits to be published.
const NeverDue message.Millis = 1<<63 - 1

// NoEpoch says that no index entry stands under any credential.
const NoEpoch uint64 = 1<<63 - 1

// Enrolments holds at most one enrolment for a record and for an identity.
type Enrolments interface {
	EnrolmentOf(ctx context.Context, who message.Hash) (Enrolment, error)
	EnrolmentByHandle(ctx context.Context, h Handle) (Enrolment, error)
	// PutEnrolment writes version e.Version, which is 1 for a new enrolment; ErrLost unless
	// the stored one has version e.Version-1 and e.Marks, ErrExists if Who is enrolled with
	// another record.
	PutEnrolment(ctx context.Context, e Enrolment) error
	// MarkDue makes the index entries of an enrolled record due at t, or earlier if
	// they are so already. A record that is not enrolled is no error.
	MarkDue(ctx context.Context, h Handle, t message.Millis) error
	// EnrolmentsAfter returns up to limit enrolments by handle, those behind after.
	EnrolmentsAfter(ctx context.Context, after Handle, limit int) ([]Enrolment, error)
	// DueEnrolments returns up to limit enrolments that are due at now.
	DueEnrolments(ctx context.Context, now message.Millis, limit int) ([]Enrolment, error)
	// EnrolmentsBefore returns up to limit enrolments of an Epoch lower than epoch that are due
	// later than after, or not at all. One that was written before there were epochs is of a lower one.
	EnrolmentsBefore(ctx context.Context, epoch uint64, after message.Millis, limit int) ([]Handle, error)
	// CountBefore counts all enrolments of a lower Epoch, due or not.
	CountBefore(ctx context.Context, epoch uint64) (int64, error)
}

// Tickets remembers which tickets have opened a session here.
type Tickets interface {
	// UseTicket fails with ErrExists for a ticket that was used. It may be forgotten after expires.
	UseTicket(ctx context.Context, ticket message.Hash, expires message.Millis) error
}

// Consents remembers which consents a patient has revoked here.
type Consents interface {
	RevokeConsent(ctx context.Context, consent message.Hash, h Handle) error
	ConsentRevoked(ctx context.Context, consent message.Hash, h Handle) (bool, error)
}

// Receipt is the sealed line of one release or diagnosis, with its sealed evidence.
type Receipt struct {
	Handle Handle
	Number uint64 // from 1, without gaps
	Sealed []byte
	Access []byte // what let the doctor in
	Answer []byte // what the hospital has signed; empty while a release is under way
}

// Receipts holds each patient's numbered releases.
type Receipts interface {
	LastReceipt(ctx context.Context, h Handle) (uint64, error)
	// AddReceipt fails with ErrExists if the number is taken.
	AddReceipt(ctx context.Context, r Receipt) error
	// CompleteReceipt adds the Answer to a receipt that has none; ErrLost otherwise.
	CompleteReceipt(ctx context.Context, h Handle, number uint64, answer []byte) error
	// Receipts returns them without their evidence.
	Receipts(ctx context.Context, h Handle, from uint64, limit int) ([]Receipt, error)
}

// Diagnosis is the sealed evidence of one diagnosis written here. Operation is the
// keyed hash of H(Sig_D5).
type Diagnosis struct {
	Operation message.Hash
	Handle    Handle
	Record    uint64
	Sealed    []byte
}

// Diagnoses holds what was written under M11.
type Diagnoses interface {
	Diagnosis(ctx context.Context, operation message.Hash) (Diagnosis, error)
	// AddDiagnosis fails with ErrExists if the operation is known.
	AddDiagnosis(ctx context.Context, d Diagnosis) error
	Diagnoses(ctx context.Context, h Handle, from uint64, limit int) ([]Diagnosis, error)
}

// AuditEntry is one sealed line of the audit trail.
type AuditEntry struct {
	Number uint64 // from 1
	Prev   message.Hash
	Hash   message.Hash
	Sealed []byte
}

// AuditLog is append-only.
type AuditLog interface {
	// LastAudit returns the newest entry, ErrNotFound if there is none.
	LastAudit(ctx context.Context) (AuditEntry, error)
	// AppendAudit writes the entries in order, durably; ErrExists if the first number is
	// taken, and then nothing is written.
	AppendAudit(ctx context.Context, e []AuditEntry) error
	AuditFrom(ctx context.Context, from uint64, limit int) ([]AuditEntry, error)
	// ProbeAudit writes, as durably as AppendAudit and to the same database, what is no
	// entry of the trail and replaces what the probe before it wrote.
	ProbeAudit(ctx context.Context) error
}

// StoredPrekey is a prekey pair; Sealed holds the private key and the signed prekey.
type StoredPrekey struct {
	ID        message.Hash // of the public key, as kid_to names it
	Owner     message.Hash // c_HPC of the credential whose PRK_HPC signed it; zero of one from before that was written down
	NotBefore message.Millis
	NotAfter  message.Millis
	Sealed    []byte
}

// Prekeys holds the hospital's own prekeys until they expire.
type Prekeys interface {
	AddPrekey(ctx context.Context, k StoredPrekey) error
	Prekey(ctx context.Context, id message.Hash) (StoredPrekey, error)
	// NewestPrekey returns the owner's with the latest NotBefore, ErrNotFound if there is none.
	NewestPrekey(ctx context.Context, owner message.Hash) (StoredPrekey, error)
	ErasePrekeys(ctx context.Context, expiredBefore message.Millis) error
	// ExchangePrekey puts sealed in the place of what k holds; ErrLost if that has changed or is gone.
	ExchangePrekey(ctx context.Context, k StoredPrekey, sealed []byte) error
	// EachPrekey calls visit for all of them.
	EachPrekey(ctx context.Context, visit func(StoredPrekey) error) error
}

// StoredSession is the sealed state of a session with the number of its changes.
type StoredSession struct {
	Version uint64
	Sealed  []byte
}

// Sessions holds session states for their short life. Losing them only makes
// requests fail.
type Sessions interface {
	// CreateSession stores version 1; ErrExists if the id is taken.
	CreateSession(ctx context.Context, id message.Hash, sealed []byte, life time.Duration) error
	Session(ctx context.Context, id message.Hash) (StoredSession, error)
	// SwapSession replaces version s.Version-1 by s and keeps the remaining life; ErrLost otherwise.
	SwapSession(ctx context.Context, id message.Hash, s StoredSession) error
	DropSession(ctx context.Context, id message.Hash) error
}

// Erasure is how far the erasure of one record has come.
type Erasure struct {
	Handle  Handle
	MRN     message.Hash // of the record while it can be asked for again, else zero
	Version uint64       // counts what PutErasure wrote; the seal is bound to it
	State   ErasureState
	Time    message.Millis // of the destruction
	Plan    []byte         // sealed; nil when nothing is left to do
	Receipt []byte         // message.Signed, from the destruction on
}

// Erasures destroys records, and remembers what is still to be done about it.
type Erasures interface {
	// Erasure fails with ErrNotFound if none was begun for the handle.
	Erasure(ctx context.Context, h Handle) (Erasure, error)
	// ErasureByMRN returns the newest that is not done.
	ErasureByMRN(ctx context.Context, mrn message.Hash) (Erasure, error)
	// PutErasure writes version e.Version, 1 for a new one; ErrLost unless the stored one has
	// version e.Version-1.
	PutErasure(ctx context.Context, e Erasure) error
	// UnfinishedErasures returns up to limit that are not in the state ErasureDone, in the order of the handles, behind after.
	UnfinishedErasures(ctx context.Context, after Handle, limit int) ([]Erasure, error)
	// EachErasure calls visit for all of them.
	EachErasure(ctx context.Context, visit func(Erasure) error) error
	// DestroyPatient deletes the patient with her wrapped data key and the keyed MRN; ErrLost unless the head is from.
	DestroyPatient(ctx context.Context, h Handle, from Head) error
	// EraseTraces deletes everything else that is kept under a handle, but the audit trail and the erasure itself.
	EraseTraces(ctx context.Context, h Handle) error
	// EachPatient calls visit for every patient, in the order of the handles, behind after.
	EachPatient(ctx context.Context, after Handle, visit func(Patient) error) error
}

// Revocations gives the newest revocation list that the hospital holds, verified.
// Its age is checked at every use.
type Revocations interface {
	Revocations() message.Revocations
}

// Cloud is the public cloud as the hospital's publisher sees it.
type Cloud interface {
	// CloudPrekey returns the public cloud's signed prekey of a suite.
	CloudPrekey(ctx context.Context, suite uint8) (message.Signed, error)
	// WriteIndexEntry posts an index write and returns the sealed receipt.
	WriteIndexEntry(ctx context.Context, m message.Message) (message.Message, error)
	PutPrekey(ctx context.Context, s message.Signed) error
}

// DiagnosisReader reads a FHIR Bundle that a doctor has sent: every resource of it
// valid and classed by the parameters' table, or an error that says nothing of its content.
type DiagnosisReader interface {
	ReadDiagnosis(bundle []byte) ([]Resource, error)
}

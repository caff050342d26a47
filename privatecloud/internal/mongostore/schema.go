package mongostore

import (
	"encoding/binary"
	"slices"

	"medunion/api/mongodb"
	"medunion/privatecloud/hospital"
)

// The schema: every collection and every field. Nothing in it can be read: names are
// random handles (16 bytes) or keyed hashes (32 bytes), contents are sealed. Times are
// milliseconds since 1970. What is sharded says Versions. Beside them is mongodb.Keyring, which package
// mongoroll keeps.
const (
	colPatients   = "patients"
	colVersions   = "versions"
	colDeskCodes  = "deskCodes"
	colTries      = "tries"
	colEnrolments = "enrolments"
	colTickets    = "tickets"
	colConsents   = "revokedConsents"
	colReceipts   = "receipts"
	colDiagnoses  = "diagnoses"
	colAudit      = "audit"
	colPrekeys    = "prekeys"
	colProbes     = "probes" // one document a probe: its name, and how often it was written
	colErasures   = "erasures"
)

type patientDoc struct {
	Handle  []byte `bson:"_id"`
	MRN     []byte `bson:"mrn"` // keyed hash, unique
	Wrapped []byte `bson:"dek"`
	Number  int64  `bson:"number"` // head
	Hash    []byte `bson:"hash"`
	Tag     []byte `bson:"tag"`
	Under   int64  `bson:"kv,omitempty"` // the oldest version of the storage key that dek or tag may lie under
}

// versionDoc is never changed, and deleted only with the whole record.
type versionDoc struct {
	ID      []byte `bson:"_id"` // handle (16), number (8)
	Handle  []byte `bson:"h"`
	Number  int64  `bson:"n"`
	Prev    []byte `bson:"prev"`
	Hash    []byte `bson:"hash"`
	Key     []byte `bson:"key"`     // keyed hash
	Content []byte `bson:"content"` // keyed hash
	Blob    []byte `bson:"blob"`
}

type deskCodeDoc struct {
	Code    []byte `bson:"_id"` // keyed hash
	Handle  []byte `bson:"h"`
	Expires int64  `bson:"expires"`
}

type triesDoc struct {
	Who     []byte `bson:"_id"` // keyed hash
	Count   int64  `bson:"n"`
	Expires int64  `bson:"expires"`
}

type enrolmentDoc struct {
	Handle  []byte `bson:"_id"`
	Who     []byte `bson:"who"` // keyed hash, unique
	Version int64  `bson:"version"`
	Marks   int64  `bson:"marks"`
	Due     int64  `bson:"due"`
	Epoch   int64  `bson:"epoch"` // of the oldest credential of the hospital that an index entry may stand under
	Sealed  []byte `bson:"sealed"`
}

type ticketDoc struct {
	Ticket  []byte `bson:"_id"` // keyed hash
	Expires int64  `bson:"expires"`
}

type consentDoc struct {
	ID []byte `bson:"_id"` // handle (16), keyed hash of H(Consent) (32)
}

// receiptDoc is deleted only with the whole record, and never changed but that a release's answer is added once.
type receiptDoc struct {
	ID     []byte `bson:"_id"` // handle (16), number (8)
	Handle []byte `bson:"h"`
	Number int64  `bson:"n"`
	Sealed []byte `bson:"sealed"`
	Access []byte `bson:"access"` // sealed evidence
	Answer []byte `bson:"answer"` // sealed evidence, null until it is known
}

type diagnosisDoc struct {
	Operation []byte `bson:"_id"` // keyed hash
	Handle    []byte `bson:"h"`
	Record    int64  `bson:"n"`
	Sealed    []byte `bson:"sealed"`
}

// auditDoc is never changed or deleted.
type auditDoc struct {
	Number int64  `bson:"_id"`
	Prev   []byte `bson:"prev"`
	Hash   []byte `bson:"hash"`
	Sealed []byte `bson:"sealed"`
}

type prekeyDoc struct {
	ID        []byte `bson:"_id"`             // of the public key
	Owner     []byte `bson:"owner,omitempty"` // c_HPC
	NotBefore int64  `bson:"notBefore"`
	NotAfter  int64  `bson:"notAfter"`
	Sealed    []byte `bson:"sealed"`
}

// erasureDoc outlives the record: its receipt is what is left of it.
type erasureDoc struct {
	Handle  []byte `bson:"_id"`
	MRN     []byte `bson:"mrn,omitempty"` // keyed hash, until it is done
	Version int64  `bson:"version"`
	State   int32  `bson:"state"` // 1 begun, 2 destroyed, 3 done
	Time    int64  `bson:"time"`
	Plan    []byte `bson:"plan,omitempty"` // sealed
	Receipt []byte `bson:"receipt,omitempty"`
}

// indexes are what the queries and the uniqueness rules rest on.
var indexes = []mongodb.Index{
	mongodb.Unique(colPatients, "mrn"),
	mongodb.Ordered(colPatients, "kv"),
	mongodb.Unique(colVersions, "h", "n"),
	mongodb.Ordered(colDeskCodes, "expires"),
	mongodb.Ordered(colTries, "expires"),
	mongodb.Unique(colEnrolments, "who"),
	mongodb.Ordered(colEnrolments, "due"),
	mongodb.Ordered(colTickets, "expires"),
	mongodb.Unique(colReceipts, "h", "n"),
	mongodb.Ordered(colDiagnoses, "h", "n"),
	mongodb.Ordered(colPrekeys, "notBefore"),
	mongodb.Ordered(colErasures, "state"),
}

// epochIndex finds what stands under an older credential of the hospital.
var epochIndex = []mongodb.Index{mongodb.Ordered(colEnrolments, "epoch")}

// Versions are those of this schema. Not sharded are patients and enrolments, each with a
// unique index over a keyed hash that no shard key can begin beside _id; audit, a chain that
// grows at one end; and what is few or short-lived. A record and its receipts lie together,
// by h. diagnoses are spread by _id, because an operation must be known whoever's it is.
var Versions = mongodb.Schema{Needs: 1,
	Migrations: []mongodb.Migration{mongodb.Indexed("indexes of the first version", indexes), mongodb.Indexed("index of what stands under an older credential", epochIndex)},
	Sharded:    []mongodb.ShardKey{{Collection: colVersions, Field: "h"}, {Collection: colReceipts, Field: "h"}, {Collection: colDiagnoses, Field: "_id"}},
}

func numbered(h hospital.Handle, n uint64) []byte { return binary.BigEndian.AppendUint64(h[:], n) }

// CheckShardKeys fails if an index asks for what shards cannot keep.
func CheckShardKeys() error {
	return Versions.CheckShardKeys(append(slices.Clone(indexes), epochIndex...))
}

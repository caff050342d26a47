package mongostore

import (
	"encoding/binary"
	"slices"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/publiccloud/cloud"
)

// The schema: every collection and every field. Hashes and handles are binary,
// 32 bytes; times are milliseconds since 1970. What is sharded says Versions.
const (
	colCredentials = "credentials"
	colCodes       = "codes"
	colRevocations = "revocations"
	colPrekeys     = "prekeys"
	colOwnPrekeys  = "ownPrekeys"
	colEntries     = "entries"
	colLatest      = "latest"
	colConsents    = "consents"
	colLog         = "log"
	colOperations  = "operations"
	colKeyring     = mongodb.Keyring // successions; what package mongoroll keeps
)

// credentialDoc: a patient's has no body and no certificate.
type credentialDoc struct {
	Credential  []byte `bson:"_id"`       // c_X
	Role        string `bson:"role"`      // P, D or HPC
	Name        []byte `bson:"name"`      // handle, unique
	Admission   []byte `bson:"admission"` // handle, unique: inserting the document uses the code up
	Line        []byte `bson:"line"`      // c_X of the first of its line; absent from what older programs wrote: its own
	Body        []byte `bson:"body"`
	Certificate []byte `bson:"certificate"`
	NotAfter    int64  `bson:"notAfter"`
}

type codeDoc struct {
	Code    []byte `bson:"_id"` // handle
	Expires int64  `bson:"expires"`
}

// revocationDoc: a credential by c_X, a consent at one locator by its handle.
type revocationDoc struct {
	Name  []byte `bson:"_id"`
	Kind  string `bson:"kind"`
	Time  int64  `bson:"time"`
	Until int64  `bson:"until"` // of a credential: its not-after; of a consent: 0
}

const (
	kindCredential = "credential"
	kindConsent    = "consent"
)

type prekeyDoc struct {
	Owner     []byte `bson:"_id"` // c_X
	Signed    []byte `bson:"signed"`
	NotBefore int64  `bson:"notBefore"`
	NotAfter  int64  `bson:"notAfter"`
}

type ownPrekeyDoc struct {
	ID       []byte `bson:"_id"` // suite (1), slot (8)
	Signed   []byte `bson:"signed"`
	Sealed   []byte `bson:"sealed"`
	Under    int64  `bson:"k"` // version of the sealing key
	NotAfter int64  `bson:"notAfter"`
}

// entryDoc is one version. It is never deleted, and nothing but evidence is added.
type entryDoc struct {
	ID       []byte `bson:"_id"` // L (32), c_HPC (32), T (8)
	Locator  []byte `bson:"l"`
	Value    []byte `bson:"v"`
	SigIndex []byte `bson:"sig"`

	Forwarded int64    `bson:"forwarded"`   // times that it came in M12
	Evidence  [][]byte `bson:"evidence"`    // sealed, one for each
	Under     int64    `bson:"k,omitempty"` // oldest version of the sealing key among them; absent without evidence
}

// latestDoc is a copy of the newest version, with what a search returns, so that
// a search is one query.
type latestDoc struct {
	ID         []byte `bson:"_id"` // L (32), c_HPC (32)
	Locator    []byte `bson:"l"`
	Time       int64  `bson:"t"`
	Value      []byte `bson:"v"`
	SigIndex   []byte `bson:"sig"`
	Credential []byte `bson:"cred"`
}

// consentDoc counts the reads and lists all uses. At most 2 * maxRecorded uses with 2.2 kB of
// evidence each stay well below the 16 MB of a document.
type consentDoc struct {
	Consent    []byte   `bson:"_id"`  // H(Consent)
	Tags       [][]byte `bson:"tags"` // handles of its locators
	Reads      int64    `bson:"reads"`
	Writes     int64    `bson:"writes"`
	Operations [][]byte `bson:"ops"` // window ids, 16 bytes
	Uses       []useDoc `bson:"uses"`
	Grounds    []byte   `bson:"grounds"`  // sealed
	Evidence   [][]byte `bson:"evidence"` // sealed, in the order of the uses
	Under      int64    `bson:"k"`        // oldest version of the sealing key among them
}

type useDoc struct {
	Time    int64  `bson:"t"`
	Mode    int32  `bson:"mode"`
	Request []byte `bson:"request"`
}

type logDoc struct {
	Index      int64  `bson:"_id"`
	Credential []byte `bson:"credential"`
	Role       string `bson:"role"`
	Time       int64  `bson:"time"`
	Previous   []byte `bson:"previous"`
}

// operationDoc is one line of the trail of operations.
type operationDoc struct {
	Number int64  `bson:"_id"` // from 1
	Prev   []byte `bson:"prev"`
	Hash   []byte `bson:"hash"`
	Line   []byte `bson:"line"` // JSON; no patient in it, and no key
}

// successionDoc is a succession of the root that was announced, or was about to be.
type successionDoc struct {
	ID         string `bson:"_id"` // successionID and the number
	Succession int64  `bson:"succession"`
	Statement  []byte `bson:"statement"` // its hash
}

// successionID begins a succession's _id, among the instances.
const successionID = "succession"

// indexes are what the queries and the uniqueness rules rest on.
var indexes = []mongodb.Index{
	mongodb.Unique(colCredentials, "name"),
	mongodb.Unique(colCredentials, "admission"),
	mongodb.Ordered(colCredentials, "role"),
	mongodb.Ordered(colRevocations, "kind"),
	mongodb.Ordered(colLatest, "l", "_id"),
	mongodb.Ordered(colEntries, "k", "_id"),
	mongodb.Ordered(colConsents, "k", "_id"),
}

// lineIndex finds what was renewed from one credential.
var lineIndex = []mongodb.Index{mongodb.Ordered(colCredentials, "line")}

// Versions are those of this schema. Not sharded are credentials, whose two unique indexes no
// shard key can begin both; codes, prekeys and ownPrekeys, which are few; and log and operations, chains
// that grow at one end. entries are spread by _id, which begins with L; latest by l, so
// that a search asks only the shards that hold something.
var Versions = mongodb.Schema{Needs: 1,
	Migrations: []mongodb.Migration{mongodb.Indexed("indexes of the first version", indexes), mongodb.Indexed("index of credentials that were renewed", lineIndex)},
	Sharded:    []mongodb.ShardKey{{Collection: colEntries, Field: "_id"}, {Collection: colLatest, Field: "l"}, {Collection: colConsents, Field: "_id"}, {Collection: colRevocations, Field: "_id"}},
}

func latestID(l, hospital message.Hash) []byte { return append(l[:], hospital[:]...) }

func entryID(e cloud.StoredEntry) []byte {
	return binary.BigEndian.AppendUint64(latestID(e.Locator, e.Hospital), uint64(e.Time))
}

// versionID is entryID of a document of latest.
func versionID(latest []byte, t int64) (id [72]byte) {
	binary.BigEndian.PutUint64(id[copy(id[:], latest):], uint64(t))
	return id
}

// CheckShardKeys fails if an index asks for what shards cannot keep.
func CheckShardKeys() error {
	return Versions.CheckShardKeys(append(slices.Clone(indexes), lineIndex...))
}

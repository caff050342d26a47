package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"medunion/ecc"
)

// Format is the version of the file's form.
const Format = 1

// Errors of reading.
var (
	// ErrFormat says that the file is no backup, or a damaged one.
	ErrFormat = errors.New("the file is no backup, or it is damaged or cut off")
	// ErrForged says that the manifest is not signed by the service's key.
	ErrForged = errors.New("the backup is not signed by this service's key")
	// ErrOther says that the backup is another service's, or of another schema.
	ErrOther = errors.New("the backup is not of this service")
)

// Manifest says what a backup holds. It names nobody.
type Manifest struct {
	Format      int          `json:"format"`
	Service     string       `json:"service"`  // such as "privatecloud"
	Owner       string       `json:"owner"`    // ID_HPC or ID_PC
	Database    string       `json:"database"` // where it was taken
	Schema      int          `json:"schema"`
	Started     time.Time    `json:"started"` // what was acknowledged before is in it
	Finished    time.Time    `json:"finished"`
	Collections []Collection `json:"collections"`
}

// Collection is one of them.
type Collection struct {
	Name      string `json:"name"`
	Documents int64  `json:"documents"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"` // of its documents end to end, in the order of the file
	Last      string `json:"last"`   // _id of the last one, in hex: of a chain, its head
}

// Documents are those of all collections.
func (m Manifest) Documents() (n int64) {
	for _, c := range m.Collections {
		n += c.Documents
	}
	return n
}

// tbs is what the service signs.
func tbs(manifest []byte) []byte { return ecc.Encode(ecc.LabelBackup, manifest) }

func openManifest(b, signature []byte, trusted []ecc.VerifyKey) (m Manifest, err error) {
	signed := func(k ecc.VerifyKey) bool { return k.Verify(tbs(b), signature) == nil }
	if !slices.ContainsFunc(trusted, signed) {
		return m, ErrForged
	}
	if err := json.Unmarshal(b, &m); err != nil || m.Format != Format {
		return m, fmt.Errorf("%w: manifest", ErrFormat)
	}
	return m, nil
}

package hospital

import (
	"encoding/binary"
	"errors"

	"medunion/api/message"
	"medunion/ecc"
)

// Resource is one FHIR resource with where it belongs. All of it lies inside the seal.
type Resource struct {
	Type       string
	ID         string
	FullURL    string // of the bundle entry that brought it, "" if none
	Department message.Code
	Class      message.Code
	Date       message.Millis // the first clinically meaningful date, 0 if unknown
	Bytes      []byte         // as imported, unchanged

	// Source is "" for the hospital's own systems. A diagnosis carries the hash of its
	// signature here: what a doctor writes can never pass for a newer version of what the
	// hospital holds under the same type and id.
	Source string
}

func (r Resource) valid() bool {
	return r.Type != "" && r.Department.Valid() && r.Class.Valid() && len(r.Bytes) > 0
}

func (r Resource) encode() []byte {
	return ecc.Encode(ecc.LabelRecord, []byte(r.Source), []byte(r.Type), []byte(r.ID), []byte(r.FullURL), []byte(r.Department),
		[]byte(r.Class), number(uint64(r.Date)), r.Bytes)
}

func decodeResource(b []byte) (Resource, error) {
	f, err := ecc.Decode(ecc.LabelRecord, b, 8)
	if err != nil || len(f[6]) != 8 {
		return Resource{}, errRecord
	}
	return Resource{Source: string(f[0]), Type: string(f[1]), ID: string(f[2]), FullURL: string(f[3]), Department: message.Code(f[4]),
		Class: message.Code(f[5]), Date: message.Millis(binary.BigEndian.Uint64(f[6])), Bytes: f[7]}, nil
}

// key names the resource within its record, over all its versions. A resource without
// an id is named by its content: it has one version only.
func (d dataKey) key(r Resource) message.Hash {
	name := []byte(r.ID)
	if r.ID == "" {
		content := ecc.Sum(r.Bytes)
		name = content[:]
	}
	return ecc.HMAC(d.lookup[:], ecc.LabelRecord, []byte("key"), []byte(r.Source), []byte(r.Type), name)
}

// content changes when anything of the resource does, also its place.
func (d dataKey) content(r Resource) message.Hash {
	return ecc.HMAC(d.lookup[:], ecc.LabelRecord, []byte("content"), r.encode())
}

// errRecord says that a stored record is not as it was written.
var errRecord = errors.New("hospital: the stored record is damaged")

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

package keyring

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"medunion/ecc"
)

// The canonical bytes of a ring, all integers big-endian:
//
//	⟨key ring: format (1), service, generation (8), fields, keys, sum⟩
//	fields = ⟨key ring field: name, value, name, value, ...⟩ by name
//	keys = ⟨key ring key: name, versions, name, versions, ...⟩ by name
//	versions = ⟨key ring version: one, one, ...⟩ by number
//	one = number (4) || state (1) || generation (8) || since (8) || until (8) || secret (the rest)
//
// sum is H⟨key ring sum: ...⟩ over what is before it, so that a damaged file that is not
// sealed is noticed. It proves nothing against someone who writes to the file.
//
// The format is 1, or 2 of a ring in which keys were rolled together (AddTogether): a program
// that knows format 1 only would take such keys over one by one, and so refuses the file.
const (
	format     = 1
	together   = 2
	ringFields = 6
	headSize   = 4 + 1 + 8 + 8 + 8
	maxNames   = 64   // of keys
	maxVersion = 1024 // of one key: a roll each day for nearly three years

	// A version that is destroyed may leave a field behind, as the hospital's leave the keys of their part of the
	// audit trail: fields have room for one of each, beside those that every ring has.
	maxFields = maxVersion + maxNames
)

// ErrFormat says that the bytes are no ring, or a damaged one.
var ErrFormat = errors.New("the key file is damaged or not a key ring")

// ErrService says that the ring is another service's.
var ErrService = errors.New("the key file is another service's")

// IsRing tells a ring from the older forms of key files.
func IsRing(b []byte) bool {
	l := string(ecc.LabelKeyRing)
	return len(b) > len(l) && int(b[0]) == len(l) && string(b[1:1+len(l)]) == l
}

// SecretBytes are the ring's canonical bytes.
func (r Ring) SecretBytes() []byte {
	var fields, keys [][]byte
	for _, n := range sorted(r.fields) {
		fields = append(fields, []byte(n), r.fields[n])
	}
	for _, n := range sorted(r.keys) {
		keys = append(keys, []byte(n), encodeVersions(r.keys[n]))
	}
	parts := [][]byte{{r.format}, []byte(r.Service), binary.BigEndian.AppendUint64(nil, r.Generation),
		ecc.Encode(ecc.LabelRingField, fields...), ecc.Encode(ecc.LabelRingKey, keys...)}
	sum := ecc.H(ecc.LabelRingSum, parts...)
	return ecc.Encode(ecc.LabelKeyRing, append(parts, sum[:])...)
}

// Digest tells one ring from another of the same generation: two that were changed apart
// from each other. It tells nothing of the secrets, which are random.
func (r Ring) Digest() ecc.Hash { return ecc.H(ecc.LabelRingSum, r.SecretBytes()) }

func encodeVersions(all []Version) []byte {
	var out [][]byte
	for _, v := range all {
		b := binary.BigEndian.AppendUint32(make([]byte, 0, headSize+len(v.secret)), v.Number)
		b = append(b, byte(v.State))
		b = binary.BigEndian.AppendUint64(b, v.Generation)
		b = binary.BigEndian.AppendUint64(b, stamp(v.Since))
		b = binary.BigEndian.AppendUint64(b, stamp(v.Until))
		out = append(out, append(b, v.secret...))
	}
	return ecc.Encode(ecc.LabelRingVersion, out...)
}

func stamp(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

// Decode reads a ring of the service. ErrFormat for anything that SecretBytes does not
// make, ErrService for a ring of another one.
func Decode(service string, b []byte) (Ring, error) {
	f, err := ecc.Decode(ecc.LabelKeyRing, b, ringFields)
	if err != nil || len(f[0]) != 1 || f[0][0] != format && f[0][0] != together || len(f[2]) != 8 {
		return Ring{}, ErrFormat
	}
	r := New(string(f[1]))
	r.format = f[0][0]
	r.Generation = binary.BigEndian.Uint64(f[2])
	if err := errors.Join(r.decodeFields(f[3]), r.decodeKeys(f[4])); err != nil {
		return Ring{}, ErrFormat
	}
	// Whatever is out of order, twice, or has another sum is not what encoding again gives.
	if subtle.ConstantTimeCompare(r.SecretBytes(), b) != 1 {
		return Ring{}, ErrFormat
	}
	if r.Service != service {
		return Ring{}, fmt.Errorf("%w: %q, not %q", ErrService, r.Service, service)
	}
	return r, nil
}

func (r *Ring) decodeFields(b []byte) error {
	list, err := pairs(ecc.LabelRingField, b, maxFields)
	for i := 0; i < len(list); i += 2 {
		r.fields[string(list[i])] = list[i+1]
	}
	return err
}

func (r *Ring) decodeKeys(b []byte) error {
	list, err := pairs(ecc.LabelRingKey, b, maxNames)
	for i := 0; i < len(list) && err == nil; i += 2 {
		r.keys[string(list[i])], err = decodeVersions(list[i+1], r.Generation)
	}
	return err
}

func pairs(l ecc.Label, b []byte, limit int) ([][]byte, error) {
	list, err := ecc.DecodeList(l, b, 2*limit)
	if err == nil && len(list)%2 != 0 {
		err = ErrFormat
	}
	return list, err
}

func decodeVersions(b []byte, generation uint64) ([]Version, error) {
	list, err := ecc.DecodeList(ecc.LabelRingVersion, b, maxVersion)
	if err != nil || len(list) == 0 {
		return nil, ErrFormat
	}
	var out []Version
	for _, x := range list {
		v, err := decodeVersion(x)
		if err != nil || v.Generation > generation || len(out) > 0 && v.Number <= out[len(out)-1].Number {
			return nil, ErrFormat
		}
		out = append(out, v)
	}
	if count(out, Current) != 1 || count(out, Next) > 1 {
		return nil, ErrFormat
	}
	return out, nil
}

func decodeVersion(b []byte) (Version, error) {
	if len(b) < headSize {
		return Version{}, ErrFormat
	}
	v := Version{Number: binary.BigEndian.Uint32(b), State: State(b[4]), Generation: binary.BigEndian.Uint64(b[5:]),
		Since: moment(b[13:]), Until: moment(b[21:]), secret: b[headSize:]}
	if !v.State.valid() || v.Number == 0 || (len(v.secret) == 0) != (v.State == Destroyed) {
		return Version{}, ErrFormat
	}
	if v.State == Destroyed {
		v.secret = nil
	}
	return v, nil
}

func moment(b []byte) time.Time {
	ms := binary.BigEndian.Uint64(b)
	if ms == 0 || ms > 1<<62 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func count(all []Version, s State) (n int) {
	for _, v := range all {
		if v.State == s {
			n++
		}
	}
	return n
}

func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

const redaction = "[redacted]"

// Format keeps the secrets out of every text, as do the methods beside it.
func (Ring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redaction) }

// LogValue hides the secrets from slog.
func (Ring) LogValue() slog.Value { return slog.StringValue(redaction) }

// MarshalJSON hides the secrets from encoding/json.
func (Ring) MarshalJSON() ([]byte, error) { return []byte(`"` + redaction + `"`), nil }

// Format shows a version's number and state.
func (v Version) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%d (%s)", v.Number, v.State) }

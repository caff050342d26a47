package message

import (
	"fmt"
	"slices"
	"time"

	"medunion/ecc"
)

// Signed is a statement with its signature: ⟨signed: tbs, signature⟩. The tbs
// bytes travel verbatim and are never built again from their fields.
type Signed struct {
	TBS       []byte // the canonical statement, up to 4 MiB
	Signature []byte // Ed25519, 64 bytes
}

// Sign signs a statement.
func Sign(k ecc.SigningKey, tbs []byte) Signed { return Signed{TBS: tbs, Signature: k.Sign(tbs)} }

// Encode returns the canonical bytes.
func (s Signed) Encode() []byte { return ecc.Encode(ecc.LabelSigned, s.TBS, s.Signature) }

// DecodeSigned is the inverse of Encode; it fails with ErrFormat.
func DecodeSigned(b []byte) (Signed, error) {
	r := read(ecc.LabelSigned, b, 2)
	s := Signed{TBS: r.bytes(1, 4<<20), Signature: r.signature()}
	return s, r.done()
}

func (r *reader) signed() Signed {
	s, err := DecodeSigned(r.take())
	if err != nil {
		r.fail()
	}
	return s
}

// Prekey is ⟨prekey: suite, c_X, HPKE key, not-before, not-after⟩, signed by
// PRK_X; for the public cloud c_X is its CloudHash. At most 24 hours of life.
type Prekey struct {
	Suite     ecc.Suite
	Owner     Hash // c_X
	Key       ecc.KEMPublicKey
	NotBefore Millis
	NotAfter  Millis
}

// MaxPrekeyLife bounds NotAfter - NotBefore.
const MaxPrekeyLife = 24 * time.Hour

// Encode returns the canonical bytes: what PRK_X signs.
func (p Prekey) Encode() []byte {
	return ecc.Encode(ecc.LabelPrekey, u8(uint8(p.Suite)), p.Owner[:], p.Key.Bytes(),
		u64(uint64(p.NotBefore)), u64(uint64(p.NotAfter)))
}

// DecodePrekey is the inverse of Encode; it fails with ErrFormat.
func DecodePrekey(b []byte) (Prekey, error) {
	r := read(ecc.LabelPrekey, b, 5)
	p := Prekey{Suite: r.suite(), Owner: r.hash()}
	p.Key, p.NotBefore, p.NotAfter = r.kemKey(p.Suite), r.millis(), r.millis()
	if p.NotAfter <= p.NotBefore || p.NotAfter > p.NotBefore.Add(MaxPrekeyLife) {
		r.fail()
	}
	return p, r.done()
}

// OpenPrekey verifies a signed prekey of the owner and returns it. It fails with
// ErrCredential or ErrExpired.
func OpenPrekey(s Signed, owner Hash, suite ecc.Suite, key ecc.VerifyKey, now Millis) (Prekey, error) {
	if err := key.Verify(s.TBS, s.Signature); err != nil {
		return Prekey{}, fmt.Errorf("%w: prekey signature", ErrCredential)
	}
	p, err := DecodePrekey(s.TBS)
	if err != nil {
		return Prekey{}, err
	}
	if p.Owner != owner || p.Suite != suite {
		return Prekey{}, fmt.Errorf("%w: prekey of another", ErrCredential)
	}
	if now < p.NotBefore || now >= p.NotAfter {
		return Prekey{}, fmt.Errorf("prekey: %w", ErrExpired)
	}
	return p, nil
}

// OpenCloudPrekey verifies the public cloud's own prekey under a root that is good now,
// and returns it with that root, under whose hash the public cloud is asked. It
// fails with ErrCredential or ErrExpired.
func OpenCloudPrekey(s Signed, pins Pins, suite ecc.Suite, now Millis) (Prekey, Root, error) {
	root, err := pins.Verify(s.TBS, s.Signature, now)
	if err != nil {
		return Prekey{}, Root{}, fmt.Errorf("prekey: %w", err)
	}
	p, err := OpenPrekey(s, root.Hash(), suite, root.PUKC, now)
	return p, root, err
}

// Parameters are the public parameters, signed by PRK_C: ⟨params: ID_PC, PK,
// PUK_C, suites, ΔT, δ, departments, classes, class table, T⟩.
type Parameters struct {
	CloudID     ID
	PK          ecc.Point
	PUKC        ecc.VerifyKey
	Suites      []ecc.Suite
	Past        time.Duration // ΔT
	Future      time.Duration // δ
	Departments []Code        // sorted; GENERAL is the default
	Classes     []Code        // sorted
	ClassRules  []ClassRule   // FHIR resource type and category -> class
	Issued      Millis
}

// Root is the root that the parameters name and are signed by.
func (p Parameters) Root() Root { return Root{PK: p.PK, PUKC: p.PUKC} }

// Encode returns the canonical bytes: what PRK_C signs.
func (p Parameters) Encode() []byte {
	suites := make([]byte, len(p.Suites))
	for i, s := range p.Suites {
		suites[i] = uint8(s)
	}
	rules := make([][]byte, len(p.ClassRules))
	for i, c := range p.ClassRules {
		rules[i] = ecc.Encode(ecc.LabelClassRule, []byte(c.ResourceType), []byte(c.CategorySystem), []byte(c.CategoryCode), []byte(c.Class))
	}
	return ecc.Encode(ecc.LabelParameters, []byte(p.CloudID), p.PK.Bytes(), p.PUKC.Bytes(), suites,
		u64(uint64(p.Past.Milliseconds())), u64(uint64(p.Future.Milliseconds())), encodeCodes(p.Departments),
		encodeCodes(p.Classes), ecc.Encode(ecc.LabelList, rules...), u64(uint64(p.Issued)))
}

// DecodeParameters is the inverse of Encode; it fails with ErrFormat.
func DecodeParameters(b []byte) (Parameters, error) {
	r := read(ecc.LabelParameters, b, 10)
	p := Parameters{CloudID: r.id(), PK: r.point(), PUKC: r.verifyKey()}
	for _, s := range r.bytes(1, 8) {
		if !ecc.Suite(s).Valid() {
			r.fail()
		}
		p.Suites = append(p.Suites, ecc.Suite(s))
	}
	p.Past, p.Future = r.duration(), r.duration()
	p.Departments, p.Classes = r.codes(maxCodes), r.codes(maxCodes)
	p.ClassRules = decodeEach(r, ecc.LabelList, 1024, decodeClassRule)
	p.Issued = r.millis()
	return p, r.done()
}

func (r *reader) duration() time.Duration {
	ms := r.u64()
	if ms > uint64(time.Hour.Milliseconds()) {
		r.fail()
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func decodeClassRule(b []byte) (ClassRule, error) {
	r := read(ecc.LabelClassRule, b, 4)
	c := ClassRule{ResourceType: string(r.bytes(1, 64)), CategorySystem: string(r.bytes(0, 256)),
		CategoryCode: string(r.bytes(0, 64)), Class: string(r.code())}
	return c, r.done()
}

// OpenParameters verifies signed parameters under a root that is good now, which must be
// the one that they name.
func OpenParameters(s Signed, pins Pins, now Millis) (Parameters, error) {
	root, err := pins.Verify(s.TBS, s.Signature, now)
	if err != nil {
		return Parameters{}, fmt.Errorf("parameters: %w", err)
	}
	p, err := DecodeParameters(s.TBS)
	if err != nil {
		return Parameters{}, err
	}
	if p.CloudID != pins.CloudID || !p.Root().Equal(root) {
		return Parameters{}, fmt.Errorf("%w: parameters of another cloud", ErrCredential)
	}
	return p, nil
}

// Revocations is the revocation list, signed by PRK_C: ⟨revocations: T, c_X*⟩,
// sorted. A client refuses one older than two hours.
type Revocations struct {
	Issued  Millis
	Revoked []Hash
}

// MaxRevocationAge is how old a revocation list may be when it is used.
const MaxRevocationAge = 2 * time.Hour

// Encode returns the canonical bytes: what PRK_C signs.
func (v Revocations) Encode() []byte {
	return ecc.Encode(ecc.LabelRevocations, u64(uint64(v.Issued)), encodeHashList(ecc.LabelHashes, v.Revoked))
}

// OpenRevocations verifies a signed list and its age.
func OpenRevocations(s Signed, pins Pins, now Millis) (Revocations, error) {
	if _, err := pins.Verify(s.TBS, s.Signature, now); err != nil {
		return Revocations{}, fmt.Errorf("revocation list: %w", err)
	}
	r := read(ecc.LabelRevocations, s.TBS, 2)
	v := Revocations{Issued: r.millis(), Revoked: r.sortedHashes(ecc.LabelHashes, 65535)}
	if err := r.done(); err != nil {
		return Revocations{}, err
	}
	if now > v.Issued.Add(MaxRevocationAge) {
		return Revocations{}, fmt.Errorf("revocation list: %w", ErrExpired)
	}
	return v, nil
}

// Contains reports whether the credential is revoked.
func (v Revocations) Contains(c Hash) bool {
	_, found := slices.BinarySearchFunc(v.Revoked, c, compareHash)
	return found
}

func compareHash(a, b Hash) int { return slices.Compare(a[:], b[:]) }

// SortHashes returns the hashes in the canonical order, without repetition.
func SortHashes(h []Hash) []Hash {
	out := slices.Clone(h)
	slices.SortFunc(out, compareHash)
	return slices.Compact(out)
}

// Directory lists the hospitals, signed by PRK_C: ⟨directory: T, Cred_HPC*⟩. The
// address of a hospital is its credential's attribute, and no other address is
// ever spoken to.
type Directory struct {
	Issued    Millis
	Hospitals []Credential
}

// Encode returns the canonical bytes: what PRK_C signs.
func (d Directory) Encode() []byte {
	return ecc.Encode(ecc.LabelDirectory, u64(uint64(d.Issued)), encodeEach(ecc.LabelList, d.Hospitals))
}

// OpenDirectory verifies a signed directory and keeps the hospitals in it whose
// credentials hold now.
func OpenDirectory(s Signed, pins Pins, now Millis) (Directory, error) {
	if _, err := pins.Verify(s.TBS, s.Signature, now); err != nil {
		return Directory{}, fmt.Errorf("directory: %w", err)
	}
	r := read(ecc.LabelDirectory, s.TBS, 2)
	d := Directory{Issued: r.millis(), Hospitals: decodeEach(r, ecc.LabelList, 4096, DecodeCredential)}
	d.Hospitals = slices.DeleteFunc(d.Hospitals, func(c Credential) bool {
		return c.Verify(pins, Hospital, now) != nil
	})
	return d, r.done()
}

// LogEntry is one line of the public registration log: ⟨log: index, c_X, role, T,
// previous hash⟩. Its hash chains the next one.
type LogEntry struct {
	Index      uint64
	Credential Hash
	Role       Role
	Time       Millis
	Previous   Hash
}

// Hash chains the log: H⟨log: ..⟩.
func (e LogEntry) Hash() Hash {
	return ecc.H(ecc.LabelLogEntry, u64(e.Index), e.Credential[:], []byte(e.Role), u64(uint64(e.Time)), e.Previous[:])
}

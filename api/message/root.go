package message

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"medunion/ecc"
)

// Root is one generation of the public cloud's master keys: PK = sP, from which the
// implicit keys follow, and PUK_C, which signs credentials and statements. They are
// replaced together, so that the key that signed a credential tells its PK.
type Root struct {
	PK   ecc.Point
	PUKC ecc.VerifyKey
}

// Equal reports whether both keys are the same.
func (r Root) Equal(o Root) bool { return r.PK.Equal(o.PK) && r.PUKC.Equal(o.PUKC) }

// Valid reports whether the root holds two keys.
func (r Root) Valid() bool { return r.PK.Valid() && r.PUKC.Valid() }

// Hash stands for the public cloud wherever it is named by c_X and acts under this root.
func (r Root) Hash() Hash { return CloudHash(r.PUKC) }

// Succession is ⟨succession: ID_PC, number, PK_old, PUK_C_old, PK_new, PUK_C_new, from,
// until⟩: one root takes over from another. Both are good between from and until.
type Succession struct {
	CloudID  ID
	Number   uint64 // of the new root; the first root of a public cloud is 0
	Old, New Root
	From     Millis // the new root is good from here on
	Until    Millis // the old one until here, later than From
}

// Encode returns the canonical bytes: what both PRK_C sign.
func (s Succession) Encode() []byte {
	return ecc.Encode(ecc.LabelSuccession, []byte(s.CloudID), u64(s.Number), s.Old.PK.Bytes(), s.Old.PUKC.Bytes(),
		s.New.PK.Bytes(), s.New.PUKC.Bytes(), u64(uint64(s.From)), u64(uint64(s.Until)))
}

// DecodeSuccession is the inverse of Encode; it fails with ErrFormat.
func DecodeSuccession(b []byte) (Succession, error) {
	r := read(ecc.LabelSuccession, b, 8)
	s := Succession{CloudID: r.id(), Number: r.u64(), Old: r.root(), New: r.root(), From: r.millis(), Until: r.millis()}
	if s.Number == 0 || s.From >= s.Until || s.Old.PK.Equal(s.New.PK) || s.Old.PUKC.Equal(s.New.PUKC) {
		r.fail()
	}
	return s, r.done()
}

func (r *reader) root() Root { return Root{PK: r.point(), PUKC: r.verifyKey()} }

// SignedSuccession is a succession with the signatures of both keys: ⟨succession
// signed: statement, S_PRK_C_old, S_PRK_C_new⟩. The old key alone would let a thief
// name a successor that he does not hold; the new one alone is anybody's.
type SignedSuccession struct {
	TBS    []byte
	ByOld  []byte // 64 bytes
	ByNew  []byte // 64 bytes
	parsed Succession
}

// SignSuccession signs a succession with both keys.
func SignSuccession(old, successor ecc.SigningKey, s Succession) SignedSuccession {
	tbs := s.Encode()
	return SignedSuccession{TBS: tbs, ByOld: old.Sign(tbs), ByNew: successor.Sign(tbs), parsed: s}
}

// Encode returns the canonical bytes.
func (s SignedSuccession) Encode() []byte {
	return ecc.Encode(ecc.LabelSuccessionSigned, s.TBS, s.ByOld, s.ByNew)
}

// DecodeSignedSuccession is the inverse of Encode; it fails with ErrFormat. Nothing is
// verified yet.
func DecodeSignedSuccession(b []byte) (SignedSuccession, error) {
	r := read(ecc.LabelSuccessionSigned, b, 3)
	s := SignedSuccession{TBS: r.bytes(1, 1024), ByOld: r.signature(), ByNew: r.signature()}
	if err := r.done(); err != nil {
		return s, err
	}
	var err error
	s.parsed, err = DecodeSuccession(s.TBS)
	return s, err
}

// Statement is what was signed.
func (s SignedSuccession) Statement() Succession { return s.parsed }

func (s SignedSuccession) verify() error {
	if s.parsed.Old.PUKC.Verify(s.TBS, s.ByOld) != nil || s.parsed.New.PUKC.Verify(s.TBS, s.ByNew) != nil {
		return fmt.Errorf("%w: signature", ErrSuccession)
	}
	return nil
}

// Errors of a chain of successions.
var (
	// ErrSuccession is returned for a succession that does not extend what is pinned.
	ErrSuccession = errors.New("message: succession of the public cloud's root not valid")
	// ErrFork is returned for two signed successors of one root. The two statements prove
	// that the public cloud, or a thief of its key, misbehaved; the one known first is kept.
	ErrFork = errors.New("message: two successors of one root of the public cloud")
)

// maxSuccessions bounds the chain that a party takes.
const maxSuccessions = 256

// Pins is what a party trusts of the public cloud: its identity, the root that the
// party was given at the start, and the successions that it has verified since. It is a
// value; Extend returns another.
type Pins struct {
	CloudID ID
	First   Root
	chain   []SignedSuccession // verified, in order
}

// Pinned is who knows the pins as they are now: a Pins itself, or a keeper that learns.
type Pinned interface{ Pins() Pins }

// Pins returns p: pins that never change.
func (p Pins) Pins() Pins { return p }

// Valid reports whether the pins name a public cloud and its keys.
func (p Pins) Valid() bool { return p.CloudID.Valid() && p.First.Valid() }

// Equal reports whether both trust the same roots at the same times.
func (p Pins) Equal(o Pins) bool {
	if p.CloudID != o.CloudID || !p.First.Equal(o.First) || len(p.chain) != len(o.chain) {
		return false
	}
	for i := range p.chain {
		if string(p.chain[i].TBS) != string(o.chain[i].TBS) {
			return false
		}
	}
	return true
}

// Successions are the links of the chain, oldest first.
func (p Pins) Successions() []SignedSuccession { return append([]SignedSuccession(nil), p.chain...) }

// Extend adds successions, oldest first. Those that are known, and those that led to the
// first root, are passed over: history that this party never trusted and need not. Each other one must
// take over from the newest root, under a number one higher, no earlier than the root
// before that one ends (two roots are good at once at most), with keys that no root had.
// Whether its times are past does not matter: who slept for years follows link by link.
// It fails with ErrSuccession or ErrFork, and p is then unchanged.
func (p Pins) Extend(links ...SignedSuccession) (Pins, error) {
	out := Pins{CloudID: p.CloudID, First: p.First, chain: p.Successions()}
	for _, l := range afterFirst(p.First, links) {
		known, err := out.knows(l)
		if err != nil {
			return p, err
		}
		if known {
			continue
		}
		if err := out.follows(l); err != nil {
			return p, err
		}
		out.chain = append(out.chain, l)
	}
	return out, nil
}

// afterFirst drops what comes before the first root's own succession, or the links up to the
// one that leads to the first root if it has none.
func afterFirst(first Root, links []SignedSuccession) []SignedSuccession {
	for i, l := range links {
		if l.parsed.Old.Equal(first) {
			return links[i:]
		}
	}
	for i, l := range links {
		if l.parsed.New.Equal(first) {
			return links[i+1:]
		}
	}
	return links
}

// knows reports whether the link is in the chain; ErrFork if another one takes its place.
func (p Pins) knows(l SignedSuccession) (bool, error) {
	for _, c := range p.chain {
		if !c.parsed.Old.Equal(l.parsed.Old) {
			continue
		}
		if string(c.TBS) == string(l.TBS) {
			return true, nil
		}
		if l.verify() != nil || l.parsed.CloudID != p.CloudID {
			return false, fmt.Errorf("%w: signature", ErrSuccession)
		}
		return false, fmt.Errorf("%w: number %d", ErrFork, l.parsed.Number)
	}
	return false, nil
}

func (p Pins) follows(l SignedSuccession) error {
	s := l.parsed
	if s.CloudID != p.CloudID || !s.Old.Equal(p.newest()) || len(p.chain) >= maxSuccessions {
		return fmt.Errorf("%w: of another root", ErrSuccession)
	}
	if n := len(p.chain); n > 0 && (s.Number != p.chain[n-1].parsed.Number+1 || s.From < p.chain[n-1].parsed.Until) {
		return fmt.Errorf("%w: number or times", ErrSuccession)
	}
	for root := range p.eras() {
		if s.New.PK.Equal(root.PK) || s.New.PUKC.Equal(root.PUKC) {
			return fmt.Errorf("%w: a key comes back", ErrSuccession)
		}
	}
	return l.verify()
}

// newest is the root that nothing has succeeded, whether or not it is good already.
func (p Pins) newest() Root {
	if n := len(p.chain); n > 0 {
		return p.chain[n-1].parsed.New
	}
	return p.First
}

// Newest is the root that nothing has succeeded, and from when on it is good: 0 for the first.
func (p Pins) Newest() (Root, Millis) {
	if n := len(p.chain); n > 0 {
		return p.chain[n-1].parsed.New, p.chain[n-1].parsed.From
	}
	return p.First, 0
}

// era is the time in which a root is good: From <= t < Until.
type era struct{ From, Until Millis }

func (e era) holds(t Millis) bool { return e.From <= t && t < e.Until }

// Forever is the end of what has none.
const Forever = Millis(math.MaxInt64)

// eras are all roots, newest first.
func (p Pins) eras() iter.Seq2[Root, era] {
	return func(yield func(Root, era) bool) {
		until := Forever
		for i := len(p.chain) - 1; i >= 0; i-- {
			s := p.chain[i].parsed
			if !yield(s.New, era{From: s.From, Until: until}) {
				return
			}
			until = s.Until
		}
		yield(p.First, era{Until: until})
	}
}

// Roots are those that are good at a time, newest first: one, or two in an overlap.
func (p Pins) Roots(at Millis) []Root {
	var out []Root
	for r, e := range p.eras() {
		if e.holds(at) {
			out = append(out, r)
		}
	}
	return out
}

// Term is the time in which a root is good, from <= t < until, and whether it is one of
// these: until is Forever as long as nothing succeeds it.
func (p Pins) Term(root Root) (from, until Millis, known bool) {
	for r, e := range p.eras() {
		if r.Equal(root) {
			return e.From, e.Until, true
		}
	}
	return 0, 0, false
}

// Verify checks a statement of the public cloud under the roots that are good at the time
// and returns the one that signed it. It fails with ErrCredential.
func (p Pins) Verify(tbs, signature []byte, at Millis) (Root, error) {
	for r, e := range p.eras() {
		if e.holds(at) && r.PUKC.Verify(tbs, signature) == nil {
			return r, nil
		}
	}
	return Root{}, fmt.Errorf("%w: signature of the public cloud", ErrCredential)
}

// Issuer is the root that issued a credential which was verified: the one whose PUK_C
// verifies S_PRK_C⟨cred: Info_X, R_X1⟩. It does not depend on a clock, so that
// both sides of an agreement, who know the credential, know the same PK. With one root
// there is nothing to choose.
func (p Pins) Issuer(c Credential) (Root, error) {
	if len(p.chain) == 0 {
		return p.First, nil
	}
	tbs := TBSCredential(c.Info, c.R)
	for r := range p.eras() {
		if r.PUKC.Verify(tbs, c.Signature) == nil {
			return r, nil
		}
	}
	return Root{}, fmt.Errorf("%w: signature", ErrCredential)
}

// Issued says whether one of the roots has signed the credential, whenever that is or was good.
func (p Pins) Issued(c Credential) bool {
	tbs := TBSCredential(c.Info, c.R)
	for r := range p.eras() {
		if r.PUKC.Verify(tbs, c.Signature) == nil {
			return true
		}
	}
	return false
}

// ByHash finds the root whose Hash is h, among all of them.
func (p Pins) ByHash(h Hash) (Root, bool) {
	for r := range p.eras() {
		if r.Hash() == h {
			return r, true
		}
	}
	return Root{}, false
}

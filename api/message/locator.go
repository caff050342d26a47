package message

import (
	"fmt"
	"io"
	"strings"

	"medunion/ecc"
)

// LocatorKey is sk_L of one department: the Ed25519 key with the seed
// HMAC(k_loc, ⟨sk: ID_DE⟩). kLoc is the patient's 32-byte secret.
func LocatorKey(kLoc []byte, department Code) (ecc.SigningKey, error) {
	seed := ecc.HMAC(kLoc, ecc.LabelLocatorKey, []byte(department))
	return ecc.SigningKeyFromSeed(seed[:])
}

// Locator is L = H⟨L: vk_L⟩: who learns L first cannot register a key for it.
func Locator(vk ecc.VerifyKey) Hash { return ecc.H(ecc.LabelLocator, vk.Bytes()) }

// IndexKey is kv = HMAC(k_loc, ⟨kv: ID_DE, ID_HPC⟩), 32 bytes.
func IndexKey(kLoc []byte, department Code, hospital ID) Hash {
	return ecc.HMAC(kLoc, ecc.LabelIndexKey, []byte(department), []byte(hospital))
}

// Sizes of an index value in bytes: the padded plaintext, and what is stored.
const (
	IndexPlainSize = 512
	IndexValueSize = IndexPlainSize + ecc.AtRestOverhead
)

// IndexContent is what a hospital tells under a locator: which classes it holds in
// which departments, and between which dates. It is padded to 512 bytes whatever it says,
// so that its size shows nothing.
type IndexContent struct {
	Hospital    ID
	Departments []Code
	Classes     []Code
	First, Last Millis // dates of the oldest and newest item, 0 if unknown
}

// SealIndex encrypts the content under kv with aad ⟨v: L, c_HPC⟩: v, 552 bytes.
// It fails with ErrFormat if the content is longer than 510 bytes.
func SealIndex(rand io.Reader, kv Hash, l, cHPC Hash, c IndexContent) ([]byte, error) {
	plain := ecc.Encode(ecc.LabelIndexContent, []byte(c.Hospital), joinCodes(c.Departments), joinCodes(c.Classes),
		u64(uint64(c.First)), u64(uint64(c.Last)))
	if len(plain) > IndexPlainSize-2 {
		return nil, fmt.Errorf("%w: index content too long", ErrFormat)
	}
	padded := make([]byte, IndexPlainSize)
	padded[0], padded[1] = byte(len(plain)>>8), byte(len(plain))
	copy(padded[2:], plain)
	return ecc.SealAtRest(rand, kv[:], indexAAD(l, cHPC), padded)
}

// OpenIndex decrypts v. It fails with ecc.ErrOpen or ErrFormat.
func OpenIndex(kv Hash, l, cHPC Hash, v []byte) (IndexContent, error) {
	padded, err := ecc.OpenAtRest(kv[:], indexAAD(l, cHPC), v)
	if err != nil {
		return IndexContent{}, err
	}
	n := 0
	if len(padded) == IndexPlainSize {
		n = int(padded[0])<<8 | int(padded[1])
	}
	if n == 0 || n > IndexPlainSize-2 || strings.Trim(string(padded[2+n:]), "\x00") != "" {
		return IndexContent{}, fmt.Errorf("%w: index padding", ErrFormat)
	}
	r := read(ecc.LabelIndexContent, padded[2:2+n], 5)
	c := IndexContent{Hospital: r.id(), Departments: r.joinedCodes(), Classes: r.joinedCodes(), First: r.millis(), Last: r.millis()}
	return c, r.done()
}

func indexAAD(l, cHPC Hash) []byte { return ecc.Encode(ecc.LabelIndexValue, l[:], cHPC[:]) }

// joinCodes writes codes with commas: a list of fields would spend four bytes on
// the length of each and not fit.
func joinCodes(codes []Code) []byte {
	s := make([]string, len(codes))
	for i, c := range codes {
		s[i] = string(c)
	}
	return []byte(strings.Join(s, ","))
}

func (r *reader) joinedCodes() []Code {
	f := r.take()
	if len(f) == 0 {
		return nil
	}
	var out []Code
	for s := range strings.SplitSeq(string(f), ",") {
		c := Code(s)
		if !c.Valid() || len(out) > 0 && out[len(out)-1] >= c {
			r.fail()
			return nil
		}
		out = append(out, c)
	}
	return out
}

// TBSIndex is what Sig_idx signs: ⟨idx: c_HPC, L, vk_L, H(v), T⟩.
func TBSIndex(cHPC, l Hash, vk ecc.VerifyKey, v []byte, t Millis) []byte {
	hv := ecc.Sum(v)
	return ecc.Encode(ecc.LabelSigIndex, cHPC[:], l[:], vk.Bytes(), hv[:], u64(uint64(t)))
}

// Entry is one index entry as the public cloud returns it (M5, Eq. 29).
type Entry struct {
	Locator  Hash
	Value    []byte // v, 552 bytes
	Time     Millis // T of Sig_idx
	SigIndex []byte // by PRK_HPC
	Hospital Credential
}

// Encode returns the canonical bytes.
func (e Entry) Encode() []byte {
	return ecc.Encode(ecc.LabelIndexEntry, e.Locator[:], e.Value, u64(uint64(e.Time)), e.SigIndex, e.Hospital.Encode())
}

// DecodeEntry is the inverse of Encode; it fails with ErrFormat.
func DecodeEntry(b []byte) (Entry, error) {
	r := read(ecc.LabelIndexEntry, b, 5)
	e := Entry{Locator: r.hash(), Value: r.bytes(IndexValueSize, IndexValueSize), Time: r.millis(),
		SigIndex: r.signature(), Hospital: r.credential()}
	return e, r.done()
}

// Verify checks an entry that claims to lie under vk: L = H⟨L: vk⟩, the hospital's
// credential and Sig_idx. Whoever skips it can be sent to a foreign hospital.
func (e Entry) Verify(p Pins, vk ecc.VerifyKey, now Millis) error {
	if err := e.Hospital.Verify(p, Hospital, now); err != nil {
		return err
	}
	return e.VerifySignature(vk)
}

// VerifySignature is Verify for an entry whose hospital's credential the caller has
// verified: many entries are of the same few hospitals.
func (e Entry) VerifySignature(vk ecc.VerifyKey) error {
	if e.Locator != Locator(vk) {
		return fmt.Errorf("%w: entry of another locator", ErrCredential)
	}
	tbs := TBSIndex(e.Hospital.Hash(), e.Locator, vk, e.Value, e.Time)
	if err := e.Hospital.Info.Keys.Sign.Verify(tbs, e.SigIndex); err != nil {
		return fmt.Errorf("%w: Sig_idx", ErrCredential)
	}
	return nil
}

// IndexWrite is a hospital's own write of an entry (after enrolment or import),
// sealed for the public cloud; the reply is an Indexed under PKe.
//
// Sig_idx travels with the entry to every doctor who finds it, so it does not say
// who sends it here: Signature does. Without it, whoever has seen an entry could
// fill the replay window in the hospital's name.
type IndexWrite struct {
	Entry     Entry
	VK        ecc.VerifyKey // vk_L
	PKe       ecc.KEMPublicKey
	Signature []byte // by PRK_HPC over TBSIndexWrite
}

// TBSIndexWrite is ⟨index by: hdr, c_HPC, L, H(v), pk_e⟩.
func TBSIndexWrite(h Header, cHPC Hash, e Entry, pke ecc.KEMPublicKey) []byte {
	hv := ecc.Sum(e.Value)
	return ecc.Encode(ecc.LabelIndexWrite, h.Encode(), cHPC[:], e.Locator[:], hv[:], pke.Bytes())
}

// Encode returns the canonical bytes.
func (w IndexWrite) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyIndex, w.Entry.Encode(), w.VK.Bytes(), w.PKe.Bytes(), w.Signature)
}

// DecodeIndexWrite is the inverse of Encode; it fails with ErrFormat.
func DecodeIndexWrite(s ecc.Suite, b []byte) (IndexWrite, error) {
	r := read(ecc.LabelBodyIndex, b, 4)
	w := IndexWrite{Entry: r.entry(), VK: r.verifyKey(), PKe: r.kemKey(s), Signature: r.signature()}
	return w, r.done()
}

// Indexed is the public cloud's receipt: S_PRK_C⟨receipt: hdr, L, H(v), T⟩ with the
// header of the reply that carries it (Sig_C2 of M12 has the same form).
type Indexed struct {
	Time      Millis
	Signature []byte
}

// TBSIndexed is what the receipt signs.
func TBSIndexed(h Header, l Hash, v []byte, t Millis) []byte {
	hv := ecc.Sum(v)
	return ecc.Encode(ecc.LabelReceipt, h.Encode(), l[:], hv[:], u64(uint64(t)))
}

// Encode returns the canonical bytes.
func (i Indexed) Encode() []byte {
	return ecc.Encode(ecc.LabelBodyIndexed, u64(uint64(i.Time)), i.Signature)
}

// DecodeIndexed is the inverse of Encode; it fails with ErrFormat.
func DecodeIndexed(b []byte) (Indexed, error) {
	r := read(ecc.LabelBodyIndexed, b, 2)
	i := Indexed{Time: r.millis(), Signature: r.signature()}
	return i, r.done()
}

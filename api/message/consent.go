package message

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"medunion/ecc"
)

// ErrConsent is returned for a consent that does not cover what is asked. Outside
// it is one refusal; the wrapped reason goes to the audit trail.
var ErrConsent = errors.New("message: not covered by the consent")

// Bounds on lists: departments or classes, locators of a consent, hospitals.
const (
	maxCodes    = 64
	maxLocators = 64
	maxGrants   = 64
	maxIndexKey = 1024
)

// Consent is what the patient signs: ⟨consent: cid, c_D, ID_DE, purpose, nbf, exp,
// max_uses, commit_C, commit_H⟩. It names nobody but the doctor.
type Consent struct {
	CID        [16]byte // random
	Doctor     Hash     // c_D
	Department Code     // ID_DE in which the doctor acts
	Purpose    Code
	NotBefore  Millis
	Expires    Millis
	MaxUses    uint32 // searches, at least 1
	CommitC    Hash   // H(open_C)
	CommitH    Hash   // H(open_H)
}

// Encode returns the canonical bytes.
func (c Consent) Encode() []byte {
	return ecc.Encode(ecc.LabelConsent, c.CID[:], c.Doctor[:], []byte(c.Department), []byte(c.Purpose),
		u64(uint64(c.NotBefore)), u64(uint64(c.Expires)), u32(c.MaxUses), c.CommitC[:], c.CommitH[:])
}

// DecodeConsent is the inverse of Encode; it fails with ErrFormat.
func DecodeConsent(b []byte) (Consent, error) {
	r := read(ecc.LabelConsent, b, 9)
	c := Consent{CID: r.array16(), Doctor: r.hash(), Department: r.code(), Purpose: r.code(),
		NotBefore: r.millis(), Expires: r.millis(), MaxUses: r.u32(), CommitC: r.hash(), CommitH: r.hash()}
	if c.Expires <= c.NotBefore || c.MaxUses == 0 {
		r.fail()
	}
	return c, r.done()
}

// Hash is H(Consent): counters and revocations are keyed by it, never by cid.
func (c Consent) Hash() Hash { return ecc.Sum(c.Encode()) }

// CheckTime fails with ErrConsent outside [nbf, exp).
func (c Consent) CheckTime(now Millis) error {
	if now < c.NotBefore || now >= c.Expires {
		return fmt.Errorf("%w: time", ErrConsent)
	}
	return nil
}

// TBSSigmaP is what σ_P signs: ⟨sigma_P: Consent⟩; TBSSigmaL the same for σ_L.
func TBSSigmaP(c Consent) []byte { return ecc.Encode(ecc.LabelSigmaP, c.Encode()) }

// TBSSigmaL is what σ_L signs under each sk_L.
func TBSSigmaL(c Consent) []byte { return ecc.Encode(ecc.LabelSigmaL, c.Encode()) }

// OpenC opens commit_C: the locators that may be searched.
type OpenC struct {
	Salt     [16]byte
	Locators []Hash // sorted, up to 64
}

// Encode returns the canonical bytes, whose hash is commit_C.
func (o OpenC) Encode() []byte {
	return ecc.Encode(ecc.LabelOpenC, o.Salt[:], encodeHashList(ecc.LabelLocators, o.Locators))
}

// Commit is commit_C = H⟨open_C: salt_C, L*⟩.
func (o OpenC) Commit() Hash { return ecc.Sum(o.Encode()) }

// HashLocators is H(L*) of Sig_D2.
func (o OpenC) HashLocators() Hash { return ecc.Sum(encodeHashList(ecc.LabelLocators, o.Locators)) }

// DecodeOpenC is the inverse of Encode; it fails with ErrFormat.
func DecodeOpenC(b []byte) (OpenC, error) {
	r := read(ecc.LabelOpenC, b, 2)
	o := OpenC{Salt: r.array16(), Locators: r.sortedHashes(ecc.LabelLocators, maxLocators)}
	return o, r.done()
}

// Grant is what one hospital may release: ⟨grant: ID_HPC, departments, classes⟩.
type Grant struct {
	Hospital    ID
	Departments []Code // sorted, at least one
	Classes     []Code // sorted, at least one
}

// Encode returns the canonical bytes.
func (g Grant) Encode() []byte {
	return ecc.Encode(ecc.LabelGrant, []byte(g.Hospital), encodeCodes(g.Departments), encodeCodes(g.Classes))
}

func decodeGrant(b []byte) (Grant, error) {
	r := read(ecc.LabelGrant, b, 3)
	g := Grant{Hospital: r.id(), Departments: r.codes(maxCodes), Classes: r.codes(maxCodes)}
	if len(g.Departments) == 0 || len(g.Classes) == 0 {
		r.fail()
	}
	return g, r.done()
}

// Covers reports whether the grant allows an item of this department and class.
func (g Grant) Covers(department, class Code) bool {
	return slices.Contains(g.Departments, department) && slices.Contains(g.Classes, class)
}

// OpenH opens commit_H: who the patient is, what each hospital may release, and
// where the diagnosis may be written.
type OpenH struct {
	Salt    [16]byte
	Patient ID
	Grants  []Grant // sorted by hospital, one each, up to 64
	WriteTo ID      // an ID_HPC, or empty for none
}

// Encode returns the canonical bytes, whose hash is commit_H.
func (o OpenH) Encode() []byte {
	return ecc.Encode(ecc.LabelOpenH, o.Salt[:], []byte(o.Patient), encodeEach(ecc.LabelList, o.Grants), []byte(o.WriteTo))
}

// Commit is commit_H = H⟨open_H: salt_H, ID_P, grants, write_to⟩.
func (o OpenH) Commit() Hash { return ecc.Sum(o.Encode()) }

// DecodeOpenH is the inverse of Encode; it fails with ErrFormat.
func DecodeOpenH(b []byte) (OpenH, error) {
	r := read(ecc.LabelOpenH, b, 4)
	o := OpenH{Salt: r.array16(), Patient: r.id(), Grants: decodeEach(r, ecc.LabelList, maxGrants, decodeGrant)}
	o.WriteTo = ID(r.bytes(0, 64))
	for i := 1; i < len(o.Grants); i++ {
		if o.Grants[i-1].Hospital >= o.Grants[i].Hospital {
			r.fail()
		}
	}
	if o.WriteTo != "" && !o.WriteTo.Valid() {
		r.fail()
	}
	return o, r.done()
}

// Grant returns what the consent grants at a hospital.
func (o OpenH) Grant(hospital ID) (Grant, bool) {
	for _, g := range o.Grants {
		if g.Hospital == hospital {
			return g, true
		}
	}
	return Grant{}, false
}

// Authorizer lets the public cloud check one locator: vk_L and σ_L.
type Authorizer struct {
	VK     ecc.VerifyKey
	SigmaL []byte
}

// Encode returns the canonical bytes.
func (a Authorizer) Encode() []byte { return ecc.Encode(ecc.LabelAuthorizers, a.VK.Bytes(), a.SigmaL) }

func decodeAuthorizer(b []byte) (Authorizer, error) {
	r := read(ecc.LabelAuthorizers, b, 2)
	a := Authorizer{VK: r.verifyKey(), SigmaL: r.signature()}
	return a, r.done()
}

// VerifyLocators checks what both the public cloud and the doctor must: commit_C,
// and for every L of it, in its order, L = H⟨L: vk_L⟩ and σ_L. The work depends
// only on the number of locators, never on whether entries exist.
func VerifyLocators(c Consent, o OpenC, auth []Authorizer) error {
	if o.Commit() != c.CommitC || len(auth) != len(o.Locators) {
		return fmt.Errorf("%w: commit_C", ErrConsent)
	}
	tbs := TBSSigmaL(c)
	for i, a := range auth {
		if Locator(a.VK) != o.Locators[i] {
			return fmt.Errorf("%w: locator key", ErrConsent)
		}
		if err := a.VK.Verify(tbs, a.SigmaL); err != nil {
			return fmt.Errorf("%w: σ_L", ErrConsent)
		}
	}
	return nil
}

// SharedIndexKey is one kv of a consent: it opens v of a department's entry at one
// hospital.
type SharedIndexKey struct {
	Department Code
	Hospital   ID
	Key        Hash // secret
}

// Encode returns the canonical bytes.
func (k SharedIndexKey) Encode() []byte {
	return ecc.Encode(ecc.LabelIndexKeys, []byte(k.Department), []byte(k.Hospital), k.Key[:])
}

func decodeSharedIndexKey(b []byte) (SharedIndexKey, error) {
	r := read(ecc.LabelIndexKeys, b, 3)
	k := SharedIndexKey{Department: r.code(), Hospital: r.id(), Key: r.hash()}
	return k, r.done()
}

// compare orders by department, then hospital.
func (k SharedIndexKey) compare(o SharedIndexKey) int {
	return cmp.Or(cmp.Compare(k.Department, o.Department), cmp.Compare(k.Hospital, o.Hospital))
}

// SortIndexKeys returns the keys in the canonical order of kv*: ascending by
// department, then hospital. There is one key for each pair.
func SortIndexKeys(keys []SharedIndexKey) []SharedIndexKey {
	return slices.SortedFunc(slices.Values(keys), SharedIndexKey.compare)
}

// CON is what M3 hands to the doctor: the consent, its openings, σ_P, the
// user-verification assertion, the authorizers in the order of L*, and kv*.
type CON struct {
	Consent     Consent
	OpenC       OpenC
	OpenH       OpenH
	SigmaP      []byte
	Assertion   Assertion
	Authorizers []Authorizer
	IndexKeys   []SharedIndexKey // sorted by department and hospital, one each, up to 1024
}

// Encode returns the canonical bytes.
func (c CON) Encode() []byte {
	return ecc.Encode(ecc.LabelCON, c.Consent.Encode(), c.OpenC.Encode(), c.OpenH.Encode(), c.SigmaP,
		c.Assertion.Encode(), encodeEach(ecc.LabelList, c.Authorizers), encodeEach(ecc.LabelList, c.IndexKeys))
}

// DecodeCON is the inverse of Encode; it fails with ErrFormat.
func DecodeCON(b []byte) (CON, error) {
	r := read(ecc.LabelCON, b, 7)
	c := CON{Consent: r.consent()}
	var err error
	if c.OpenC, err = DecodeOpenC(r.take()); err != nil {
		r.fail()
	}
	c.OpenH = r.openH()
	c.SigmaP, c.Assertion = r.signature(), r.assertion()
	c.Authorizers = decodeEach(r, ecc.LabelList, maxLocators, decodeAuthorizer)
	c.IndexKeys = decodeEach(r, ecc.LabelList, maxIndexKey, decodeSharedIndexKey)
	for i := 1; i < len(c.IndexKeys); i++ {
		if c.IndexKeys[i-1].compare(c.IndexKeys[i]) >= 0 {
			r.fail()
		}
	}
	return c, r.done()
}

func (r *reader) openH() OpenH {
	o, err := DecodeOpenH(r.take())
	if err != nil {
		r.fail()
	}
	return o
}

// Verify checks a consent as its doctor does: it is for c_D and one of the
// certificate's departments, within its time, both openings fit, σ_P and the
// assertion are the patient's, every σ_L holds.
func (c CON) Verify(patient Credential, cD Hash, departments []string, now Millis) error {
	if c.Consent.Doctor != cD || !slices.Contains(departments, string(c.Consent.Department)) {
		return fmt.Errorf("%w: another doctor or department", ErrConsent)
	}
	if err := c.Consent.CheckTime(now); err != nil {
		return err
	}
	if err := VerifyPatientConsent(patient, c.Consent, c.OpenH, c.SigmaP, c.Assertion); err != nil {
		return err
	}
	return VerifyLocators(c.Consent, c.OpenC, c.Authorizers)
}

// VerifyPatientConsent checks what the doctor and every hospital must of a
// consent: commit_H, that it is of this patient, σ_P under her PUK_P and the
// user-verification assertion under her β_P. The hospital passes the pinned
// credential, not the one that came with the message.
func VerifyPatientConsent(patient Credential, c Consent, o OpenH, sigmaP []byte, a Assertion) error {
	if o.Commit() != c.CommitH {
		return fmt.Errorf("%w: commit_H", ErrConsent)
	}
	if o.Patient != patient.Info.ID {
		return fmt.Errorf("%w: another patient", ErrConsent)
	}
	if err := patient.Info.Keys.Sign.Verify(TBSSigmaP(c), sigmaP); err != nil {
		return fmt.Errorf("%w: σ_P", ErrConsent)
	}
	return a.Verify(patient.Info.Attribute, c)
}

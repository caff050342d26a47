package keystore

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/vault"
)

// Content is what the store holds. Byte fields named after a message or a statement
// are its canonical bytes; package message decodes them.
type Content struct {
	Identity     []byte    // patient.Identity
	Former       [][]byte  `json:",omitempty"` // Cred_P of before each renewal, oldest first: statements name them by c_P
	Elsewhere    time.Time `json:",omitzero"`  // when a renewal was counted that is not this store's
	Verification Verification
	Passkey      *VerificationPasskey `json:",omitempty"` // instead of the passphrase's key
	Profile      Profile
	Enrolments   []Enrolment
	Consents     []Consent
	Visits       []Visit
	Diagnoses    []Diagnosis
	Hospitals    []Known
}

// Verification is how the passphrase yields the user-verification key.
type Verification struct {
	Salt   []byte // 16 bytes
	Cost   vault.Params
	Public []byte `json:",omitempty"` // the key's public half, 32 bytes
}

// VerificationPasskey is the passkey behind β_P; it is public.
type VerificationPasskey struct {
	CredentialID []byte
	Key          []byte // canonical COSE
	RPID         string
}

// Profile is what she says of herself; the zero value says nothing.
type Profile struct {
	Name      string `json:",omitempty"`
	BirthDate string `json:",omitempty"` // YYYY-MM-DD
	Sex       string `json:",omitempty"` // FHIR AdministrativeGender
}

// Key derives the user-verification key of kind passphrase. A wrong passphrase
// yields another key: whoever asks compares it with β_P.
func (v Verification) Key(passphrase []byte) (ecc.SigningKey, error) {
	seed, err := vault.DeriveSeed(passphrase, v.Salt, v.Cost)
	if err != nil {
		return ecc.SigningKey{}, err
	}
	defer clear(seed)
	return ecc.SigningKeyFromSeed(seed)
}

// Statement is a signed statement as evidence.
type Statement struct {
	TBS       []byte
	Signature []byte `json:",omitempty"` // empty where it is her own
}

// Enrolment is a hospital's receipt that it has linked her.
type Enrolment struct {
	Hospital   message.ID
	Credential []byte // Cred_HPC at that time
	Time       message.Millis
	Receipt    Statement // ⟨enrolled: ..⟩
}

// Consent is a consent that she has given.
type Consent struct {
	Hash      ecc.Hash // H(Consent)
	CON       []byte
	Doctor    []byte // Cred_D
	Name      string // of the doctor, from Cert_D
	Licence   string
	Revoked   []Revoked
	Requested time.Time // of the first revocation, zero for none
}

// Revoked is one place that has confirmed a revocation.
type Revoked struct {
	At     string // a hospital, or the public cloud with a department
	Answer Statement
}

// RevokedAt reports whether the place has confirmed.
func (c Consent) RevokedAt(place string) bool {
	return slices.ContainsFunc(c.Revoked, func(r Revoked) bool { return r.At == place })
}

// State is how far a visit has come.
type State string

// The states of a visit.
const (
	Waiting   State = "waiting"
	Verified  State = "verified"
	Shared    State = "shared"
	Diagnosed State = "diagnosed"
	Failed    State = "failed"
)

// Over reports whether the state is a last one.
func (s State) Over() bool { return s == Diagnosed || s == Failed }

// Visit is a consultation: how it stands and what proves it. Its session key is not
// in the store.
type Visit struct {
	ID          string // local, 32 hexadecimal digits
	State       State
	Code        string `json:",omitempty"` // the state and, if it failed, why
	Says        string // the same in words
	Doctor      string
	Licence     string
	Department  message.Code
	Started     time.Time
	Updated     time.Time
	Consent     *ecc.Hash  `json:",omitempty"`
	Diagnosis   *ecc.Hash  `json:",omitempty"` // H(Sig_D5)
	Credential  []byte     // Cred_D
	Certificate []byte     // Cert_D
	SigP1       *Statement `json:",omitempty"`
	SigD1       *Statement `json:",omitempty"`
	SigP2       *Statement `json:",omitempty"`
	Again       *Again     `json:",omitempty"` // to begin again; gone once a diagnosis has come
	Uses        []Use      `json:",omitempty"` // searches under its consent, as far as known
}

// Again is what she decided for a visit.
type Again struct {
	Link       string
	Department message.Code
	Purpose    message.Code
	Life       time.Duration // of the consent
	MaxUses    uint32
	Grants     []message.Grant
	WriteTo    message.ID
	MSD        []byte // the measurements; of the newest visits only
}

// Use is a search under a consent.
type Use struct {
	Time  message.Millis
	Write bool
}

// Diagnosis is what a doctor has signed, verified when it came.
type Diagnosis struct {
	Hash      ecc.Hash // H(Sig_D5)
	Doctor    []byte   // Cred_D
	Name      string
	Licence   string
	Consent   ecc.Hash
	Time      message.Millis
	Salted    []byte // M_DINF
	SigD5     Statement
	FromVisit bool     // it came in a visit, from the doctor directly
	StoredAt  []Stored `json:",omitempty"`
}

// Stored is a record that holds a diagnosis.
type Stored struct {
	Hospital message.ID
	Record   uint64
}

// Known is what a hospital has told her of its releases.
type Known struct {
	Hospital message.ID
	Releases []byte      // message.EncodeReleases: numbers 1 to Last
	Last     uint64      // the last number known
	Answers  []Statement // the hospital's signed answers that brought something new
	Disputed []Statement // its answers that contradict those, with their content
	Contents [][]byte    // of the disputed answers, in their order
}

// Known returns what is known of a hospital; changing it changes the content.
func (c *Content) Known(hospital message.ID) *Known {
	for i := range c.Hospitals {
		if c.Hospitals[i].Hospital == hospital {
			return &c.Hospitals[i]
		}
	}
	c.Hospitals = append(c.Hospitals, Known{Hospital: hospital, Releases: message.EncodeReleases(nil)})
	return &c.Hospitals[len(c.Hospitals)-1]
}

// Consent finds a consent by its hash, or is nil; changing it changes the content.
func (c *Content) Consent(h ecc.Hash) *Consent {
	return find(c.Consents, func(x *Consent) bool { return x.Hash == h })
}

// Visit finds a visit by its local identifier, or is nil.
func (c *Content) Visit(id string) *Visit {
	return find(c.Visits, func(x *Visit) bool { return x.ID == id })
}

// Diagnosis finds a diagnosis by H(Sig_D5), or is nil.
func (c *Content) Diagnosis(h ecc.Hash) *Diagnosis {
	return find(c.Diagnoses, func(x *Diagnosis) bool { return x.Hash == h })
}

// Enrolment finds the enrolment at a hospital, or is nil.
func (c *Content) Enrolment(hospital message.ID) *Enrolment {
	return find(c.Enrolments, func(x *Enrolment) bool { return x.Hospital == hospital })
}

func find[T any](list []T, is func(*T) bool) *T {
	for i := range list {
		if is(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// encode writes the content; it holds every key, and is to be sealed.
func (c Content) encode() ([]byte, error) { return json.Marshal(c) }

func decodeContent(b []byte) (c Content, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields() // what a newer version has written must not be lost
	if d.Decode(&c) != nil {
		return Content{}, ErrFormat
	}
	return c, nil
}

// clone copies the content, so that who got it can keep or change it. Byte fields
// are never written to after they are stored and are shared.
func (c Content) clone() Content {
	c.Former = slices.Clone(c.Former)
	c.Enrolments = slices.Clone(c.Enrolments)
	c.Consents = slices.Clone(c.Consents)
	for i := range c.Consents {
		c.Consents[i].Revoked = slices.Clone(c.Consents[i].Revoked)
	}
	c.Visits = slices.Clone(c.Visits)
	for i := range c.Visits {
		c.Visits[i].Uses = slices.Clone(c.Visits[i].Uses)
	}
	c.Diagnoses = slices.Clone(c.Diagnoses)
	for i := range c.Diagnoses {
		c.Diagnoses[i].StoredAt = slices.Clone(c.Diagnoses[i].StoredAt)
	}
	c.Hospitals = slices.Clone(c.Hospitals)
	for i := range c.Hospitals {
		k := &c.Hospitals[i]
		k.Answers, k.Disputed, k.Contents = slices.Clone(k.Answers), slices.Clone(k.Disputed), slices.Clone(k.Contents)
	}
	return c
}

// maxDisputed bounds how many contradictions are kept for one hospital: some prove
// as much as many.
const maxDisputed = 8

// Dispute keeps a signed answer that contradicts what the hospital has said before.
func (k *Known) Dispute(s Statement, content []byte) {
	if len(k.Disputed) < maxDisputed {
		k.Disputed, k.Contents = append(k.Disputed, s), append(k.Contents, content)
	}
}

package patient

import (
	"errors"
	"io"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Choices is what the patient decides for one visit.
type Choices struct {
	Department message.Code // ID_DE: one of the doctor's departments
	Purpose    message.Code
	Expires    time.Time
	MaxUses    uint32 // searches; 3 by default
	Grants     []message.Grant
	WriteTo    message.ID // a hospital of hers, or "" for none
	MSD        []byte     // FHIR Bundle of measured signals, may be an empty Bundle
}

// Given is a consent as the patient keeps it: she can revoke it, follow its uses
// and prove later what she allowed.
type Given struct {
	CON    message.CON
	Doctor message.Credential
	Name   string // of the doctor, from Cert_D
}

// Bounds on what a consent may name.
const (
	maxGrants = 64
	maxCodes  = 64
)

// CheckChoices refuses what no consent may say, as Invalid. Share checks it too; asked
// before Begin, it spares the doctor a visit that goes nowhere.
func (p *Patient) CheckChoices(d Doctor, c Choices) error {
	switch {
	case !slices.Contains(d.Certificate.Departments, string(c.Department)):
		return problem.Invalid("The doctor does not act in that department.").Coded("department-wrong")
	case !c.Purpose.Valid():
		return problem.Invalid("The purpose is missing or is no code.").Coded("purpose-invalid")
	case !c.Expires.After(p.cfg.Now()):
		return problem.Invalid("The consent would have expired already.").Coded("expired-already")
	case c.MaxUses == 0:
		return problem.Invalid("The consent must allow one use at least.").Coded("uses-invalid")
	case c.WriteTo != "" && !c.WriteTo.Valid():
		return problem.Invalid("The hospital to write to is no identifier.").Coded("choice-unknown")
	}
	return checkGrants(c.Grants)
}

func checkGrants(grants []message.Grant) error {
	if len(grants) > maxGrants {
		return problem.Invalid("The consent names too many hospitals.").Coded("choice-unknown")
	}
	seen := map[message.ID]bool{}
	for _, g := range grants {
		if !g.Hospital.Valid() || seen[g.Hospital] {
			return problem.Invalid("A grant names no hospital, or one that has a grant already.").Coded("choice-unknown")
		}
		seen[g.Hospital] = true
		if !validCodes(g.Departments) || !validCodes(g.Classes) {
			return problem.Invalid("A grant must name departments and classes; leave a hospital out to allow nothing.").Coded("grant-empty")
		}
	}
	return nil
}

func validCodes(codes []message.Code) bool {
	bad := func(c message.Code) bool { return !c.Valid() }
	return len(codes) > 0 && len(codes) <= maxCodes && !slices.ContainsFunc(codes, bad)
}

// backdate lets a consent hold at once for a doctor whose clock is behind hers.
const backdate = time.Minute

// VerifyUser checks that uv is the user-verification key of β_P, which is of kind
// passphrase. It is asked before M1, so that without the patient nothing leaves the
// device (attack 6).
func (p *Patient) VerifyUser(uv ecc.VerifyKey) error {
	beta := message.Beta(uv.Bytes(), message.Hash{}, p.keys.Epoch)
	if p.keys.Attribute != (message.PatientAttribute{Kind: message.KindPassphrase, Beta: beta}) {
		return refuse(errors.New("user verification: not the key of β_P"))
	}
	return nil
}

// Draft is a consent that says everything and is signed by nobody. It waits for the
// patient to approve exactly this.
type Draft struct {
	p       *Patient
	doctor  Doctor
	choices Choices
	con     message.CON
	keys    map[message.Hash]ecc.SigningKey // of its locators
}

// Prepare turns choices into the consent that Approve signs (section 4.3), without
// signing it. Nothing leaves the device.
func (p *Patient) Prepare(d Doctor, c Choices) (*Draft, error) {
	if _, err := p.credential(); err != nil {
		return nil, err
	}
	if err := p.CheckChoices(d, c); err != nil {
		return nil, err
	}
	con := message.CON{OpenH: message.OpenH{Patient: p.keys.ID, Grants: sortGrants(c.Grants), WriteTo: c.WriteTo}}
	keys, err := p.openLocators(&con)
	if err != nil {
		return nil, err
	}
	con.Consent = message.Consent{Doctor: d.Hash, Department: c.Department, Purpose: c.Purpose, NotBefore: message.MillisOf(p.stamp().Time().Add(-backdate)),
		Expires: message.MillisOf(c.Expires), MaxUses: c.MaxUses, CommitC: con.OpenC.Commit(), CommitH: con.OpenH.Commit()}
	if _, err := io.ReadFull(p.cfg.Rand, con.Consent.CID[:]); err != nil {
		return nil, err
	}
	return &Draft{p: p, doctor: d, choices: c, con: con, keys: keys}, nil
}

// Consent is what would be signed.
func (d *Draft) Consent() message.Consent { return d.con.Consent }

// Challenge is H⟨uv: Consent⟩, 32 bytes: what the user verification signs.
func (d *Draft) Challenge() message.Hash { return message.Challenge(d.con.Consent) }

// Doctor is whom it is for.
func (d *Draft) Doctor() Doctor { return d.doctor }

// Choices are what it was prepared from.
func (d *Draft) Choices() Choices { return d.choices }

// Epoch is that of β_P, for the assertion.
func (d *Draft) Epoch() uint64 { return d.p.keys.Epoch }

// Approved is a consent that the patient has verified herself for, ready to be shared
// in one visit.
type Approved struct {
	doctor Doctor
	con    message.CON
	msd    []byte
	shared bool
}

// Approve checks the user verification over the draft as doctor and hospital will,
// and signs the consent. A wrong passphrase or passkey is Refused, and nothing is signed.
func (d *Draft) Approve(a message.Assertion) (*Approved, error) {
	if err := a.Verify(d.p.keys.Credential.Info.Attribute, d.con.Consent); err != nil {
		return nil, refuse(err)
	}
	con := d.con
	con.Assertion = a
	con.SigmaP = d.p.keys.Sign.Sign(message.TBSSigmaP(con.Consent))
	con.Authorizers = nil
	for _, l := range con.OpenC.Locators {
		k := d.keys[l]
		con.Authorizers = append(con.Authorizers, message.Authorizer{VK: k.Public(), SigmaL: k.Sign(message.TBSSigmaL(con.Consent))})
	}
	return &Approved{doctor: d.doctor, con: con, msd: d.choices.MSD}, nil
}

// openLocators draws both salts and fills open_C and kv* from the grants.
func (p *Patient) openLocators(con *message.CON) (map[message.Hash]ecc.SigningKey, error) {
	if _, err := io.ReadFull(p.cfg.Rand, con.OpenC.Salt[:]); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(p.cfg.Rand, con.OpenH.Salt[:]); err != nil {
		return nil, err
	}
	keys := map[message.Hash]ecc.SigningKey{}
	for _, d := range grantedDepartments(con.OpenH.Grants) {
		k, err := message.LocatorKey(p.keys.Locator[:], d)
		if err != nil {
			return nil, err
		}
		l := message.Locator(k.Public())
		keys[l] = k
		con.OpenC.Locators = append(con.OpenC.Locators, l)
	}
	con.OpenC.Locators = message.SortHashes(con.OpenC.Locators)
	con.IndexKeys = p.indexKeys(con.OpenH.Grants)
	return keys, nil
}

func (p *Patient) indexKeys(grants []message.Grant) []message.SharedIndexKey {
	var out []message.SharedIndexKey
	for _, g := range grants {
		for _, d := range g.Departments {
			out = append(out, message.SharedIndexKey{Department: d, Hospital: g.Hospital, Key: message.IndexKey(p.keys.Locator[:], d, g.Hospital)})
		}
	}
	return message.SortIndexKeys(out)
}

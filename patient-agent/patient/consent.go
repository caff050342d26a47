package patient

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"medunion/api/message"
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

// checkChoices refuses what no consent may say.
func (p *Patient) checkChoices(d Doctor, c Choices) error {
	switch {
	case !slices.Contains(d.Certificate.Departments, string(c.Department)):
		return errors.New("patient: the doctor does not act in that department")
	case !c.Purpose.Valid():
		return errors.New("patient: purpose missing")
	case !c.Expires.After(p.cfg.Now()):
		return errors.New("patient: the consent would already have expired")
	case c.MaxUses == 0:
		return errors.New("patient: at least one use")
	}
	for i, g := range c.Grants {
		if len(g.Departments) == 0 || len(g.Classes) == 0 {
			return fmt.Errorf("patient: grant %d allows nothing; leave the hospital out", i+1)
		}
	}
	return nil
}

// giveConsent signs everything that a consent consists of (section 4.3). uv is the
// user-verification key, unlocked for this one ceremony.
func (p *Patient) giveConsent(d Doctor, c Choices, uv ecc.SigningKey) (message.CON, error) {
	con := message.CON{OpenH: message.OpenH{Patient: p.keys.ID, Grants: sortGrants(c.Grants), WriteTo: c.WriteTo}}
	keys, err := p.openLocators(&con)
	if err != nil {
		return con, err
	}
	con.Consent = message.Consent{Doctor: d.Hash, Department: c.Department, Purpose: c.Purpose, NotBefore: p.now(),
		Expires: message.MillisOf(c.Expires), MaxUses: c.MaxUses, CommitC: con.OpenC.Commit(), CommitH: con.OpenH.Commit()}
	if _, err := io.ReadFull(p.cfg.Rand, con.Consent.CID[:]); err != nil {
		return con, err
	}
	con.Assertion = message.AssertPassphrase(uv, p.keys.Epoch, con.Consent)
	if err := con.Assertion.Verify(p.keys.Credential.Info.Attribute, con.Consent); err != nil {
		return con, refuse(err) // a wrong passphrase: no consent leaves the device
	}
	con.SigmaP = p.keys.Sign.Sign(message.TBSSigmaP(con.Consent))
	for _, l := range con.OpenC.Locators {
		k := keys[l]
		con.Authorizers = append(con.Authorizers, message.Authorizer{VK: k.Public(), SigmaL: k.Sign(message.TBSSigmaL(con.Consent))})
	}
	return con, nil
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
	return out
}

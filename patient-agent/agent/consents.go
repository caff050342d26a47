package agent

import (
	"context"
	"errors"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// Consent is what she has allowed.
type Consent struct {
	Hash       message.Hash // H(Consent)
	Doctor     string
	Licence    string
	Credential message.Hash // c_D
	Visit      string       // in which it was given
	Department message.Code
	Purpose    message.Code
	NotBefore  time.Time
	Expires    time.Time
	MaxUses    uint32
	Grants     []message.Grant
	WriteTo    message.ID // "" for nowhere
	Revoked    string     // "no", "partly" or "yes"
}

// Consents lists what she has allowed, newest first.
func (a *Agent) Consents() ([]Consent, error) {
	o, err := a.registered()
	if err != nil {
		return nil, err
	}
	out := []Consent{}
	err = o.store.View(func(c keystore.Content) error {
		for _, k := range slices.Backward(c.Consents) {
			con, err := message.DecodeCON(k.CON)
			if err != nil {
				return err
			}
			shown := consent(k, con)
			shown.Visit = visitOf(c, k.Hash)
			out = append(out, shown)
		}
		return nil
	})
	return out, storeProblem(err)
}

func consent(k keystore.Consent, con message.CON) Consent {
	c := con.Consent
	return Consent{Hash: k.Hash, Doctor: k.Name, Licence: k.Licence, Credential: c.Doctor, Department: c.Department, Purpose: c.Purpose,
		NotBefore: c.NotBefore.Time(), Expires: c.Expires.Time(), MaxUses: c.MaxUses, Grants: con.OpenH.Grants,
		WriteTo: con.OpenH.WriteTo, Revoked: revoked(k, con)}
}

func visitOf(c keystore.Content, consent message.Hash) string {
	for _, v := range c.Visits {
		if v.Consent != nil && *v.Consent == consent {
			return v.ID
		}
	}
	return ""
}

func revoked(k keystore.Consent, con message.CON) string {
	places := places(con)
	confirmed := 0
	for _, p := range places {
		if k.RevokedAt(p.name()) {
			confirmed++
		}
	}
	switch {
	case k.Requested.IsZero():
		return "no"
	case confirmed == len(places):
		return "yes"
	}
	return "partly"
}

// findConsent returns a consent of hers.
func findConsent(o *opened, h message.Hash) (k keystore.Consent, con message.CON, err error) {
	err = o.store.View(func(c keystore.Content) error {
		found := c.Consent(h)
		if found == nil {
			return errNoConsent
		}
		k = *found
		con, err = message.DecodeCON(k.CON)
		return err
	})
	return k, con, storeProblem(err)
}

// grantedDepartments are the departments whose locators the consent covers, sorted.
func grantedDepartments(con message.CON) []message.Code {
	var all []message.Code
	for _, g := range con.OpenH.Grants {
		all = append(all, g.Departments...)
	}
	return message.SortCodes(all)
}

// Uses asks the public cloud which searches were made under a consent, in the order
// of their time. It counts them by consent and locator: each locator is asked, and a
// search that several tell of is one.
func (a *Agent) Uses(ctx context.Context, h message.Hash) ([]message.Use, error) {
	o, err := a.registered()
	if err != nil {
		return nil, err
	}
	_, con, err := findConsent(o, h)
	if err != nil {
		return nil, err
	}
	prekey, err := a.cloudPrekey(ctx, o)
	if err != nil {
		return nil, err
	}
	all := []message.Use{}
	for _, d := range grantedDepartments(con) {
		count := uint64(0)
		err := a.collectCloud(ctx, o, prekey, d, message.Question{Kind: message.AskUses, Consent: h}, func(answer patient.Answered) (uint64, error) {
			uses, err := message.DecodeUses(answer.Content)
			for _, u := range uses {
				if !slices.Contains(all, u) {
					all = append(all, u)
				}
			}
			count += uint64(len(uses))
			return count, err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(x, y message.Use) int { return x.Time.Time().Compare(y.Time.Time()) })
	return all, nil
}

// place is one peer that must refuse a revoked consent.
type place struct {
	hospital   message.ID   // or
	department message.Code // whose locator the public cloud knows
}

func (p place) name() string {
	if p.hospital != "" {
		return string(p.hospital)
	}
	return "public cloud, " + string(p.department)
}

// places are all peers at which a consent could be used: the hospitals granted, the
// one to write to, and the public cloud for each locator.
func places(con message.CON) (out []place) {
	for _, g := range con.OpenH.Grants {
		out = append(out, place{hospital: g.Hospital})
	}
	if w := con.OpenH.WriteTo; w != "" && !slices.Contains(out, place{hospital: w}) {
		out = append(out, place{hospital: w})
	}
	for _, d := range grantedDepartments(con) {
		out = append(out, place{department: d})
	}
	return out
}

// Revocation is what came of revoking a consent.
type Revocation struct {
	Complete bool
	Results  []RevocationResult
}

// Says words the whole of it.
func (r Revocation) Says() string {
	if r.Complete {
		return "The consent is revoked everywhere."
	}
	return "NOT everybody has confirmed: where no confirmation stands, the consent may still be used. Repeat the revocation until all have confirmed."
}

// RevocationResult is one peer's part of it.
type RevocationResult struct {
	At         string       // a hospital, or the public cloud with one of her departments
	Hospital   message.ID   // either
	Department message.Code // or
	Revoked    bool
	Reason
}

// Revoke asks every hospital of the consent, and the public cloud for each of its
// locators, to refuse it from now on. What each confirms is kept with its signature;
// a repetition asks those that have not confirmed yet. The error says that nothing
// could be tried at all; what failed in part stands in the results.
func (a *Agent) Revoke(ctx context.Context, h message.Hash) (Revocation, error) {
	o, err := a.registered()
	if err != nil {
		return Revocation{}, err
	}
	k, con, err := findConsent(o, h)
	if err != nil {
		return Revocation{}, err
	}
	if err := a.noteRevocation(o, h); err != nil {
		return Revocation{}, err
	}
	out := Revocation{Complete: true}
	for _, p := range places(con) {
		r := RevocationResult{At: p.name(), Hospital: p.hospital, Department: p.department, Revoked: true,
			Reason: Reason{"revoked", "refuses the consent from now on"}}
		if !k.RevokedAt(p.name()) {
			if err := a.revokeAt(ctx, o, p, h); err != nil {
				r.Revoked, r.Reason, out.Complete = false, says(err), false
			}
		}
		out.Results = append(out.Results, r)
	}
	a.changes.broadcast(Consents)
	return out, nil
}

// noteRevocation remembers that she wants it, whoever answers.
func (a *Agent) noteRevocation(o *opened, h message.Hash) error {
	return storeProblem(o.store.Update(func(c *keystore.Content) error {
		if k := c.Consent(h); k != nil && k.Requested.IsZero() {
			k.Requested = a.cfg.Now()
		}
		return nil
	}))
}

func (a *Agent) revokeAt(ctx context.Context, o *opened, p place, h message.Hash) error {
	answer, err := a.askRevoke(ctx, o, p, message.Question{Kind: message.AskRevoke, Consent: h})
	if err != nil {
		return err
	}
	return storeProblem(o.store.Update(func(c *keystore.Content) error {
		k := c.Consent(h)
		if k == nil {
			return errors.New("agent: the consent is not in the store")
		}
		if !k.RevokedAt(p.name()) {
			k.Revoked = append(k.Revoked, keystore.Revoked{At: p.name(), Answer: statement(answer)})
		}
		return nil
	}))
}

func (a *Agent) askRevoke(ctx context.Context, o *opened, p place, q message.Question) (patient.Answered, error) {
	if p.hospital != "" {
		h, err := a.hospital(ctx, o, p.hospital)
		if err != nil {
			return patient.Answered{}, err
		}
		return a.askHospital(ctx, o, h, q)
	}
	prekey, err := a.cloudPrekey(ctx, o)
	if err != nil {
		return patient.Answered{}, err
	}
	return a.askCloud(ctx, o, prekey, p.department, q)
}

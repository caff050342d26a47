// Package view turns what the agent returns into the types of its REST API, for the
// server and for the command line's JSON.
package view

import (
	"encoding/base64"
	"encoding/hex"
	"time"

	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/patient-agent/agent"
)

// Each converts a list; the result is never nil, as JSON has no null here.
func Each[S, T any](in []S, convert func(S) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = convert(v)
	}
	return out
}

func codes(in []message.Code) api.Codes {
	return Each(in, func(c message.Code) string { return string(c) })
}

func hexOf(h message.Hash) string { return hex.EncodeToString(h[:]) }

func optionalHash(h *message.Hash) *string {
	if h == nil {
		return nil
	}
	s := hexOf(*h)
	return &s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// date is nil for an unknown time.
func date(m message.Millis) *time.Time {
	if m == 0 {
		return nil
	}
	t := m.Time()
	return &t
}

// Identity converts an identity.
func Identity(id agent.Identity) api.Identity {
	out := api.Identity{ID: string(id.ID), Credential: hexOf(id.Credential), Suite: int(id.Suite),
		Verification: verification(id.Verification), NotAfter: id.NotAfter}
	if id.Renewal != "" {
		r := api.IdentityRenewal(id.Renewal)
		out.Renewal = &r
	}
	return out
}

// Hospitals converts the directory as it concerns her.
func Hospitals(l agent.Hospitals) api.Hospitals {
	return api.Hospitals{IgnoredEntries: l.Ignored, Hospitals: Each(l.Hospitals, func(h agent.Hospital) api.Hospital {
		return api.Hospital{ID: string(h.ID), Address: h.Address, Enrolled: h.Enrolled, Departments: codes(h.Departments),
			Classes: codes(h.Classes), First: date(h.First), Last: date(h.Last), Holdings: Each(h.Holdings, holding)}
	})}
}

func holding(h agent.Holding) api.Holding {
	return api.Holding{Department: string(h.Department), Classes: codes(h.Classes), First: date(h.First), Last: date(h.Last), Published: h.Published.Time()}
}

// Card converts a verified card.
func Card(c agent.Card) api.Card {
	return api.Card{Credential: hexOf(c.Credential), Name: c.Name, Licence: c.Licence, Departments: codes(c.Departments),
		Affiliation: string(c.Affiliation), Authority: c.Authority, Portal: c.Portal, NotBefore: c.NotBefore, Until: c.Until}
}

func verification(k message.VerificationKind) api.Verification { return api.Verification(k.String()) }

func binary(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Status converts the state of the store.
func Status(s agent.Status) api.Status {
	out := api.Status{Store: api.Absent, Registered: s.Registered, Openers: Each(s.Openers, verification), Passkey: passkey(s.Passkey), Now: s.Now}
	switch {
	case s.Open:
		out.Store = api.Open
	case s.Exists:
		out.Store = api.Locked
	}
	if s.Verification != 0 {
		v := verification(s.Verification)
		out.Verification = &v
	}
	return out
}

func passkey(k *agent.Passkey) *api.Passkey {
	if k == nil {
		return nil
	}
	return &api.Passkey{CredentialID: binary(k.CredentialID), RpID: k.RPID, Prf: k.Opens}
}

// PasskeyChallenge converts what the browser needs for a new passkey.
func PasskeyChallenge(c agent.PasskeyChallenge) api.PasskeyChallenge {
	return api.PasskeyChallenge{Challenge: binary(c.Challenge), RpID: c.RPID, RpName: "medunion",
		User: api.PasskeyUser{ID: binary(c.UserID), Name: c.UserName, DisplayName: c.UserName}}
}

// Profile converts what she says of herself.
func Profile(p agent.Profile) api.Profile {
	out := api.Profile{Name: p.Name}
	if p.BirthDate != "" {
		out.BirthDate = &p.BirthDate
	}
	if p.Sex != "" {
		sex := api.ProfileSex(p.Sex)
		out.Sex = &sex
	}
	return out
}

// Defaults converts the code lists.
func Defaults(d agent.Defaults) api.Defaults {
	one := func(l agent.Listed) api.ListedCode {
		return api.ListedCode{Code: string(l.Code), Sensitive: l.Sensitive}
	}
	return api.Defaults{Departments: Each(d.Departments, one), Classes: Each(d.Classes, one), Purposes: codes(d.Purposes),
		Purpose: string(agent.DefaultPurpose), Hours: int(agent.DefaultLife.Hours()), MaxUses: agent.DefaultUses, MaxSignals: agent.MaxSignals}
}

// Approval converts a consent that waits to be approved.
func Approval(p agent.Approval) api.Approval {
	c := p.Choices
	out := api.Approval{ID: p.ID, Challenge: binary(p.Challenge[:]), Verification: verification(p.Verification), Passkey: passkey(p.Passkey), Until: p.Until,
		Summary: api.Summary{Consent: hexOf(p.Consent), Doctor: Card(p.Doctor), Department: string(c.Department), Purpose: string(c.Purpose),
			Expires: c.Expires, MaxUses: int(c.MaxUses), Grants: Each(c.Grants, grant), WriteTo: string(c.WriteTo), Signals: p.Recordings}}
	if p.Profile != nil {
		self := Profile(*p.Profile)
		out.Summary.Profile = &self
	}
	return out
}

// Visit converts how a visit stands.
func Visit(v agent.Visit) api.Visit {
	out := api.Visit{ID: v.ID, State: api.VisitState(v.State), Code: v.Code, Says: v.Says, Doctor: v.Doctor, Licence: v.Licence,
		Credential: hexOf(v.Credential), Department: string(v.Department), Started: v.Started, Updated: v.Updated, Until: v.Until, Shared: v.Shared,
		Repeatable: v.Repeatable, Activity: Each(v.Activity, activity), Consent: optionalHash(v.Consent), Diagnosis: optionalHash(v.Diagnosis)}
	if v.Trouble != nil {
		out.Trouble = &api.Reason{Code: v.Trouble.Code, Says: v.Trouble.Says}
	}
	return out
}

func activity(a agent.Activity) api.Activity {
	out := api.Activity{Code: api.ActivityCode(a.Code), Time: a.Time}
	if a.Hospital != "" {
		hospital, resources, classes := string(a.Hospital), int(a.Resources), codes(a.Classes)
		out.Hospital, out.Resources, out.Classes = &hospital, &resources, &classes
	}
	return out
}

// Diagnosis converts a diagnosis.
func Diagnosis(d agent.Diagnosis) api.Diagnosis {
	return api.Diagnosis{ID: hexOf(d.ID), Doctor: d.Doctor, Licence: d.Licence, Consent: hexOf(d.Consent), ConsentKnown: d.ConsentKnown,
		Time: d.Time, FromVisit: d.FromVisit, Content: api.FHIR(d.Content), StoredAt: Each(d.StoredAt, func(s agent.Stored) api.StoredAt {
			return api.StoredAt{Hospital: string(s.Hospital), Record: int64(s.Record)}
		})}
}

func grant(g message.Grant) api.Grant {
	return api.Grant{Hospital: string(g.Hospital), Departments: codes(g.Departments), Classes: codes(g.Classes)}
}

// Consent converts a consent.
func Consent(c agent.Consent) api.Consent {
	return api.Consent{Visit: optional(c.Visit), Consent: hexOf(c.Hash), Doctor: c.Doctor, Licence: c.Licence, Credential: hexOf(c.Credential), Department: string(c.Department),
		Purpose: string(c.Purpose), NotBefore: c.NotBefore, Expires: c.Expires, MaxUses: int(c.MaxUses), Grants: Each(c.Grants, grant),
		WriteTo: string(c.WriteTo), Revoked: api.ConsentRevoked(c.Revoked)}
}

// Use converts a search made.
func Use(u message.Use) api.Use {
	mode := api.UseModeRead
	if u.Mode == message.ModeWrite {
		mode = api.UseModeWrite
	}
	return api.Use{Time: u.Time.Time(), Mode: mode, Request: hexOf(u.Request)}
}

func hospitalReleases(h agent.HospitalReleases) api.HospitalReleases {
	return api.HospitalReleases{Hospital: string(h.Hospital), Answered: h.Answered, Warnings: Each(h.Warnings, warning),
		Releases: Each(h.Releases, release)}
}

func warning(w agent.Warning) api.Warning {
	out := api.Warning{Code: api.WarningCode(w.Code), Says: w.Says}
	if w.Number != 0 {
		n := int64(w.Number)
		out.Number = &n
	}
	return out
}

func release(r agent.Release) api.Release {
	return api.Release{Number: int64(r.Number), Mode: releaseMode(r), Time: r.Time.Time(), Doctor: r.Name, Licence: r.Licence, Department: string(r.Department),
		Purpose: string(r.Purpose), Consent: hexOf(r.Consent), ConsentKnown: r.ConsentKnown, Departments: codes(r.Departments),
		Classes: codes(r.Classes), Resources: int(r.Resources)}
}

// releaseMode tells a receipt of M9 from one of M11, which has no pages.
func releaseMode(r agent.Release) api.ReleaseMode {
	if r.Written() {
		return api.ReleaseModeWrite
	}
	return api.ReleaseModeRead
}

// Releases converts who saw what.
func Releases(r agent.Releases) api.Releases {
	return api.Releases{Complete: r.Complete, Hospitals: Each(r.Hospitals, hospitalReleases)}
}

// Revocation converts what came of a revocation.
func Revocation(r agent.Revocation) api.Revocation {
	return api.Revocation{Complete: r.Complete, Says: r.Says(), Results: Each(r.Results, func(x agent.RevocationResult) api.RevocationResult {
		return api.RevocationResult{At: x.At, Hospital: optional(string(x.Hospital)), Department: optional(string(x.Department)),
			Revoked: x.Revoked, Code: x.Code, Says: x.Says}
	})}
}

// Unanswered converts a hospital that did not answer.
func Unanswered(u agent.Unanswered) api.Unanswered {
	return api.Unanswered{Hospital: string(u.Hospital), Code: u.Code, Says: u.Says}
}

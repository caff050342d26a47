// Package view turns what the agent returns into the types of its REST API, for the
// server and for the command line's JSON.
package view

import (
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
	return api.Identity{ID: string(id.ID), Credential: hexOf(id.Credential), Suite: int(id.Suite),
		Verification: api.VerificationPassphrase, NotAfter: id.NotAfter}
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

// Visit converts how a visit stands.
func Visit(v agent.Visit) api.Visit {
	return api.Visit{ID: v.ID, State: api.VisitState(v.State), Says: v.Says, Doctor: v.Doctor, Licence: v.Licence,
		Department: string(v.Department), Started: v.Started, Updated: v.Updated,
		Consent: optionalHash(v.Consent), Diagnosis: optionalHash(v.Diagnosis)}
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
	return api.Consent{Consent: hexOf(c.Hash), Doctor: c.Doctor, Credential: hexOf(c.Credential), Department: string(c.Department),
		Purpose: string(c.Purpose), NotBefore: c.NotBefore, Expires: c.Expires, MaxUses: int(c.MaxUses), Grants: Each(c.Grants, grant),
		WriteTo: string(c.WriteTo), Revoked: api.ConsentRevoked(c.Revoked)}
}

// Use converts a search made.
func Use(u message.Use) api.Use {
	mode := api.Read
	if u.Mode == message.ModeWrite {
		mode = api.Write
	}
	return api.Use{Time: u.Time.Time(), Mode: mode, Request: hexOf(u.Request)}
}

func hospitalReleases(h agent.HospitalReleases) api.HospitalReleases {
	return api.HospitalReleases{Hospital: string(h.Hospital), Answered: h.Answered, Warnings: Each(h.Warnings, func(s string) api.Warning { return api.Warning{Says: s} }),
		Releases: Each(h.Releases, release)}
}

func release(r agent.Release) api.Release {
	return api.Release{Number: int64(r.Number), Time: r.Time.Time(), Doctor: r.Name, Licence: r.Licence, Department: string(r.Department),
		Purpose: string(r.Purpose), Consent: hexOf(r.Consent), ConsentKnown: r.ConsentKnown, Departments: codes(r.Departments),
		Classes: codes(r.Classes), Resources: int(r.Resources)}
}

// Releases converts who saw what.
func Releases(r agent.Releases) api.Releases {
	return api.Releases{Complete: r.Complete, Hospitals: Each(r.Hospitals, hospitalReleases)}
}

// Revocation converts what came of a revocation.
func Revocation(r agent.Revocation) api.Revocation {
	return api.Revocation{Complete: r.Complete, Says: r.Says(), Results: Each(r.Results, func(x agent.RevocationResult) api.RevocationResult {
		return api.RevocationResult{At: x.At, Revoked: x.Revoked, Says: x.Says}
	})}
}

// Unanswered converts a hospital that did not answer.
func Unanswered(u agent.Unanswered) api.Unanswered {
	return api.Unanswered{Hospital: string(u.Hospital), Says: u.Says}
}

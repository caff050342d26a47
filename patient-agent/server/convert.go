package server

import (
	"encoding/hex"
	"time"

	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
)

// each converts a list; the result is never nil, as JSON has no null here.
func each[S, T any](in []S, convert func(S) T) []T {
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = convert(v)
	}
	return out
}

func codes(in []message.Code) api.Codes {
	return each(in, func(c message.Code) string { return string(c) })
}

func messageCodes(in []string) []message.Code {
	return each(in, func(c string) message.Code { return message.Code(c) })
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

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func identity(id agent.Identity) api.Identity {
	return api.Identity{ID: string(id.ID), Credential: hexOf(id.Credential), Suite: int(id.Suite),
		Verification: api.IdentityVerificationPassphrase, NotAfter: id.NotAfter}
}

func hospitals(l agent.Hospitals) api.Hospitals {
	return api.Hospitals{IgnoredEntries: l.Ignored, Hospitals: each(l.Hospitals, func(h agent.Hospital) api.Hospital {
		return api.Hospital{ID: string(h.ID), Address: h.Address, Enrolled: h.Enrolled, Departments: codes(h.Departments),
			Classes: codes(h.Classes), First: date(h.First), Last: date(h.Last), Holdings: each(h.Holdings, holding)}
	})}
}

func holding(h agent.Holding) api.Holding {
	return api.Holding{Department: string(h.Department), Classes: codes(h.Classes), First: date(h.First), Last: date(h.Last), Published: h.Published.Time()}
}

func card(c agent.Card) api.Card {
	return api.Card{Credential: hexOf(c.Credential), Name: c.Name, Licence: c.Licence, Departments: codes(c.Departments),
		Affiliation: string(c.Affiliation), Authority: c.Authority, Portal: c.Portal, NotBefore: c.NotBefore, Until: c.Until}
}

// request converts what the patient has decided.
func request(r api.VisitRequest) (agent.Request, error) {
	q := agent.Request{Link: r.Link, Passphrase: []byte(r.Passphrase), Department: message.Code(value(r.Department)),
		Purpose: message.Code(value(r.Purpose)), Expires: value(r.Expires), MaxUses: uint32(value(r.MaxUses))}
	if r.Grants != nil {
		q.Grants = each(*r.Grants, func(g api.Grant) message.Grant {
			return message.Grant{Hospital: message.ID(g.Hospital), Departments: messageCodes(g.Departments), Classes: messageCodes(g.Classes)}
		})
	}
	if w := r.Withhold; w != nil {
		q.Withhold = agent.Withhold{Departments: messageCodes(value(w.Departments)), Classes: messageCodes(value(w.Classes))}
	}
	if r.WriteTo != nil {
		id := message.ID(*r.WriteTo)
		q.WriteTo = &id
	}
	if r.Signals != nil {
		recording, err := recordings(*r.Signals)
		if err != nil {
			return q, err
		}
		q.Recordings = []agent.Recording{recording}
	}
	return q, nil
}

func recordings(s api.Signals) (agent.Recording, error) {
	csvOnly := s.Kind != nil || s.Hz != nil || s.Name != nil || s.Start != nil
	switch {
	case s.Fhir != nil && s.Csv == nil && !csvOnly:
		return agent.Recording{Name: "signals.json", Data: *s.Fhir}, nil
	case s.Csv != nil && s.Fhir == nil:
		return agent.Recording{Name: value(s.Name) + ".csv", Data: []byte(*s.Csv), Kind: string(value(s.Kind)), Hz: value(s.Hz), Start: value(s.Start)}, nil
	}
	return agent.Recording{}, problem.Invalid("The signals are either FHIR alone, or CSV with its kind and rate.")
}

func visit(v agent.Visit) api.Visit {
	return api.Visit{ID: v.ID, State: api.VisitState(v.State), Says: v.Says, Doctor: v.Doctor, Licence: v.Licence,
		Department: string(v.Department), Started: v.Started, Updated: v.Updated,
		Consent: optionalHash(v.Consent), Diagnosis: optionalHash(v.Diagnosis)}
}

func diagnosis(d agent.Diagnosis) api.Diagnosis {
	return api.Diagnosis{ID: hexOf(d.ID), Doctor: d.Doctor, Licence: d.Licence, Consent: hexOf(d.Consent), ConsentKnown: d.ConsentKnown,
		Time: d.Time, FromVisit: d.FromVisit, Content: api.FHIR(d.Content), StoredAt: each(d.StoredAt, func(s agent.Stored) api.StoredAt {
			return api.StoredAt{Hospital: string(s.Hospital), Record: int64(s.Record)}
		})}
}

func grant(g message.Grant) api.Grant {
	return api.Grant{Hospital: string(g.Hospital), Departments: codes(g.Departments), Classes: codes(g.Classes)}
}

func consent(c agent.Consent) api.Consent {
	return api.Consent{Consent: hexOf(c.Hash), Doctor: c.Doctor, Credential: hexOf(c.Credential), Department: string(c.Department),
		Purpose: string(c.Purpose), NotBefore: c.NotBefore, Expires: c.Expires, MaxUses: int(c.MaxUses), Grants: each(c.Grants, grant),
		WriteTo: string(c.WriteTo), Revoked: api.ConsentRevoked(c.Revoked)}
}

func use(u message.Use) api.Use {
	mode := api.Read
	if u.Mode == message.ModeWrite {
		mode = api.Write
	}
	return api.Use{Time: u.Time.Time(), Mode: mode, Request: hexOf(u.Request)}
}

func hospitalReleases(h agent.HospitalReleases) api.HospitalReleases {
	return api.HospitalReleases{Hospital: string(h.Hospital), Answered: h.Answered, Warnings: each(h.Warnings, func(s string) string { return s }),
		Releases: each(h.Releases, release)}
}

func release(r agent.Release) api.Release {
	return api.Release{Number: int64(r.Number), Time: r.Time.Time(), Doctor: r.Name, Licence: r.Licence, Department: string(r.Department),
		Purpose: string(r.Purpose), Consent: hexOf(r.Consent), ConsentKnown: r.ConsentKnown, Departments: codes(r.Departments),
		Classes: codes(r.Classes), Resources: int(r.Resources)}
}

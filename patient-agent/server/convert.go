package server

import (
	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/view"
)

func messageCodes(in []string) []message.Code {
	return view.Each(in, func(c string) message.Code { return message.Code(c) })
}

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// request converts what the patient has decided.
func request(r api.VisitRequest) (agent.Request, error) {
	q := agent.Request{Link: value(r.Link), Passphrase: []byte(value(r.Passphrase)), Department: message.Code(value(r.Department)),
		Purpose: message.Code(value(r.Purpose)), Expires: value(r.Expires), MaxUses: uint32(value(r.MaxUses))}
	if r.Grants != nil {
		q.Grants = view.Each(*r.Grants, func(g api.Grant) message.Grant {
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

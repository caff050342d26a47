package server

import (
	"encoding/base64"
	"strings"

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

func pointer[T any](v T) *T { return &v }

// unbase64 decodes base64url without padding in its one form.
func unbase64(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, problem.Invalid("A binary value is no base64url without padding.")
	}
	return b, nil
}

// unbase64Each decodes several; the first failure counts.
func unbase64Each(to map[*[]byte]string) (err error) {
	for p, s := range to {
		if *p, err = unbase64(s); err != nil {
			return err
		}
	}
	return nil
}

// means converts what opens a new store and approves consents.
func means(r api.Registration) (m agent.Means, err error) {
	if r.Passphrase != nil {
		m.Passphrase = []byte(*r.Passphrase)
	}
	if r.Passkey == nil {
		return m, nil
	}
	k := agent.NewPasskey{}
	err = unbase64Each(map[*[]byte]string{&k.CredentialID: r.Passkey.CredentialID, &k.AttestationObject: r.Passkey.AttestationObject,
		&k.ClientDataJSON: r.Passkey.ClientDataJSON})
	if err == nil && r.Passkey.Prf != nil {
		k.PRF, err = unbase64(*r.Passkey.Prf)
	}
	m.Passkey = &k
	return m, err
}

// proof converts what approves a prepared consent: one kind of proof, and nothing that
// would choose again.
func proof(r api.VisitRequest) (agent.Proof, error) {
	again := r
	again.Approval, again.Passphrase, again.Assertion = nil, nil, nil
	if again != (api.VisitRequest{}) || (r.Passphrase == nil) == (r.Assertion == nil) {
		return agent.Proof{}, problem.Invalid("An approval goes with either the passphrase or the assertion, and with nothing else.")
	}
	if r.Assertion == nil {
		return agent.Proof{Passphrase: []byte(*r.Passphrase)}, nil
	}
	p := agent.Proof{Passkey: &message.WebAuthnProof{}}
	err := unbase64Each(map[*[]byte]string{&p.CredentialID: r.Assertion.CredentialID, &p.Passkey.AuthenticatorData: r.Assertion.AuthenticatorData,
		&p.Passkey.ClientDataJSON: r.Assertion.ClientDataJSON, &p.Passkey.Signature: r.Assertion.Signature})
	return p, err
}

// approvalRequest converts what the patient has decided, or which visit she begins again.
func approvalRequest(r api.ApprovalRequest) (agent.Request, error) {
	if r.Again != nil {
		if r != (api.ApprovalRequest{Again: r.Again}) {
			return agent.Request{}, problem.Invalid("A visit that is begun again takes no other choices.")
		}
		return agent.Request{Again: *r.Again}, nil
	}
	if r.Link == nil {
		return agent.Request{}, problem.Invalid("The doctor's link is missing.")
	}
	q := agent.Request{Link: *r.Link, Department: message.Code(value(r.Department)), Purpose: message.Code(value(r.Purpose)),
		Expires: value(r.Expires), MaxUses: uint32(value(r.MaxUses)), Anonymous: value(r.Anonymous)}
	q.Grants, q.Withhold, q.WriteTo = grants(r.Grants), withhold(r.Withhold), hospital(r.WriteTo)
	var err error
	q.Recordings, err = recordings(value(r.Recordings))
	return q, err
}

// request converts a visit in one step.
func request(r api.VisitRequest) (agent.Request, error) {
	if r.Link == nil || r.Passphrase == nil || r.Assertion != nil {
		return agent.Request{}, problem.Invalid("A visit begins with an approval, or with the doctor's link and the passphrase.")
	}
	q := agent.Request{Link: *r.Link, Passphrase: []byte(*r.Passphrase), Department: message.Code(value(r.Department)),
		Purpose: message.Code(value(r.Purpose)), Expires: value(r.Expires), MaxUses: uint32(value(r.MaxUses))}
	q.Grants, q.Withhold, q.WriteTo = grants(r.Grants), withhold(r.Withhold), hospital(r.WriteTo)
	list := value(r.Recordings)
	if r.Signals != nil {
		list = append([]api.Signals{*r.Signals}, list...)
	}
	var err error
	q.Recordings, err = recordings(list)
	return q, err
}

// grants keeps apart no choice (nil) and nothing allowed (empty).
func grants(in *[]api.Grant) []message.Grant {
	if in == nil {
		return nil
	}
	return view.Each(*in, func(g api.Grant) message.Grant {
		return message.Grant{Hospital: message.ID(g.Hospital), Departments: messageCodes(g.Departments), Classes: messageCodes(g.Classes)}
	})
}

func withhold(in *api.Withhold) agent.Withhold {
	w := value(in)
	return agent.Withhold{Departments: messageCodes(value(w.Departments)), Classes: messageCodes(value(w.Classes))}
}

func hospital(in *string) *message.ID {
	if in == nil {
		return nil
	}
	return pointer(message.ID(*in))
}

func recordings(list []api.Signals) ([]agent.Recording, error) {
	var out []agent.Recording
	for _, s := range list {
		r, err := recording(s)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func recording(s api.Signals) (agent.Recording, error) {
	csvOnly := s.Kind != nil || s.Hz != nil || s.Start != nil
	switch {
	case s.Fhir != nil && s.Csv == nil && !csvOnly:
		return agent.Recording{Name: "signals.json", Data: *s.Fhir}, nil
	case s.Csv != nil && s.Fhir == nil:
		return agent.Recording{Name: strings.TrimSuffix(value(s.Name), ".csv") + ".csv", Data: []byte(*s.Csv), Kind: string(value(s.Kind)),
			Hz: value(s.Hz), Start: value(s.Start)}, nil
	}
	return agent.Recording{}, problem.Invalid("The signals are either FHIR alone, or CSV with its kind and rate.").Coded("signals-either")
}

package agent

import (
	"time"

	api "medunion/api/openapi/doctoragent"
	"medunion/doctor-portal/practice"
)

// optional is nil for a zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// timeOf is a time of the practice, in milliseconds, as the interface has it.
func timeOf(millis int64) api.Time { return time.UnixMilli(millis).UTC() }

// optionalTime is nil for zero.
func optionalTime(millis int64) *api.Time {
	if millis == 0 {
		return nil
	}
	t := timeOf(millis)
	return &t
}

// reason is the sentence and the code of a reason, nil for none.
func reason(r *practice.Reason) (says, code *string) {
	if r == nil {
		return nil, nil
	}
	return &r.Says, &r.Code
}

func viewDoctor(d practice.Doctor) api.Doctor {
	v := api.Doctor{ID: d.ID, Suite: d.Suite, State: api.DoctorState(d.State), Credential: optional(d.Credential), Online: d.Online,
		Name: optional(d.Name), Licence: optional(d.Licence), Affiliation: optional(d.Affiliation), CertificateUntil: optionalTime(d.CertificateUntil)}
	if d.Departments != nil {
		v.Departments = &d.Departments
	}
	v.Trouble, v.TroubleCode = reason(d.Trouble)
	return v
}

func visitOf(v practice.Visit, err error) (api.Visit, error) {
	if err != nil {
		return api.Visit{}, err
	}
	return viewVisit(v), nil
}

func viewVisit(v practice.Visit) api.Visit {
	out := api.Visit{ID: v.ID, State: api.VisitState(v.State), Since: timeOf(v.Since), Expires: timeOf(v.Expires), Hospitals: []api.HospitalProgress{},
		Patient: api.Patient{ID: v.Patient.ID, Credential: v.Patient.Credential, Verification: api.PatientVerification(v.Patient.Verification)}}
	out.Reason, out.ReasonCode = reason(v.Reason)
	if c := v.Consent; c != nil {
		out.Consent = viewConsent(*c)
	}
	if s := v.Search; s != nil {
		out.Search = &api.Search{State: api.SearchState(s.State), Step: optional(api.SearchStep(s.Step))}
		out.Search.Reason, out.Search.ReasonCode = reason(s.Reason)
	}
	for _, h := range v.Hospitals {
		out.Hospitals = append(out.Hospitals, viewHospital(h))
	}
	if d := v.Diagnosis; d != nil {
		r := viewDiagnosis(*d)
		out.Diagnosis = &r
	}
	return out
}

func viewConsent(c practice.Consent) *api.Consent {
	out := &api.Consent{Hash: c.Hash, Department: c.Department, Purpose: c.Purpose, NotBefore: timeOf(c.NotBefore), Expires: timeOf(c.Expires),
		MaxUses: c.MaxUses, Uses: c.Uses, WriteTo: optional(c.WriteTo), Grants: []api.Grant{}}
	for _, g := range c.Grants {
		out.Grants = append(out.Grants, api.Grant{Hospital: g.Hospital, Departments: g.Departments, Classes: g.Classes})
	}
	return out
}

func viewHospital(h practice.HospitalProgress) api.HospitalProgress {
	out := api.HospitalProgress{Hospital: h.Hospital, State: api.HospitalProgressState(h.State), Departments: h.Held.Departments,
		Classes: h.Held.Classes, Withheld: api.Scope{Departments: h.Withheld.Departments, Classes: h.Withheld.Classes},
		Page: optional(h.Page), Pages: optional(h.Pages), Resources: h.Resources, Receipt: optional(h.Receipt), Signed: optionalTime(h.Signed)}
	out.Reason, out.ReasonCode = reason(h.Reason)
	return out
}

func diagnosisOf(d practice.Diagnosis, err error) (api.DiagnosisResult, error) {
	if err != nil {
		return api.DiagnosisResult{}, err
	}
	return viewDiagnosis(d), nil
}

func viewDiagnosis(d practice.Diagnosis) api.DiagnosisResult {
	out := api.DiagnosisResult{Delivered: d.Delivered, Failures: []string{}, FailureCodes: []string{}}
	for _, f := range d.Failures {
		out.Failures, out.FailureCodes = append(out.Failures, f.Says), append(out.FailureCodes, f.Code)
	}
	if d.Stored != nil {
		out.Stored = &api.Stored{Hospital: d.Stored.Hospital, Record: d.Stored.Record, Time: timeOf(d.Stored.Time)}
	}
	if d.Indexed != nil {
		out.Indexed = &api.Indexed{Time: timeOf(d.Indexed.Time)}
	}
	return out
}

func viewEvidence(e practice.Evidence) api.Evidence {
	out := api.Evidence{Statements: []api.Statement{}}
	for _, s := range e.Statements {
		v := api.Statement{Name: s.Name, Signer: api.Signer{Role: api.SignerRole(s.Signer.Role), ID: s.Signer.ID}, Covers: s.Covers,
			Time: optionalTime(s.Time), Verified: s.Verified}
		v.Reason, v.ReasonCode = reason(s.Why)
		out.Statements = append(out.Statements, v)
	}
	return out
}

func viewRecord(r Record, number int) api.Record {
	return api.Record{Record: number, Hospital: string(r.Hospital), FullURL: optional(r.FullURL), Type: r.Type,
		ID: optional(r.ID), Bytes: len(r.Data)}
}

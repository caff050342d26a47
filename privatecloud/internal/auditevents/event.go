package auditevents

import (
	"encoding/hex"
	"strconv"

	audit "medunion/api/auditexport"
	"medunion/api/message"
	"medunion/privatecloud/hospital"
)

// Site is the hospital that exports.
type Site struct {
	ID         message.ID
	Credential message.Hash                       // c_HPC
	Address    string                             // attr_HPC, its base URL
	Record     func(hospital.Handle) message.Hash // hospital.RecordName
}

// pattern says how one kind of event becomes an AuditEvent.
type pattern struct {
	profile  string // of BALP; "" where none is made for this kind
	typ      audit.Coding
	subtypes []audit.Coding
	action   string
	agents   func(Site, hospital.Audited) []audit.Agent
	entities func(Site, hospital.Audited) []audit.Entity
}

// patterns are all kinds of events that the trail knows (TestEveryEvent).
var patterns = map[string]pattern{
	hospital.EventReleased: {audit.ProfileDisclosure, audit.TypeExport, []audit.Coding{audit.SubtypeDisclose, audit.SubtypeSearch}, "R", released,
		join(patient, receipt, consent, request)},
	hospital.EventDiagnosis: {audit.ProfileCreate, audit.TypeRest, []audit.Coding{audit.SubtypeCreate}, "C", diagnosed, join(patient, resources, consent, request)},
	hospital.EventImported:  {audit.ProfileCreate, audit.TypeRest, []audit.Coding{audit.SubtypeCreate}, "C", imported, join(patient, resources, request)},
	hospital.EventAsked:     {audit.ProfileRead, audit.TypeRest, []audit.Coding{audit.SubtypeRead}, "R", asked, join(patient, resources, request)},
	hospital.EventRevoked:   {"", audit.TypeAlert, []audit.Coding{audit.SubtypeObject}, "U", byPatient, join(patient, consent, request)},
	hospital.EventEnrolled:  {"", audit.TypeAlert, []audit.Coding{audit.SubtypeUser}, "C", byPatient, join(patient, request)},
	hospital.EventRenewed:   {"", audit.TypeAlert, []audit.Coding{audit.SubtypeUser}, "U", byPatient, join(patient, request)},
	hospital.EventDeskCode:  {"", audit.TypeAlert, []audit.Coding{audit.SubtypeRestricted}, "E", bySystem, join(patient, request)},
	hospital.EventOpened:    {"", audit.TypeAuthentication, []audit.Coding{audit.SubtypeLogin}, "E", byDoctor, join(consent, request)},
	hospital.EventRefused:   {"", audit.TypeAlert, []audit.Coding{audit.SubtypeRestricted}, "E", byWhoever, join(patient, consent, step, request)},
	hospital.EventErasing:   {"", audit.TypeAlert, []audit.Coding{audit.SubtypeRestricted}, "E", byOperator, join(patient, step, request)},
	hospital.EventErased:    {audit.ProfileDelete, audit.TypeRest, []audit.Coding{audit.SubtypeDelete}, "D", erased, join(patient, destroyed)},
	hospital.EventKeys:      {"", audit.TypeAlert, []audit.Coding{audit.SubtypeConfigured}, "U", bySystem, join(step, request)},
	hospital.EventAnew:      {"", audit.TypeAlert, []audit.Coding{audit.SubtypeConfigured}, "U", byOperator, join(step, request)},
	hospital.EventExported:  {"", audit.TypeAuditUsed, nil, "R", byOperator, join(trail, request)},
	hospital.EventResumed:   {"", audit.TypeAlert, []audit.Coding{audit.SubtypeConfigured}, "E", bySystem, join(request)},
	hospital.EventRestored:  {"", audit.TypeAlert, []audit.Coding{audit.SubtypeConfigured}, "U", byOperator, join(trail, request)},
}

// Event is the AuditEvent of an entry of the trail. An entry of a kind that is not in the
// table of patterns becomes a security alert that names it.
func Event(s Site, a hospital.Audited) audit.Resource {
	p, known := patterns[a.What]
	if !known {
		p = pattern{"", audit.TypeAlert, []audit.Coding{audit.SubtypeConfigured}, "E", byWhoever, join(patient, consent, step, request)}
	}
	e := entry(a)
	r := audit.Resource{ResourceType: "AuditEvent", ID: "audit-" + strconv.FormatUint(a.Number, 10), Extension: []audit.Extension{e.Chain()},
		Type: p.typ, Subtype: p.subtypes, Action: p.action, Recorded: e.Stamp(),
		Outcome: audit.OutcomeSuccess, Agent: p.agents(s, a), Entity: p.entities(s, a),
		Source: audit.Source{Site: string(s.ID), Observer: s.self(), Type: []audit.Coding{audit.SourceServer}}}
	if p.profile != "" {
		r.Meta = &audit.Meta{Profile: []string{p.profile}}
	}
	if a.What == hospital.EventRefused {
		r.Outcome, r.OutcomeDesc = audit.OutcomeFailure, a.Reason
	}
	return r
}

// entry is an entry of the trail without its event.
func entry(a hospital.Audited) audit.Entry {
	return audit.Entry{Link: audit.Link{Number: a.Number, Hash: a.Hash}, Prev: a.Prev, Recorded: a.Time.Time().UTC(),
		What: a.What, Failure: a.What == hospital.EventRefused}
}

func (s Site) self() audit.Reference {
	return audit.Reference{Type: "Organization", Identifier: audit.Named(audit.NamespaceCredential, hex.EncodeToString(s.Credential[:])), Display: string(s.ID)}
}

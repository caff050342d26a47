package auditexport

import (
	"encoding/hex"
	"strconv"
	"time"

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
	typ      coding
	subtypes []coding
	action   string
	agents   func(Site, hospital.Audited) []agent
	entities func(Site, hospital.Audited) []entity
}

// patterns are all kinds of events that the trail knows (TestEveryEvent).
var patterns = map[string]pattern{
	hospital.EventReleased: {profileDisclosure, typeExport, []coding{subtypeDisclose, subtypeSearch}, "R", released,
		join(patient, receipt, consent, request)},
	hospital.EventDiagnosis: {profileCreate, typeRest, []coding{subtypeCreate}, "C", diagnosed, join(patient, resources, consent, request)},
	hospital.EventImported:  {profileCreate, typeRest, []coding{subtypeCreate}, "C", imported, join(patient, resources, request)},
	hospital.EventAsked:     {profileRead, typeRest, []coding{subtypeRead}, "R", asked, join(patient, resources, request)},
	hospital.EventRevoked:   {"", typeAlert, []coding{subtypeObject}, "U", byPatient, join(patient, consent, request)},
	hospital.EventEnrolled:  {"", typeAlert, []coding{subtypeUser}, "C", byPatient, join(patient, request)},
	hospital.EventRenewed:   {"", typeAlert, []coding{subtypeUser}, "U", byPatient, join(patient, request)},
	hospital.EventDeskCode:  {"", typeAlert, []coding{subtypeRestricted}, "E", bySystem, join(patient, request)},
	hospital.EventOpened:    {"", typeAuthentication, []coding{subtypeLogin}, "E", byDoctor, join(consent, request)},
	hospital.EventRefused:   {"", typeAlert, []coding{subtypeRestricted}, "E", byWhoever, join(patient, consent, step, request)},
	hospital.EventErasing:   {"", typeAlert, []coding{subtypeRestricted}, "E", byOperator, join(patient, step, request)},
	hospital.EventErased:    {profileDelete, typeRest, []coding{subtypeDelete}, "D", erased, join(patient, destroyed)},
	hospital.EventKeys:      {"", typeAlert, []coding{subtypeConfigured}, "U", bySystem, join(step, request)},
	hospital.EventExported:  {"", typeAuditUsed, nil, "R", byOperator, join(trail, request)},
	hospital.EventResumed:   {"", typeAlert, []coding{subtypeConfigured}, "E", bySystem, join(request)},
	hospital.EventRestored:  {"", typeAlert, []coding{subtypeConfigured}, "U", byOperator, join(trail, request)},
}

// Event is the AuditEvent of an entry of the trail. An entry of a kind that is not in the
// table of patterns becomes a security alert that names it.
func Event(s Site, a hospital.Audited) Resource {
	p, known := patterns[a.What]
	if !known {
		p = pattern{"", typeAlert, []coding{subtypeConfigured}, "E", byWhoever, join(patient, consent, step, request)}
	}
	r := Resource{ResourceType: "AuditEvent", ID: "audit-" + strconv.FormatUint(a.Number, 10), Extension: []extension{chain(a)},
		Type: p.typ, Subtype: p.subtypes, Action: p.action, Recorded: a.Time.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		Outcome: outcomeSuccess, Agent: p.agents(s, a), Entity: p.entities(s, a),
		Source: source{Site: string(s.ID), Observer: s.self(), Type: []coding{sourceServer}}}
	if p.profile != "" {
		r.Meta = &meta{[]string{p.profile}}
	}
	if a.What == hospital.EventRefused {
		r.Outcome, r.OutcomeDesc = outcomeFailure, a.Reason
	}
	return r
}

// chain is the entry's place in the trail. The hashes are keyed: without the hospital's keys
// they show that lines follow each other, with them that nothing of a line was altered.
func chain(a hospital.Audited) extension {
	return extension{URL: extensionChain, Extension: []extension{
		{URL: "number", ValueString: strconv.FormatUint(a.Number, 10)}, {URL: "hash", ValueString: hex.EncodeToString(a.Hash[:])},
		{URL: "previous", ValueString: hex.EncodeToString(a.Prev[:])}, {URL: "event", ValueString: a.What}}}
}

func (s Site) self() reference {
	return reference{Type: "Organization", Identifier: named(namespaceCredential, hex.EncodeToString(s.Credential[:])), Display: string(s.ID)}
}

func named(system, value string) *identifier { return &identifier{System: system, Value: value} }

// Recorded is an event's time as the trail has it.
func Recorded(a hospital.Audited) time.Time { return a.Time.Time().UTC() }

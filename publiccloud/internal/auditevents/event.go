package auditevents

import (
	"fmt"
	"slices"
	"strconv"

	audit "medunion/api/auditexport"
	"medunion/api/message"
	"medunion/publiccloud/cloud"
)

// Registered is the one event of the registration log.
const Registered = "registered"

// pattern says how one kind of operation becomes an AuditEvent.
type pattern struct {
	typ     audit.Coding
	subtype *audit.Coding
	action  string
	about   func(cloud.Operated) []audit.Entity
}

// patterns are all kinds of operations (TestEveryOperation).
var patterns = map[string]pattern{
	cloud.OperationRevoked:      {audit.TypeAlert, &audit.SubtypeUser, "U", revoked},
	cloud.OperationKeyAdded:     {audit.TypeAlert, &audit.SubtypeConfigured, "C", key},
	cloud.OperationKeyCurrent:   {audit.TypeAlert, &audit.SubtypeConfigured, "U", key},
	cloud.OperationKeyDestroyed: {audit.TypeAlert, &audit.SubtypeConfigured, "D", key},
	cloud.OperationRewrapped:    {audit.TypeAlert, &audit.SubtypeConfigured, "U", key},
	cloud.OperationAnnounced:    {audit.TypeAlert, &audit.SubtypeConfigured, "C", key},
	cloud.OperationRetired:      {audit.TypeAlert, &audit.SubtypeConfigured, "D", key},
	cloud.OperationExported:     {audit.TypeAuditUsed, nil, "R", trails},
	cloud.OperationBackup:       {audit.TypeExport, nil, "R", database},
	cloud.OperationRestored:     {audit.TypeAlert, &audit.SubtypeConfigured, "U", database},
}

// OfOperations are the names of all operations.
func OfOperations() []string {
	out := make([]string, 0, len(patterns))
	for e := range patterns {
		out = append(out, e)
	}
	slices.Sort(out)
	return out
}

// event is what all events have.
func (s Site) event(id string, e audit.Entry) *audit.Resource {
	return &audit.Resource{ResourceType: "AuditEvent", ID: id + "-" + strconv.FormatUint(e.Number, 10), Extension: []audit.Extension{e.Chain()},
		Recorded: e.Stamp(), Outcome: audit.OutcomeSuccess,
		Source: audit.Source{Site: string(s.ID), Observer: s.self(), Type: []audit.Coding{audit.SourceServer}}}
}

func (s Site) self() audit.Reference {
	return audit.Reference{Type: "Organization", Identifier: audit.Named(audit.NamespaceCloud, string(s.ID)), Display: string(s.ID)}
}

func (s Site) application() audit.Agent {
	return audit.Agent{Type: audit.As(audit.RoleApplication), Who: s.self()}
}

// registration is the event of a line of the registration log.
func (s Site) registration(e audit.Entry, l message.LogEntry) *audit.Resource {
	r := s.event("registration", e)
	r.Type, r.Subtype, r.Action = audit.TypeAlert, []audit.Coding{audit.SubtypeUser}, "C"
	holder := audit.Reference{Type: kinds[l.Role], Identifier: audit.Named(audit.NamespaceCredential, audit.Hex(l.Credential))}
	r.Agent = []audit.Agent{{Type: audit.As(audit.RoleAuthor), Who: holder, Requestor: true, Network: audit.Masked}, s.application()}
	r.Entity = []audit.Entity{{What: audit.Reference{Display: "registration log", Identifier: audit.Named(audit.NamespaceCredential, audit.Hex(l.Credential))},
		Type: audit.TypeObject, Role: &audit.RoleUser, Description: "line " + strconv.FormatUint(l.Index, 10)}}
	return r
}

// kinds are the resources that stand for a credential's holder.
var kinds = map[message.Role]string{message.Patient: "Patient", message.Doctor: "Practitioner", message.Hospital: "Organization"}

// operation is the event of an operation. One of a kind that is not in the table of patterns becomes a
// security alert that names it.
func (s Site) operation(e audit.Entry, l cloud.Operated) *audit.Resource {
	p, known := patterns[l.What]
	if !known {
		p = pattern{audit.TypeAlert, &audit.SubtypeConfigured, "E", key}
	}
	r := s.event("operation", e)
	r.Type, r.Action, r.Entity = p.typ, p.action, p.about(l)
	if p.subtype != nil {
		r.Subtype = []audit.Coding{*p.subtype}
	}
	if l.Failed {
		r.Outcome, r.OutcomeDesc = audit.OutcomeFailure, "what the event of this kind before it tells of was not done, as far as is known"
	}
	r.Agent = []audit.Agent{by(l), s.application()}
	return r
}

func by(l cloud.Operated) audit.Agent {
	if l.Subject == "" {
		return audit.Keeper(l.Operator)
	}
	who := audit.Reference{Type: "Practitioner", Identifier: audit.Named(audit.NamespaceToken, l.Subject)}
	return audit.Agent{Type: audit.As(audit.RoleKeeper), Who: who, Requestor: true}
}

func revoked(l cloud.Operated) []audit.Entity {
	what := audit.Reference{Display: "not identified"}
	if l.Credential != (message.Hash{}) {
		what = audit.Reference{Identifier: audit.Named(audit.NamespaceCredential, audit.Hex(l.Credential))}
	}
	return []audit.Entity{{What: what, Type: audit.TypeObject, Role: &audit.RoleUser, Description: l.Note}}
}

// key names a key, its version and the generation of the ring: never what it is.
func key(l cloud.Operated) []audit.Entity {
	e := audit.Entity{What: audit.Reference{Display: "key file"}, Type: audit.TypeObject, Role: &audit.RoleSecurity, Description: l.Note}
	if l.Key != "" {
		e.What.Display = "key " + l.Key
		e.Detail = append(e.Detail, audit.Detail{Type: "version", ValueString: fmt.Sprint(l.Version)})
	}
	if l.Generation != 0 {
		e.Detail = append(e.Detail, audit.Detail{Type: "generation of the key file", ValueString: fmt.Sprint(l.Generation)})
	}
	return []audit.Entity{e}
}

func trails(l cloud.Operated) []audit.Entity { return []audit.Entity{audit.Log("audit trail", l.Note)} }

func database(l cloud.Operated) []audit.Entity {
	return []audit.Entity{{What: audit.Reference{Display: "database"}, Type: audit.TypeObject, Role: &audit.RoleDomain, Description: l.Note}}
}

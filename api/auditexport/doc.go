// Package auditexport gives a service's audit trail to those who watch over it: as FHIR R4
// AuditEvents that follow the Basic Audit Log Patterns of IHE (BALP), one JSON object a line
// or one syslog message each (RFC 5424, over TLS as RFC 5425 says).
//
// What an entry becomes, its service says (Trail). The trail is verified while it is exported, from its
// first entry or from the place where an earlier export ended: nothing behind a break leaves. Each
// event carries the number and the hash of its entry and of the one before, so that what was
// exported can be held against the trail.
package auditexport

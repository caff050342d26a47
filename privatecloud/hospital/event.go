package hospital

import (
	"encoding/hex"
	"encoding/json"
	"errors"

	"medunion/api/message"
)

// What happened, as the audit trail names it.
const (
	EventRefused   = "refused"
	EventImported  = "imported"
	EventDeskCode  = "desk code"
	EventEnrolled  = "enrolled"
	EventRenewed   = "credential renewed" // a patient has shown a newer one of the pinned keys
	EventOpened    = "session opened"
	EventReleased  = "released"
	EventDiagnosis = "diagnosis stored"
	EventAsked     = "asked"
	EventRevoked   = "consent revoked"
	EventExported  = "audit exported"
	EventResumed   = "audit resumed" // the trail can be written again after it could not
	EventErasing   = "erasure begun"
	EventErased    = "erased"
	EventKeys      = "keys changed"
	EventAnew      = "registered anew" // under a credential that has not followed from the one before; its keys are destroyed
	EventRestored  = "restored"        // from a backup: events between it and this one are not in the trail
)

// Event is one line of the audit trail. Handle stays inside the seal like all else.
type Event struct {
	What    string
	Time    message.Millis
	Step    message.Type // the message that was being handled
	Reason  string       // of a refusal
	Request string
	Doctor  message.Hash // c_D
	Licence string
	Patient message.ID
	Handle  Handle
	Consent message.Hash
	Receipt uint64
	Count   int // of a refusal: how many before it were left out

	Operator string // who ran a command of the administration, as the system names him
	Note     string // of such a command: what it was asked for

	proven bool // the sender's signature, or the session's AEAD, held
}

// Audited is an event with its place in the trail.
type Audited struct {
	Number     uint64
	Prev, Hash message.Hash // of the entry before, and its own
	Event
}

// auditLine is Event as it is sealed: hashes in hex, empty fields left out.
type auditLine struct {
	What    string         `json:"what"`
	Time    message.Millis `json:"time"`
	Step    message.Type   `json:"step,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Request string         `json:"request,omitempty"`
	Doctor  string         `json:"doctor,omitempty"`
	Licence string         `json:"licence,omitempty"`
	Patient message.ID     `json:"patient,omitempty"`
	Handle  string         `json:"handle,omitempty"`
	Consent string         `json:"consent,omitempty"`
	Receipt uint64         `json:"receipt,omitempty"`
	Count   int            `json:"count,omitempty"`

	Operator string `json:"operator,omitempty"`
	Note     string `json:"note,omitempty"`
}

func (e Event) encode() ([]byte, error) {
	l := auditLine{What: e.What, Time: e.Time, Step: e.Step, Reason: e.Reason, Request: e.Request, Licence: e.Licence,
		Patient: e.Patient, Receipt: e.Receipt, Count: e.Count, Operator: e.Operator, Note: e.Note, Doctor: hexOf(e.Doctor[:]), Consent: hexOf(e.Consent[:]), Handle: hexOf(e.Handle[:])}
	return json.Marshal(l)
}

func decodeEvent(b []byte) (Event, error) {
	var l auditLine
	if err := json.Unmarshal(b, &l); err != nil {
		return Event{}, err
	}
	e := Event{What: l.What, Time: l.Time, Step: l.Step, Reason: l.Reason, Request: l.Request, Licence: l.Licence,
		Patient: l.Patient, Receipt: l.Receipt, Count: l.Count, Operator: l.Operator, Note: l.Note}
	return e, errors.Join(unhex(e.Doctor[:], l.Doctor), unhex(e.Consent[:], l.Consent), unhex(e.Handle[:], l.Handle))
}

func hexOf(b []byte) string {
	for _, x := range b {
		if x != 0 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

func unhex(to []byte, s string) error {
	if s != "" && len(s) != 2*len(to) {
		return errRecord
	}
	_, err := hex.Decode(to, []byte(s))
	return err
}

package fhir

import (
	"encoding/json"
	"time"

	"medunion/api/message"
)

// Bundle is what Parse accepts of a FHIR Bundle.
type Bundle struct {
	Type     string // "transaction" or "collection"
	Entries  []Entry
	Patients []Patient
}

// Entry is one valid resource.
type Entry struct {
	Index   int    // in the source bundle, from 0
	Type    string // resourceType
	ID      string // id; where the resource has none, the UUID of its fullUrl
	FullURL string

	// Raw is the resource as the source wrote it, byte for byte.
	Raw json.RawMessage

	Patient   string // "Patient/<id>" whose record it belongs to, "" for what patients share
	Encounter string // "Encounter/<id>" that places it; as written if the bundle has no such encounter; or ""
	Visit     *Visit // that encounter's facts, nil if the bundle has none

	Date       time.Time        // the first clinically meaningful date, zero if there is none
	Categories []message.Coding // codings of "category"
}

// Patient is a patient of a bundle with the resources that make up her record
// there: those that name her, and what these refer to.
type Patient struct {
	ID      string // id of the Patient resource
	Entry   int    // position of the Patient resource in Bundle.Entries; -1 if only referred to
	Entries []int  // positions in Bundle.Entries, ascending; shared resources are in several patients' lists
}

// Visit is what an encounter says about where it took place.
type Visit struct {
	ServiceType  Concept
	Types        []Concept
	Class        message.Coding
	Organization Organization
}

// Concept is a CodeableConcept: its codings, and the words for it.
type Concept struct {
	Codings []message.Coding
	Words   []string // text and displays
}

// Organization is the serviceProvider of an encounter, with what the
// Organization resource adds to it if the bundle holds that.
type Organization struct {
	Reference   string // "Organization/<id>" if the bundle holds it, else as written
	Names       []string
	Identifiers []message.Coding // Code is the identifier's value
}

package fhir

import (
	"time"

	"medunion/api/message"
)

// object is a decoded resource or a part of one. The accessors return zero
// values for what is absent or of another kind: they run before and after
// validation alike.
type object map[string]any

func asObject(node any) object {
	o, _ := node.(map[string]any)
	return o
}

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) child(name string) object {
	return asObject(o[name])
}

// list returns the objects under a name, which FHIR writes as an array or, if
// an element cannot repeat, as one object.
func (o object) list(name string) []object {
	switch node := o[name].(type) {
	case map[string]any:
		return []object{node}
	case []any:
		objects := make([]object, 0, len(node))
		for _, n := range node {
			if inner := asObject(n); inner != nil {
				objects = append(objects, inner)
			}
		}
		return objects
	}
	return nil
}

// at follows names to objects, through arrays.
func (o object) at(path ...string) []object {
	found := []object{o}
	for _, name := range path {
		var next []object
		for _, f := range found {
			next = append(next, f.list(name)...)
		}
		found = next
	}
	return found
}

// references returns every Reference.reference of a resource and of what it
// contains. References to contained resources ("#x") are left out.
func references(node any) (found []string) {
	switch node := node.(type) {
	case map[string]any:
		if r, ok := node["reference"].(string); ok && r != "" && r[0] != '#' {
			found = append(found, r)
		}
		for _, inner := range node {
			found = append(found, references(inner)...)
		}
	case []any:
		for _, inner := range node {
			found = append(found, references(inner)...)
		}
	}
	return found
}

func (o object) coding() message.Coding {
	return message.Coding{System: o.text("system"), Code: o.text("code")}
}

// concept reads a CodeableConcept.
func (o object) concept() (c Concept) {
	for _, coding := range o.list("coding") {
		if coding.text("code") != "" {
			c.Codings = append(c.Codings, coding.coding())
		}
		if display := coding.text("display"); display != "" {
			c.Words = append(c.Words, display)
		}
	}
	if text := o.text("text"); text != "" {
		c.Words = append(c.Words, text)
	}
	return c
}

// categories reads "category": CodeableConcepts in most types, bare codes in
// AllergyIntolerance.
func (o object) categories() (codings []message.Coding) {
	for _, c := range o.list("category") {
		codings = append(codings, c.concept().Codings...)
	}
	bare, _ := o["category"].([]any)
	for _, b := range bare {
		if code, ok := b.(string); ok {
			codings = append(codings, message.Coding{Code: code})
		}
	}
	return codings
}

// identifiers reads "identifier"; the value becomes the code.
func (o object) identifiers() (codings []message.Coding) {
	for _, i := range o.list("identifier") {
		if value := i.text("value"); value != "" {
			codings = append(codings, message.Coding{System: i.text("system"), Code: value})
		}
	}
	return codings
}

// dateFields are the elements that date a resource, the clinically meaningful
// before the clerical: when it was so, before when it was written down.
var dateFields = []string{
	"effectiveDateTime", "effectivePeriod", "effectiveInstant",
	"onsetDateTime", "onsetPeriod",
	"occurrenceDateTime", "occurrencePeriod", "occurredDateTime", "occurredPeriod",
	"performedDateTime", "performedPeriod",
	"period", "started", "startDate", "start", "collection",
	"servicedDate", "servicedPeriod", "billablePeriod", "executionPeriod",
	"whenHandedOver", "whenPrepared", "authoredOn", "recordedDate", "recorded", "assertedDate",
	"issued", "date", "dateTime", "sent", "created", "createdDateTime", "createdPeriod", "dateAsserted",
}

// date returns the first date of dateFields that the resource has, the start
// of its first day, month or year where it is no more exact.
func (o object) date() time.Time {
	for _, name := range dateFields {
		text := o.text(name)
		switch inner := o.child(name); {
		case inner == nil:
		case name == "collection": // of a Specimen
			text = inner.text("collectedDateTime")
			if text == "" {
				text = inner.child("collectedPeriod").text("start")
			}
		default:
			text = inner.text("start")
		}
		if t := parseDate(text); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func parseDate(text string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// encounterPaths lead to the references that place a resource, the first that
// a resource has counts. "context" is an
// Encounter or an EpisodeOfCare in some types and holds encounters in others.
var encounterPaths = [][]string{
	{"encounter"},
	{"context"},
	{"context", "encounter"},
	{"item", "encounter"},
}

// encounter returns the reference to the encounter that places the resource.
func (o object) encounter() string {
	for _, path := range encounterPaths {
		for _, place := range o.at(path...) {
			if r := place.text("reference"); r != "" {
				return r
			}
		}
	}
	return ""
}

// ownerPaths lead to the references that say whose a resource is, by type; ""
// holds for all types.
var ownerPaths = map[string][][]string{
	"": {{"patient"}, {"subject"}, {"beneficiary"}, {"for"}, {"individual"}, {"candidate"}},

	"Appointment":         {{"participant", "actor"}},
	"AppointmentResponse": {{"actor"}, {"appointment"}},
	"AuditEvent":          {{"entity", "what"}},
	"DeviceMetric":        {{"source"}},
	"Group":               {{"member", "entity"}},
	"Person":              {{"link", "target"}},
	"Provenance":          {{"target"}},
	"Schedule":            {{"actor"}},
	"Slot":                {{"schedule"}},
}

// owners returns the references that say whose the resource is.
func (o object) owners(resourceType string) (references []string) {
	for _, key := range []string{"", resourceType} {
		for _, path := range ownerPaths[key] {
			for _, place := range o.at(path...) {
				if r := place.text("reference"); r != "" {
					references = append(references, r)
				}
			}
		}
	}
	return references
}

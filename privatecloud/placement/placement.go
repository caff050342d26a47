// Package placement says where a hospital would place the resources of a FHIR
// Bundle: whose they are, which organization's encounter they belong to, in which
// department and class. It is the import's own judgement without a store, for
// whoever plans an import or compares a release with its source.
package placement

import (
	"io"

	"medunion/api/message"
	"medunion/privatecloud/internal/fhir"
)

// Resource is one resource of the bundle, placed by the default rules.
type Resource struct {
	Type, ID     string
	FullURL      string
	Raw          []byte // byte for byte as in the bundle
	Patient      string // "Patient/<id>", "" for what patients share
	Encounter    string // "Encounter/<id>" that places it, or ""
	Organization string // serviceProvider of that encounter, "Organization/<id>", or ""
	Department   message.Code
	Class        message.Code
}

// Of places the resources of a transaction or collection Bundle by the default
// department rules and the class table of the default parameters. left is how many
// resources an import would leave out: of a type that is not stored, not valid, too
// large, or of no patient. It fails if the hospital would refuse the bundle.
func Of(r io.Reader) (resources []Resource, left int, err error) {
	b, report, err := fhir.Parse(r, fhir.DefaultLimits)
	if err != nil {
		return nil, 0, err
	}
	classes, err := fhir.NewClassifier(message.DefaultClassRules, message.DefaultClasses)
	if err != nil {
		return nil, 0, err
	}
	out := make([]Resource, len(b.Entries))
	for i, e := range b.Entries {
		out[i] = Resource{Type: e.Type, ID: e.ID, FullURL: e.FullURL, Raw: e.Raw, Patient: e.Patient, Encounter: e.Encounter,
			Department: message.Code(fhir.DefaultRules().Department(e.Visit)), Class: message.Code(classes.Class(e))}
		if e.Visit != nil {
			out[i].Organization = e.Visit.Organization.Reference
		}
	}
	t := report.Total()
	return out, t.Invalid + t.Unknown + t.TooLarge + t.Unplaced, nil
}

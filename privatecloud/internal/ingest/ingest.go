// Package ingest brings FHIR resources into the hospital's records. The HTTP import, the
// command-line import and a doctor's diagnosis all come through here.
package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/fhir"
)

// Importer turns bundles into record versions.
type Importer struct {
	Hospital  *hospital.Hospital
	Rules     fhir.Rules
	Classes   fhir.Classifier
	Limits    fhir.Limits
	MRNSystem string // identifier system of medical record numbers; "" takes the first identifier of type MR
}

// Bundle imports one Bundle, or with dryRun only says what it would do. A bundle that is
// refused as a whole is no error: the report says so. After an error the report counts what
// was stored until then.
func (im Importer) Bundle(ctx context.Context, r io.Reader, dryRun bool) (fhir.Report, error) {
	b, report, err := fhir.Parse(source{r}, im.Limits)
	if err != nil {
		if source := new(sourceError); errors.As(err, &source) {
			return report, source.error
		}
		return report, nil // the bundle was refused
	}
	err = im.store(dryRun)(ctx, b, &report)
	return report, err
}

// source marks the errors of a reader, to tell them from those about what was read.
type source struct{ io.Reader }

type sourceError struct{ error }

// Read implements io.Reader.
func (s source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// Folder imports every *.json below dir, one in memory at a time.
func (im Importer) Folder(ctx context.Context, dir string, dryRun bool, progress func(fhir.Progress)) (fhir.Report, error) {
	return fhir.ImportFolder(ctx, dir, im.Limits, im.store(dryRun), progress)
}

// store stores a bundle patient by patient. A resource that several patients share is a
// version in the record of each and counted once, by the most that was done with it.
func (im Importer) store(dryRun bool) func(context.Context, fhir.Bundle, *fhir.Report) error {
	write := im.Hospital.ImportPatient
	if dryRun {
		write = im.Hospital.Preview
	}
	return func(ctx context.Context, b fhir.Bundle, report *fhir.Report) error {
		done := map[int]fhir.Outcome{}
		defer func() {
			for i, o := range done {
				report.Count(b.Entries[i].Type, o)
			}
		}()
		for _, p := range b.Patients {
			mrn, err := im.mrn(ctx, b, p)
			if err != nil {
				return err
			}
			if mrn == "" {
				im.unknownPatient(b, p, done, report)
				continue
			}
			outcomes, err := write(ctx, mrn, im.resources(b, p))
			if err != nil {
				return err
			}
			for k, i := range p.Entries {
				done[i] = stronger(done, i, fhirOutcome(outcomes[k]))
			}
		}
		return nil
	}
}

func fhirOutcome(o hospital.Outcome) fhir.Outcome {
	switch o {
	case hospital.Stored:
		return fhir.Stored
	case hospital.Updated:
		return fhir.Updated
	}
	return fhir.Unchanged
}

// stronger relies on the order Stored, Updated, Unchanged of fhir.Outcome.
func stronger(done map[int]fhir.Outcome, i int, o fhir.Outcome) fhir.Outcome {
	if was, ok := done[i]; ok {
		return min(was, o)
	}
	return o
}

// unknownPatient reports the resources of a patient whom neither the bundle nor the hospital knows.
func (im Importer) unknownPatient(b fhir.Bundle, p fhir.Patient, done map[int]fhir.Outcome, report *fhir.Report) {
	for _, i := range p.Entries {
		e := b.Entries[i]
		if e.Patient == "" {
			continue // shared: another patient may bring it
		}
		done[i] = fhir.Unplaced
		report.Problems = append(report.Problems, fhir.Problem{Entry: e.Index, Type: e.Type,
			Reason: "the bundle lacks the patient, and the hospital has no record under that id"})
	}
}

// resources are a patient's, placed and classed.
func (im Importer) resources(b fhir.Bundle, p fhir.Patient) []hospital.Resource {
	out := make([]hospital.Resource, len(p.Entries))
	for k, i := range p.Entries {
		e := b.Entries[i]
		out[k] = hospital.Resource{Type: e.Type, ID: e.ID, FullURL: e.FullURL, Bytes: e.Raw, Date: date(e),
			Department: message.Code(im.Rules.Department(e.Visit)), Class: message.Code(im.Classes.Class(e))}
	}
	return out
}

func date(e fhir.Entry) message.Millis {
	if e.Date.IsZero() {
		return 0
	}
	return message.MillisOf(e.Date)
}

// mrn is the medical record number: the Patient resource's identifier of type MR, else its
// id. Where the bundle only refers to the patient, her id must be a number that has a record.
func (im Importer) mrn(ctx context.Context, b fhir.Bundle, p fhir.Patient) (string, error) {
	if p.Entry < 0 {
		known, err := im.Hospital.Known(ctx, p.ID)
		if err != nil || !known {
			return "", err
		}
		return p.ID, nil
	}
	var patient struct {
		Identifier []identifier `json:"identifier"`
	}
	if err := json.Unmarshal(b.Entries[p.Entry].Raw, &patient); err != nil {
		return "", problem.Internal(errors.New("a validated Patient does not decode"))
	}
	for _, id := range patient.Identifier {
		if id.isMRN(im.MRNSystem) {
			return id.Value, nil
		}
	}
	return p.ID, nil
}

type identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
	Type   struct {
		Coding []struct {
			Code string `json:"code"`
		} `json:"coding"`
	} `json:"type"`
}

func (id identifier) isMRN(system string) bool {
	if id.Value == "" {
		return false
	}
	if system != "" {
		return id.System == system
	}
	for _, c := range id.Type.Coding {
		if c.Code == "MR" { // http://terminology.hl7.org/CodeSystem/v2-0203
			return true
		}
	}
	return false
}

// ErrDiagnosis refuses a diagnosis that is not valid as a whole.
var ErrDiagnosis = errors.New("ingest: the diagnosis is not valid FHIR R4")

// DiagnosisReader implements hospital.DiagnosisReader.
type DiagnosisReader struct {
	Classes fhir.Classifier
	Limits  fhir.Limits
}

// ReadDiagnosis validates a collection Bundle and classes its resources. Whose they are is
// not asked: M11 says it.
func (d DiagnosisReader) ReadDiagnosis(bundle []byte) ([]hospital.Resource, error) {
	source, err := fhirbundle.Split(bundle)
	if err != nil {
		return nil, err
	}
	out := make([]hospital.Resource, len(source))
	for i, e := range source {
		entry, err := fhir.Resource(e, d.Limits)
		if err != nil {
			return nil, fmt.Errorf("%w: resource %d: %w", ErrDiagnosis, i, err)
		}
		out[i] = hospital.Resource{Type: e.Type, ID: entry.ID, FullURL: e.FullURL, Bytes: e.Resource, Date: date(entry),
			Class: message.Code(d.Classes.Class(entry)), Department: message.DepartmentGeneral}
	}
	return out, nil
}

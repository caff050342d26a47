package agent

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
)

// Finding is a diagnosis in words: a code, its text, a note. At least the code or
// the text is given.
type Finding struct {
	System, Code, Display string
	Text, Note            string
}

// The parts of FHIR R4 that a diagnosis needs.
type (
	fhirCoding struct {
		System  string `json:"system,omitempty"`
		Code    string `json:"code"`
		Display string `json:"display,omitempty"`
	}
	fhirConcept struct {
		Coding []fhirCoding `json:"coding,omitempty"`
		Text   string       `json:"text,omitempty"`
	}
	fhirIdentifier struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	fhirReference struct {
		Reference  string          `json:"reference,omitempty"`
		Type       string          `json:"type,omitempty"`
		Identifier *fhirIdentifier `json:"identifier,omitempty"`
		Display    string          `json:"display,omitempty"`
	}
	fhirNote struct {
		Text string `json:"text"`
	}
	condition struct {
		ResourceType       string        `json:"resourceType"`
		ID                 string        `json:"id"`
		ClinicalStatus     fhirConcept   `json:"clinicalStatus"`
		VerificationStatus fhirConcept   `json:"verificationStatus"`
		Category           []fhirConcept `json:"category"`
		Code               fhirConcept   `json:"code"`
		Subject            fhirReference `json:"subject"`
		RecordedDate       string        `json:"recordedDate"`
		Asserter           fhirReference `json:"asserter"`
		Note               []fhirNote    `json:"note,omitempty"`
	}
	diagnosticReport struct {
		ResourceType      string          `json:"resourceType"`
		ID                string          `json:"id"`
		Status            string          `json:"status"`
		Code              fhirConcept     `json:"code"`
		Subject           fhirReference   `json:"subject"`
		EffectiveDateTime string          `json:"effectiveDateTime"`
		Issued            string          `json:"issued"`
		Performer         []fhirReference `json:"performer"`
		Conclusion        string          `json:"conclusion,omitempty"`
		ConclusionCode    []fhirConcept   `json:"conclusionCode"`
	}
)

const (
	patientSystem    = "urn:medunion:patient"
	doctorSystem     = "urn:medunion:doctor"
	clinicalSystem   = "http://terminology.hl7.org/CodeSystem/condition-clinical"
	verifiedSystem   = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
	categorySystem   = "http://terminology.hl7.org/CodeSystem/condition-category"
	consultationCode = "11488-4" // LOINC: consult note
)

func single(system, code, display string) fhirConcept {
	return fhirConcept{Coding: []fhirCoding{{System: system, Code: code, Display: display}}}
}

func (f Finding) concept() fhirConcept {
	c := fhirConcept{Text: f.Text}
	if f.Code != "" {
		c.Coding = []fhirCoding{{System: f.System, Code: f.Code, Display: f.Display}}
	}
	return c
}

// bundle makes M_DINF of a finding: a FHIR R4 collection of a DiagnosticReport and
// the Condition that it concludes.
func (f Finding) bundle(patient, doctor message.ID, at time.Time) ([]byte, error) {
	if f.Code == "" && f.Text == "" {
		return nil, problem.Invalid("A diagnosis needs a bundle, a code or a text.")
	}
	subject := fhirReference{Type: "Patient", Identifier: &fhirIdentifier{System: patientSystem, Value: string(patient)}}
	author := fhirReference{Type: "Practitioner", Identifier: &fhirIdentifier{System: doctorSystem, Value: string(doctor)}}
	when := at.UTC().Format("2006-01-02T15:04:05.000Z")
	c := condition{ResourceType: "Condition", ID: newUUID(), ClinicalStatus: single(clinicalSystem, "active", ""),
		VerificationStatus: single(verifiedSystem, "confirmed", ""), Category: []fhirConcept{single(categorySystem, "encounter-diagnosis", "")},
		Code: f.concept(), Subject: subject, RecordedDate: when, Asserter: author}
	r := diagnosticReport{ResourceType: "DiagnosticReport", ID: newUUID(), Status: "final",
		Code: single("http://loinc.org", consultationCode, "Consult note"), Subject: subject, EffectiveDateTime: when, Issued: when,
		Performer: []fhirReference{author}, Conclusion: f.Text, ConclusionCode: []fhirConcept{f.concept()}}
	if f.Note != "" {
		c.Note = []fhirNote{{Text: f.Note}}
	}
	return collection(r.ID, r, c.ID, c)
}

func collection(reportID string, report diagnosticReport, conditionID string, cond condition) ([]byte, error) {
	var entries []fhirbundle.Entry
	for _, x := range []struct {
		id       string
		resource any
	}{{reportID, report}, {conditionID, cond}} {
		b, err := json.Marshal(x.resource)
		if err != nil {
			return nil, problem.Internal(err)
		}
		e, err := fhirbundle.NewEntry("urn:uuid:"+x.id, b)
		if err != nil {
			return nil, problem.Invalid("The diagnosis cannot be written as FHIR.").Because(err)
		}
		entries = append(entries, e)
	}
	return fhirbundle.Collection(entries), nil
}

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

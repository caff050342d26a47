package practice

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/problem"
)

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
	fhirAttachment struct {
		ContentType string `json:"contentType"`
		Data        []byte `json:"data"` // base64 in JSON, as FHIR wants it
		Size        int    `json:"size"`
		Title       string `json:"title"`
	}
	fhirContent struct {
		Attachment fhirAttachment `json:"attachment"`
	}
	documentReference struct {
		ResourceType string          `json:"resourceType"`
		ID           string          `json:"id"`
		Status       string          `json:"status"`
		DocStatus    string          `json:"docStatus"`
		Subject      fhirReference   `json:"subject"`
		Date         string          `json:"date"`
		Author       []fhirReference `json:"author"`
		Content      []fhirContent   `json:"content"`
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

// Bounds on a draft, in characters; the attachment in bytes.
const (
	maxText        = 1024
	maxNote        = 65536
	maxCode        = 64
	maxDisplay     = 256
	maxFileName    = 128
	MaxAttachment  = 1 << 20 // of 2 MiB that M_DINF may have
	maxContentType = 128
)

// check says what a draft may hold.
func (d Draft) check() error {
	switch {
	case d.Code == nil && d.Text == "":
		return failed(problem.Invalid("A diagnosis needs a bundle, a code or a text."), "diagnosis-empty")
	case d.Code != nil && (!fits(d.Code.Code, 1, maxCode) || !fits(d.Code.System, 1, maxDisplay) || !fits(d.Code.Display, 0, maxDisplay)):
		return failed(problem.Invalid("The code of the diagnosis is not valid."), "diagnosis-code")
	case !fits(d.Text, 0, maxText) || !fits(d.Note, 0, maxNote):
		return failed(problem.Invalid("The text or the note of the diagnosis is too long."), "diagnosis-long")
	case d.Attachment != nil && len(d.Attachment.Data) > MaxAttachment:
		return failed(problem.Invalid("The attachment is larger than 1 MiB."), "attachment-large")
	case d.Attachment != nil && !d.Attachment.valid():
		return failed(problem.Invalid("The attachment needs a name, a media type and content."), "attachment-invalid")
	}
	return nil
}

func fits(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= least && n <= most
}

// valid wants a media type of the form type/subtype (RFC 6838) without parameters.
func (a Attachment) valid() bool {
	kind, sub, two := strings.Cut(a.Type, "/")
	return fits(a.Name, 1, maxFileName) && len(a.Data) > 0 && two && len(a.Type) <= maxContentType && token(kind) && token(sub)
}

func token(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$&-^_.+", rune(c)) {
			return false
		}
	}
	return s != ""
}

func single(system, code, display string) fhirConcept {
	return fhirConcept{Coding: []fhirCoding{{System: system, Code: code, Display: display}}}
}

func (d Draft) concept() fhirConcept {
	c := fhirConcept{Text: d.Text}
	if d.Code != nil {
		c.Coding = []fhirCoding{{System: d.Code.System, Code: d.Code.Code, Display: d.Code.Display}}
	}
	return c
}

// author is who and when, and where ids come from.
type author struct {
	subject, doctor fhirReference
	when            string
	uuid            func() string
}

// compose makes M_DINF of a draft: a FHIR R4 collection of a DiagnosticReport, the
// Condition that it concludes, and a DocumentReference if there is an attachment.
func (s *session) compose(v *visit, d Draft) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	by := author{subject: identified("Patient", patientSystem, v.role.Patient().Info.ID), doctor: identified("Practitioner", doctorSystem, s.d.ID()),
		when: s.p.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z"), uuid: s.newUUID}
	r, c := by.report(d), by.condition(d)
	all := []identifiedResource{{r.ID, r}, {c.ID, c}}
	if d.Attachment != nil {
		doc := by.document(*d.Attachment)
		all = append(all, identifiedResource{doc.ID, doc})
	}
	return collection(all)
}

func identified(kind, system string, id message.ID) fhirReference {
	return fhirReference{Type: kind, Identifier: &fhirIdentifier{System: system, Value: string(id)}}
}

func (by author) condition(d Draft) condition {
	c := condition{ResourceType: "Condition", ID: by.uuid(), ClinicalStatus: single(clinicalSystem, "active", ""),
		VerificationStatus: single(verifiedSystem, "confirmed", ""), Category: []fhirConcept{single(categorySystem, "encounter-diagnosis", "")},
		Code: d.concept(), Subject: by.subject, RecordedDate: by.when, Asserter: by.doctor}
	if d.Note != "" {
		c.Note = []fhirNote{{Text: d.Note}}
	}
	return c
}

func (by author) report(d Draft) diagnosticReport {
	return diagnosticReport{ResourceType: "DiagnosticReport", ID: by.uuid(), Status: "final",
		Code: single("http://loinc.org", consultationCode, "Consult note"), Subject: by.subject, EffectiveDateTime: by.when, Issued: by.when,
		Performer: []fhirReference{by.doctor}, Conclusion: d.Text, ConclusionCode: []fhirConcept{d.concept()}}
}

func (by author) document(a Attachment) documentReference {
	return documentReference{ResourceType: "DocumentReference", ID: by.uuid(), Status: "current", DocStatus: "final", Subject: by.subject,
		Date: by.when, Author: []fhirReference{by.doctor},
		Content: []fhirContent{{fhirAttachment{ContentType: a.Type, Data: a.Data, Size: len(a.Data), Title: a.Name}}}}
}

type identifiedResource struct {
	id       string
	resource any
}

func collection(all []identifiedResource) ([]byte, error) {
	var entries []fhirbundle.Entry
	for _, x := range all {
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

// newUUID is a random UUID (RFC 9562, version 4). Its reader fails only where no key
// could have been made either.
func (s *session) newUUID() string {
	var b [16]byte
	if _, err := io.ReadFull(s.p.cfg.Rand, b[:]); err != nil {
		panic(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

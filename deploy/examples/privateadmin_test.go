package examples_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"medunion/api/httpclient"
	"medunion/api/openapi/privateadmin"
)

// bundle is what a hospital's record system sends: a patient, and two observations of which
// one is not valid.
const bundle = `{"resourceType": "Bundle", "type": "collection", "entry": [
  {"resource": {"resourceType": "Patient", "id": "ada", "identifier": [{"value": "MRN-0042",
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}]}},
  {"resource": {"resourceType": "Observation", "id": "weight", "status": "final", "code": {"text": "Body weight"},
    "subject": {"reference": "Patient/ada"}, "valueQuantity": {"value": 72, "unit": "kg"}}},
  {"resource": {"resourceType": "Observation", "id": "height", "status": "guessed", "code": {"text": "Body height"},
    "subject": {"reference": "Patient/ada"}}}
]}`

// A record system imports a Bundle and reads what became of it; the desk hands out a code
// for the patient; who did what stands in the audit trail.
func Example_hospitalAdministration() {
	hospital, err := privateadmin.NewClientWithResponses(os.Getenv("ADMIN"), privateadmin.WithHTTPClient(caller))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(importBundle(context.Background(), hospital))
	show(deskCode(context.Background(), hospital, "MRN-0042"))
	show(deskCode(context.Background(), hospital, "MRN-0043"))
	show(audit(context.Background(), hospital))
	// Output:
	// 2 of 3 resources are in the record
	// entry 2: /status not valid by the R4 schema (enum)
	// a code of 19 characters
	// not-found: There is nothing at this address.
	// imported
	// desk code
}

func importBundle(ctx context.Context, hospital *privateadmin.ClientWithResponses) error {
	r, err := hospital.ImportBundleWithBodyWithResponse(ctx, nil, "application/fhir+json",
		strings.NewReader(bundle), httpclient.Bearer(os.Getenv("IMPORT_TOKEN")))
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	t := r.JSON200.Total
	fmt.Println(t.Stored+t.Updated+t.Unchanged, "of", t.Found, "resources are in the record")
	for _, p := range r.JSON200.Problems {
		fmt.Printf("entry %d: %s %s\n", p.Entry, *p.Pointer, p.Reason)
	}
	return nil
}

func deskCode(ctx context.Context, hospital *privateadmin.ClientWithResponses, mrn string) error {
	r, err := hospital.CreateDeskCodeWithResponse(ctx, nil, privateadmin.DeskCodeRequest{Mrn: mrn}, httpclient.Bearer(os.Getenv("ADMIN_TOKEN")))
	if err != nil {
		return err
	}
	if r.JSON201 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	fmt.Println("a code of", len(r.JSON201.Code), "characters")
	return nil
}

// audit reads the trail page by page and shows its last two events; each entry's hash
// covers the one before.
func audit(ctx context.Context, hospital *privateadmin.ClientWithResponses) error {
	var entries []privateadmin.AuditEntry
	limit := 2 // of 1000 at most, to show that there are pages
	for page := (privateadmin.GetAuditParams{Limit: &limit}); ; {
		r, err := hospital.GetAuditWithResponse(ctx, &page, httpclient.Bearer(os.Getenv("ADMIN_TOKEN")))
		if err != nil {
			return err
		}
		if r.JSON200 == nil {
			return failure(r.HTTPResponse, r.Body)
		}
		entries = append(entries, r.JSON200.Entries...)
		if page.Cursor = r.JSON200.Next; page.Cursor == nil {
			break
		}
	}
	for _, e := range entries[len(entries)-2:] {
		fmt.Println(e.Event)
	}
	return nil
}

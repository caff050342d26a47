package examples_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"medunion/api/httpclient"
	"medunion/api/openapi/doctoragent"
	"medunion/api/openapi/patientagent"
)

// A whole visit by the two agents: the patient consults and keeps one class to herself, the
// doctor calls her in, fetches her records and sends a diagnosis.
func Example_doctorAgent() {
	doctor, err := doctoragent.NewClientWithResponses(os.Getenv("DOCTOR"), doctoragent.WithHTTPClient(caller),
		doctoragent.WithRequestEditorFn(httpclient.Bearer(os.Getenv("DOCTOR_TOKEN"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	show(consult(ctx, os.Getenv("LINK"), os.Getenv("PASSPHRASE")))
	id, err := callIn(ctx, doctor)
	show(err)
	show(fetch(ctx, doctor, id))
	show(diagnose(ctx, doctor, id))
	// Unordered output:
	// the visit has begun
	// hospital-1 verified, withheld []
	// hospital-2 verified, withheld [SURVEY]
	// the patient has her diagnosis: true
	// it stands in the record of hospital-2
}

// consult begins a visit at the patient's agent: her passphrase approves the consent.
func consult(ctx context.Context, link, passphrase string) error {
	patient, err := patientagent.NewClientWithResponses(os.Getenv("PATIENT"), patientagent.WithHTTPClient(caller),
		patientagent.WithRequestEditorFn(httpclient.Bearer(os.Getenv("PATIENT_TOKEN"))))
	if err != nil {
		return err
	}
	key := rand.Text() // sent again with the same key, this begins no second visit
	r, err := patient.StartVisitWithResponse(ctx, &patientagent.StartVisitParams{IdempotencyKey: &key}, patientagent.VisitRequest{Link: &link, Passphrase: &passphrase,
		Withhold: &patientagent.Withhold{Classes: &patientagent.Codes{"SURVEY"}}})
	if err != nil {
		return err
	}
	if r.JSON202 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	fmt.Println("the visit has begun")
	return nil
}

// callIn opens the visit of the first patient who is waiting.
func callIn(ctx context.Context, doctor *doctoragent.ClientWithResponses) (id string, err error) {
	for id == "" {
		r, err := doctor.ListVisitsWithResponse(ctx, nil)
		if err != nil {
			return "", err
		}
		if r.JSON200 == nil {
			return "", failure(r.HTTPResponse, r.Body)
		}
		for _, v := range r.JSON200.Visits {
			if v.State == doctoragent.Waiting {
				id = v.ID
			}
		}
		if id == "" {
			time.Sleep(50 * time.Millisecond) // GET /v1/events says when it is worth looking
		}
	}
	r, err := doctor.OpenVisitWithResponse(ctx, id)
	if err == nil && r.JSON200 == nil {
		err = failure(r.HTTPResponse, r.Body)
	}
	return id, err
}

// fetch searches, and waits until every hospital's release is here and verified.
func fetch(ctx context.Context, doctor *doctoragent.ClientWithResponses, visit string) error {
	begun, err := doctor.FetchRecordsWithResponse(ctx, visit, doctoragent.Filter{})
	if err != nil {
		return err
	}
	if begun.JSON202 == nil {
		return failure(begun.HTTPResponse, begun.Body)
	}
	for {
		r, err := doctor.GetVisitWithResponse(ctx, visit)
		if err != nil {
			return err
		}
		if r.JSON200 == nil {
			return failure(r.HTTPResponse, r.Body)
		}
		switch search := r.JSON200.Search; search.State {
		case doctoragent.SearchStateFailed:
			return errors.New(*search.Reason)
		case doctoragent.SearchStateDone:
			for _, h := range r.JSON200.Hospitals {
				fmt.Println(h.Hospital, h.State+", withheld", h.Withheld.Classes)
			}
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// diagnose sends the diagnosis to the patient, and to the hospital that she allowed.
func diagnose(ctx context.Context, doctor *doctoragent.ClientWithResponses, visit string) error {
	text, note := "Hypertension", "Measure at home for two weeks."
	r, err := doctor.SendDiagnosisWithResponse(ctx, visit, doctoragent.Diagnosis{Text: &text, Note: &note})
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	if r.JSON200.Stored == nil {
		return errors.New("it is not stored yet: send it again")
	}
	fmt.Println("the patient has her diagnosis:", r.JSON200.Delivered)
	fmt.Println("it stands in the record of", r.JSON200.Stored.Hospital)
	return nil
}

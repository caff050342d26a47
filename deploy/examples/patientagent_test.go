package examples_test

import (
	"context"
	"fmt"
	"os"
	"slices"

	"medunion/api/httpclient"
	"medunion/api/openapi/patientagent"
)

// A patient's agent answers on her own device: where her records are, and who a doctor is
// before she consults her.
func Example_patientAgent() {
	agent, err := patientagent.NewClientWithResponses(os.Getenv("PATIENT"), patientagent.WithHTTPClient(caller),
		patientagent.WithRequestEditorFn(httpclient.Bearer(os.Getenv("PATIENT_TOKEN"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(holdings(context.Background(), agent))
	show(doctorsCard(context.Background(), agent, os.Getenv("LINK")))
	// Unordered output:
	// hospital-1 has laboratory results: false
	// hospital-2 has laboratory results: true
	// Maya Okafor of hospital-2
}

func holdings(ctx context.Context, agent *patientagent.ClientWithResponses) error {
	r, err := agent.ListHospitalsWithResponse(ctx)
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	for _, h := range r.JSON200.Hospitals {
		fmt.Printf("%s has laboratory results: %t\n", h.ID, slices.Contains(h.Classes, "LAB"))
	}
	return nil
}

func doctorsCard(ctx context.Context, agent *patientagent.ClientWithResponses, link string) error {
	r, err := agent.VerifyCardWithResponse(ctx, patientagent.CardLink{Link: link})
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	fmt.Println(r.JSON200.Name, "of", r.JSON200.Affiliation)
	return nil
}

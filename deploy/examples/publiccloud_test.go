package examples_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/openapi/publiccloud"
)

// What the public cloud publishes is signed: whoever holds its pins need not believe the
// server that answers. An operator's token mints the code with which a patient registers.
func Example_publicCloud() {
	cloud, err := publiccloud.NewClientWithResponses(os.Getenv("CLOUD"), publiccloud.WithHTTPClient(caller))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(parameters(context.Background(), cloud))
	show(directory(context.Background(), cloud))
	show(patientCode(context.Background(), cloud))
	// Unordered output:
	// a message is good for 30s
	// hospital-1
	// hospital-2
	// a code of 23 characters
}

func parameters(ctx context.Context, cloud *publiccloud.ClientWithResponses) error {
	pins, err := readPins()
	if err != nil {
		return err
	}
	r, err := cloud.GetParametersWithResponse(ctx)
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	signed, err := decodeSigned(r.JSON200.Signed)
	if err != nil {
		return err
	}
	p, err := message.OpenParameters(signed, pins, message.MillisOf(time.Now()))
	if err == nil {
		fmt.Println("a message is good for", p.Past)
	}
	return err
}

func directory(ctx context.Context, cloud *publiccloud.ClientWithResponses) error {
	pins, err := readPins()
	if err != nil {
		return err
	}
	r, err := cloud.GetDirectoryWithResponse(ctx)
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	signed, err := decodeSigned(r.JSON200.Signed)
	if err != nil {
		return err
	}
	d, err := message.OpenDirectory(signed, pins, message.MillisOf(time.Now()))
	for _, h := range d.Hospitals {
		fmt.Println(h.Info.ID) // h.Info.Attribute is its address
	}
	return err
}

func patientCode(ctx context.Context, cloud *publiccloud.ClientWithResponses) error {
	key := rand.Text() // sent again with the same key, this mints no second code
	r, err := cloud.CreatePatientCodeWithResponse(ctx, &publiccloud.CreatePatientCodeParams{IdempotencyKey: &key}, httpclient.Bearer(os.Getenv("OPERATOR_TOKEN")))
	if err != nil {
		return err
	}
	if r.JSON201 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	fmt.Println("a code of", len(r.JSON201.Code), "characters")
	return nil
}

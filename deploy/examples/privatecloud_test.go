package examples_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"medunion/api/httpclient"
	"medunion/api/openapi/patientagent"
	"medunion/api/openapi/privatecloud"
	"medunion/api/problem"
)

// The protocol side of a hospital takes sealed messages. Here a patient's agent, in
// development mode, makes them; what counts is what comes back.
func Example_hospital() {
	hospital, err := privatecloud.NewClientWithResponses(os.Getenv("HOSPITAL"), privatecloud.WithHTTPClient(caller))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	question, err := question(ctx, 0)
	show(err)
	show(ask(ctx, hospital, question))
	show(ask(ctx, hospital, question)) // the same bytes again: a replay
	show(ask(ctx, hospital, "AAAA"))   // no message at all
	show(late(ctx, hospital))
	show(crowd(ctx, hospital))
	// Output:
	// answered
	// refused: The request is refused.
	// invalid: The request is malformed.
	// the clock is wrong by less than a minute: true
	// too many requests; again after 1s: answered
}

// ask sends a message, and reports how the hospital refuses it by the kind of its problem.
// All failures of signature, consent and permission are one kind and one sentence; the
// hospital's own audit trail says why, under the request id of the answer.
func ask(ctx context.Context, hospital *privatecloud.ClientWithResponses, m string) error {
	r, err := hospital.AskWithResponse(ctx, privatecloud.AskJSONRequestBody{Message: m})
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	fmt.Println("answered")
	return nil
}

// late sends a message from a minute ago. The problem says the hospital's time: whoever
// made the message corrects its clock by it and signs a new one.
func late(ctx context.Context, hospital *privatecloud.ClientWithResponses) error {
	m, err := question(ctx, -time.Minute)
	if err != nil {
		return err
	}
	err = ask(ctx, hospital, m)
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.KindStale {
		return err
	}
	fmt.Println("the clock is wrong by less than a minute:", time.Since(p.Now).Abs() < time.Minute)
	return nil
}

// crowd enrols with nonsense until the hospital has enough of it, then waits as long as it
// is asked to. After 429 nothing was read, so the same bytes may be sent again; after 503 a
// message has had no effect, but is made anew.
func crowd(ctx context.Context, hospital *privatecloud.ClientWithResponses) error {
	for range 1000 {
		r, err := hospital.EnrolWithResponse(ctx, privatecloud.EnrolJSONRequestBody{Message: "AAAA"})
		if err != nil {
			return err
		}
		p, err := problem.Parse(r.Body)
		if err != nil {
			return err
		}
		if p.Kind == problem.KindTooMany {
			fmt.Printf("too many requests; again after %s: ", p.RetryAfter)
			time.Sleep(p.RetryAfter)
			return again(ctx, hospital)
		}
	}
	return errors.New("the hospital has no limit")
}

func again(ctx context.Context, hospital *privatecloud.ClientWithResponses) error {
	r, err := hospital.EnrolWithResponse(ctx, privatecloud.EnrolJSONRequestBody{Message: "AAAA"})
	if err == nil && r.StatusCode() != problem.KindTooMany.Status() {
		fmt.Println("answered")
	}
	return err
}

// question is the sealed message of a patient who asks who saw her record, made by a clock
// that is off by the shift.
func question(ctx context.Context, shift time.Duration) (string, error) {
	agent, err := patientagent.NewClientWithResponses(os.Getenv("PATIENT"), patientagent.WithHTTPClient(caller),
		patientagent.WithRequestEditorFn(httpclient.Bearer(os.Getenv("PATIENT_TOKEN"))))
	if err != nil {
		return "", err
	}
	var step patientagent.Step
	ms := shift.Milliseconds()
	err = step.FromStepHospitalQuestion(patientagent.StepHospitalQuestion{Hospital: os.Getenv("HOSPITAL_ID"), Question: "releases", Time: &ms})
	if err != nil {
		return "", err
	}
	r, err := agent.PrepareMessageWithResponse(ctx, step)
	if err != nil {
		return "", err
	}
	if r.JSON200 == nil {
		return "", failure(r.HTTPResponse, r.Body)
	}
	return r.JSON200.Message, nil
}

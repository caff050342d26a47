package agent

import (
	"context"
	"errors"
	"net/http"

	"medunion/api/message"
	"medunion/api/openapi/privatecloud"
	"medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// maxParts bounds the parts of one list, so that a peer that always has more ends.
const maxParts = 1000

var errEndless = errors.New("the peer's list does not end")

// privateCloud is the client of a hospital at the address of its credential.
func (a *Agent) privateCloud(h patient.Hospital) (*privatecloud.Client, error) {
	address := string(h.Credential.Info.Attribute)
	if err := checkAddress(address, a.cfg.AllowHTTP); err != nil {
		return nil, err
	}
	return privatecloud.NewClient(address, privatecloud.WithHTTPClient(a.http))
}

// askHospital asks one question and verifies the answer.
func (a *Agent) askHospital(ctx context.Context, o *opened, h patient.Hospital, q message.Question) (patient.Answered, error) {
	client, err := a.privateCloud(h)
	if err != nil {
		return patient.Answered{}, problem.From(err)
	}
	var pending *patient.PendingQuestion
	ask := func() (m message.Message, err error) {
		pending, m, err = o.role().AskHospital(h, q)
		return m, err
	}
	m, err := a.exchange(ctx, message.Hospital, ask, func(ctx context.Context, m string) (*http.Response, error) {
		return client.Ask(ctx, privatecloud.Message{Message: m})
	})
	if err != nil {
		return patient.Answered{}, err
	}
	return pending.Open(m)
}

// askCloud asks the public cloud one question about one department's locator.
func (a *Agent) askCloud(ctx context.Context, o *opened, prekey message.Signed, department message.Code, q message.Question) (patient.Answered, error) {
	var pending *patient.PendingQuestion
	ask := func() (m message.Message, err error) {
		pending, m, err = o.role().AskCloud(prekey, department, q)
		return m, err
	}
	m, err := a.exchange(ctx, message.PublicCloud, ask, func(ctx context.Context, m string) (*http.Response, error) {
		return a.cloud.Ask(ctx, publiccloud.Message{Message: m})
	})
	if err != nil {
		return patient.Answered{}, err
	}
	return pending.Open(m)
}

// collect asks for a list in parts. take decodes one part and returns the number
// from which the next one begins.
func collect(from uint64, ask func(from uint64) (patient.Answered, error), take func(patient.Answered) (next uint64, err error)) error {
	for range maxParts {
		answer, err := ask(from)
		if err != nil {
			return err
		}
		next, err := take(answer)
		if err != nil {
			return problem.Refused(err)
		}
		if !answer.More {
			return nil
		}
		if next <= from {
			return problem.Refused(errEndless)
		}
		from = next
	}
	return problem.Refused(errEndless)
}

// collectHospital asks a hospital for a whole list.
func (a *Agent) collectHospital(ctx context.Context, o *opened, h patient.Hospital, kind message.QuestionKind, from uint64, take func(patient.Answered) (uint64, error)) error {
	return collect(from, func(from uint64) (patient.Answered, error) {
		return a.askHospital(ctx, o, h, message.Question{Kind: kind, From: from})
	}, take)
}

// collectCloud asks the public cloud for a whole list under one locator.
func (a *Agent) collectCloud(ctx context.Context, o *opened, prekey message.Signed, department message.Code, q message.Question, take func(patient.Answered) (uint64, error)) error {
	return collect(0, func(from uint64) (patient.Answered, error) {
		q.From = from
		return a.askCloud(ctx, o, prekey, department, q)
	}, take)
}

// statement keeps a verified answer as evidence.
func statement(a patient.Answered) keystore.Statement {
	return keystore.Statement{TBS: a.TBS, Signature: a.Signature}
}

// says words a failure of a peer for a list of results.
func says(err error) Reason {
	e := problem.From(err)
	switch e.Kind {
	case problem.KindUnavailable, problem.KindTooMany:
		return Reason{"unreachable", "could not be reached; try again later"}
	case problem.KindRefused:
		return Reason{"refused", "refused, or its answer did not hold"}
	case problem.KindNotFound:
		return Reason{"not-in-directory", "is not in the directory"}
	}
	return Reason{"failed", "failed: " + e.Document("").Detail}
}

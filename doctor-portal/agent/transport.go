package agent

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"medunion/api/httpclient"
	"medunion/doctor-portal/practice"
)

// transport carries the practice's exchanges to the portal over HTTP.
type transport struct {
	origin string
	client *http.Client
}

func newTransport(origin string) transport {
	return transport{origin: origin, client: httpclient.New(httpclient.Transport(), 0)}
}

// Exchange implements practice.Portal.
func (t transport) Exchange(ctx context.Context, r practice.Request) (*practice.Response, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, t.origin+r.Path, body)
	if err != nil {
		return nil, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	answer, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	return &practice.Response{Status: answer.StatusCode, Body: answer.Body}, nil
}

// Package portal holds the models, the server interface and the client of the doctor
// portal's HTTP API, generated from portal.yaml.
//
//	import "medunion/api/openapi/portal"
//
//	client, err := portal.NewClientWithResponses("https://portal.example.org",
//		portal.WithHTTPClient(httpclient.New(httpclient.Transport(), 30*time.Second)))
//
// A patient needs no token to see a doctor's card and to enter her waiting room; in the visit
// she sends the header Visit-Capability. A doctor signs a challenge (CreateLoginChallenge,
// Login) for a session of 15 minutes: httpclient.Bearer(session.Token). Answers other than
// the one hoped for are problems: problem.Parse(r.Body).
//
// What waits (FetchInbox, FetchForPatient) answers after up to 25 seconds, so the timeout is
// longer than that. StreamInbox lasts: use Client.StreamInbox with an HTTP client without a
// timeout, and end it by ctx. The relay's paths are those of the clouds: their clients work
// with the base address "…/v1/relay/cloud". In deploy/examples is a whole program;
// api/doc/rest.md says what all services have in common.
package portal

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../portal.yaml

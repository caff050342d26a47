// Package patientagent holds the models, the server interface and the client of the patient
// agent's local HTTP API, generated from patientagent.yaml.
//
//	import "medunion/api/openapi/patientagent"
//
//	client, err := patientagent.NewClientWithResponses("http://127.0.0.1:8091",
//		patientagent.WithHTTPClient(httpclient.New(httpclient.Transport(), 2*time.Minute)),
//		patientagent.WithRequestEditorFn(httpclient.Bearer(token)))
//
// The token is the content of the agent's token file, without the line's end. While the
// store is locked everything but Unlock and GetStatus is a conflict. What asks hospitals and
// public cloud may take two minutes. A visit goes on by itself after StartVisit: ask for it,
// or watch the events (Client.Watch, with an HTTP client without a timeout). Answers other
// than the one hoped for are problems: problem.Parse(r.Body). In deploy/examples are whole
// programs; api/doc/rest.md says what all services have in common.
package patientagent

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../patientagent.yaml

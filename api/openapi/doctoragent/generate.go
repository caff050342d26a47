// Package doctoragent holds the models, the server interface and the client of the doctor
// agent's HTTP API, generated from doctoragent.yaml.
//
//	import "medunion/api/openapi/doctoragent"
//
//	client, err := doctoragent.NewClientWithResponses("http://127.0.0.1:8083",
//		doctoragent.WithHTTPClient(httpclient.New(httpclient.Transport(), 2*time.Minute)),
//		doctoragent.WithRequestEditorFn(httpclient.Bearer(token)))
//
// The token is the content of the agent's token file, without the line's end. Fetching
// records returns at once: ask for the visit until its search is done, or watch the events
// (Client.WatchEvents, with an HTTP client without a timeout). Sending a diagnosis may take
// two minutes. Answers other than the one hoped for are problems: problem.Parse(r.Body); a
// conflict says that the visit is not at this step. In deploy/examples is a whole visit;
// api/doc/rest.md says what all services have in common.
package doctoragent

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../doctoragent.yaml

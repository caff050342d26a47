// Package privatecloud holds the models, the server interface and the client of a hospital's
// protocol API, generated from privatecloud.yaml.
//
//	import "medunion/api/openapi/privatecloud"
//
//	client, err := privatecloud.NewClientWithResponses(address, // of the hospital's credential
//		privatecloud.WithHTTPClient(httpclient.New(httpclient.Transport(), 30*time.Second)))
//
// There is no token: each call takes a sealed message, which a role has made, and answers with
// one. Where the answer is none, problem.Parse(r.Body) gives the kind of refusal. After
// too-many the same bytes may be sent again; after stale (p.Now is the hospital's clock) and
// unavailable a new message is made and signed.
//
// Release answers with lines, each a page of the record, for up to five minutes: use
// Client.Release, read line by line, and give the HTTP client a timeout to match. In
// deploy/examples is a whole program; api/doc/rest.md says what all services have in common.
package privatecloud

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../privatecloud.yaml

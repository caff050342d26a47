// Package publiccloud holds the models, the server interface and the client of the public
// cloud's HTTP API, generated from publiccloud.yaml.
//
// A client, for every service in the same way, with half a minute for an exchange and
// without redirects:
//
//	import "medunion/api/openapi/publiccloud"
//
//	client, err := publiccloud.NewClientWithResponses("https://cloud.example.org",
//		publiccloud.WithHTTPClient(httpclient.New(httpclient.Transport(), 30*time.Second)))
//
// Only the operator's calls and the registration of a hospital need a token, a JWT with the
// scope operator:
//
//	r, err := client.CreatePatientCodeWithResponse(ctx, nil, httpclient.Bearer(token))
//
// An error is of the exchange: the network, or the end of ctx. Otherwise the member named
// after the hoped-for status (r.JSON201) is set, or the body is a problem:
//
//	if r.JSON201 == nil {
//		p, err := problem.Parse(r.Body) // p.Kind, p.RetryAfter
//	}
//
// What the cloud publishes comes as a signed statement in base64url: message.DecodeSigned
// and then message.OpenParameters, OpenDirectory or OpenRevocations make it of use. Messages
// of the protocol are made by the roles, never here.
//
// A method "..WithResponse" reads the whole answer into memory; where that is too much the
// method of the same name without it gives the http.Response. deploy/examples has a whole
// program; api/doc/rest.md says what all services have in common.
package publiccloud

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../publiccloud.yaml

// Package privateadmin holds the models, the server interface and the client of a hospital's
// administration API, generated from privateadmin.yaml.
//
//	import "medunion/api/openapi/privateadmin"
//
//	client, err := privateadmin.NewClientWithResponses("https://records.hospital.example:8084",
//		privateadmin.WithHTTPClient(httpclient.New(httpclient.Transport(), 5*time.Minute)),
//		privateadmin.WithRequestEditorFn(httpclient.Bearer(token)))
//
// A record system's token is a JWT with the scope fhir:import, one of the desk and of the
// auditor has the scope admin; its audience is the hospital's ID. An import may take five
// minutes. Send a Bundle's bytes as they are:
//
//	r, err := client.ImportBundleWithBodyWithResponse(ctx, nil, "application/fhir+json", bytes.NewReader(bundle))
//
// The report r.JSON200 says what was stored and what was not, and why; where it is nil the
// whole import was refused, and problem.Parse(r.Body) says how. In deploy/examples is a whole
// program; api/doc/rest.md says what all services have in common.
//
// The server interface is the plain one: a bundle's bytes must reach the importer as
// they came, which a generated decoder would not do.
package privateadmin

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../privateadmin.yaml

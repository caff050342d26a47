// Package patientagent holds the models, the server interface, the client and the
// document itself of the patient agent's local HTTP API, generated from
// patientagent.yaml.
package patientagent

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../patientagent.yaml

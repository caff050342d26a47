// Package doctoragent holds the models, the server interface, the client and the
// document itself of the doctor agent's HTTP API, generated from doctoragent.yaml.
package doctoragent

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../doctoragent.yaml

// Package portal holds the models, the server interface, the client and the
// document itself of the doctor portal's HTTP API, generated from portal.yaml.
package portal

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../portal.yaml

// Package privatecloud holds the models, the server interface, the client and the
// document itself of a hospital's protocol API, generated from privatecloud.yaml.
package privatecloud

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../privatecloud.yaml

// Package publiccloud holds the models, the server interface, the client and the
// document itself of the public cloud's HTTP API, generated from publiccloud.yaml.
package publiccloud

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../publiccloud.yaml

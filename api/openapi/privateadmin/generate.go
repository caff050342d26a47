// Package privateadmin holds the models, the server interface, the client and the
// document itself of a hospital's administration API, generated from privateadmin.yaml.
//
// The server interface is the plain one: a bundle's bytes must reach the importer as
// they came, which a generated decoder would not do.
package privateadmin

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../privateadmin.yaml

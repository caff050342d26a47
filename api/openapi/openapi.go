// Package openapi holds the OpenAPI 3.1 documents of the suite's HTTP surfaces: what each
// server holds requests against, what it serves to integrators, and what the servers'
// interfaces, clients and types in the packages below are generated from.
package openapi

import (
	"context"
	"embed"
	"fmt"
	"net/url"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed doctoragent.yaml patientagent.yaml portal.yaml privateadmin.yaml privatecloud.yaml publiccloud.yaml problems.yaml examples
var documents embed.FS

// Document is the name of a document.
type Document string

// The documents, one for each surface.
const (
	PublicCloud  Document = "publiccloud"
	PrivateCloud Document = "privatecloud" // the protocol side of a hospital
	PrivateAdmin Document = "privateadmin" // its administration
	Portal       Document = "portal"
	DoctorAgent  Document = "doctoragent"
	PatientAgent Document = "patientagent"
)

// Documents are all of them.
var Documents = []Document{PublicCloud, PrivateCloud, PrivateAdmin, Portal, DoctorAgent, PatientAgent}

// Load returns a document, valid and whole: what it refers to in the shared one stands in
// it, and so do the headers that its extensions stand for. The caller may change what it gets.
func Load(name Document) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, at *url.URL) ([]byte, error) {
		return documents.ReadFile(at.Path)
	}
	spec, err := loader.LoadFromURI(&url.URL{Path: string(name) + ".yaml"})
	if err != nil {
		return nil, fmt.Errorf("OpenAPI document %s: %w", name, err)
	}
	spec.InternalizeRefs(context.Background(), nil)
	writeOut(spec)
	if err := spec.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("OpenAPI document %s: %w", name, err)
	}
	return spec, nil
}

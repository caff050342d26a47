package server

import (
	"context"
	"testing"

	api "medunion/api/openapi/patientagent"
)

// TestDocument: the OpenAPI document itself is valid.
func TestDocument(t *testing.T) {
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

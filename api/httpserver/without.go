package httpserver

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Without takes the operations with a tag out of a document. Their routes, which the
// generated code registers all the same, then answer like any unknown address.
func Without(spec *openapi3.T, tag string) {
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if slices.Contains(op.Tags, tag) {
				item.SetOperation(method, nil)
			}
		}
		if len(item.Operations()) == 0 {
			spec.Paths.Delete(path)
		}
	}
}

package httpserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"medunion/api/problem"
)

// words are all names that occur in an OpenAPI document. Only they may be shown.
type words map[string]bool

func vocabulary(spec *openapi3.T) (words, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	w := words{}
	w.collect(tree)
	return w, nil
}

func (w words) collect(node any) {
	switch n := node.(type) {
	case map[string]any:
		for key, child := range n {
			w[key] = true
			w.collect(child)
		}
	case []any:
		for _, child := range n {
			w.collect(child)
		}
	}
}

// explain turns the filter's error, which may quote the request, into one of
// ours.
func (w words) explain(err error) error {
	var ours *problem.Error
	var request *openapi3filter.RequestError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return ours
	case tooLarge(err):
		return problem.TooLarge()
	case errors.As(err, &request):
		return w.explainRequest(request)
	}
	return fmt.Errorf("validating a request: %T", err)
}

func (w words) explainRequest(err *openapi3filter.RequestError) error {
	if p := err.Parameter; p != nil {
		return problem.Invalid(fmt.Sprintf("The %s parameter %s does not fit the interface.", p.In, p.Name))
	}
	var schema *openapi3.SchemaError
	switch {
	case err.RequestBody == nil:
		return problem.Invalid("This request has no body.")
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		return problem.Invalid("The request body is missing.")
	case errors.As(err, &schema):
		return problem.Invalid("The request body does not fit the interface" + w.place(schema) + ".")
	case err.Err == nil:
		// Only a wrong content type comes without an error value.
		return problem.UnsupportedMedia("")
	}
	return problem.Invalid("The request body is malformed.")
}

// place says where in the body and by which rule, as far as the document's own
// words and list indexes go.
func (w words) place(err *openapi3.SchemaError) string {
	var at strings.Builder
	steps := err.JSONPointer()
	for inner := (*openapi3.SchemaError)(nil); errors.As(err.Origin, &inner); err = inner { // of the one schema of several that a discriminator chose
		steps = append(steps, inner.JSONPointer()...)
	}
	for _, step := range steps {
		if _, notIndex := strconv.ParseUint(step, 10, 16); notIndex != nil && !w[step] {
			break
		}
		at.WriteString("/" + step)
	}
	where := ""
	if at.Len() > 0 {
		where = " at " + at.String()
	}
	if w[err.SchemaField] {
		where += " (" + err.SchemaField + ")"
	}
	return where
}

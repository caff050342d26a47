package fhir

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed fhir.schema.min.json
var schemaText []byte

const schemaURL = "fhir-r4.json"

// schemas compiles each resource type when it is first met: compiling all of
// them would cost every start of the service what few imports need.
var schemas = struct {
	sync.Mutex
	compiler *jsonschema.Compiler
	types    map[string]bool // the resource types of the schema
	compiled map[string]*jsonschema.Schema
}{}

// schemaOf returns the schema of a resource type, nil if there is none.
func schemaOf(resourceType string) (*jsonschema.Schema, error) {
	schemas.Lock()
	defer schemas.Unlock()
	if schemas.compiler == nil {
		if err := loadSchemas(); err != nil {
			return nil, err
		}
	}
	if !schemas.types[resourceType] {
		return nil, nil
	}
	if s := schemas.compiled[resourceType]; s != nil {
		return s, nil
	}
	s, err := schemas.compiler.Compile(schemaURL + "#/definitions/" + resourceType)
	if err != nil {
		return nil, fmt.Errorf("embedded FHIR schema: %w", err)
	}
	schemas.compiled[resourceType] = s
	return s, nil
}

// loadSchemas must be called with schemas locked.
func loadSchemas() error {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return fmt.Errorf("embedded FHIR schema: %w", err)
	}
	var outline struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if err := json.Unmarshal(schemaText, &outline); err != nil {
		return fmt.Errorf("embedded FHIR schema: %w", err)
	}
	types := map[string]bool{}
	for name, definition := range outline.Definitions {
		if bytes.Contains(definition, []byte(`"resourceType":{"const":"`+name+`"}`)) {
			types[name] = true
		}
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return fmt.Errorf("embedded FHIR schema: %w", err)
	}
	schemas.compiler, schemas.types = compiler, types
	schemas.compiled = map[string]*jsonschema.Schema{}
	return nil
}

// fault says where a resource breaks which rule of the schema, without what
// stands there.
type fault struct {
	Pointer string // JSON pointer (RFC 6901) into the resource
	Rule    string // the schema's keyword: required, pattern, type, ...
}

// validate checks a resource and the resources contained in it. known is
// false if the schema has no such type. A contained resource of a type that
// the schema lacks is left unchecked: it is kept with its container and never
// stored as a record of its own.
func validate(resourceType string, tree map[string]any) (f *fault, known bool, err error) {
	schema, err := schemaOf(resourceType)
	if err != nil || schema == nil {
		return nil, false, err
	}
	if f, err = firstFault(schema, tree); f != nil || err != nil {
		return f, true, err
	}
	contained, _ := tree["contained"].([]any)
	for i, c := range contained {
		if f, err = validateContained(c); err != nil {
			return nil, true, err
		}
		if f != nil {
			f.Pointer = fmt.Sprintf("/contained/%d%s", i, f.Pointer)
			return f, true, nil
		}
	}
	return nil, true, nil
}

func validateContained(node any) (*fault, error) {
	tree, _ := node.(map[string]any)
	resourceType, _ := tree["resourceType"].(string)
	if resourceType == "" {
		return &fault{"", "required"}, nil
	}
	if _, nested := tree["contained"]; nested {
		return &fault{"/contained", "nesting"}, nil // R4, constraint dom-2
	}
	schema, err := schemaOf(resourceType)
	if err != nil || schema == nil {
		return nil, err
	}
	return firstFault(schema, tree)
}

// firstFault returns the fault with the least pointer, so that one input gives
// one answer although the validator walks members in random order.
func firstFault(schema *jsonschema.Schema, tree map[string]any) (*fault, error) {
	err := schema.Validate(tree)
	if err == nil {
		return nil, nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil, errors.New("the FHIR schema could not be applied")
	}
	var least *fault
	eachFault(invalid, func(f fault) {
		if least == nil || f.Pointer+"\x00"+f.Rule < least.Pointer+"\x00"+least.Rule {
			least = &f
		}
	})
	return least, nil
}

func eachFault(e *jsonschema.ValidationError, yield func(fault)) {
	for _, cause := range e.Causes {
		eachFault(cause, yield)
	}
	if len(e.Causes) > 0 {
		return
	}
	f := fault{Pointer: pointer(e.InstanceLocation), Rule: "schema"}
	if path := e.ErrorKind.KeywordPath(); len(path) > 0 {
		f.Rule = path[len(path)-1]
	}
	yield(f)
}

// pointer writes a JSON pointer. Its names are FHIR's: a member that the
// schema does not know is reported at its parent.
func pointer(path []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, name := range path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(name))
	}
	return b.String()
}

// Command trimschema reads the FHIR R4 JSON schema on standard input and
// writes a part of it: the resource types that its arguments name, without any those of the default
// class table, which package fhir embeds, and whatever they refer to, without descriptions. See
// ../PROVENANCE.md for how it is called.
//
// ResourceList, the choice among all resource types for "contained", becomes
// true: package fhir validates a contained resource by its own type, which is
// faster than trying every type and names the error better.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"medunion/api/message"
)

const definitionRef = "#/definitions/"

func main() {
	log.SetFlags(0)
	if err := run(os.Stdin, os.Stdout, os.Args[1:]); err != nil {
		log.Fatal("trimschema: ", err)
	}
}

func run(in io.Reader, out io.Writer, types []string) error {
	var schema map[string]any
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	if err := decoder.Decode(&schema); err != nil {
		return err
	}
	all, ok := schema["definitions"].(map[string]any)
	if !ok {
		return fmt.Errorf("no definitions")
	}
	all["ResourceList"] = true
	if len(types) == 0 {
		for _, rule := range message.DefaultClassRules {
			types = append(types, rule.ResourceType)
		}
	}
	kept, err := keep(all, types)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(map[string]any{"$schema": schema["$schema"], "definitions": kept})
}

// keep returns the definitions of the wanted types and, transitively, those
// that they refer to.
func keep(all map[string]any, types []string) (map[string]any, error) {
	kept := map[string]any{}
	var missing []string
	var visit func(name string)
	visit = func(name string) {
		if _, done := kept[name]; done {
			return
		}
		definition, ok := all[name]
		if !ok {
			missing = append(missing, name)
			return
		}
		kept[name] = trim(definition)
		references(kept[name], visit)
	}
	for _, t := range types {
		visit(t)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no definition of %s", strings.Join(missing, ", "))
	}
	return kept, nil
}

// trim drops the annotation "description", which is a string. A member of
// that name that is an object describes a FHIR element called description.
func trim(node any) any {
	switch node := node.(type) {
	case map[string]any:
		if _, annotation := node["description"].(string); annotation {
			delete(node, "description")
		}
		for name, inner := range node {
			node[name] = trim(inner)
		}
	case []any:
		for i, inner := range node {
			node[i] = trim(inner)
		}
	}
	return node
}

func references(node any, visit func(name string)) {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			visit(strings.TrimPrefix(ref, definitionRef))
		}
		for _, inner := range node {
			references(inner, visit)
		}
	case []any:
		for _, inner := range node {
			references(inner, visit)
		}
	}
}

package fhirbundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by every error about strict JSON that is not the Bundle
// it should be.
var ErrFormat = errors.New("not an acceptable FHIR bundle")

// Entry is one resource of a Bundle.
type Entry struct {
	FullURL string // entry.fullUrl, "" if there is none
	Type    string // resourceType
	ID      string // id, "" if the resource has none
	Method  string // request.method of a transaction or batch, "" if there is none

	// Resource is the resource as the source wrote it, from its opening to
	// its closing brace, white space included.
	Resource json.RawMessage
}

// Bundle is a FHIR R4 Bundle of any type.
type Bundle struct {
	Type    string // Bundle.type: collection, transaction, ...
	Entries []Entry
}

// Decode reads one Bundle. The resources alias data, which must not change
// afterwards. Errors are a *SyntaxError or wrap ErrFormat.
//
// Bundle and entry may have the members that FHIR R4 defines and no others.
// Every entry must hold a resource with a resourceType; whether that resource
// is valid is for the caller to find out.
func Decode(data []byte) (Bundle, error) {
	if err := Check(data); err != nil {
		return Bundle{}, err
	}
	return decode(bytes.TrimSpace(data))
}

func decode(data []byte) (b Bundle, err error) {
	if data[0] != '{' {
		return Bundle{}, fmt.Errorf("%w: not an object", ErrFormat)
	}
	var resourceType string
	for name, value := range members(data) {
		switch name {
		case "resourceType":
			resourceType, err = text(value)
		case "type":
			b.Type, err = text(value)
		case "entry":
			b.Entries, err = entries(value)
		default:
			err = known(name, "id", "type", "meta", "implicitRules", "language", "identifier",
				"timestamp", "total", "link", "signature")
		}
		if err != nil {
			return Bundle{}, err
		}
	}
	if resourceType != "Bundle" {
		return Bundle{}, fmt.Errorf("%w: resourceType is not Bundle", ErrFormat)
	}
	return b, nil
}

func entries(array []byte) ([]Entry, error) {
	if array[0] != '[' {
		return nil, fmt.Errorf("%w: entry is not an array", ErrFormat)
	}
	var list []Entry
	for i, element := range elements(array) {
		e, err := entry(element)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		list = append(list, e)
	}
	return list, nil
}

func entry(object []byte) (e Entry, err error) {
	if object[0] != '{' {
		return Entry{}, fmt.Errorf("%w: not an object", ErrFormat)
	}
	for name, value := range members(object) {
		switch name {
		case "fullUrl":
			e.FullURL, err = text(value)
		case "resource":
			e.Resource = value[:len(value):len(value)]
			e.Type, e.ID, err = header(value)
		case "request":
			e.Method, err = method(value)
		default:
			err = known(name, "id", "fullUrl", "extension", "modifierExtension", "link", "search", "response")
		}
		if err != nil {
			return Entry{}, err
		}
	}
	if e.Resource == nil {
		return Entry{}, fmt.Errorf("%w: no resource", ErrFormat)
	}
	return e, nil
}

// NewEntry checks one resource that stands alone and returns it as an entry,
// its bytes unchanged but for surrounding white space.
func NewEntry(fullURL string, resource []byte) (Entry, error) {
	if err := Check(resource); err != nil {
		return Entry{}, err
	}
	resource = bytes.TrimSpace(resource)
	resourceType, id, err := header(resource)
	return Entry{FullURL: fullURL, Type: resourceType, ID: id, Resource: resource}, err
}

// header finds resourceType and id among the members of a resource.
func header(resource []byte) (resourceType, id string, err error) {
	if resource[0] != '{' {
		return "", "", fmt.Errorf("%w: the resource is not an object", ErrFormat)
	}
	for name, value := range members(resource) {
		switch name {
		case "resourceType":
			resourceType, err = text(value)
		case "id":
			id, err = text(value)
		}
		if err != nil {
			return "", "", err
		}
	}
	if resourceType == "" {
		return "", "", fmt.Errorf("%w: no resourceType", ErrFormat)
	}
	return resourceType, id, nil
}

func method(request []byte) (string, error) {
	if request[0] != '{' {
		return "", fmt.Errorf("%w: request is not an object", ErrFormat)
	}
	for name, value := range members(request) {
		if name == "method" {
			return text(value)
		}
	}
	return "", fmt.Errorf("%w: no request.method", ErrFormat)
}

func text(value []byte) (string, error) {
	if value[0] != '"' {
		return "", fmt.Errorf("%w: a string is expected", ErrFormat)
	}
	return string(nameBytes(value)), nil
}

// known accepts the given names and, as FHIR does, the same with an
// underscore for the extensions of a primitive value.
func known(name string, names ...string) error {
	for _, n := range names {
		if name == n || name == "_"+n {
			return nil
		}
	}
	return fmt.Errorf("%w: unknown member", ErrFormat)
}

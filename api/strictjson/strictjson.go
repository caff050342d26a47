// Package strictjson decodes JSON at the wall of a service: one reading of the
// bytes, or none.
//
// encoding/json by itself lets the last of two equal keys win, matches names
// without regard to case, repairs broken UTF-8, leaves a field alone where null
// stands and, in a stream, ignores what follows. Each of these lets two parties
// read one document differently; here each is an error.
package strictjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deeply objects and lists may nest.
const maxDepth = 64

// The errors of Decode. None holds a part of the document.
var (
	ErrSyntax    = errors.New("the JSON is malformed")
	ErrUTF8      = errors.New("the JSON is not valid UTF-8")
	ErrTrailing  = errors.New("data follows the JSON value")
	ErrDuplicate = errors.New("a JSON object names a member twice")
	ErrUnknown   = errors.New("a JSON object has an unknown member")
	ErrNull      = errors.New("a JSON null stands where a value must be")
	ErrType      = errors.New("a JSON value has the wrong type")
	ErrDepth     = errors.New("the JSON nests too deeply")
)

// Decode stores data, exactly one JSON value, in the value that v points to. On
// an error v may be partly filled and must be discarded.
//
// Types with an UnmarshalJSON or UnmarshalText of their own read their part
// themselves; only duplicates are looked for in it.
func Decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return ErrUTF8
	}
	w := walker{json.NewDecoder(bytes.NewReader(data))}
	if err := w.value(reflect.TypeOf(v).Elem(), 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return ErrTrailing
	}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, v); {
	case errors.As(err, &wrongType):
		return ErrType
	case err != nil:
		return ErrSyntax
	}
	return nil
}

// walker reads the tokens of a document beside the type that it must fit.
type walker struct{ dec *json.Decoder }

// value checks one value against t; a nil t fits anything.
func (w walker) value(t reflect.Type, depth int) error {
	if depth > maxDepth {
		return ErrDepth
	}
	token, err := w.dec.Token()
	if err != nil {
		return ErrSyntax
	}
	if token == nil && !nullable(t) {
		return ErrNull
	}
	t = shape(t)
	switch token {
	case json.Delim('{'):
		return w.object(t, depth)
	case json.Delim('['):
		return w.list(t, depth)
	}
	return nil
}

func (w walker) object(t reflect.Type, depth int) error {
	if t != nil && t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return ErrType
	}
	fields := fieldTypes(t)
	seen := map[string]bool{}
	for w.dec.More() {
		token, err := w.dec.Token()
		key, isKey := token.(string)
		if err != nil || !isKey {
			return ErrSyntax
		}
		if seen[key] {
			return ErrDuplicate
		}
		seen[key] = true
		member, known := fields[key]
		switch {
		case fields != nil && !known:
			return ErrUnknown
		case t != nil && t.Kind() == reflect.Map:
			member = t.Elem()
		}
		if err := w.value(member, depth+1); err != nil {
			return err
		}
	}
	return w.end()
}

func (w walker) list(t reflect.Type, depth int) error {
	var element reflect.Type
	if t != nil {
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return ErrType
		}
		element = t.Elem()
	}
	for w.dec.More() {
		if err := w.value(element, depth+1); err != nil {
			return err
		}
	}
	return w.end()
}

// end consumes the closing bracket.
func (w walker) end() error {
	if _, err := w.dec.Token(); err != nil {
		return ErrSyntax
	}
	return nil
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// opaque says that t decodes itself, or takes any value.
func opaque(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() == reflect.Interface || p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)
}

func nullable(t reflect.Type) bool {
	return t == nil || t.Kind() == reflect.Pointer || opaque(t)
}

// shape is the type behind pointers, or nil where anything fits.
func shape(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || opaque(t) {
		return nil
	}
	return t
}

// fieldTypes are the members that encoding/json would fill in a struct, by
// their exact names; nil for everything that is not a struct.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Anonymous && name == ""
		if !f.IsExported() || f.Tag.Get("json") == "-" || embedded {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = f.Type
	}
	return fields
}

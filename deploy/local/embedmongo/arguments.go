package embedmongo

import (
	"math"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/bsontype"

	"medunion/deploy/local/embedmongo/internal/mongoerr"
	"medunion/deploy/local/embedmongo/internal/query"
)

// arguments reads the fields of a command or of one of its statements. The first field with
// a wrong type is remembered in err, and what is read afterwards means nothing: a handler
// reads all, then looks at err once.
type arguments struct {
	name      string // for messages
	body      bson.Raw
	sequences map[string][]bson.Raw // fields that travelled as document sequences
	err       error
}

// allow refuses every field that is not listed.
func (a *arguments) allow(fields ...map[string]bool) {
	elements, err := a.body.Elements()
	if err != nil && a.err == nil {
		a.err = mongoerr.New(mongoerr.FailedToParse, "%s cannot be read", a.name)
	}
	for _, e := range elements {
		a.allowOne(e.Key(), fields)
	}
	for key := range a.sequences {
		if a.allowOne(key, fields); a.has(key) && a.err == nil {
			a.err = mongoerr.New(mongoerr.FailedToParse, "BSON field '%s.%s' is given twice", a.name, key)
		}
	}
}

func (a *arguments) allowOne(key string, fields []map[string]bool) {
	for _, known := range fields {
		if known[key] {
			return
		}
	}
	if a.err == nil {
		a.err = mongoerr.New(mongoerr.UnknownField, "BSON field '%s.%s' is an unknown field or not supported", a.name, key)
	}
}

func set(fields ...string) map[string]bool {
	m := make(map[string]bool, len(fields))
	for _, f := range fields {
		m[f] = true
	}
	return m
}

func (a *arguments) has(key string) bool {
	_, err := a.body.LookupErr(key)
	return err == nil
}

// lookup finds a field; null counts as absent.
func (a *arguments) lookup(key string) (bson.RawValue, bool) {
	v, err := a.body.LookupErr(key)
	return v, err == nil && v.Type != bson.TypeNull
}

func (a *arguments) wrongType(key, want string, got bsontype.Type) {
	if a.err == nil {
		a.err = mongoerr.New(mongoerr.TypeMismatch, "BSON field '%s.%s' is the wrong type '%s', expected %s", a.name, key, got, want)
	}
}

// text reads a string; it is required.
func (a *arguments) text(key string) string {
	v, _ := a.lookup(key)
	s, ok := v.StringValueOK()
	if !ok {
		a.wrongType(key, "string", v.Type)
	}
	return s
}

// flag reads a boolean, a number counting as true unless it is zero.
func (a *arguments) flag(key string, absent bool) bool {
	v, there := a.lookup(key)
	if !there {
		return absent
	}
	if b, ok := v.BooleanOK(); ok {
		return b
	}
	f, ok := v.AsInt64OK()
	if !ok {
		a.wrongType(key, "bool", v.Type)
	}
	return f != 0
}

// number reads a whole number of any numeric type.
func (a *arguments) number(key string, absent int64) int64 {
	v, there := a.lookup(key)
	if !there {
		return absent
	}
	if f, ok := v.DoubleOK(); ok && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
		a.wrongType(key, "whole number", v.Type)
		return absent
	}
	n, ok := v.AsInt64OK()
	if !ok {
		a.wrongType(key, "number", v.Type)
	}
	return n
}

// count reads a number from zero to 2^31-1.
func (a *arguments) count(key string, absent int) int {
	n := a.number(key, int64(absent))
	if (n < 0 || n > math.MaxInt32) && a.err == nil {
		a.err = mongoerr.New(mongoerr.BadValue, "BSON field '%s.%s' must be from 0 to 2147483647, not %d", a.name, key, n)
	}
	return int(n)
}

// document reads and decodes a document, empty if absent.
func (a *arguments) document(key string) bson.D {
	v, there := a.lookup(key)
	if !there {
		return bson.D{}
	}
	raw, ok := v.DocumentOK()
	if !ok {
		a.wrongType(key, "object", v.Type)
		return nil
	}
	return a.decode(raw)
}

func (a *arguments) decode(raw bson.Raw) bson.D {
	d, err := query.Decode(raw)
	if err != nil && a.err == nil {
		a.err = err
	}
	return d
}

// documents reads an array of documents, or the document sequence of that name.
func (a *arguments) documents(key string) []bson.Raw {
	if s, ok := a.sequences[key]; ok {
		return s
	}
	v, there := a.lookup(key)
	array, ok := v.ArrayOK()
	if !there || !ok {
		a.wrongType(key, "array", v.Type)
		return nil
	}
	values, _ := array.Values() // the message has been checked
	out := make([]bson.Raw, 0, len(values))
	for _, item := range values {
		raw, ok := item.DocumentOK()
		if !ok {
			a.wrongType(key, "array of objects", item.Type)
		}
		out = append(out, raw)
	}
	return out
}

// statement reads one entry of a command's array.
func statement(name string, raw bson.Raw, fields map[string]bool) *arguments {
	a := &arguments{name: name, body: raw}
	a.allow(fields)
	return a
}

// isCommandOption are fields that any command may have; session.go and command.go check them.
var isCommandOption = set("$db", "lsid", "txnNumber", "startTransaction", "autocommit", "readConcern",
	"writeConcern", "$readPreference", "$clusterTime", "comment", "maxTimeMS")

package wire

import (
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// CheckDocument says whether d is well-formed BSON: lengths, terminators, known types, at
// most 180 levels deep (as MongoDB), so that decoding it cannot exhaust the stack.
func CheckDocument(d []byte) error { return checkDocument(d, 1) }

func checkDocument(d []byte, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("document nested deeper than %d levels", maxNesting)
	}
	if len(d) < minDocument || int64(binary.LittleEndian.Uint32(d)) != int64(len(d)) || d[len(d)-1] != 0 {
		return fmt.Errorf("document with a wrong length or end")
	}
	for b := d[4 : len(d)-1]; len(b) > 0; {
		element, rest, ok := bsoncore.ReadElement(b)
		if !ok {
			return fmt.Errorf("document with a damaged element")
		}
		value, err := element.ValueErr()
		if err != nil {
			return fmt.Errorf("document with a damaged value")
		}
		if err := checkValue(value, depth); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

func checkValue(v bsoncore.Value, depth int) error {
	switch v.Type {
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		return checkDocument(v.Data, depth+1)
	case bson.TypeCodeWithScope:
		return fmt.Errorf("code with scope is not supported")
	default:
		return v.Validate()
	}
}

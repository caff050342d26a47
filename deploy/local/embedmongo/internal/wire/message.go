// Package wire reads and writes the MongoDB wire protocol's messages: OP_MSG, and the
// OP_QUERY and OP_REPLY that drivers still use for their first hello.
package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
)

// Limits that the server announces and this package enforces.
const (
	MaxDocument   = 16 << 20   // bytes of one document
	MaxMessage    = 48_000_000 // bytes of one message, its header included
	headerLength  = 16
	maxSequences  = 16 // document sequences in one message; commands have one
	maxNesting    = 180
	minDocument   = 5
	checksumBytes = 4
)

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

// The flag bits of OP_MSG. A reader must refuse an unknown bit among the lower sixteen.
const (
	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1
	flagsRequired  = 0xffff
)

// ErrMalformed is wrapped by every error about bytes that are no valid message; the
// connection is of no use afterwards.
var ErrMalformed = errors.New("malformed message")

// Message is one request.
type Message struct {
	ID        int32
	Legacy    bool // OP_QUERY: the answer must be an OP_REPLY
	NoReply   bool // the sender wants no answer (moreToCome)
	Body      bson.Raw
	Sequences map[string][]bson.Raw
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Read reads one message from r. It returns io.EOF between messages, an error wrapping
// ErrMalformed for bytes that are none. It holds no more memory than r has delivered,
// whatever length the header claims. Every document of the result has been checked by CheckDocument.
func Read(r io.Reader) (*Message, error) {
	var header [headerLength]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header[0:])
	if length < headerLength || length > MaxMessage {
		return nil, malformed("length %d", length)
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, int64(length-headerLength)); err != nil {
		return nil, fmt.Errorf("message cut short: %w", err)
	}
	m := &Message{ID: int32(binary.LittleEndian.Uint32(header[4:]))}
	switch op := binary.LittleEndian.Uint32(header[12:]); op {
	case opMsg:
		return m, m.parseMsg(header[:], body.Bytes())
	case opQuery:
		return m, m.parseQuery(body.Bytes())
	default:
		return nil, malformed("operation code %d", op)
	}
}

func (m *Message) parseMsg(header, b []byte) error {
	if len(b) < 4 {
		return malformed("no flags")
	}
	flags := binary.LittleEndian.Uint32(b)
	if unknown := flags & flagsRequired &^ (flagChecksum | flagMoreToCome); unknown != 0 {
		return malformed("unknown flags %#x", unknown)
	}
	if flags&flagChecksum != 0 {
		if err := verifyChecksum(header, b); err != nil {
			return err
		}
		b = b[:len(b)-checksumBytes]
	}
	m.NoReply = flags&flagMoreToCome != 0
	return m.parseSections(b[4:])
}

func verifyChecksum(header, b []byte) error {
	if len(b) < 4+checksumBytes {
		return malformed("no checksum")
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum(header, table), table, b[:len(b)-checksumBytes])
	if sum != binary.LittleEndian.Uint32(b[len(b)-checksumBytes:]) {
		return malformed("wrong checksum")
	}
	return nil
}

func (m *Message) parseSections(b []byte) error {
	for len(b) > 0 {
		kind, err := b[0], error(nil)
		switch kind {
		case 0:
			if m.Body != nil {
				return malformed("two bodies")
			}
			m.Body, b, err = takeDocument(b[1:])
		case 1:
			b, err = m.takeSequence(b[1:])
		default:
			return malformed("section kind %d", kind)
		}
		if err != nil {
			return err
		}
	}
	if m.Body == nil {
		return malformed("no body")
	}
	return nil
}

// takeSequence reads a document sequence: int32 size, C string name, documents.
func (m *Message) takeSequence(b []byte) (rest []byte, err error) {
	if len(b) < 4 {
		return nil, malformed("sequence cut short")
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size < 5 || size > int64(len(b)) {
		return nil, malformed("sequence of %d bytes", size)
	}
	b, rest = b[4:size], b[size:]
	end := bytes.IndexByte(b, 0)
	if end <= 0 {
		return nil, malformed("sequence without a name")
	}
	name, b := string(b[:end]), b[end+1:]
	if _, twice := m.Sequences[name]; twice || len(m.Sequences) == maxSequences {
		return nil, malformed("sequence %q is one too many", name)
	}
	documents := []bson.Raw{}
	for len(b) > 0 {
		var d bson.Raw
		if d, b, err = takeDocument(b); err != nil {
			return nil, err
		}
		documents = append(documents, d)
	}
	if m.Sequences == nil {
		m.Sequences = map[string][]bson.Raw{}
	}
	m.Sequences[name] = documents
	return rest, nil
}

// parseQuery reads an OP_QUERY: flags, C string namespace, skip, number to return, query.
func (m *Message) parseQuery(b []byte) (err error) {
	m.Legacy = true
	if len(b) < 4 {
		return malformed("no flags")
	}
	end := bytes.IndexByte(b[4:], 0)
	if end < 0 || len(b) < 4+end+1+8 {
		return malformed("query cut short")
	}
	if name := string(b[4 : 4+end]); name != "admin.$cmd" {
		return malformed("legacy query on %q", name)
	}
	m.Body, b, err = takeDocument(b[4+end+1+8:])
	if err == nil && len(b) > 0 {
		return malformed("bytes after the query")
	}
	return err
}

func takeDocument(b []byte) (d bson.Raw, rest []byte, err error) {
	length, _, ok := bsoncore.ReadLength(b)
	if !ok || length < minDocument || int64(length) > int64(len(b)) {
		return nil, nil, malformed("document of %d bytes in %d", length, len(b))
	}
	d, rest = bson.Raw(b[:length]), b[length:]
	if err := CheckDocument(d); err != nil {
		return nil, nil, malformed("%v", err)
	}
	return d, rest, nil
}

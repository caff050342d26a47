package wire

import (
	"encoding/binary"
	"fmt"

	"go.mongodb.org/mongo-driver/bson"
)

// Encode returns the bytes that answer m with the document reply; id numbers the answer.
func (m *Message) Encode(id int32, reply any) ([]byte, error) {
	op, prefix := uint32(opMsg), []byte{0, 0, 0, 0, 0} // flags, section kind 0
	if m.Legacy {
		op, prefix = opReply, legacyPrefix()
	}
	document, err := bson.Marshal(reply)
	if err != nil {
		return nil, fmt.Errorf("encode a reply: %w", err)
	}
	b := make([]byte, headerLength, headerLength+len(prefix)+len(document))
	b = append(append(b, prefix...), document...)
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("encode a reply: %d bytes are more than a message holds", len(b))
	}
	binary.LittleEndian.PutUint32(b[0:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(id))
	binary.LittleEndian.PutUint32(b[8:], uint32(m.ID))
	binary.LittleEndian.PutUint32(b[12:], op)
	return b, nil
}

// legacyPrefix is what OP_REPLY has before its document: flags (await capable), cursor,
// starting position, and the count of documents.
func legacyPrefix() []byte {
	b := make([]byte, 20)
	binary.LittleEndian.PutUint32(b, 8)
	binary.LittleEndian.PutUint32(b[16:], 1)
	return b
}

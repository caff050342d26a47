package message

import (
	"time"

	"medunion/ecc"
)

// WindowID names a message in the replay window: SHA-256⟨rw: receiver, c_sender,
// type, N⟩[:16]. All four are covered by the sender's signature, which the caller
// has verified; the bytes on the wire, which a stranger can vary without
// invalidating the signature, are never hashed, nor is T.
func WindowID(receiver ID, sender Hash, h Header) [16]byte {
	id := ecc.H(ecc.LabelWindow, []byte(receiver), sender[:], []byte(h.Type), h.Nonce[:])
	return [16]byte(id[:16])
}

// Sent tells an observer of one message that a party has sent or received. It
// names no patient and holds no content.
type Sent struct {
	Type  Type
	From  Role
	To    Role
	Bytes int           // of the encoded message
	Took  time.Duration // to make it, or to wait for it
}

// Equations names the paper's equations that a message computes, "" for a message
// that the paper has not.
func (t Type) Equations() string { return equations[t] }

var equations = map[Type]string{
	TypeM0: "2-10", TypeM1: "11-13", TypeM2: "14-19", TypeM3: "20-23", TypeM4: "24-26", TypeM5: "27-30",
	TypeM6: "31-35", TypeM7: "36-41", TypeM8: "42-45", TypeM9: "46-47", TypeM10: "48-49",
}

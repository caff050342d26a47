package replay

import "medunion/ecc"

// MessageID is the name under which the window remembers a message:
// SHA-256⟨rw: receiver, c_sender, type, N⟩, its first 16 bytes.
//
// receiver is the identity of whoever asks (an ID_PC or ID_HPC), cSender the hash of the sender's
// credential, msgType the message's name and nonce the header's N. All four are covered by the sender's
// signature, which the caller has verified: hashing wire bytes instead would let anybody make a second
// name for the same message.
func MessageID(receiver string, cSender [32]byte, msgType string, nonce [16]byte) [16]byte {
	h := ecc.H(ecc.LabelWindow, []byte(receiver), cSender[:], []byte(msgType), nonce[:])
	return [16]byte(h[:16])
}

package message_test

import (
	"testing"

	"medunion/api/message"
	"medunion/ecc"
)

func TestWindowID(t *testing.T) {
	sender, h := message.Hash{1}, message.Header{Suite: ecc.SuiteX25519, Type: message.TypeM6, Seq: 1, Time: now, Nonce: [16]byte{2}}
	id := message.WindowID("hospital-1", sender, h)
	want := ecc.H(ecc.LabelWindow, []byte("hospital-1"), sender[:], []byte("M6"), h.Nonce[:])
	if string(id[:]) != string(want[:16]) {
		t.Error("not the first 16 bytes of H⟨rw: receiver, c_sender, type, N⟩")
	}
	typ, nonce, later := h, h, h
	typ.Type, nonce.Nonce, later.Time = message.TypeM8, [16]byte{9}, now+1
	for what, other := range map[string][16]byte{
		"receiver": message.WindowID("hospital-2", sender, h), "sender": message.WindowID("hospital-1", message.Hash{9}, h),
		"type": message.WindowID("hospital-1", sender, typ), "nonce": message.WindowID("hospital-1", sender, nonce),
	} {
		if other == id {
			t.Errorf("another %s, the same id", what)
		}
	}
	if message.WindowID("hospital-1", sender, later) != id {
		t.Error("another time makes the message a new one")
	}
}

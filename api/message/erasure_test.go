package message_test

import (
	"errors"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/ecc"
)

func (w *world) erasure() message.Erasure {
	return message.Erasure{Hospital: w.hospital.cred.Hash(), Record: message.Hash{1}, Versions: 12, Bytes: 4711, Releases: 3, Diagnoses: 1, Time: now,
		Ground: "asked by the patient", Operator: "kim"}
}

// An erasure verifies with the hospital's credential and the pins alone, and with no other
// hospital's, no byte altered, and at no time at which the credential was not in force.
func TestVerifyErasure(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	good := message.Sign(w.hospital.sign, w.erasure().Encode())
	if got, err := message.VerifyErasure(w.pins, w.hospital.cred, good); err != nil || got != w.erasure() {
		t.Errorf("%+v %v", got, err)
	}
	for i := range good.TBS {
		bad := message.Signed{TBS: append([]byte(nil), good.TBS...), Signature: good.Signature}
		bad.TBS[i] ^= 1
		if _, err := message.VerifyErasure(w.pins, w.hospital.cred, bad); err == nil {
			t.Fatalf("byte %d altered: accepted", i)
		}
	}
	other := w.register(message.Hospital, "elsewhere", []byte("https://elsewhere.example"))
	if _, err := message.VerifyErasure(w.pins, other.cred, message.Sign(other.sign, w.erasure().Encode())); !errors.Is(err, message.ErrEvidence) {
		t.Errorf("signed by another: %v", err)
	}
	late := w.erasure()
	late.Time = w.hospital.cred.Info.NotAfter
	if _, err := message.VerifyErasure(w.pins, w.hospital.cred, message.Sign(w.hospital.sign, late.Encode())); err == nil {
		t.Error("after the end of the credential: accepted")
	}
}

// What ValidErasureTexts accepts can be decoded, and nothing else.
func TestErasureTexts(t *testing.T) {
	for text, good := range map[string]bool{"asked": true, "größer, § 17": true, "": false, "two\nlines": false, "\xff": false, "\u202e": false,
		strings.Repeat("x", message.MaxErasureGround): true, strings.Repeat("x", message.MaxErasureGround+1): false} {
		_, err := message.DecodeErasure(message.Erasure{Ground: text, Operator: "kim"}.Encode())
		if valid := message.ValidErasureTexts(text, "kim"); valid != good || (err == nil) != good {
			t.Errorf("%q: %v %v", text, valid, err)
		}
	}
}

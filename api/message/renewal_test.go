package message_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// renewal is the doctor's, for the request given.
func renewal(w *world, by party, q message.Registration) message.Renewal {
	return must(message.Renew(w.rand, by.cred, by.s, by.sign, q, certD))
}

// The holder of a credential renews it with both of its secrets.
func TestARenewalVerifies(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		w := newWorld(t, suite)
		q := registration(w).Registration
		r := must(message.DecodeRenewal(renewal(w, w.doctor, q).Encode()))
		if err := r.Verify(w.pins, q, now); err != nil {
			t.Errorf("suite %d: %v", suite, err)
		}
	}
}

// Attack 23: one secret of the old credential, a renewal made for another request, one of
// another identity, role or time, or of a credential of another registrar renews nothing.
func TestAttack23_ARenewalNeedsBothSecretsOfTheSameIdentity(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	q := registration(w).Registration
	good := renewal(w, w.doctor, q)
	noS, noSign, other := w.doctor, w.doctor, q
	noS.s, noSign.sign = w.patient.s, w.patient.sign
	other.Challenge = append([]byte{1}, q.Challenge[1:]...)
	id := q
	id.ID = "dr-somebody"
	for name, r := range map[string]message.Renewal{
		"without S_X": renewal(w, noS, q), "without PRK_X": renewal(w, noSign, q), "for another request": renewal(w, w.doctor, other),
		"of another's credential": renewal(w, w.hospital, q),
	} {
		if r.Verify(w.pins, q, now) == nil {
			t.Errorf("a renewal %s was accepted", name)
		}
	}
	if renewal(w, w.doctor, id).Verify(w.pins, id, now) == nil {
		t.Error("a renewal gave another ID")
	}
	if good.Verify(w.pins, q, now.Add(25*time.Hour)) == nil {
		t.Error("a credential that has ended was renewed")
	}
	foreign := message.Pins{CloudID: w.pins.CloudID, First: newRoot(9).public()}
	if good.Verify(foreign, q, now) == nil {
		t.Error("another registrar's credential was renewed")
	}
}

// A code and a certificate are text, and no renewal.
func TestWhatAdmitsAFirstRegistrationIsNoRenewal(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("7K3F9-QXM00-7K3F9-QXM00"), certD} {
		if _, err := message.DecodeRenewal(b); err == nil {
			t.Errorf("%q is a renewal", b)
		}
	}
}

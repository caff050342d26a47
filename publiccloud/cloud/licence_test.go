package cloud_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// A licence is free again when no credential of it is good: under the same ID, with the next number,
// or under a new one. The keys of a revoked credential do not come back.
func TestALicenceIsRegisteredAnew(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	licence := w.licence(d)
	stolen := w.renewed(d)
	again := func(id message.ID) *peers.Party {
		p := peers.New(ecc.SuiteX25519, message.Doctor, id)
		w.certify(p, licence, "SURGERY")
		return p
	}
	w.ok(w.RevokeOne(t.Context(), "kim", d.Credential.Hash()))
	early := again("dr-early")
	w.wants(problem.KindConflict, w.register(early, early.Certificate, false)) // one of the line is good
	w.ok(w.RevokeCredential(t.Context(), "kim", stolen.Credential.Hash()))

	thief := stolen.Next()
	thief.ID = "dr-thief"
	w.wants(problem.KindRefused, w.register(thief, thief.Certificate, false)) // the same certificate
	w.certify(thief, licence, "SURGERY")
	w.wants(problem.KindRefused, w.register(thief, thief.Certificate, false)) // a new one for the stolen keys

	second := again("dr-anew")
	w.ok(w.register(second, second.Certificate, false))
	if n := second.Credential.Info.Epoch; n != 1 {
		t.Errorf("number %d of a new ID", n)
	}
	third := again("dr-third")
	w.wants(problem.KindConflict, w.register(third, third.Certificate, false))
	w.ok(w.RevokeCredential(t.Context(), "kim", second.Credential.Hash()))
	third = again(d.ID)
	w.ok(w.register(third, third.Certificate, false))
	if n := third.Credential.Info.Epoch; n != 3 {
		t.Errorf("number %d of an ID that had 2", n)
	}
	w.renewed(third) // of a later generation
	foreign := peers.New(ecc.SuiteX25519, message.Doctor, d.ID)
	w.certify(foreign, "L-foreign", "SURGERY")
	w.wants(problem.KindConflict, w.register(foreign, foreign.Certificate, false))
}

// One whose time is over comes back with a new certificate for the keys that he has.
func TestAnEndedLicenceIsRegisteredAnew(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	licence := w.licence(d)
	w.clock.advance(364 * 24 * time.Hour)
	n := d.Next()
	w.certify(n, licence, "SURGERY")
	w.wants(problem.KindConflict, w.register(n, n.Certificate, false))
	w.clock.advance(2 * 24 * time.Hour)
	w.ok(w.register(n, n.Certificate, false))
	if got := n.Credential.Info.Epoch; got != 2 {
		t.Errorf("number %d", got)
	}
}

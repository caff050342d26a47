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
	w.ok(w.RevokeAllBut(t.Context(), "kim", d.Credential.Hash(), stolen.Credential.Hash()))
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

// A reply that is lost keeps no doctor out: not that of the last renewal before her credential ends, nor that of her
// first registration. The credential that nobody received belongs to the line of the next one, and
// goes with it when that is revoked. Until a day is over it may be in use, and so it is as soon as it has a prekey.
func TestALostReplyDoesNotTakeTheLicence(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	licence := w.licence(d)
	w.ok(w.PublishPrekey(t.Context(), d.Prekey(w.now(), nil)))
	w.clock.advance(d.Credential.Info.NotAfter.Time().Sub(w.now()) - time.Hour)
	lost, anew := d.Next(), d.Next()
	w.certify(lost, licence, "SURGERY")
	w.certify(anew, licence, "SURGERY")
	w.ok(w.renew(lost, d, false, nil))
	w.clock.advance(23 * time.Hour)
	w.wants(problem.KindConflict, w.register(anew, anew.Certificate, false))
	w.clock.advance(time.Hour)
	foreign := d.Next()
	foreign.ID = "dr-foreign"
	w.certify(foreign, licence, "SURGERY")
	w.wants(problem.KindConflict, w.register(foreign, foreign.Certificate, false))
	w.ok(w.register(anew, anew.Certificate, false))
	if n := anew.Credential.Info.Epoch; n != 3 {
		t.Errorf("number %d", n)
	}
	w.ok(w.PublishPrekey(t.Context(), anew.Prekey(w.now(), nil)))
	w.clock.advance(25 * time.Hour)
	third := d.Next()
	w.certify(third, licence, "SURGERY")
	w.wants(problem.KindConflict, w.register(third, third.Certificate, false))
	w.ok(w.RevokeCredential(t.Context(), "kim", anew.Credential.Hash()))
	if !w.revocations().Contains(lost.Credential.Hash()) {
		t.Error("the one that was lost is good")
	}

	first := w.doctor(ecc.SuiteX25519, "SURGERY") // the reply is lost
	again := first.Next()
	again.Certificate, again.Attribute = first.Certificate, first.Attribute
	w.clock.advance(25 * time.Hour)
	w.ok(w.register(again, again.Certificate, false))
}

// One whose time is over comes back with a new certificate for the keys that he has.
func TestAnEndedLicenceIsRegisteredAnew(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.ok(w.PublishPrekey(t.Context(), d.Prekey(w.now(), nil)))
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

package cloud_test

import (
	"testing"
	"time"

	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// One holder, or a thief with both secrets, cannot make so many credentials that the revocation
// list could not name them once the line is revoked: everybody would be without a list then. When some
// have ended there is room again.
func TestAttack23_ALongLine(t *testing.T) {
	w := newWorld(t)
	first := w.patient(ecc.SuiteX25519)
	last := first
	for range 62 {
		last = w.renewed(last)
	}
	w.clock.advance(24 * time.Hour)
	last = w.renewed(last)
	before := peers.Must(w.LogPage(t.Context(), 0, 1000))
	for _, p := range []*peers.Party{first, last} {
		w.wants(problem.KindConflict, w.renew(p.Next(), p, false, nil))
	}
	if after := peers.Must(w.LogPage(t.Context(), 0, 1000)); len(before) != 64 || len(after) != 64 {
		t.Errorf("%d lines in the log, then %d: a refused renewal has one", len(before), len(after))
	}
	w.clock.advance(last.Credential.Info.NotAfter.Add(-time.Hour).Time().Sub(w.now()))
	if n := w.renewed(last).Credential.Info.Epoch; n != 65 {
		t.Errorf("number %d", n)
	}
}

// A doctor has her credential at two workstations, and one of them renews; or a thief does. The card
// of the other is good again as soon as it has published a prekey since: its mailbox is read.
func TestTheCardOfAnotherWorkstation(t *testing.T) {
	w := newWorld(t)
	other := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.ok(w.PublishPrekey(t.Context(), other.Prekey(w.now(), nil)))
	w.clock.advance(time.Hour)
	n := w.renewed(other)
	w.ok(w.PublishPrekey(t.Context(), n.Prekey(w.now(), nil)))
	_, err := w.Doctor(t.Context(), other.Credential.Hash())
	w.wants(problem.KindNotFound, err)
	w.clock.advance(11 * time.Hour)
	w.ok(w.PublishPrekey(t.Context(), other.Prekey(w.now(), nil)))
	for _, p := range []*peers.Party{other, n} {
		if _, err := w.Doctor(t.Context(), p.Credential.Hash()); err != nil {
			t.Errorf("number %d is in use: %v", p.Credential.Info.Epoch, err)
		}
	}
}

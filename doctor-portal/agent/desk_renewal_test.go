package agent_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/practice"
)

// prekeyOwner is whose prekey the directory has.
func (u *union) prekeyOwner() (c message.Hash) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if b, err := base64.RawURLEncoding.DecodeString(u.prekeys["doctor"]); err == nil && len(b) > 0 {
		c = must(message.DecodePrekey(must(message.DecodeSigned(b)).TBS)).Owner
	}
	return c
}

// A desk whose credential is about to end renews it by itself, and is reached under the new one:
// its prekey is published, its card is another, and a patient who comes by it is answered. The
// store holds it, and while she is there nothing is renewed.
func TestDeskRenewsByItself(t *testing.T) {
	u := newUnion(t)
	u.w.Lives = map[uint64]time.Duration{1: 10 * time.Minute}
	d := u.desk().registered()
	u.eventually("the renewal", func() bool { c, err := d.Credential(); return err == nil && c.Info.Epoch == 2 })
	renewed := must(d.Credential())
	u.eventually("its prekey", func() bool { return u.prekeyOwner() == renewed.Hash() })
	d.online()
	doctorCredential = renewed
	if card := must(d.Card()); card.Credential != hexOf(renewed) {
		t.Errorf("the card is of another credential: %+v", card)
	}

	p := u.w.NewPatient(peers.PatientID)
	u.enter(p, nil)
	id := d.visiting(practice.VisitWaiting)
	must(d.Open(id))
	if e := practice.ProblemOf(d.Register(context.Background())); e.Code != "visit-open" {
		t.Errorf("renewed during a visit: %+v", e)
	}
	must(d.Close(id))
	d.ok(d.Register(context.Background()))
	third := must(d.Credential())
	if third.Info.Epoch != 3 {
		t.Errorf("asked to, it has number %d", third.Info.Epoch)
	}
	u.eventually("its prekey", func() bool { return u.prekeyOwner() == third.Hash() })
	d.online()
	if d.told(practice.Event{Type: practice.EventWarning, Code: "renewed-elsewhere"}) {
		t.Error("it warns of its own renewals")
	}

	d.Lock()
	d.ok(d.Unlock(ours))
	if c := must(d.Credential()); c.Info.Epoch != 3 {
		t.Errorf("the store has number %d", c.Info.Epoch)
	}
}

// More numbers than the desk asked for: somebody else has renewed, and the doctor is told.
func TestDeskIsToldOfARenewalElsewhere(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	u.mu.Lock()
	u.w.Taken = 1
	u.mu.Unlock()
	d.ok(d.Register(context.Background()))
	if c := must(d.Credential()); c.Info.Epoch != 3 {
		t.Errorf("number %d", c.Info.Epoch)
	}
	u.eventually("the warning", func() bool { return d.told(practice.Event{Type: practice.EventWarning, Code: "renewed-elsewhere"}) })
}

// A public cloud that was restored from a backup of before knows no credential of hers: the certificate
// admits her as at first.
func TestDeskRegistersAnewWithAnOlderCloud(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	before := must(d.Credential())
	u.mu.Lock()
	u.forgets = true
	u.mu.Unlock()
	d.ok(d.Register(context.Background()))
	if c := must(d.Credential()); c.Info.Epoch != 1 || c.Hash() == before.Hash() {
		t.Errorf("number %d, or the credential of before", c.Info.Epoch)
	}
}

func hexOf(c message.Credential) string { h := c.Hash(); return hex.EncodeToString(h[:]) }

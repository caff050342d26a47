package cloud_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

func TestParametersVerify(t *testing.T) {
	w := newWorld(t)
	p, err := message.OpenParameters(peers.Must(message.DecodeSigned(peers.Must(w.Parameters()))), w.Pins(), message.MillisOf(w.clock.now()))
	w.ok(err)
	if p.CloudID != "cloud" || p.Past != past || p.Future != future || len(p.Departments) != len(message.DefaultDepartments) ||
		len(p.Classes) != len(message.DefaultClasses) || len(p.ClassRules) != len(message.DefaultClassRules) || !slices.Equal(p.Suites, w.config.Suites) {
		t.Errorf("the parameters say %+v", p)
	}
}

func (w *world) directory() message.Directory {
	w.Helper()
	raw, err := w.Directory(w.Context())
	w.ok(err)
	return peers.Must(message.OpenDirectory(peers.Must(message.DecodeSigned(raw)), w.Pins(), message.MillisOf(w.now())))
}

func (w *world) revocations() message.Revocations {
	w.Helper()
	raw, err := w.RevocationList(w.Context())
	w.ok(err)
	return peers.Must(message.OpenRevocations(peers.Must(message.DecodeSigned(raw)), w.Pins(), message.MillisOf(w.now())))
}

func TestDirectoryAndRevocations(t *testing.T) {
	w := newWorld(t)
	if len(w.directory().Hospitals) != 0 || len(w.revocations().Revoked) != 0 {
		t.Error("something is there before anything is")
	}
	a, b, d := w.hospital(ecc.SuiteX25519), w.hospital(ecc.SuiteXWing), w.doctor(ecc.SuiteX25519, "SURGERY")
	w.patient(ecc.SuiteX25519)
	if n := len(w.directory().Hospitals); n != 2 {
		t.Fatalf("%d hospitals", n)
	}
	w.ok(w.RevokeCredential(t.Context(), "kim", a.Credential.Hash()))
	w.ok(w.RevokeCredential(t.Context(), "kim", a.Credential.Hash()))
	w.ok(w.RevokeCredential(t.Context(), "kim", d.Credential.Hash()))
	if h := w.directory().Hospitals; len(h) != 1 || h[0].Hash() != b.Credential.Hash() {
		t.Error("a revoked hospital is listed")
	}
	v := w.revocations()
	if len(v.Revoked) != 2 || !v.Contains(a.Credential.Hash()) || !v.Contains(d.Credential.Hash()) || v.Contains(b.Credential.Hash()) {
		t.Errorf("%d revoked", len(v.Revoked))
	}
	w.wants(problem.KindNotFound, w.RevokeCredential(t.Context(), "kim", message.Hash{1}))
	w.clock.advance(time.Hour)
	if w.revocations().Issued != message.MillisOf(w.now()) {
		t.Error("the list is not signed anew")
	}
	w.clock.advance(3 * 365 * 24 * time.Hour) // all have expired
	if len(w.revocations().Revoked) != 0 || len(w.directory().Hospitals) != 0 {
		t.Error("what has expired is still listed")
	}
}

func TestPublishedPrekeys(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d, h, p := w.doctor(s, "SURGERY"), w.hospital(s), w.patient(s)
		ctx := t.Context()
		_, err := w.Doctor(ctx, d.Credential.Hash())
		w.wants(problem.KindNotFound, err) // no prekey yet
		first := d.Prekey(w.now(), nil)
		w.ok(w.PublishPrekey(ctx, first))
		w.ok(w.PublishPrekey(ctx, first))
		w.ok(w.PublishPrekey(ctx, h.Prekey(w.now(), nil)))
		card, err := w.Doctor(ctx, d.Credential.Hash())
		w.ok(err)
		cred := peers.Must(message.DecodeCredential(card.Credential))
		_, err = message.VerifyDoctor(w.Pins(), w.config.VerifyCertificate, cred, card.Certificate, message.MillisOf(w.now()))
		w.ok(err)
		_, err = message.OpenPrekey(peers.Must(message.DecodeSigned(card.Prekey)), cred.Hash(), s, cred.Info.Keys.Sign, message.MillisOf(w.now()))
		w.ok(err)

		w.wants(problem.KindConflict, w.PublishPrekey(ctx, d.Prekey(w.now(), nil)))                   // same time, another key
		w.wants(problem.KindConflict, w.PublishPrekey(ctx, d.Prekey(w.now().Add(-time.Minute), nil))) // an older one
		w.clock.advance(time.Hour)
		later := d.Prekey(w.now(), nil)
		w.ok(w.PublishPrekey(ctx, later))
		if got, err := w.Prekey(ctx, d.Credential.Hash()); err != nil || string(got) != string(later) {
			t.Error("the later prekey is not served")
		}
		w.wants(problem.KindRefused, w.PublishPrekey(ctx, p.Prekey(w.now(), nil)))                                                       // a patient has none
		w.wants(problem.KindRefused, w.PublishPrekey(ctx, h.Prekey(w.now(), func(k *message.Prekey) { k.Owner = d.Credential.Hash() }))) // for another
		w.wants(problem.KindStale, w.PublishPrekey(ctx, d.Prekey(w.now().Add(time.Minute), nil)))
		w.wants(problem.KindInvalid, w.PublishPrekey(ctx, d.Prekey(w.now(), func(k *message.Prekey) { k.NotAfter++ }))) // more than 24 h
		w.wants(problem.KindInvalid, w.PublishPrekey(ctx, later[:len(later)-1]))

		w.ok(w.RevokeCredential(ctx, "kim", h.Credential.Hash()))
		w.wants(problem.KindRefused, w.PublishPrekey(ctx, h.Prekey(w.now(), nil)))
		_, err = w.Prekey(ctx, h.Credential.Hash())
		w.wants(problem.KindNotFound, err)
		w.clock.advance(25 * time.Hour)
		_, err = w.Prekey(ctx, d.Credential.Hash())
		w.wants(problem.KindNotFound, err)
	})
}

// Two instances share the prekeys; old ones work until their end, and are erased then.
func TestOwnPrekeysRotate(t *testing.T) {
	w := newWorld(t)
	second := newCloud(w)
	sk := peers.Locators(1)[0]
	ask := func(c peers.Cloud) peers.Sent {
		return c.Ask(sk, message.Question{Kind: message.AskEntries}, w.now())
	}
	first := w.knows(ecc.SuiteXWing)
	_, err := second.Ask(t.Context(), ask(first).Raw)
	w.ok(err)
	w.clock.advance(13 * time.Hour)
	w.ok(second.Rotate(t.Context()))
	next := w.knows(ecc.SuiteXWing)
	if next.Prekey.Key.Equal(first.Prekey.Key) {
		t.Fatal("the key has not changed after half a day")
	}
	for _, c := range []peers.Cloud{first, next} { // a message under way for the old key is still read
		_, err := w.Ask(t.Context(), ask(c).Raw)
		w.ok(err)
	}
	w.clock.advance(12 * time.Hour)
	w.ok(second.Rotate(t.Context()))
	w.ok(w.Rotate(t.Context()))
	for _, c := range []interface {
		Ask(ctx context.Context, raw []byte) ([]byte, error)
	}{w.Cloud, second, newCloud(w)} {
		_, err := c.Ask(t.Context(), ask(first).Raw)
		w.wants(problem.KindRefused, err)
	}
	live, err := w.store.Own(t.Context(), 0)
	w.ok(err)
	for _, k := range live {
		if k.NotAfter < message.MillisOf(w.now()) {
			t.Error("an expired private key is still in the store")
		}
	}
	_, err = w.OwnPrekey(t.Context(), 9)
	w.wants(problem.KindNotFound, err)
}

// TestBoundOfRevocations: what one instance revokes, another over the same store refuses
// with the next request; the signed list that another serves shows it within listLife, 5 s.
func TestBoundOfRevocations(t *testing.T) {
	w := newWorld(t)
	other := peers.Must(cloud.New(w.config))
	d, h := w.doctor(ecc.SuiteX25519, "SURGERY"), w.hospital(ecc.SuiteX25519)
	w.ok(w.PublishPrekey(t.Context(), d.Prekey(w.now(), nil)))
	lists := func() (revoked message.Revocations, hospitals int) {
		one, err := other.RevocationList(t.Context())
		w.ok(err)
		two, err := other.Directory(t.Context())
		w.ok(err)
		directory := peers.Must(message.OpenDirectory(peers.Must(message.DecodeSigned(two)), w.Pins(), message.MillisOf(w.now())))
		return peers.Must(message.OpenRevocations(peers.Must(message.DecodeSigned(one)), w.Pins(), message.MillisOf(w.now()))), len(directory.Hospitals)
	}
	if other.Revoked() != -1 {
		t.Errorf("%d revoked before anybody has looked", other.Revoked())
	}
	if v, n := lists(); len(v.Revoked) != 0 || n != 1 || other.Revoked() != 0 {
		t.Fatalf("%d revoked, %d hospitals", len(v.Revoked), n)
	}
	w.ok(w.RevokeCredential(t.Context(), "kim", d.Credential.Hash()))
	w.ok(w.RevokeCredential(t.Context(), "kim", h.Credential.Hash()))
	_, err := other.Doctor(t.Context(), d.Credential.Hash())
	w.wants(problem.KindNotFound, err)
	w.wants(problem.KindRefused, other.PublishPrekey(t.Context(), h.Prekey(w.now(), nil)))
	w.clock.advance(5*time.Second + time.Millisecond)
	if v, n := lists(); !v.Contains(d.Credential.Hash()) || !v.Contains(h.Credential.Hash()) || n != 0 || other.Revoked() != 2 {
		t.Errorf("after 5 s the other instance's lists show %d revoked, %d hospitals", len(v.Revoked), n)
	}
}

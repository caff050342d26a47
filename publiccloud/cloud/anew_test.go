package cloud_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// anew is a hospital of the same ID with keys of its own.
func anew(h *peers.Party) *peers.Party {
	n := peers.New(h.Suite, message.Hospital, h.ID)
	n.Attribute = h.Attribute
	return n
}

// While a credential of a hospital's ID is good, an operator's token registers nobody under it. When all are over, revoked or
// ended, it does, with the next number of the ID and in a line of its own, which a revocation of the old one does not reach;
// without the token it never does, and stolen keys of a revoked credential do not come back.
func TestAttack4_AHospitalIsRegisteredAnew(t *testing.T) {
	w := newWorld(t)
	old := w.hospital(ecc.SuiteX25519)
	w.ok(w.PublishPrekey(t.Context(), old.Prekey(w.now(), nil)))
	second := w.renewed(old)
	w.wants(problem.KindConflict, w.register(anew(old), nil, true))
	w.ok(w.RevokeAllBut(t.Context(), "kim", old.Credential.Hash(), second.Credential.Hash()))
	w.wants(problem.KindConflict, w.register(anew(old), nil, true)) // one of the line is good
	w.ok(w.RevokeCredential(t.Context(), "kim", second.Credential.Hash()))

	w.wants(problem.KindRefused, w.register(anew(old), nil, false))
	w.wants(problem.KindRefused, w.register(second.Next(), nil, true))
	n := anew(old)
	w.ok(w.register(n, nil, true))
	if got := n.Credential.Info.Epoch; got != 3 {
		t.Errorf("number %d", got)
	}
	w.ok(w.PublishPrekey(t.Context(), n.Prekey(w.now(), nil)))
	w.ok(w.RevokeCredential(t.Context(), "kim", old.Credential.Hash()))
	w.wants(problem.KindInvalid, w.RevokeAllBut(t.Context(), "kim", old.Credential.Hash(), n.Credential.Hash()))
	if w.revocations().Contains(n.Credential.Hash()) {
		t.Error("the new line is revoked with the old one")
	}
	d := peers.Must(message.OpenDirectory(peers.Must(message.DecodeSigned(peers.Must(w.Directory(t.Context())))), w.Pins(), message.MillisOf(w.now())))
	if len(d.Hospitals) != 1 || d.Hospitals[0].Hash() != n.Credential.Hash() {
		t.Errorf("%d hospitals in the directory", len(d.Hospitals))
	}
	w.wants(problem.KindConflict, w.register(anew(old), nil, true))
	third := w.renewed(n)
	w.clock.advance(third.Credential.Info.NotAfter.Time().Sub(w.now()))
	w.wants(problem.KindConflict, w.register(anew(old), nil, true)) // it has ended just now, by this instance's clock
	w.clock.advance(5 * time.Minute)
	last := anew(old)
	w.ok(w.register(last, nil, true))
	if got := last.Credential.Info.Epoch; got != 5 {
		t.Errorf("number %d", got)
	}
}

// A reply that is lost does not take the ID: the same request is admitted again, with the next number of the same line, as long as there has been no prekey. One
// with other keys is not.
func TestALostReplyDoesNotTakeTheHospitalsID(t *testing.T) {
	w := newWorld(t)
	h := w.hospital(ecc.SuiteX25519)
	w.ok(w.RevokeCredential(t.Context(), "kim", h.Credential.Hash()))
	n := anew(h)
	w.ok(w.register(n, nil, true))
	lost := n.Credential
	w.wants(problem.KindConflict, w.register(anew(h), nil, true))
	w.ok(w.register(n, nil, true))
	if got := n.Credential.Info.Epoch; got != 3 {
		t.Errorf("number %d", got)
	}
	w.ok(w.PublishPrekey(t.Context(), n.Prekey(w.now(), nil)))
	w.wants(problem.KindConflict, w.register(n, nil, true))
	w.ok(w.RevokeCredential(t.Context(), "kim", n.Credential.Hash()))
	if !w.revocations().Contains(lost.Hash()) {
		t.Error("the one whose reply was lost is good")
	}
}

// Of many requests at once one gets in. One that meets a renewal of the old line, which was admitted before that was
// revoked, leaves nothing good in the old line.
func TestHospitalsRegisteredAnewAtOnce(t *testing.T) {
	w := newWorld(t)
	old := w.hospital(ecc.SuiteX25519)
	renewal := func() error {
		_, err := w.over(&racing{Registry: w.store, before: func() {
			w.ok(w.RevokeCredential(t.Context(), "kim", old.Credential.Hash()))
			w.ok(w.register(anew(old), nil, true))
		}}).Register(t.Context(), old.Next().Renewal(old, peers.Must(w.Challenge()), nil).Encode(), false)
		return err
	}
	if k := problem.KindOf(renewal()); k != problem.KindRefused && k != problem.KindConflict {
		t.Errorf("the renewal: %v", k)
	}
	good := func() (good []cloud.Record) {
		for _, r := range peers.Must(w.store.Hospitals(t.Context(), message.MillisOf(w.now()))) {
			if !peers.Must(w.store.AnyRevoked(t.Context(), []message.Hash{r.Credential})) {
				good = append(good, r)
			}
		}
		return good
	}
	now := good()
	if len(now) != 1 || now[0].Line == old.Credential.Hash() {
		t.Fatalf("%d are good", len(now))
	}
	w.ok(w.RevokeCredential(t.Context(), "kim", now[0].Credential))
	var all sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 8 {
		all.Go(func() {
			n := anew(old)
			q := n.Request(peers.Must(w.Challenge()), nil, nil)
			_, err := w.Register(context.WithoutCancel(t.Context()), q.Encode(), true)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
			} else if problem.KindOf(err) != problem.KindConflict {
				t.Errorf("%v (%s)", err, problem.Reason(err))
			}
		})
	}
	all.Wait()
	if n := len(good()); admitted != 1 || n != 1 {
		t.Errorf("%d got in, %d are good", admitted, n)
	}
}

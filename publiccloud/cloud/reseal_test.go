package cloud_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// rolled are keys whose versions a test sets.
type rolled struct {
	mu                 sync.Mutex
	sealing, challenge cloud.Versions
	locked             bool
}

func newRolled() *rolled {
	one := func() cloud.Versions { return cloud.Versions{Current: 1, Secrets: map[uint32][]byte{1: secret()}} }
	return &rolled{sealing: one(), challenge: one()}
}

func (r *rolled) Challenge() cloud.Versions { return r.get(&r.challenge) }
func (r *rolled) Opening() cloud.Versions   { return r.get(&r.sealing) }
func (r *rolled) Sealing() (cloud.Versions, error) {
	if r.locked {
		return cloud.Versions{}, errors.New("locked")
	}
	return r.get(&r.sealing), nil
}

func (r *rolled) get(v *cloud.Versions) cloud.Versions {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *v
}

// set gives the versions anew: those that are named stay, one that is new is drawn.
func (r *rolled) set(v *cloud.Versions, current uint32, numbers ...uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := cloud.Versions{Current: current, Secrets: map[uint32][]byte{}}
	for _, n := range numbers {
		if next.Secrets[n] = v.Secrets[n]; next.Secrets[n] == nil {
			next.Secrets[n] = secret()
		}
	}
	*v = next
}

// rolling is a world whose keys are rolled, and a second instance over the same store and
// keys of its own, which may be behind.
func rolling(t *testing.T) (w *world, first, second *rolled, other *cloud.Cloud) {
	w = newWorld(t)
	first, second = newRolled(), newRolled()
	second.sealing, second.challenge = first.sealing, first.challenge
	w.config.AtRest = first
	w.Cloud = peers.Must(cloud.New(w.config))
	c := w.config
	c.AtRest = second
	return w, first, second, peers.Must(cloud.New(c))
}

func (w *world) searchNow() {
	w.Helper()
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(2), w.now(), nil)
	for range 2 {
		_, _, err := w.search(d, g, nil)
		w.ok(err)
		w.clock.advance(time.Second)
	}
}

func (w *world) under() map[uint32]int64 {
	w.Helper()
	n, err := w.store.CountSealed(w.Context())
	w.ok(err)
	return n
}

// TestRollOfTheSealingKey: with two instances in different phases of a roll each reads what
// the other has made; what lies under the old version is sealed anew, in passes that may
// be cut off and made by both at once; then nothing is left under it, and a
// restart that no longer has it reads everything.
func TestRollOfTheSealingKey(t *testing.T) {
	w, first, second, other := rolling(t)
	w.searchNow()
	second.set(&second.sealing, 1, 1, 2) // phase one: accepted
	first.sealing.Secrets = second.sealing.Secrets
	first.set(&first.sealing, 2, 1, 2) // phase two, at one of them
	w.clock.advance(13 * time.Hour)    // the next slot's prekey lies under 2
	w.searchNow()
	_, err := other.OwnPrekey(t.Context(), ecc.SuiteX25519)
	w.ok(err)
	if n := w.under(); n[1] == 0 || n[2] == 0 {
		t.Fatalf("documents by version: %v", n)
	}
	second.set(&second.sealing, 2, 1, 2)
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Reseal(cut); err == nil {
		t.Error("a pass that was cut off says nothing")
	}
	var wg sync.WaitGroup
	for _, c := range []*cloud.Cloud{w.Cloud, other} {
		wg.Go(func() {
			if r, err := c.Reseal(t.Context()); err != nil || r.Broken > 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if n := w.under(); len(n) != 1 || n[2] == 0 {
		t.Fatalf("after the pass: %v", n)
	}
	first.set(&first.sealing, 2, 2) // destroyed
	w.config.AtRest = first
	w.Cloud = peers.Must(cloud.New(w.config)) // a restart: it reads the store
	w.searchNow()
	w.readsEvidence(first)
}

// readsEvidence opens all evidence of all consents under the versions that are left.
func (w *world) readsEvidence(r *rolled) {
	w.Helper()
	var after []byte
	pieces := 0
	for {
		docs, err := w.store.SealedUnder(w.Context(), cloud.SealedConsents, 1<<30, after, 8)
		w.ok(err)
		if len(docs) == 0 {
			break
		}
		for _, d := range docs {
			pieces += len(d.Pieces)
			after = d.ID
		}
	}
	r.set(&r.sealing, 3, 2, 3)
	sum, err := w.Reseal(w.Context()) // opens each piece at its place, or counts it as broken
	w.ok(err)
	if sum.Broken != 0 || pieces < 9 || len(w.under()) != 1 || w.under()[3] == 0 {
		w.Errorf("%+v, %d pieces, %v", sum, pieces, w.under())
	}
}

// TestResealMeetsWriters: a use that comes between the reading and the exchange of a
// document is not lost: the exchange changes nothing, and the next pass finds it.
func TestResealMeetsWriters(t *testing.T) {
	w, first, _, _ := rolling(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	_, _, err := w.search(d, g, nil)
	w.ok(err)
	first.set(&first.sealing, 2, 1, 2)
	docs, err := w.store.SealedUnder(t.Context(), cloud.SealedConsents, 2, nil, 8)
	w.ok(err)
	w.clock.advance(time.Second)
	_, _, err = w.search(d, g, nil)
	w.ok(err)
	if done, err := w.store.ExchangeSealed(t.Context(), docs[0], docs[0].Pieces, 2); done || err != nil {
		t.Errorf("%v, %v: a use was overwritten", done, err)
	}
	r, err := w.Reseal(t.Context())
	w.ok(err)
	if r.Done == 0 || r.Broken != 0 || len(w.under()) != 1 {
		t.Errorf("%+v, %v", r, w.under())
	}
}

// TestResealKeepsBroken: a piece that does not open stays as it is, is counted, and holds
// up neither the others nor the count that a destruction goes by.
func TestResealKeepsBroken(t *testing.T) {
	w, first, _, _ := rolling(t)
	w.searchNow()
	docs, err := w.store.SealedUnder(t.Context(), cloud.SealedConsents, 2, nil, 8)
	w.ok(err)
	bad := append([][]byte{[]byte("damaged")}, docs[0].Pieces[1:]...)
	done, err := w.store.ExchangeSealed(t.Context(), docs[0], bad, 1)
	if w.ok(err); !done {
		t.Fatal("not damaged")
	}
	w.searchNow()
	first.set(&first.sealing, 2, 1, 2)
	r, err := w.Reseal(t.Context())
	w.ok(err)
	if r.Broken != 1 || r.Done == 0 || w.under()[1] != 1 {
		t.Errorf("%+v, %v", r, w.under())
	}
}

// TestSealingLocked: an instance that may not seal refuses what it would have to seal, with
// a time to come again, and stores nothing.
func TestSealingLocked(t *testing.T) {
	w, first, _, _ := rolling(t)
	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.knows(ecc.SuiteX25519)
	first.locked = true
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.now(), nil)
	if _, _, err := w.search(d, g, nil); problem.KindOf(err) != problem.KindUnavailable {
		t.Error(err)
	}
	if n := w.under(); n[1] != 1 { // the prekey
		t.Error(n)
	}
}

// TestRollOfTheChallengeKey: a challenge made under either version holds while both are
// there; without its version it is nobody's.
func TestRollOfTheChallengeKey(t *testing.T) {
	w, first, second, other := rolling(t)
	second.set(&second.challenge, 1, 1, 2)
	first.challenge.Secrets = second.challenge.Secrets
	first.set(&first.challenge, 2, 1, 2)
	for from, to := range map[*cloud.Cloud]*cloud.Cloud{w.Cloud: other, other: w.Cloud} {
		if err := registerWith(w, to, peers.Must(from.Challenge())); err != nil {
			t.Error(problem.Reason(err))
		}
	}
	old := peers.Must(other.Challenge())
	first.set(&first.challenge, 2, 2)
	if err := registerWith(w, w.Cloud, old); problem.KindOf(err) != problem.KindRefused {
		t.Errorf("under a destroyed version: %v", err)
	}
}

func registerWith(w *world, c *cloud.Cloud, challenge []byte) error {
	w.Helper()
	p := peers.New(ecc.SuiteX25519, message.Patient, "")
	_, err := c.Register(w.Context(), p.Request(challenge, w.code(), nil).Encode(), false)
	return err
}

package cloud_test

import (
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// sendEntry writes an entry, signed by the one who sends it.
func (w *world) sendEntry(by *peers.Party, e message.Entry, vk ecc.VerifyKey) error {
	w.Helper()
	_, err := w.WriteEntry(w.Context(), w.knows(e.Hospital.Info.Suite).WriteEntry(by, e, vk, w.now()).Raw)
	return err
}

// latest is what the index holds of one locator.
func (w *world) latest(l message.Hash) []message.Entry {
	w.Helper()
	stored, err := w.store.Latest(w.Context(), []message.Hash{l}, 0, 100)
	w.ok(err)
	out := make([]message.Entry, len(stored))
	for i, e := range stored {
		out[i] = message.Entry{Locator: e.Locator, Value: e.Value, Time: e.Time, SigIndex: e.SigIndex,
			Hospital: peers.Must(message.DecodeCredential(e.Credential))}
	}
	return out
}

func same(a, b message.Entry) bool { return string(a.Encode()) == string(b.Encode()) }

func TestEntryVersions(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		h, sk := w.hospital(s), peers.Locators(1)[0]
		l := message.Locator(sk.Public())
		old := w.put(h, sk)
		w.clock.advance(time.Second)
		newer := w.put(h, sk)
		if got := w.latest(l); len(got) != 1 || !same(got[0], newer) {
			t.Fatalf("%d entries, or not the newest", len(got))
		}
		w.ok(w.sendEntry(h, newer, sk.Public())) // again: nothing changes
		w.wants(problem.KindConflict, w.sendEntry(h, old, sk.Public()))
		other := peers.Entry(h, sk, w.now()) // the same T with another value
		w.wants(problem.KindConflict, w.sendEntry(h, other, sk.Public()))
		if got := w.latest(l); len(got) != 1 || !same(got[0], newer) {
			t.Error("a refused write changed the index")
		}
		w.wants(problem.KindStale, w.sendEntry(h, peers.Entry(h, sk, w.now().Add(3*time.Second)), sk.Public()))
	})
}

func TestAttack16_OverwriteAndForgery(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	h, rogue, sk := w.hospital(s), w.hospital(s), peers.Locators(1)[0]
	l, mine := message.Locator(sk.Public()), w.put(h, sk)
	w.clock.advance(time.Second)
	evil := peers.Must(ecc.GenerateSigningKey(rand.Reader))

	foreign := peers.Entry(h, evil, w.now())
	foreign.Locator = l // L with a vk_L that does not hash to it
	w.wants(problem.KindRefused, w.sendEntry(h, foreign, evil.Public()))

	forged := peers.Entry(rogue, sk, w.now())
	forged.Hospital = h.Credential // another hospital's signature
	w.wants(problem.KindRefused, w.sendEntry(rogue, forged, sk.Public()))

	for name, alter := range map[string]func(*message.Entry){
		"value":      func(e *message.Entry) { e.Value = slices.Clone(e.Value); e.Value[0] ^= 1 },
		"time":       func(e *message.Entry) { e.Time++ },
		"signature":  func(e *message.Entry) { e.SigIndex = slices.Clone(e.SigIndex); e.SigIndex[0] ^= 1 },
		"credential": func(e *message.Entry) { e.Hospital = w.doctor(s, "SURGERY").Credential },
	} {
		e := peers.Entry(h, sk, w.now().Add(-time.Millisecond))
		alter(&e)
		if err := w.sendEntry(h, e, sk.Public()); err == nil || problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.ok(w.RevokeCredential(t.Context(), "kim", rogue.Credential.Hash()))
	w.wants(problem.KindRefused, w.sendEntry(rogue, peers.Entry(rogue, sk, w.now()), sk.Public()))
	if got := w.latest(l); len(got) != 1 || !same(got[0], mine) {
		t.Error("the index has changed")
	}
}

// Whoever has found an entry in a search cannot send it again in the hospital's name.
func TestAttack16_EntrySentByAnother(t *testing.T) {
	w := newWorld(t)
	h, rogue, sk := w.hospital(ecc.SuiteX25519), w.hospital(ecc.SuiteX25519), peers.Locators(1)[0]
	seen := w.put(h, sk)
	w.wants(problem.KindRefused, w.sendEntry(rogue, seen, sk.Public()))
	w.ok(w.sendEntry(h, seen, sk.Public()))
}

// A hospital that knows vk_L adds an entry of its own; it cannot touch another's.
func TestHospitalsDoNotOverwriteEachOther(t *testing.T) {
	w := newWorld(t)
	a, b, sk := w.hospital(ecc.SuiteX25519), w.hospital(ecc.SuiteX25519), peers.Locators(1)[0]
	ea := w.put(a, sk)
	w.clock.advance(time.Second)
	eb := w.put(b, sk)
	got := w.latest(ea.Locator)
	if len(got) != 2 || !slices.ContainsFunc(got, func(e message.Entry) bool { return same(e, ea) }) ||
		!slices.ContainsFunc(got, func(e message.Entry) bool { return same(e, eb) }) {
		t.Errorf("%d entries", len(got))
	}
}

// Of many versions at once the newest stays.
func TestParallelVersions(t *testing.T) {
	w := newWorld(t)
	h, sk := w.hospital(ecc.SuiteX25519), peers.Locators(1)[0]
	var wg sync.WaitGroup
	var newest message.Entry
	for i := range 20 {
		newest = peers.Entry(h, sk, w.now().Add(time.Duration(i)*time.Millisecond))
		sent := w.knows(h.Suite).WriteEntry(h, newest, sk.Public(), w.now())
		wg.Go(func() {
			if _, err := w.WriteEntry(t.Context(), sent.Raw); err != nil && problem.KindOf(err) != problem.KindConflict {
				t.Error(err, problem.Reason(err))
			}
		})
	}
	wg.Wait()
	if got := w.latest(newest.Locator); len(got) != 1 || !same(got[0], newest) {
		t.Errorf("%d entries, or not the newest", len(got))
	}
}

func TestDiagnosisEntry(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d, h, sks := w.doctor(s, "SURGERY"), w.hospital(s), peers.Locators(3)
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		w.put(h, sks[1])
		w.clock.advance(time.Second)
		e, c := peers.Entry(h, sks[1], w.now()), w.knows(s)
		sent := c.Diagnosis(d, g, 1, e, w.now(), nil)
		reply, err := w.WriteDiagnosisEntry(t.Context(), sent.Raw)
		w.ok(err)
		w.ok(c.OpenIndexed(sent, reply, d.ID, e)) // Sig_C2
		if got := w.latest(e.Locator); len(got) != 1 || !same(got[0], e) {
			t.Error("the entry is not the diagnosis'")
		}
		_, err = w.WriteDiagnosisEntry(t.Context(), sent.Raw) // attack 1
		w.wants(problem.KindRefused, err)
	})
}

func TestAttack19_DiagnosisEntryWithoutConsent(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, other, h, sks := w.doctor(s, "SURGERY", "GENERAL"), w.doctor(s, "SURGERY"), w.hospital(s), peers.Locators(3)
	c := w.knows(s)
	grant := func(alter func(*message.Consent)) peers.Granted {
		return peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), alter)
	}
	e := peers.Entry(h, sks[1], w.now())
	foreign := peers.Locators(1)[0]
	stranger := *d // has her credential and certificate, not her key
	stranger.Sign = other.Sign
	revoked := grant(nil)
	_, err := w.ask(s, sks[2], message.Question{Kind: message.AskRevoke, Consent: revoked.Consent.Hash()})
	w.ok(err)
	for name, sent := range map[string]peers.Sent{
		"signed by another":  c.Diagnosis(&stranger, grant(nil), 1, e, w.now(), nil),
		"for another doctor": c.Diagnosis(other, grant(nil), 1, e, w.now(), nil),
		"expired":            c.Diagnosis(d, grant(func(x *message.Consent) { x.Expires = message.MillisOf(w.now()) }), 1, e, w.now(), nil),
		"edited":             c.Diagnosis(d, grant(nil), 1, e, w.now(), func(m *message.M12) { m.Consent.Purpose = "RESEARCH" }),
		"revoked":            c.Diagnosis(d, revoked, 1, e, w.now(), nil),
		"another locator": c.Diagnosis(d, grant(nil), 1, peers.Entry(h, foreign, w.now()), w.now(), func(m *message.M12) {
			m.Authorizer = message.Authorizer{VK: foreign.Public(), SigmaL: foreign.Sign(message.TBSSigmaL(m.Consent))}
		}),
		"added to open_C": c.Diagnosis(d, grant(nil), 1, peers.Entry(h, foreign, w.now()), w.now(), func(m *message.M12) {
			m.OpenC.Locators = message.SortHashes(append(slices.Clone(m.OpenC.Locators), message.Locator(foreign.Public())))
			m.Authorizer = message.Authorizer{VK: foreign.Public(), SigmaL: foreign.Sign(message.TBSSigmaL(m.Consent))}
		}),
		"σ_L of another locator": c.Diagnosis(d, grant(nil), 0, e, w.now(), nil),
		"not the hospital's": c.Diagnosis(d, grant(nil), 1, e, w.now(), func(m *message.M12) {
			m.Entry.Value = make([]byte, message.IndexValueSize)
		}),
		"a foreign department": c.Diagnosis(d, peers.Grant(d.Credential.Hash(), "OBSTETRICS", sks, w.now(), nil), 1, e, w.now(), nil),
	} {
		_, err := w.WriteDiagnosisEntry(t.Context(), sent.Raw)
		if err == nil || problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s: %v (%s)", name, err, problem.Reason(err))
		}
	}
	if len(w.latest(e.Locator)) != 0 || len(w.latest(message.Locator(foreign.Public()))) != 0 {
		t.Error("something was appended")
	}
}

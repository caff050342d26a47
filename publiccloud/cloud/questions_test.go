package cloud_test

import (
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

func TestQuestions(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		d, h, sks := w.doctor(s, "SURGERY"), w.hospital(s), peers.Locators(2)
		e := w.put(h, sks[0])
		a, err := w.ask(s, sks[0], message.Question{Kind: message.AskEntries})
		w.ok(err)
		if got := peers.Must(message.DecodeEntries(a.Content)); len(got) != 1 || !same(got[0], e) || a.More {
			t.Errorf("%d entries", len(got))
		}
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		if n := len(w.uses(s, sks[0], g.Consent.Hash())); n != 0 {
			t.Errorf("%d uses before the first", n)
		}
		_, ticket, err := w.search(d, g, nil)
		w.ok(err)
		for _, sk := range sks {
			u := w.uses(s, sk, g.Consent.Hash())
			if len(u) != 1 || u[0].Request != ticket.Request || u[0].Mode != message.ModeRead {
				t.Errorf("the uses are %+v", u)
			}
		}
		for _, k := range []message.QuestionKind{message.AskReleases, message.AskDiagnoses, message.AskRecord} {
			_, err := w.ask(s, sks[0], message.Question{Kind: k})
			w.wants(problem.KindInvalid, err)
		}
		_, err = w.ask(s, sks[0], message.Question{Kind: message.AskUses, From: 1 << 40})
		w.wants(problem.KindInvalid, err)
	})
}

// Whoever asks under another locator gets what he would get if there were nothing.
func TestForeignLocatorLearnsNothing(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, sks, foreign := w.doctor(s, "SURGERY"), peers.Locators(2), peers.Locators(1)[0]
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	_, _, err := w.search(d, g, nil)
	w.ok(err)
	about := func(consent message.Hash) string {
		a, err := w.ask(s, foreign, message.Question{Kind: message.AskUses, Consent: consent})
		w.ok(err)
		return string(a.Content)
	}
	if about(g.Consent.Hash()) != about(message.Hash{9}) {
		t.Error("a used consent shows to a foreign locator")
	}
}

func TestAttack11_RevokedConsent(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, sks := w.doctor(s, "SURGERY"), peers.Locators(3)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
	_, _, err := w.search(d, g, nil)
	w.ok(err)
	q := message.Question{Kind: message.AskRevoke, Consent: g.Consent.Hash()}
	_, err = w.ask(s, sks[1], q) // any one of its locators
	w.ok(err)
	_, _, err = w.search(d, g, nil)
	w.wants(problem.KindRefused, err)
	_, err = w.ask(s, sks[1], q) // again: the same
	w.ok(err)
	_, _, err = w.search(d, peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil), nil) // another consent
	w.ok(err)
}

func TestAttack21_ForeignRevocationAndEqualCID(t *testing.T) {
	w := newWorld(t)
	s := ecc.SuiteX25519
	d, mine, foreign := w.doctor(s, "SURGERY"), peers.Locators(2), peers.Locators(2)
	cid := [16]byte{4, 7, 1, 1}
	withCID := func(x *message.Consent) { x.CID = cid; x.MaxUses = 1 }
	g := peers.Grant(d.Credential.Hash(), "SURGERY", mine, w.now(), withCID)
	theirs := peers.Grant(d.Credential.Hash(), "SURGERY", foreign, w.now(), withCID) // another patient's, same cid

	_, err := w.ask(s, foreign[0], message.Question{Kind: message.AskRevoke, Consent: g.Consent.Hash()})
	w.ok(err) // answered like every other, without effect
	_, _, err = w.search(d, theirs, nil)
	w.ok(err)
	_, err = w.ask(s, foreign[0], message.Question{Kind: message.AskRevoke, Consent: theirs.Consent.Hash()})
	w.ok(err)
	_, _, err = w.search(d, g, nil) // neither revoked nor used up by the other
	w.ok(err)
	if len(w.uses(s, foreign[0], g.Consent.Hash())) != 0 || len(w.uses(s, mine[0], theirs.Consent.Hash())) != 0 {
		t.Error("a patient sees another's uses")
	}
}

func TestAttack1_ReplayedQuestion(t *testing.T) {
	w := newWorld(t)
	sk := peers.Locators(1)[0]
	sent := w.knows(ecc.SuiteX25519).Ask(sk, message.Question{Kind: message.AskEntries}, w.now())
	_, err := w.Ask(t.Context(), sent.Raw)
	w.ok(err)
	_, err = w.Ask(t.Context(), sent.Raw)
	w.wants(problem.KindRefused, err)
}

func TestQuestionSignedByAnotherKey(t *testing.T) {
	w := newWorld(t)
	sks := peers.Locators(2)
	c := w.knows(ecc.SuiteX25519)
	sent := c.Seal(message.TypeAsk, w.now(), func(h message.Header, pke ecc.KEMPublicKey) []byte {
		q := message.Question{Kind: message.AskEntries}
		tbs := message.TBSAsk(h, message.Locator(sks[0].Public()), message.CloudHash(c.Pins.First.PUKC), q, pke)
		return message.CloudQuestion{VK: sks[0].Public(), Question: q, PKe: pke, Signature: sks[1].Sign(tbs)}.Encode()
	})
	_, err := w.Ask(t.Context(), sent.Raw)
	w.wants(problem.KindRefused, err)
}

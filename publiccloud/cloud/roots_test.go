package cloud_test

import (
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

const day = 24 * time.Hour

// succeed has the root succeeded: the new one good in a day, the old one for two more.
func (w *world) succeed() (old, successor cloud.OwnRoot) {
	w.Helper()
	r := w.Current()
	old, successor = r.Held[0], newRoot()
	from := message.MillisOf(w.clock.now().Add(day))
	s := message.SignSuccession(old.SigningKey, successor.SigningKey, message.Succession{CloudID: "cloud", Number: 1, Old: old.Public(), New: successor.Public(),
		From: from, Until: from.Add(2 * day)})
	if err := w.SetRoots(cloud.Roots{Pins: peers.Must(r.Pins.Extend(s)), Held: []cloud.OwnRoot{old, successor}}); err != nil {
		w.Fatal(err)
	}
	return old, successor
}

// granted is a consent for the doctor that holds now.
func (w *world) granted(d *peers.Party) peers.Granted {
	return peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), w.clock.now(), nil)
}

func (w *world) millis() message.Millis { return message.MillisOf(w.clock.now()) }

// signer is the root that signed the parameters.
func (w *world) signer() message.Root {
	w.Helper()
	p := peers.Must(message.OpenParameters(peers.Must(message.DecodeSigned(peers.Must(w.Parameters()))), w.Pins(), w.millis()))
	return p.Root()
}

// The public cloud signs by the old root until the new one is good for clocks that are five
// minutes behind, then by the new one, without a restart; and what it signs always holds
// for whoever knows the succession.
func TestTheNewRootSignsAfterItsBeginning(t *testing.T) {
	w := newWorld(t)
	old, successor := w.succeed()
	for _, c := range []struct {
		after time.Duration // the one before
		want  cloud.OwnRoot
	}{{0, old}, {day - time.Second, old}, {time.Second, old}, {5*time.Minute - time.Second, old}, {time.Second, successor}, {2 * day, successor}} {
		w.clock.advance(c.after)
		if !w.signer().Equal(c.want.Public()) {
			t.Errorf("after %v more: the wrong root signs", c.after)
		}
		for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
			signed := peers.Must(message.DecodeSigned(peers.Must(w.OwnPrekey(t.Context(), s))))
			if _, root, err := message.OpenCloudPrekey(signed, w.Pins(), s, w.millis()); err != nil || !root.Equal(c.want.Public()) {
				t.Errorf("after %v more: prekey: %v", c.after, err)
			}
		}
	}
}

// A credential says in its own time when its root ends, and ends with it; the registry's
// doctor cannot search any more.
func TestCredentialsOfTheOldRootEndWithIt(t *testing.T) {
	w := newWorld(t)
	before := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.succeed()
	during := w.doctor(ecc.SuiteX25519, "SURGERY")
	if want := w.millis().Add(3 * day); during.Credential.Info.NotAfter != want {
		t.Error("a credential of a root with an end known ends", during.Credential.Info.NotAfter.Time(), "not", want.Time())
	}
	w.clock.advance(3*day - time.Minute)
	for _, d := range []*peers.Party{before, during} {
		if _, _, err := w.search(d, w.granted(d), nil); err != nil {
			t.Error("in the overlap:", err)
		}
	}
	w.clock.advance(time.Minute)
	for _, d := range []*peers.Party{before, during} {
		if _, _, err := w.search(d, w.granted(d), nil); problem.KindOf(err) != problem.KindRefused {
			t.Error("after its root:", err)
		}
	}
	after := w.doctor(ecc.SuiteX25519, "SURGERY")
	if root := peers.Must(w.Pins().Issuer(after.Credential)); !root.Equal(w.signer()) {
		t.Error("a new credential of another root")
	}
}

// What does not continue the roots in use is refused, and those stay.
func TestAttack22_SetRootsTakesNoSuccessionBack(t *testing.T) {
	w := newWorld(t)
	start := w.Current()
	old, successor := w.succeed()
	now := w.Current()
	other := newRoot()
	fork := message.SignSuccession(old.SigningKey, other.SigningKey, message.Succession{CloudID: "cloud", Number: 1, Old: old.Public(), New: other.Public(),
		From: w.millis(), Until: w.millis().Add(day)})
	for name, r := range map[string]cloud.Roots{
		"without the succession":     start,
		"another successor":          {Pins: peers.Must(start.Pins.Extend(fork)), Held: []cloud.OwnRoot{old, other}},
		"another public cloud":       cloud.OneRoot("another", old),
		"another first root":         cloud.OneRoot("cloud", other),
		"without the keys to sign":   {Pins: now.Pins, Held: []cloud.OwnRoot{successor}},
		"keys that nothing leads to": {Pins: now.Pins, Held: []cloud.OwnRoot{old, successor, other}},
	} {
		if err := w.SetRoots(r); err == nil {
			t.Errorf("%s: taken over", name)
		}
	}
	if !w.Current().Pins.Equal(now.Pins) {
		t.Error("the roots in use have changed")
	}
}

// A question under the hash of either root is answered, as long as that root is good, and
// the answer is signed by the root that was asked.
func TestQuestionsUnderBothRoots(t *testing.T) {
	w := newWorld(t)
	sk := peers.Locators(1)[0]
	first := w.knows(ecc.SuiteX25519)
	w.succeed()
	w.clock.advance(day + 10*time.Minute)
	second := w.knows(ecc.SuiteX25519)
	q := message.Question{Kind: message.AskUses}
	for name, c := range map[string]peers.Cloud{"old": {Pins: w.Pins(), Root: first.Root, Prekey: second.Prekey}, "new": second} {
		sent := c.Ask(sk, q, w.clock.now())
		raw, err := w.Ask(t.Context(), sent.Raw)
		if err != nil {
			t.Fatal(name, err, problem.Reason(err))
		}
		if _, err := c.OpenAnswer(sent, sk, q, raw); err != nil {
			t.Error(name, err)
		}
	}
	w.clock.advance(2 * day)
	third := w.knows(ecc.SuiteX25519)
	sent := peers.Cloud{Pins: w.Pins(), Root: first.Root, Prekey: third.Prekey}.Ask(sk, q, w.clock.now())
	if _, err := w.Ask(t.Context(), sent.Raw); problem.KindOf(err) != problem.KindRefused {
		t.Error("under the old root after its end:", err)
	}
}

package message_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// root is one root of a public cloud with its secrets.
type root struct {
	issuer *ecc.Issuer
	sign   ecc.SigningKey
}

func newRoot(seed byte) root {
	r := rand.NewChaCha8([32]byte{2, seed})
	return root{must(ecc.NewIssuer(must(ecc.GenerateScalar(r)), bytes.Repeat([]byte{seed}, 32))), must(ecc.GenerateSigningKey(r))}
}

func (r root) public() message.Root {
	return message.Root{PK: r.issuer.Public(), PUKC: r.sign.Public()}
}

// succeeds is r's succession by another root.
func (r root) succeeds(by root, number uint64, from, until message.Millis) message.SignedSuccession {
	return message.SignSuccession(r.sign, by.sign, message.Succession{CloudID: "cloud.example", Number: number, Old: r.public(), New: by.public(),
		From: from, Until: until})
}

// root is the one that the fixture's pins name.
func (w *world) root() root { return root{w.issuer, w.cloud} }

// under is the fixture's world as a root issues it: the same parties, credentials of that root.
func (w *world) under(r root, role message.Role, id message.ID, attr []byte) party {
	v := *w
	v.issuer, v.cloud = r.issuer, r.sign
	v.pins = message.Pins{CloudID: w.pins.CloudID, First: r.public()}
	return v.register(role, id, attr)
}

const day = 24 * time.Hour

// three is a chain of three roots: the second from day 10 on, the first until day 20, the
// third from day 30 on, the second until day 40.
func three(w *world) (roots [3]root, links [2]message.SignedSuccession) {
	roots = [3]root{w.root(), newRoot(1), newRoot(2)}
	links[0] = roots[0].succeeds(roots[1], 1, now.Add(10*day), now.Add(20*day))
	links[1] = roots[1].succeeds(roots[2], 2, now.Add(30*day), now.Add(40*day))
	return roots, links
}

// A root counts from its beginning to its end, two at once in an overlap, whatever was
// learned when.
func TestARootCountsInItsTime(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins := must(w.pins.Extend(links[:]...))
	for at, want := range map[time.Duration][]root{
		-1000 * day: {roots[0]}, 10*day - 1e6: {roots[0]}, 10 * day: {roots[1], roots[0]}, 20*day - 1e6: {roots[1], roots[0]},
		20 * day: {roots[1]}, 30*day - 1e6: {roots[1]}, 30 * day: {roots[2], roots[1]}, 40 * day: {roots[2]}, 4000 * day: {roots[2]},
	} {
		got := pins.Roots(now.Add(at))
		same := len(got) == len(want)
		for i := range got {
			same = same && i < len(want) && got[i].Equal(want[i].public())
		}
		if !same {
			t.Errorf("at %v: %d roots, wanted %d", at, len(got), len(want))
		}
		for i, r := range roots {
			s := message.Sign(r.sign, []byte("a statement"))
			_, err := pins.Verify(s.TBS, s.Signature, now.Add(at))
			good := false
			for _, x := range want {
				good = good || x.public().Equal(r.public())
			}
			if (err == nil) != good {
				t.Errorf("at %v: a statement of root %d: %v", at, i, err)
			}
		}
	}
}

// Who slept through several successions follows them all at once, also when the roots
// on the way ended long ago; and one by one comes to the same.
func TestASleeperFollowsTheChain(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	_, links := three(w)
	atOnce := must(w.pins.Extend(links[:]...))
	step := must(must(w.pins.Extend(links[0])).Extend(links[:]...))
	if !atOnce.Equal(step) || len(step.Successions()) != 2 {
		t.Error("the order of learning changes what is known")
	}
	if same := must(atOnce.Extend(links[:]...)); !same.Equal(atOnce) {
		t.Error("a repeated list changes something")
	}
	if shorter := must(atOnce.Extend(links[0])); !shorter.Equal(atOnce) {
		t.Error("a shorter list takes a succession back")
	}
}

// Who was given a later root at the start passes over what led to it.
func TestPinsOfALaterRootPassOverItsPast(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins := must(message.Pins{CloudID: w.pins.CloudID, First: roots[1].public()}.Extend(links[:]...))
	if n := len(pins.Successions()); n != 1 {
		t.Errorf("%d successions, wanted the one after the root pinned", n)
	}
	last := message.Pins{CloudID: w.pins.CloudID, First: roots[2].public()}
	if got := must(last.Extend(links[:]...)); !got.Equal(last) {
		t.Error("the newest root has a past")
	}
}

// What does not follow is refused, and nothing of the list it came with is taken.
func TestAttack22_SuccessionsThatDoNotFollow(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	stranger, thief := newRoot(7), newRoot(8)
	onlyOld, onlyNew := links[0], links[0]
	onlyOld.ByNew = roots[0].sign.Sign(links[0].TBS)
	onlyNew.ByOld = roots[1].sign.Sign(links[0].TBS)
	elsewhere := message.SignSuccession(roots[0].sign, thief.sign, message.Succession{CloudID: "another.example", Number: 1,
		Old: roots[0].public(), New: thief.public(), From: now, Until: now.Add(day)})
	oldPK := message.Root{PK: roots[0].public().PK, PUKC: thief.public().PUKC}
	comesBack := message.SignSuccession(roots[1].sign, thief.sign, message.Succession{CloudID: "cloud.example", Number: 2, Old: roots[1].public(),
		New: oldPK, From: now.Add(30 * day), Until: now.Add(40 * day)})
	for name, list := range map[string][]message.SignedSuccession{
		"signed by the old key only":        {onlyOld},
		"signed by the new key only":        {onlyNew},
		"of a root that was never pinned":   {stranger.succeeds(thief, 1, now, now.Add(day))},
		"of another public cloud":           {elsewhere},
		"a number left out":                 {links[0], roots[1].succeeds(roots[2], 3, now.Add(30*day), now.Add(40*day))},
		"the same number again":             {links[0], roots[1].succeeds(roots[2], 1, now.Add(30*day), now.Add(40*day))},
		"a third root before the first end": {links[0], roots[1].succeeds(roots[2], 2, now.Add(15*day), now.Add(40*day))},
		"back to the first root":            {links[0], roots[1].succeeds(roots[0], 2, now.Add(30*day), now.Add(40*day))},
		"a PK that comes back":              {links[0], comesBack},
		"the second link without the first": {links[1]},
	} {
		got, err := w.pins.Extend(list...)
		if !errors.Is(err, message.ErrSuccession) || errors.Is(err, message.ErrFork) {
			t.Errorf("%s: %v", name, err)
		}
		if !got.Equal(w.pins) {
			t.Errorf("%s: something was taken", name)
		}
	}
}

// No encoding says that nothing changes, or that the old root ends before the new one begins.
func TestSuccessionsWithoutSense(t *testing.T) {
	a, b := newRoot(1), newRoot(2)
	half := message.Root{PK: b.public().PK, PUKC: a.public().PUKC}
	for name, s := range map[string]message.Succession{
		"number 0":            {Number: 0, Old: a.public(), New: b.public(), From: now, Until: now + 1},
		"no overlap":          {Number: 1, Old: a.public(), New: b.public(), From: now, Until: now},
		"the end before":      {Number: 1, Old: a.public(), New: b.public(), From: now, Until: now - 1},
		"itself":              {Number: 1, Old: a.public(), New: a.public(), From: now, Until: now + 1},
		"with the same PUK_C": {Number: 1, Old: a.public(), New: half, From: now, Until: now + 1},
	} {
		s.CloudID = "cloud.example"
		if _, err := message.DecodeSuccession(s.Encode()); !errors.Is(err, message.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two successors of one root are told apart from a mere mistake, and the first one known is kept.
func TestAttack22_AForkIsRefusedAndTheFirstKept(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins := must(w.pins.Extend(links[0]))
	fork := roots[0].succeeds(newRoot(9), 1, now.Add(10*day), now.Add(20*day))
	got, err := pins.Extend(fork)
	if !errors.Is(err, message.ErrFork) || !got.Equal(pins) {
		t.Error("a fork:", err)
	}
	longer := roots[0].succeeds(roots[1], 1, now.Add(10*day), now.Add(25*day))
	if _, err := pins.Extend(longer); !errors.Is(err, message.ErrFork) {
		t.Error("other times for the same successor:", err)
	}
	fork.ByOld = newRoot(9).sign.Sign(fork.TBS)
	if _, err := pins.Extend(fork); errors.Is(err, message.ErrFork) || !errors.Is(err, message.ErrSuccession) {
		t.Error("what the old key has not signed accuses nobody:", err)
	}
}

// A credential ends with its root: whoever holds the old secrets after their end mints
// nothing that anybody accepts, dated back or not, and neither does a new root before its beginning.
func TestAttack22_CredentialsEndWithTheirRoot(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins := must(w.pins.Extend(links[0]))
	life := func(p party) message.Credential {
		c := p.cred
		c.Info.NotBefore, c.Info.NotAfter = now, now.Add(1000*day)
		return c
	}
	old := life(w.hospital)
	old.Signature = roots[0].sign.Sign(message.TBSCredential(old.Info, old.R))
	young := life(w.under(roots[1], message.Hospital, "st-anna", []byte("https://st-anna.example")))
	young.Signature = roots[1].sign.Sign(message.TBSCredential(young.Info, young.R))
	for _, c := range []struct {
		name       string
		cred       message.Credential
		at         time.Duration
		acceptable bool
	}{
		{"old, before", old, 0, true}, {"old, in the overlap", old, 15 * day, true}, {"old, after its root", old, 20 * day, false},
		{"new, before its root", young, 10*day - 1e6, false}, {"new, in the overlap", young, 15 * day, true}, {"new, after", young, 25 * day, true},
	} {
		if err := c.cred.Verify(pins, message.Hospital, now.Add(c.at)); (err == nil) != c.acceptable {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	directory := message.Directory{Issued: now.Add(25 * day), Hospitals: []message.Credential{old, young}}
	if _, err := message.OpenDirectory(message.Sign(roots[0].sign, directory.Encode()), pins, now.Add(25*day)); err == nil {
		t.Error("a directory of a root that has ended")
	}
	d := must(message.OpenDirectory(message.Sign(roots[1].sign, directory.Encode()), pins, now.Add(25*day)))
	if len(d.Hospitals) != 1 || d.Hospitals[0].Hash() != young.Hash() {
		t.Error("the directory holds", len(d.Hospitals))
	}
}

// The implicit key rests on the PK of the root that issued the credential, whatever the
// time: two parties whose clocks differ, or of whom one has learned more, agree on it.
func TestBothSidesTakeThePKOfTheIssuer(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	early, late := w.pins, must(w.pins.Extend(links[:]...))
	for _, pins := range []message.Pins{early, must(w.pins.Extend(links[0])), late} {
		if r := must(pins.Issuer(w.patient.cred)); !r.Equal(roots[0].public()) {
			t.Error("another issuer of a credential of the first root")
		}
		if a := must(w.patient.cred.ImplicitKey(pins)); !a.Equal(w.patient.s.Public()) {
			t.Error("A_P is not S_P P")
		}
	}
	p := w.under(roots[1], message.Patient, "0123456789abcdef0123456789abcdef", w.patient.cred.Info.Attribute)
	if a := must(p.cred.ImplicitKey(late)); !a.Equal(p.s.Public()) {
		t.Error("A_P of the second root is not S_P P")
	}
	forged := p.cred
	forged.Signature = newRoot(9).sign.Sign(message.TBSCredential(forged.Info, forged.R))
	if _, err := late.Issuer(forged); !errors.Is(err, message.ErrCredential) {
		t.Error("an issuer that was never pinned:", err)
	}
}

// Parameters and the public cloud's prekey name the root that signed them.
func TestStatementsNameTheirRoot(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins, in := must(w.pins.Extend(links[0])), now.Add(15*day)
	p := parameters(w)
	p.PK, p.PUKC = roots[1].public().PK, roots[1].public().PUKC
	if _, err := message.OpenParameters(message.Sign(roots[1].sign, p.Encode()), pins, in); err != nil {
		t.Error(err)
	}
	if _, err := message.OpenParameters(message.Sign(roots[0].sign, p.Encode()), pins, in); err == nil {
		t.Error("parameters of one root under the signature of another")
	}
	for i, signer := range roots[:2] {
		for j, named := range roots[:2] {
			key := message.Prekey{Suite: w.suite, Owner: named.public().Hash(), Key: w.doctor.kem.Public(), NotBefore: in - 1, NotAfter: in.Add(time.Hour)}
			_, root, err := message.OpenCloudPrekey(message.Sign(signer.sign, key.Encode()), pins, w.suite, in)
			if (err == nil) != (i == j) || err == nil && !root.Equal(signer.public()) {
				t.Errorf("signed by root %d, naming root %d: %v", i, j, err)
			}
		}
	}
}

// Evidence is held against the roots of its own time, years after they ended; and
// nothing that an ended root signs about a later time is evidence.
func TestEvidenceIsJudgedByTheRootsOfItsTime(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	v := w.verifier()
	k := w.kept()
	_, links := three(w)
	long := must(w.pins.Extend(links[:]...))
	if err := errors.Join(k.search.Verify(long, v, k.grounds), k.entry.Verify(long, v), k.access.Verify(long, v)); err != nil {
		t.Error("evidence of the first root, with the chain in hand:", err)
	}
	gone := must(w.pins.Extend(w.root().succeeds(newRoot(3), 1, now.Add(-2*day), now.Add(-day))))
	for name, err := range map[string]error{"search": k.search.Verify(gone, v, k.grounds), "entry": k.entry.Verify(gone, v), "access": k.access.Verify(gone, v)} {
		if err == nil {
			t.Errorf("%s: of a root that had ended before", name)
		}
	}
}

// A ticket cannot outlive its root by more than its own five minutes, since it names its beginning.
func TestATicketLivesFiveMinutesAtMost(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent()
	ticket := must(message.DecodeTicket(w.ticket(c).TBS))
	ticket.Expires++
	if _, err := message.OpenTicket(message.Sign(w.cloud, ticket.Encode()), w.pins, ticket.Doctor, ticket.Consent); !errors.Is(err, message.ErrConsent) {
		t.Error(err)
	}
}

// The pins' file of before pins one root; with successions it stays readable, and a file in
// which one does not follow is refused.
func TestPinsFileWithSuccessions(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	roots, links := three(w)
	pins := must(w.pins.Extend(links[:]...))
	b := must(json.Marshal(pins))
	var got message.Pins
	if err := json.Unmarshal(b, &got); err != nil || !got.Equal(pins) {
		t.Error(err)
	}
	if bytes.Contains(must(json.Marshal(w.pins)), []byte("successions")) {
		t.Error("the file of one root has changed")
	}
	wrong := roots[1].succeeds(roots[2], 7, now.Add(30*day), now.Add(40*day))
	b = bytes.Replace(b, must(json.Marshal(links[1].Encode())), must(json.Marshal(wrong.Encode())), 1)
	if err := json.Unmarshal(b, &got); !errors.Is(err, message.ErrSuccession) {
		t.Error("a file with a succession that does not follow:", err)
	}
}

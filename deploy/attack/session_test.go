package attack_test

import (
	"slices"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// alterations are what a network can do to one sealed message.
func alterations() map[string]func(message.Message) message.Message {
	on := func(change func(*message.Message)) func(message.Message) message.Message {
		return func(m message.Message) message.Message {
			m.Ciphertext = slices.Clone(m.Ciphertext)
			change(&m)
			return m
		}
	}
	return map[string]func(message.Message) message.Message{
		"first bit":     on(func(m *message.Message) { m.Ciphertext[0] ^= 1 }),
		"last bit":      on(func(m *message.Message) { m.Ciphertext[len(m.Ciphertext)-1] ^= 0x80 }),
		"a bit amid":    on(func(m *message.Message) { m.Ciphertext[len(m.Ciphertext)/2] ^= 8 }),
		"one byte less": on(func(m *message.Message) { m.Ciphertext = m.Ciphertext[:len(m.Ciphertext)-1] }),
		"tag alone":     on(func(m *message.Message) { m.Ciphertext = m.Ciphertext[len(m.Ciphertext)-16:] }),
		"one byte more": on(func(m *message.Message) { m.Ciphertext = append(m.Ciphertext, 0) }),
		"T":             on(func(m *message.Message) { m.Header.Time++ }),
		"N":             on(func(m *message.Message) { m.Header.Nonce[3] ^= 1 }),
		"kid_to":        on(func(m *message.Message) { m.Header.To[0] ^= 1 }),
		"seq":           on(func(m *message.Message) { m.Header.Seq++ }),
	}
}

// inSession runs an attack on each AEAD message of a visit: attack changes the message
// on its way, and neither it nor the true message after it may be accepted.
func (s *scene) inSession(name string, attack func(message.Message) message.Message) {
	s.Helper()
	s.attackM3(name, attack)
	s.attackM10(name, attack)
	s.attackM8(name, attack)
	s.attackM9(name, attack)
	s.attackM11(name, attack)
	s.attackStored(name, attack)
}

// broken expects the attack to fail, and the true message after it too.
func (s *scene) broken(what string, attack, truth func() error) {
	s.Helper()
	s.refused(what, attack, problem.KindRefused, problem.KindInvalid)
	s.refused(what+", the true message afterwards", truth, problem.KindRefused, problem.KindConflict)
}

func (s *scene) attackM3(name string, attack func(message.Message) message.Message) {
	s.Helper()
	v := s.begun(s.p, s.r.physician)
	v.share(s.terms())
	s.broken("M3: "+name, func() error { return v.dv.ReceiveM3(attack(v.m3)) }, func() error { return v.dv.ReceiveM3(v.m3) })
}

func (s *scene) attackM10(name string, attack func(message.Message) message.Message) {
	s.Helper()
	v := s.open(s.p, s.r.physician, s.terms())
	must(v.dv.Diagnose(diagnosis))
	m10 := must(v.dv.M10())
	receive := func(m message.Message) func() error {
		return func() error { _, err := v.pv.ReceiveM10(m); return err }
	}
	s.broken("M10: "+name, receive(attack(m10)), receive(m10))
}

// atHospital is a visit with a session at St Anna.
func (s *scene) atHospital() (*visit, *doctor.Session) {
	s.Helper()
	v := s.open(s.p, s.r.physician, s.terms())
	q, _ := v.search(message.ModeRead)
	return v, v.session(q, s.anna)
}

func (s *scene) attackM8(name string, attack func(message.Message) message.Message) {
	s.Helper()
	_, x := s.atHospital()
	m8, err := x.M8(message.Filter{})
	ok(s, err)
	s.broken("M8: "+name, s.attempt(s.anna.node, attack(m8)), s.attempt(s.anna.node, m8))
}

func (s *scene) attackM11(name string, attack func(message.Message) message.Message) {
	s.Helper()
	v, x := s.atHospital()
	m11, err := x.M11(must(v.dv.Diagnose(diagnosis)))
	ok(s, err)
	s.broken("M11: "+name, s.attempt(s.anna.node, attack(m11)), s.attempt(s.anna.node, m11))
}

func (s *scene) attackM9(name string, attack func(message.Message) message.Message) {
	s.Helper()
	_, x := s.atHospital()
	m8, err := x.M8(message.Filter{})
	ok(s, err)
	pages, err := s.send(s.anna.node, m8)
	ok(s, err)
	receive := func(m message.Message) func() error {
		return func() error { _, _, err := x.ReceiveM9(m); return err }
	}
	s.broken("M9: "+name, receive(attack(pages[0])), receive(pages[0]))
}

func (s *scene) attackStored(name string, attack func(message.Message) message.Message) {
	s.Helper()
	v, x := s.atHospital()
	m11, err := x.M11(must(v.dv.Diagnose(diagnosis)))
	ok(s, err)
	reply := s.mustAsk(s.anna.node, m11)
	receive := func(m message.Message) func() error {
		return func() error { _, err := x.ReceiveStored(m); return err }
	}
	s.broken("answer to M11: "+name, receive(attack(reply)), receive(reply))
}

func TestAttack14_AlteredOnTheWay(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	all := alterations()
	if testing.Short() {
		all = map[string]func(message.Message) message.Message{"a bit amid": all["a bit amid"], "one byte less": all["one byte less"]}
	}
	for name, attack := range all {
		s.inSession(name, attack)
	}
	s.whole(s.p, s.r.physician)
}

// TestAttack14_Reflected: what a side has sent comes back to it, as it is and as a
// message of the type that it waits for.
func TestAttack14_Reflected(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	v := s.open(s.p, s.r.physician, s.terms())
	s.refused("M3 to the patient", func() error { _, err := v.pv.ReceiveM10(v.m3); return err })
	v = s.open(s.p, s.r.physician, s.terms())
	back := v.m3
	back.Header.Type, back.Header.To = message.TypeM10, message.PeerID(s.p.keys.Credential.Hash())
	s.refused("M3 to the patient as M10", func() error { _, err := v.pv.ReceiveM10(back); return err })
	_, x := s.atHospital()
	m8 := must(x.M8(message.Filter{}))
	s.refused("M8 to the doctor", func() error { _, _, err := x.ReceiveM9(m8); return err })
	_, x = s.atHospital()
	m8 = must(x.M8(message.Filter{}))
	pages, err := s.send(s.anna.node, m8)
	ok(t, err)
	back = pages[0]
	back.Header.Type, back.Header.Seq, back.Header.To = message.TypeM8, 3, message.PeerID(s.anna.cred.Hash())
	s.refused("M9 to the hospital as M8", s.attempt(s.anna.node, back))
	v, x = s.atHospital()
	m11 := must(x.M11(must(v.dv.Diagnose(diagnosis))))
	back = m11
	back.Header.Type, back.Header.To = message.TypeStored, message.PeerID(s.r.cred.Hash())
	s.refused("M11 to the doctor as its answer", func() error { _, err := x.ReceiveStored(back); return err })
	s.whole(s.p, s.r.physician)
}

// TestAttack14_Pages: a release of several pages, reordered, cut, repeated or mixed with
// another release. Nothing of it is handed out.
func TestAttack14_Pages(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	s := &scene{union: u, p: u.patient(), r: u.doctor().turn()}
	s.p.enrol(u.anna, lab("a", 3<<19), lab("b", 3<<19), lab("c", 3<<19))
	s.p.enrol(u.bern, lab("d", 10))
	for name, arrange := range map[string]func(a, b []message.Message) []message.Message{
		"reordered":        func(a, _ []message.Message) []message.Message { return []message.Message{a[1], a[0], a[2]} },
		"last two swapped": func(a, _ []message.Message) []message.Message { return []message.Message{a[0], a[2], a[1]} },
		"first missing":    func(a, _ []message.Message) []message.Message { return a[1:] },
		"one missing":      func(a, _ []message.Message) []message.Message { return []message.Message{a[0], a[2]} },
		"one twice":        func(a, _ []message.Message) []message.Message { return []message.Message{a[0], a[0], a[1], a[2]} },
		"last missing":     func(a, _ []message.Message) []message.Message { return a[:2] },
		"of another session": func(a, b []message.Message) []message.Message {
			return []message.Message{a[0], b[1], a[2]}
		},
	} {
		if testing.Short() && name != "reordered" && name != "last missing" {
			continue
		}
		x, a := s.pages()
		_, b := s.pages()
		s.incomplete(name, x, arrange(a, b))
	}
	x, a := s.pages()
	var whole *doctor.Release
	for _, p := range a {
		_, r, err := x.ReceiveM9(p)
		ok(t, err)
		whole = r
	}
	if whole == nil || len(whole.Pages) != 3 {
		t.Fatal("the release in order is not accepted")
	}
}

func (s *scene) pages() (*doctor.Session, []message.Message) {
	s.Helper()
	_, x := s.atHospital()
	pages, err := s.send(s.anna.node, must(x.M8(message.Filter{})))
	ok(s, err)
	if len(pages) != 3 {
		s.Fatalf("%d pages", len(pages))
	}
	return x, pages
}

// incomplete expects that no release comes of the pages, and that the session is closed
// or still waits.
func (s *scene) incomplete(name string, x *doctor.Session, pages []message.Message) {
	s.Helper()
	before := s.state()
	refused := false
	for _, p := range pages {
		_, r, err := x.ReceiveM9(p)
		refused = refused || err != nil
		if r != nil {
			s.Errorf("%s: a release was handed out", name)
		}
	}
	if !refused && len(pages) == 3 {
		s.Errorf("%s: every page was accepted", name)
	}
	if x.Ready() {
		s.Errorf("%s: the session is ready, as after a whole release", name)
	}
	if c := before.changed(s.state()); c != "" {
		s.Errorf("%s: changed %s", name, c)
	}
}

// records at a hospital, by the patient's own question.
func (p *person) record(h *house) string {
	p.u.Helper()
	return string(p.asks(h, message.Question{Kind: message.AskRecord}))
}

package attack_test

import (
	"crypto/rand"
	"maps"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// outer changes one field of a header that everybody can read.
func outer(change func(*message.Header)) func(message.Message) message.Message {
	return func(m message.Message) message.Message { change(&m.Header); return m }
}

// TestAttack2_OuterHeaderChanged: every message that is sealed to a cloud or to the
// doctor, with each field of its header changed, before the true message arrives.
func TestAttack2_OuterHeaderChanged(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	changes := map[string]func(message.Message) message.Message{
		"T":      outer(func(h *message.Header) { h.Time++ }),
		"N":      outer(func(h *message.Header) { h.Nonce[0]++ }),
		"sid":    outer(func(h *message.Header) { h.Session[0]++ }),
		"seq":    outer(func(h *message.Header) { h.Seq++ }),
		"kid_to": outer(func(h *message.Header) { h.To[0]++ }),
		"suite":  outer(func(h *message.Header) { h.Suite = ecc.SuiteXWing }),
	}
	con := s.p.consent(s.r.physician, nil)
	ticket := s.mint(con, message.ModeRead, nil)
	eve := s.clinic("eve")
	entry, vk := eve.entry(s.p, "GENERAL")
	own, _ := eve.entry(s.p, "OUTPATIENT")
	_, toHospital, err := s.p.AskHospital(s.p.hospital(s.anna), message.Question{Kind: message.AskReleases})
	ok(t, err)
	_, toCloud, err := s.p.AskCloud(s.cloudPrekey(s.suite), "GENERAL", message.Question{Kind: message.AskEntries})
	ok(t, err)
	newcomer := s.patient()
	mrn := "mrn-" + rand.Text()
	_, err = s.bern.node.ImportPatient(t.Context(), mrn, nil)
	ok(t, err)
	_, enrol, err := newcomer.Enrol(newcomer.hospital(s.bern), newcomer.deskCode(s.bern, mrn), departments)
	ok(t, err)
	for name, x := range map[string]struct {
		to node
		m  message.Message
	}{
		"M4": {s.pc(), s.searches(con)}, "M6": {s.anna.node, s.r.m6(s.anna, con.Consent.Hash(), message.TicketHash(ticket), edits[message.M6]{}).m6},
		"index write": {s.pc(), eve.write(entry, vk)}, "M12": {s.pc(), s.r.m12(con, own, edits[message.M12]{})},
		"question to a hospital": {s.anna.node, toHospital}, "question to the public cloud": {s.pc(), toCloud}, "enrolment": {s.bern.node, enrol},
	} {
		for _, field := range slices.Sorted(maps.Keys(changes)) {
			s.refused(name+": "+field, s.attempt(x.to, changes[field](x.m)), problem.KindRefused, problem.KindInvalid)
		}
		s.mustAsk(x.to, x.m)
	}
	_, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	for field, change := range changes {
		s.refused("M1: "+field, func() error { _, _, err := s.r.AnswerM1(t.Context(), change(m1)); return err })
	}
	_, _, err = s.r.AnswerM1(t.Context(), m1)
	ok(t, err)
}

// TestAttack2_TooOldTooNew: signed and sealed well, but outside the window.
func TestAttack2_TooOldTooNew(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	con := s.p.consent(s.r.physician, nil)
	entry := s.p.entries()[0]
	for name, off := range map[string]time.Duration{"too old": -31 * time.Second, "too new": 3 * time.Second} {
		at := func(h *message.Header) { h.Time = h.Time.Add(off) }
		m4, _ := s.r.m4(con, message.ModeRead, edits[message.M4]{header: at})
		s.refused("M4 "+name, s.attempt(s.pc(), m4), problem.KindStale)
		s.refused("M12 "+name, s.attempt(s.pc(), s.r.m12(con, entry, edits[message.M12]{header: at})), problem.KindStale)
		s.refused("M6 "+name, s.attempt(s.anna.node, s.r.m6(s.anna, con.Consent.Hash(), ecc.Sum(nil), edits[message.M6]{header: at}).m6), problem.KindStale)
		_, x := s.atHospital()
		s.r.ahead = off
		m8, err := x.M8(message.Filter{})
		ok(t, err)
		s.refused("M8 "+name, s.attempt(s.anna.node, m8), problem.KindStale)
		s.r.ahead = 0
		ok(t, x.SignAnew()) // the session goes on with what is signed anew
		must(s.send(s.anna.node, must(x.M8(message.Filter{}))))
		s.p.ahead = off
		_, ask, err := s.p.AskHospital(s.p.hospital(s.anna), message.Question{Kind: message.AskReleases})
		ok(t, err)
		s.refused("a question "+name, s.attempt(s.anna.node, ask), problem.KindStale)
		s.p.ahead = 0
	}
	s.p.ahead = 3 * time.Second
	_, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	s.refused("M1 too new", func() error { _, _, err := s.r.AnswerM1(t.Context(), m1); return err }, problem.KindStale)
	s.p.ahead = 0
	s.whole(s.p, s.r.physician)
}

// TestAttack2_NonceUsedAgain: another message of the same doctor under the same N, with
// another time.
func TestAttack2_NonceUsedAgain(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	con := s.p.consent(s.r.physician, nil)
	nonce := [16]byte{1, 2, 3}
	with := func(h *message.Header) { h.Nonce = nonce }
	m4, _ := s.r.m4(con, message.ModeRead, edits[message.M4]{header: with})
	s.mustAsk(s.pc(), m4)
	s.clock.move(time.Second)
	m4, _ = s.r.m4(con, message.ModeRead, edits[message.M4]{header: with})
	s.refused("a second M4 under one N", s.attempt(s.pc(), m4))
	m6 := func() message.Message {
		return s.r.m6(s.anna, con.Consent.Hash(), message.TicketHash(s.mint(con, message.ModeRead, nil)), edits[message.M6]{header: with}).m6
	}
	s.mustAsk(s.anna.node, m6())
	s.clock.move(time.Second)
	s.refused("a second M6 under one N", s.attempt(s.anna.node, m6()))
}

// TestAttack3_SigP1ToAnotherDoctor: a dishonest doctor opens M1 and seals it, signature
// and all, to a colleague.
func TestAttack3_SigP1ToAnotherDoctor(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	honest := s.doctor()
	_, m1, err := s.p.Begin(s.p.card(s.r.physician))
	ok(t, err)
	pre := must(message.DecodePrekey(s.prekey(honest.cred).TBS))
	body := must(message.Open(m1, s.prekeyOf(s.r, m1.Header.To), s.r.ID())).Plaintext
	h := m1.Header
	forwarded := must(must(message.Begin(rand.Reader, pre.Key, honest.ID(), h)).Seal(body))
	s.refused("M1 sealed anew to another doctor", func() error { _, _, err := honest.AnswerM1(t.Context(), forwarded); return err })
	_, _, err = s.r.AnswerM1(t.Context(), m1)
	ok(t, err)
}

func (u *union) prekeyOf(r *rogue, kid message.Hash) ecc.KEMPrivateKey {
	u.Helper()
	for _, k := range r.pre {
		if k.Public().ID() == kid {
			return k
		}
	}
	u.Fatal("no such prekey")
	return ecc.KEMPrivateKey{}
}

// TestAttack3_SigD3ToAnotherHospital: a dishonest hospital opens M6 and seals it to
// another one, to use the doctor's ticket there.
func TestAttack3_SigD3ToAnotherHospital(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	eve := s.clinic("eve")
	c := s.terms()
	c.Grants = append(c.Grants, message.Grant{Hospital: eve.cred.Info.ID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}})
	v := s.open(s.p, s.r.physician, c)
	q, _ := v.search(message.ModeRead)
	_, m6, err := q.BeginSession(eve.cred, s.prekey(eve.cred))
	ok(t, err)
	body := must(message.Open(m6, eve.pre, eve.cred.Info.ID)).Plaintext
	pre := must(message.DecodePrekey(s.prekey(s.anna.cred).TBS))
	forwarded := must(must(message.Begin(rand.Reader, pre.Key, s.anna.id, m6.Header)).Seal(body))
	s.refused("M6 sealed anew to another hospital", s.attempt(s.anna.node, forwarded))
	v.session(q, s.anna)
}

// TestAttack3_SigD2ByAnother: a doctor cannot search in a colleague's name.
func TestAttack3_SigD2ByAnother(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	con := s.p.consent(s.r.physician, nil)
	other := s.doctor().turn()
	m4, _ := s.r.m4(con, message.ModeRead, edits[message.M4]{key: other.sign})
	s.refused("M4 with another doctor's signature", s.attempt(s.pc(), m4))
	m4, _ = other.m4(con, message.ModeRead, edits[message.M4]{body: func(m *message.M4) { m.Doctor, m.Certificate = s.r.cred, s.r.cert }})
	s.refused("M4 in another doctor's name", s.attempt(s.pc(), m4))
	s.mustAsk(s.pc(), s.searches(con))
}

// TestAttack3_RepliesSwapped: two exchanges of the same kind run side by side and the
// network swaps their answers.
func TestAttack3_RepliesSwapped(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.swapM2()
	for _, swapped := range []bool{true, false} {
		s.swapM5(swapped)
		s.swapM7(swapped)
		s.swapM9(swapped)
		s.swapAnswers(swapped)
	}
}

// swap gives two replies to their receivers, or each to the other's.
func (s *scene) swap(what string, swapped bool, first, second func(message.Message) error, a, b message.Message) {
	s.Helper()
	if !swapped {
		ok(s, first(a))
		ok(s, second(b))
		return
	}
	s.refused(what+" swapped", func() error { return first(b) })
	s.refused(what+" swapped, the other way", func() error { return second(a) })
}

func (s *scene) swapM2() {
	s.Helper()
	card := s.p.card(s.r.physician)
	for _, swapped := range []bool{true, false} {
		x, m1x, err := s.p.Begin(card)
		ok(s, err)
		y, m1y, err := s.p.Begin(card)
		ok(s, err)
		_, a, err := s.r.AnswerM1(s.Context(), m1x)
		ok(s, err)
		_, b, err := s.r.AnswerM1(s.Context(), m1y)
		ok(s, err)
		s.swap("M2", swapped, x.ReceiveM2, y.ReceiveM2, a, b)
	}
}

func (s *scene) swapM5(swapped bool) {
	s.Helper()
	v := s.open(s.p, s.r.physician, s.terms())
	x, m4x, err := v.dv.BeginSearch(message.ModeRead, s.cloudPrekey(s.suite))
	ok(s, err)
	y, m4y, err := v.dv.BeginSearch(message.ModeRead, s.cloudPrekey(s.suite))
	ok(s, err)
	s.swap("M5", swapped, func(m message.Message) error { _, err := x.ReceiveM5(m); return err },
		func(m message.Message) error { _, err := y.ReceiveM5(m); return err }, s.mustAsk(s.pc(), m4x), s.mustAsk(s.pc(), m4y))
}

func (s *scene) swapM7(swapped bool) {
	s.Helper()
	v := s.open(s.p, s.r.physician, s.terms())
	q, _ := v.search(message.ModeRead)
	x, m6x, err := q.BeginSession(s.anna.cred, s.prekey(s.anna.cred))
	ok(s, err)
	y, m6y, err := q.BeginSession(s.bern.cred, s.prekey(s.bern.cred))
	ok(s, err)
	s.swap("M7", swapped, x.ReceiveM7, y.ReceiveM7, s.mustAsk(s.anna.node, m6x), s.mustAsk(s.bern.node, m6y))
}

func (s *scene) swapM9(swapped bool) {
	s.Helper()
	_, x := s.atHospital()
	_, y := s.atHospital()
	a, err := s.send(s.anna.node, must(x.M8(message.Filter{})))
	ok(s, err)
	b, err := s.send(s.anna.node, must(y.M8(message.Filter{})))
	ok(s, err)
	s.swap("M9", swapped, func(m message.Message) error { _, _, err := x.ReceiveM9(m); return err },
		func(m message.Message) error { _, _, err := y.ReceiveM9(m); return err }, a[0], b[0])
}

func (s *scene) swapAnswers(swapped bool) {
	s.Helper()
	q := message.Question{Kind: message.AskReleases}
	x, askX, err := s.p.AskHospital(s.p.hospital(s.anna), q)
	ok(s, err)
	y, askY, err := s.p.AskHospital(s.p.hospital(s.bern), q)
	ok(s, err)
	s.swap("answers", swapped, func(m message.Message) error { _, err := x.Open(m); return err },
		func(m message.Message) error { _, err := y.Open(m); return err }, s.mustAsk(s.anna.node, askX), s.mustAsk(s.bern.node, askY))
}

package attack_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay"
	"medunion/api/replay/redistest"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// everything runs a visit and one question of each kind, and returns each message that a
// cloud accepted.
func (u *union) everything() []sent {
	u.Helper()
	p, d := u.patient(), u.doctor()
	u.record()
	p.enrol(u.anna, lab("a", 10))
	v := u.whole(p, d)
	// Of some other consent: a replay must not be refused for being revoked.
	other := message.Question{Kind: message.AskRevoke, Consent: ecc.Sum(v.consent[:])}
	p.asks(u.anna, other)
	p.asksCloud(other)
	tape := u.recorded()
	var types []message.Type
	for _, s := range tape {
		types = append(types, s.t)
	}
	for _, want := range []message.Type{message.TypeEnrol, message.TypeIndex, message.TypeM4, message.TypeM6, message.TypeM8, message.TypeM11, message.TypeM12, message.TypeAsk} {
		if !slices.Contains(types, want) {
			u.Fatalf("no %s among %v", want, types)
		}
	}
	return tape
}

// again delivers everything once more, each message to where at says.
func (u *union) again(how string, tape []sent, at func(node) node, kinds ...problem.Kind) {
	u.Helper()
	for _, s := range tape {
		u.refused(string(s.t)+" "+how, func() error {
			_, err := at(s.to).deliver(u.Context(), s.raw)
			return err
		}, kinds...)
	}
}

// replayed is again where nothing but the replay is wrong with a message.
func (u *union) replayed(how string, tape []sent, at func(node) node) {
	u.Helper()
	for _, s := range tape {
		_, err := at(s.to).deliver(u.Context(), s.raw)
		if !errors.Is(err, replay.ErrReplayed) && !errors.Is(err, ecc.ErrSequence) {
			u.Errorf("%s %s was refused, but not as a replay: %s", s.t, how, problem.Reason(err))
		}
	}
}

func same(n node) node { return n }

func TestAttack1_EachMessageInsideTheWindow(t *testing.T) {
	suites(t, func(t *testing.T, s ecc.Suite) {
		u := newUnion(t, s)
		tape := u.everything()
		u.again("again", tape, same)
		u.replayed("again", tape, same)
	})
}

func TestAttack1_EachMessageAfterTheWindow(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	tape := u.everything()
	u.clock.move(31 * time.Second)
	u.again("after the window", tape, same, problem.KindStale)
}

func TestAttack1_EachMessageAtAnotherReplica(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	anna, cloud := u.replica(u.anna), cloudNode{u.startCloud(u.config).Role()}
	at := func(n node) node {
		if _, public := n.(cloudNode); public {
			return cloud
		}
		return anna
	}
	tape := u.everything()
	u.again("at another replica", tape, at)
	u.replayed("at another replica", tape, at)
	// The replicas are no dead ends: what one has not seen it accepts.
	p := u.patient()
	p.enrol(u.anna, lab("a", 10))
	_, m, err := p.AskHospital(p.hospital(u.anna), message.Question{Kind: message.AskReleases})
	ok(t, err)
	u.mustAsk(anna, m)
	_, m, err = p.AskCloud(u.cloudPrekey(u.suite), "GENERAL", message.Question{Kind: message.AskEntries})
	ok(t, err)
	u.mustAsk(cloud, m)
}

func TestAttack1_RedisOutageAndRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a real Redis to take messages again")
	}
	redis := redistest.Start(t)
	u := startUnionAt(t, redis)
	tape := u.everything()
	redis.Kill9()
	u.again("while Redis is down", tape, same, problem.KindUnavailable)
	redis.Restart()
	u.again("at once after the restart", tape, same, problem.KindRefused, problem.KindUnavailable, problem.KindStale)
	redistest.Eventually(t, 10*time.Second, "fresh messages to be taken again", func() bool {
		p := u.newcomer()
		return p != nil
	})
	u.again("after the restart", tape, same, problem.KindRefused, problem.KindStale)
	u.everything()
}

// startUnionAt is a union by the wall clock over a real Redis.
func startUnionAt(t *testing.T, redis *redistest.Server) *union {
	return startUnion(t, ecc.SuiteX25519, &clock{real: true}, redis.Addr())
}

// newcomer is patient, or nil while the window takes nothing.
func (u *union) newcomer() *person {
	p := u.stranger(u.suite, rand.Reader)
	req := must(p.RequestRegistration(must(u.cloud.Challenge()), u.code()))
	if _, err := u.cloud.Register(u.Context(), req.Encode(), false); err != nil {
		return nil
	}
	return p
}

func TestAttack1_Registration(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p := u.stranger(u.suite, rand.Reader)
	req := must(p.RequestRegistration(must(u.cloud.Challenge()), u.code())).Encode()
	_, err := u.cloud.Register(t.Context(), req, false)
	ok(t, err)
	replayed := func() error { _, err := u.cloud.Register(t.Context(), req, false); return err }
	u.refused("M0 again", replayed)
	u.clock.move(31 * time.Second)
	u.refused("M0 after the window", replayed, problem.KindStale)
}

// Between patient and doctor there is no cloud's window: the doctor's store of M1, the
// one-time keys and the numbers of the session stand for it.
func TestAttack1_BetweenPatientAndDoctor(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p, d := u.patient(), u.doctor()
	p.enrol(u.anna, lab("a", 10))
	v := u.open(p, d, u.terms())
	answer := func(d *doctor.Doctor) func() error {
		return func() error { _, _, err := d.AnswerM1(t.Context(), v.m1); return err }
	}
	u.refused("M1 again", answer(d.Doctor))
	restarted := must(doctor.Load(d.config(), d.Export()))
	ok(t, restarted.AcceptRevocations(must(message.DecodeSigned(must(u.cloud.RevocationList(t.Context()))))))
	u.refused("M1 after a restart, with the same store", answer(restarted))
	u.refused("M2 again", func() error { return v.pv.ReceiveM2(v.m2) }, problem.KindConflict)
	u.refused("M2 in a later visit", func() error {
		later, _, err := p.Begin(p.card(d))
		ok(t, err)
		return later.ReceiveM2(v.m2)
	})
	u.refused("M3 again", func() error { return v.dv.ReceiveM3(v.m3) }, problem.KindConflict)
	later := u.begun(p, d)
	u.refused("M3 in a later visit", func() error { return later.dv.ReceiveM3(v.m3) })
	must(v.dv.Diagnose(diagnosis))
	m10 := must(v.dv.M10())
	later = u.open(p, d, u.terms())
	u.refused("M10 in a later visit", func() error { _, err := later.pv.ReceiveM10(m10); return err })
	_, err := v.pv.ReceiveM10(m10)
	ok(t, err)
	u.refused("M10 again", func() error { _, err := v.pv.ReceiveM10(m10); return err }, problem.KindConflict)
	u.clock.move(16 * time.Minute)
	u.refused("M1 after its 15 minutes", answer(d.Doctor), problem.KindStale)
}

// TestAttack1_Replies: an answer is good once, and for the exchange that it belongs to.
func TestAttack1_Replies(t *testing.T) {
	u := newUnion(t, ecc.SuiteX25519)
	p, d := u.patient(), u.doctor()
	p.enrol(u.anna, lab("a", 10))
	v := u.open(p, d, u.terms())
	s, m4, err := v.dv.BeginSearch(message.ModeRead, u.cloudPrekey(u.suite))
	ok(t, err)
	m5 := u.mustAsk(u.pc(), m4)
	_, err = s.ReceiveM5(m5)
	ok(t, err)
	u.refused("M5 again", func() error { _, err := s.ReceiveM5(m5); return err }, problem.KindConflict)
	other, _, err := v.dv.BeginSearch(message.ModeRead, u.cloudPrekey(u.suite))
	ok(t, err)
	u.refused("M5 of an earlier search", func() error { _, err := other.ReceiveM5(m5); return err })
	x, m6, err := s.BeginSession(u.anna.cred, u.prekey(u.anna.cred))
	ok(t, err)
	m7 := u.mustAsk(u.anna.node, m6)
	ok(t, x.ReceiveM7(m7))
	u.refused("M7 again", func() error { return x.ReceiveM7(m7) }, problem.KindConflict)
	m8, err := x.M8(message.Filter{})
	ok(t, err)
	pages, err := u.send(u.anna.node, m8)
	ok(t, err)
	_, _, err = x.ReceiveM9(pages[0])
	ok(t, err)
	_, err = x.M8(message.Filter{})
	ok(t, err)
	u.refused("M9 of an earlier release", func() error { _, _, err := x.ReceiveM9(pages[0]); return err })
	pending, ask, err := p.AskHospital(p.hospital(u.anna), message.Question{Kind: message.AskReleases})
	ok(t, err)
	answer := u.mustAsk(u.anna.node, ask)
	_, err = pending.Open(answer)
	ok(t, err)
	second, _, err := p.AskHospital(p.hospital(u.anna), message.Question{Kind: message.AskReleases})
	ok(t, err)
	u.refused("an answer to an earlier question", func() error { _, err := second.Open(answer); return err })
}

package agent_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

// eventually waits for a condition that follows from events elsewhere.
func (u *union) eventually(what string, is func() bool) {
	u.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			u.t.Fatalf("never: %s\n%s", what, u.log.String())
		}
	}
}

func mail(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/messages") }

// TestPortalDownInMidVisit: the portal is gone after M3, for longer than a few attempts;
// the visit says so, goes on when it is back, and gets the diagnosis.
func TestPortalDownInMidVisit(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Shared)
	tries := 0
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if !mail(r) {
				return 0
			}
			tries++
			return 503
		}
	})
	u.eventually("the trouble is told", func() bool { return peers.Must(a.Visit(id)).Trouble != nil })
	u.eventually("four attempts", func() (enough bool) { u.do(func() { enough = tries >= 4 }); return enough })
	if v := peers.Must(a.Visit(id)); v.Trouble.Code != "portal-unreachable" || v.State != agent.Shared {
		t.Errorf("visit %+v", v)
	}
	u.do(func() { u.fail = nil; u.diagnose(u.d) })
	v := u.until(a, id, agent.Diagnosed)
	if v.Trouble != nil {
		t.Errorf("trouble %+v", v.Trouble)
	}
}

// TestPortalDownBeforeM1: the request waits for the network and then arrives.
func TestPortalDownBeforeM1(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	a := u.enrolled()
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if mail(r) {
				return 503
			}
			return 0
		}
	})
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.eventually("the trouble is told", func() bool { return peers.Must(a.Visit(id)).Trouble != nil })
	u.do(func() { u.fail = nil })
	u.until(a, id, agent.Diagnosed)
}

// sleeper is a union whose patient's clock jumps, as when her device has slept. The
// clock is read under no lock of the union.
func sleeper(t *testing.T) (*union, *atomic.Int64) {
	u, offset := newUnion(t), &atomic.Int64{}
	u.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	return u, offset
}

// TestSleepBeforeTheAnswer: the doctor answered while the device slept beyond M1's life;
// what has come is found.
func TestSleepBeforeTheAnswer(t *testing.T) {
	u, offset := sleeper(t)
	u.reply = u.diagnose
	a := u.enrolled()
	asleep, asked := true, false
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if asleep && r.Method == http.MethodGet && mail(r) {
				asked = true
				return 503
			}
			return 0
		}
	})
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.eventually("M1 has arrived, and the mailbox was asked", func() (yes bool) { u.do(func() { yes = asked }); return yes })
	u.do(func() { asleep = false; offset.Store(int64(20 * time.Minute)) })
	u.until(a, id, agent.Diagnosed)
}

// TestSleepBeyondTheSession: an answer that comes when the session is over shares nothing.
func TestSleepBeyondTheSession(t *testing.T) {
	u, offset := sleeper(t)
	a := u.enrolled()
	asleep, asked := true, false
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if asleep && r.Method == http.MethodGet && mail(r) {
				asked = true
				return 503
			}
			return 0
		}
	})
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.eventually("M1 has arrived, and the mailbox was asked", func() (yes bool) { u.do(func() { yes = asked }); return yes })
	u.do(func() { asleep = false; offset.Store(int64(45 * time.Minute)) })
	if v := u.until(a, id, agent.Failed); v.Code != "session-over" || v.Shared || !v.Repeatable || len(peers.Must(a.Consents())) != 0 {
		t.Errorf("visit %+v", v)
	}
}

// TestSilence: nobody answers; the visit ends with a code, and can be begun again.
func TestSilence(t *testing.T) {
	u, offset := sleeper(t)
	a := u.enrolled()
	asked := false
	u.do(func() {
		u.silent = true
		u.fail = func(r *http.Request) int { asked = asked || r.Method == http.MethodGet && mail(r); return 0 }
	})
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.eventually("the mailbox was asked", func() (yes bool) { u.do(func() { yes = asked }); return yes })
	offset.Store(int64(16 * time.Minute))
	if v := u.until(a, id, agent.Failed); v.Code != "doctor-silent" || v.Shared || !v.Repeatable {
		t.Errorf("visit %+v", v)
	}
}

// TestStoppedBeforeSharing: the agent ends before the doctor answers. Nothing was
// shared, and the same choices can be taken again.
func TestStoppedBeforeSharing(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	u.do(func() { u.silent = true })
	q := u.request()
	q.Withhold = agent.Withhold{Classes: []message.Code{"LAB"}}
	q.Recordings = []agent.Recording{{Name: "ring.csv", Data: []byte("1\n2\n3\n"), Kind: "ppg", Hz: "100"}}
	id, err := a.StartVisit(ctx, q)
	u.ok(err)
	_, err = a.PrepareApproval(ctx, agent.Request{Again: id})
	kind(t, "again, while it goes on", err, problem.KindConflict)
	u.ok(a.Close())

	again := u.agent()
	u.ok(again.Unlock(secret))
	v := peers.Must(again.Visit(id))
	if v.Code != "stopped-before-sharing" || v.Shared || !v.Repeatable {
		t.Fatalf("visit %+v", v)
	}
	u.do(func() { u.silent = false; u.reply = u.diagnose })
	p, err := again.PrepareApproval(ctx, agent.Request{Again: id})
	u.ok(err)
	second, err := again.Approve(p.ID, agent.Proof{Passphrase: secret})
	u.ok(err)
	u.until(again, second, agent.Diagnosed)
	for _, g := range u.d.M3.CON.OpenH.Grants {
		if slices.Contains(g.Classes, "LAB") {
			t.Errorf("granted %+v", g)
		}
	}
	if msd := string(peers.Must(message.Unsalted(u.d.M3.MSD))); !strings.Contains(msd, "SampledData") || p.Recordings != 1 {
		t.Errorf("the measurements are lost: %s", msd)
	}
	_, err = again.PrepareApproval(ctx, agent.Request{Again: second})
	kind(t, "again, after a diagnosis", err, problem.KindConflict)
	_, err = again.PrepareApproval(ctx, agent.Request{Again: id})
	kind(t, "again, after another visit", err, problem.KindConflict)
}

// TestStoppedAfterSharing: what was sent is among the consents; the diagnosis that the
// doctor writes at her hospital is found there and belongs to the visit.
func TestStoppedAfterSharing(t *testing.T) {
	u := newUnion(t)
	u.reply = func(d *peers.Doctor) {
		salted, sig := d.D5(finding, nil)
		u.anna.diagnoses = []message.WrittenDiagnosis{d.Written(4, salted, sig)}
	}
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Shared)
	u.ok(a.Lock())
	u.ok(a.Unlock(secret))
	v := peers.Must(a.Visit(id))
	if v.Code != "stopped-after-sharing" || !v.Shared {
		t.Errorf("visit %+v", v)
	}
	if k := peers.Must(a.Consents()); len(k) != 1 || k[0].Hash != *v.Consent || k[0].Visit != id || k[0].Revoked != "no" {
		t.Errorf("consents %+v", k)
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _ = a.Watch(watch, func([]agent.Topic) error { return nil }) }()
	u.eventually("the diagnosis is found", func() bool { return peers.Must(a.Visit(id)).State == agent.Diagnosed })
	v = peers.Must(a.Visit(id))
	if v.Code != "diagnosed-in-record" || v.Diagnosis == nil {
		t.Errorf("visit %+v", v)
	}
	if d := peers.Must(a.Diagnosis(*v.Diagnosis)); d.FromVisit || !d.ConsentKnown || string(d.Content) != finding {
		t.Errorf("diagnosis %+v", d)
	}
}

// TestEndVisit: she ends a visit before and after sharing.
func TestEndVisit(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Shared)
	v, err := a.EndVisit(id)
	u.ok(err)
	if v.State != agent.Failed || v.Code != "ended-after-sharing" || !v.Shared {
		t.Errorf("visit %+v", v)
	}
	_, err = a.EndVisit(id)
	kind(t, "twice", err, problem.KindConflict)
	_, err = a.EndVisit("00000000000000000000000000000000")
	kind(t, "an unknown one", err, problem.KindNotFound)

	u.do(func() { u.silent = true })
	id, err = a.StartVisit(ctx, u.request())
	u.ok(err)
	if v, err = a.EndVisit(id); err != nil || v.Code != "ended-before-sharing" || v.Shared || !v.Repeatable {
		t.Errorf("visit %+v: %v", v, err)
	}
	if k := peers.Must(a.Consents()); len(k) != 1 {
		t.Errorf("consents %+v", k)
	}
}

// TestActivity: while somebody watches, the agent asks what became of the consent, one
// question at a time; while nobody does, it asks nothing.
func TestActivity(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	v := u.until(a, id, agent.Shared)
	questions := func() (n int) { u.do(func() { n = len(u.asked) }); return n }
	before := questions()
	time.Sleep(3 * time.Second) // longer than the observer's beat
	if questions() != before {
		t.Error("somebody was asked, and nobody watches")
	}
	u.do(func() {
		u.anna.releases = []message.Release{{Number: 1, Time: u.w.Millis(), Doctor: u.d.C, Name: "D", Licence: "L", Department: "SURGERY", Purpose: "TREATMENT",
			Consent: *v.Consent, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}, Resources: 7, Pages: []message.Hash{{1}}},
			{Number: 2, Time: u.w.Millis() + 1, Doctor: u.d.C, Name: "D", Licence: "L", Department: "SURGERY", Purpose: "TREATMENT",
				Consent: *v.Consent, Departments: []message.Code{"SURGERY"}, Classes: []message.Code{"PROBLEM"}, Resources: 1}}
	})
	watch, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan []agent.Topic, 100)
	go func() { _ = a.Watch(watch, func(t []agent.Topic) error { seen <- t; return nil }) }()
	u.eventually("the release is known", func() bool { return peers.Must(a.Visit(id)).Code == "reading" })
	v = peers.Must(a.Visit(id))
	if len(v.Activity) != 3 || v.Activity[2].Code != "written" || v.Activity[2].Hospital != peers.AnnaID || v.Activity[0].Code != "searched" || v.Activity[1].Hospital != peers.AnnaID || v.Activity[1].Resources != 7 {
		t.Errorf("activity %+v", v.Activity)
	}
	if n := questions() - before; n > 6 {
		t.Errorf("%d questions", n)
	}
	if first := <-seen; len(first) != 3 {
		t.Errorf("told first: %v", first)
	}
	if next := <-seen; !slices.Contains(next, agent.Visits) {
		t.Errorf("told next: %v", next)
	}
}

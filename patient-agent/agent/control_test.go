package agent_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

// visited is an enrolled agent after a visit with a diagnosis.
func (u *union) visited() (*agent.Agent, agent.Visit) {
	u.t.Helper()
	u.reply = u.diagnose
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	return a, u.until(a, id, agent.Diagnosed)
}

// release is a hospital's line under the consent of the visit.
func (u *union) release(number uint64, consent message.Hash) message.Release {
	return message.Release{Number: number, Time: message.Millis(number), Doctor: u.d.C, Licence: "L-1", Name: string(peers.DoctorID), Department: "SURGERY",
		Purpose: "TREATMENT", Consent: consent, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}, Resources: 3, Pages: []message.Hash{{1}}}
}

func (u *union) list(consent message.Hash, numbers ...uint64) (out []message.Release) {
	for _, n := range numbers {
		out = append(out, u.release(n, consent))
	}
	return out
}

// anna returns what St Anna has told, of an answer about all hospitals.
func anna(t *testing.T, a *agent.Agent) (agent.HospitalReleases, bool) {
	t.Helper()
	r, err := a.Releases(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Hospitals, func(h agent.HospitalReleases) bool { return h.Hospital == peers.AnnaID })
	return r.Hospitals[i], r.Complete
}

func TestReleases(t *testing.T) {
	u := newUnion(t)
	a, v := u.visited()
	set := func(numbers ...uint64) { u.do(func() { u.anna.releases = u.list(*v.Consent, numbers...) }) }
	u.anna.page = 2
	if h, complete := anna(t, a); !complete || len(h.Releases) != 0 {
		t.Errorf("none yet: %+v", h)
	}
	set(1, 2, 3, 4, 5)
	if h, complete := anna(t, a); !complete || len(h.Releases) != 5 || !h.Releases[0].ConsentKnown || len(h.Warnings) != 0 {
		t.Errorf("five in parts: %+v", h)
	}
	for _, q := range u.asked[len(u.asked)-2:] {
		if q.Kind == message.AskReleases && q.From == 0 {
			t.Error("asked from 0")
		}
	}
	set(1, 2, 3, 4, 5, 6)
	if h, complete := anna(t, a); !complete || len(h.Releases) != 6 {
		t.Errorf("one more: %+v", h)
	}
	// What a hospital may do to hide something, after an agent was opened anew.
	u.ok(a.Lock())
	u.ok(a.Unlock(secret))
	for what, c := range map[string]struct {
		numbers []uint64
		says    string
		shown   int
	}{
		"a gap":         {[]uint64{1, 2, 3, 4, 5, 6, 8}, "Release 7 is MISSING", 7},
		"went back":     {[]uint64{1, 2, 3}, "HIDES", 6},
		"emptied":       {nil, "HIDES", 6},
		"out of order":  {[]uint64{1, 2, 3, 4, 5, 6, 8, 7}, "Release 7 is MISSING", 8},
		"number reused": {[]uint64{1, 2, 3, 4, 5, 6, 6}, "Release 7 is MISSING", 7},
	} {
		set(c.numbers...)
		if what == "out of order" {
			u.anna.page = 0
		}
		h, complete := anna(t, a)
		if complete || !strings.Contains(warnings(h), c.says) || len(h.Releases) != c.shown {
			t.Errorf("%s: %d shown, %v", what, len(h.Releases), h.Warnings)
		}
		u.anna.page = 2
	}
	set(1, 2, 3, 4, 5, 6, 7)
	if h, complete := anna(t, a); !complete || len(h.Releases) != 7 {
		t.Errorf("the gap is filled: %+v", h)
	}
	u.do(func() { u.anna.releases[6].Resources = 9 })
	if h, complete := anna(t, a); complete || !strings.Contains(warnings(h), "CHANGED release 7") {
		t.Errorf("changed: %v", h.Warnings)
	}
}

func TestReleaseUnderAnUnknownConsent(t *testing.T) {
	u := newUnion(t)
	a, v := u.visited()
	u.anna.releases = append(u.list(*v.Consent, 1), u.list(message.Hash{7}, 2)...)
	h, complete := anna(t, a)
	if complete || len(h.Warnings) != 1 || !strings.Contains(h.Warnings[0].Says, "Release 2 names a consent that you did not give") {
		t.Errorf("%v", h.Warnings)
	}
	u.do(func() {
		u.fail = func(r *http.Request) int { return map[bool]int{true: 503}[r.URL.Path == "/v1/questions"] }
	})
	h, complete = anna(t, a)
	if complete || h.Answered || len(h.Releases) != 2 {
		t.Errorf("without the hospital, what is known must be shown: %+v", h)
	}
}

func TestRevocation(t *testing.T) {
	u := newUnion(t)
	a, v := u.visited()
	k := peers.Must(a.Consents())
	if len(k) != 1 || k[0].Revoked != "no" || k[0].Hash != *v.Consent || k[0].Credential != u.d.C {
		t.Fatalf("%+v", k)
	}
	down := true
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if down && strings.Contains(u.otherAddress(), r.Host) {
				return 503
			}
			return 0
		}
	})
	r, err := a.Revoke(ctx, *v.Consent)
	u.ok(err)
	if r.Complete || len(r.Results) != 4 || !strings.Contains(r.Says(), "NOT everybody") {
		t.Fatalf("%+v", r)
	}
	for _, x := range r.Results {
		if want := x.At != string(peers.ElseID); x.Revoked != want {
			t.Errorf("%+v", x)
		}
	}
	if k := peers.Must(a.Consents()); k[0].Revoked != "partly" {
		t.Errorf("%+v", k)
	}
	u.do(func() { down, u.revoked = false, nil })
	u.ok(a.Lock()) // what has confirmed is remembered
	u.ok(a.Unlock(secret))
	r, err = a.Revoke(ctx, *v.Consent)
	u.ok(err)
	if !r.Complete || !slices.Equal(u.revoked, []string{string(peers.ElseID)}) {
		t.Errorf("repeated: %+v; asked %v", r, u.revoked)
	}
	if k := peers.Must(a.Consents()); k[0].Revoked != "yes" {
		t.Errorf("%+v", k)
	}
	_, err = a.Revoke(ctx, message.Hash{1})
	kind(t, "an unknown consent", err, problem.KindNotFound)
}

func (u *union) otherAddress() string { return string(u.other.Cred.Info.Attribute) }

// TestAttack21ForeignConsent: a consent that is not hers is not revoked, and nobody
// is asked about it.
func TestAttack21ForeignConsent(t *testing.T) {
	u := newUnion(t)
	a, v := u.visited()
	foreign := *v.Consent
	foreign[0] ^= 1
	before := len(u.asked)
	_, err := a.Revoke(ctx, foreign)
	kind(t, "a foreign consent", err, problem.KindNotFound)
	_, err = a.Uses(ctx, foreign)
	kind(t, "uses of a foreign consent", err, problem.KindNotFound)
	if len(u.asked) != before {
		t.Error("somebody was asked")
	}
}

func TestUses(t *testing.T) {
	u := newUnion(t)
	a, v := u.visited()
	uses, err := a.Uses(ctx, *v.Consent)
	u.ok(err)
	if len(uses) != 1 || uses[0].Mode != message.ModeRead {
		t.Errorf("the same search told by two locators is one: %+v", uses)
	}
}

func TestDiagnosesAreOne(t *testing.T) {
	u := newUnion(t)
	u.reply = func(d *peers.Doctor) {
		salted, sig := d.D5(finding, nil)
		u.anna.diagnoses = []message.WrittenDiagnosis{d.Written(4, salted, sig)}
		u.other.diagnoses = []message.WrittenDiagnosis{d.Written(9, salted, sig)}
		other, sig2 := d.D5(`{"resourceType":"Bundle"}`, func(d *message.D5) { d.Time++ })
		u.anna.diagnoses = append(u.anna.diagnoses, d.Written(5, other, sig2))
		forged, sig3 := d.D5(finding, func(d *message.D5) { d.Patient = "other" })
		u.other.diagnoses = append(u.other.diagnoses, d.Written(10, forged, sig3))
	}
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Shared)
	for range 2 { // the second time nothing is new
		list, unanswered, err := a.Diagnoses(ctx)
		u.ok(err)
		if len(list) != 2 || len(list[1].StoredAt) != 2 || list[1].FromVisit || !list[0].ConsentKnown || list[0].Time.Before(list[1].Time) {
			t.Fatalf("%+v", list)
		}
		if len(unanswered) != 1 || unanswered[0].Hospital != peers.ElseID {
			t.Errorf("the forged one must be told on: %+v", unanswered)
		}
	}
}

// TestOldRevocationList: who stands before the public cloud cannot take a revocation
// back by showing an older list.
func TestOldRevocationList(t *testing.T) {
	u := newUnion(t)
	now := time.Now()
	u.cfg.Now = func() time.Time { return now }
	a := u.enrolled()
	old := u.w.Cloud.Revocations()
	time.Sleep(2 * time.Millisecond)
	now = now.Add(10 * time.Minute)
	u.ok(errOf(a.Card(ctx, u.link()))) // it has seen a newer one
	now = now.Add(10 * time.Minute)    // the list is fetched again
	u.do(func() { u.revocations = func() message.Signed { return old } })
	_, err := a.Card(ctx, u.link())
	kind(t, "an older list than one shown before", err, problem.KindRefused)
	u.do(func() { u.revocations = func() message.Signed { return u.w.Cloud.Revocations(u.d.C) } })
	_, err = a.Card(ctx, u.link())
	kind(t, "a revoked doctor", err, problem.KindRefused)
	u.do(func() { u.revocations = nil })
	now = now.Add(10 * time.Minute)
	u.ok(errOf(a.Card(ctx, u.link())))
	now = now.Add(3 * time.Hour)
	_, err = a.Card(ctx, u.link())
	kind(t, "a list older than two hours", err, problem.KindRefused)
}

func warnings(h agent.HospitalReleases) string {
	var b strings.Builder
	for _, w := range h.Warnings {
		b.WriteString(w.Code + ": " + w.Says + "\n")
	}
	return b.String()
}

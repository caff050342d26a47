package agent_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

var ctx = context.Background()

func kind(t *testing.T, what string, err error, want problem.Kind) {
	t.Helper()
	if err == nil || problem.KindOf(err) != want {
		t.Errorf("%s: %v (%s), want %s", what, err, problem.Reason(err), want)
	}
}

func TestWholeVisit(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	a := u.enrolled()
	q := u.request()
	q.Withhold = agent.Withhold{Classes: []message.Code{"LAB"}}
	q.Recordings = []agent.Recording{{Name: "ring.csv", Data: []byte("1\n2\n3\n"), Kind: "ppg", Hz: "100"}}
	id, err := a.StartVisit(ctx, q)
	u.ok(err)
	v := u.until(a, id, agent.Diagnosed)
	con := u.d.M3.CON
	for _, g := range con.OpenH.Grants {
		if slices.Contains(g.Classes, "LAB") || len(g.Departments) != 2 {
			t.Errorf("granted %+v", g)
		}
	}
	if len(con.OpenH.Grants) != 2 || con.OpenH.WriteTo != peers.AnnaID || con.Consent.Purpose != agent.DefaultPurpose {
		t.Errorf("consent %+v", con.OpenH)
	}
	if msd := peers.Must(message.Unsalted(u.d.M3.MSD)); !bytes.Contains(msd, []byte("SampledData")) {
		t.Errorf("signals %s", msd)
	}
	if v.Consent == nil || *v.Consent != con.Consent.Hash() || v.Diagnosis == nil {
		t.Errorf("visit %+v", v)
	}
	d, err := a.Diagnosis(*v.Diagnosis)
	u.ok(err)
	if string(d.Content) != finding || !d.ConsentKnown || !d.FromVisit {
		t.Errorf("diagnosis %+v", d)
	}
	u.checkTrace(t)
}

// checkTrace checks that the observer saw the registration and the messages of the visit.
func (u *union) checkTrace(t *testing.T) {
	var seen []message.Type
	for _, s := range u.trace {
		if s.Type[0] == 'M' {
			seen = append(seen, s.Type)
		}
		if s.Bytes == 0 || s.From == s.To {
			t.Errorf("trace %+v", s)
		}
	}
	if !slices.Equal(seen, []message.Type{"M0", "M0", "M1", "M2", "M3", "M10"}) {
		t.Errorf("trace %v", seen)
	}
}

// TestLogsNameNobody runs visits that succeed and fail and looks for what identifies
// anybody in the log.
func TestLogsNameNobody(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id := peers.Must(a.Identity())
	u.reply = func(d *peers.Doctor) { u.post(d.M10("CANARYFINDING", func(d *message.D5) { d.Patient = "other" })) }
	visit := peers.Must(a.StartVisit(ctx, u.request()))
	u.until(a, visit, agent.Failed)
	u.ok(a.Close())
	log := u.log.String()
	if !strings.Contains(log, "visit failed") {
		t.Error("the failure is not in the log")
	}
	for _, s := range []string{string(id.ID), hex.EncodeToString(u.d.C[:]), string(peers.DoctorID), "CANARYFINDING", string(secret), "CODE-1234"} {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
	}
	file, err := os.ReadFile(u.cfg.Store)
	u.ok(err)
	if bytes.Contains(file, []byte(id.ID)) || bytes.Contains(file, []byte(peers.DoctorID)) {
		t.Error("the store's file shows its content")
	}
}

// TestAttack06NoMessageWithoutThePassphrase: nothing at all is sent to a doctor.
func TestAttack06NoMessageWithoutThePassphrase(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	for _, p := range []string{"", "wrong", string(secret) + "x"} {
		q := u.request()
		q.Passphrase = []byte(p)
		_, err := a.StartVisit(ctx, q)
		kind(t, "passphrase "+p, err, problem.KindInvalid)
	}
	if len(u.steps) != 0 || len(peers.Must(a.Visits())) != 0 {
		t.Error("a visit began")
	}
	u.ok(a.Lock())
	_, err := a.StartVisit(ctx, u.request())
	kind(t, "a locked store", err, problem.KindConflict)
	kind(t, "a wrong passphrase", a.Unlock([]byte("wrong")), problem.KindInvalid)
	u.ok(a.Unlock(secret))
}

// TestPortalLost: the portal is gone for a while at each step, and answers get lost;
// the visit goes on.
func TestPortalLost(t *testing.T) {
	u := newUnion(t)
	u.reply = u.diagnose
	a := u.enrolled()
	tries := map[string]int{}
	u.do(func() {
		u.fail = func(r *http.Request) int {
			key := r.Method + r.URL.Path
			if strings.HasSuffix(r.URL.Path, "messages") {
				if tries[key]++; tries[key] == 1 {
					return 503
				}
			}
			return 0
		}
		u.lose = func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "messages") && tries[r.Method+r.URL.Path] == 2
		}
	})
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Diagnosed)
	if tries["POST/v1/visit/messages"] != 3 {
		t.Errorf("M3 was posted %d times, want 3: refused, lost, known already", tries["POST/v1/visit/messages"])
	}
}

func TestVisitFailsInWords(t *testing.T) {
	for what, c := range map[string]struct {
		prepare func(u *union)
		says    string
	}{
		"the portal refuses": {func(u *union) {
			u.fail = func(r *http.Request) int {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "messages") {
					return 403
				}
				return 0
			}
		}, "did not take the request. Nothing was shared."},
		"a forged M2": {func(u *union) {
			u.d.EditBody2 = func(b []byte) []byte { return append(b, 0) }
		}, "The answer did not hold"},
		"a forged diagnosis": {func(u *union) {
			u.reply = func(d *peers.Doctor) { u.post(d.M10(finding, func(d *message.D5) { d.MSD[0] ^= 1 })) }
		}, "does not hold"},
	} {
		t.Run(what, func(t *testing.T) {
			u := newUnion(t)
			a := u.enrolled()
			u.do(func() { c.prepare(u) })
			id, err := a.StartVisit(ctx, u.request())
			u.ok(err)
			if v := u.until(a, id, agent.Failed); !strings.Contains(v.Says, c.says) {
				t.Errorf("says %q", v.Says)
			}
		})
	}
}

// TestInterrupted: an agent that ends during a visit says so, at once and when it is
// opened again, and the consent can be revoked.
func TestInterrupted(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	id, err := a.StartVisit(ctx, u.request())
	u.ok(err)
	u.until(a, id, agent.Shared)
	u.ok(a.Close())
	again := u.agent()
	u.ok(again.Unlock(secret))
	v, err := again.Visit(id)
	u.ok(err)
	if v.State != agent.Failed || !strings.Contains(v.Says, "stopped") || v.Consent == nil {
		t.Errorf("visit %+v", v)
	}
	r, err := again.Revoke(ctx, *v.Consent)
	u.ok(err)
	if !r.Complete {
		t.Errorf("revocation %+v", r)
	}
}

func TestChoicesRefused(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	nowhere := message.ID("nowhere")
	for what, edit := range map[string]func(*agent.Request){
		"no department":              func(q *agent.Request) { q.Department = "" },
		"foreign department":         func(q *agent.Request) { q.Department = "OBSTETRICS" },
		"withhold a slip of the pen": func(q *agent.Request) { q.Withhold.Classes = []message.Code{"LABS"} },
		"grants and withhold":        func(q *agent.Request) { q.Grants, q.Withhold.Classes = []message.Grant{}, []message.Code{"LAB"} },
		"expired":                    func(q *agent.Request) { q.Expires = time.Now().Add(-time.Second) },
		"write where not enrolled":   func(q *agent.Request) { q.WriteTo = &nowhere },
		"unknown kind":               func(q *agent.Request) { q.Recordings = []agent.Recording{{Name: "x.csv", Kind: "eeg"}} },
		"unreadable recording":       func(q *agent.Request) { q.Recordings = []agent.Recording{{Name: "x.csv", Data: []byte("a,b")}} },
		"neither CSV nor FHIR":       func(q *agent.Request) { q.Recordings = []agent.Recording{{Name: "x.txt"}} },
		"a link to nobody":           func(q *agent.Request) { q.Link = u.portal + "/visit#00" },
		"a grant where not enrolled": func(q *agent.Request) {
			q.Grants = []message.Grant{{Hospital: "nowhere", Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}}}
		},
		"a grant of an unknown class": func(q *agent.Request) {
			q.Grants = []message.Grant{{Hospital: peers.AnnaID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LABS"}}}
		},
	} {
		q := u.request()
		edit(&q)
		_, err := a.StartVisit(ctx, q)
		kind(t, what, err, problem.KindInvalid)
	}
	if len(u.steps) != 0 {
		t.Error("a visit began")
	}
}

// TestStaleIsSignedAnew: a server whose clock differs is followed, once.
func TestStaleIsSignedAnew(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	stale := 0
	u.do(func() {
		u.anna.record = []string{`{"resourceType":"Bundle","type":"collection","entry":[]}`}
		u.fail = func(r *http.Request) int {
			if r.URL.Path != "/v1/questions" {
				return 0
			}
			if stale++; stale == 1 {
				return 422
			}
			return 0
		}
	})
	u.ok(errOf(a.Record(ctx, peers.AnnaID)))
	if stale != 2 {
		t.Errorf("asked %d times, want 2", stale)
	}
	stale = 0
	u.do(func() {
		u.fail = func(r *http.Request) int {
			if r.URL.Path != "/v1/questions" {
				return 0
			}
			stale++
			return 422
		}
	})
	_, err := a.Record(ctx, peers.AnnaID)
	kind(t, "stale for ever", err, problem.KindStale)
	if stale != 2 {
		t.Errorf("asked %d times, want 2", stale)
	}
}

func TestRecordInParts(t *testing.T) {
	u := newUnion(t)
	a := u.enrolled()
	part := func(id string) string {
		return `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:x:` + id + `","resource":{ "resourceType":"Observation","id":"` + id + `","value": 1.50 }}]}`
	}
	u.anna.record = []string{part("a"), part("b")}
	b, err := a.Record(ctx, peers.AnnaID)
	u.ok(err)
	for _, id := range []string{"a", "b"} {
		if !bytes.Contains(b, []byte(`{ "resourceType":"Observation","id":"`+id+`","value": 1.50 }`)) {
			t.Errorf("resource %s is not there byte for byte: %s", id, b)
		}
	}
	_, err = a.Record(ctx, "nowhere")
	kind(t, "unknown hospital", err, problem.KindNotFound)
}

func TestRegistration(t *testing.T) {
	u := newUnion(t)
	a := u.agent()
	_, err := a.Identity()
	kind(t, "before registration", err, problem.KindConflict)
	_, err = a.Register(ctx, "CODE-1234", []byte("short"))
	kind(t, "short passphrase", err, problem.KindInvalid)
	_, err = a.Register(ctx, "WRONG", secret)
	kind(t, "wrong code", err, problem.KindRefused)
	_, err = a.Register(ctx, "CODE-1234", []byte("another passphrase"))
	kind(t, "another passphrase for the same store", err, problem.KindInvalid)
	first := peers.Must(a.Register(ctx, "CODE-1234", secret))
	_, err = a.Register(ctx, "CODE-1234", secret)
	kind(t, "twice", err, problem.KindConflict)
	u.ok(a.Close())
	again := u.agent()
	if s := again.Status(); !s.Exists || s.Open {
		t.Errorf("status %+v", s)
	}
	u.ok(again.Unlock(secret))
	if id := peers.Must(again.Identity()); id != first {
		t.Errorf("%+v is not %+v", id, first)
	}
}

// TestRegistrationAnswerLost: the public cloud knows the identity, the device never
// got the partial key. The next attempt registers a new identity.
func TestRegistrationAnswerLost(t *testing.T) {
	u := newUnion(t)
	a := u.agent()
	u.lose = func(r *http.Request) bool { return r.URL.Path == "/v1/registrations" }
	_, err := a.Register(ctx, "CODE-1234", secret)
	kind(t, "answer lost", err, problem.KindUnavailable)
	u.do(func() { u.lose = nil })
	id, err := a.Register(ctx, "CODE-1234", secret)
	u.ok(err)
	if len(u.registered) != 2 || u.registered[id.ID] == 0 {
		t.Errorf("registered %v", u.registered)
	}
}

func TestHospitals(t *testing.T) {
	u := newUnion(t)
	a := u.agent()
	u.ok(errOf(a.Register(ctx, "CODE-1234", secret)))
	u.ok(errOf(a.Enrol(ctx, peers.AnnaID, "DESKCODE")))
	_, err := a.Enrol(ctx, "nowhere", "DESKCODE")
	kind(t, "unknown hospital", err, problem.KindNotFound)
	_, err = a.Enrol(ctx, peers.AnnaID, "short")
	kind(t, "short code", err, problem.KindInvalid)
	l := u.anna.Enrolled.Locators[0]
	planted := u.other.EntryUnder(l.VK, message.Hash{9}, message.IndexContent{Hospital: peers.ElseID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}})
	u.entries[planted.Locator] = append(u.entries[planted.Locator], planted)
	list, err := a.Hospitals(ctx)
	u.ok(err)
	if list.Ignored != 1 || len(list.Hospitals) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, h := range list.Hospitals {
		if want := h.ID == peers.AnnaID; h.Enrolled != want || (len(h.Holdings) == 2) != want {
			t.Errorf("%+v", h)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	u := newUnion(t)
	for what, edit := range map[string]func(*agent.Config){
		"no store":             func(c *agent.Config) { c.Store = "" },
		"no pins":              func(c *agent.Config) { c.Pins = message.Pins{} },
		"no verifier":          func(c *agent.Config) { c.VerifyCertificate = nil },
		"plain HTTP elsewhere": func(c *agent.Config) { c.Cloud = "http://cloud.example" },
		"unknown suite":        func(c *agent.Config) { c.Suite = ecc.Suite(9) },
	} {
		cfg := u.cfg
		edit(&cfg)
		if _, err := agent.New(cfg); err == nil {
			t.Errorf("%s: made", what)
		}
	}
}

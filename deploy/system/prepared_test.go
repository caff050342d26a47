package system_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// object is a JSON object, sent or received.
type object = map[string]any

// tester drives the addresses of the protocol with messages that the agents prepare.
type tester struct {
	*testing.T
	s               *suite.Suite
	at              site
	doctor, patient program
	link            string
	mrn             string
}

// program is an agent or a hospital's administration.
type program struct{ url, bearer string }

// prepared is what a step answered.
type prepared struct {
	Handle, Message, Signed, Capability, Consent, Locator string
	Request                                               json.RawMessage
}

func newTester(t *testing.T) *tester {
	t.Helper()
	s, err := suite.Start(t.Context(), suite.Options{Dir: t.TempDir(), Suite: ecc.SuiteX25519, Hospitals: 2, Development: true,
		Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	x := &tester{T: t, s: s, at: must(describe(s)), mrn: "mrn-prepared"}
	d, err := s.StartDoctor(t.Context(), suite.DoctorProfile{ID: "dr-tested", Name: "Tested", Departments: []message.Code{"OUTPATIENT"}})
	ok(t, err)
	x.link = must(d.Card()).Link
	_, err = s.StartNewPatient(t.Context(), "tester")
	ok(t, err)
	x.doctor, x.patient = x.agent("doctor-dr-tested"), x.agent("tester")
	for i, h := range s.Hospitals {
		_, err := h.Import(t.Context(), threeObservations(x.mrn, i))
		ok(t, err)
	}
	return x
}

// threeObservations is a record of a Patient and three Observations.
func threeObservations(mrn string, hospital int) []byte {
	all := []string{fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":%q}]}`, mrn, mrn)}
	for i := range 3 {
		all = append(all, fmt.Sprintf(`{"resourceType":"Observation","id":"o-%d-%d","status":"final","code":{"text":"n"},"subject":{"reference":"Patient/%s"},"valueInteger":%d}`,
			hospital, i, mrn, i))
	}
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(all, `},{"resource":`) + `}]}`)
}

func (x *tester) agent(name string) program {
	x.Helper()
	a := must(x.s.API(name))
	return program{a.URL, strings.TrimSpace(string(must(os.ReadFile(a.TokenFile))))}
}

func (x *tester) admin(i int) program {
	return program{x.at.Hospitals[i].Admin, x.at.Hospitals[i].Token}
}

// prepare asks for one step.
func (x *tester) prepare(p program, q object) (out prepared) {
	x.Helper()
	path := "/v1/development/messages"
	if q["step"] == nil {
		path = "/v1/development/index-entries"
	}
	if err := ask(x.Context(), http.MethodPost, p.url+path, p.bearer, q, &out); err != nil {
		x.Fatalf("%v: %v", q["step"], err)
	}
	return out
}

// opened gives a reply to the agent and returns the member that says what it means.
func (x *tester) opened(p program, handle, reply, kind, member string) object {
	x.Helper()
	var out object
	if err := ask(x.Context(), http.MethodPost, p.url+"/v1/development/replies", p.bearer, object{"handle": handle, "message": reply}, &out); err != nil {
		x.Fatalf("%s: %v", kind, err)
	}
	if out["type"] != kind || member != "" && out[member] == nil {
		x.Fatalf("%s: %v", kind, out)
	}
	if member == "" {
		return out
	}
	return out[member].(object)
}

// sends posts a message and wants this status, and of a problem this kind; it returns the
// lines of the answer.
func (x *tester) sends(what, url, m string, status int, kind string) []string {
	x.Helper()
	a, err := call(x.Context(), http.MethodPost, url, "", "application/json", must(json.Marshal(object{"message": m})))
	ok(x, err)
	if a.status != status || kind != "" && !bytes.Contains(a.body, []byte(`"urn:medunion:problem:`+kind+`"`)) {
		x.Errorf("%s: status %d, %.300s", what, a.status, a.body)
		return nil
	}
	var lines []string
	for line := range strings.Lines(string(a.body)) {
		var v struct{ Message string }
		if json.Unmarshal([]byte(line), &v) == nil {
			lines = append(lines, v.Message)
		}
	}
	return lines
}

// exchange is prepare, a post that succeeds, and opened.
func (x *tester) exchange(p program, q object, url string, status int, kind, member string) (prepared, object) {
	x.Helper()
	m := x.prepare(p, q)
	lines := x.sends(fmt.Sprint(q["step"]), url, m.Message, status, "")
	if len(lines) != 1 {
		x.FailNow()
	}
	return m, x.opened(p, m.Handle, lines[0], kind, member)
}

func (x *tester) challenge() string {
	x.Helper()
	var out struct{ Challenge string }
	ok(x, ask(x.Context(), http.MethodPost, x.s.Cloud+"/v1/registrations/challenges", "", nil, &out))
	return out.Challenge
}

// person registers a throwaway patient and links her with both hospitals; it returns her handle.
func (x *tester) person() string {
	x.Helper()
	m0, who := x.exchange(x.patient, object{"step": "M0", "code": must(x.s.PatientCode(x.Context())), "challenge": x.challenge()},
		x.s.Cloud+"/v1/registrations", 201, "M0", "registration")
	if len(who["id"].(string)) != 32 {
		x.Errorf("ID_P is %v", who["id"])
	}
	for _, h := range x.s.Hospitals {
		_, linked := x.exchange(x.patient, object{"step": "enrolment", "identity": m0.Handle, "hospital": string(h.ID), "code": must(h.DeskCode(x.Context(), x.mrn))},
			h.URL+"/v1/enrolments", 200, "enrolled", "enrolment")
		if linked["hospital"] != string(h.ID) {
			x.Errorf("linked: %v", linked)
		}
	}
	ok(x, suite.WaitFor(x.Context(), time.Minute, 200*time.Millisecond, "her index entries", func() (bool, error) {
		return x.asked(object{"step": "cloud-question", "identity": m0.Handle, "department": "GENERAL", "question": "entries"}, x.s.Cloud)["count"] == 2.0, nil
	}))
	return m0.Handle
}

// asked is the answer to a question of hers.
func (x *tester) asked(q object, at string) object {
	x.Helper()
	_, a := x.exchange(x.patient, q, at+"/v1/questions", 200, "answer", "answer")
	return a
}

// terms are a consent: what each hospital may release, and how long.
func (x *tester) terms(life time.Duration, hospitals ...int) object {
	grants := []object{}
	for _, i := range hospitals {
		grants = append(grants, object{"hospital": string(x.s.Hospitals[i].ID), "departments": []string{"GENERAL", "OUTPATIENT"}, "classes": message.DefaultClasses})
	}
	return object{"step": "M3", "expires": time.Now().Add(life).Format(time.RFC3339Nano), "grants": grants, "writeTo": string(x.s.Hospitals[0].ID), "maxUses": 20}
}

// visit takes a patient to the doctor's waiting list under these terms. It returns the
// doctor's local id of the visit, and H(Consent).
func (x *tester) visit(identity string, terms object) (visit, consent string) {
	x.Helper()
	m1 := x.prepare(x.patient, object{"step": "M1", "identity": identity, "link": x.link})
	_, cD, _ := strings.Cut(x.link, "#")
	x.sends("M1", x.s.Portal+"/v1/doctors/"+cD+"/messages", m1.Message, 202, "")
	if d := x.opened(x.patient, m1.Handle, x.mail(m1.Capability), "M2", "doctor"); d["credential"] != cD {
		x.Errorf("M2 is of %v", d)
	}
	terms["visit"] = m1.Handle
	m3 := x.prepare(x.patient, terms)
	r := must(http.NewRequestWithContext(x.Context(), http.MethodPost, x.s.Portal+"/v1/visit/messages", bytes.NewReader(must(json.Marshal(object{"message": m3.Message})))))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Visit-Capability", m1.Capability)
	if a, err := do(r); err != nil || a.status != 202 {
		x.Fatalf("M3: %v %d %s", err, a.status, a.body)
	}
	return x.waiting(m3.Consent), m3.Consent
}

// mail waits for the first message of a visit's mailbox.
func (x *tester) mail(capability string) string {
	x.Helper()
	r := must(http.NewRequestWithContext(x.Context(), http.MethodGet, x.s.Portal+"/v1/visit/messages?after=0-0&wait=20", nil))
	r.Header.Set("Visit-Capability", capability)
	a, err := do(r)
	ok(x, err)
	var out struct{ Messages []struct{ Message string } }
	ok(x, json.Unmarshal(a.body, &out))
	if len(out.Messages) == 0 {
		x.Fatalf("no mail: %s", a.body)
	}
	return out.Messages[0].Message
}

func (x *tester) waiting(consent string) (id string) {
	x.Helper()
	ok(x, suite.WaitFor(x.Context(), 20*time.Second, 50*time.Millisecond, "the visit", func() (bool, error) {
		var out struct {
			Visits []struct {
				ID      string
				Consent *struct{ Hash string }
			}
		}
		err := ask(x.Context(), http.MethodGet, x.doctor.url+"/v1/visits", x.doctor.bearer, nil, &out)
		for _, v := range out.Visits {
			if v.Consent != nil && v.Consent.Hash == consent {
				id = v.ID
			}
		}
		return id != "", err
	}))
	return id
}

// search runs M4 and M5 and returns the handle of its ticket.
func (x *tester) search(visit string) string {
	x.Helper()
	m4, _ := x.exchange(x.doctor, object{"step": "M4", "visit": visit, "mode": "read"}, x.s.Cloud+"/v1/searches", 200, "M5", "search")
	return m4.Handle
}

// session runs M6 and M7.
func (x *tester) session(search string, hospital int) string {
	x.Helper()
	h := x.s.Hospitals[hospital]
	m6, s := x.exchange(x.doctor, object{"step": "M6", "search": search, "hospital": string(h.ID)}, h.URL+"/v1/sessions", 200, "M7", "session")
	if s["hospital"] != string(h.ID) {
		x.Errorf("M7 is of %v", s)
	}
	return m6.Handle
}

// TestPrepared drives every address of the public cloud and of the hospitals that takes a
// sealed message: each is prepared by an agent and posted by hand, each reply is opened by
// the agent.
func TestPrepared(t *testing.T) {
	x := newTester(t)
	her := x.person()
	for _, c := range []struct {
		what string
		test func(x *tester, her string)
	}{{"a whole visit", (*tester).wholeVisit}, {"times", (*tester).times}, {"refusals", (*tester).refusals}, {"outside the consent", (*tester).outside},
		{"revoked", (*tester).revoked}, {"over", (*tester).over}, {"registrations", (*tester).registrations},
		{"index writes", (*tester).indexWrites}, {"replies", (*tester).replies}} {
		t.Run(c.what, func(t *testing.T) {
			y := *x
			y.T = t
			c.test(&y, her)
		})
	}
}

// wholeVisit is M4 to M12 after M0 to M3.
func (x *tester) wholeVisit(her string) {
	visit, consent := x.visit(her, x.terms(time.Hour, 0, 1))
	home := x.s.Hospitals[0]

	m4, found := x.exchange(x.doctor, object{"step": "M4", "visit": visit, "mode": "read"}, x.s.Cloud+"/v1/searches", 200, "M5", "search")
	if found["entries"] != 2.0 || len(found["hospitals"].([]any)) != 2 {
		x.Errorf("found: %v", found)
	}
	session := x.session(m4.Handle, 0)
	m8 := x.prepare(x.doctor, object{"step": "M8", "session": session})
	pages := x.sends("M8", home.URL+"/v1/releases", m8.Message, 200, "")
	if len(pages) != 1 {
		x.Fatalf("%d pages", len(pages))
	}
	if p := x.opened(x.doctor, session, pages[0], "M9", "page"); p["complete"] != true || p["receipt"] != 1.0 || p["resources"] != 4.0 {
		x.Errorf("M9: %v", p)
	}
	_, stored := x.exchange(x.doctor, object{"step": "M11", "session": session, "text": "Hypertension"}, home.URL+"/v1/diagnoses", 200, "M11R", "stored")
	if stored["indexable"] != true {
		x.Errorf("M11: %v", stored)
	}
	_, twice := x.exchange(x.doctor, object{"step": "M11", "session": session}, home.URL+"/v1/diagnoses", 200, "M11R", "stored")
	if twice["record"] != stored["record"] {
		x.Errorf("the same Sig_D5 is stored as %v and as %v", stored["record"], twice["record"])
	}
	x.exchange(x.doctor, object{"step": "M12", "session": session}, x.s.Cloud+"/v1/diagnosis-entries", 200, "M12R", "indexed")
	x.told(her, consent)
}

// told: she learns from everybody what happened.
func (x *tester) told(her, consent string) {
	x.Helper()
	home := x.s.Hospitals[0]
	question := func(kind string) object {
		return object{"step": "hospital-question", "identity": her, "hospital": string(home.ID), "question": kind}
	}
	if a := x.asked(question("releases"), home.URL); !slices.Equal(a["numbers"].([]any), []any{1.0, 2.0}) {
		x.Errorf("releases: %v", a)
	}
	if a := x.asked(question("diagnoses"), home.URL); a["count"] != 1.0 {
		x.Errorf("diagnoses: %v", a)
	}
	if a := x.asked(question("record"), home.URL); a["count"] != 6.0 {
		x.Errorf("record: %v", a)
	}
	if a := x.asked(object{"step": "cloud-question", "identity": her, "department": "GENERAL", "question": "uses", "consent": consent}, x.s.Cloud); a["count"] != 1.0 {
		x.Errorf("uses: %v", a)
	}
}

package system_test

import (
	"bytes"
	"context"
	"encoding/base64"
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

// m4 is a search, for what is refused.
func (x *tester) m4(visit string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, with(object{"step": "M4", "visit": visit, "mode": "read"}, more)).Message
}

func (x *tester) m8(session string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, with(object{"step": "M8", "session": session}, more)).Message
}

func (x *tester) m6(search string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, with(object{"step": "M6", "search": search, "hospital": string(x.s.Hospitals[0].ID)}, more)).Message
}

// times: a message is as old as its signer says.
func (x *tester) times(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	search := x.search(visit)
	session, home := x.session(search, 0), x.s.Hospitals[0].URL
	for what, ms := range map[string]int{"a minute ago": -60_000, "the future": 60_000} {
		shift := object{"time": ms}
		x.sends("M4 from "+what, x.s.Cloud+"/v1/searches", x.m4(visit, shift), 422, "stale")
		x.sends("M6 from "+what, home+"/v1/sessions", x.m6(search, shift), 422, "stale")
		x.sends("M8 from "+what, home+"/v1/releases", x.m8(session, shift), 422, "stale")
		m11 := x.prepare(x.doctor, object{"step": "M11", "session": session, "text": "Gout", "time": ms}).Message
		x.sends("M11 from "+what, home+"/v1/diagnoses", m11, 422, "stale")
		ask := x.prepare(x.patient, object{"step": "hospital-question", "identity": her, "hospital": "hospital-1", "question": "releases", "time": ms}).Message
		x.sends("a question from "+what, home+"/v1/questions", ask, 422, "stale")
	}
	pages := x.sends("M8 after all", home+"/v1/releases", x.m8(session, nil), 200, "")
	x.opened(x.doctor, session, pages[0], "M9", "page")
}

// refusals are of what is used twice, or where it does not belong.
func (x *tester) refusals(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	other, _ := x.visit(her, x.terms(time.Hour, 0))
	anna, beth := x.s.Hospitals[0].URL, x.s.Hospitals[1].URL
	first := x.m4(visit, nil)
	x.sends("M4", x.s.Cloud+"/v1/searches", first, 200, "")
	x.sends("M4 once more", x.s.Cloud+"/v1/searches", first, 403, "refused")

	ticket, foreign := x.search(visit), x.search(other)
	x.sends("M6 for another hospital", beth+"/v1/sessions", x.m6(ticket, nil), 403, "refused")
	session := x.session(ticket, 0)
	x.sends("M6 with a spent ticket", anna+"/v1/sessions", x.m6(ticket, nil), 403, "refused")
	x.sends("M8 at another hospital", beth+"/v1/releases", x.m8(session, nil), 403, "refused")
	x.sends("M8 with the ticket of another visit", anna+"/v1/releases", x.m8(session, object{"ticket": foreign}), 403, "refused")
	x.sends("M8 with the consent of another visit", anna+"/v1/releases", x.m8(session, object{"consent": other}), 403, "refused")

	// The public cloud was asked under another consent than the hospital is shown.
	skipped := x.prepare(x.doctor, object{"step": "M6", "search": foreign, "hospital": "hospital-1", "consent": visit})
	x.opened(x.doctor, skipped.Handle, x.sends("M6 with a foreign ticket", anna+"/v1/sessions", skipped.Message, 200, "")[0], "M7", "session")
	x.sends("M8 without a search", anna+"/v1/releases", x.m8(skipped.Handle, object{"consent": visit}), 403, "refused")
	ungranted := x.session(x.search(visit), 1)
	x.sends("M8 at a hospital that the consent does not name", beth+"/v1/releases", x.m8(ungranted, nil), 403, "refused")
}

// outside: a filter cannot widen the consent, nor the consent cover an entry that it does not name.
func (x *tester) outside(her string) {
	narrow := x.terms(time.Hour, 0)
	narrow["grants"] = []object{{"hospital": "hospital-1", "departments": []string{"GENERAL"}, "classes": []string{"VITAL"}}}
	visit, _ := x.visit(her, narrow)
	session, home := x.session(x.search(visit), 0), x.s.Hospitals[0]
	pages := x.sends("M8 for more than is granted", home.URL+"/v1/releases", x.m8(session, object{"filter": object{"classes": []string{"LAB"}}}), 200, "")
	if p := x.opened(x.doctor, session, pages[0], "M9", "page"); p["resources"] != 0.0 {
		x.Errorf("released: %v", p)
	}
	_, stored := x.exchange(x.doctor, object{"step": "M11", "session": session, "text": "Migraine"}, home.URL+"/v1/diagnoses", 200, "M11R", "stored")
	if stored["entry"] != true || stored["indexable"] != false {
		x.Errorf("M11: %v", stored)
	}
	m12 := x.prepare(x.doctor, object{"step": "M12", "session": session}).Message
	x.sends("M12 of an entry that the consent does not name", x.s.Cloud+"/v1/diagnosis-entries", m12, 403, "refused")
}

func with(q, more object) object {
	for k, v := range more {
		q[k] = v
	}
	return q
}

// revoked: at the public cloud and at the hospital.
func (x *tester) revoked(her string) {
	visit, consent := x.visit(her, x.terms(time.Hour, 0))
	anna := x.s.Hospitals[0]
	session := x.session(x.search(visit), 0)
	x.asked(object{"step": "hospital-question", "identity": her, "hospital": string(anna.ID), "question": "revoke", "consent": consent}, anna.URL)
	x.sends("M8 under a revoked consent", anna.URL+"/v1/releases", x.m8(session, nil), 403, "refused")
	x.asked(object{"step": "cloud-question", "identity": her, "department": "GENERAL", "question": "revoke", "consent": consent}, x.s.Cloud)
	x.sends("M4 under a revoked consent", x.s.Cloud+"/v1/searches", x.m4(visit, nil), 403, "refused")
}

// over: a consent that is used up, and one whose time is over.
func (x *tester) over(her string) {
	once := x.terms(time.Hour, 0)
	once["maxUses"] = 1
	used, _ := x.visit(her, once)
	x.sends("the one search", x.s.Cloud+"/v1/searches", x.m4(used, nil), 200, "")
	x.sends("a search too many", x.s.Cloud+"/v1/searches", x.m4(used, nil), 403, "refused")
	ends := time.Now().Add(3 * time.Second)
	short, _ := x.visit(her, x.terms(3*time.Second, 0))
	time.Sleep(time.Until(ends) + 100*time.Millisecond)
	x.sends("M4 under a consent that is over", x.s.Cloud+"/v1/searches", x.m4(short, nil), 403, "refused")
}

// registrations are a doctor's M0, and prekeys.
func (x *tester) registrations(string) {
	q := x.prepare(x.doctor, object{"step": "certificate-request", "id": "dr-thrown-away", "person": object{"authority": x.at.Authority, "licence": "L-1",
		"name": "Thrown Away", "departments": []string{"SURGERY"}}})
	jwt, err := x.s.Certify(x.Context(), q.Request)
	ok(x, err)
	m0 := func() string {
		return x.prepare(x.doctor, object{"step": "M0", "doctor": q.Handle, "certificate": jwt, "challenge": x.challenge()}).Message
	}
	reply := x.sends("M0", x.s.Cloud+"/v1/registrations", m0(), 201, "")
	if len(reply) != 1 || x.opened(x.doctor, q.Handle, reply[0], "M0", "registration")["id"] != "dr-thrown-away" {
		x.Errorf("registered: %v", reply)
	}
	x.sends("the same doctor again", x.s.Cloud+"/v1/registrations", m0(), 409, "conflict")
	for _, c := range []struct{ time, status int }{{0, 204}, {-600_000, 409}, {-100_000_000, 422}} {
		p := x.prepare(x.doctor, object{"step": "prekey", "doctor": q.Handle, "time": c.time})
		a, err := call(x.Context(), http.MethodPut, x.s.Cloud+"/v1/prekeys", "", "application/json", must(json.Marshal(object{"signed": p.Signed})))
		if err != nil || a.status != c.status {
			x.Errorf("prekey %d: %v %d %s", c.time, err, a.status, a.body)
		}
	}
	if own := x.prepare(x.doctor, object{"step": "prekey"}); own.Signed == "" {
		x.Error("no prekey of the agent's own")
	}
}

// indexWrites are a hospital's own.
func (x *tester) indexWrites(string) {
	entries, admin := x.s.Cloud+"/v1/index-entries", x.admin(0)
	m, _ := x.exchange(admin, object{}, entries, 200, "M12R", "")
	x.sends("the entry once more", entries, m.Message, 403, "refused")
	x.sends("an index write from a minute ago", entries, x.prepare(admin, object{"time": -60_000}).Message, 422, "stale")
	x.sends("an entry older than the one stored", entries, x.prepare(admin, object{"handle": m.Handle, "entryTime": -60_000}).Message, 409, "conflict")
	x.exchange(admin, object{"handle": m.Handle}, entries, 200, "M12R", "")
}

// replies: one that does not verify is refused, and a step that is not next is a conflict.
func (x *tester) replies(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	m4 := x.prepare(x.doctor, object{"step": "M4", "visit": visit, "mode": "read"})
	m5 := x.sends("M4", x.s.Cloud+"/v1/searches", m4.Message, 200, "")[0]
	b := must(base64.RawURLEncoding.DecodeString(m5))
	b[len(b)-1] ^= 1
	early := x.prepare(x.doctor, object{"step": "M4", "visit": visit, "mode": "write"})
	for what, c := range map[string]struct {
		path   string
		body   object
		status int
	}{
		"a changed M5":        {"replies", object{"handle": m4.Handle, "message": encode(b)}, 403},
		"M5 of another":       {"replies", object{"handle": early.Handle, "message": m5}, 403},
		"no such handle":      {"replies", object{"handle": strings.Repeat("0", 32), "message": m5}, 404},
		"M6 before M5":        {"messages", object{"step": "M6", "search": early.Handle, "hospital": "hospital-1"}, 409},
		"M8 of a search":      {"messages", object{"step": "M8", "session": m4.Handle}, 404},
		"an unknown step":     {"messages", object{"step": "M7"}, 400},
		"a member too many":   {"messages", object{"step": "M4", "visit": visit, "mode": "read", "session": m4.Handle}, 400},
		"an unknown visit":    {"messages", object{"step": "M4", "visit": strings.Repeat("0", 16), "mode": "read"}, 404},
		"an unknown hospital": {"messages", object{"step": "M6", "search": m4.Handle, "hospital": "nowhere"}, 409},
	} {
		a, err := call(context.Background(), http.MethodPost, x.doctor.url+"/v1/development/"+c.path, x.doctor.bearer, "application/json", must(json.Marshal(c.body)))
		if err != nil || a.status != c.status {
			x.Errorf("%s: %v %d %s", what, err, a.status, a.body)
		}
	}
}

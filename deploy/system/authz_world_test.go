package system_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// guarded is a suite with two of everything, so that each can reach for what belongs to
// the other: registered parties with nothing but keys, and agents in a visit.
type guarded struct {
	t        *testing.T
	s        *suite.Suite
	at       site
	dir      string
	log      *logbook
	a, b     *party // patient, doctor and hospital each
	revoked  *party // whose credentials are revoked; the doctor's session is of before
	unlinked *party // whose patient is enrolled nowhere
	agents   [2]agents
}

// party is what one side of a request holds.
type party struct {
	*strangers
	mrn   string
	visit [16]byte // the session of the newest visit of its patient with its doctor
}

// agents are a patient's and a doctor's, with their local APIs.
type agents struct {
	story           *story
	patient, doctor suite.API
	page            pageSession
	visit           string // the patient's name of her visit
	consent         string // H(Consent) of it, in hex
}

func newGuarded(t *testing.T) *guarded {
	w := &guarded{t: t, dir: filepath.Join(scratch, "guarded"), log: &logbook{}}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	w.s, err = suite.Start(t.Context(), suite.Options{Dir: w.dir, Suite: ecc.SuiteX25519, Hospitals: 2, Logger: log, Development: true})
	ok(t, err)
	t.Cleanup(func() { ok(t, w.s.Close()) })
	w.at, err = describe(w.s)
	ok(t, err)
	for i, name := range []string{"a", "b"} {
		w.agents[i] = w.startAgents(name)
	}
	w.revoked, w.unlinked = w.party("revoked"), w.party("unlinked")
	for _, x := range []*registrant{w.revoked.doctor, w.revoked.patient, w.revoked.hospital} {
		w.revoke(x)
	}
	h := w.s.Hospitals[0] // it fetches the list at its start
	ok(t, h.Stop())
	ok(t, h.Start(t.Context()))
	w.a, w.b = w.party("a"), w.party("b") // their logins show the portal the new list
	for _, p := range []*party{w.a, w.b} {
		w.enrol(p)
		w.must(w.at.Cloud, request{method: http.MethodPut, path: "/v1/prekeys"}.signed(prekeyOf(p.doctor)), "")
	}
	return w
}

func (w *guarded) party(name string) *party {
	return &party{strangers: newStrangers(w.t, w.at, "guarded-"+name), mrn: "guarded-" + name}
}

func (w *guarded) revoke(x *registrant) {
	c := x.credential.Hash()
	ok(w.t, ask(w.t.Context(), http.MethodPost, w.at.Cloud+"/v1/operator/revocations", w.at.Operator,
		map[string]string{"credential": hex.EncodeToString(c[:])}, nil))
}

// enrol links the patient's record at the first hospital.
func (w *guarded) enrol(p *party) {
	_, err := importBundle(w.t.Context(), w.at.Hospitals[0], map[string][]byte{"Patient/" + p.mrn: patientResource(p.mrn)})
	ok(w.t, err)
	w.must(w.at.Hospitals[0].URL, w.enrolment(p.strangers, w.code(p.mrn)), "")
}

// must sends a request that succeeds.
func (w *guarded) must(url string, q request, bearer string) {
	w.t.Helper()
	a, err := call(w.t.Context(), q.method, url+q.path, bearer, q.kind, q.body)
	ok(w.t, err)
	ok(w.t, a.into(nil))
}

// code is one of the first hospital's desk.
func (w *guarded) code(mrn string) string {
	code, err := w.s.Hospitals[0].DeskCode(w.t.Context(), mrn)
	ok(w.t, err)
	return code
}

// startAgents makes a patient and a doctor and lets them have a visit.
func (w *guarded) startAgents(name string) agents {
	ctx := w.t.Context()
	id := message.ID("dr-agent-" + name)
	d, err := w.s.StartDoctor(ctx, suite.DoctorProfile{ID: id, Name: "Guarded", Departments: []message.Code{"OUTPATIENT"}, Affiliation: w.s.Hospitals[0].ID})
	ok(w.t, err)
	g := agents{story: &story{s: w.s, doctor: d, words: newWords(), sids: &sidCatcher{}}}
	g.story.agent, g.story.pass, err = w.s.StartPatient(ctx, "patient-"+name)
	ok(w.t, err)
	ok(w.t, g.story.play(ctx, g.story.importRecord, g.story.enrol, g.story.visit))
	g.patient = must(w.s.API("patient-" + name))
	g.doctor = must(w.s.API("doctor-" + string(id)))
	g.page = w.openPage(g.patient.URL, readToken(w.t, g.patient))
	visits := must(g.story.agent.Visits())
	g.visit, g.consent = visits[0].ID, hex.EncodeToString(visits[0].Consent[:])
	return g
}

func readToken(t *testing.T, a suite.API) string {
	b, err := os.ReadFile(a.TokenFile)
	ok(t, err)
	return strings.TrimSpace(string(b))
}

// pageSession is what the patient's page holds.
type pageSession struct{ cookie, key string }

func (w *guarded) openPage(url, token string) pageSession {
	body, err := json.Marshal(map[string]string{"token": token})
	ok(w.t, err)
	a, err := call(w.t.Context(), http.MethodPost, url+"/v1/page-sessions", "", "application/json", body)
	ok(w.t, err)
	ok(w.t, a.into(nil))
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	ok(w.t, err)
	return pageSession{cookie.Value, a.header.Get("Page-Key")}
}

// meetDoctor takes a visit of the party at the portal up to the doctor's answer, M2.
func (w *guarded) meetDoctor(p *party) [16]byte {
	var sid [16]byte
	rand.Read(sid[:])
	for _, q := range []request{p.consult(p.doctor.credential.Hash(), sid), p.toPatient(sid)} {
		w.must(w.at.Portal, q, p.session)
	}
	return sid
}

// doctorsVisit is the doctor's name of the visit.
func (g agents) doctorsVisit() string { return g.story.visited[0] }

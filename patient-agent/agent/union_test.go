package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/ecc/vault"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/internal/peers"
)

var (
	secret = []byte("correct horse battery")
	cheap  = vault.Params{MemoryKiB: vault.MinMemoryKiB, Time: 1, Lanes: 1}
)

// union is a whole union around one patient's agent over HTTP: the peers of package
// peers behind the paths of the real services, and a portal with one mailbox a visit.
type union struct {
	t      *testing.T
	mu     sync.Mutex
	w      *peers.World
	d      *peers.Doctor
	anna   *hospital
	other  *hospital
	portal string
	cfg    agent.Config
	log    bytes.Buffer
	trace  []message.Sent

	registered  map[message.ID]uint64      // how many credentials
	mail        map[string][]string        // session in base64 -> messages for the patient
	steps       map[string]map[string]bool // session -> steps taken
	reply       func(d *peers.Doctor)      // what the doctor does with M3; nil: nothing
	silent      bool                       // the doctor never answers M1
	fail        func(r *http.Request) int  // a status to answer with instead, 0 for none
	lose        func(r *http.Request) bool // handle, and lose the answer
	asked       []message.Question
	revoked     []string
	revocations func() message.Signed // nil: a fresh list with nobody in it
	entries     map[message.Hash][]message.Entry
}

// hospital answers questions from lists that tests edit.
type hospital struct {
	*peers.Hospital
	releases  []message.Release
	diagnoses []message.WrittenDiagnosis
	record    []string           // parts
	page      int                // releases in one answer, 0 for all
	last      message.Credential // of whoever asked last
}

func newUnion(t *testing.T) *union {
	u := &union{t: t, w: peers.NewWorld(t, ecc.SuiteX25519), registered: map[message.ID]uint64{}, mail: map[string][]string{},
		steps: map[string]map[string]bool{}, entries: map[message.Hash][]message.Entry{}}
	u.w.Now = time.Now()
	u.d = u.w.NewDoctor(peers.DoctorID)
	cloud := u.serve(u.cloudRoutes())
	u.anna, u.other = u.newHospital(peers.AnnaID), u.newHospital(peers.ElseID)
	u.portal = u.serve(u.portalRoutes())
	u.cfg = agent.Config{Store: filepath.Join(t.TempDir(), "patient"), Cost: cheap, Cloud: cloud, Pins: u.w.Pins,
		VerifyCertificate: u.w.VerifyCertificate, Authority: "Medical Authority", Now: time.Now,
		Logger: slog.New(slog.NewJSONHandler(&lockedWriter{u: u}, nil)), Trace: u.traced}
	return u
}

// lockedWriter has a lock of its own: the peers log nothing.
type lockedWriter struct {
	u  *union
	mu sync.Mutex
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.u.log.Write(p)
}

func (u *union) traced(m message.Sent) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trace = append(u.trace, m)
}

// serve runs a handler; requests pass one at a time, through the faults of the test.
func (u *union) serve(h http.Handler) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.w.Now = time.Now()
		if u.fail != nil {
			if status := u.fail(r); status != 0 {
				refuse(w, status)
				return
			}
		}
		if u.lose != nil && u.lose(r) {
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		h.ServeHTTP(w, r)
	}))
	u.t.Cleanup(s.Close)
	return s.URL
}

func refuse(w http.ResponseWriter, status int) {
	e := map[int]*problem.Error{400: problem.Invalid(""), 403: problem.Refused(nil), 404: problem.NotFound(""), 409: problem.Conflict(""),
		422: problem.Stale(time.Now()), 503: problem.Unavailable(0, nil)}[status]
	w.Header().Set("Content-Type", problem.MediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e.Document(""))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func writeMessage(w http.ResponseWriter, status int, b []byte) {
	writeJSON(w, status, httpserver.NewMessage(b))
}

func writeSigned(w http.ResponseWriter, s message.Signed) {
	writeJSON(w, 200, map[string]string{"signed": base64.RawURLEncoding.EncodeToString(s.Encode())})
}

func readBytes(r *http.Request) []byte {
	var m httpserver.Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		panic(err)
	}
	return peers.Must(m.Bytes(httpserver.LargeMessageCap))
}

func read(r *http.Request) message.Message { return peers.Must(message.Decode(readBytes(r))) }

func (u *union) cloudRoutes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/parameters", func(w http.ResponseWriter, _ *http.Request) { writeSigned(w, u.w.Cloud.Parameters()) })
	m.HandleFunc("GET /v1/successions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"successions":[]}`)
	})
	m.HandleFunc("GET /v1/revocations", func(w http.ResponseWriter, _ *http.Request) {
		if u.revocations != nil {
			writeSigned(w, u.revocations())
			return
		}
		writeSigned(w, u.w.Cloud.Revocations())
	})
	m.HandleFunc("GET /v1/directory", func(w http.ResponseWriter, _ *http.Request) {
		writeSigned(w, u.w.Cloud.Directory(u.anna.Hospital, u.other.Hospital))
	})
	m.HandleFunc("GET /v1/prekeys/{owner}", func(w http.ResponseWriter, r *http.Request) {
		owners := map[string]message.Signed{"cloud": u.w.Cloud.Prekey(), hex.EncodeToString(u.anna.C[:]): u.anna.Prekey(),
			hex.EncodeToString(u.other.C[:]): u.other.Prekey()}
		writeSigned(w, owners[r.PathValue("owner")])
	})
	m.HandleFunc("POST /v1/registrations/challenges", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, map[string]string{"challenge": base64.RawURLEncoding.EncodeToString(make([]byte, message.ChallengeSize))})
	})
	m.HandleFunc("POST /v1/registrations", u.register)
	m.HandleFunc("POST /v1/questions", u.askCloud)
	return m
}

func (u *union) register(w http.ResponseWriter, r *http.Request) {
	q := peers.Must(message.DecodeRegistrationRequest(readBytes(r)))
	renewal, err := message.DecodeRenewal(q.Admission)
	renews := err == nil && renewal.Verify(u.w.Pins, q.Registration, u.w.Millis()) == nil
	switch id := q.Registration.ID; {
	case q.Verify() != nil || string(q.Admission) != "CODE-1234" && !renews:
		refuse(w, 403)
	case (u.registered[id] > 0) != renews:
		refuse(w, 409)
	default:
		u.registered[id]++
		writeMessage(w, 201, u.w.ReplyAs(q, u.registered[id]).Encode())
	}
}

func (u *union) askCloud(w http.ResponseWriter, r *http.Request) {
	a, err := u.w.Cloud.Ask(read(r))
	if err != nil {
		refuse(w, 403)
		return
	}
	u.asked = append(u.asked, a.Question)
	content := message.EncodeEntries(u.entries[a.Locator])
	switch a.Question.Kind {
	case message.AskUses:
		content = message.EncodeUses([]message.Use{{Time: 5, Mode: message.ModeRead, Request: message.Hash{1}}})
	case message.AskRevoke:
		u.revoked = append(u.revoked, "cloud")
		content = message.EncodeUses(nil)
	}
	writeMessage(w, 200, u.w.Cloud.Answer(a, content, false).Encode())
}

func (u *union) newHospital(id message.ID) *hospital {
	h := &hospital{}
	m := http.NewServeMux()
	m.HandleFunc("POST /v1/enrolments", func(w http.ResponseWriter, r *http.Request) {
		reply, err := h.Enrol(read(r))
		if err != nil {
			refuse(w, 403)
			return
		}
		for _, d := range []message.Code{"GENERAL", "SURGERY"} {
			e := h.Entry(d, "LAB", "PROBLEM")
			u.entries[e.Locator] = append(u.entries[e.Locator], e)
		}
		writeMessage(w, 200, reply.Encode())
	})
	m.HandleFunc("POST /v1/questions", func(w http.ResponseWriter, r *http.Request) { u.askHospital(h, w, r) })
	h.Hospital = u.w.NewHospital(id, u.serve(m))
	return h
}

func (u *union) askHospital(h *hospital, w http.ResponseWriter, r *http.Request) {
	a, err := h.Ask(read(r))
	if err != nil {
		refuse(w, 403)
		return
	}
	u.asked, h.last = append(u.asked, a.Question), a.Patient
	var content []byte
	more := false
	switch a.Question.Kind {
	case message.AskReleases:
		content, more = h.listed(a.Question.From)
	case message.AskDiagnoses:
		content = message.EncodeDiagnoses(h.diagnoses)
	case message.AskRecord:
		content, more = []byte(h.record[a.Question.From]), int(a.Question.From)+1 < len(h.record)
	case message.AskRevoke:
		u.revoked = append(u.revoked, string(h.Cred.Info.ID))
	}
	writeMessage(w, 200, h.Answer(a, content, more).Encode())
}

func (h *hospital) listed(from uint64) ([]byte, bool) {
	var out []message.Release
	for _, r := range h.releases {
		if r.Number < from {
			continue
		}
		if h.page > 0 && len(out) == h.page {
			return message.EncodeReleases(out), true
		}
		out = append(out, r)
	}
	return message.EncodeReleases(out), false
}

func (u *union) link() string { return u.portal + "/visit#" + hex.EncodeToString(u.d.C[:]) }

func (u *union) agent() *agent.Agent {
	u.t.Helper()
	a, err := agent.New(u.cfg)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = a.Close() })
	return a
}

// enrolled is a registered agent, enrolled at both hospitals.
func (u *union) enrolled() *agent.Agent {
	u.t.Helper()
	a := u.agent()
	u.ok(errOf(a.Register(context.Background(), "CODE-1234", secret)))
	for _, id := range []message.ID{peers.AnnaID, peers.ElseID} {
		u.ok(errOf(a.Enrol(context.Background(), id, "DESKCODE")))
	}
	return a
}

func errOf[T any](_ T, err error) error { return err }

func (u *union) ok(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatalf("%v: %s", err, problem.Reason(err))
	}
}

func (u *union) do(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

// request is a visit with the defaults.
func (u *union) request() agent.Request {
	return agent.Request{Link: u.link(), Passphrase: bytes.Clone(secret), Department: "SURGERY"}
}

// until follows a visit to a state, or to its end.
func (u *union) until(a *agent.Agent, id string, want agent.State) agent.Visit {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	v, err := a.Visit(id)
	for err == nil && v.State != want && !v.Over() {
		v, err = a.Wait(ctx, id, v.State)
	}
	u.ok(err)
	if v.State != want {
		u.t.Fatalf("the visit is %s: %s\n%s", v.State, v.Says, u.log.String())
	}
	return v
}

const finding = `{"resourceType":"Bundle","type":"collection"}`

// diagnose answers M3 with a diagnosis.
func (u *union) diagnose(d *peers.Doctor) { u.post(d.M10(finding, nil)) }

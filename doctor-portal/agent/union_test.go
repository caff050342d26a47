package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/doctor-portal/agent"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/server"
	"medunion/ecc"
)

// union is a whole union around one agent: the real portal over a real Redis, and
// the test peers of the doctor as a public cloud and hospitals over HTTP.
type union struct {
	t        *testing.T
	mu       sync.Mutex // the peers are for one goroutine
	w        *peers.World
	anna     *peers.Hospital
	other    *peers.Hospital
	otherURL string
	down     []message.ID                              // hospitals that answer nothing
	lose     bool                                      // the next M7 is lost
	spent    int                                       // the search whose ticket it answered
	stalled  map[message.ID]chan struct{}              // a hospital whose releases do not come
	pages    func([]message.Message) []message.Message // what happens to the pages of a release
	stale    time.Duration                             // a search is refused once: the cloud's clock is ahead
	searches int
	forgets  bool                    // the cloud was restored from a backup of before, and renews nothing
	records  map[message.ID][]string // pages
	prekeys  map[string]string       // of doctors, base64
	portal   string
	dir      string
	log      *syncBuffer
	cfg      agent.Config
	trace    []message.Sent
	patient  *portal.Client
}

// syncBuffer collects logs of many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must[T any](v T, err error) T { return peers.Must(v, err) }

func newUnion(t *testing.T) *union {
	u := &union{t: t, w: peers.NewWorld(t, ecc.SuiteX25519), prekeys: map[string]string{}, dir: t.TempDir(), log: &syncBuffer{},
		records: map[message.ID][]string{}}
	u.w.Now = time.Now()
	cloud := httptest.NewServer(u.locked(u.cloudRoutes()))
	t.Cleanup(cloud.Close)
	u.anna = u.w.NewHospitalAt(peers.AnnaID, u.serveHospital(func() *peers.Hospital { return u.anna }))
	u.otherURL = u.serveHospital(func() *peers.Hospital { return u.other })
	u.other = u.w.NewHospitalAt(peers.ElseID, u.otherURL)
	u.startPortal(cloud.URL)
	u.cfg = agent.Config{Dev: true, Listen: "127.0.0.1:0", Store: filepath.Join(u.dir, "doctor"), TokenFile: filepath.Join(u.dir, "token"),
		Passphrase: []byte("correct horse"), Portal: u.portal, Pins: &u.w.Pins, Authority: peers.AuthorityName,
		AuthorityJWKS: must(u.w.Authority.JWKS()), ID: "dr-okafor", Suite: 1, Logger: slog.New(slog.NewJSONHandler(u.log, nil)),
		Trace: u.traced}
	return u
}

func (u *union) traced(s message.Sent) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trace = append(u.trace, s)
}

func (u *union) startPortal(cloud string) {
	u.t.Helper()
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	address := ln.Addr().String()
	_ = ln.Close()
	p, err := server.Start(context.Background(), server.Config{Dev: true, Listen: address, Cloud: cloud, Pins: &u.w.Pins,
		Authority: peers.AuthorityName, AuthorityJWKS: must(u.w.Authority.JWKS()),
		SessionKeyFile: filepath.Join(u.dir, "portal.key"), RedisAddrs: []string{redistest.Start(u.t).Addr()}, Namespace: "portal",
		Logger: slog.New(slog.NewJSONHandler(u.log, nil))})
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = p.Close() })
	u.portal = p.URL()
	u.patient = must(portal.NewClient(u.portal))
}

func (u *union) locked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

func (u *union) cloudRoutes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/directory", func(w http.ResponseWriter, _ *http.Request) {
		d := message.Directory{Issued: message.MillisOf(time.Now()), Hospitals: []message.Credential{u.anna.Cred, u.other.Cred}}
		writeSigned(w, message.Sign(u.w.Cloud.Sign, d.Encode()))
	})
	m.HandleFunc("GET /v1/parameters", func(w http.ResponseWriter, _ *http.Request) {
		p := message.Parameters{CloudID: u.w.Pins.CloudID, PK: u.w.Pins.First.PK, PUKC: u.w.Pins.First.PUKC, Suites: []ecc.Suite{u.w.Suite},
			Departments: []message.Code{"GENERAL", "SURGERY"}, Classes: []message.Code{"LAB", "OTHER"}, Issued: message.MillisOf(time.Now())}
		writeSigned(w, message.Sign(u.w.Cloud.Sign, p.Encode()))
	})
	m.HandleFunc("GET /v1/revocations", func(w http.ResponseWriter, _ *http.Request) { writeSigned(w, u.w.Cloud.Revocations()) })
	m.HandleFunc("GET /v1/successions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		must(0, json.NewEncoder(w).Encode(map[string][]string{"successions": {}}))
	})
	m.HandleFunc("GET /v1/prekeys/{owner}", u.servePrekey)
	m.HandleFunc("PUT /v1/prekeys", func(w http.ResponseWriter, r *http.Request) {
		var s struct{ Signed string }
		must(0, json.NewDecoder(r.Body).Decode(&s))
		u.prekeys["doctor"] = s.Signed
		w.WriteHeader(http.StatusNoContent)
	})
	m.HandleFunc("POST /v1/registrations/challenges", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, 200, map[string]string{"challenge": base64.RawURLEncoding.EncodeToString(make([]byte, message.ChallengeSize))})
	})
	m.HandleFunc("POST /v1/registrations", func(w http.ResponseWriter, r *http.Request) {
		q := must(message.DecodeRegistrationRequest(readMessage(r)))
		if _, err := message.DecodeRenewal(q.Admission); err == nil && u.forgets {
			writeProblem(w, problem.Refused(nil))
			return
		}
		reply := u.w.Reply(q)
		writeJSON(w, 201, httpserver.NewMessage(reply.Encode()))
	})
	m.HandleFunc("POST /v1/searches", func(w http.ResponseWriter, r *http.Request) {
		if ahead := u.stale; ahead != 0 {
			u.stale = 0
			writeProblem(w, problem.Stale(time.Now().Add(ahead)))
			return
		}
		u.searches++
		writeJSON(w, 200, httpserver.NewMessage(u.w.Cloud.M5(must(message.Decode(readMessage(r)))).Encode()))
	})
	m.HandleFunc("POST /v1/diagnosis-entries", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, 200, httpserver.NewMessage(u.w.Cloud.Indexed(must(message.Decode(readMessage(r)))).Encode()))
	})
	return m
}

func (u *union) servePrekey(w http.ResponseWriter, r *http.Request) {
	owners := map[string]message.Signed{"cloud": u.w.Cloud.Prekey(), hex.EncodeToString(u.anna.C[:]): u.anna.Prekey(),
		hex.EncodeToString(u.other.C[:]): u.other.Prekey()}
	s, ok := owners[r.PathValue("owner")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	writeSigned(w, s)
}

// serveHospital serves a hospital that is made after its address is known.
func (u *union) serveHospital(h func() *peers.Hospital) string {
	m := http.NewServeMux()
	m.HandleFunc("POST /v1/sessions", func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(u.down, h().Cred.Info.ID) {
			panic(http.ErrAbortHandler)
		}
		if u.lose {
			u.lose, u.spent = false, u.searches
			panic(http.ErrAbortHandler)
		}
		if u.spent != 0 && u.spent == u.searches {
			writeProblem(w, problem.Refused(nil))
			return
		}
		writeJSON(w, 200, httpserver.NewMessage(h().M7(must(message.Decode(readMessage(r)))).Encode()))
	})
	m.HandleFunc("POST /v1/releases", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		all := h().M9(must(message.Decode(readMessage(r))), u.records[h().Cred.Info.ID]...)
		if u.pages != nil {
			all = u.pages(all)
		}
		for _, page := range all {
			must(0, json.NewEncoder(w).Encode(httpserver.NewMessage(page.Encode())))
		}
	})
	m.HandleFunc("POST /v1/diagnoses", func(w http.ResponseWriter, r *http.Request) {
		reply := h().Stored(must(message.Decode(readMessage(r))), u.w.Cloud.Entries[0])
		writeJSON(w, 200, httpserver.NewMessage(reply.Encode()))
	})
	locked := u.locked(m)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		stalled := u.stalled[h().Cred.Info.ID]
		u.mu.Unlock()
		if stalled != nil && r.URL.Path == "/v1/releases" {
			<-stalled
		}
		locked.ServeHTTP(w, r)
	}))
	u.t.Cleanup(s.Close)
	return s.URL
}

// setDown says which hospitals answer nothing from now on.
func (u *union) setDown(hospitals ...message.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = hospitals
}

// stall keeps a hospital's releases back until the function that it returns is called.
func (u *union) stall(id message.ID) func() {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := make(chan struct{})
	u.stalled = map[message.ID]chan struct{}{id: c}
	release := sync.OnceFunc(func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.stalled = nil
		close(c)
	})
	u.t.Cleanup(release)
	return release
}

func readMessage(r *http.Request) []byte {
	var m httpserver.Message
	must(0, json.NewDecoder(r.Body).Decode(&m))
	return must(m.Bytes(httpserver.LargeMessageCap))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	must(0, json.NewEncoder(w).Encode(v))
}

func writeProblem(w http.ResponseWriter, p *problem.Error) {
	w.Header().Set("Content-Type", problem.MediaType)
	w.WriteHeader(p.Kind.Status())
	must(0, json.NewEncoder(w).Encode(p.Document("")))
}

func writeSigned(w http.ResponseWriter, s message.Signed) {
	writeJSON(w, 200, map[string]string{"signed": base64.RawURLEncoding.EncodeToString(s.Encode())})
}

// start runs the agent; client is its API with the token.
func (u *union) start() (*agent.Agent, *doctoragent.ClientWithResponses) {
	u.t.Helper()
	a, err := agent.Start(context.Background(), u.cfg)
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { _ = a.Close() })
	token := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+a.Token())
		return nil
	}
	return a, must(doctoragent.NewClientWithResponses(a.URL(), doctoragent.WithRequestEditorFn(token)))
}

// eventually waits for background work.
func (u *union) eventually(what string, done func() bool) {
	u.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
	}
	u.t.Fatalf("%s did not happen; log:\n%s", what, u.log)
}

// enter sends M1 through the portal, waits for M2 and sends M3.
func (u *union) enter(p *peers.Patient, edit func(*message.CON)) {
	u.t.Helper()
	u.consult(p)
	letters := u.mail(p, "0-0")
	u.mu.Lock()
	p.ReceiveM2(must(message.Decode(must(base64.RawURLEncoding.DecodeString(letters[0].Message)))))
	con := p.Consent(func(c *message.Consent, o *message.OpenH) {
		o.Grants = append(o.Grants, message.Grant{Hospital: peers.ElseID, Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}})
		if o.Grants[0].Hospital > o.Grants[1].Hospital {
			o.Grants[0], o.Grants[1] = o.Grants[1], o.Grants[0]
		}
		c.CommitH = o.Commit()
	})
	con.IndexKeys = append(con.IndexKeys, message.SharedIndexKey{Department: "GENERAL", Hospital: peers.ElseID,
		Key: message.IndexKey(p.KLoc, "GENERAL", peers.ElseID)})
	if edit != nil {
		edit(&con)
	}
	m3 := p.M3(con)
	u.mu.Unlock()
	status(u.t, 202)(u.patient.SendToDoctor(context.Background(), portal.Message(httpserver.NewMessage(m3.Encode())), capability(p)))
}

// consult sends M1 to the agent's doctor.
func (u *union) consult(p *peers.Patient) {
	u.t.Helper()
	u.mu.Lock()
	prekey := must(message.DecodeSigned(must(base64.RawURLEncoding.DecodeString(u.prekeys["doctor"]))))
	owner := must(message.DecodePrekey(prekey.TBS)).Owner
	u.mu.Unlock()
	m1 := u.m1(p, prekey)
	status(u.t, 202)(u.patient.Consult(context.Background(), hex.EncodeToString(owner[:]), portal.Message(httpserver.NewMessage(m1.Encode()))))
}

var doctorCredential message.Credential // of the agent under test

func (u *union) m1(p *peers.Patient, prekey message.Signed) message.Message {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.w.Now = time.Now()
	return p.M1To(doctorCredential, prekey, nil)
}

func capability(p *peers.Patient) portal.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Visit-Capability", base64.RawURLEncoding.EncodeToString(p.Session[:]))
		return nil
	}
}

// mail waits for the patient's next letters.
func (u *union) mail(p *peers.Patient, after string) []portal.Letter {
	u.t.Helper()
	wait := 10
	r, err := u.patient.FetchForPatient(context.Background(), &portal.FetchForPatientParams{After: &after, Wait: &wait}, capability(p))
	if err != nil {
		u.t.Fatal(err)
	}
	defer r.Body.Close()
	var mail portal.Mail
	b := must(io.ReadAll(r.Body))
	if err := json.Unmarshal(b, &mail); err != nil || len(mail.Messages) == 0 {
		u.t.Fatalf("no mail for the patient: %d %s\n%s", r.StatusCode, b, u.log)
	}
	return mail.Messages
}

// status returns a check that an answer has this status.
func status(t *testing.T, want int) func(*http.Response, error) {
	return func(r *http.Response, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != want {
			b, _ := io.ReadAll(r.Body)
			t.Fatalf("status %d, want %d: %s", r.StatusCode, want, b)
		}
	}
}

package system_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	doctor "medunion/doctor-portal/agent"
	"medunion/ecc"
	patient "medunion/patient-agent/agent"
)

// known is what the canary's process tells its parent at its end.
type known struct {
	Canaries []string // what a patient, a record or a doctor says: nowhere readable
	Patient  string   // ID_P: nowhere readable
	Logs     []string // what stands in keys and stores by design, but never in logs or metrics
	Hashes   []string // the same, in hex: c_P, locators, sids
}

// story is the visits of one patient, in a process of its own.
type story struct {
	dir     string
	s       *suite.Suite
	words   words
	agent   *patient.Agent
	doctor  *doctor.Agent
	pass    []byte
	sids    *sidCatcher
	known   known
	dumps   int
	visited []string // the doctor's names of the visits
}

// canaryVisits runs everything that a patient can do, with strings that occur nowhere
// else, and writes what it knows and what only a live process can see (Redis, metrics)
// to the folder "out". The state is in the folder "state", the logs on standard error.
func canaryVisits(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := os.MkdirAll(filepath.Join(dir, "out"), 0o700); err != nil {
		return err
	}
	c := &story{dir: dir, words: newWords(), sids: &sidCatcher{}}
	var err error
	c.s, err = suite.Start(ctx, suite.Options{Dir: filepath.Join(dir, "state"), Suite: ecc.SuiteX25519, Hospitals: 2, Logger: stderrLog(slog.LevelDebug)})
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{c.importRecord, c.startDoctor, c.startPatient, c.enrol, c.visit, c.visit,
		c.questions, c.misuse, c.finish} {
		if err := step(ctx); err != nil {
			return errors.Join(fmt.Errorf("canary: %s", problem.Reason(err)), c.s.Close())
		}
	}
	return c.s.Close()
}

// importRecord gives both hospitals their part of the record.
func (c *story) importRecord(ctx context.Context) error {
	src, err := source.Read(fstest.MapFS{"canary.json": {Data: c.words.bundle()}}, 2)
	if err != nil {
		return err
	}
	if len(src.Notes) > 0 || len(src.Files[0].Hospitals) != 2 {
		return fmt.Errorf("the canary's bundle is not all hers at two hospitals: %v", src.Notes)
	}
	return visit.Import(ctx, c.s, src)
}

func (c *story) startDoctor(ctx context.Context) (err error) {
	c.doctor, err = c.s.StartDoctor(ctx, suite.DoctorProfile{ID: "dr-of-the-canary", Name: c.words.doctor, Departments: []message.Code{"OUTPATIENT"},
		Affiliation: c.s.Hospitals[0].ID})
	c.logs(c.words.doctor, "L-dr-of-the-canary", c.doctor.Token())
	return err
}

// logs adds what must not be in logs and metrics.
func (c *story) logs(secrets ...string) { c.known.Logs = append(c.known.Logs, secrets...) }

func (c *story) hashes(h ...[]byte) {
	for _, b := range h {
		c.known.Hashes = append(c.known.Hashes, fmt.Sprintf("%x", b))
	}
}

// startPatient makes her agent with a transport that notes the session ids.
func (c *story) startPatient(ctx context.Context) error {
	verify, err := c.s.Authorized()
	if err != nil {
		return err
	}
	folder := filepath.Join(c.dir, "state", "agents", "canary")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	c.agent, err = patient.New(patient.Config{Store: filepath.Join(folder, "store"), Suite: ecc.SuiteX25519, Cost: cheap, Cloud: c.s.Cloud, Pins: c.s.Pins(),
		VerifyCertificate: verify, Authority: authority.DefaultName, HTTP: c.sids, Logger: stderrLog(slog.LevelDebug).With("party", "patient")})
	if err != nil {
		return err
	}
	code, err := c.s.PatientCode(ctx)
	if err != nil {
		return err
	}
	c.pass = []byte(c.words.passphrase)
	id, err := c.agent.Register(ctx, code, c.pass)
	c.logs(code, c.words.passphrase)
	c.hashes(id.Credential[:])
	c.known.Patient = string(id.ID)
	return err
}

// enrol links her at both hospitals, after an attempt with a wrong code.
func (c *story) enrol(ctx context.Context) error {
	if _, err := c.agent.Enrol(ctx, c.s.Hospitals[0].ID, "0000-0000-0000"); err == nil {
		return errors.New("a wrong desk code enrols")
	}
	for _, h := range c.s.Hospitals {
		code, err := h.DeskCode(ctx, c.words.mrn)
		if err != nil {
			return err
		}
		c.logs(code)
		if _, err := c.agent.Enrol(ctx, h.ID, code); err != nil {
			return err
		}
	}
	return eventually(ctx, func() (bool, error) {
		known, err := c.agent.Hospitals(ctx)
		return err == nil && !slices.ContainsFunc(known.Hospitals, func(h patient.Hospital) bool { return len(h.Departments) == 0 }), err
	})
}

// eventually polls until yes, an error or half a minute has passed.
func eventually(ctx context.Context, f func() (bool, error)) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		yes, err := f()
		switch {
		case err != nil || yes:
			return err
		case time.Now().After(end) || ctx.Err() != nil:
			return errors.New("it does not happen")
		}
	}
}

// visit runs M1 to M12 with measurements that name her, and dumps Redis in its middle.
func (c *story) visit(ctx context.Context) error {
	card, err := c.doctor.Card()
	if err != nil {
		return err
	}
	id, err := c.agent.StartVisit(ctx, patient.Request{Link: card.Link, Passphrase: c.pass,
		Recordings: []patient.Recording{{Name: "home.json", Data: c.words.signals()}}})
	if err != nil {
		return err
	}
	at, err := c.callIn(ctx)
	if err != nil {
		return err
	}
	if err := c.fetch(ctx, at); err != nil {
		return err
	}
	if err := c.dumpRedis(ctx); err != nil {
		return err
	}
	r, err := c.doctor.SendFinding(ctx, at, doctor.Finding{Text: c.words.finding, Note: c.words.note})
	if err != nil || len(r.Failures) > 0 || r.Stored == nil || r.Indexed == nil {
		return fmt.Errorf("diagnosis: %v %v", err, r.Failures)
	}
	if _, err = c.agent.Wait(ctx, id, patient.Shared); err != nil {
		return err
	}
	return c.noteEvidence(at)
}

func (c *story) callIn(ctx context.Context) (id string, err error) {
	err = eventually(ctx, func() (bool, error) {
		v := c.doctor.Visits()
		if len(v) <= len(c.visited) || v[len(v)-1].State != doctoragent.Waiting {
			return false, nil
		}
		id = v[len(v)-1].ID
		return true, nil
	})
	if err != nil {
		return "", err
	}
	c.visited = append(c.visited, id)
	_, err = c.doctor.OpenVisit(id)
	return id, err
}

// fetch reads the record from both hospitals; all the strings must have travelled.
func (c *story) fetch(ctx context.Context, id string) error {
	if _, err := c.doctor.FetchRecords(id, message.Filter{}); err != nil {
		return err
	}
	err := eventually(ctx, func() (bool, error) {
		v, err := c.doctor.Visit(id)
		return err == nil && v.Search != nil && v.Search.State == doctoragent.SearchStateDone, err
	})
	if err != nil {
		return err
	}
	records, err := c.doctor.Records(id)
	if err != nil {
		return err
	}
	msd, err := c.doctor.Signals(id)
	if err != nil {
		return err
	}
	text := string(msd)
	for _, r := range records {
		text += string(r.Data)
	}
	for _, w := range append(c.words.inRecord(), c.words.inSignals()...) {
		if !strings.Contains(text, w) && !strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(w))) {
			return fmt.Errorf("the doctor did not receive %q: the test tests nothing", w)
		}
	}
	return nil
}

// noteEvidence takes locators and session ids from what the doctor keeps.
func (c *story) noteEvidence(id string) error {
	e, err := c.doctor.Evidence(id)
	if err != nil {
		return err
	}
	for _, l := range e.Consent.OpenC.Locators {
		c.hashes(l[:])
	}
	hc := e.Consent.Consent.Hash()
	c.hashes(hc[:])
	for _, s := range e.Statements {
		f, err := ecc.DecodeList(ecc.Label(s.Name), s.TBS, 64)
		if err != nil {
			continue
		}
		if h, err := message.DecodeHeader(f[0]); err == nil {
			c.hashes(h.Session[:])
		}
	}
	return nil
}

// questions asks everything that a patient may, reads what came back, and revokes.
func (c *story) questions(ctx context.Context) error {
	list, unanswered, err := c.agent.Diagnoses(ctx)
	if err != nil || len(unanswered) > 0 || len(list) != 2 || !strings.Contains(string(list[0].Content), c.words.note) {
		return fmt.Errorf("diagnoses: %v, %d, %d hospitals silent", err, len(list), len(unanswered))
	}
	if r, err := c.agent.Releases(ctx); err != nil || !r.Complete {
		return fmt.Errorf("releases: %v", err)
	}
	for _, h := range c.s.Hospitals {
		if record, err := c.agent.Record(ctx, h.ID); err != nil || !strings.Contains(string(record), c.words.family) {
			return fmt.Errorf("record: %v", err)
		}
	}
	consents, err := c.agent.Consents()
	if err != nil || len(consents) != 2 {
		return fmt.Errorf("%d consents, %v", len(consents), err)
	}
	if uses, err := c.agent.Uses(ctx, consents[0].Hash); err != nil || len(uses) == 0 {
		return fmt.Errorf("uses: %v", err)
	}
	for _, x := range consents {
		if r, err := c.agent.Revoke(ctx, x.Hash); err != nil || !r.Complete {
			return fmt.Errorf("revocation: %v", err)
		}
	}
	return nil
}

// misuse does what ends in refusals and errors, whose reasons are logged.
func (c *story) misuse(ctx context.Context) error {
	if _, err := c.doctor.FetchRecords(c.visited[1], message.Filter{}); err == nil {
		_ = eventually(ctx, func() (bool, error) {
			v, err := c.doctor.Visit(c.visited[1])
			return err == nil && v.Search.State != doctoragent.SearchStateRunning, err
		})
	}
	if err := c.agent.Unlock([]byte(c.words.passphrase + "?")); err == nil {
		return errors.New("a wrong passphrase opens the store")
	}
	h := c.s.Hospitals[0]
	if _, err := h.Import(ctx, []byte(strings.Replace(string(c.words.bundle()), `"status":"finished"`, `"status":"`+c.words.family+`"`, 1))); err != nil {
		return err
	}
	if r, err := h.Import(ctx, c.words.bundle()[:1000]); err != nil || r.Total.Found != 0 {
		return fmt.Errorf("half a bundle: %+v, %v", r.Total, err)
	}
	for _, base := range []string{c.s.Cloud, c.s.Portal, h.URL, h.Admin, c.doctor.URL()} {
		for _, path := range []string{"/v1/" + c.words.family, "/v1/log?from=" + c.words.family, "/v1/doctors/" + c.words.family, "/v1/desk-codes", "/v1/searches"} {
			for _, kind := range []string{"application/json", "application/" + c.words.family} {
				_, err := call(ctx, http.MethodPost, base+path, c.words.phone, kind, []byte(`{"`+c.words.family+`":"`+c.words.mrn+`"}`))
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// finish dumps what only a live process shows, and says what is known.
func (c *story) finish(ctx context.Context) error {
	if err := c.dumpRedis(ctx); err != nil {
		return err
	}
	urls := map[string]string{"cloud": c.s.Cloud, "portal": c.s.Portal, "authority": c.s.Authority, "doctor": c.doctor.URL()}
	for _, h := range c.s.Hospitals {
		urls[string(h.ID)], urls[string(h.ID)+"-admin"] = h.URL, h.Admin
		t, err := h.Token("admin")
		if err != nil {
			return err
		}
		c.logs(t)
	}
	for name, url := range urls {
		a, err := call(ctx, http.MethodGet, url+"/metrics", c.doctor.Token(), "", nil)
		if err != nil || a.status != http.StatusOK || !strings.Contains(string(a.body), "medunion_http_requests_total") {
			return fmt.Errorf("metrics of %s: %d %v", name, a.status, err)
		}
		if err := c.out("metrics-"+name, a.body); err != nil {
			return err
		}
	}
	operator, err := c.s.OperatorToken()
	if err != nil {
		return err
	}
	c.logs(operator)
	c.hashes(c.sids.all()...)
	c.known.Canaries = c.words.all()
	b, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, "known.json"), b, 0o600)
}

func (c *story) out(name string, b []byte) error {
	return os.WriteFile(filepath.Join(c.dir, "out", name), b, 0o600)
}

func (c *story) dumpRedis(ctx context.Context) error {
	b, err := redisDump(ctx, c.s.Redis)
	if err != nil {
		return err
	}
	c.dumps++
	return c.out(fmt.Sprintf("redis-%d", c.dumps), b)
}

// sidCatcher notes the session id of every message that passes.
type sidCatcher struct {
	mu   sync.Mutex
	sids [][]byte
}

// RoundTrip implements http.RoundTripper.
func (s *sidCatcher) RoundTrip(r *http.Request) (*http.Response, error) {
	if b := r.Header.Get("Visit-Capability"); b != "" {
		s.note(base64.RawURLEncoding.DecodeString(b))
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			var m struct{ Message string }
			if json.NewDecoder(body).Decode(&m) == nil {
				s.noteMessage(base64.RawURLEncoding.DecodeString(m.Message))
			}
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (s *sidCatcher) note(b []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(b) == 16 {
		s.sids = append(s.sids, b)
	}
}

func (s *sidCatcher) noteMessage(b []byte, err error) {
	if m, derr := message.Decode(b); err == nil && derr == nil {
		s.note(m.Header.Session[:], nil)
	}
}

func (s *sidCatcher) all() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sids
}

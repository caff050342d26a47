package agent_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/openapi/doctoragent"
	"medunion/doctor-portal/agent"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/practice"
)

func TestAPIIsGuarded(t *testing.T) {
	u := newUnion(t)
	a, api := u.start()
	ctx := context.Background()
	anonymous := must(doctoragent.NewClient(a.URL()))
	status(t, 401)(anonymous.ListVisits(ctx, nil))
	status(t, 401)(anonymous.ListVisits(ctx, nil, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("0", 64))
		return nil
	}))
	status(t, 403)(api.ListVisits(ctx, nil, func(_ context.Context, r *http.Request) error { r.Host = "evil.example"; return nil }))
	status(t, 404)(api.GetVisit(ctx, "0000000000000000"))
	status(t, 400)(api.GetVisit(ctx, "../../secret"))
	status(t, 409)(api.GetCard(ctx))
	status(t, 409)(api.Register(ctx))
	status(t, 403)(api.SetCertificate(ctx, doctoragent.Certificate{Certificate: "a.b.c"}))
	status(t, 400)(api.SetCertificateWithBody(ctx, "application/json", strings.NewReader(`{"certificate":"a.b.c","more":1}`)))
	status(t, 415)(api.SetCertificateWithBody(ctx, "text/plain", strings.NewReader(`{"certificate":"a.b.c"}`)))
	status(t, 413)(api.SetCertificateWithBody(ctx, "application/json", strings.NewReader(strings.Repeat(" ", 1<<20))))
	status(t, 404)(api.SendDiagnosisWithBody(ctx, "0000000000000000", "application/json", strings.NewReader(`{}`)))
}

// answerTo sends a request with the token and returns status and problem, less the request's id.
func answerTo(t *testing.T, a *agent.Agent, method, path, body string) string {
	t.Helper()
	r := must(http.NewRequest(method, a.URL()+path, strings.NewReader(body)))
	r.Header.Set("Authorization", "Bearer "+a.Token())
	r.Header.Set("Content-Type", "application/json")
	resp := must(http.DefaultClient.Do(r))
	defer resp.Body.Close()
	told, _, _ := strings.Cut(string(must(io.ReadAll(resp.Body))), `,"instance"`)
	return resp.Status + " " + resp.Header.Get("Allow") + told
}

const ownPrekey = `{"step":"prekey"}`

// TestDevelopmentIsOff: its addresses answer like any that do not exist.
func TestDevelopmentIsOff(t *testing.T) {
	u := newUnion(t)
	a, _ := u.start()
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		unknown := answerTo(t, a, method, "/v1/nothing", ownPrekey)
		if !strings.HasPrefix(unknown, "404") {
			t.Fatal(unknown)
		}
		for _, path := range []string{"/v1/development/messages", "/v1/development/replies"} {
			if got := answerTo(t, a, method, path, ownPrekey); got != unknown {
				t.Errorf("%s %s: %s, not %s", method, path, got, unknown)
			}
		}
	}
	_ = a.Close()
	u.cfg.Development = true
	a, _ = u.start()
	for body, want := range map[string]string{ownPrekey: "not registered", `{"step":"M4","visit":"x","mode":"read"}`: "at /visit (pattern)",
		`{"step":"M5"}`: "(discriminator)"} {
		if got := answerTo(t, a, "POST", "/v1/development/messages", body); !strings.Contains(got, want) {
			t.Errorf("switched on, %s: %s", body, got)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	u := newUnion(t)
	edits := map[string]func(*agent.Config){
		"an address that is not loopback":     func(c *agent.Config) { c.Listen = "0.0.0.0:0" },
		"a portal by plain HTTP":              func(c *agent.Config) { c.Portal = "http://portal.example" },
		"a portal that is no origin":          func(c *agent.Config) { c.Portal += "/path" },
		"no passphrase":                       func(c *agent.Config) { c.Passphrase = nil },
		"a passphrase file open to others":    func(c *agent.Config) { c.Passphrase, c.PassphraseFile = nil, open(t, u.dir) },
		"no pins":                             func(c *agent.Config) { c.Pins, c.PinsFile = nil, "absent" },
		"a bad ID":                            func(c *agent.Config) { c.ID = "Dr Okafor" },
		"development with a portal elsewhere": func(c *agent.Config) { c.Portal, c.Development = "https://portal.example", true },
		"a short token":                       func(c *agent.Config) { c.TokenFile = short(t, u.dir) },
	}
	for name, edit := range edits {
		cfg := u.cfg
		edit(&cfg)
		if a, err := agent.Start(context.Background(), cfg); err == nil {
			t.Errorf("started with %s", name)
			_ = a.Close()
		}
	}
	if _, err := os.Stat(u.cfg.Store); err == nil {
		t.Error("a refused start left a store")
	}
}

func open(t *testing.T, dir string) string {
	path := filepath.Join(dir, "open")
	if err := os.WriteFile(path, []byte("correct horse"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func short(t *testing.T, dir string) string {
	path := filepath.Join(dir, "short")
	if err := os.WriteFile(path, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEventsAndEvidence: what the page has beside the agent's older addresses.
func TestEventsAndEvidence(t *testing.T) {
	u, api, _, id := ready(t)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	stream := must(api.WatchEvents(ctx))
	defer stream.Body.Close()
	if got := stream.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %s", got)
	}
	heard := make(chan string, 64)
	go func() {
		lines := bufio.NewScanner(stream.Body)
		for lines.Scan() {
			heard <- lines.Text()
		}
		close(heard)
	}()
	status(t, 409)(api.CancelFetch(ctx, id))
	if got := progress(u.fetched(api, id)); got != "st-anna verified 3" {
		t.Errorf("progress %s", got)
	}
	waitFor(t, heard, `data: {"type":"visit","id":"`+id+`"}`)
	e := must(api.GetEvidenceWithResponse(ctx, id)).JSON200
	if e == nil || len(e.Statements) != 11 {
		t.Fatalf("evidence %+v", e)
	}
	for _, s := range e.Statements {
		if !s.Verified || s.ReasonCode != nil || s.Signer.ID == "" || s.Covers == "" {
			t.Errorf("statement %+v", s)
		}
	}
	file := must(api.DownloadEvidenceWithResponse(ctx, id))
	authority := must(doctorcert.NewAuthority(peers.AuthorityName, must(u.w.Authority.JWKS())))
	if got := must(practice.VerifyEvidenceFile(file.Body, u.w.Pins, authority)); len(got.Statements) != len(e.Statements) {
		t.Errorf("the file has %d statements", len(got.Statements))
	}
	status(t, 404)(api.GetEvidence(ctx, "0000000000000000"))
}

func waitFor(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case line, open := <-lines:
			if line == want {
				return
			}
			if !open {
				t.Fatal("the stream ended")
			}
		case <-late:
			t.Fatalf("%s was not heard", want)
		}
	}
}

// TestCodes: each reason that a person reads has its code.
func TestCodes(t *testing.T) {
	u, api, _, id := ready(t)
	u.mu.Lock()
	u.lose = true
	u.mu.Unlock()
	h := u.fetched(api, id).Hospitals[0]
	if h.ReasonCode == nil || *h.ReasonCode != "hospital-silent" {
		t.Errorf("hospital %+v", h)
	}
	v := must(api.CloseVisitWithResponse(context.Background(), id)).JSON200
	if v.ReasonCode == nil || *v.ReasonCode != "closed-by-doctor" || v.Patient.ID != string(peers.PatientID) || v.Consent.Uses != 1 {
		t.Errorf("visit %+v", v)
	}
	d := must(api.GetDoctorWithResponse(context.Background())).JSON200
	if d.Name == nil || *d.Name != "Dr Okafor" || d.CertificateUntil == nil {
		t.Errorf("doctor %+v", d)
	}
}

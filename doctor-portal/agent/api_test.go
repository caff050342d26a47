package agent_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/openapi/doctoragent"
	"medunion/doctor-portal/agent"
)

func TestAPIIsGuarded(t *testing.T) {
	u := newUnion(t)
	a, api := u.start()
	ctx := context.Background()
	anonymous := must(doctoragent.NewClient(a.URL()))
	status(t, 401)(anonymous.ListVisits(ctx))
	status(t, 401)(anonymous.ListVisits(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+strings.Repeat("0", 64))
		return nil
	}))
	status(t, 403)(api.ListVisits(ctx, func(_ context.Context, r *http.Request) error { r.Host = "evil.example"; return nil }))
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

func TestStartRefuses(t *testing.T) {
	u := newUnion(t)
	edits := map[string]func(*agent.Config){
		"an address that is not loopback":  func(c *agent.Config) { c.Listen = "0.0.0.0:0" },
		"a portal by plain HTTP":           func(c *agent.Config) { c.Portal = "http://portal.example" },
		"a portal that is no origin":       func(c *agent.Config) { c.Portal += "/path" },
		"no passphrase":                    func(c *agent.Config) { c.Passphrase = nil },
		"a passphrase file open to others": func(c *agent.Config) { c.Passphrase, c.PassphraseFile = nil, open(t, u.dir) },
		"no pins":                          func(c *agent.Config) { c.Pins, c.PinsFile = nil, "absent" },
		"a bad ID":                         func(c *agent.Config) { c.ID = "Dr Okafor" },
		"a short token":                    func(c *agent.Config) { c.TokenFile = short(t, u.dir) },
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

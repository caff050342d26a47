package authority_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/deploy/local/authority"
	"medunion/ecc"
)

// start serves a development authority and returns its address.
func start(t *testing.T, c authority.Config) (*authority.Authority, string) {
	t.Helper()
	c.Logger, c.Departments = slog.New(slog.DiscardHandler), []string{"SURGERY", "GENERAL"}
	a, err := authority.New(c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- httpserver.Serve(ctx, listener, a.Handler(), httpserver.ServeOptions{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a, "http://" + listener.Addr().String()
}

// request makes a doctor's request.
func request(t *testing.T, departments []string) string {
	t.Helper()
	key, err := ecc.GenerateSigningKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kem, err := ecc.GenerateKEM(ecc.SuiteXWing, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	q := message.CertificateRequest{Authority: authority.DefaultName, Licence: "MD-1", Name: "Dr. Ada Obi", Departments: departments,
		Keys: message.PublicKeys{Sign: key.Public(), KEM: kem.Public()}}
	wire, err := doctorcert.EncodeRequest(q, key.Sign(q.TBS()))
	if err != nil {
		t.Fatal(err)
	}
	return string(wire)
}

// ask lets edit change a request after it is signed, and posts it.
func ask(t *testing.T, url string, departments []string, edit func(string) string) (int, string) {
	t.Helper()
	resp, err := http.Post(url+"/v1/certificates", "application/json", strings.NewReader(edit(request(t, departments))))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func same(s string) string { return s }

func TestCertificate(t *testing.T) {
	a, url := start(t, authority.Config{})
	resp, err := http.Get(url + "/v1/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	_, jwks := read(t, resp)
	if jwks != string(a.JWKS()) {
		t.Errorf("served key set %s, own %s", jwks, a.JWKS())
	}
	pinned, err := doctorcert.NewAuthority(authority.DefaultName, []byte(jwks))
	if err != nil {
		t.Fatal(err)
	}
	status, body := ask(t, url, []string{"SURGERY"}, same)
	var answer map[string]string
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 201 || len(answer) != 1 {
		t.Fatalf("%d %s", status, body)
	}
	d, err := pinned.Verify([]byte(answer["certificate"]), time.Now())
	if err != nil || d.Name != "Dr. Ada Obi" || d.Suite != ecc.SuiteXWing {
		t.Fatalf("%+v, %v", d, err)
	}
}

func TestBadRequests(t *testing.T) {
	_, url := start(t, authority.Config{})
	for name, c := range map[string]struct {
		departments []string
		edit        func(string) string
		status      int
		kind        string
	}{
		"department":  {[]string{"SURGERY", "RADIOLOGY"}, same, 400, "invalid"},
		"edited":      {[]string{"SURGERY"}, func(s string) string { return strings.Replace(s, "Ada", "Eve", 1) }, 403, "refused"},
		"cut short":   {[]string{"SURGERY"}, func(s string) string { return s[:len(s)-1] }, 400, "invalid"},
		"empty":       {[]string{"SURGERY"}, func(string) string { return "" }, 400, "invalid"},
		"unknown":     {[]string{"SURGERY"}, func(s string) string { return `{"x":1,` + s[1:] }, 400, "invalid"},
		"other place": {[]string{"SURGERY"}, func(s string) string { return strings.Replace(s, "development", "real", 1) }, 400, "invalid"},
		"too large":   {[]string{"SURGERY"}, func(s string) string { return s + strings.Repeat(" ", 100_000) }, 413, "too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := ask(t, url, c.departments, c.edit)
			if status != c.status || !strings.Contains(body, "urn:medunion:problem:"+c.kind) || strings.Contains(body, "Obi") {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// The form gives the same certificate as the interface, and says what is wrong; what was
// pasted is shown again as text only.
func TestForm(t *testing.T) {
	a, at := start(t, authority.Config{})
	pinned, err := doctorcert.NewAuthority(authority.DefaultName, a.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	submit := func(text string) (int, string) {
		resp, err := http.PostForm(at+"/", url.Values{"request": {text}})
		if err != nil {
			t.Fatal(err)
		}
		return read(t, resp)
	}
	status, body := submit(request(t, []string{"SURGERY"}))
	_, rest, _ := strings.Cut(body, "readonly>")
	jwt, _, found := strings.Cut(rest, "</textarea>")
	if d, err := pinned.Verify([]byte(jwt), time.Now()); status != 200 || !found || err != nil || d.Name != "Dr. Ada Obi" {
		t.Errorf("%d %v: %s", status, err, body)
	}
	for _, text := range []string{"", "<script>alert(1)</script>", request(t, []string{"RADIOLOGY"})} {
		status, body := submit(text)
		if status != 422 || !strings.Contains(body, `role="alert"`) || strings.Contains(body, "readonly") || strings.Contains(body, "<script") {
			t.Errorf("%.40q: %d %s", text, status, body)
		}
	}
}

// A given key outlives the process; a generated one does not.
func TestKey(t *testing.T) {
	key, err := ecc.GenerateSigningKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, url := start(t, authority.Config{Key: key})
	b, _ := start(t, authority.Config{Key: key})
	fresh, _ := start(t, authority.Config{})
	if !bytes.Equal(a.JWKS(), b.JWKS()) || bytes.Equal(a.JWKS(), fresh.JWKS()) {
		t.Error("the key sets do not follow the keys")
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if _, body := read(t, resp); !strings.Contains(body, "development") {
		t.Errorf("it does not say what it is: %s", body)
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := authority.New(authority.Config{Departments: []string{"GENERAL"}}); err == nil {
		t.Error("no logger: accepted")
	}
	if _, err := authority.New(authority.Config{Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("no departments: accepted")
	}
	if _, err := authority.New(authority.Config{Logger: slog.New(slog.DiscardHandler), Departments: []string{"GENERAL"}, Life: 100 * 365 * 24 * time.Hour}); err == nil {
		t.Error("certificates for a century: accepted")
	}
}

package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"medunion/api/message/softkey"
	"medunion/patient-agent/internal/peers"
)

// page is what a browser holds of the agent's page: its cookie, and the key beside it.
type page struct {
	t      *testing.T
	i      *Instance
	cookie *http.Cookie
	key    string
}

func openPage(t *testing.T, i *Instance) *page {
	t.Helper()
	r := peers.Must(http.NewRequest("POST", i.URL()+"/v1/page-sessions", strings.NewReader(`{"token":"`+i.Token()+`"}`)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 204 || len(resp.Cookies()) != 1 {
		t.Fatalf("no session: %d %v", resp.StatusCode, resp.Cookies())
	}
	return &page{t, i, resp.Cookies()[0], resp.Header.Get("Page-Key")}
}

// ask makes a request as the page's scripts do; edit changes what the browser says.
func (p *page) ask(method, path, body string, edit func(*http.Request)) (int, string) {
	p.t.Helper()
	return call(p.t, p.i, method, path, body, func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if method != "GET" {
			r.Header.Set("Origin", p.i.Origin())
		}
		r.Host = strings.TrimPrefix(p.i.Origin(), "http://")
		r.AddCookie(p.cookie)
		r.Header.Set("Page-Key", p.key)
		if edit != nil {
			edit(r)
		}
	})
}

func TestPageSession(t *testing.T) {
	cfg := config(t)
	i := start(t, cfg)
	if page := i.Page(); page != i.Origin()+"/#"+i.Token() || !strings.HasPrefix(page, "http://localhost:") {
		t.Errorf("page %s", page)
	}
	cfg.Listen = i.Addr()
	if link, err := cfg.PageLink(); err != nil || link != i.Page() {
		t.Errorf("from another process: %v", err)
	}
	p := openPage(t, i)
	c := p.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/v1/" || c.Domain != "" || strings.Contains(c.Value, i.Token()) {
		t.Errorf("cookie %+v", c)
	}
	if status, body := p.ask("GET", "/v1/status", "", nil); status != 200 {
		t.Errorf("with the cookie: %d %s", status, body)
	}
	if status, body := p.ask("POST", "/v1/registration", registration, nil); status != 201 {
		t.Errorf("with the cookie: %d %s", status, body)
	}
	_ = i.Close()
	p.i = start(t, cfg) // at the same port
	if status, body := p.ask("GET", "/v1/status", "", nil); status != 200 {
		t.Errorf("after a restart: %d %s", status, body)
	}
}

// TestForgedRequests: the cookie alone lets nobody in. A browser attaches it for pages at
// other ports of localhost too, and cannot be made to lie about where they are.
func TestForgedRequests(t *testing.T) {
	i := start(t, config(t))
	p := openPage(t, i)
	other := newPageSessions(i.token, "1", i.origin, nil).keyOf("another cookie")
	drop := func(names ...string) func(*http.Request) {
		return func(r *http.Request) {
			for _, n := range names {
				r.Header.Del(n)
			}
		}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for what, c := range map[string]struct {
		method string
		edit   func(*http.Request)
		status int
	}{
		"another port":              {"POST", header("Sec-Fetch-Site", "same-site"), 403},
		"another site":              {"POST", header("Sec-Fetch-Site", "cross-site"), 403},
		"typed, not the page":       {"POST", header("Sec-Fetch-Site", "none"), 401},
		"another port, old browser": {"POST", func(r *http.Request) { drop("Sec-Fetch-Site")(r); header("Origin", "http://localhost:1")(r) }, 403},
		"origin null":               {"POST", func(r *http.Request) { drop("Sec-Fetch-Site")(r); header("Origin", "null")(r) }, 403},
		"a lying pair":              {"POST", header("Origin", "http://localhost:1"), 401},
		"says nothing":              {"POST", drop("Sec-Fetch-Site", "Origin"), 401},
		"read from another port":    {"GET", header("Sec-Fetch-Site", "same-site"), 401},
		"read from another site":    {"GET", header("Sec-Fetch-Site", "cross-site"), 401},
		"a link from elsewhere":     {"GET", header("Sec-Fetch-Site", "none"), 401},
		"read, old browser":         {"GET", drop("Sec-Fetch-Site"), 200},
		"old browser":               {"POST", drop("Sec-Fetch-Site"), 204},
		"by address":                {"POST", func(r *http.Request) { r.Host = "127.0.0.1"; header("Origin", "http://127.0.0.1")(r) }, 401},
		"another name (rebinding)":  {"GET", func(r *http.Request) { r.Host = "evil.example" }, 403},
		"a name that looks alike":   {"GET", func(r *http.Request) { r.Host = "localhost.evil.example" }, 403},
		"rebound, same origin":      {"POST", func(r *http.Request) { r.Host = "evil.example"; header("Origin", "http://evil.example")(r) }, 403},
		"no cookie":                 {"GET", drop("Cookie"), 401},
		"another cookie":            {"GET", header("Cookie", p.cookie.Name+"=AAAA"), 401},
		"another port's cookie":     {"GET", header("Cookie", "medunion-patient-1="+p.cookie.Value), 401},
		"an altered cookie":         {"GET", header("Cookie", p.cookie.Name+"=B"+p.cookie.Value[1:]), 401},
		"the token as a cookie":     {"GET", header("Cookie", p.cookie.Name+"="+i.Token()), 401},
		"the cookie, overheard":     {"GET", drop("Page-Key"), 401},
		"another cookie's key":      {"GET", header("Page-Key", other), 401},
		"the cookie as its key":     {"POST", header("Page-Key", p.cookie.Value), 401},
		"all is well":               {"POST", nil, 204},
	} {
		path := "/v1/status"
		if c.method == "POST" {
			path = "/v1/lock"
		}
		if status, body := p.ask(c.method, path, "", c.edit); status != c.status {
			t.Errorf("%s: %d %s, want %d", what, status, body, c.status)
		}
	}
}

func TestPageSessionEnds(t *testing.T) {
	cfg := config(t)
	now := time.Now()
	cfg.Now = func() time.Time { return now }
	p := openPage(t, start(t, cfg))
	now = now.Add(sessionLife + time.Second)
	if status, _ := p.ask("GET", "/v1/status", "", nil); status != 401 {
		t.Errorf("after its end: %d", status)
	}
	p = openPage(t, p.i)
	r := peers.Must(http.NewRequest("DELETE", p.i.URL()+"/v1/page-sessions", nil))
	r.AddCookie(p.cookie)
	r.Header.Set("Page-Key", p.key)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp := peers.Must(http.DefaultClient.Do(r))
	_ = resp.Body.Close()
	if resp.StatusCode != 204 || resp.Cookies()[0].MaxAge >= 0 {
		t.Errorf("closed: %d %v", resp.StatusCode, resp.Cookies())
	}
	if status, body := call(t, p.i, "POST", "/v1/page-sessions", `{"token":"0123456789abcdef0123456789abcdef"}`, func(r *http.Request) { r.Header.Del("Authorization") }); status != 401 {
		t.Errorf("a wrong token: %d %s", status, body)
	}
}

// TestPageIsProtected: whatever is built, the page comes with its policy.
func TestPageIsProtected(t *testing.T) {
	i := start(t, config(t))
	resp := peers.Must(http.Get(i.URL() + "/"))
	_ = resp.Body.Close()
	h := resp.Header
	policy, features := h.Get("Content-Security-Policy"), h.Get("Permissions-Policy")
	if resp.StatusCode != 200 && resp.StatusCode != 503 || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		t.Errorf("page: %d %s", resp.StatusCode, h.Get("Content-Type"))
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "'unsafe-eval'") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	if !strings.Contains(features, "camera=(self)") || !strings.Contains(features, "microphone=()") || !strings.Contains(features, "publickey-credentials-get=(self)") {
		t.Errorf("features %q", features)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers %v", h)
	}
}

// TestPasskeyOverHTTP: a page registers, locks, opens and prepares with a passkey; what is
// no base64url, or one thing too many, is refused.
func TestPasskeyOverHTTP(t *testing.T) {
	i := start(t, config(t))
	p := openPage(t, i)
	status, body := p.ask("POST", "/v1/passkeys/challenges", "", nil)
	var c struct {
		Challenge string
		RPID      string `json:"rpId"`
	}
	if err := json.Unmarshal([]byte(body), &c); err != nil || status != 201 || c.RPID != "localhost" {
		t.Fatalf("%d %s", status, body)
	}
	k := softkey.ES256(1, "localhost", i.Origin())
	object, client := k.Create(peers.Must(unb64(c.Challenge)))
	passkey := `{"credentialId":"` + b64(k.ID) + `","attestationObject":"` + b64(object) + `","clientDataJSON":"` + b64(client) + `","prf":"` + b64(k.PRF()) + `"}`
	for _, s := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"POST", "/v1/registration", `{"code":"CODE"}`, 400, "passphrase-needed"},
		{"POST", "/v1/registration", `{"code":"CODE","passkey":` + strings.Replace(passkey, `"prf":"`, `"prf":"A`, 1) + `}`, 400, "interface"},
		{"POST", "/v1/registration", `{"code":"CODE","passkey":` + passkey + `}`, 201, `"verification":"passkey"`},
		{"GET", "/v1/status", "", 200, `"passkey":{"credentialId":"` + b64(k.ID) + `","prf":true,"rpId":"localhost"}`},
		{"POST", "/v1/lock", "", 204, ""},
		{"GET", "/v1/status", "", 200, `"verification":"passkey"`},
		{"POST", "/v1/unlock", `{"prf":"` + b64(make([]byte, 32)) + `"}`, 400, "wrong-passkey"},
		{"POST", "/v1/unlock", `{"passphrase":"x","prf":"` + b64(k.PRF()) + `"}`, 400, "either"},
		{"POST", "/v1/unlock", `{"prf":"` + b64(k.PRF()) + `"}`, 204, ""},
		{"PUT", "/v1/profile", `{"name":"Ana","birthDate":"1961-04-12","sex":"female"}`, 200, `"name":"Ana"`},
		{"PUT", "/v1/profile", `{"name":"Ana","birthDate":"1961-13-12"}`, 400, "birth-date-invalid"},
		{"GET", "/v1/profile", "", 200, `"sex":"female"`},
		{"GET", "/v1/defaults", "", 200, `"purpose":"TREATMENT"`},
		{"POST", "/v1/signals/preview", `{"recordings":[{"csv":"1\n2\n","kind":"ppg","hz":"100"},{"csv":"70\n","kind":"heart-rate","hz":"1","name":"hr.csv"}]}`, 200, "SampledData"},
		{"POST", "/v1/signals/preview", `{"recordings":[{"csv":"a"}]}`, 400, "signals-unusable"},
		{"POST", "/v1/approvals", `{"link":"x"}`, 400, "not-a-link"},
		{"POST", "/v1/approvals", `{}`, 400, "link"},
		{"POST", "/v1/approvals", `{"again":"00000000000000000000000000000000","link":"x"}`, 400, "no other choices"},
		{"POST", "/v1/approvals", `{"again":"00000000000000000000000000000000"}`, 404, "no-visit"},
		{"POST", "/v1/visits", `{"approval":"00000000000000000000000000000000"}`, 400, "either"},
		{"POST", "/v1/visits", `{"approval":"00000000000000000000000000000000","passphrase":"x","link":"x"}`, 400, "nothing else"},
		{"POST", "/v1/visits", `{"approval":"00000000000000000000000000000000","passphrase":"x"}`, 404, "approval-over"},
		{"POST", "/v1/visits", `{"link":"x","passphrase":"x"}`, 400, "passkey-needed"},
		{"POST", "/v1/visits", `{"link":"x"}`, 400, "passphrase"},
		{"POST", "/v1/visits/00000000000000000000000000000000/end", "", 404, "no-visit"},
	} {
		if status, body := p.ask(s.method, s.path, s.body, nil); status != s.status || !strings.Contains(body, s.holds) {
			t.Errorf("%s %s %.60s: %d %s", s.method, s.path, s.body, status, body)
		}
	}
}

// TestEvents: all topics at once, then what changes; the stream does not keep the
// agent from ending.
func TestEvents(t *testing.T) {
	i := start(t, config(t))
	p := openPage(t, i)
	r := peers.Must(http.NewRequest("GET", i.URL()+"/v1/events", nil))
	r.AddCookie(p.cookie)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp := peers.Must(http.DefaultClient.Do(r))
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if e, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				return e
			}
		}
		return "the end"
	}
	if all := next() + " " + next() + " " + next(); all != "status visits consents" {
		t.Fatalf("first: %s", all)
	}
	if status, body := p.ask("POST", "/v1/registration", registration, nil); status != 201 {
		t.Fatal(body)
	}
	if e := next(); e != "status" {
		t.Errorf("after the registration: %s", e)
	}
	began := time.Now()
	if err := i.Close(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("closed after %v: %v", time.Since(began), err)
	}
}

func TestOriginOfThePage(t *testing.T) {
	cfg := config(t)
	cfg.Origin = "https://agent.patient.example"
	i := start(t, cfg)
	if i.Origin() != cfg.Origin {
		t.Errorf("origin %s", i.Origin())
	}
	if status, _ := call(t, i, "GET", "/v1/status", "", func(r *http.Request) { r.Host = "agent.patient.example" }); status != 200 {
		t.Errorf("by its name: %d", status)
	}
	for _, bad := range []string{"http://agent.patient.example", "https://agent.patient.example/", "https://10.0.0.1", "agent", "https://intranet"} {
		c := config(t)
		c.Origin = bad
		if x, err := Start(t.Context(), c); err == nil {
			_ = x.Close()
			t.Errorf("%s: started", bad)
		}
	}
}

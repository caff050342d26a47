package token_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/internal/strictjwt"
	"medunion/api/internal/strictjwt/forgery"
	"medunion/api/token"
	"medunion/ecc"
)

var now = time.Unix(1_750_000_000, 0)

func clock() time.Time { return now }

func key(t *testing.T, fill byte) ecc.SigningKey {
	t.Helper()
	k, err := ecc.SigningKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func issuer(t *testing.T, kind token.Kind, name string, k ecc.SigningKey) *token.Issuer {
	t.Helper()
	i, err := token.NewIssuer(kind, name, k, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verifier(t *testing.T, kind token.Kind, name, audience string, k ecc.SigningKey) *token.Verifier {
	t.Helper()
	jwks, err := issuer(t, kind, name, k).JWKS()
	if err != nil {
		t.Fatal(err)
	}
	v, err := token.NewVerifier(kind, name, audience, jwks)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func issue(t *testing.T, i *token.Issuer, g token.Grant) []byte {
	t.Helper()
	text, err := i.Issue(g, now)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var grant = token.Grant{Subject: "ward 7", Audience: "hospital-1", Scopes: []token.Scope{token.ScopeOperator, token.ScopeFHIRImport}, Life: time.Hour}

func TestRoundTrip(t *testing.T) {
	k := key(t, 1)
	i, v := issuer(t, token.Access, "ops", k), verifier(t, token.Access, "ops", "hospital-1", k)
	first, second := issue(t, i, grant), issue(t, i, grant)
	got, err := v.Verify(first, now)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "ward 7" || !slices.Equal(got.Scopes, grant.Scopes) || !got.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("got %+v", got)
	}
	if !got.Allows(token.ScopeOperator) || got.Allows(token.ScopeAdmin) {
		t.Error("the scopes do not decide")
	}
	if other, err := v.Verify(second, now); err != nil || other.ID == got.ID {
		t.Errorf("the second token: %v, id %s", err, other.ID)
	}
}

func TestForgeries(t *testing.T) {
	k := key(t, 1)
	text := issue(t, issuer(t, token.Access, "ops", k), grant)
	v := verifier(t, token.Access, "ops", "hospital-1", k)
	if _, err := v.Verify(text, now); err != nil {
		t.Fatal(err)
	}
	forged := forgery.All(t, text, k)
	header, claims := forgery.Parts(t, text)
	for name, value := range map[string]string{
		"iss": `"other"`, "aud": `"hospital-2"`, "aud in a list": `["hospital-1"]`, "sub": `""`, "scope": `[]`, "scope as a text": `"operator"`,
		"scope missing": "", "jti": `""`,
	} {
		member, _, _ := strings.Cut(name, " ")
		forged["claim "+name] = forgery.Sign(k, header, forgery.With(t, claims, member, value))
	}
	for name, data := range forged {
		if got, err := v.Verify(data, now); err == nil {
			t.Errorf("%s: accepted %+v", name, got)
		}
	}
}

func TestTimes(t *testing.T) {
	k := key(t, 1)
	v := verifier(t, token.Access, "ops", "hospital-1", k)
	text := issue(t, issuer(t, token.Access, "ops", k), grant)
	for after, want := range map[time.Duration]error{
		-31 * time.Second:         strictjwt.ErrNotYetValid,
		-30 * time.Second:         nil,
		time.Hour - 1:             nil,
		time.Hour:                 strictjwt.ErrExpired,
		24 * 365 * 10 * time.Hour: strictjwt.ErrExpired,
	} {
		if _, err := v.Verify(text, now.Add(after)); !errors.Is(err, want) {
			t.Errorf("%v after issue: %v, want %v", after, err, want)
		}
	}
	// A token that outlives its kind is refused even under the right key.
	header, claims := forgery.Parts(t, text)
	long := forgery.Sign(k, header, forgery.With(t, claims, "exp", "1750086401"))
	if _, err := v.Verify(long, now); !errors.Is(err, strictjwt.ErrClaims) {
		t.Errorf("a token of 24 h and 1 s: %v", err)
	}
}

// Tokens of one key do not pass for another kind, service or issuer.
func TestTokensStayInTheirPlace(t *testing.T) {
	k := key(t, 1)
	g := grant
	g.Life = time.Minute
	text := issue(t, issuer(t, token.Access, "ops", k), g)
	for name, v := range map[string]*token.Verifier{
		"as a session":       verifier(t, token.Session, "ops", "hospital-1", k),
		"at another service": verifier(t, token.Access, "ops", "hospital-2", k),
		"of another issuer":  verifier(t, token.Access, "other", "hospital-1", k),
		"under another key":  verifier(t, token.Access, "ops", "hospital-1", key(t, 2)),
	} {
		if _, err := v.Verify(text, now); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	k := key(t, 1)
	change := func(f func(*token.Grant)) token.Grant { g := grant; f(&g); return g }
	for name, g := range map[string]token.Grant{
		"no subject":   change(func(g *token.Grant) { g.Subject = "" }),
		"long subject": change(func(g *token.Grant) { g.Subject = strings.Repeat("a", 129) }),
		"no audience":  change(func(g *token.Grant) { g.Audience = "" }),
		"no scope":     change(func(g *token.Grant) { g.Scopes = nil }),
		"empty scope":  change(func(g *token.Grant) { g.Scopes = []token.Scope{""} }),
		"no life":      change(func(g *token.Grant) { g.Life = 0 }),
		"long life":    change(func(g *token.Grant) { g.Life = 24*time.Hour + 1 }),
	} {
		if _, err := issuer(t, token.Access, "ops", k).Issue(g, now); !errors.Is(err, token.ErrGrant) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := issuer(t, token.Session, "portal", k).Issue(grant, now); !errors.Is(err, token.ErrGrant) {
		t.Errorf("a session of an hour: %v", err)
	}
	if _, err := token.NewIssuer(token.Access, "ops", ecc.SigningKey{}, rand.Reader); err == nil {
		t.Error("an issuer without a key")
	}
	if _, err := token.NewIssuer(token.Kind{}, "ops", k, rand.Reader); err == nil {
		t.Error("an issuer of no kind")
	}
	broken, err := token.NewIssuer(token.Access, "ops", k, iotest.ErrReader(io.ErrClosedPipe))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Issue(grant, now); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("no randomness: %v", err)
	}
	if _, err := token.NewVerifier(token.Access, "ops", "", []byte(`{}`)); err == nil {
		t.Error("a verifier for no service")
	}
	if _, err := token.NewVerifier(token.Access, "ops", "x", []byte(`{"keys":[]}`)); !errors.Is(err, strictjwt.ErrJWKS) {
		t.Errorf("a verifier without keys: %v", err)
	}
}

const document = `
openapi: 3.1.0
info: {title: Test, version: "1"}
paths:
  /v1/records:
    get:
      operationId: get
      security: [{operator: [operator]}]
      responses: {"200": {description: fine}, "401": {description: no}, "403": {description: no}}
  /v1/open:
    get:
      operationId: open
      security: [{operator: []}]
      responses: {"200": {description: fine}, "401": {description: no}, "403": {description: no}}
  /v1/other:
    get:
      operationId: other
      security: [{nobody: [operator]}]
      responses: {"200": {description: fine}, "401": {description: no}, "403": {description: no}}
components:
  securitySchemes:
    operator: {type: http, scheme: bearer}
    nobody: {type: http, scheme: bearer}
`

// serve runs a server with the routes of the document and /required beside them.
func serve(t *testing.T, v *token.Verifier) string {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	e, err := httpserver.New(httpserver.Options{
		Service: "test", Logger: slog.New(slog.DiscardHandler), Spec: spec, Unspecified: []string{"/required"},
		Authenticate: token.Authenticator(map[string]*token.Verifier{"operator": v}, clock),
	})
	if err != nil {
		t.Fatal(err)
	}
	who := func(c echo.Context) error {
		tok, ok := token.FromContext(c.Request().Context())
		if !ok {
			return errors.New("no token in the context")
		}
		return c.String(200, tok.Subject)
	}
	for _, path := range []string{"/v1/records", "/v1/open", "/v1/other"} {
		e.GET(path, who)
	}
	e.GET("/required", who, v.Require(clock, token.ScopeOperator, token.ScopeFHIRImport))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- httpserver.Serve(ctx, listener, e, httpserver.ServeOptions{}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func get(t *testing.T, url string, authorization ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestHTTP(t *testing.T) {
	k := key(t, 1)
	i := issuer(t, token.Access, "ops", k)
	url := serve(t, verifier(t, token.Access, "ops", "hospital-1", k))
	good := "Bearer " + string(issue(t, i, grant))
	weakGrant := grant
	weakGrant.Scopes = []token.Scope{token.ScopeFHIRImport}
	weak := "Bearer " + string(issue(t, i, weakGrant))
	forged := good[:len(good)-4] + "AAAA"
	for _, path := range []string{"/v1/records", "/required"} {
		for name, c := range map[string]struct {
			headers []string
			status  int
		}{
			"good":         {[]string{good}, 200},
			"lower case":   {[]string{"bearer" + good[6:]}, 200},
			"none":         {nil, 401},
			"twice":        {[]string{good, good}, 401},
			"basic":        {[]string{"Basic " + good[7:]}, 401},
			"bare":         {[]string{good[7:]}, 401},
			"empty":        {[]string{"Bearer "}, 401},
			"forged":       {[]string{forged}, 401},
			"wrong scope":  {[]string{weak}, 403},
			"double space": {[]string{"Bearer  " + good[7:]}, 401},
		} {
			if status, body := get(t, url+path, c.headers...); status != c.status || status == 200 && body != "ward 7" {
				t.Errorf("%s, %s: %d %s", path, name, status, body)
			}
		}
		if status, _ := get(t, url+path+"?access_token="+good[7:]); status != 401 {
			t.Errorf("%s: a token in the query: %d", path, status)
		}
	}
	// An operation that names no scope, or a scheme that nobody checks, lets nobody in.
	for _, path := range []string{"/v1/open", "/v1/other"} {
		if status, _ := get(t, url+path, good); status != 403 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/ecc"
)

// clouds are a public cloud and a hospital under the test's control, so that they
// can misbehave; their keys and signatures are real.
type clouds struct {
	pins     message.Pins
	sign     ecc.SigningKey
	issuer   *ecc.Issuer
	cloud    *httptest.Server
	hospital *httptest.Server
	answer   http.HandlerFunc // of the hospital
	listed   []message.Credential
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func start(t *testing.T) *clouds {
	c := &clouds{sign: must(ecc.GenerateSigningKey(rand.Reader)),
		issuer: must(ecc.NewIssuer(must(ecc.GenerateScalar(rand.Reader)), bytes.Repeat([]byte{1}, 32)))}
	c.pins = message.Pins{CloudID: "cloud", First: message.Root{PK: c.issuer.Public(), PUKC: c.sign.Public()}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/directory", func(w http.ResponseWriter, _ *http.Request) {
		d := message.Directory{Issued: message.MillisOf(time.Now()), Hospitals: c.listed}
		writeSigned(w, message.Sign(c.sign, d.Encode()))
	})
	c.cloud = httptest.NewServer(mux)
	c.hospital = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r) }))
	t.Cleanup(c.cloud.Close)
	t.Cleanup(c.hospital.Close)
	return c
}

func writeSigned(w http.ResponseWriter, s message.Signed) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"signed": base64.RawURLEncoding.EncodeToString(s.Encode())})
}

// list registers a hospital with an address as the public cloud would sign it.
func (c *clouds) list(id message.ID, address string) {
	info := message.Info{Suite: ecc.SuiteX25519, Role: message.Hospital, ID: id, Attribute: []byte(address), Epoch: 1,
		NotBefore: message.MillisOf(time.Now()) - 1000, NotAfter: message.MillisOf(time.Now().Add(time.Hour)),
		Keys: message.PublicKeys{Sign: must(ecc.GenerateSigningKey(rand.Reader)).Public(), KEM: must(ecc.GenerateKEM(ecc.SuiteX25519, rand.Reader)).Public()}}
	x := must(ecc.GenerateScalar(rand.Reader))
	pk := must(c.issuer.Issue(rand.Reader, []byte("req"), x.Public(), info.Encode()))
	c.listed = append(c.listed, message.Credential{Info: info, R: pk.R, Signature: c.sign.Sign(message.TBSCredential(info, pk.R))})
}

func keeper(t *testing.T, pins message.Pins) *roots.Keeper {
	return must(roots.Open(pins, roots.File(filepath.Join(t.TempDir(), "successions"))))
}

func (c *clouds) relay(t *testing.T) *Relay {
	r, err := New(c.cloud.URL, keeper(t, c.pins), time.Now, onLoopback)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// onLoopback is a portal's relay whose clouds are on this machine.
var onLoopback = Clients{Hospitals: httpclient.Secure{Guard: &httpclient.Guard{Loopback: true}}}

func kind(err error) problem.Kind {
	var p *problem.Error
	errors.As(err, &p)
	if p == nil {
		return 0
	}
	return p.Kind
}

func TestPagesPassAsTheyCome(t *testing.T) {
	c := start(t)
	c.list("h1", c.hospital.URL)
	c.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/releases" || r.Header.Get("Authorization") != "" {
			t.Error("the hospital sees", r.URL.Path, r.Header)
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Set-Cookie", "a=b")
		_, _ = w.Write([]byte("{\"message\":\"AA\"}\n"))
	}
	rec := httptest.NewRecorder()
	if err := c.relay(t).Hospital(t.Context(), rec, "h1", "/v1/releases", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if rec.Body.String() != "{\"message\":\"AA\"}\n" || rec.Header().Get("Set-Cookie") != "" || rec.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Error(rec.Header(), rec.Body)
	}
}

// counter counts what arrives.
type counter struct {
	http.ResponseWriter
	n int
}

func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }

// The largest release that a hospital makes by default passes.
func TestALargeReleaseIsNotCutOff(t *testing.T) {
	const pages, page = 128, 2 << 20 // 256 MiB
	c := start(t)
	c.list("h1", c.hospital.URL)
	line := []byte(`{"message":"` + strings.Repeat("A", (page+512)*4/3) + "\"}\n")
	c.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		for range pages {
			_, _ = w.Write(line)
		}
	}
	w := &counter{ResponseWriter: httptest.NewRecorder()}
	if err := c.relay(t).Hospital(t.Context(), w, "h1", "/v1/releases", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if w.n != pages*len(line) {
		t.Errorf("%d bytes of %d have passed", w.n, pages*len(line))
	}
}

func TestOnlyAddressesOfTheSignedDirectoryAreSpokenTo(t *testing.T) {
	c := start(t)
	c.answer = func(http.ResponseWriter, *http.Request) { t.Error("a hospital that is not in the directory was asked") }
	err := c.relay(t).Hospital(t.Context(), httptest.NewRecorder(), "h1", "/v1/sessions", nil)
	if kind(err) != problem.KindNotFound {
		t.Error(err)
	}
	c = start(t)
	c.list("h1", c.hospital.URL)
	c.answer = func(http.ResponseWriter, *http.Request) { t.Error("an unsigned directory was followed") }
	c.pins.First.PUKC = must(ecc.GenerateSigningKey(rand.Reader)).Public()
	if err := c.relay(t).Hospital(t.Context(), httptest.NewRecorder(), "h1", "/v1/sessions", nil); kind(err) != problem.KindUnavailable {
		t.Error(err)
	}
}

func TestAddressesThatAreNoBaseOrPlainBeyondLoopbackAreRefused(t *testing.T) {
	for _, bad := range []string{"http://10.0.0.1", "http://169.254.169.254", "http://emr.example.org", "ftp://127.0.0.1", "http://127.0.0.1/path",
		"http://user@127.0.0.1", "https://emr.example.org/?q", "file:///etc/passwd", "", "http://127.0.0.1.example.org", "https://"} {
		if _, err := address(bad, true); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
	for _, good := range []string{"https://emr.example.org", "https://emr.example.org:8443", "http://127.0.0.1:80", "http://[::1]:80", "http://localhost:80"} {
		if _, err := address(good, true); err != nil {
			t.Errorf("%q refused", good)
		}
	}
	c := start(t)
	c.list("h1", "http://169.254.169.254")
	if err := c.relay(t).Hospital(t.Context(), httptest.NewRecorder(), "h1", "/v1/sessions", nil); kind(err) != problem.KindUnavailable {
		t.Error(err)
	}
}

func TestAnswersThatAreNoneOfTheAPIAreNotPassedOn(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		},
		"page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<script>alert(1)</script>"))
		},
	} {
		c := start(t)
		c.list("h1", c.hospital.URL)
		c.answer = answer
		rec := httptest.NewRecorder()
		if err := c.relay(t).Hospital(t.Context(), rec, "h1", "/v1/sessions", nil); kind(err) != problem.KindUnavailable || rec.Body.Len() > 0 {
			t.Error(name, err, rec.Body)
		}
	}
}

func TestProblemsPassWithTheirStatus(t *testing.T) {
	c := start(t)
	c.list("h1", c.hospital.URL)
	c.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", problem.MediaType)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":503}`))
	}
	rec := httptest.NewRecorder()
	if err := c.relay(t).Hospital(t.Context(), rec, "h1", "/v1/sessions", nil); err != nil {
		t.Fatal(err)
	}
	if rec.Code != 503 || rec.Header().Get("Retry-After") != "7" || !strings.Contains(rec.Body.String(), "503") {
		t.Error(rec.Code, rec.Header(), rec.Body)
	}
	c.hospital.Close()
	if err := c.relay(t).Hospital(t.Context(), rec, "h1", "/v1/sessions", nil); kind(err) != problem.KindUnavailable {
		t.Error("a hospital that is down:", err)
	}
}

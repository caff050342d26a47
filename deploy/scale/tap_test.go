package scale_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// tap stands between the doctor's and the patient's agents and the portal, and keeps every
// sealed message that is posted, so that a test can post it again.
type tap struct {
	server *httptest.Server
	front  string // of the portal

	mu     sync.Mutex
	posted []posted
}

// posted is one message on its way through the portal, and the status that it got.
type posted struct {
	path, bearer string
	body         []byte
	status       int
}

var taps sync.Map // origin: *tap

func newTap(t testing.TB, front string) *tap {
	t.Helper()
	k := &tap{front: front}
	u := must(url.Parse(front))
	// Many people have many connections: each request is one of its own here.
	each := &http.Transport{DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: quietLog, Transport: each,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host }}
	k.server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) { k.pass(proxy, out, in) }))
	t.Cleanup(func() { k.server.CloseClientConnections(); k.server.Close() })
	taps.Store(k.origin(), k)
	return k
}

// origin is the portal's, as its users know it.
func (k *tap) origin() string { return strings.Replace(k.server.URL, "127.0.0.1", "localhost", 1) }

func (k *tap) pass(proxy http.Handler, out http.ResponseWriter, in *http.Request) {
	if in.Method != http.MethodPost || !strings.HasPrefix(in.URL.Path, "/v1/relay/") {
		proxy.ServeHTTP(out, in)
		return
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	in.Body = io.NopCloser(bytes.NewReader(body))
	seen := &statusWriter{ResponseWriter: out}
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.posted = append(k.posted, posted{in.URL.Path, in.Header.Get("Authorization"), body, seen.status})
	}()
	proxy.ServeHTTP(seen, in)
}

// all returns what was posted so far.
func (k *tap) all() []posted {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]posted{}, k.posted...)
}

// taken counts those that were answered with success, by the end of the address.
func (k *tap) taken(suffix string) (n int) {
	for _, p := range k.all() {
		if strings.HasSuffix(p.path, suffix) && p.status/100 == 2 {
			n++
		}
	}
	return n
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap leads http.ResponseController to the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

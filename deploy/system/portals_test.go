package system_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"medunion/deploy/local/authority"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	portal "medunion/doctor-portal/server"
	"medunion/ecc"
)

// balancer sends requests to the targets in turn.
func balancer(t *testing.T, served []atomic.Int64, targets func() []string) *httptest.Server {
	var n atomic.Int64
	s := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		all := targets()
		i := int(n.Add(1)) % len(all)
		served[i].Add(1)
		u, err := url.Parse(all[i])
		if err != nil {
			t.Error(err)
		}
		r.SetURL(u)
	}})
	t.Cleanup(s.Close)
	return s
}

// Two instances of the portal behind a balancer, each request at the other one, carry
// one whole visit: nothing of it lives in an instance.
func TestTwoPortalsServeOneVisit(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole suite")
	}
	log := &visit.Log{}
	s, err := suite.Start(t.Context(), suite.Options{Dir: t.TempDir(), Suite: ecc.SuiteX25519, Hospitals: 2, Trace: log.Add,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	served := make([]atomic.Int64, 2)
	var urls []string
	front := balancer(t, served, func() []string { return urls })
	key := filepath.Join(t.TempDir(), "session-key")
	for range 2 {
		urls = append(urls, startPortal(t, s, front.URL, key))
	}
	s.Portal = front.URL

	src, err := source.Read(os.DirFS("../local/testdata/synthea"), 2)
	if err != nil {
		t.Fatal(err)
	}
	plan := visit.NewPlan(src)
	src.Files = []source.File{plan.File}
	if err := visit.Import(t.Context(), s, src); err != nil {
		t.Fatal(err)
	}
	parties, err := visit.Join(t.Context(), s, plan, log)
	if err != nil {
		t.Fatal(err)
	}
	report, _, err := parties.Run(t.Context(), plan)
	if err != nil || !report.OK {
		t.Fatalf("%v %+v %+v", err, report.Resources, report.Diagnosis)
	}
	for i := range served {
		if served[i].Load() < 10 {
			t.Errorf("instance %d served %d requests", i, served[i].Load())
		}
	}
}

// startPortal starts an instance; the key file is shared by all of them.
func startPortal(t *testing.T, s *suite.Suite, origin, key string) string {
	t.Helper()
	pins := s.Pins()
	_, keys := s.Files()
	i, err := portal.Start(t.Context(), portal.Config{Dev: true, Listen: "127.0.0.1:0", Origin: origin, Cloud: s.Cloud, Pins: &pins,
		Authority: authority.DefaultName, AuthorityFile: keys,
		SessionKeyFile: key, RedisAddrs: []string{s.Redis},
		Namespace: "two", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	if resp, err := http.Get(i.URL() + "/readyz"); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal("the portal is not ready:", err)
	}
	return i.URL()
}

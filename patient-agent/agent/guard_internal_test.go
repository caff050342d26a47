package agent

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"medunion/api/problem"
)

// A link or a directory leads the agent to no address that only her device or her network
// reaches, unless its configuration names the network or all is on her device.
func TestWhereLinksLead(t *testing.T) {
	reached := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer s.Close()
	for name, c := range map[string]struct {
		config Config
		url    string
		fine   bool
	}{
		"loopback":                     {Config{Cloud: "https://cloud.example"}, s.URL, false},
		"loopback, named as a network": {Config{Cloud: "https://cloud.example", Networks: []string{"127.0.0.0/8"}}, s.URL, false},
		"loopback, where the cloud is": {Config{Cloud: "http://127.0.0.1:8080"}, s.URL, true},
		"a router":                     {Config{Cloud: "http://127.0.0.1:8080"}, "https://192.168.1.1", false},
		"metadata":                     {Config{Cloud: "https://cloud.example", Networks: []string{"0.0.0.0/0"}}, "http://169.254.169.254", false},
	} {
		_, others, err := c.config.transports()
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := others.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != c.fine || !c.fine && !errors.Is(unreachable(err), problem.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reached != 1 {
		t.Errorf("reached %d times", reached)
	}
	if _, _, err := (Config{Networks: []string{"home"}}).transports(); err == nil {
		t.Error("a network that is none is taken")
	}
}

package relay

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medunion/api/httpclient"
	"medunion/api/message"
	"medunion/api/problem"
)

// A public cloud, or a hospital that registered such an address with it, cannot make a
// portal that others reach speak to what only the portal reaches. Nothing is sent, and the
// refusal comes at once instead of after a connection was tried.
func TestHostileAddresses(t *testing.T) {
	c := start(t)
	reached := false
	c.answer = func(http.ResponseWriter, *http.Request) { reached = true }
	public := Clients{Hospitals: httpclient.Secure{Guard: &httpclient.Guard{}}}
	for i, address := range []string{c.hospital.URL, strings.Replace(c.hospital.URL, "127.0.0.1", "localhost", 1), strings.Replace(c.hospital.URL, "http:", "https:", 1),
		"https://localhost:1", "https://127.0.0.1:6379", "https://127.1:443", "https://2130706433", "https://0x7f000001", "https://[::1]:27017", "https://[::ffff:127.0.0.1]:1", "https://0.0.0.0:1", "https://[::]:1",
		"https://169.254.169.254", "https://[::ffff:a9fe:a9fe]", "https://[64:ff9b::a9fe:a9fe]", "https://[fd00:ec2::254]", "https://[fe80::1%25lo]:1",
		"https://10.0.0.1", "https://192.168.0.1", "https://172.16.0.1:8443", "https://[fc00::1]", "https://224.0.0.1", "https://255.255.255.255",
		"http://10.0.0.1", "http://emr.example.org", "gopher://127.0.0.1:6379", "file:///etc/passwd", "https://127.0.0.1:1@emr.example.org"} {
		id := message.ID("h" + string(rune('a'+i)))
		c.list(id, address)
		r, err := New(c.cloud.URL, keeper(t, c.pins), time.Now, public)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		err = r.Hospital(t.Context(), httptest.NewRecorder(), id, "/v1/sessions", []byte(`{}`))
		if kind(err) != problem.KindUnavailable || reached {
			t.Errorf("%s: %v, reached %v", address, err, reached)
		}
		// A name that means nothing is an error of the resolver; the others never leave.
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s: refused after %s", address, took)
		}
	}
}

// The same hospital is called by a portal that is told of its network, or that only this
// machine reaches.
func TestAllowedNetworks(t *testing.T) {
	c := start(t)
	c.list("h1", c.hospital.URL)
	reached := 0
	c.answer = func(w http.ResponseWriter, _ *http.Request) {
		reached++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}
	if err := c.relay(t).Hospital(t.Context(), httptest.NewRecorder(), "h1", "/v1/sessions", []byte(`{}`)); err != nil || reached != 1 {
		t.Error(err, reached)
	}
	if _, err := New(c.cloud.URL, keeper(t, c.pins), time.Now, Clients{}); err == nil {
		t.Error("a relay without a guard")
	}
}

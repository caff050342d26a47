package server

import (
	"net/netip"
	"testing"

	"medunion/api/httpclient"
	"medunion/api/httpserver"
)

// This machine is called by a portal that only this machine reaches, which a listener on
// loopback does not say of one that people know by another name; private networks are
// called where they are named. A configuration that means nothing does not start.
func TestWhatThePortalMayCall(t *testing.T) {
	loopback, private := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.1.2.3")
	for name, c := range map[string]struct {
		config            Config
		loopback, private bool
	}{
		"on loopback":           {Config{Listen: "127.0.0.1:0"}, true, false},
		"reached by others":     {Config{Listen: "0.0.0.0:0"}, false, false},
		"known on loopback":     {Config{Listen: "127.0.0.1:0", Origin: "http://localhost:8082"}, true, false},
		"known elsewhere":       {Config{Listen: "127.0.0.1:0", Origin: "https://portal.example"}, false, false},
		"in development":        {Config{Listen: "127.0.0.1:0", Origin: "https://portal.example", Dev: true}, true, false},
		"behind a named proxy":  {Config{Listen: "127.0.0.1:0", Edge: httpserver.Edge{Proxies: []string{"127.0.0.1"}}}, false, false},
		"behind a proxy":        {Config{Listen: "127.0.0.1:0", TLS: httpserver.TLS{Behind: true}}, false, false},
		"with hospitals' nets":  {Config{Listen: "0.0.0.0:0", RelayNetworks: []string{"10.0.0.0/8"}}, false, true},
		"with a loopback's net": {Config{Listen: "0.0.0.0:0", RelayNetworks: []string{"127.0.0.0/8"}}, false, false},
	} {
		clients, err := c.config.clients()
		if err != nil {
			t.Fatal(err)
		}
		if g := clients.Hospitals.Guard; g.Allows(loopback) != c.loopback || g.Allows(private) != c.private {
			t.Errorf("%s: loopback %v, private %v", name, g.Allows(loopback), g.Allows(private))
		}
	}
	for name, c := range map[string]Config{"no network": {RelayNetworks: []string{"emr"}}, "no pin": {CloudKey: pinned("x")}} {
		if _, err := c.clients(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func pinned(pins ...string) httpclient.Pinned { return httpclient.Pinned{CloudSPKI: pins} }

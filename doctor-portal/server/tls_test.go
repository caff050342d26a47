package server

import (
	"strings"
	"testing"
)

func TestNoPlainHTTPBeyondLoopback(t *testing.T) {
	for listen, fine := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.0.2.1:0": false, "portal.example:0": false} {
		if _, err := (Config{Listen: listen}).certificate(); (err == nil) != fine {
			t.Errorf("%s: %v", listen, err)
		}
		if _, err := (Config{Listen: listen, BehindTLS: true}).certificate(); err != nil {
			t.Errorf("%s behind a proxy: %v", listen, err)
		}
	}
	if _, err := (Config{Listen: "127.0.0.1:0", TLSCert: "chain.pem"}).certificate(); err == nil {
		t.Error("a certificate without its key")
	}
	_, err := Start(t.Context(), Config{Listen: "0.0.0.0:0", Cloud: "http://127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Start on all addresses: %v", err)
	}
}

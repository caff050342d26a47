package server

import (
	"bytes"
	"medunion/api/httpserver"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sessions of doctors, capabilities of patients and replies of M0 pass through the portal.
func TestNoPlainHTTPBeyondLoopback(t *testing.T) {
	for name, c := range map[string]Config{"all addresses": {Listen: "0.0.0.0:0"}, "a certificate without its key": {Listen: "127.0.0.1:0", TLS: httpserver.TLS{Cert: "chain.pem"}}} {
		c.Cloud = "http://127.0.0.1:1"
		if i, err := Start(t.Context(), c); err == nil {
			t.Errorf("%s: it starts", name)
			_ = i.Close()
		} else if !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSessionKey: made once, the same for every instance, sealed if a passphrase is given.
func TestSessionKey(t *testing.T) {
	dir := t.TempDir()
	pass := filepath.Join(dir, "pass")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{SessionKeyFile: filepath.Join(dir, "plain")}, {SessionKeyFile: filepath.Join(dir, "sealed"), PassphraseFile: pass}} {
		key, err := c.sessionKey()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.sessionKey(); err != nil || !bytes.Equal(again.Seed(), key.Seed()) {
			t.Errorf("the second instance: %v", err)
		}
		b, err := os.ReadFile(c.SessionKeyFile)
		if err != nil || bytes.Contains(b, key.Seed()) != (c.PassphraseFile == "") {
			t.Errorf("%s: %d bytes, %v", c.SessionKeyFile, len(b), err)
		}
	}
	for name, c := range map[string]Config{
		"sealed, without the passphrase": {SessionKeyFile: filepath.Join(dir, "sealed")},
		"not sealed":                     {SessionKeyFile: filepath.Join(dir, "plain"), PassphraseFile: pass},
	} {
		if _, err := c.sessionKey(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := (Config{SessionKeyFile: filepath.Join(dir, "plain")}).sessionKey(); err == nil {
		t.Error("taken although others can read it")
	}
}

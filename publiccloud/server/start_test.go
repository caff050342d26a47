package server_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/replay/redistest"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

func TestReadiness(t *testing.T) {
	w := newWorldOver(t, redistest.Start(t))
	w.redis.Kill9()
	// An answer holds for a second.
	redistest.Eventually(t, 10*time.Second, "a service that is not ready", func() bool { return w.ready() == http.StatusServiceUnavailable })
}

// The keys outlive the process: what was registered before verifies after.
func TestRestartKeepsKeysAndState(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519)
	c := w.knows(d.Suite)
	pins := w.instance.Pins()
	w.ok(w.instance.Close())
	w.config.InitKeys = false
	w.start()
	if again := w.instance.Pins(); !again.Equal(pins) {
		t.Fatal("other keys after a restart")
	}
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), time.Now(), nil)
	_, refusal := w.send("/v1/searches", "", c.Search(d, g, time.Now(), nil).Raw) // under the prekey of before
	w.taken(refusal)
}

func TestInsecureSettingsAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, alter := range map[string]func(*server.Config){
		"plain HTTP off loopback": func(c *server.Config) { c.Listen = "0.0.0.0:0" },
		"no keys, no init":        func(c *server.Config) { c.Keys, c.InitKeys = filepath.Join(t.TempDir(), "none"), false },
		"readable keys":           func(c *server.Config) { c.Keys = copied(t, c.Keys, 0o644, nil) },
		"damaged keys":            func(c *server.Config) { c.Keys = copied(t, c.Keys, 0o600, func(b []byte) { b[40] ^= 1 }) },
		"sealed with nothing":     func(c *server.Config) { c.PassphraseFile = w.file(t.TempDir(), "pass", []byte("\n")) },
		"not sealed":              func(c *server.Config) { c.PassphraseFile = w.file(t.TempDir(), "pass", []byte("secret")) },
		"no authority":            func(c *server.Config) { c.AuthorityFile = w.file(t.TempDir(), "jwks", []byte(`{"keys":[]}`)) },
		"unknown suite":           func(c *server.Config) { c.Suites = []uint8{3} },
		"half a TLS pair":         func(c *server.Config) { c.TLS.Cert = "x" },
		"bad ID":                  func(c *server.Config) { c.ID = "Not Valid" },
	} {
		c := w.config
		alter(&c)
		if i, err := server.Start(context.Background(), c); err == nil {
			t.Errorf("%s: it starts", name)
			_ = i.Close()
		}
	}
}

func copied(t *testing.T, path string, mode os.FileMode, alter func([]byte)) string {
	b := peers.Must(os.ReadFile(path))
	if alter != nil {
		alter(b)
	}
	to := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(to, b, mode); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestSealedKeys(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	w.config.Keys, w.config.Database = filepath.Join(dir, "keys"), w.config.Database+"b"
	w.config.PassphraseFile = w.file(dir, "pass", []byte("correct horse\n"))
	w.start()
	pins := w.instance.Pins()
	w.start()
	if !w.instance.Pins().First.PK.Equal(pins.First.PK) {
		t.Error("the sealed keys were not read back")
	}
	w.config.PassphraseFile = w.file(dir, "wrong", []byte("another\n"))
	if _, err := server.Start(context.Background(), w.config); err == nil {
		t.Error("it starts with a wrong passphrase")
	}
}

func TestUnreachableStore(t *testing.T) {
	w := newWorld(t)
	w.config.MongoURI = "mongodb://127.0.0.1:1/?directConnection=true"
	_, err := server.Start(context.Background(), w.config)
	if err == nil || !strings.Contains(fmt.Sprint(err), "mongodb") {
		t.Errorf("got %v", err)
	}
}

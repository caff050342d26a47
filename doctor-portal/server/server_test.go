package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"medunion/api/httpserver"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/keyring"
	"medunion/api/message"
)

// Sessions of doctors, capabilities of patients and replies of M0 pass through the portal.
func TestNoPlainHTTPBeyondLoopback(t *testing.T) {
	for name, c := range map[string]Config{"all addresses": {Listen: "0.0.0.0:0"}, "a certificate without its key": {Listen: "127.0.0.1:0", TLS: httpserver.TLS{Cert: "chain.pem"}}} {
		c.Cloud, c.Authority, c.Dev, c.RedisAddrs = "http://127.0.0.1:1", "board", !strings.HasPrefix(c.Listen, "0"), []string{"127.0.0.1:1"}
		if i, err := Start(t.Context(), c); err == nil {
			t.Errorf("%s: it starts", name)
			_ = i.Close()
		} else if !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func seedOf(t *testing.T, c Config) ([]byte, error) {
	t.Helper()
	w, err := c.sessionKeys(t.Context())
	if err != nil {
		return nil, err
	}
	v, err := w.Ring().Current(keySession)
	return v.SecretBytes(), err
}

// TestSessionKey: made once, the same for every instance, sealed if a passphrase is given.
func TestSessionKey(t *testing.T) {
	dir := t.TempDir()
	pass := filepath.Join(dir, "pass")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{SessionKeyFile: filepath.Join(dir, "plain")}, {SessionKeyFile: filepath.Join(dir, "sealed"), PassphraseFile: pass}} {
		key, err := seedOf(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := seedOf(t, c); err != nil || !bytes.Equal(again, key) {
			t.Errorf("the second instance: %v", err)
		}
		b, err := os.ReadFile(c.SessionKeyFile)
		if err != nil || bytes.Contains(b, key) != (c.PassphraseFile == "") {
			t.Errorf("%s: %d bytes, %v", c.SessionKeyFile, len(b), err)
		}
	}
	for name, c := range map[string]Config{
		"sealed, without the passphrase": {SessionKeyFile: filepath.Join(dir, "sealed")},
		"not sealed":                     {SessionKeyFile: filepath.Join(dir, "plain"), PassphraseFile: pass},
	} {
		if _, err := seedOf(t, c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seedOf(t, Config{SessionKeyFile: filepath.Join(dir, "plain")}); err == nil {
		t.Error("taken although others can read it")
	}
}

// TestSessionsRoll: while the session key is rolled the sessions of doctors go on, at an
// instance that has the new version and at one that only accepts it; with the old one
// destroyed its sessions have ended, and they had ended by themselves before that was allowed.
func TestSessionsRoll(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "key")
	old := bytes.Repeat([]byte("k"), seedSize) // a file from before there were rings
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{SessionKeyFile: path}
	first, second := held(t, c), held(t, c)
	a, b := sessionsOf(t, first), sessionsOf(t, second)
	before := issue(t, a, now)
	tools := func(at time.Duration) KeyTools {
		return KeyTools{SessionKeyFile: path, Now: func() time.Time { return now.Add(at) }}
	}
	add(t, tools(0))
	reload(t, first, second) // both accept the next version
	if err := tools(time.Hour).Rotate(t.Context(), func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	reload(t, first) // one only is told that it is current
	under := issue(t, a, now)
	for name, s := range map[string]*sessions{"first": a, "second": b} {
		for _, text := range []string{before, under, issue(t, b, now)} {
			if _, _, err := s.Verify(text, now); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := tools(time.Hour+sessionLife).Destroy(t.Context(), 1, false); !errors.Is(err, keyring.ErrEarly) {
		t.Errorf("destroyed while its sessions hold: %v", err)
	}
	if err := tools(time.Hour+hold).Destroy(t.Context(), 1, false); err != nil {
		t.Fatal(err)
	}
	reload(t, first, second)
	if _, _, err := b.Verify(before, now); err == nil {
		t.Error("a session under a destroyed version holds")
	}
	if _, _, err := b.Verify(under, now); err != nil {
		t.Error(err)
	}
}

// TestRotateWaits: the next version is not made current before the instances can have
// loaded it; the same command later goes on with it.
func TestRotateWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	w := held(t, Config{SessionKeyFile: path})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	quiet := func(string, ...any) {}
	if err := (KeyTools{SessionKeyFile: path}).Rotate(ctx, quiet); !errors.Is(err, ErrSpread) {
		t.Errorf("made current at once: %v", err)
	}
	reload(t, w)
	if v, err := w.Ring().Next(keySession); err != nil || v.Number != 2 {
		t.Fatal(v, err)
	}
	later := KeyTools{SessionKeyFile: path, Now: func() time.Time { return time.Now().Add(spread) }}
	if err := later.Rotate(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	reload(t, w)
	if v, err := w.Ring().Current(keySession); err != nil || v.Number != 2 {
		t.Error(v, err)
	}
}

func held(t *testing.T, c Config) *keyring.Watch {
	t.Helper()
	w, err := c.sessionKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func reload(t *testing.T, all ...*keyring.Watch) {
	t.Helper()
	for _, w := range all {
		if err := w.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func sessionsOf(t *testing.T, w *keyring.Watch) *sessions {
	t.Helper()
	s, err := newSessions(w.Ring, "https://portal.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func issue(t *testing.T, s *sessions, now time.Time) string {
	t.Helper()
	text, _, err := s.Issue(message.Hash{1}, now)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func add(t *testing.T, k KeyTools) {
	t.Helper()
	f, err := k.Open()
	if err == nil {
		_, err = f.Update(t.Context(), func(r keyring.Ring) (keyring.Ring, error) { return r.Add(keySession, rand.Reader, k.now()) })
	}
	if err != nil {
		t.Fatal(err)
	}
}

package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

func (s *site) tools() server.KeyTools {
	return server.KeyTools{Keys: s.config.Keys, MongoURI: s.config.MongoURI, Database: s.config.Database}
}

func (s *site) roll(do func(*keyroll.Roll) error) error {
	s.t.Helper()
	return s.tools().With(s.t.Context(), do)
}

func (s *site) status() keyroll.Status {
	s.t.Helper()
	var out keyroll.Status
	if err := s.roll(func(w *keyroll.Roll) (err error) { out, err = w.Status(s.t.Context()); return err }); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func storageStates(s keyroll.Status) string {
	var out []string
	for _, v := range s.Keys {
		if v.Key == "storage" {
			out = append(out, fmt.Sprintf("%d %s", v.Version, v.State))
		}
	}
	return strings.Join(out, ", ")
}

// The storage key is rolled while two instances serve and records are written all the time:
// nothing is refused. The old version cannot be destroyed at once, and when its time has come nothing lies under it;
// without it records and the whole trail are read, and a restart works.
func TestStorageKeyRolls(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.config.KeyPoll = 50 * time.Millisecond
	s.start()
	for i := range 5 {
		s.importBundle(bundle(fmt.Sprint("m", i), "n", "t", 3), "")
	}
	p := s.enrol("m1")
	first := s.h
	beside := s.config
	l := peers.Must(net.Listen("tcp", "127.0.0.1:0"))
	beside.Listen = l.Addr().String() // not the registered port, which is the first one's
	l.Close()
	second := peers.Must(server.Start(context.Background(), beside))
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w, h := range []*server.Instance{first, second} {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, b := batch(10+w, i)
				if !s.post(h.AdminURL(), b) {
					t.Error("in the middle of a roll: not acknowledged")
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	say := func(format string, args ...any) { t.Logf(format, args...) }
	err := s.roll(func(w *keyroll.Roll) error { return w.Rotate(t.Context(), "storage", time.Minute, say) })
	if err != nil {
		t.Fatal(err)
	}
	stop()
	writers.Wait()
	if got := storageStates(s.status()); got != "1 retiring, 2 current" {
		t.Errorf("%s", got)
	}
	destroy := func(w *keyroll.Roll) error { return w.Destroy(t.Context(), "storage", 1) }
	if err := s.roll(destroy); !errors.Is(err, keyring.ErrEarly) {
		t.Errorf("destroyed at once: %v", err)
	}
	_, pages := s.fetch(s.w.Doctor("dr-okafor", "OUTPATIENT"), p, peers.Departments)
	later := s.tools()
	later.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if err := later.With(t.Context(), destroy); err != nil {
		t.Fatal(err)
	}
	if got := storageStates(s.status()); got != "1 destroyed, 2 current" {
		t.Errorf("%s", got)
	}
	if err := errors.Join(first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	s.config.OperatorToken = ""
	s.start()
	_, again := s.fetch(s.w.Doctor("dr-else", "OUTPATIENT"), p, peers.Departments)
	if len(again) != len(pages) || len(again) == 0 {
		t.Errorf("%d pages, %d before", len(again), len(pages))
	}
	contains(t, s.cli(0, "audit", "verify"), "the trail holds")
	contains(t, s.cli(0, "audit", "export", "--event", "keys changed"), "version 2 of the storage key")
}

// The commands of the real program: what they show, what they refuse with code 2, and that an
// older key file cannot be used again once the roll has begun.
func TestKeyCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 0), "")
	s.h.Close()
	old := peers.Must(os.ReadFile(s.config.Keys))
	contains(t, s.cli(0, "keys", "status"), "storage", "lookup", "current", "0 instances")
	contains(t, s.cli(0, "keys", "status", "--json"), `"generation"`)
	settings := s.file(t.TempDir(), "settings.yaml", []byte("keys: /variables/stand/above\n"))
	contains(t, s.cli(0, "keys", "status", "--config", settings), "storage")
	contains(t, s.cli(0, "keys", "rotate", "storage", "--dry-run"), "would add a next version of storage")
	s.cli(2, "keys", "rotate", "storage")
	for _, name := range []string{"lookup", "signing", "x", "nothing"} {
		s.cli(2, "keys", "rotate", name, "--yes")
	}
	contains(t, s.cli(0, "keys", "rotate", "storage", "--yes"), "version 2 is current")
	s.cli(0, "keys", "rotate", "storage", "--yes") // no instance has brought the record under it yet: no other is added
	if got := storageStates(s.status()); got != "1 retiring, 2 current" {
		t.Errorf("%s", got)
	}
	s.cli(2, "keys", "destroy", "storage", "--version", "1", "--yes")
	s.cli(2, "keys", "destroy", "storage", "--version", "2", "--yes")
	s.cli(2, "keys", "destroy", "storage", "--version", "9", "--yes")
	s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--dry-run")
	now := peers.Must(os.ReadFile(s.config.Keys))
	words := s.file(t.TempDir(), "words", []byte("correct horse\n"))
	s.cli(2, "keys", "rewrap", "--yes") // it would lie in the clear
	s.cli(2, "keys", "rewrap", "--unseal", "--new-passphrase-file", words, "--yes")
	s.cli(2, "keys", "rewrap", "--unseal", "--new-key-provider", "vault", "--yes")
	if !bytes.Equal(peers.Must(os.ReadFile(s.config.Keys)), now) {
		t.Error("a refused rewrapping changed the key file")
	}
	s.cli(0, "keys", "rewrap", "--unseal", "--yes")
	if err := os.WriteFile(s.config.Keys, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli(1, "erase", "--mrn-file", s.mrn("m1"), "--dry-run")
	s.cli(2, "keys", "rotate", "storage", "--yes")
	if _, err := server.Start(t.Context(), s.config); !errors.Is(err, keyring.ErrGeneration) {
		t.Errorf("started with an older key file: %v", err)
	}
}

// A roll that has begun and is not over when the time is ends with code 1 and not as refused: what was done holds, and
// the same command goes on with it.
func TestRollIsCutOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.config.KeyPoll = time.Hour // the instance does not load what the command writes
	s.start()
	contains(t, s.cli(1, "keys", "rotate", "storage", "--yes", "--wait", "0s"), "version 2 is next", "1 of 1 instances have not loaded version 2 yet")
	if got := storageStates(s.status()); got != "1 current, 2 next" {
		t.Errorf("%s", got)
	}
	contains(t, s.cli(0, "keys", "rotate", "storage", "--dry-run"), "would make version 2 of storage current")
	s.h.Close()
	contains(t, s.cli(0, "keys", "rotate", "storage", "--yes", "--wait", "0s"), "version 2 is current")
}

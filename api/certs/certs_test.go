package certs_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"medunion/api/certs"
	"medunion/api/certs/certtest"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A pin is what openssl makes of the certificate, outlives a renewal and not a new key, and
// is read in one form only.
func TestPin(t *testing.T) {
	dir := t.TempDir()
	p := certtest.New(t, dir, "a")
	const made = `openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | openssl base64`
	out, err := exec.Command("sh", "-c", made, "sh", p.Cert).Output()
	if err != nil {
		t.Fatal(err)
	}
	pin := "sha256/" + strings.TrimSpace(string(out))
	if p.Pin() != pin || must(certs.ParsePin(pin)).String() != pin {
		t.Errorf("%s is not %s", p.Pin(), pin)
	}
	p.Renew(time.Now(), time.Now().Add(time.Minute))
	if p.Pin() != pin {
		t.Error("a renewed certificate has another pin")
	}
	if p.Rekey(); p.Pin() == pin {
		t.Error("another key has the same pin")
	}
	for _, bad := range []string{"", pin[7:], "sha1/" + pin[7:], pin + "=", pin[:50], strings.TrimSuffix(pin, "="), " " + pin, pin + "\n", "SHA256/" + pin[7:]} {
		if _, err := certs.ParsePin(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := certs.ParsePins([]string{pin, "x"}); err == nil {
		t.Error("a list with a bad pin is taken")
	}
}

// What cannot be served leaves the pair in force, and is said once for each content; what
// can is taken, whichever file is exchanged first.
func TestPairReloads(t *testing.T) {
	dir := t.TempDir()
	p, other := certtest.New(t, dir, "a"), certtest.New(t, dir, "b")
	pair := must(certs.LoadPair(p.Cert, p.Key))
	first, failures := pair.Current(), uint64(0)
	good := must(os.ReadFile(p.Cert))
	refused := func(what string, change func()) {
		t.Helper()
		change()
		changed, err := pair.Reload()
		failures++
		if changed || err == nil || pair.Current() != first || pair.Failures() != failures || !pair.Failing() {
			t.Errorf("%s: changed %v, %v, %d failures", what, changed, err, pair.Failures())
		}
		if changed, err := pair.Reload(); changed || err != nil || pair.Failures() != failures {
			t.Errorf("%s is said again: %v, %v", what, changed, err)
		}
	}
	if changed, err := pair.Reload(); changed || err != nil {
		t.Errorf("nothing was changed: %v, %v", changed, err)
	}
	refused("an empty certificate", func() { certtest.Replace(p.Cert, nil) })
	refused("a cut certificate", func() { certtest.Replace(p.Cert, good[:len(good)/2]) })
	refused("another's certificate", func() { certtest.Replace(p.Cert, must(os.ReadFile(other.Cert))) })
	refused("an absent certificate", func() { os.Remove(p.Cert) })
	refused("an expired certificate", func() { p.Renew(time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)) })
	refused("a future certificate", func() { p.Renew(time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)) })

	p.Renew(time.Now().Add(-time.Hour), time.Now().Add(3*time.Hour))
	if changed, err := pair.Reload(); !changed || err != nil || pair.Failing() || !pair.NotAfter().Equal(p.Leaf().NotAfter) || pair.Pin().String() != p.Pin() {
		t.Errorf("a good one: %v, %v", changed, err)
	}
	old := must(os.ReadFile(p.Cert))
	first = pair.Current()
	p.Rekey()
	fresh := must(os.ReadFile(p.Cert))
	refused("a key without its certificate", func() { certtest.Replace(p.Cert, old) })
	certtest.Replace(p.Cert, fresh)
	if changed, err := pair.Reload(); !changed || err != nil || pair.Pin().String() != p.Pin() {
		t.Errorf("another key: %v, %v", changed, err)
	}
}

// A renewed certificate whose time has not come, as one of an issuer whose clock is ahead, is
// refused and counted once, and taken by itself when its time comes.
func TestPairOfTheFuture(t *testing.T) {
	p := certtest.New(t, t.TempDir(), "a")
	pair := must(certs.LoadPair(p.Cert, p.Key))
	now := time.Now()
	pair.SetClock(func() time.Time { return now })
	p.Renew(now.Add(time.Minute), now.Add(time.Hour))
	if changed, err := pair.Reload(); changed || !errors.Is(err, certs.ErrNotYet) || !pair.Failing() {
		t.Fatalf("too early: %v, %v, failing %v", changed, err, pair.Failing())
	}
	now = now.Add(time.Second)
	if changed, err := pair.Reload(); changed || err != nil || !pair.Failing() {
		t.Fatalf("still too early: %v, %v, failing %v", changed, err, pair.Failing())
	}
	now = now.Add(time.Minute)
	if changed, err := pair.Reload(); !changed || err != nil {
		t.Fatalf("in time: %v, %v", changed, err)
	}
	if pair.Failing() || pair.Failures() != 1 || !pair.NotAfter().Equal(p.Leaf().NotAfter) {
		t.Errorf("failing %v, %d failures, until %v", pair.Failing(), pair.Failures(), pair.NotAfter())
	}
}

// A mounted secret is exchanged by a symbolic link: the files' own names and times tell
// nothing.
func TestPairBehindALink(t *testing.T) {
	dir := t.TempDir()
	link, now := filepath.Join(dir, "secret"), time.Now()
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		p := certtest.New(t, filepath.Join(dir, version), "a")
		for _, file := range []string{p.Cert, p.Key} {
			if err := os.Chtimes(file, now, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink("1", link); err != nil {
		t.Fatal(err)
	}
	pair := must(certs.LoadPair(filepath.Join(link, "a.crt"), filepath.Join(link, "a.key")))
	if err := errors.Join(os.Symlink("2", link+".new"), os.Rename(link+".new", link)); err != nil {
		t.Fatal(err)
	}
	if changed, err := pair.Reload(); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
}

func TestPairNeedsBothFiles(t *testing.T) {
	p := certtest.New(t, t.TempDir(), "a")
	for _, files := range [][2]string{{p.Cert, ""}, {"", p.Key}, {"", ""}, {p.Key, p.Cert}, {p.Cert, p.Key + "x"}} {
		if _, err := certs.LoadPair(files[0], files[1]); err == nil {
			t.Errorf("%v is taken", files)
		}
	}
}

// The key decides, and the time.
func TestVerifyPinned(t *testing.T) {
	p, other := certtest.New(t, t.TempDir(), "a"), certtest.New(t, t.TempDir(), "b")
	verify := certs.VerifyPinned(must(certs.ParsePins([]string{other.Pin(), p.Pin()})))
	state := func() (s tls.ConnectionState) { s.PeerCertificates = append(s.PeerCertificates, p.Leaf()); return s }
	if err := verify(state()); err != nil {
		t.Error(err)
	}
	now := time.Now()
	p.Renew(now.Add(-time.Hour), now.Add(-time.Minute))
	if err := verify(state()); !errors.Is(err, certs.ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	p.Renew(now.Add(time.Minute), now.Add(time.Hour))
	if err := verify(state()); !errors.Is(err, certs.ErrNotYet) {
		t.Errorf("not yet valid: %v", err)
	}
	if p.Rekey(); !errors.Is(verify(state()), certs.ErrUnpinned) {
		t.Error("another key is taken")
	}
	if verify(tls.ConnectionState{}) == nil {
		t.Error("no certificate is taken")
	}
}

// source counts how often it is read.
type source struct {
	mu   sync.Mutex
	errs []error
	read chan struct{}
}

func (s *source) Name() string { return "a file" }

func (s *source) Reload() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.read <- struct{}{} }()
	if len(s.errs) == 0 {
		return false, nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err == nil, err
}

// Sources are read at intervals, and at once on SIGHUP, which does not end the process;
// what happened is logged.
func TestWatch(t *testing.T) {
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	slow := &source{read: make(chan struct{}, 100), errs: []error{nil, errors.New("damaged")}}
	var done sync.WaitGroup
	done.Go(func() {
		certs.Watch(ctx, slog.New(slog.NewJSONHandler(&log, nil)), 50*time.Millisecond, slow)
	})
	for range 3 {
		<-slow.read
	}
	cancel()
	done.Wait()
	if text := log.String(); !strings.Contains(text, "is in force") || !strings.Contains(text, "damaged") {
		t.Errorf("the log says %s", text)
	}

	ctx, cancel = context.WithCancel(t.Context())
	never := &source{read: make(chan struct{}, 100)}
	done.Go(func() { certs.Watch(ctx, slog.New(slog.DiscardHandler), time.Hour, never) })
	// The signal counts only once the watch has begun; until then this process ignores it.
	ignoreHangup(t)
	for read := false; !read; {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		select {
		case <-never.read:
			read = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	cancel()
	done.Wait()
}

// ignoreHangup takes SIGHUP too, so that it never ends the tests.
func ignoreHangup(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(c) })
}

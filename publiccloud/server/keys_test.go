package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/keyprovider"
	"medunion/api/keyprovider/transittest"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/replay/redistest"
	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

// tools are the operator's commands about this world's keys.
func (w *world) tools() server.KeyTools {
	return server.KeyTools{Keys: w.config.Keys, PassphraseFile: w.config.PassphraseFile, KeyProvider: w.config.KeyProvider,
		MongoURI: w.config.MongoURI, Database: w.config.Database}
}

// later are the same commands when a time has passed.
func later(t server.KeyTools, by time.Duration) server.KeyTools {
	t.Now = func() time.Time { return time.Now().Add(by) }
	return t
}

func quiet(string, ...any) {}

// keysWorld is a service that looks for new rings often.
func keysWorld(t *testing.T) *world {
	w := newWorld(t)
	w.ok(w.instance.Close())
	w.config.KeyPoll = 50 * time.Millisecond
	w.start()
	w.untilReady()
	return w
}

// searches makes one honest search, which leaves evidence.
func (w *world) searches() {
	w.Helper()
	p := w.doctor(ecc.SuiteX25519)
	g := peers.Grant(p.Credential.Hash(), "SURGERY", peers.Locators(1), time.Now(), nil)
	c := w.knows(ecc.SuiteX25519)
	if _, err := w.send("/v1/searches", "", c.Search(p, g, time.Now(), nil).Raw); err != nil {
		w.Fatal(err)
	}
}

func (w *world) status() keyroll.Status {
	w.Helper()
	s, err := statusOf(w.tools())
	w.ok(err)
	return s
}

func statusOf(t server.KeyTools) (s keyroll.Status, err error) {
	err = t.With(context.Background(), func(r *keyroll.Roll) (err error) { s, err = r.Status(context.Background()); return err })
	return s, err
}

func rotate(t server.KeyTools, key string, wait time.Duration) error {
	return t.With(context.Background(), func(r *keyroll.Roll) error { return r.Rotate(context.Background(), key, wait, quiet) })
}

func destroy(t server.KeyTools, key string, version uint32) error {
	return t.With(context.Background(), func(r *keyroll.Roll) error { return r.Destroy(context.Background(), key, version) })
}

// versionsOf shows the states of a key's versions in a line.
func versionsOf(s keyroll.Status, key string) string {
	var out []string
	for _, v := range s.Keys {
		if v.Key == key {
			out = append(out, fmt.Sprintf("%d %s", v.Version, v.State))
		}
	}
	return strings.Join(out, ", ")
}

// TestKeysRoll: both keys are rolled while two instances serve and a client searches
// all the time; what was sealed before is sealed anew; the old version is
// destroyed when its time has come and not before, and a restart works without it.
func TestKeysRoll(t *testing.T) {
	w := keysWorld(t)
	w.searches()
	first := w.instance
	w.start() // a second instance
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			for _, i := range []*server.Instance{first, w.instance} {
				if res, err := http.Post(i.URL()+"/v1/registrations/challenges", "application/json", nil); err != nil || res.StatusCode != 200 {
					t.Errorf("in the middle of a roll: %v", err)
				} else {
					res.Body.Close()
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	for _, key := range []string{"sealing", "challenge"} {
		w.ok(rotate(w.tools(), key, time.Minute))
		if got := versionsOf(w.status(), key); got != "1 retiring, 2 current" {
			t.Errorf("%s: %s", key, got)
		}
		if err := destroy(w.tools(), key, 1); !errors.Is(err, keyring.ErrEarly) {
			t.Errorf("%s: destroyed at once: %v", key, err)
		}
		w.ok(untilLoaded(w))
		w.ok(destroy(later(w.tools(), 2*time.Hour), key, 1))
	}
	stop()
	wg.Wait()
	s := w.status()
	if got := versionsOf(s, "sealing") + "; " + versionsOf(s, "challenge"); got != "1 destroyed, 2 current; 1 destroyed, 2 current" || s.Instances != 2 {
		t.Errorf("%s; %d instances", got, s.Instances)
	}
	w.searches()
	w.ok(errors.Join(first.Close(), w.instance.Close()))
	w.start()
	w.searches()
	if s := w.status(); s.Instances != 1 || s.Behind != 0 {
		t.Errorf("%d instances, %d behind", s.Instances, s.Behind)
	}
}

// untilLoaded waits for the instances to have the newest ring.
func untilLoaded(w *world) error {
	w.Helper()
	redistest.Eventually(w, time.Minute, "the newest ring everywhere", func() bool { return w.status().Behind == 0 })
	return nil
}

// TestRollWaitsForAll: an instance whose own copy of the key file has not been renewed holds
// the roll up before the new version is used; with the file there, the same command goes on.
func TestRollWaitsForAll(t *testing.T) {
	w := keysWorld(t)
	shared := w.config.Keys
	w.config.Keys = copied(t, shared, 0o600, nil) // the second host has a copy
	w.start()
	lagging := w.config.Keys
	w.config.Keys = shared
	for range 2 { // the second time goes on where the first was cut off, and adds no third version
		if err := rotate(w.tools(), "sealing", 0); !errors.Is(err, keyroll.ErrBehind) {
			t.Fatalf("made current before all have it: %v", err)
		}
	}
	if got := versionsOf(w.status(), "sealing"); got != "1 current, 2 next" {
		t.Error(got)
	}
	b, err := os.ReadFile(shared)
	w.ok(err)
	w.ok(secretfile.Replace(lagging, b))
	w.ok(rotate(w.tools(), "sealing", time.Minute))
	w.searches()
	// The lagging copy again has not heard that the version is current: nothing is destroyed.
	if err := destroy(later(w.tools(), 2*time.Hour), "sealing", 1); !errors.Is(err, keyroll.ErrBehind) {
		t.Errorf("destroyed under an instance that may still use it: %v", err)
	}
}

// TestRotateDoesNotPileUp: while something lies under the version that was replaced, Rotate
// waits for that and adds no other.
func TestRotateDoesNotPileUp(t *testing.T) {
	w := keysWorld(t)
	w.searches()
	w.ok(w.instance.Close()) // nobody seals anew
	for range 2 {
		w.ok(rotate(w.tools(), "sealing", 0))
		if got := versionsOf(w.status(), "sealing"); got != "1 retiring, 2 current" {
			t.Error(got)
		}
	}
	w.ok(w.tools().With(t.Context(), func(r *keyroll.Roll) error {
		if words := peers.Must(r.Next(t.Context(), "sealing")); !strings.Contains(words, "would wait") {
			t.Error(words)
		}
		return nil
	}))
	w.start() // seals anew; then the next roll is one
	for end := time.Now().Add(time.Minute); versionsOf(w.status(), "sealing") == "1 retiring, 2 current"; {
		if time.Now().After(end) {
			t.Fatal("the key is not rolled although nothing remains")
		}
		w.ok(rotate(w.tools(), "sealing", time.Minute))
	}
	if got := versionsOf(w.status(), "sealing"); got != "1 retiring, 2 retiring, 3 current" {
		t.Error(got)
	}
}

// TestForkedKeyFile: two copies that were changed apart from each other are not taken for
// one, and an older copy is not worked on.
func TestForkedKeyFile(t *testing.T) {
	w := keysWorld(t)
	w.ok(rotate(w.tools(), "challenge", time.Minute))
	old := copied(t, w.config.Keys, 0o600, nil)
	w.ok(rotate(w.tools(), "challenge", time.Minute))
	w.ok(untilLoaded(w))
	tools := w.tools()
	tools.Keys = old
	if err := rotate(tools, "sealing", 0); !errors.Is(err, keyroll.ErrForked) && !errors.Is(err, keyring.ErrGeneration) {
		t.Errorf("worked on an old copy: %v", err)
	}
}

// TestRolledBackKeyFile: a service does not start with a key file from before a version
// that is in use, and says why.
func TestRolledBackKeyFile(t *testing.T) {
	w := keysWorld(t)
	old := copied(t, w.config.Keys, 0o600, nil)
	w.ok(rotate(w.tools(), "sealing", time.Minute))
	c := w.config
	c.Keys = old
	if i, err := server.Start(t.Context(), c); !errors.Is(err, keyring.ErrGeneration) {
		t.Errorf("started with an old key file: %v", err)
		if err == nil {
			_ = i.Close()
		}
	}
}

// TestDestroyRefuses: a current version, one with data under it, and keys that are not
// rolled stay, and the file is not touched.
func TestDestroyRefuses(t *testing.T) {
	w := keysWorld(t)
	w.searches()
	w.ok(w.instance.Close()) // nobody seals anew
	w.ok(rotate(w.tools(), "sealing", 0))
	before, err := os.ReadFile(w.config.Keys)
	w.ok(err)
	tools := later(w.tools(), 2*time.Hour)
	for name, x := range map[string]struct {
		key     string
		version uint32
		want    error
	}{
		"data remains": {"sealing", 1, keyroll.ErrRemains}, "current": {"sealing", 2, keyring.ErrState}, "unknown": {"sealing", 3, keyring.ErrUnknown},
		"handle": {"handle", 1, keyroll.ErrNotRolled}, "master": {"master", 1, keyroll.ErrNotRolled}, "no key": {"other", 1, keyroll.ErrNotRolled},
	} {
		if err := destroy(tools, x.key, x.version); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, _ := os.ReadFile(w.config.Keys); !bytes.Equal(before, after) {
		t.Error("the key file has been changed")
	}
	w.start() // it seals anew by itself
	redistest.Eventually(w, time.Minute, "everything sealed anew", func() bool {
		return destroy(tools, "sealing", 1) == nil
	})
}

// TestRewrap: another passphrase takes the place of the old one while the service runs; a
// file from before there were envelopes is one afterwards.
func TestRewrap(t *testing.T) {
	w := keysWorld(t)
	dir := t.TempDir()
	words := w.file(dir, "words", []byte("correct horse\n"))
	w.ok(w.tools().Rewrap(t.Context(), sealedBy(words)))
	w.config.PassphraseFile = words
	if s := w.status(); s.Provider != "passphrase" || s.Generation != 1 {
		t.Errorf("%+v", s)
	}
	raw, err := os.ReadFile(w.config.Keys)
	w.ok(err)
	if keyring.IsRing(raw) {
		t.Error("the key file lies in the clear")
	}
	w.start()
	other := w.file(dir, "other", []byte("battery staple\n"))
	w.ok(w.tools().Rewrap(t.Context(), sealedBy(other)))
	if _, err := statusOf(w.tools()); !errors.Is(err, keyprovider.ErrRefused) {
		t.Errorf("the old passphrase still opens: %v", err)
	}
	w.searches()
}

func sealedBy(passphraseFile string) keyprovider.Provider {
	return peers.Must(keyprovider.Config{}.Open(passphraseFile, rand.Reader))
}

// TestOldKeyFile: the form from before there were rings starts, with the same keys, and
// the first step makes a ring of it.
func TestOldKeyFile(t *testing.T) {
	w := keysWorld(t)
	w.ok(w.instance.Close())
	var f [6][]byte
	master, sign := peers.Must(ecc.GenerateScalar(rand.Reader)), signingKey()
	for i := range f {
		f[i] = make([]byte, 32)
		rand.Read(f[i])
	}
	b := ecc.Encode(ecc.LabelCloudKeys, master.SecretBytes(), f[1], sign.Seed(), f[3], f[4], f[5], master.Public().Bytes(), sign.Public().Bytes())
	w.config.Keys = filepath.Join(t.TempDir(), "old")
	w.config.Database += "o"
	w.ok(secretfile.Create(w.config.Keys, b))
	w.start()
	w.searches()
	if p := w.instance.Pins(); !p.First.PK.Equal(master.Public()) {
		t.Error("other keys")
	}
	if raw, _ := os.ReadFile(w.config.Keys); !bytes.Equal(raw, b) {
		t.Error("reading has changed the file")
	}
	w.ok(rotate(w.tools(), "sealing", time.Minute))
	w.searches()
	if raw, _ := os.ReadFile(w.config.Keys); !keyring.IsRing(raw) {
		t.Error("no ring")
	}
}

// TestKeysUnderVault: the key file lies under Vault's transit engine. While that is sealed a service
// that runs serves and rolls nothing, and one that starts does not, and says why; afterwards
// both do. Nothing of the engine's token is in the log.
func TestKeysUnderVault(t *testing.T) {
	v := transittest.Start(t)
	w := keysWorld(t)
	token := v.Token("1h")
	transit := keyprovider.Config{Provider: "vault", Transit: keyprovider.Transit{Address: v.Address, Key: v.Key, TokenFile: w.file(t.TempDir(), "token", []byte(token))}}
	w.ok(w.tools().Rewrap(t.Context(), peers.Must(transit.Open("", rand.Reader))))
	w.ok(w.instance.Close())
	w.config.KeyProvider = transit
	w.start()
	w.ok(rotate(w.tools(), "challenge", time.Minute))
	if s := w.status(); s.Provider != "transit" || s.Wrapped != 1 || s.Newest != 1 {
		t.Errorf("%+v", s)
	}
	w.clean(token)
	if !v.Own {
		return
	}
	v.Call(http.MethodPost, "sys/seal", nil, nil)
	w.searches()
	if err := rotate(w.tools(), "sealing", 0); !errors.Is(err, keyprovider.ErrLocked) {
		t.Errorf("rolled under locked keys: %v", err)
	}
	if i, err := server.Start(t.Context(), w.config); !errors.Is(err, keyprovider.ErrLocked) {
		t.Errorf("started under locked keys: %v", err)
		if err == nil {
			_ = i.Close()
		}
	}
	v.Call(http.MethodPost, "sys/unseal", nil, nil)
	w.start()
	w.searches()
}

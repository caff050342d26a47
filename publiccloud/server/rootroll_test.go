package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"medunion/api/keyring"
	"medunion/api/message"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

// roots are the operator's commands about the root, at a time that is by from now.
func (w *world) roots(by time.Duration) server.RootTools {
	return server.RootTools{KeyTools: later(w.tools(), by), ID: "cloud"}
}

// published are the pins of the first start with what this instance publishes.
func (w *world) published(first message.Pins) message.Pins {
	w.Helper()
	status, body := w.call(http.MethodGet, "/v1/successions", "", nil)
	var list struct{ Successions []string }
	if err := json.Unmarshal(body, &list); status != http.StatusOK || err != nil {
		w.Fatal(status, err)
	}
	var raw [][]byte
	for _, s := range list.Successions {
		raw = append(raw, peers.Must(base64.RawURLEncoding.DecodeString(s)))
	}
	return peers.Must(first.Extend(peers.Must(message.DecodeSuccessions(raw))...))
}

// succeeded announces a root that is good since a quarter of an hour, as if two hours ago.
func (w *world) succeeded() message.Succession {
	w.Helper()
	from := time.Now().Add(-15 * time.Minute)
	s, err := w.roots(-2*time.Hour).Announce(w.Context(), from, from.Add(48*time.Hour))
	w.ok(err)
	w.ok(w.roots(0).AwaitRoots(w.Context(), 20*time.Second))
	return s
}

// TestRootIsSucceeded: while two instances serve, the root is succeeded by another. What was
// registered under the old one goes on, what comes is issued under the new one, every
// statement is signed by it, and no instance is started for it. After its end the old
// one's secrets leave the key file, and a restart works without them.
func TestRootIsSucceeded(t *testing.T) {
	w := keysWorld(t)
	first := w.instance
	before := w.instance.Pins()
	d := w.doctor(ecc.SuiteX25519)
	w.start() // a second instance
	s := w.succeeded()
	for _, i := range []*server.Instance{first, w.instance} {
		if root, _ := i.Pins().Newest(); !root.Equal(s.New) {
			t.Fatal("an instance has another root")
		}
	}
	pins := w.published(before)
	if root, _ := pins.Newest(); !root.Equal(s.New) || !w.instance.Pins().Equal(pins) {
		t.Fatal("what is published is not what is used")
	}
	now := message.MillisOf(time.Now())
	if p := peers.Must(message.OpenParameters(w.signed("/v1/parameters"), pins, now)); !p.Root().Equal(s.New) {
		t.Error("the parameters are still of the old root")
	}
	if _, err := message.OpenDirectory(w.signed("/v1/directory"), before, now); err == nil {
		t.Error("who has not learned of it takes a list of the new root")
	}
	w.searchesAs(d) // Cred_D of the old root, prekey and ticket of the new one
	h := w.hospital(ecc.SuiteX25519)
	if root := peers.Must(pins.Issuer(h.Credential)); !root.Equal(s.New) {
		t.Error("a new credential is of the old root")
	}
	if root := peers.Must(pins.Issuer(d.Credential)); !root.Equal(s.Old) {
		t.Error("the old credential is not of the old root")
	}
}

// searchesAs makes one search by a doctor who is registered already.
func (w *world) searchesAs(p *peers.Party) {
	w.Helper()
	g := peers.Grant(p.Credential.Hash(), "SURGERY", peers.Locators(1), time.Now(), nil)
	sent := w.knows(p.Suite).Search(p, g, time.Now(), nil)
	if _, err := w.send("/v1/searches", "", sent.Raw); err != nil {
		w.Fatal(err)
	}
}

// TestRootRetires: the secrets of the old root are destroyed after its end and not before,
// and the chain that leads away from it stays.
func TestRootRetires(t *testing.T) {
	w := keysWorld(t)
	before := w.instance.Pins()
	if _, err := w.roots(1000 * time.Hour).CheckRetire(t.Context()); !errors.Is(err, server.ErrNoneEnded) {
		t.Error("the only root:", err)
	}
	s := w.succeeded()
	if err := w.roots(0).Retire(t.Context()); !errors.Is(err, server.ErrNoneEnded) {
		t.Error("before its end:", err)
	}
	w.ok(w.roots(50 * time.Hour).Retire(t.Context()))
	st := peers.Must(w.roots(0).RootStatus(t.Context()))
	if len(st.Roots) != 2 || st.Roots[0].Held || !st.Roots[1].Held || !st.Roots[1].Signing {
		t.Errorf("%+v", st.Roots)
	}
	w.ok(w.roots(0).AwaitRoots(t.Context(), 20*time.Second))
	w.ok(w.instance.Close())
	w.start()
	w.untilReady()
	if root, _ := w.published(before).Newest(); !root.Equal(s.New) {
		t.Error("the chain is gone with the secrets")
	}
	w.doctor(ecc.SuiteX25519)
	from := time.Now().Add(60 * time.Hour)
	if _, err := w.roots(0).Announce(t.Context(), from, from.Add(48*time.Hour)); err != nil {
		t.Error("a third root:", err)
	}
}

// TestRootAnnouncementsThatAreRefused: too little notice, too short an overlap, a second
// succession before the first one's old root is retired. The key file stays as it is.
func TestRootAnnouncementsThatAreRefused(t *testing.T) {
	w := keysWorld(t)
	generation := w.status().Generation
	for name, c := range map[string]struct{ in, overlap time.Duration }{
		"at once": {0, 48 * time.Hour}, "in half an hour": {30 * time.Minute, 48 * time.Hour}, "an overlap of an hour": {2 * time.Hour, time.Hour},
		"no overlap": {2 * time.Hour, 0}, "backwards": {2 * time.Hour, -time.Hour},
	} {
		from := time.Now().Add(c.in)
		if _, err := w.roots(0).Announce(t.Context(), from, from.Add(c.overlap)); !errors.Is(err, server.ErrTooSoon) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.status().Generation != generation {
		t.Error("a refused announcement changed the key file")
	}
	w.succeeded()
	from := time.Now().Add(100 * time.Hour)
	if _, err := w.roots(0).Announce(t.Context(), from, from.Add(48*time.Hour)); !errors.Is(err, server.ErrAnnounced) {
		t.Error("a second one:", err)
	}
}

// TestAttack22_RootCannotBeTakenBack: a key file from before the announcement is taken over neither
// by an instance that runs nor by one that starts.
func TestAttack22_RootCannotBeTakenBack(t *testing.T) {
	w := keysWorld(t)
	old := peers.Must(os.ReadFile(w.config.Keys))
	s := w.succeeded()
	w.ok(os.WriteFile(w.config.Keys, old, 0o600))
	if i, err := server.Start(t.Context(), w.config); err == nil {
		_ = i.Close()
		t.Error("an instance starts with the key file of before")
	}
	if root, _ := w.instance.Pins().Newest(); !root.Equal(s.New) {
		t.Error("a running instance has forgotten a succession")
	}
}

// TestAttack22_RootIsSucceededOnce: a copy of the key file from before an announcement signs no second
// succession of the same root, although no instance has loaded the first one yet and so the fence
// is where it was; no other step is done on it either. The key file that has the succession goes on.
func TestAttack22_RootIsSucceededOnce(t *testing.T) {
	w := newWorld(t)
	w.ok(w.instance.Close())
	old := peers.Must(os.ReadFile(w.config.Keys))
	from := time.Now().Add(2 * time.Hour)
	s := peers.Must(w.roots(0).Announce(t.Context(), from, from.Add(48*time.Hour)))
	good := peers.Must(os.ReadFile(w.config.Keys))
	w.ok(os.WriteFile(w.config.Keys, old, 0o600))
	if _, err := w.roots(0).Announce(t.Context(), from, from.Add(49*time.Hour)); !errors.Is(err, server.ErrSucceeded) {
		t.Error("a second succession of the same root:", err)
	}
	if err := rotate(w.tools(), "sealing", 0); !errors.Is(err, server.ErrSucceeded) {
		t.Error("another step:", err)
	}
	if !bytes.Equal(peers.Must(os.ReadFile(w.config.Keys)), old) {
		t.Error("the copy was changed")
	}
	w.ok(os.WriteFile(w.config.Keys, good, 0o600))
	st := peers.Must(w.roots(0).RootStatus(t.Context()))
	if len(st.Roots) != 2 || st.Roots[1].PK != s.New.PK.String() {
		t.Errorf("%+v", st.Roots)
	}
	w.ok(os.WriteFile(w.config.Keys, old, 0o600)) // the status has raised the fence: nobody was behind
	if _, err := server.Start(t.Context(), w.config); !errors.Is(err, keyring.ErrGeneration) {
		t.Error("an instance starts with the key file of before:", err)
	}
}

package server_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/token"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
	"medunion/publiccloud/server"
)

func (w *world) revoker(scopes ...token.Scope) server.Revoker {
	w.Helper()
	path := w.file(w.TempDir(), "token", []byte(w.operator(scopes...)+"\n"))
	pins := w.file(w.TempDir(), "pins.json", peers.Must(json.Marshal(w.instance.Pins())))
	return server.Revoker{Cloud: w.instance.URL(), PinsFile: pins, OperatorToken: path}
}

// TestRevoker: what is looked at before is who is revoked then: a hospital is no doctor. A
// revocation by one instance holds at the other one with the next request.
func TestRevoker(t *testing.T) {
	w := newWorld(t)
	d, h := w.doctor(ecc.SuiteX25519), w.hospital(ecc.SuiteX25519)
	r := w.revoker(token.ScopeOperator)
	w.put(d)
	first := w.instance
	w.start()
	for role, p := range map[string]*peers.Party{server.RevokeDoctor: d, server.RevokeHospital: h} {
		c := p.Credential.Hash()
		for other := range map[string]bool{server.RevokeDoctor: true, server.RevokeHospital: true} {
			who, err := r.Look(t.Context(), other, c)
			if other == role && (err != nil || !strings.Contains(who, string(p.ID))) || other != role && !errors.Is(err, server.ErrNotShown) {
				t.Errorf("%s as a %s: %q, %v", role, other, who, err)
			}
		}
		w.ok(r.Revoke(t.Context(), c))
		w.ok(r.Revoke(t.Context(), c)) // again changes nothing
		if _, err := r.Look(t.Context(), role, c); !errors.Is(err, server.ErrNotShown) {
			t.Errorf("%s: shown after the revocation: %v", role, err)
		}
	}
	c := d.Credential.Hash()
	if status, _ := w.call("GET", "/v1/doctors/"+hex.EncodeToString(c[:]), "", nil); status != 404 || first == w.instance {
		t.Errorf("the other instance answers %d", status)
	}
}

// TestRevokerOfALine: a revocation takes the credentials along by which it was renewed, and those which it
// renewed.
func TestRevokerOfALine(t *testing.T) {
	w := newWorld(t)
	r := w.revoker(token.ScopeOperator)
	old := w.hospital(ecc.SuiteX25519)
	n := w.renewed(old)
	last := w.renewed(n)
	good := func(want ...*peers.Party) {
		t.Helper()
		list := peers.Must(message.OpenRevocations(w.signed("/v1/revocations"), w.instance.Pins(), message.MillisOf(time.Now())))
		for _, p := range []*peers.Party{old, n, last} {
			if list.Contains(p.Credential.Hash()) == slices.Contains(want, p) {
				t.Errorf("number %d: revoked is %v", p.Credential.Info.Epoch, !slices.Contains(want, p))
			}
		}
	}
	good(old, n, last)
	w.ok(r.Revoke(t.Context(), n.Credential.Hash()))
	good()
}

// TestRevokerKeepsOne: whoever has renewed with new keys keeps that credential, and a thief with the
// old ones nothing, whether he renewed before or after. One of another line, the one to revoke
// and one that was never issued are not kept, and nothing is revoked then.
func TestRevokerKeepsOne(t *testing.T) {
	w := newWorld(t)
	r := w.revoker(token.ScopeOperator)
	old, another := w.hospital(ecc.SuiteX25519), w.hospital(ecc.SuiteX25519)
	before := w.renewed(old)
	kept := w.renewed(old)
	after := w.renewed(before)
	revoked := func() (n int) {
		list := peers.Must(message.OpenRevocations(w.signed("/v1/revocations"), w.instance.Pins(), message.MillisOf(time.Now())))
		for _, p := range []*peers.Party{old, before, kept, after, another} {
			if list.Contains(p.Credential.Hash()) {
				n++
			}
		}
		return n
	}
	for name, keep := range map[string]message.Hash{"of another line": another.Credential.Hash(), "the one to revoke": old.Credential.Hash(), "never issued": {1}} {
		if err := r.RevokeAllBut(t.Context(), old.Credential.Hash(), keep); err == nil || revoked() != 0 {
			t.Errorf("kept %s: %v", name, err)
		}
	}
	w.ok(r.RevokeAllBut(t.Context(), old.Credential.Hash(), kept.Credential.Hash()))
	list := peers.Must(message.OpenRevocations(w.signed("/v1/revocations"), w.instance.Pins(), message.MillisOf(time.Now())))
	if revoked() != 3 || list.Contains(kept.Credential.Hash()) || list.Contains(another.Credential.Hash()) {
		t.Errorf("%d are revoked, the one to keep: %v", revoked(), list.Contains(kept.Credential.Hash()))
	}
	w.renewed(kept)
}

// TestRevokerOfTheUnknown: what was issued after the backup from which a public cloud was restored is revoked
// all the same, if that is said; of what is registered the line goes too.
func TestRevokerOfTheUnknown(t *testing.T) {
	w := newWorld(t)
	r := w.revoker(token.ScopeOperator)
	old := w.hospital(ecc.SuiteX25519)
	n := w.renewed(old)
	lost := message.Hash{1, 2, 3}
	if err := r.Revoke(t.Context(), lost); !errors.Is(err, server.ErrNotShown) {
		t.Errorf("without a word: %v", err)
	}
	for _, c := range []message.Hash{lost, old.Credential.Hash()} {
		w.ok(r.RevokeUnknown(t.Context(), c))
	}
	list := peers.Must(message.OpenRevocations(w.signed("/v1/revocations"), w.instance.Pins(), message.MillisOf(time.Now())))
	for _, c := range []message.Hash{lost, old.Credential.Hash(), n.Credential.Hash()} {
		if !list.Contains(c) {
			t.Errorf("%x is good", c[:3])
		}
	}
}

// renewed renews a credential over HTTP.
func (w *world) renewed(old *peers.Party) *peers.Party {
	w.Helper()
	n := old.Next()
	reply, refusal := w.send("/v1/registrations", "", n.Renewal(old, w.challenge(), nil).Encode())
	w.taken(refusal)
	w.ok(n.Complete(w.instance.Pins(), reply, time.Now()))
	return n
}

// put publishes the doctor's prekey, with which she is shown.
func (w *world) put(d *peers.Party) {
	w.Helper()
	if status, b := w.call("PUT", "/v1/prekeys", "", map[string]string{"signed": base(d.Prekey(time.Now(), nil))}); status >= 300 {
		w.Fatalf("%d %s", status, b)
	}
}

// TestRevokerRefused: without the scope, without a token, and for what was never issued nothing
// is revoked, and no error shows the token.
func TestRevokerRefused(t *testing.T) {
	w := newWorld(t)
	c := w.hospital(ecc.SuiteX25519).Credential.Hash()
	weak := w.revoker(token.ScopeFHIRImport)
	secret, err := os.ReadFile(weak.OperatorToken)
	w.ok(err)
	none := weak
	none.OperatorToken = filepath.Join(t.TempDir(), "absent")
	for name, r := range map[string]server.Revoker{"another scope": weak, "no token": none} {
		if err := r.Revoke(t.Context(), c); err == nil || strings.Contains(err.Error(), strings.TrimSpace(string(secret))) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := w.revoker(token.ScopeOperator)
	if err := good.Revoke(t.Context(), message.Hash{1}); !errors.Is(err, server.ErrNotShown) {
		t.Error(err)
	}
	if _, err := good.Look(t.Context(), server.RevokeHospital, c); err != nil {
		t.Errorf("it is revoked: %v", err)
	}
	for _, text := range []string{"", "abc", strings.Repeat("g", 64), strings.Repeat("a", 63)} {
		if _, err := server.ParseCredential(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

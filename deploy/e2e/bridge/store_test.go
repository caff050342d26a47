package bridge_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/deploy/internal/freeport"
	"medunion/deploy/local/authority"
	portal "medunion/doctor-portal/server"
	"medunion/ecc"
)

const passphrase = "correct horse battery staple"

// map literals stand for the page's objects.
type object = map[string]any

func phrase(p string) object { return object{"passphrase": p} }

func passkey(id string) object {
	prf := make([]byte, 32)
	rand.Read(prf)
	return object{"prf": blob{prf}, "credentialId": id}
}

// startPortal serves the built page. Keys are kept without Redis and clouds.
func startPortal(t *testing.T) string {
	origin, _ := onePortal(t, freeport.For(t))
	return origin
}

func needWorker(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole Chromium is no short test")
	}
	worker := workerFile(t)
	if worker == "" {
		t.Skip("the doctor's page is not built: run deploy/pages and compile this test anew")
	}
	return worker
}

type status struct {
	Store       string
	Openers     []struct{ Kind, CredentialID string }
	Fingerprint string
}

func (s *station) status() (st status) {
	s.t.Helper()
	s.must(&st, "status")
	return st
}

// The store in IndexedDB: made, locked, opened in two ways, and useless to whoever
// copies it.
func TestStoreInTheBrowser(t *testing.T) {
	worker, origin, browser := needWorker(t), startPortal(t), openBrowser(t)
	s := newStation(browser, t, origin, worker)
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	if st := s.status(); st.Store != "absent" || len(st.Openers) != 0 || len(strings.Fields(st.Fingerprint)) != 8 {
		t.Fatalf("at first: %+v", st)
	}
	s.refuses("passphrase-length", "create", object{"id": "dr-webb", "suite": 1, "opener": phrase("short")})
	s.must(nil, "create", object{"id": "dr-webb", "suite": 1, "opener": phrase(passphrase)})
	s.refuses("store-open", "create", object{"id": "dr-webb", "suite": 1, "opener": phrase(passphrase)})
	key := passkey("cGFzc2tleQ")
	s.must(nil, "addOpener", key)
	var request string
	s.must(&request, "requestCertificate", object{"licence": "L-9", "name": "Jonas Webb", "departments": []string{"GENERAL"}})

	s.must(nil, "lock")
	s.refuses("locked", "doctor")
	s.end()
	if err := s.open(); err != nil {
		t.Fatal("after a lock:", err)
	}
	if st := s.status(); st.Store != "locked" || len(st.Openers) != 2 || st.Openers[1].CredentialID != "cGFzc2tleQ" {
		t.Errorf("after a lock: %+v", st)
	}
	for _, wrong := range []object{phrase("correct horse battery stapler"), passkey("cGFzc2tleQ")} {
		s.refuses("wrong-opener", "unlock", wrong)
	}
	s.must(nil, "unlock", key)
	var again string
	s.must(&again, "requestCertificate", object{"licence": "L-9", "name": "Jonas Webb", "departments": []string{"GENERAL"}})
	if public := keyOf(t, request); public == "" || public != keyOf(t, again) {
		t.Error("another key after the lock")
	}
	kept := s.stored()
	if len(kept) < 200 || bytes.Contains(kept, []byte("dr-webb")) || bytes.Contains(kept, []byte("Webb")) || bytes.Contains(kept, []byte(passphrase)) {
		t.Errorf("the browser keeps %d bytes, and they are not sealed", len(kept))
	}
}

// keyOf is the signing key in a certificate request.
func keyOf(t *testing.T, request string) string {
	t.Helper()
	var r struct {
		Key string `json:"signing_key"`
	}
	if err := json.Unmarshal([]byte(request), &r); err != nil {
		t.Fatal(err, request)
	}
	return r.Key
}

// A second workstation of the same doctor, by a sealed file; without its passphrase, or
// changed, the file is of no use.
func TestSecondWorkstation(t *testing.T) {
	worker, origin, browser := needWorker(t), startPortal(t), openBrowser(t)
	first, second := newStation(browser, t, origin, worker), newStation(browser, t, origin, worker)
	for _, s := range []*station{first, second} {
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
	}
	first.must(nil, "create", object{"id": "dr-webb", "suite": 2, "opener": phrase(passphrase)})
	var file blob
	first.must(&file, "exportStore", "another passphrase")
	if len(file.Base64) < 100 || bytes.Contains(file.Base64, []byte("dr-webb")) {
		t.Fatalf("an export of %d bytes", len(file.Base64))
	}
	other := passkey("b3RoZXI")
	second.refuses("wrong-opener", "importStore", object{"file": file, "passphrase": passphrase, "opener": other})
	changed := blob{bytes.Clone(file.Base64)}
	changed.Base64[len(changed.Base64)-1] ^= 1
	if err := second.call(nil, "importStore", object{"file": changed, "passphrase": "another passphrase", "opener": other}); err == nil {
		t.Error("a changed file is taken")
	}
	second.must(nil, "importStore", object{"file": file, "passphrase": "another passphrase", "opener": other})
	var d struct {
		ID    string
		Suite int
		State string
	}
	if second.must(&d, "doctor"); d.ID != "dr-webb" || d.Suite != 2 || d.State != "new" {
		t.Errorf("at the second workstation: %+v", d)
	}
}

// One tab at a time has the store; when it ends, the next one may.
func TestSecondTab(t *testing.T) {
	worker, origin, browser := needWorker(t), startPortal(t), openBrowser(t)
	first := newStation(browser, t, origin, worker)
	if err := first.open(); err != nil {
		t.Fatal(err)
	}
	second := first.tab(origin)
	var p *problem
	if err := second.open(); !errors.As(err, &p) || p.Code != "other-tab" {
		t.Errorf("the second tab: %v", err)
	}
	first.end()
	if err := second.open(); err != nil {
		t.Error("after the first has ended:", err)
	}
}

// What is wrong at the start is told by a code: another address, another portal.
func TestStartIsRefused(t *testing.T) {
	worker, origin, browser := needWorker(t), startPortal(t), openBrowser(t)
	s := newStation(browser, t, strings.Replace(origin, "localhost", "127.0.0.1", 1), worker)
	var p *problem
	if err := s.open(); !errors.As(err, &p) || p.Code != "other-address" || !strings.Contains(p.Detail, origin) {
		t.Errorf("by its number: %v", err)
	}
}

// A store made for one portal does not open at one that pins other keys, though it has
// the same address.
func TestStoreIsBoundToItsPins(t *testing.T) {
	worker, browser := needWorker(t), openBrowser(t)
	address := freeport.For(t)
	origin, stop := onePortal(t, address)
	s := newStation(browser, t, origin, worker)
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	s.must(nil, "create", object{"id": "dr-webb", "suite": 1, "opener": phrase(passphrase)})
	before := s.status().Fingerprint
	s.end()
	stop()
	onePortal(t, address)
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	if after := s.status().Fingerprint; after == before {
		t.Error("two clouds have one fingerprint")
	}
	s.refuses("other-pins", "unlock", phrase(passphrase))
}

// onePortal is a portal at an address, with pins of its own; nothing stands behind it.
func onePortal(t *testing.T, address string) (origin string, stop func()) {
	t.Helper()
	issuer := must(ecc.NewIssuer(must(ecc.GenerateScalar(rand.Reader)), []byte(rand.Text() + rand.Text())[:32]))
	pins := message.Pins{CloudID: "cloud", First: message.Root{PK: issuer.Public(), PUKC: must(ecc.GenerateSigningKey(rand.Reader)).Public()}}
	board := must(authority.New(authority.Config{Logger: slog.New(slog.DiscardHandler), Departments: message.DefaultDepartments}))
	origin = "http://localhost:" + address[strings.LastIndexByte(address, ':')+1:]
	i, err := portal.Start(t.Context(), portal.Config{Dev: true, Listen: address, Origin: origin, Cloud: "http://127.0.0.1:1", Pins: &pins,
		Authority: authority.DefaultName, AuthorityJWKS: board.JWKS(), SessionKeyFile: filepath.Join(t.TempDir(), "key"),
		RedisAddrs: []string{"127.0.0.1:1"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = i.Close() }
	t.Cleanup(stop)
	return origin, stop
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("setting up: %v", err))
	}
	return v
}

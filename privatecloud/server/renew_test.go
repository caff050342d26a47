package server_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/backup"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/replay/redistest"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

// sayings are what a renewal has told its operator.
type sayings struct {
	t     *testing.T
	mu    sync.Mutex
	lines []string
}

func (x *sayings) say(format string, args ...any) {
	x.t.Logf(format, args...)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines = append(x.lines, format)
}

func (x *sayings) alarm() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Contains(strings.Join(x.lines, "\n"), "ALARM")
}

func (s *site) renew(wait time.Duration) (*sayings, error) {
	s.t.Helper()
	x := &sayings{t: s.t.(*testing.T)}
	return x, server.Renew(s.t.Context(), s.config, wait, x.say)
}

// beside starts another instance at another address.
func (s *site) beside(change func(*server.Config)) *server.Instance {
	s.t.Helper()
	c := s.config
	l := peers.Must(net.Listen("tcp", "127.0.0.1:0"))
	c.Listen = l.Addr().String() // not the registered port, which is the first one's
	l.Close()
	if change != nil {
		change(&c)
	}
	h, err := server.Start(context.Background(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { h.Close() })
	return h
}

// await polls until the condition holds.
func (s *site) await(what string, ok func() bool) {
	s.t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("in half a minute not: %s\n%s", what, s.log)
}

// states are the credentials' numbers with the state of their keys.
func (s *site) credentials() (out server.Credentials, text string) {
	s.t.Helper()
	out, err := s.tools().Credentials(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for i, c := range out {
		if i > 0 {
			text += ", "
		}
		text += string(rune('0'+c.Number)) + " " + c.State
	}
	return out, text
}

// Two instances serve while the credential is renewed. A visit that one of them has begun ends at the other, a new one
// goes under the new credential, receipts of erasures and a backup from before still verify, all entries are
// republished, and the old keys are destroyed by the service itself, not before their time.
func TestCredentialRenews(t *testing.T) {
	s := newSiteOver(t, ecc.SuiteX25519, redistest.Start(t))
	s.config.KeyPoll = 50 * time.Millisecond
	s.start()
	for _, m := range []string{"m1", "m2", "m3"} {
		s.importBundle(bundle(m, "n", "t", 3), "")
	}
	p := s.enrol("m1")
	first, second := s.h, s.beside(nil)
	s.await("the entries are published", func() bool { return len(s.w.Written()) > 0 })
	before := len(s.w.Written())
	receipts := t.TempDir()
	s.erase("m2", receipts)
	file, recipient := s.keyPair()
	out := filepath.Join(t.TempDir(), "backup")
	peers.Must(server.Backup(t.Context(), s.config, backup.Out{Out: out, Recipient: []string{recipient}}))
	old, d := first.Credential(), s.w.Doctor("dr-okafor", "OUTPATIENT")
	x := s.session(first, d, p)

	said, err := s.renew(time.Minute)
	if err != nil || said.alarm() {
		t.Fatalf("%v\n%s", err, s.log)
	}
	s.await("both have it", func() bool { return first.Credential().Info.Epoch == 2 && second.Credential().Info.Epoch == 2 })
	if n := s.released(second, x); n == 0 {
		t.Error("the visit from before released nothing")
	}
	if all, text := s.credentials(); text != "2 current, 1 retiring" || all[1].Remains.Enrolments != 0 {
		t.Errorf("%s: %s", text, all[1].Remains)
	}
	s.h = second
	if n := s.released(first, s.session(second, d, p)); n == 0 {
		t.Error("a new visit released nothing")
	}
	under := map[message.Hash]int{}
	for _, w := range s.w.Written()[before:] {
		under[w.Entry.Hospital.Hash()]++
	}
	if under[old.Hash()] == 0 || under[second.Credential().Hash()] == 0 {
		t.Errorf("%v entries under the two credentials", under)
	}
	s.erase("m3", receipts)
	if n, err := server.CountReceipts(s.config, receipts); n != 2 || err != nil {
		t.Errorf("%d receipts hold: %v", n, err)
	}
	again := t.TempDir()
	s.importBundle(bundle("m4", "n", "t", 1), "")
	s.erase("m4", again) // writes also those that this folder has not
	if n, err := server.CountReceipts(s.config, again); n != 3 || err != nil {
		t.Errorf("%d receipts of the store hold: %v", n, err)
	}
	if _, err := server.VerifyBackup(s.config, backup.In{File: out, Identity: file}); err != nil {
		t.Errorf("a backup from before: %v", err)
	}
	s.destroyedInTime(first, second)
	s.start()
	if n := s.released(s.h, s.session(s.h, d, p)); n == 0 {
		t.Error("without the old keys nothing is released")
	}
	contains(t, s.cli(0, "audit", "verify"), "the trail holds")
	contains(t, s.cli(0, "audit", "export", "--event", "keys changed"), "credential 1 is current, 2 is accepted and waits", "credential 2 is current, the keys of 1 are kept until")
	s.restoredUnderTheNew(out, file, receipts)
}

// restoredUnderTheNew restores a backup from before the renewal: everything in it is proven, and its entries, which are
// of a credential whose keys are gone, are published under the new one.
func (s *site) restoredUnderTheNew(out, file, receipts string) {
	s.t.Helper()
	if err := s.h.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.config.Database += "_restored"
	r, err := server.Restore(s.t.Context(), s.config, backup.In{File: out, Identity: file}, receipts)
	if err != nil || r.Records == 0 || r.Enrolled != 1 {
		s.t.Fatalf("%+v %v", r, err)
	}
	before := len(s.w.Written())
	h := s.beside(nil)
	s.await("the entries are published again", func() bool { return len(s.w.Written()) > before })
	for _, w := range s.w.Written()[before:] {
		if w.Entry.Hospital.Hash() != h.Credential().Hash() {
			s.t.Error("an entry under another credential than the current one")
		}
	}
}

func (s *site) destroyedInTime(instances ...*server.Instance) {
	s.t.Helper()
	s.cli(2, "keys", "destroy", "identity", "--version", "1", "--yes")
	s.cli(2, "keys", "destroy", "identity", "--version", "2", "--yes")
	for _, h := range instances {
		if err := h.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	s.w.Clock.Move(26 * time.Hour)
	defer s.w.Clock.Move(-26 * time.Hour)
	later := func(c *server.Config) { c.Now = s.w.Clock.Now }
	h := s.beside(later)
	s.await("nothing needs the old keys", func() bool {
		all, text := s.credentials()
		return text != "2 current, 1 retiring" || all[1].Remains.None()
	})
	h.Close()
	h = s.beside(later) // looks at its start, and then every minute
	s.await("the service destroys the old keys", func() bool { _, text := s.credentials(); return text == "2 current, 1 destroyed" })
	s.await("the trail says so", func() bool {
		return strings.Contains(s.cli(0, "audit", "export", "--event", "keys changed"), "credential 2 is current, the keys of 1 are destroyed")
	})
	h.Close()
	// The prekeys that were made then are of no use now.
	client := peers.Must(mongo.Connect(s.t.Context(), options.Client().ApplyURI(s.config.MongoURI)))
	defer client.Disconnect(context.WithoutCancel(s.t.Context()))
	if err := client.Database(s.config.Database).Collection("prekeys").Drop(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) erase(mrn, receipts string) {
	s.t.Helper()
	if _, err := server.EraseRecord(s.t.Context(), s.config, mrn, hospital.Order{Ground: "asked", Operator: "kim"}, receipts); err != nil {
		s.t.Fatal(err)
	}
}

// session begins a visit at one instance.
func (s *site) session(at *server.Instance, d peers.Party, p *peers.Patient) *peers.Session {
	s.t.Helper()
	c := p.Consent(peers.Terms{Doctor: d, WriteTo: "st-anna",
		Grants: []message.Grant{{Hospital: "st-anna", Departments: message.SortCodes(peers.Departments), Classes: peers.AllClasses()}}})
	s.await("there is a prekey", func() bool { _, ok := s.w.FindPrekey(at.Credential()); return ok })
	x := s.w.Visit(d, at.Credential(), s.w.OpenPrekey(s.t, at.Credential()), p.Cred, c, s.w.Ticket(d, c.Consent, message.ModeRead))
	s.h = at
	if err := x.ReceiveM7(s.send("/v1/sessions", x.M6)); err != nil {
		s.t.Fatal(err)
	}
	return x
}

// released goes on with it at another instance, and returns how many pages came.
func (s *site) released(at *server.Instance, x *peers.Session) int {
	s.t.Helper()
	a := s.do("POST", at.URL()+"/v1/releases", "", "application/json", wire(x.M8(message.Filter{}).Encode()))
	if a.status != 200 {
		s.t.Fatalf("release: %d %s\n%s", a.status, a.body, s.log)
	}
	var pages []message.Message
	for line := range bytes.Lines(a.body) {
		pages = append(pages, unwire(s.t, line))
	}
	contents, _, _ := x.Pages(s.t, pages)
	return len(contents)
}

// A renewal may be cut off anywhere and goes on where it was: killed while it waits for the public cloud, with a reply that is
// lost after the credential was issued, while an instance has not loaded the new key file. The number that a lost
// reply has cost is no alarm.
func TestRenewalResumes(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	g := s.gated()
	s.config.KeyPoll = 50 * time.Millisecond
	s.start()
	s.importBundle(bundle("m1", "n", "t", 0), "")
	s.enrol("m1")
	contains(t, s.cli(0, "keys", "renew", "--dry-run"), "would draw new keys")
	s.cli(2, "keys", "renew") // nobody has confirmed

	block := make(chan struct{})
	g.set(false, block)
	cmd := s.command(t.Context(), "keys", "renew", "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-block
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	contains(t, s.cli(0, "keys", "renew", "--dry-run"), "would ask the public cloud again")
	drawn := peers.Must(os.ReadFile(s.config.Keys))

	g.set(true, nil)
	s.cli(1, "keys", "renew", "--yes")
	if _, text := s.credentials(); text != "1 current" || bytes.Equal(drawn, peers.Must(os.ReadFile(s.config.Keys))) {
		t.Errorf("%s, or the attempt is not written down", text)
	}
	g.set(false, nil)

	slow := s.beside(func(c *server.Config) { c.KeyPoll = time.Hour })
	if _, err := s.renew(3 * time.Second); !errors.Is(err, keyroll.ErrBehind) {
		t.Fatalf("with an instance that is behind: %v", err)
	}
	if all, text := s.credentials(); text != "3 next, 1 current" {
		t.Fatalf("%s: %v", text, all)
	}
	contains(t, s.cli(0, "keys", "renew", "--dry-run"), "as soon as all of 2 instances have loaded it; 1 have not")
	s.cli(1, "keys", "renew", "--yes", "--wait", "1s")
	slow.Close()
	said, err := s.renew(time.Minute)
	if err != nil || said.alarm() {
		t.Fatalf("%v\n%s", err, s.log)
	}
	contains(t, s.cli(0, "keys", "renew", "--yes"), "all index entries stand under the new credential") // nothing is begun anew
	if _, text := s.credentials(); text != "3 current, 1 retiring" {
		t.Error(text)
	}
	contains(t, s.cli(0, "keys", "status"), "retiring", "0 enrolments to be republished")
	contains(t, s.cli(0, "keys", "status", "--json"), `"credentials"`)
}

// A number that nobody here has asked for means that somebody else has both secrets: it is said aloud. And a renewal
// that is not current yet can be given up; the next one has keys of its own.
func TestRenewalByAnother(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.w.SkipNumber("st-anna")
	old := peers.Must(os.ReadFile(s.config.Keys))
	if err := s.h.Close(); err != nil {
		t.Fatal(err)
	}
	slow := s.beside(func(c *server.Config) { c.KeyPoll = time.Hour })
	said, err := s.renew(time.Second)
	if !errors.Is(err, keyroll.ErrBehind) || !said.alarm() {
		t.Errorf("no alarm, or %v", err)
	}
	contains(t, s.cli(0, "keys", "destroy", "identity", "--version", "2", "--yes"), "is destroyed")
	slow.Close()
	if _, text := s.credentials(); text != "1 current" {
		t.Error(text)
	}
	if said, err := s.renew(time.Minute); err != nil || !said.alarm() {
		t.Errorf("given up and begun anew: %v", err)
	}
	if _, text := s.credentials(); text != "4 current, 1 retiring" {
		t.Error(text)
	}
	for _, name := range []string{"signing", "kem", "x", "s"} {
		s.cli(2, "keys", "rotate", name, "--yes")
	}
	if err := os.WriteFile(s.config.Keys, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli(2, "keys", "renew", "--yes") // an older copy of the key file would fork it
}

// A service that is told to renews by itself, when less is left of its credential than that, once: two instances
// that try at the same time come to one renewal.
func TestRenewsByItself(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.config.KeyPoll = 50 * time.Millisecond
	s.config.RenewBefore = time.Hour // two days are left
	s.start()
	if _, text := s.credentials(); text != "1 current" {
		t.Errorf("too early: %s", text)
	}
	early := func(c *server.Config) { c.RenewBefore = 72 * time.Hour }
	s.beside(early)
	s.beside(early)
	s.await("the credential is renewed", func() bool {
		all, _ := s.credentials()
		return len(all) == 2 && all[0].State == "current" && all[1].State == "retiring"
	})
	s.await("the first one follows", func() bool { return s.h.Credential().Info.Epoch > 1 })
}

// What was asked for by a renewal that was given up is counted too: nobody is told that somebody else has the keys
// because an operator has begun anew.
func TestRenewalGivenUpIsNoAlarm(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	if err := s.h.Close(); err != nil {
		t.Fatal(err)
	}
	slow := s.beside(func(c *server.Config) { c.KeyPoll = time.Hour })
	if said, err := s.renew(time.Second); !errors.Is(err, keyroll.ErrBehind) || said.alarm() {
		t.Fatalf("an alarm, or %v", err)
	}
	s.cli(0, "keys", "destroy", "identity", "--version", "2", "--yes")
	slow.Close()
	if said, err := s.renew(time.Minute); err != nil || said.alarm() {
		t.Errorf("an alarm, or %v", err)
	}
	if _, text := s.credentials(); text != "3 current, 1 retiring" {
		t.Error(text)
	}
}

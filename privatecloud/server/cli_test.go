package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
)

// program is the service's real one, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "privatecloud")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "privatecloud")
	out, err := exec.Command("go", "build", "-o", path, "medunion/privatecloud").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// command is a run of the program with the site's configuration in its environment.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := program()
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.config
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "PRIVATECLOUD_DEV=true", "PRIVATECLOUD_ID="+c.ID, "PRIVATECLOUD_KEYS="+c.Keys, "PRIVATECLOUD_CLOUD="+c.Cloud, "PRIVATECLOUD_PINS="+s.pins(),
		"PRIVATECLOUD_AUTHORITY="+c.Authority, "PRIVATECLOUD_AUTHORITY_JWKS="+c.AuthorityFile, "PRIVATECLOUD_OPERATORS="+c.Operators,
		"PRIVATECLOUD_OPERATORS_JWKS="+c.OperatorsFile, "PRIVATECLOUD_MONGO_URI="+c.MongoURI, "PRIVATECLOUD_DATABASE="+c.Database,
		"PRIVATECLOUD_REDIS_ADDRS="+strings.Join(c.RedisAddrs, ","))
	return cmd
}

func (s *site) pins() string {
	path := s.config.Keys + ".pins"
	if _, err := os.Stat(path); err != nil {
		s.file(filepath.Dir(path), filepath.Base(path), peers.Must(json.Marshal(s.w.Pins)))
	}
	return path
}

// cli runs the program, demands its exit code, and returns what it printed.
func (s *site) cli(code int, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%v ends with %d, want %d\n%s%s", args, got, code, &out, &errs)
	}
	return out.String()
}

// mrn is a file with a medical record number: no number stands in the arguments, which every user of the
// machine can read.
func (s *site) mrn(number string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "mrn")
	if err := os.WriteFile(path, []byte(number+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in\n%s", p, text)
		}
	}
}

// The audit commands of the real program, beside a hospital that serves: what is exported
// verifies, what is altered does not, and what makes no sense is refused with code 2.
func TestAuditCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 0), "")
	s.fetch(s.w.Doctor("dr-okafor", "OUTPATIENT"), s.enrol("m1"), peers.Departments)
	dir := t.TempDir()
	out, cursor := filepath.Join(dir, "events"), filepath.Join(dir, "cursor")
	s.cli(0, "audit", "export", "--out", out, "--cursor", cursor)
	text := string(peers.Must(os.ReadFile(out)))
	contains(t, text, "imported", "enrolled", "session opened", "released", "L-dr-okafor", "audit exported")
	contains(t, s.cli(0, "audit", "verify", "--against", out), "the trail holds")
	s.file(dir, "altered", []byte(strings.Replace(text, "L-dr-okafor", "L-dr-else", 1)))
	s.cli(1, "audit", "verify", "--against", filepath.Join(dir, "altered"))
	contains(t, s.cli(0, "audit", "lag", "--cursor", cursor), "0 entries behind")
	s.importBundle(bundle("m2", "n", "t", 0), "")
	contains(t, s.cli(0, "audit", "lag", "--cursor", cursor), "1 entries behind")
	s.cli(1, "audit", "lag", "--cursor", cursor, "--max", "1ns")
	contains(t, s.cli(0, "audit", "export", "--mrn-file", s.mrn("m1"), "--event", "desk code"), `"desk code"`)
	if all := s.cli(0, "audit", "export", "--doctor", "nobody"); all != "" {
		t.Errorf("nobody's events: %s", all)
	}
	for _, bad := range [][]string{{"--follow"}, {"--event", "nothing"}, {"--outcome", "maybe"}, {"--syslog", "udp://10.0.0.1:514"}, {"--from", "yesterday"},
		{"--mrn-file", s.mrn("a"), "--patient", "b"}, {"--syslog", "tls://x", "--out", out}} {
		s.cli(2, append([]string{"audit", "export"}, bad...)...)
	}
	s.cli(1, "audit", "export", "--out", out) // exists
	s.cli(1, "audit", "export", "--mrn-file", s.mrn("nobody"))
}

// With the name of a database that nobody has served from no command says that all is well, and none finds that nothing needs a
// key: it fails, and the key file stays as it is.
func TestCommandsOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 1), "")
	_, recipient := s.keyPair()
	s.config.Database = "none_" + rand.Text()[:8]
	keys := peers.Must(os.ReadFile(s.config.Keys))
	for _, args := range [][]string{{"keys", "status"}, {"keys", "rotate", "storage", "--yes"}, {"keys", "destroy", "storage", "--version", "1", "--yes"}, {"keys", "renew", "--yes"},
		{"keys", "reregister", "--yes"}, {"audit", "verify"}, {"audit", "export"}, {"backup", "create", "--out", filepath.Join(t.TempDir(), "backup"), "--recipient", recipient}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := s.command(ctx, args...).CombinedOutput()
		cancel()
		if err == nil || !strings.Contains(string(out), "the database is empty") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	if !bytes.Equal(keys, peers.Must(os.ReadFile(s.config.Keys))) {
		t.Error("the key file has changed")
	}
}

// The erase command: without a word of confirmation nothing happens, with it the record is
// gone and the receipt verifies offline; altered it does not.
func TestEraseCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 5), "")
	s.enrol("m1")
	dir := t.TempDir()
	contains(t, s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--dry-run"), "7 versions", "enrolled: true")
	s.cli(2, "erase", "--mrn-file", s.mrn("m1"), "--receipts", dir)
	s.cli(2, "erase", "--mrn", "m1", "--dry-run") // no number among the arguments
	piped := s.command(t.Context(), "erase", "--mrn-file", "-", "--dry-run")
	piped.Stdin = strings.NewReader("m1\nm2\n")
	contains(t, string(peers.Must(piped.Output())), "7 versions")
	s.cli(1, "erase", "--mrn-file", s.mrn(""), "--dry-run")
	s.cli(2, "erase", "--mrn-file", s.mrn("m1"), "--yes")
	s.cli(2, "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", dir, "--ground", "two\nlines")
	s.cli(2, "erase", "--mrn-file", s.mrn("m1"), "--replay", dir)
	s.cli(1, "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", filepath.Join(dir, "nowhere"))
	s.cli(1, "erase", "--mrn-file", s.mrn("nobody"), "--yes", "--receipts", dir)
	contains(t, s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--dry-run"), "7 versions")
	said := s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", dir, "--ground", "court order")
	contains(t, said, "erased by st-anna", "7 versions", "court order")
	files := peers.Must(filepath.Glob(filepath.Join(dir, "*.json")))
	if len(files) != 1 {
		t.Fatalf("receipts: %v", files)
	}
	s.h.Close() // offline: neither the hospital nor its public cloud is needed
	s.cloud.Close()
	if again := s.cli(0, "erase", "--check", files[0]); again != said {
		t.Errorf("the receipt says\n%s%s", again, said)
	}
	receipt := string(peers.Must(os.ReadFile(files[0])))
	for from, to := range map[string]string{`"versions": 7`: `"versions": 8`, "court order": "no order", `"statement": "`: `"statement": "AAAA`} {
		s.file(dir, "altered", []byte(strings.Replace(receipt, from, to, 1)))
		s.cli(1, "erase", "--check", filepath.Join(dir, "altered"))
	}
}

// A program that is killed in the midst of an erasure, wherever, leaves one that is completed
// when the order is given again.
func TestKillDuringErasure(t *testing.T) {
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 200), "")
	s.enrol("m1")
	s.h.Close() // who serves would complete it
	dir := t.TempDir()
	kills := 0
	for wait := 10 * time.Millisecond; kills < 40; wait += 5 * time.Millisecond {
		cmd := s.command(t.Context(), "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		kills++
	}
	s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", dir)
	files := peers.Must(filepath.Glob(filepath.Join(dir, "erasure-*.json")))
	if len(files) != 1 || kills < 3 {
		t.Errorf("%d kills, receipts %v", kills, files)
	}
	contains(t, s.cli(0, "erase", "--check", files[0]), "202 versions")
	d := s.dump()
	if n := len(d["patients"]) + len(d["versions"]) + len(d["enrolments"]); n != 0 {
		t.Errorf("%d documents are left", n)
	}
	t.Logf("%d kills", kills)
}

// dump is everything in the database, as a backup has it.
func (s *site) dump() map[string][]any {
	s.t.Helper()
	db, end := s.database()
	defer end()
	out := map[string][]any{}
	for _, name := range peers.Must(db.ListCollectionNames(s.t.Context(), bson.D{})) {
		var docs []bson.Raw
		if err := peers.Must(db.Collection(name).Find(s.t.Context(), bson.D{})).All(s.t.Context(), &docs); err != nil {
			s.t.Fatal(err)
		}
		for _, d := range docs {
			out[name] = append(out[name], d)
		}
	}
	return out
}

func (s *site) database() (*mongo.Database, func()) {
	client, err := mongo.Connect(s.t.Context(), options.Client().ApplyURI(s.config.MongoURI))
	if err != nil {
		s.t.Fatal(err)
	}
	return client.Database(s.config.Database), func() { _ = client.Disconnect(context.Background()) }
}

// restore puts a backup in the place of what is there.
func (s *site) restore(backup map[string][]any) {
	s.t.Helper()
	db, end := s.database()
	defer end()
	for name := range s.dump() {
		if _, err := db.Collection(name).DeleteMany(s.t.Context(), bson.D{}); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, docs := range backup {
		if _, err := db.Collection(name).InsertMany(s.t.Context(), docs); err != nil {
			s.t.Fatal(err)
		}
	}
}

// breakReceipts changes the signature of every receipt in the database.
func (s *site) breakReceipts() {
	s.t.Helper()
	db, end := s.database()
	defer end()
	for _, d := range s.dump()["erasures"] {
		raw := d.(bson.Raw)
		_, receipt := raw.Lookup("receipt").Binary()
		receipt = bytes.Clone(receipt)
		receipt[len(receipt)-1] ^= 1
		set := bson.D{{Key: "$set", Value: bson.D{{Key: "receipt", Value: receipt}}}}
		if _, err := db.Collection("erasures").UpdateOne(s.t.Context(), bson.D{{Key: "_id", Value: raw.Lookup("_id")}}, set); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A backup brings an erased record back; the receipts, which lie elsewhere, erase it again,
// and nothing else.
func TestReplayErasures(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	for _, mrn := range []string{"m1", "m2", "m3", "m4"} {
		s.importBundle(bundle(mrn, "n", "t", 0), "")
	}
	s.enrol("m1")
	backup := s.dump()
	dir := t.TempDir()
	s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--yes", "--receipts", dir)
	s.cli(0, "erase", "--mrn-file", s.mrn("m2"), "--yes", "--receipts", dir)
	first := map[string]string{}
	for _, f := range peers.Must(filepath.Glob(filepath.Join(dir, "*.json"))) {
		first[f] = string(peers.Must(os.ReadFile(f)))
	}
	contains(t, s.cli(0, "erase", "--replay", dir), "0 records are here")
	s.h.Close()
	s.restore(backup)
	contains(t, s.cli(0, "erase", "--mrn-file", s.mrn("m1"), "--dry-run"), "versions")
	s.cli(2, "erase", "--replay", dir) // not confirmed
	contains(t, s.cli(0, "erase", "--replay", dir, "--dry-run"), "2 records are here")
	contains(t, s.cli(0, "erase", "--replay", dir, "--yes"), "2 records erased again")
	s.cli(1, "erase", "--mrn-file", s.mrn("m1"), "--dry-run")
	s.cli(0, "erase", "--mrn-file", s.mrn("m3"), "--dry-run")
	contains(t, s.cli(0, "erase", "--replay", dir, "--yes"), "0 records are here")
	s.cli(0, "erase", "--mrn-file", s.mrn("m3"), "--yes", "--receipts", dir) // writes what the store has of the others, too
	for f, was := range first {
		if string(peers.Must(os.ReadFile(f))) != was || len(first) != 2 {
			t.Errorf("%s is another receipt", f)
		}
	}
	s.file(dir, "erasure-x.json", []byte("{}"))
	s.cli(1, "erase", "--replay", dir, "--yes") // a receipt that does not hold
	s.breakReceipts()
	s.cli(1, "erase", "--mrn-file", s.mrn("m4"), "--yes", "--receipts", dir) // what the store has of the others does not hold
	if n := len(peers.Must(filepath.Glob(filepath.Join(dir, "erasure-*.json")))); n != 5 {
		t.Errorf("%d receipts", n)
	}
}

// Retention: records whose time is over are listed, those on hold are kept, and without --yes
// nothing happens.
func TestRetentionCommands(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	for mrn, year := range map[string]string{"old": "1999", "held": "1998", "new": time.Now().Format("2006")} {
		b := bundle(mrn, "n", "t", 0)
		b = bytes.Replace(b, []byte(`"note":`), []byte(`"recordedDate":"`+year+`-01-02","onsetDateTime":"`+year+`-01-02","note":`), 1)
		s.importBundle(b, "")
	}
	dir := t.TempDir()
	hold := s.file(dir, "hold", []byte("# for the court\nheld\n\n"))
	contains(t, s.cli(0, "retention", "list", "--retention", "10"), "2 records are older than 10 years, 0 of them on hold", "1999-01-02", "1998-01-02")
	contains(t, s.cli(0, "retention", "apply", "--retention", "10", "--hold", hold, "--receipts", dir), "2 records are older than 10 years, 1 of them on hold")
	s.cli(0, "erase", "--mrn-file", s.mrn("old"), "--dry-run")
	contains(t, s.cli(0, "retention", "apply", "--retention", "10", "--hold", hold, "--receipts", dir, "--yes"), "1 records erased", "retention of 10 years is over")
	s.cli(1, "erase", "--mrn-file", s.mrn("old"), "--dry-run")
	s.cli(0, "erase", "--mrn-file", s.mrn("held"), "--dry-run")
	s.cli(0, "erase", "--mrn-file", s.mrn("new"), "--dry-run")
	for _, years := range []string{"0", "-1", "201", "292000000000", "9223372036854775807"} {
		s.cli(2, "retention", "list", "--retention="+years)
		s.cli(2, "retention", "apply", "--retention="+years, "--receipts", dir, "--yes")
	}
	s.file(dir, "mistyped name", []byte(strings.Repeat("a", 64)+"\n"))
	s.cli(1, "retention", "apply", "--retention", "10", "--hold", filepath.Join(dir, "mistyped name"), "--receipts", dir, "--yes")
	s.cli(0, "erase", "--mrn-file", s.mrn("held"), "--dry-run")
	named := s.file(dir, "named", []byte(strings.Fields(s.cli(0, "retention", "list", "--retention", "10"))[0]+"\n"))
	contains(t, s.cli(0, "retention", "list", "--retention", "10", "--hold", named), "1 of them on hold")
	s.file(dir, "mistyped", []byte("heldd\n"))
	s.cli(1, "retention", "apply", "--retention", "10", "--hold", filepath.Join(dir, "mistyped"), "--receipts", dir, "--yes")
	if n := len(peers.Must(filepath.Glob(filepath.Join(dir, "erasure-*.json")))); n != 1 {
		t.Errorf("%d receipts", n)
	}
}

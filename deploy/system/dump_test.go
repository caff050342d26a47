package system_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/ecc"
)

// document is one document of a database as its thief holds it.
type document struct {
	collection string
	raw        []byte
}

// dumpDatabase reads every document of a database through the driver.
func dumpDatabase(ctx context.Context, uri, name string) ([]document, error) {
	client, err := mongo.Connect(ctx, options.Client().ApplyURI(uri))
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(ctx)
	db := client.Database(name)
	collections, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var out []document
	for _, c := range collections {
		cursor, err := db.Collection(c).Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return nil, err
		}
		for cursor.Next(ctx) {
			out = append(out, document{c, bytes.Clone(cursor.Current)})
		}
		if err := cursor.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Attack 15: the public cloud's database after visits of several patients. Nothing in
// it leads from a patient to a locator or to a hospital, nothing is plaintext, and who
// has a list of everybody's identifiers finds no locator with it.
func TestAttack15_DumpAfterVisits(t *testing.T) {
	heavy(t)
	w := visited(t)
	docs, err := dumpDatabase(t.Context(), w.s.Mongo, "publiccloud")
	ok(t, err)
	if len(docs) < 40 {
		t.Fatalf("the dump has %d documents only", len(docs))
	}
	for _, p := range w.patients {
		namesNobody(t, docs, p)
		linksNothing(t, docs, p, w)
		tells(t, docs, p)
	}
	locators := 0
	for _, p := range w.patients {
		for _, l := range p.locators(t) {
			locators += len(holding(docs, l[:]))
		}
	}
	if locators < 2*len(w.patients) {
		t.Errorf("the locators occur %d times: the test does not see them", locators)
	}
}

func holding(docs []document, x []byte) (out []document) {
	for _, d := range docs {
		if bytes.Contains(d.raw, x) {
			out = append(out, d)
		}
	}
	return out
}

// namesNobody: no document holds ID_P or what can be computed of it without a key, and
// no word of record, measurement or diagnosis, in any readable form.
func namesNobody(t *testing.T, docs []document, p *story) {
	t.Helper()
	id := []byte(p.known.Patient)
	sum := sha256.Sum256(id)
	raw, err := hex.DecodeString(p.known.Patient)
	ok(t, err)
	needles := []needle{needleOf("ID_P", id), needleOf("raw ID_P", raw), needleOf("SHA-256 of ID_P", sum[:])}
	for _, w := range p.words.all() {
		needles = append(needles, needleOf("a word of hers", []byte(w)))
	}
	for _, d := range docs {
		for _, n := range in(d.raw, needles) {
			t.Errorf("%s holds %s", d.collection, n)
		}
	}
}

// linksNothing: c_P and PUK_P stand in the registration's documents only, beside no
// locator, no hospital and no consent; a locator stands beside no other of hers.
func linksNothing(t *testing.T, docs []document, p *story, w *visitedSuite) {
	t.Helper()
	c, err := hex.DecodeString(p.known.Hashes[0])
	ok(t, err)
	registered := holding(docs, c)
	if len(registered) < 2 {
		t.Error("c_P is not in the dump: the test does not see it")
	}
	for _, d := range registered {
		if d.collection != "credentials" && d.collection != "log" {
			t.Errorf("%s holds c_P", d.collection)
		}
		others := append(holding([]document{d}, []byte("hospital-")), w.withAnyLocator(t, []document{d})...)
		for _, h := range w.hospitals {
			others = append(others, holding([]document{d}, h[:])...)
		}
		// The log's lines name their predecessor by its hash, which holds no credential.
		if len(others) > 0 {
			t.Errorf("%s links c_P to a locator or a hospital", d.collection)
		}
	}
	for _, d := range docs {
		n := 0
		for _, l := range p.locators(t) {
			n += len(holding([]document{d}, l[:]))
		}
		if n > 1 {
			t.Errorf("%s links two locators of one patient", d.collection)
		}
	}
}

// tells: of all that can be computed from an identifier and a department, nothing is in
// the dump; planted there, it would be found.
func tells(t *testing.T, docs []document, p *story) {
	t.Helper()
	all := bytes.Join(raws(docs), []byte{0})
	guesses := 0
	for _, id := range []string{p.known.Patient, p.words.mrn, p.words.family, p.known.Hashes[0]} {
		for _, department := range message.DefaultDepartments {
			for _, g := range dictionary(id, department) {
				guesses++
				if bytes.Contains(all, g) {
					t.Fatal("an entry is found from an identifier")
				}
			}
		}
	}
	planted := sha256.Sum256([]byte(p.known.Patient + "|SURGERY"))
	found := false
	for _, g := range dictionary(p.known.Patient, "SURGERY") {
		found = found || bytes.Contains(append(all, planted[:]...), g)
	}
	if !found || guesses < 1000 {
		t.Errorf("after %d guesses a planted locator is found: %v", guesses, found)
	}
}

func raws(docs []document) (out [][]byte) {
	for _, d := range docs {
		out = append(out, d.raw)
	}
	return out
}

// dictionary is what an attacker would try for a locator: SHA-256 and HMAC of the two,
// joined in every obvious way, as bytes and in hexadecimal, once and twice, and the
// protocol's own derivations with the identifier in the place of the secret.
func dictionary(id, department string) (out [][]byte) {
	add := func(sum [32]byte) {
		twice := sha256.Sum256(sum[:])
		out = append(out, sum[:], []byte(hex.EncodeToString(sum[:])), twice[:])
		if sk, err := ecc.SigningKeyFromSeed(sum[:]); err == nil {
			l := message.Locator(sk.Public())
			out = append(out, l[:])
		}
	}
	for _, i := range []string{id, strings.ToUpper(id), strings.ToLower(id)} {
		for _, joint := range []string{"", "|", "||", ":", ",", ";", "-", "_", "/", " ", "\x00", "\n"} {
			add(sha256.Sum256([]byte(i + joint + department)))
			add(sha256.Sum256([]byte(department + joint + i)))
		}
		m := hmac.New(sha256.New, []byte(i))
		fmt.Fprint(m, department)
		add([32]byte(m.Sum(nil)))
		for _, label := range []ecc.Label{ecc.LabelLocator, ecc.LabelLocatorKey, ecc.LabelHandle, ecc.LabelIndexKey} {
			add(ecc.H(label, []byte(i), []byte(department)))
			add(ecc.HMAC([]byte(i), label, []byte(department)))
		}
		key := sha256.Sum256([]byte(i))
		add(ecc.HMAC(key[:], ecc.LabelLocatorKey, []byte(department)))
	}
	return out
}

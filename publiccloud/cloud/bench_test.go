package cloud_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/floor"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// locatorsPerConsent is a typical consent: one locator for each department of the default list.
const locatorsPerConsent = 6

// nowhere answers as a store that has nothing: what remains is the role's own work.
type nowhere struct {
	cloud.Index
	cloud.Consents
	cloud.Revocations
}

func (nowhere) Latest(context.Context, []message.Hash, int, int) ([]cloud.StoredEntry, error) {
	return nil, nil
}
func (nowhere) Count(context.Context, cloud.SearchUse) error             { return nil }
func (nowhere) AnyRevoked(context.Context, []message.Hash) (bool, error) { return false, nil }

// searchBench is a role without a store, and searches for it, sealed in advance.
func searchBench(b *testing.B, s ecc.Suite) (w *world, d *peers.Party, g peers.Granted, role *cloud.Cloud) {
	w = newWorld(b)
	d = w.doctor(s, "SURGERY")
	g = peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(locatorsPerConsent), w.now(), nil)
	cfg := w.config
	cfg.Index, cfg.Consents, cfg.Revocations = nowhere{}, nowhere{}, nowhere{}
	role = peers.Must(cloud.New(cfg))
	w.ok(role.Rotate(b.Context()))
	return w, d, g, role
}

func prepare(w *world, n int, d *peers.Party, g peers.Granted) [][]byte {
	c, out := w.knows(d.Suite), make([][]byte, n)
	for i := range out {
		out[i] = c.Search(d, g, w.now(), nil).Raw
	}
	return out
}

// BenchmarkSearch is the CPU of M4 to M5 in the role, without the stores, of a
// doctor whom the instance has seen lately, beside its floor without the doctor's two
// certificates.
func BenchmarkSearch(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w, d, g, role := searchBench(b, s)
		runSearches(b, w, d, g, 2, func() *cloud.Cloud { return role })
	})
}

// BenchmarkSearchFirst is the same with nothing remembered of the doctor.
func BenchmarkSearchFirst(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w, d, g, _ := searchBench(b, s)
		cfg := w.config
		cfg.Index, cfg.Consents, cfg.Revocations = nowhere{}, nowhere{}, nowhere{}
		runSearches(b, w, d, g, 0, func() *cloud.Cloud {
			role := peers.Must(cloud.New(cfg))
			w.ok(role.Rotate(b.Context()))
			return role
		})
	})
}

func runSearches(b *testing.B, w *world, d *peers.Party, g peers.Granted, known int, role func() *cloud.Cloud) {
	f := newBare(w, d, g)
	floor.Beside(b, func() { f.run(b, known) }, func() func() {
		raw, c := prepare(w, 1, d, g)[0], role()
		return func() {
			_, err := c.Search(b.Context(), raw)
			w.ok(err)
		}
	})
}

// bare is the cryptography that a search of an unknown doctor cannot do without: open
// M4, verify Cred_D, Cert_D, Sig_D2 and each σ_L, decode the keys and the point, sign
// the ticket, seal M5. It holds inputs of the sizes that they have in a search.
type bare struct {
	key        ecc.KEMPrivateKey
	info, aad  []byte
	sealed     []byte
	reply      []byte
	pke        []byte
	suite      ecc.Suite
	cloudKey   ecc.SigningKey
	ticket     []byte
	signatures []signature
	keys       [][]byte // that arrive as bytes
	point      []byte
	kem        []byte
}

type signature struct {
	key      ecc.VerifyKey
	tbs, sig []byte
}

func newBare(w *world, d *peers.Party, g peers.Granted) *bare {
	k := peers.Must(ecc.GenerateKEM(d.Suite, rand.Reader))
	f := &bare{key: k, info: make([]byte, 80), aad: make([]byte, 120), suite: d.Suite, cloudKey: w.config.Roots.Held[0].SigningKey,
		ticket: make([]byte, 360), reply: make([]byte, 460), pke: peers.Must(ecc.GenerateKEM(d.Suite, rand.Reader)).Public().Bytes(),
		point: d.Credential.R.Bytes(), kem: d.KEM.Public().Bytes()}
	m := peers.Must(message.Decode(w.knows(d.Suite).Search(d, g, w.now(), nil).Raw))
	sender := peers.Must(k.Public().Setup(rand.Reader, f.info))
	f.sealed = peers.Must(sender.Seal(f.aad, m.Ciphertext))
	add := func(k ecc.SigningKey, tbs []byte) {
		f.signatures = append(f.signatures, signature{k.Public(), tbs, k.Sign(tbs)})
	}
	add(w.config.Roots.Held[0].SigningKey, message.TBSCredential(d.Credential.Info, d.Credential.R)) // Cred_D
	add(d.Sign, d.Certificate)                                                                       // Cert_D: a JWT of this size
	add(d.Sign, make([]byte, 400))                                                                   // Sig_D2
	for _, a := range g.Auth {
		f.signatures = append(f.signatures, signature{a.VK, message.TBSSigmaL(g.Consent), a.SigmaL})
		f.keys = append(f.keys, a.VK.Bytes())
	}
	f.keys = append(f.keys, d.Sign.Public().Bytes())
	return f
}

// run does them all but the first signatures that are skipped.
func (f *bare) run(b *testing.B, skip int) {
	opened, err := f.key.Open(f.info, f.aad, f.sealed)
	if err != nil || len(opened.Plaintext) == 0 {
		b.Fatal(err)
	}
	for _, k := range f.keys {
		if _, err := ecc.DecodeVerifyKey(k); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := ecc.DecodePoint(f.point); err != nil {
		b.Fatal(err)
	}
	if _, err := ecc.DecodeKEMPublicKey(f.suite, f.kem); err != nil {
		b.Fatal(err)
	}
	for _, s := range f.signatures[skip:] {
		if err := s.key.Verify(s.tbs, s.sig); err != nil {
			b.Fatal(err)
		}
	}
	f.cloudKey.Sign(f.ticket)
	to := peers.Must(ecc.DecodeKEMPublicKey(f.suite, f.pke))
	if _, err := peers.Must(to.Setup(rand.Reader, f.info)).Seal(f.aad, f.reply); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkIndexSize is a whole search on the store, at 1000, 10 000 and 100 000
// index entries; each search finds two entries under each of its locators.
func BenchmarkIndexSize(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			s := ecc.SuiteX25519
			d, h1, h2, sks := w.doctor(s, "SURGERY"), w.hospital(s), w.hospital(s), peers.Locators(locatorsPerConsent)
			fill(b, w, n, h1.Credential)
			for _, sk := range sks {
				w.put(h1, sk)
				w.put(h2, sk)
			}
			c := w.knows(s)
			var took []time.Duration
			for b.Loop() {
				g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
				sent := c.Search(d, g, w.now(), nil)
				begun := time.Now()
				reply, err := w.Search(b.Context(), sent.Raw)
				took = append(took, time.Since(begun))
				w.ok(err)
				m, _, err := c.OpenM5(d, g, sent, reply)
				w.ok(err)
				if len(m.Entries) != 2*locatorsPerConsent {
					b.Fatalf("%d entries", len(m.Entries))
				}
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op") // would count the preparation
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1e3, "median-ms")
			b.ReportMetric(float64(took[0].Microseconds())/1e3, "best-ms")
		})
	}
}

// fill puts n entries of other patients straight into the index, in bulk: n index
// writes one by one would take minutes.
func fill(b *testing.B, w *world, n int, h message.Credential) {
	client := peers.Must(mongo.Connect(b.Context(), options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(context.Background())
	latest, cH, cred := client.Database(w.database).Collection("latest"), h.Hash(), h.Encode()
	docs := make([]any, 0, 1000)
	for i := range n {
		var l message.Hash
		v := make([]byte, message.IndexValueSize)
		rand.Read(l[:])
		rand.Read(v)
		docs = append(docs, bson.D{{Key: "_id", Value: append(l[:], cH[:]...)}, {Key: "l", Value: l[:]}, {Key: "t", Value: int64(i)},
			{Key: "v", Value: v}, {Key: "sig", Value: v[:64]}, {Key: "cred", Value: cred}})
		if len(docs) == cap(docs) || i == n-1 {
			_, err := latest.InsertMany(b.Context(), docs)
			w.ok(err)
			docs = docs[:0]
		}
	}
}

package ecc

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors/golden.json")

const goldenFile = "golden.json"

// stream is a reader that gives the same bytes in every run: SHA-256(seed || counter).
type stream struct {
	seed string
	n    uint64
	left []byte
}

func newStream(seed string) *stream { return &stream{seed: seed} }

func (s *stream) Read(p []byte) (int, error) {
	for len(s.left) < len(p) {
		h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(s.seed), s.n))
		s.left, s.n = append(s.left, h[:]...), s.n+1
	}
	copy(p, s.left[:len(p)])
	s.left = s.left[len(p):]
	return len(p), nil
}

type goldenEntry struct {
	Name  string `json:"name"`
	Pins  string `json:"pins"`
	Value string `json:"value"`
}

// golden collects what the package computes from fixed inputs.
type golden struct {
	t       *testing.T
	entries []goldenEntry
}

func (g *golden) pin(name, pins string, value []byte) {
	if len(value) == 0 {
		g.t.Fatalf("%s: nothing to pin", name)
	}
	g.entries = append(g.entries, goldenEntry{name, pins, hex.EncodeToString(value)})
}

func need[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestGolden: every value that leaves a device or is kept. A difference is a changed protocol.
func TestGolden(t *testing.T) {
	g := &golden{t: t}
	g.encodings()
	g.session(g.partialKeys())
	g.hpke()
	g.keys()
	path := filepath.Join("testdata", "vectors", goldenFile)
	if *update {
		b, err := json.MarshalIndent(g.entries, "", " ")
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	var want []goldenEntry
	loadVectors(t, goldenFile, &want)
	if len(want) != len(g.entries) {
		t.Fatalf("%d entries, the file has %d", len(g.entries), len(want))
	}
	for i, e := range g.entries {
		if e != want[i] {
			t.Errorf("%s changed (it pins %s):\n got %s\nwant %s", e.Name, e.Pins, e.Value, want[i].Value)
		}
	}
}

func (g *golden) encodings() {
	enc := Encode(LabelInfo, []byte("a"), nil, []byte("bcd"))
	g.pin("encode", "the injective encoding, with an empty field", enc)
	h := H(LabelInfo, []byte("a"), nil, []byte("bcd"))
	g.pin("hash", "H is SHA-256 of the encoding", h[:])
	m := HMAC([]byte("key"), LabelLocatorKey, []byte("GENERAL"))
	g.pin("hmac", "HMAC-SHA256 over the encoding, as the locators use it", m[:])
	g.pin("hash to scalar", "DST, expander and reduction of HashToScalar", HashToScalar([]byte("message")).SecretBytes())
	s := need[Scalar](g.t)(GenerateScalar(newStream("scalar")))
	g.pin("generate scalar", "64 bytes of the reader, hashed under the label scalar", s.SecretBytes())
}

func (g *golden) partialKeys() (p, d party, issuer *Issuer) {
	s := need[Scalar](g.t)(GenerateScalar(newStream("master")))
	issuer = need[*Issuer](g.t)(NewIssuer(s, bytes.Repeat([]byte{1}, 32)))
	g.pin("PK", "the registrar's public key", issuer.Public().Bytes())
	parties := map[string]*party{"P": &p, "D": &d}
	for _, role := range []string{"P", "D"} {
		x := need[Scalar](g.t)(GenerateScalar(newStream("x " + role)))
		info := Encode(LabelInfo, []byte(role), []byte("id"))
		proof := need[[]byte](g.t)(ProvePossession(newStream("proof "+role), x, H(LabelRegistration, []byte(role))))
		g.pin("possession "+role, "the proof's nonce, challenge and layout T || z", proof)
		pk := need[PartialKey](g.t)(issuer.Issue(newStream("r "+role), []byte("request "+role), x.Public(), info))
		g.pin("R_X1 "+role, "Eq. 2, 5, 8 and the hedged nonce", pk.R.Bytes())
		g.pin("d_X "+role, "Eq. 3, 6, 9: the order of the fields in e_X", pk.D.SecretBytes())
		S := need[Scalar](g.t)(Accept(x, info, pk, issuer.Public()))
		g.pin("S_X "+role, "Eq. 4, 7, 10: S_X = d_X + x_X", S.SecretBytes())
		A := need[Point](g.t)(ImplicitKey(info, pk.R, issuer.Public()))
		g.pin("A_X "+role, "A_X = R_X1 + e_X PK", A.Bytes())
		*parties[role] = party{S: S, A: A, c: H(LabelCredential, info, pk.R.Bytes())}
	}
	return p, d, issuer
}

func (g *golden) session(p, d party, _ *Issuer) {
	r5 := need[Scalar](g.t)(GenerateScalar(newStream("r5")))
	r6 := need[Scalar](g.t)(GenerateScalar(newStream("r6")))
	a := Agreement{
		TH: H(LabelTranscript, []byte("th1")), CInitiator: p.c, CResponder: d.c,
		RInitiator: r5.Public(), RResponder: r6.Public(), EncResponder: bytes.Repeat([]byte{5}, 32),
	}
	x1, x2 := bytes.Repeat([]byte{6}, 32), bytes.Repeat([]byte{7}, 32)
	for _, l := range []Label{LabelSEK1, LabelSEK2} {
		a.Label = l
		k := need[SessionKey](g.t)(a.Initiator(Secrets{S: p.S, R: r5, X1: x1, X2: x2}, d.A))
		g.pin(string(l), "Eq. 17/22, 39/44: salt, ikm and the order of K1, K2, K3, x1, x2", k.SecretBytes())
		kc := k.Confirm("D", []byte("to be signed"))
		g.pin(string(l)+" kc", "the key confirmation of role D", kc[:])
		for _, dir := range []Direction{PatientToDoctor, DoctorToPatient, DoctorToHospital, HospitalToDoctor} {
			c := k.Channel(dir, H(LabelTranscript, []byte("th2")))
			ct := need[[]byte](g.t)(c.Seal(1, []byte("hdr"), []byte("plaintext")))
			g.pin(string(l)+" "+string(dir), "key, iv and nonce of message 1 in this direction", ct)
			ct = need[[]byte](g.t)(c.Seal(1<<40+2, []byte("hdr"), []byte("plaintext")))
			g.pin(string(l)+" "+string(dir)+" late", "how a sequence number above 32 bits enters the nonce", ct)
		}
	}
}

func (g *golden) hpke() {
	for _, s := range bothSuites {
		k := need[KEMPrivateKey](g.t)(GenerateKEM(s, newStream("kem")))
		g.pin(s.String()+" private key", "how a KEM key is derived from the reader", k.SecretBytes())
		public := Sum(k.Public().Bytes())
		g.pin(s.String()+" public key", "SHA-256 of the public key", public[:])
		id := k.Public().ID()
		g.pin(s.String()+" kid", "the key id with its suite byte", id[:])
		sender := need[*Sender](g.t)(k.Public().Setup(newStream("encapsulate"), []byte("info")))
		g.pin(s.String()+" export", "x_i = Export(emr/x, 32)", sender.Export())
		c := need[[]byte](g.t)(sender.Seal([]byte("hdr"), []byte("plaintext")))
		sum := Sum(c)
		g.pin(s.String()+" ciphertext", "SHA-256 of enc || ct", sum[:])
	}
}

func (g *golden) keys() {
	k := need[SigningKey](g.t)(GenerateSigningKey(newStream("sign")))
	g.pin("Ed25519 key", "that the reader gives the seed", k.Public().Bytes())
	g.pin("Ed25519 signature", "deterministic Ed25519 without context or prehash", k.Sign([]byte("to be signed")))
	key := bytes.Repeat([]byte{8}, 32)
	g.pin("at rest", "nonce || XChaCha20-Poly1305", need[[]byte](g.t)(SealAtRest(newStream("nonce"), key, []byte("aad"), []byte("record"))))
}

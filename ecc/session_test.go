package ecc

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// party is one registered party: what Eq. 2-10 leave it with.
type party struct {
	S Scalar
	A Point
	c Hash
}

func mustScalar(t testing.TB) Scalar {
	t.Helper()
	s, err := GenerateScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustIssuer(t testing.TB) *Issuer {
	t.Helper()
	i, err := NewIssuer(mustScalar(t), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func register(t testing.TB, i *Issuer, role, id string) party {
	t.Helper()
	x := mustScalar(t)
	info := Encode(LabelInfo, []byte{1}, []byte(role), []byte(id))
	pk, err := i.Issue(rand.Reader, []byte("request of "+id), x.Public(), info)
	if err != nil {
		t.Fatal(err)
	}
	S, err := Accept(x, info, pk, i.Public())
	if err != nil {
		t.Fatal(err)
	}
	A, err := ImplicitKey(info, pk.R, i.Public())
	if err != nil {
		t.Fatal(err)
	}
	return party{S: S, A: A, c: H(LabelCredential, info, pk.R.Bytes())}
}

// run is one honest agreement, with everything that an attack may alter.
type run struct {
	i, r party
	a    Agreement
	si   Secrets
	sr   Secrets
}

func newRun(t testing.TB, issuer *Issuer, s Suite) run {
	t.Helper()
	v := run{i: register(t, issuer, "P", "patient"), r: register(t, issuer, "D", "doctor")}
	r5, r6 := mustScalar(t), mustScalar(t)
	x1, x2 := bytes.Repeat([]byte{1}, ExportSize), bytes.Repeat([]byte{2}, ExportSize)
	v.a = Agreement{
		Label: LabelSEK1, TH: H(LabelTranscript, []byte("first")),
		CInitiator: v.i.c, CResponder: v.r.c,
		RInitiator: r5.Public(), RResponder: r6.Public(),
		EncResponder: bytes.Repeat([]byte{3}, s.EncSize()),
	}
	v.si = Secrets{S: v.i.S, R: r5, X1: x1, X2: x2}
	v.sr = Secrets{S: v.r.S, R: r6, X1: x1, X2: x2}
	return v
}

func (v run) keys(t testing.TB) (initiator, responder SessionKey) {
	t.Helper()
	ki, err := v.a.Initiator(v.si, v.r.A)
	if err != nil {
		t.Fatal(err)
	}
	kr, err := v.a.Responder(v.sr, v.i.A)
	if err != nil {
		t.Fatal(err)
	}
	return ki, kr
}

func sameKey(a, b SessionKey) bool { return bytes.Equal(a.SecretBytes(), b.SecretBytes()) }

// Eq. 17 = Eq. 22 and Eq. 39 = Eq. 44, in both suites.
func TestBothSidesAgree(t *testing.T) {
	for _, s := range []Suite{SuiteX25519, SuiteXWing} {
		for _, l := range []Label{LabelSEK1, LabelSEK2} {
			v := newRun(t, mustIssuer(t), s)
			v.a.Label = l
			if ki, kr := v.keys(t); !ki.Valid() || !sameKey(ki, kr) {
				t.Errorf("%v %s: the two sides differ", s, l)
			}
		}
	}
}

// Any public or secret input that one side sees differently gives another key or an error.
func TestAnyChangedInputDisagrees(t *testing.T) {
	issuer := mustIssuer(t)
	other := register(t, issuer, "D", "another doctor")
	v := newRun(t, issuer, SuiteX25519)
	want, _ := v.keys(t)
	changes := map[string]func(a *Agreement, s *Secrets, peer *Point){
		"label":       func(a *Agreement, _ *Secrets, _ *Point) { a.Label = LabelSEK2 },
		"transcript":  func(a *Agreement, _ *Secrets, _ *Point) { a.TH[31] ^= 1 },
		"c initiator": func(a *Agreement, _ *Secrets, _ *Point) { a.CInitiator[0] ^= 1 },
		"c responder": func(a *Agreement, _ *Secrets, _ *Point) { a.CResponder = other.c },
		"c swapped":   func(a *Agreement, _ *Secrets, _ *Point) { a.CInitiator, a.CResponder = a.CResponder, a.CInitiator },
		"peer R":      func(a *Agreement, _ *Secrets, _ *Point) { a.RResponder = mustScalar(t).Public() },
		"enc":         func(a *Agreement, _ *Secrets, _ *Point) { a.EncResponder = bytes.Repeat([]byte{4}, 32) },
		"own S":       func(_ *Agreement, s *Secrets, _ *Point) { s.S = mustScalar(t) },
		"own r and R": func(a *Agreement, s *Secrets, _ *Point) { s.R = mustScalar(t); a.RInitiator = s.R.Public() },
		"x1":          func(_ *Agreement, s *Secrets, _ *Point) { s.X1 = bytes.Repeat([]byte{9}, 32) },
		"x2":          func(_ *Agreement, s *Secrets, _ *Point) { s.X2 = bytes.Repeat([]byte{9}, 32) },
		"x swapped":   func(_ *Agreement, s *Secrets, _ *Point) { s.X1, s.X2 = s.X2, s.X1 },
		"peer A":      func(_ *Agreement, _ *Secrets, p *Point) { *p = other.A },
	}
	for name, change := range changes {
		a, s, peer := v.a, v.si, v.r.A
		change(&a, &s, &peer)
		got, err := a.Initiator(s, peer)
		if err != nil {
			t.Errorf("%s: %v, want another key", name, err)
		} else if sameKey(want, got) {
			t.Errorf("%s does not enter the session key", name)
		}
	}
}

// What is missing, degenerate or not this side's own is refused before a key exists.
func TestAgreementRefuses(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	cases := map[string]struct {
		change func(a *Agreement, s *Secrets, peer *Point)
		want   error
	}{
		"foreign label":    {func(a *Agreement, _ *Secrets, _ *Point) { a.Label = LabelConfirm }, ErrKey},
		"no transcript":    {func(a *Agreement, _ *Secrets, _ *Point) { a.TH = Hash{} }, ErrKey},
		"no c initiator":   {func(a *Agreement, _ *Secrets, _ *Point) { a.CInitiator = Hash{} }, ErrKey},
		"no c responder":   {func(a *Agreement, _ *Secrets, _ *Point) { a.CResponder = Hash{} }, ErrKey},
		"with oneself":     {func(a *Agreement, _ *Secrets, _ *Point) { a.CResponder = a.CInitiator }, ErrKey},
		"reflected R":      {func(a *Agreement, _ *Secrets, _ *Point) { a.RResponder = a.RInitiator }, ErrPoint},
		"no own R":         {func(a *Agreement, _ *Secrets, _ *Point) { a.RInitiator = Point{} }, ErrPoint},
		"no peer R":        {func(a *Agreement, _ *Secrets, _ *Point) { a.RResponder = Point{} }, ErrPoint},
		"R is not r P":     {func(a *Agreement, _ *Secrets, _ *Point) { a.RInitiator = mustScalar(t).Public() }, ErrKey},
		"no enc":           {func(a *Agreement, _ *Secrets, _ *Point) { a.EncResponder = nil }, ErrKey},
		"short enc":        {func(a *Agreement, _ *Secrets, _ *Point) { a.EncResponder = make([]byte, 31) }, ErrKey},
		"no x1":            {func(_ *Agreement, s *Secrets, _ *Point) { s.X1 = nil }, ErrKey},
		"long x2":          {func(_ *Agreement, s *Secrets, _ *Point) { s.X2 = make([]byte, 33) }, ErrKey},
		"no S":             {func(_ *Agreement, s *Secrets, _ *Point) { s.S = Scalar{} }, ErrScalar},
		"no r":             {func(_ *Agreement, s *Secrets, _ *Point) { s.R = Scalar{} }, ErrScalar},
		"no peer A":        {func(_ *Agreement, _ *Secrets, p *Point) { *p = Point{} }, ErrPoint},
		"everything unset": {func(a *Agreement, s *Secrets, p *Point) { *a, *s, *p = Agreement{}, Secrets{}, Point{} }, ErrKey},
	}
	for name, c := range cases {
		a, s, peer := v.a, v.si, v.r.A
		c.change(&a, &s, &peer)
		if k, err := a.Initiator(s, peer); !errors.Is(err, c.want) || k.Valid() {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := v.a.Responder(v.si, v.r.A); !errors.Is(err, ErrKey) {
		t.Errorf("initiator's secrets in the responder's place: %v", err)
	}
}

// K1 = S_own R_peer + r_own A_peer is the identity when the peer picks A = -(S/r) R: refused.
func TestIdentityK1Refused(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	ratio := curve.NewScalar().Mul(v.si.S.s(), curve.NewScalar().Inv(v.si.R.s()))
	bad, err := pointFrom(curve.NewElement().Mul(v.a.RResponder.e, curve.NewScalar().Neg(ratio)))
	if err != nil {
		t.Fatal(err)
	}
	if k, err := v.a.Initiator(v.si, bad); !errors.Is(err, ErrPoint) || k.Valid() {
		t.Errorf("identity as K1: %v", err)
	}
}

func TestConfirm(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	kp, kd := v.keys(t)
	tbs := Encode(LabelSigD1, []byte("fields"))
	kc := kd.Confirm("D", tbs)
	if err := kp.VerifyConfirm("D", tbs, kc[:]); err != nil {
		t.Fatal(err)
	}
	bad := map[string]error{
		"role":  kp.VerifyConfirm("HPC", tbs, kc[:]),
		"tbs":   kp.VerifyConfirm("D", append(tbs, 0), kc[:]),
		"short": kp.VerifyConfirm("D", tbs, kc[:31]),
		"empty": kp.VerifyConfirm("D", tbs, nil),
		"unset": SessionKey{}.VerifyConfirm("D", tbs, make([]byte, 32)),
	}
	for name, err := range bad {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSessionKeyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		k, err := DecodeSessionKey(b)
		good := len(b) == 32 && !allZero(b)
		if (err == nil) != good || (good && !bytes.Equal(k.SecretBytes(), b)) {
			t.Fatalf("len %d: %v", len(b), err)
		}
	})
}

// Whatever the inputs are: the two sides agree, and one flipped bit in any public byte, or an export, parts them.
func TestAgreementProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := func(name string, n int) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, name) }
		scalar := func(name string) Scalar { return HashToScalar(append([]byte(name), bytesOf(name, 8)...)) }
		si := Secrets{S: scalar("S_P"), R: scalar("r5"), X1: bytesOf("x1", 32), X2: bytesOf("x2", 32)}
		sr := Secrets{S: scalar("S_D"), R: scalar("r6"), X1: si.X1, X2: si.X2}
		a := Agreement{
			Label: LabelSEK2, TH: H(LabelTranscript, bytesOf("th", 4)),
			CInitiator: H(LabelCredential, []byte("i")), CResponder: H(LabelCredential, bytesOf("c", 4)),
			RInitiator: si.R.Public(), RResponder: sr.R.Public(), EncResponder: bytesOf("enc", 32),
		}
		ki, err := a.Initiator(si, sr.S.Public())
		if err != nil {
			t.Fatal(err)
		}
		if kr, err := a.Responder(sr, si.S.Public()); err != nil || !sameKey(ki, kr) {
			t.Fatalf("the sides differ: %v", err)
		}
		field := rapid.IntRange(0, 5).Draw(t, "field")
		target := [][]byte{a.TH[:], a.CInitiator[:], a.CResponder[:], bytes.Clone(a.EncResponder), bytes.Clone(si.X1), bytes.Clone(si.X2)}[field]
		target[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		switch field {
		case 3:
			a.EncResponder = target
		case 4:
			sr.X1 = target
		case 5:
			sr.X2 = target
		}
		if kr, err := a.Responder(sr, si.S.Public()); err == nil && sameKey(ki, kr) {
			t.Fatalf("a flipped bit in field %d gives the same key", field)
		}
	})
}

package ecc

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// traces returns how any four bytes in a row of a secret may show up in print: hex, decimal and 0x lists,
// base64, raw, and little-endian machine words.
func traces(secret []byte) []string {
	var out []string
	for i := 0; i+4 <= len(secret); i++ {
		w := secret[i : i+4]
		dec := strings.Trim(fmt.Sprint(w), "[]")
		out = append(out, hex.EncodeToString(w), strings.ToUpper(hex.EncodeToString(w)), dec, strings.ReplaceAll(dec, " ", ", "),
			fmt.Sprintf("%#x, %#x, %#x, %#x", w[0], w[1], w[2], w[3]), fmt.Sprintf("% x", w), string(w))
		if i%4 == 0 {
			word := binary.LittleEndian.Uint32(w)
			out = append(out, fmt.Sprint(word), fmt.Sprintf("%#x", word))
		}
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString(secret)[:8])
	}
	return out
}

// shows tells whether any of the traces is in s, however it is spaced.
func shows(s string, traces []string) bool {
	spaced := strings.Join(strings.Fields(s), " ")
	for _, m := range traces {
		if strings.Contains(s, m) || strings.Contains(spaced, m) {
			return true
		}
	}
	return false
}

// keeper is another package's struct that keeps a secret in an unexported field, where fmt calls none of its methods.
type keeper[T any] struct {
	name string
	key  T
}

// shower keeps it in an exported field, where fmt, slog and json all reach it.
type shower[T any] struct{ Key T }

// renderings prints v in every way in which a log line or an error may come to be.
func renderings(t *testing.T, v any) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10v", "%T"} {
		out[verb] = fmt.Sprintf(verb, v)
	}
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("m", "key", v)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "key", v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out["slog text"], out["slog json"], out["json"] = text.String(), js.String(), string(b)
	out["error"] = fmt.Errorf("failed with %v", v).Error()
	return out
}

func checkRedacted[T any](t *testing.T, secret []byte, v T) {
	t.Helper()
	forms := map[string]any{
		"value": v, "pointer": &v, "slice": []T{v}, "map": map[string]T{"k": v}, "exported field": shower[T]{v},
		"unexported field": keeper[T]{"n", v}, "pointer to struct": &keeper[T]{"n", v}, "nested": shower[keeper[T]]{keeper[T]{"n", v}},
	}
	marks := traces(secret)
	for form, f := range forms {
		for how, s := range renderings(t, f) {
			if shows(s, marks) {
				t.Errorf("%T as %s under %s shows its secret: %s", v, form, how, s)
			}
		}
	}
	a := any(v)
	if s := fmt.Sprintf("%v %+v %#v %x %s", a, a, a, a, a); s != strings.TrimSpace(strings.Repeat(redaction+" ", 5)) {
		t.Errorf("%T prints %s", v, s)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	v := newRun(t, mustIssuer(t), SuiteX25519)
	s := mustScalar(t)
	checkRedacted(t, s.SecretBytes(), s)
	hedge := need[[]byte](t)(randomBytes(rand.Reader, 32))
	issuer := need[*Issuer](t)(NewIssuer(s, hedge))
	checkRedacted(t, s.SecretBytes(), issuer)
	key := issuer.hedge()
	checkRedacted(t, key[:], issuer)
	checkRedacted(t, key[:], *issuer)
	k, _ := v.keys(t)
	checkRedacted(t, k.SecretBytes(), k)
	ch := k.Channel(PatientToDoctor, Hash{1})
	secrets := ch.s()
	checkRedacted(t, secrets.key[:], ch)
	checkRedacted(t, secrets.iv[:], ch)
	sk := need[SigningKey](t)(GenerateSigningKey(rand.Reader))
	checkRedacted(t, sk.Seed(), sk)
	for _, suite := range bothSuites {
		kem := mustKEM(t, suite)
		checkRedacted(t, kem.SecretBytes(), kem)
		sender := need[*Sender](t)(kem.Public().Setup(rand.Reader, nil))
		checkRedacted(t, sender.Export(), sender)
	}
}

// What asks by name for text gets the word too: a JSON map key, a Stringer, %#v by hand.
func TestRedactionMethods(t *testing.T) {
	k := need[SigningKey](t)(GenerateSigningKey(rand.Reader))
	text, err := k.MarshalText()
	if err != nil || string(text) != redaction || k.String() != redaction || k.GoString() != redaction {
		t.Errorf("%s, %s, %s, %v", text, k.String(), k.GoString(), err)
	}
}

// Secrets and Opened hand plain bytes over; wherever fmt can ask them, they do not show them.
func TestHandedOverSecretsDoNotPrint(t *testing.T) {
	x := need[[]byte](t)(randomBytes(rand.Reader, 32))
	for _, v := range []any{Secrets{X1: x, X2: x}, &Secrets{X1: x}, Opened{Plaintext: x, Export: x}, shower[Opened]{Opened{Export: x}}} {
		for how, s := range renderings(t, v) {
			if shows(s, traces(x)) {
				t.Errorf("%T under %s: %s", v, how, s)
			}
		}
	}
}

// A partial key as a whole may be printed: R is public, d is not.
func TestPartialKeyDoesNotPrintD(t *testing.T) {
	d := mustScalar(t)
	for how, s := range renderings(t, PartialKey{R: mustScalar(t).Public(), D: d}) {
		if shows(s, traces(d.SecretBytes())) {
			t.Errorf("under %s: %s", how, s)
		}
	}
}

// The search itself works: a type that is not redacted is caught.
func TestTracesFindAnOpenSecret(t *testing.T) {
	x := need[[]byte](t)(randomBytes(rand.Reader, 32))
	for how, s := range renderings(t, keeper[[]byte]{"n", x}) {
		if how == "json" || how == "slog json" || how == "%T" {
			continue // these do not show unexported fields or values at all
		}
		if how != "%q" && !shows(s, traces(x)) {
			t.Errorf("%s: %s", how, s)
		}
	}
}

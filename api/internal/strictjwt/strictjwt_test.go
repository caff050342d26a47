//go:build !js

package strictjwt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"medunion/api/internal/strictjwt"
	"medunion/api/internal/strictjwt/forgery"
	"medunion/ecc"
)

const typ = "test+jwt"

type claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	ID      string `json:"jti"`
	strictjwt.Times
}

func key(t testing.TB, fill byte) ecc.SigningKey {
	t.Helper()
	k, err := ecc.SigningKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keys(t testing.TB, all ...ecc.SigningKey) strictjwt.Keys {
	t.Helper()
	var public []ecc.VerifyKey
	for _, k := range all {
		public = append(public, k.Public())
	}
	set, err := strictjwt.NewKeys(public...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func valid() claims {
	return claims{"authority", "L-1", "1", strictjwt.TimesFrom(time.Unix(1_700_000_000, 0), time.Minute, time.Hour)}
}

func TestRoundTrip(t *testing.T) {
	k := key(t, 1)
	token, err := strictjwt.Sign(k, typ, valid())
	if err != nil {
		t.Fatal(err)
	}
	var got claims
	if err := strictjwt.Verify(token, typ, keys(t, key(t, 2), k), &got); err != nil || got != valid() {
		t.Fatalf("%+v, %v", got, err)
	}
	header, payload := forgery.Parts(t, token)
	if want := `{"alg":"EdDSA","kid":"` + strictjwt.KeyID(k.Public()) + `","typ":"test+jwt"}`; header != want {
		t.Errorf("header %s, want %s", header, want)
	}
	if want := `{"iss":"authority","sub":"L-1","jti":"1","iat":1700000000,"nbf":1699999940,"exp":1700003600}`; payload != want {
		t.Errorf("payload %s, want %s", payload, want)
	}
	again := forgery.Sign(k, header, payload)
	if !bytes.Equal(again, token) {
		t.Error("the forger does not make true tokens: its forgeries prove nothing")
	}
}

func TestForgeries(t *testing.T) {
	k := key(t, 1)
	token, err := strictjwt.Sign(k, typ, valid())
	if err != nil {
		t.Fatal(err)
	}
	// What only the caller can judge: a claim that is absent, a time that is wrong.
	judged := func(c claims) bool {
		return c.Issuer != "" && c.Subject != "" && c.ID != "" && c.Check(time.Unix(1_700_000_000, 0), time.Hour) == nil
	}
	for name, forged := range forgery.All(t, token, k) {
		var c claims
		if strictjwt.Verify(forged, typ, keys(t, k), &c) == nil && judged(c) {
			t.Errorf("%s: accepted %s", name, forged)
		}
	}
}

func TestVerifyNamesTheFault(t *testing.T) {
	k := key(t, 1)
	token, err := strictjwt.Sign(k, typ, valid())
	if err != nil {
		t.Fatal(err)
	}
	header, payload := forgery.Parts(t, token)
	for want, forged := range map[error][]byte{
		strictjwt.ErrSize:      []byte(strings.Repeat("A", strictjwt.MaxSize+1)),
		strictjwt.ErrMalformed: []byte("a.b"),
		strictjwt.ErrAlgorithm: forgery.Sign(k, forgery.With(t, header, "alg", `"none"`), payload),
		strictjwt.ErrType:      forgery.Sign(k, forgery.With(t, header, "typ", `"JWT"`), payload),
		strictjwt.ErrKey:       forgery.Sign(k, forgery.With(t, header, "kid", `"x"`), payload),
		strictjwt.ErrSignature: forgery.Sign(key(t, 2), header, payload),
		strictjwt.ErrClaims:    forgery.Sign(k, header, `{"x":1}`),
	} {
		if err := strictjwt.Verify(forged, typ, keys(t, k), new(claims)); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if err := strictjwt.Verify(token, typ, strictjwt.Keys{}, new(claims)); !errors.Is(err, strictjwt.ErrKey) {
		t.Errorf("no pinned key: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	if _, err := strictjwt.Sign(ecc.SigningKey{}, typ, valid()); err == nil {
		t.Error("signed without a key")
	}
	if _, err := strictjwt.Sign(key(t, 1), typ, claims{Issuer: strings.Repeat("a", strictjwt.MaxSize)}); !errors.Is(err, strictjwt.ErrSize) {
		t.Errorf("a token that nobody would accept: %v", err)
	}
	if _, err := strictjwt.Sign(key(t, 1), typ, func() {}); err == nil {
		t.Error("signed what is no JSON")
	}
}

func TestTimes(t *testing.T) {
	now := time.Unix(1_700_000_000, 500_000_000)
	good := strictjwt.TimesFrom(now, time.Minute, time.Hour)
	check := func(name string, tm strictjwt.Times, at time.Time, want error) {
		if err := tm.Check(at, time.Hour); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	check("new", good, now, nil)
	check("first second", good, time.Unix(good.NotBefore, 0), nil)
	check("before it", good, time.Unix(good.NotBefore, -1), strictjwt.ErrNotYetValid)
	check("last second", good, time.Unix(good.Expires, -1), nil)
	check("at its end", good, time.Unix(good.Expires, 0), strictjwt.ErrExpired)
	check("long after", good, now.AddDate(100, 0, 0), strictjwt.ErrExpired)
	check("a second too long", strictjwt.TimesFrom(now, 0, time.Hour+time.Second), now, strictjwt.ErrClaims)
	check("no times", strictjwt.Times{}, now, strictjwt.ErrClaims)
	check("ends before it begins", strictjwt.Times{IssuedAt: 10, NotBefore: 10, Expires: 9}, now, strictjwt.ErrClaims)
	check("issued before it begins", strictjwt.Times{IssuedAt: 9, NotBefore: 10, Expires: 20}, now, strictjwt.ErrClaims)
	check("overflow", strictjwt.Times{IssuedAt: 1, NotBefore: 1, Expires: 1<<63 - 1}, now, strictjwt.ErrClaims)
}

// RFC 8037, appendix A.3 and RFC 7638 give this key's thumbprint.
func TestKeyID(t *testing.T) {
	raw, err := strictjwt.DecodeBytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	k, err := ecc.DecodeVerifyKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := strictjwt.KeyID(k); got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("thumbprint %s", got)
	}
}

func TestKeySet(t *testing.T) {
	set := keys(t, key(t, 1), key(t, 2))
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	back, err := strictjwt.ParseKeys(text)
	if err != nil || back.Len() != 2 {
		t.Fatalf("%d keys, %v from %s", back.Len(), err, text)
	}
	token, err := strictjwt.Sign(key(t, 2), typ, valid())
	if err != nil {
		t.Fatal(err)
	}
	if err := strictjwt.Verify(token, typ, back, new(claims)); err != nil {
		t.Error(err)
	}
	if _, err := strictjwt.NewKeys(); err == nil {
		t.Error("a set without keys: made")
	}
	if _, err := strictjwt.NewKeys(ecc.VerifyKey{}); err == nil {
		t.Error("a set with no key in it: made")
	}
}

func TestKeySetRefuses(t *testing.T) {
	x := `"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	const rest = `"kty":"OKP","crv":"Ed25519"`
	smallOrder := `"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
	good := `{"keys":[{` + rest + `,"kid":"a","x":` + x + `}]}`
	if _, err := strictjwt.ParseKeys([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":        ``,
		"no keys":        `{"keys":[]}`,
		"no list":        `{}`,
		"null":           `{"keys":null}`,
		"null key":       `{"keys":[null]}`,
		"kid twice":      `{"keys":[{` + rest + `,"kid":"a","x":` + x + `},{` + rest + `,"kid":"a","x":` + x + `}]}`,
		"no kid":         `{"keys":[{` + rest + `,"x":` + x + `}]}`,
		"long kid":       `{"keys":[{` + rest + `,"kid":"` + strings.Repeat("a", 65) + `","x":` + x + `}]}`,
		"no x":           `{"keys":[{` + rest + `,"kid":"a"}]}`,
		"padded x":       `{"keys":[{` + rest + `,"kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]}`,
		"line break":     `{"keys":[{` + rest + `,"kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\n"}]}`,
		"small order":    `{"keys":[{` + rest + `,"kid":"a","x":` + smallOrder + `}]}`,
		"private key":    `{"keys":[{` + rest + `,"kid":"a","x":` + x + `,"d":` + x + `}]}`,
		"RSA":            `{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`,
		"symmetric":      `{"keys":[{"kty":"oct","kid":"a","k":` + x + `}]}`,
		"other curve":    `{"keys":[{"kty":"OKP","crv":"X25519","kid":"a","x":` + x + `}]}`,
		"for encryption": `{"keys":[{` + rest + `,"kid":"a","use":"enc","x":` + x + `}]}`,
		"other alg":      `{"keys":[{` + rest + `,"kid":"a","alg":"none","x":` + x + `}]}`,
		"unknown member": `{"keys":[{` + rest + `,"kid":"a","x":` + x + `}],"jku":"x"}`,
		"member twice":   `{"keys":[{` + rest + `,"kid":"a","kid":"b","x":` + x + `}]}`,
		"trailing":       good + `{}`,
		"too many":       `{"keys":[` + strings.Repeat(`{`+rest+`,"kid":"a","x":`+x+`},`, 16) + `{` + rest + `,"kid":"a","x":` + x + `}]}`,
		"too long":       good + strings.Repeat(" ", 16<<10),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := strictjwt.ParseKeys([]byte(text)); !errors.Is(err, strictjwt.ErrJWKS) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What a browser does and what a server does is the same, for true tokens and for every
// forgery.
func TestBothWaysAgree(t *testing.T) {
	k := key(t, 1)
	token, err := strictjwt.Sign(k, typ, valid())
	if err != nil {
		t.Fatal(err)
	}
	set := keys(t, key(t, 2), k)
	var got, direct claims
	if err := errors.Join(strictjwt.Verify(token, typ, set, &got), strictjwt.VerifyDirectly(token, typ, set, &direct)); err != nil || got != direct {
		t.Fatalf("%+v, %+v, %v", got, direct, err)
	}
	refused := 0
	for name, forged := range forgery.All(t, token, k) {
		err, errDirect := strictjwt.Verify(forged, typ, set, new(claims)), strictjwt.VerifyDirectly(forged, typ, set, new(claims))
		if (err == nil) != (errDirect == nil) {
			t.Errorf("%s: %v, directly %v", name, err, errDirect)
		}
		if errDirect != nil {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("only %d forgeries were refused", refused)
	}
}

// Of every token there is one text: whatever verifies is what was signed.
func FuzzVerify(f *testing.F) {
	k := key(f, 1)
	token, err := strictjwt.Sign(k, typ, valid())
	if err != nil {
		f.Fatal(err)
	}
	set := keys(f, k)
	f.Add(token)
	for _, forged := range forgery.All(f, token, k) {
		f.Add(forged)
	}
	header, payload := forgery.Parts(f, token)
	f.Fuzz(func(t *testing.T, data []byte) {
		var c, direct claims
		err := strictjwt.Verify(data, typ, set, &c)
		if errDirect := strictjwt.VerifyDirectly(data, typ, set, &direct); (err == nil) != (errDirect == nil) || err == nil && c != direct {
			t.Fatalf("the two ways differ: %v, %v", err, errDirect)
		}
		if err != nil {
			return
		}
		h, p := forgery.Parts(t, data)
		if !bytes.Equal(forgery.Sign(k, h, p), data) {
			t.Fatalf("a second text: %q", data)
		}
		if h == header && p == payload && !bytes.Equal(data, token) {
			t.Fatalf("a second text of the token: %q", data)
		}
	})
}

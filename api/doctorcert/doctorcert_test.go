//go:build !js

package doctorcert_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/internal/strictjwt"
	"medunion/api/internal/strictjwt/forgery"
	"medunion/api/message"
	"medunion/ecc"
)

var (
	now                             = time.Unix(1_750_000_000, 0)
	_   message.CertificateVerifier = (*doctorcert.Authority)(nil).Verify
)

const authorityName = "https://authority.example"

func signingKey(t testing.TB, fill byte) ecc.SigningKey {
	t.Helper()
	k, err := ecc.SigningKeyFromSeed(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func issuer(t testing.TB, name string, key ecc.SigningKey) *doctorcert.Issuer {
	t.Helper()
	i, err := doctorcert.NewIssuer(name, key, 365*24*time.Hour, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func authority(t testing.TB, name string, i *doctorcert.Issuer) *doctorcert.Authority {
	t.Helper()
	jwks, err := i.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	a, err := doctorcert.NewAuthority(name, jwks)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// application is a doctor's request with her key.
func application(t testing.TB, suite ecc.Suite) (message.CertificateRequest, ecc.SigningKey) {
	t.Helper()
	key := signingKey(t, 9)
	kem, err := ecc.GenerateKEM(suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return message.CertificateRequest{
		Authority: authorityName, Licence: "MD-20017", Name: "Dr. Ngozi Okafor-Müller", Departments: []string{"SURGERY", "OUTPATIENT"},
		Affiliation: "hospital-1", Keys: message.PublicKeys{Sign: key.Public(), KEM: kem.Public()},
	}, key
}

func certify(t testing.TB, i *doctorcert.Issuer, suite ecc.Suite) ([]byte, message.CertificateRequest) {
	t.Helper()
	q, key := application(t, suite)
	wire, err := doctorcert.EncodeRequest(q, key.Sign(q.TBS()))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := i.Open(wire)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := i.Issue(opened, now)
	if err != nil {
		t.Fatal(err)
	}
	return cert, q
}

func TestRequestToCertificate(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(suite.String(), func(t *testing.T) {
			i := issuer(t, authorityName, signingKey(t, 1))
			cert, q := certify(t, i, suite)
			d, err := authority(t, authorityName, i).Verify(cert, now)
			if err != nil {
				t.Fatal(err)
			}
			if d.Licence != q.Licence || d.Name != q.Name || !slices.Equal(d.Departments, q.Departments) || d.Affiliation != q.Affiliation ||
				d.Suite != suite || !d.SigningKey.Equal(q.Keys.Sign) || !d.KEMKey.Equal(q.Keys.KEM) ||
				!d.NotBefore.Equal(now.Add(-5*time.Minute)) || !d.Expires.Equal(now.Add(365*24*time.Hour)) {
				t.Errorf("certified %+v", d)
			}
			if len(cert) > doctorcert.MaxSize {
				t.Errorf("%d bytes", len(cert))
			}
		})
	}
}

func TestForgeries(t *testing.T) {
	key := signingKey(t, 1)
	i := issuer(t, authorityName, key)
	a := authority(t, authorityName, i)
	cert, _ := certify(t, i, ecc.SuiteX25519)
	if _, err := a.Verify(cert, now); err != nil {
		t.Fatal(err)
	}
	for name, forged := range forgery.All(t, cert, key) {
		if d, err := a.Verify(forged, now); err == nil {
			t.Errorf("%s: accepted %+v", name, d)
		}
	}
}

// Even what the authority itself signed is checked field by field.
func TestContent(t *testing.T) {
	key := signingKey(t, 1)
	i := issuer(t, authorityName, key)
	a := authority(t, authorityName, i)
	cert, _ := certify(t, i, ecc.SuiteX25519)
	header, claims := forgery.Parts(t, cert)
	many := make([]string, 33)
	for n := range many {
		many[n] = fmt.Sprintf("D%d", n)
	}
	long, _ := json.Marshal(many)
	for name, change := range map[string][2]string{
		"other issuer":            {"iss", `"https://other.example"`},
		"no licence":              {"sub", `""`},
		"long licence":            {"sub", `"` + strings.Repeat("1", 65) + `"`},
		"licence with a break":    {"sub", `"MD\n1"`},
		"no name":                 {"name", ""},
		"long name":               {"name", `"` + strings.Repeat("ä", 129) + `"`},
		"name that turns around":  {"name", `"Dr. \u202eolleH"`},
		"name with hidden letter": {"name", `"Dr. A\u200bB"`},
		"no departments":          {"departments", ""},
		"empty departments":       {"departments", `[]`},
		"department twice":        {"departments", `["SURGERY","SURGERY"]`},
		"department that is none": {"departments", `["surgery"]`},
		"departments as a text":   {"departments", `"SURGERY"`},
		"too many departments":    {"departments", string(long)},
		"affiliation":             {"affiliation", `"Hospital One"`},
		"affiliation of a type":   {"affiliation", `1`},
		"small-order signing key": {"signing_key", `"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`},
		"short signing key":       {"signing_key", `"AQAA"`},
		"padded signing key":      {"signing_key", `"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="`},
		"no signing key":          {"signing_key", ""},
		"unknown suite":           {"hpke_suite", `3`},
		"no suite":                {"hpke_suite", ""},
		"suite out of range":      {"hpke_suite", `257`},
		"suite of a type":         {"hpke_suite", `"1"`},
		"key of another suite":    {"hpke_suite", `2`},
		"zero HPKE key":           {"hpke_key", `"` + strings.Repeat("A", 43) + `"`},
		"no HPKE key":             {"hpke_key", ""},
		"lives too long":          {"exp", fmt.Sprint(now.Add(doctorcert.MaxLife).Unix() + 1)},
		"no id":                   {"jti", `""`},
	} {
		t.Run(name, func(t *testing.T) {
			forged := forgery.Sign(key, header, forgery.With(t, claims, change[0], change[1]))
			if d, err := a.Verify(forged, now); err == nil {
				t.Errorf("accepted %+v", d)
			}
		})
	}
	none := forgery.Sign(key, header, forgery.With(t, claims, "affiliation", ""))
	if d, err := a.Verify(none, now); err != nil || d.Affiliation != "" {
		t.Errorf("no affiliation: %v", err)
	}
}

func TestTimes(t *testing.T) {
	i := issuer(t, authorityName, signingKey(t, 1))
	a := authority(t, authorityName, i)
	cert, _ := certify(t, i, ecc.SuiteX25519)
	const year = 365 * 24 * time.Hour
	for after, want := range map[time.Duration]error{
		-5*time.Minute - time.Second: strictjwt.ErrNotYetValid,
		-5 * time.Minute:             nil,
		year - time.Second:           nil,
		year:                         strictjwt.ErrExpired,
		2 * year:                     strictjwt.ErrExpired,
	} {
		if _, err := a.Verify(cert, now.Add(after)); !errors.Is(err, want) {
			t.Errorf("%v after issue: %v, want %v", after, err, want)
		}
	}
}

func TestOtherAuthorities(t *testing.T) {
	cert, _ := certify(t, issuer(t, authorityName, signingKey(t, 1)), ecc.SuiteX25519)
	if _, err := authority(t, authorityName, issuer(t, authorityName, signingKey(t, 2))).Verify(cert, now); !errors.Is(err, strictjwt.ErrKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := authority(t, "other", issuer(t, "other", signingKey(t, 1))).Verify(cert, now); !errors.Is(err, doctorcert.ErrContent) {
		t.Errorf("another name: %v", err)
	}
	if _, err := doctorcert.NewAuthority("", []byte(`{}`)); err == nil {
		t.Error("an authority without a name")
	}
	if _, err := doctorcert.NewAuthority("x", []byte(`{"keys":[]}`)); !errors.Is(err, strictjwt.ErrJWKS) {
		t.Errorf("an authority without keys: %v", err)
	}
}

// Every change of a signed request is noticed, and nothing odd gets to the signature.
func TestRequestsAreChecked(t *testing.T) {
	i := issuer(t, authorityName, signingKey(t, 1))
	q, key := application(t, ecc.SuiteX25519)
	wire, err := doctorcert.EncodeRequest(q, key.Sign(q.TBS()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Open(wire); err != nil {
		t.Fatal(err)
	}
	other := base64.RawURLEncoding.EncodeToString(signingKey(t, 8).Public().Bytes())
	for name, change := range map[string][2]string{
		"authority":          {"authority", `"https://other.example"`},
		"licence":            {"licence", `"MD-20018"`},
		"name":               {"name", `"Dr. Other"`},
		"departments":        {"departments", `["SURGERY","EMERGENCY"]`},
		"departments' order": {"departments", `["OUTPATIENT","SURGERY"]`},
		"affiliation":        {"affiliation", `"hospital-2"`},
		"signing key":        {"signing_key", `"` + other + `"`},
		"HPKE key":           {"hpke_key", `"` + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{9}, 32)) + `"`},
		"suite":              {"hpke_suite", "2"},
		"signature":          {"signature", `"` + base64.RawURLEncoding.EncodeToString(make([]byte, 64)) + `"`},
		"no signature":       {"signature", ""},
		"signature padded":   {"signature", `"AA=="`},
		"unknown member":     {"admin", "true"},
		"no name":            {"name", ""},
		"bad affiliation":    {"affiliation", `"A B"`},
	} {
		if opened, err := i.Open([]byte(forgery.With(t, string(wire), change[0], change[1]))); err == nil {
			t.Errorf("%s: opened %+v", name, opened)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "list": "[]", "trailing": string(wire) + "{}", "twice": `{"name":"Dr. Other",` + string(wire[1:]),
	} {
		if _, err := i.Open([]byte(text)); !errors.Is(err, doctorcert.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := doctorcert.EncodeRequest(q, signingKey(t, 8).Sign(q.TBS())); !errors.Is(err, doctorcert.ErrRequest) {
		t.Errorf("a request signed by another key: %v", err)
	}
}

func TestIssuerRefuses(t *testing.T) {
	key := signingKey(t, 1)
	for name, make := range map[string]func() (*doctorcert.Issuer, error){
		"no name": func() (*doctorcert.Issuer, error) { return doctorcert.NewIssuer("", key, time.Hour, rand.Reader) },
		"no key": func() (*doctorcert.Issuer, error) {
			return doctorcert.NewIssuer("x", ecc.SigningKey{}, time.Hour, rand.Reader)
		},
		"no life": func() (*doctorcert.Issuer, error) { return doctorcert.NewIssuer("x", key, 0, rand.Reader) },
		"long life": func() (*doctorcert.Issuer, error) {
			return doctorcert.NewIssuer("x", key, doctorcert.MaxLife+1, rand.Reader)
		},
		"no random": func() (*doctorcert.Issuer, error) { return doctorcert.NewIssuer("x", key, time.Hour, nil) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	q, _ := application(t, ecc.SuiteX25519)
	broken, err := doctorcert.NewIssuer(authorityName, key, time.Hour, iotest.ErrReader(io.ErrClosedPipe))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Issue(q, now); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("no randomness: %v", err)
	}
	q.Keys = message.PublicKeys{}
	if _, err := issuer(t, authorityName, key).Issue(q, now); !errors.Is(err, doctorcert.ErrContent) {
		t.Errorf("no keys: %v", err)
	}
}

// Whatever a stranger sends instead of a request, it is refused or well signed.
func FuzzOpen(f *testing.F) {
	i := issuer(f, authorityName, signingKey(f, 1))
	q, key := application(f, ecc.SuiteX25519)
	wire, err := doctorcert.EncodeRequest(q, key.Sign(q.TBS()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Add([]byte(`{"hpke_suite":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		opened, err := i.Open(data)
		if err == nil && !bytes.Equal(opened.TBS(), q.TBS()) {
			t.Fatalf("opened another request: %+v", opened)
		}
	})
}

func FuzzVerify(f *testing.F) {
	key := signingKey(f, 1)
	i := issuer(f, authorityName, key)
	a := authority(f, authorityName, i)
	cert, q := certify(f, i, ecc.SuiteX25519)
	f.Add(cert)
	for _, forged := range forgery.All(f, cert, key) {
		f.Add(forged)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := a.Verify(data, now)
		if err == nil && (!bytes.Equal(data, cert) || d.Name != q.Name) {
			t.Fatalf("accepted another certificate: %q", data)
		}
	})
}

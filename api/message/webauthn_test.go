package message_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/ecc"
)

const (
	site  = "agent.patient.example"
	pages = "https://" + site
)

func passkeys() map[string]*softkey.Key {
	return map[string]*softkey.Key{
		"es256":           softkey.ES256(1, site, pages),
		"eddsa":           softkey.EdDSA(1, site, pages),
		"parent's":        softkey.ES256(2, "patient.example", pages),
		"localhost":       softkey.ES256(3, "localhost", "http://localhost:8091"),
		"https localhost": softkey.EdDSA(4, "localhost", "https://localhost"),
		"with port":       softkey.EdDSA(5, site, pages+":8443"),
	}
}

func attribute(k *softkey.Key) []byte {
	return message.PatientAttribute{Kind: message.KindWebAuthn, Beta: k.Passkey().Beta(1)}.Encode()
}

func assertion(k *softkey.Key, c message.Consent) message.Assertion {
	ch := message.Challenge(c)
	return message.AssertWebAuthn(k.COSE(), message.RPIDHash(k.RPID), 1, k.Assert(ch[:]))
}

func TestPasskeyApprovesAConsent(t *testing.T) {
	c := newWorld(t, ecc.SuiteX25519).consent().Consent
	for name, k := range passkeys() {
		if err := assertion(k, c).Verify(attribute(k), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := passkeys()["es256"]
	k.Flags |= softkey.Extensions
	k.Extension = []byte("\xa1\x6bhmac-secret\x58\x20" + strings.Repeat("x", 32)) // what the PRF extension leaves in the signed data
	if err := assertion(k, c).Verify(attribute(k), c); err != nil {
		t.Errorf("with an extension: %v", err)
	}
	k = passkeys()["es256"]
	k.Extra = `,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template","topOrigin":null`
	if err := assertion(k, c).Verify(attribute(k), c); err != nil {
		t.Errorf("with unknown members: %v", err)
	}
}

// Each of these is signed by the right passkey, and differs from an approval in one thing.
func TestPasskeyThatAnswersWronglyIsRefused(t *testing.T) {
	c := newWorld(t, ecc.SuiteX25519).consent().Consent
	for name, edit := range map[string]func(*softkey.Key){
		"a registration":          func(k *softkey.Key) { k.Type = "webauthn.create" },
		"a payment":               func(k *softkey.Key) { k.Type = "payment.get" },
		"no user verification":    func(k *softkey.Key) { k.Flags = softkey.Present },
		"no user presence":        func(k *softkey.Key) { k.Flags = softkey.Verified },
		"attested data announced": func(k *softkey.Key) { k.Flags |= softkey.Attested },
		"attested data":           func(k *softkey.Key) { *k = attested(*k) },
		"backed up, not eligible": func(k *softkey.Key) { k.Flags |= 0x10 },
		"extension announced":     func(k *softkey.Key) { k.Flags |= softkey.Extensions },
		"extension unannounced":   func(k *softkey.Key) { k.Extension = []byte{0xa0} },
		"extension no map":        func(k *softkey.Key) { k.Flags |= softkey.Extensions; k.Extension = []byte{0x80} },
		"extension and more":      func(k *softkey.Key) { k.Flags |= softkey.Extensions; k.Extension = []byte{0xa0, 0xa0} },
		"extension too deep": func(k *softkey.Key) {
			k.Flags |= softkey.Extensions
			k.Extension = []byte("\xa1\x61a\x81\x81\x81\x81\x81\x01")
		},
		"another relying party": func(k *softkey.Key) { k.RPID = "patient.example" },
		"type twice":            func(k *softkey.Key) { k.Extra = `,"type":"webauthn.get"` },
		"type twice, escaped":   func(k *softkey.Key) { k.Extra = `,"typ\u0065":"webauthn.get"` },
		"origin twice":          func(k *softkey.Key) { k.Extra = `,"origin":"` + pages + `"` },
		"inside another origin": func(k *softkey.Key) { k.Type = `webauthn.get","crossOrigin":true,"x":"`; k.Extra = "" },
		"not UTF-8":             func(k *softkey.Key) { k.Extra = ",\"x\":\"\xff\"" },
		"an object behind it":   func(k *softkey.Key) { k.Extra = `}{` },
		"origin null":           func(k *softkey.Key) { k.Type = `webauthn.get","challenge":null,"x":"` },
		"too long":              func(k *softkey.Key) { k.Extra = `,"x":"` + strings.Repeat("x", 2048) + `"` },
	} {
		k := passkeys()["es256"]
		edit(k)
		a := assertion(k, c)
		a.RPIDHash = message.RPIDHash(site)
		good := passkeys()["es256"]
		if err := a.Verify(attribute(good), c); !errors.Is(err, message.ErrConsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// attested puts well-formed attested credential data where an assertion has none.
func attested(k softkey.Key) softkey.Key {
	k.Extension = append(make([]byte, 16), 0, 1, 'x')
	k.Extension = append(k.Extension, k.COSE()...)
	k.Flags |= softkey.Attested
	return k
}

// crossOrigin is false in what a browser writes for the page itself.
func TestPasskeyInsideAnotherOriginIsRefused(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent().Consent
	for _, value := range []string{"true", "null", `"false"`, "0"} {
		k := passkeys()["es256"]
		ch := message.Challenge(c)
		p := k.Resign(k.Assert(ch[:]), func(client string) string {
			return strings.Replace(client, `"crossOrigin":false`, `"crossOrigin":`+value, 1)
		})
		a := message.AssertWebAuthn(k.COSE(), message.RPIDHash(site), 1, p)
		if err := a.Verify(attribute(k), c); !errors.Is(err, message.ErrConsent) {
			t.Errorf("crossOrigin %s: %v", value, err)
		}
	}
}

// An origin is good if its host, or a parent with two labels, is the relying party.
func TestOriginsOfPasskeys(t *testing.T) {
	c := newWorld(t, ecc.SuiteX25519).consent().Consent
	for _, x := range []struct {
		rpID, origin string
		good         bool
	}{
		{"localhost", "http://localhost", true},
		{"localhost", "http://localhost:8091", true},
		{"a.example", "https://a.example", true},
		{"a.example", "https://b.a.example:444", true},
		{"localhost", "http://evil-localhost", false},
		{"localhost", "https://evil-localhost", false},
		{"localhost", "https://evil.localhost", false},
		{"localhost", "http://evil.localhost:8091", false},
		{"localhost", "http://localhost.evil.example", false},
		{"localhost", "http://localhost@evil.example", false},
		{"localhost", "http://localhost:8091/", false},
		{"localhost", "http://localhost:", false},
		{"localhost", "http://localhost:080", false},
		{"localhost", "http://localhost:99999", false},
		{"localhost", "http://127.0.0.1", false},
		{"127.0.0.1", "http://127.0.0.1", false},
		{"127.0.0.1", "https://127.0.0.1", false},
		{"0.0.1", "https://127.0.0.1", false},
		{"example", "https://a.example", false}, // a public suffix
		{"example", "https://example", false},
		{"com", "https://patient.com", false},
		{"a.example", "http://a.example", false},
		{"a.example", "https://evila.example", false},
		{"a.example", "https://a.example.evil.example", false},
		{"b.a.example", "https://a.example", false},
		{"a.example", "https://A.example", false},
		{"a.example", "https://a.example.", false},
		{"a.example", "https://.a.example", false},
		{"a.example", "https://a.example#", false},
		{"a.example", "https://x@a.example", false},
		{"a.example", "HTTPS://a.example", false},
		{"a.example", "https:a.example", false},
		{"a.example", "a.example", false},
		{"a.example", "", false},
		{"a.example", "null", false},
		{"a.example", "android:apk-key-hash:a.example", false},
	} {
		k := softkey.ES256(1, x.rpID, x.origin)
		if err := assertion(k, c).Verify(attribute(k), c); (err == nil) != x.good {
			t.Errorf("rpId %s at %q: %v", x.rpID, x.origin, err)
		}
	}
}

// What is wrong around the proof: key, relying party, epoch, kind, challenge, signature.
func TestAssertionOfAPasskeyIsBound(t *testing.T) {
	w := newWorld(t, ecc.SuiteX25519)
	c := w.consent().Consent
	k, other := softkey.ES256(1, site, pages), softkey.ES256(9, site, pages)
	longer := c
	longer.MaxUses++
	passphrase := message.AssertPassphrase(w.uv, 1, c)
	for name, a := range map[string]message.Assertion{
		"another passkey":      assertion(other, c),
		"its proof, our key":   {Kind: message.KindWebAuthn, Key: k.COSE(), RPIDHash: message.RPIDHash(site), Epoch: 1, Proof: assertion(other, c).Proof},
		"another consent":      assertion(k, longer),
		"another epoch":        message.AssertWebAuthn(k.COSE(), message.RPIDHash(site), 2, decodeProof(t, assertion(k, c))),
		"no relying party":     message.AssertWebAuthn(k.COSE(), message.Hash{}, 1, decodeProof(t, assertion(k, c))),
		"kind passphrase":      {Kind: message.KindPassphrase, Key: k.COSE(), RPIDHash: message.RPIDHash(site), Epoch: 1, Proof: assertion(k, c).Proof},
		"unknown kind":         {Kind: 3, Key: k.COSE(), RPIDHash: message.RPIDHash(site), Epoch: 1, Proof: assertion(k, c).Proof},
		"a passphrase":         passphrase,
		"a passphrase as both": {Kind: message.KindWebAuthn, Key: passphrase.Key, Epoch: 1, Proof: passphrase.Proof},
		"no proof":             {Kind: message.KindWebAuthn, Key: k.COSE(), RPIDHash: message.RPIDHash(site), Epoch: 1},
	} {
		if err := a.Verify(attribute(k), c); !errors.Is(err, message.ErrConsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A credential of kind passphrase whose β_P is that of an Ed25519 passkey's bare key
	// is no licence to sign the challenge as such, nor the other way about.
	a := message.AssertPassphrase(w.uv, 1, c)
	claimed := message.PatientAttribute{Kind: message.KindWebAuthn, Beta: message.Beta(a.Key, message.Hash{}, 1)}.Encode()
	a.Kind = message.KindWebAuthn
	if err := a.Verify(claimed, c); !errors.Is(err, message.ErrConsent) {
		t.Errorf("a passphrase's proof under a credential that claims a passkey: %v", err)
	}
	cose := message.PatientAttribute{Kind: message.KindPassphrase, Beta: k.Passkey().Beta(1)}.Encode()
	b := assertion(k, c)
	b.Kind = message.KindPassphrase
	if err := b.Verify(cose, c); !errors.Is(err, message.ErrConsent) {
		t.Errorf("a passkey's proof under a credential that claims a passphrase: %v", err)
	}
}

func decodeProof(t *testing.T, a message.Assertion) message.WebAuthnProof {
	t.Helper()
	p, err := message.DecodeWebAuthnProof(a.Proof)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every bit of what is signed counts.
func TestEveryBitOfAnApprovalCounts(t *testing.T) {
	c := newWorld(t, ecc.SuiteX25519).consent().Consent
	for name, k := range map[string]*softkey.Key{"es256": softkey.ES256(1, site, pages), "eddsa": softkey.EdDSA(1, site, pages)} {
		good := assertion(k, c)
		for i := range good.Proof {
			bad := good
			bad.Proof = bytes.Clone(good.Proof)
			bad.Proof[i] ^= 1
			if bad.Verify(attribute(k), c) == nil {
				t.Errorf("%s: a bit of byte %d does not count", name, i)
			}
		}
	}
}

func TestCOSEKeysAreCanonical(t *testing.T) {
	p256, ed := softkey.ES256(1, site, pages).COSE(), softkey.EdDSA(1, site, pages).COSE()
	for name, b := range map[string][]byte{"es256": p256, "eddsa": ed} {
		if _, err := message.DecodeCOSEKey(b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, cut := range [][]byte{b[:len(b)-1], append(bytes.Clone(b), 0), b[1:]} {
			if _, err := message.DecodeCOSEKey(cut); !errors.Is(err, message.ErrFormat) {
				t.Errorf("%s of %d bytes: %v", name, len(cut), err)
			}
		}
		for i := range 10 {
			bad := bytes.Clone(b)
			bad[i] ^= 1
			if _, err := message.DecodeCOSEKey(bad); !errors.Is(err, message.ErrFormat) {
				t.Errorf("%s with another byte %d: %v", name, i, err)
			}
		}
	}
	if _, err := message.DecodeCOSEKey(append(bytes.Clone(ed[:10]), make([]byte, 32)...)); err == nil {
		t.Error("a key of small order is accepted")
	}
}

// webAuthnGolden pins the bytes of an assertion and of a registration.
type webAuthnGolden struct {
	Algorithm, Origin, Consent, Attribute, Assertion string
	Challenge, AttestationObject, ClientDataJSON     string
}

// A browser's bytes are not ours to choose, but ours to understand for as long as
// evidence is kept: what verified once verifies always.
func TestGoldenAssertionsVerify(t *testing.T) {
	path := filepath.Join("testdata", "golden", "webauthn.json")
	c := newWorld(t, ecc.SuiteX25519).consent().Consent
	var made []webAuthnGolden
	for _, name := range []string{"es256", "eddsa", "localhost"} {
		k := passkeys()[name]
		k.Packed = name == "eddsa"
		challenge := bytes.Repeat([]byte{7}, 32)
		object, client := k.Create(challenge)
		made = append(made, webAuthnGolden{Algorithm: name, Origin: k.Origin, Consent: hex.EncodeToString(c.Encode()), Attribute: hex.EncodeToString(attribute(k)),
			Assertion: hex.EncodeToString(assertion(k, c).Encode()), Challenge: hex.EncodeToString(challenge),
			AttestationObject: hex.EncodeToString(object), ClientDataJSON: hex.EncodeToString(client)})
	}
	got := append(must(json.MarshalIndent(made, "", "  ")), '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := must(os.ReadFile(path))
	if !bytes.Equal(got, want) {
		t.Error("the encoding differs from the golden file")
	}
	var kept []webAuthnGolden
	if err := json.Unmarshal(want, &kept); err != nil || len(kept) != 3 {
		t.Fatal(err)
	}
	for _, g := range kept {
		a := must(message.DecodeAssertion(must(hex.DecodeString(g.Assertion))))
		if err := a.Verify(must(hex.DecodeString(g.Attribute)), must(message.DecodeConsent(must(hex.DecodeString(g.Consent))))); err != nil {
			t.Errorf("%s: %v", g.Algorithm, err)
		}
		p, err := message.OpenPasskey(must(hex.DecodeString(g.AttestationObject)), must(hex.DecodeString(g.ClientDataJSON)),
			must(hex.DecodeString(g.Challenge)), g.Origin)
		if err != nil || p.Beta(1) != must(message.DecodePatientAttribute(must(hex.DecodeString(g.Attribute)))).Beta {
			t.Errorf("%s, registration: %v", g.Algorithm, err)
		}
	}
}

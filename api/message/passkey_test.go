package message_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/api/message/softkey"
	"medunion/ecc"
)

var challenge = bytes.Repeat([]byte{5}, 32)

func TestPasskeyIsRegistered(t *testing.T) {
	for name, k := range passkeys() {
		if name == "parent's" {
			continue // our pages make passkeys for their own host only
		}
		for _, k.Packed = range []bool{false, true} {
			object, client := k.Create(challenge)
			p, err := message.OpenPasskey(object, client, challenge, k.Origin)
			if err != nil || p.Beta(1) != k.Passkey().Beta(1) || !bytes.Equal(p.CredentialID, k.ID) {
				t.Errorf("%s, packed %v: %v", name, k.Packed, err)
			}
		}
	}
}

func TestRegistrationThatIsNotOursIsRefused(t *testing.T) {
	for name, edit := range map[string]func(k *softkey.Key, object *[]byte){
		"an assertion":         func(k *softkey.Key, _ *[]byte) { k.Type = "webauthn.get" },
		"another origin":       func(k *softkey.Key, _ *[]byte) { k.Origin = "https://evil.example" },
		"another port":         func(k *softkey.Key, _ *[]byte) { k.Origin = pages + ":1" },
		"a subdomain":          func(k *softkey.Key, _ *[]byte) { k.Origin = "https://x." + site },
		"a parent's":           func(k *softkey.Key, _ *[]byte) { k.RPID = "patient.example" },
		"no user verification": func(k *softkey.Key, _ *[]byte) { k.Flags = softkey.Present },
		"no user presence":     func(k *softkey.Key, _ *[]byte) { k.Flags = softkey.Verified },
		"no credential id":     func(k *softkey.Key, _ *[]byte) { k.ID = nil },
		"a long credential id": func(k *softkey.Key, _ *[]byte) { k.ID = make([]byte, 1024) },
		"a member twice":       func(k *softkey.Key, _ *[]byte) { k.Extra = `,"challenge":"x"` },
	} {
		k := softkey.ES256(1, site, pages)
		edit(k, nil)
		object, client := k.Create(challenge)
		if _, err := message.OpenPasskey(object, client, challenge, pages); !errors.Is(err, message.ErrPasskey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := softkey.ES256(1, site, pages)
	object, client := k.Create(challenge)
	if _, err := message.OpenPasskey(object, client, challenge[1:], pages); !errors.Is(err, message.ErrPasskey) {
		t.Errorf("another challenge: %v", err)
	}
	for _, origin := range []string{"http://" + site, "https://127.0.0.1", "https://single", ""} {
		k := softkey.ES256(1, strings.TrimPrefix(origin, "https://"), origin)
		object, client := k.Create(challenge)
		if _, err := message.OpenPasskey(object, client, challenge, origin); !errors.Is(err, message.ErrPasskey) {
			t.Errorf("at %q: %v", origin, err)
		}
	}
	for n := range object {
		if _, err := message.OpenPasskey(object[:n], client, challenge, pages); !errors.Is(err, message.ErrPasskey) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := message.OpenPasskey(append(bytes.Clone(object), 0), client, challenge, pages); !errors.Is(err, message.ErrPasskey) {
		t.Errorf("a byte behind it: %v", err)
	}
}

// The statement says who attests: nobody, or the key itself, and nothing beside.
func TestAttestationStatements(t *testing.T) {
	k := softkey.ES256(1, site, pages)
	none, client := k.Create(challenge)
	k.Packed = true
	packed, _ := k.Create(challenge)
	swap := func(b []byte, old, new string) []byte {
		return bytes.Replace(bytes.Clone(b), unhex(old), unhex(new), 1)
	}
	const fmtNone, empty = "63666d74646e6f6e65", "6761747453746d74a0" // "fmt": "none"; "attStmt": {}
	for name, object := range map[string][]byte{
		"another format":        swap(none, "646e6f6e65", "6374706d"),
		"statement of none":     swap(none, empty, "6761747453746d74a16178f6"),
		"packed, empty":         swap(none, "646e6f6e65", "667061636b6564"),
		"another algorithm":     swap(packed, "63616c6726", "63616c6727"),
		"another signature":     flip(packed, bytes.Index(packed, []byte("sig"))+20),
		"a chain":               swap(packed, "6761747453746d74a2", "6761747453746d74a3"),
		"another order":         swap(swap(none, fmtNone, ""), "a3", "a3"+empty+fmtNone),
		"length not shortest":   swap(none, "68617574684461746158", "6861757468446174615900"),
		"indefinite map":        swap(none, "a363666d74", "bf63666d74"),
		"four members":          swap(none, "a363666d74", "a463666d74"),
		"authData a text":       swap(none, "68617574684461746158", "68617574684461746178"),
		"an integer as a map":   {0x03},
		"nothing":               {},
		"a map of 2^64 members": unhex("bbffffffffffffffff"),
	} {
		if bytes.Equal(object, none) || bytes.Equal(object, packed) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := message.OpenPasskey(object, client, challenge, pages); !errors.Is(err, message.ErrPasskey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

func unhex(s string) []byte { return must(hex.DecodeString(s)) }

// FuzzOpenPasskey: what is accepted is a passkey for the origin, and nothing panics.
func FuzzOpenPasskey(f *testing.F) {
	for _, k := range passkeys() {
		for _, k.Packed = range []bool{false, true} {
			object, client := k.Create(challenge)
			f.Add(object, client, k.Origin)
		}
	}
	f.Fuzz(func(t *testing.T, object, client []byte, origin string) {
		p, err := message.OpenPasskey(object, client, challenge, origin)
		if err != nil {
			return
		}
		host := must(message.RelyingParty(origin))
		if _, err := message.DecodeCOSEKey(p.Key); err != nil || p.RPIDHash != message.RPIDHash(host) || len(p.CredentialID) == 0 {
			t.Fatalf("accepted: %x %q", object, origin)
		}
	})
}

// FuzzAssertion: an assertion that decodes is canonical; one that verifies is the one
// that the passkey made. Whoever has no key cannot make another.
func FuzzAssertion(f *testing.F) {
	c := newWorld(f, ecc.SuiteX25519).consent().Consent
	k := softkey.EdDSA(1, site, pages)
	good := assertion(k, c).Encode()
	f.Add(good)
	f.Add(assertion(softkey.ES256(1, site, pages), c).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := message.DecodeAssertion(b)
		if err != nil {
			return
		}
		if !bytes.Equal(a.Encode(), b) {
			t.Fatalf("%x is not canonical", b)
		}
		if a.Verify(attribute(k), c) == nil && !bytes.Equal(b, good) {
			t.Fatalf("%x verifies", b)
		}
	})
}

// What Chromium 156 wrote with its virtual authenticator (CTAP 2.1, user verification,
// PRF): a registration at challenge 9 9 9 .. and an approval of the consent of the golden
// files. The ES256 signature has its s in the upper half.
func TestWhatABrowserWrites(t *testing.T) {
	var kept []struct {
		Algorithm, Origin, Challenge, AttestationObject, ClientDataJSON string
		Consent, AuthenticatorData, AssertionClientDataJSON, Signature  string
	}
	if err := json.Unmarshal(must(os.ReadFile("testdata/chromium.json")), &kept); err != nil || len(kept) != 2 {
		t.Fatal(err)
	}
	b := base64.RawURLEncoding
	for _, g := range kept {
		p, err := message.OpenPasskey(must(b.DecodeString(g.AttestationObject)), must(b.DecodeString(g.ClientDataJSON)), must(b.DecodeString(g.Challenge)), g.Origin)
		if err != nil {
			t.Errorf("%s: %v", g.Algorithm, err)
			continue
		}
		a := message.AssertWebAuthn(p.Key, p.RPIDHash, 1, message.WebAuthnProof{AuthenticatorData: must(b.DecodeString(g.AuthenticatorData)),
			ClientDataJSON: must(b.DecodeString(g.AssertionClientDataJSON)), Signature: must(b.DecodeString(g.Signature))})
		attribute := message.PatientAttribute{Kind: message.KindWebAuthn, Beta: p.Beta(1)}.Encode()
		c := must(message.DecodeConsent(unhex(g.Consent)))
		if err := a.Verify(attribute, c); err != nil {
			t.Errorf("%s: %v", g.Algorithm, err)
		}
		c.MaxUses++
		if err := a.Verify(attribute, c); !errors.Is(err, message.ErrConsent) {
			t.Errorf("%s, another consent: %v", g.Algorithm, err)
		}
	}
}

package keystore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"medunion/api/message"
	"medunion/api/secretfile"
	"medunion/ecc"
	"medunion/ecc/vault"
)

var credential = []byte("credential id")

func prf(b byte) Opener {
	return Opener{PRF: bytes.Repeat([]byte{b}, PRFSize), CredentialID: credential}
}

// opens reports by which openers the store of o opens.
func opens(t *testing.T, o Options, by Opener) error {
	t.Helper()
	s, err := Open(o, by)
	if err == nil {
		err = s.Close()
	}
	return err
}

func TestPasskeyOpensTheStore(t *testing.T) {
	o := options(t.TempDir())
	s, err := Create(o, New{Openers: []Opener{prf(1)}, Passkey: &Passkey{CredentialID: credential, RPID: "localhost"}, Begin: begin})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(prf(1)); err != nil || !errors.Is(s.Check(prf(2)), ErrPassphrase) {
		t.Errorf("checked while open: %v", err)
	}
	_ = s.Close()
	if err := opens(t, o, Opener{PRF: prf(1).PRF}); err != nil {
		t.Errorf("the passkey: %v", err)
	}
	for name, by := range map[string]Opener{
		"another PRF":         prf(2),
		"a short PRF":         {PRF: prf(1).PRF[1:]},
		"an empty PRF":        {PRF: []byte{}},
		"PRF as a passphrase": Passphrase(prf(1).PRF),
		"nothing":             {},
	} {
		if err := opens(t, o, by); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, err := Inspect(o.Path)
	if err != nil || h.Verification != message.KindWebAuthn || h.Passkey.RPID != "localhost" || !bytes.Equal(h.Passkey.CredentialID, credential) {
		t.Errorf("header: %+v %v", h, err)
	}
}

// The key is bound to the credential: another passkey with the same output, or the same
// wrapped key under another credential's name, opens nothing.
func TestPRFIsBoundToItsCredential(t *testing.T) {
	s, err := prf(1).seal(rand.Reader, bytes.Repeat([]byte{9}, keySize), cheap)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open(prf(1)); err != nil {
		t.Fatal(err)
	}
	s.credentialID = []byte("another id")
	if _, err := s.open(prf(1)); !errors.Is(err, ErrPassphrase) {
		t.Error(err)
	}
}

func TestTwoOpeners(t *testing.T) {
	o := options(t.TempDir())
	s, err := Create(o, New{Openers: []Opener{prf(1), Passphrase(secret)}, Passkey: &Passkey{CredentialID: credential, RPID: "localhost"}, Begin: begin})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	for name, by := range map[string]Opener{"passkey": prf(1), "passphrase": Passphrase(secret)} {
		if err := opens(t, o, by); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, err := Inspect(o.Path)
	if err != nil || !slices.Equal(h.Openers(), []message.VerificationKind{message.KindWebAuthn, message.KindPassphrase}) {
		t.Errorf("openers %v: %v", h.Openers(), err)
	}
	honest, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(honest); i += 5 {
		b := bytes.Clone(honest)
		b[i] ^= 1
		if err := os.WriteFile(o.Path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := opens(t, o, prf(1)); err == nil {
			t.Errorf("byte %d does not count", i)
		}
	}
}

func TestNoOpener(t *testing.T) {
	o := options(t.TempDir())
	for name, n := range map[string]New{
		"none":                {Begin: begin},
		"an empty passphrase": {Openers: []Opener{Passphrase(nil)}, Begin: begin},
		"a short PRF":         {Openers: []Opener{{PRF: []byte{1}, CredentialID: credential}}, Begin: begin},
		"no credential":       {Openers: []Opener{{PRF: prf(1).PRF}}, Begin: begin},
	} {
		if s, err := Create(o, n); err == nil {
			t.Errorf("%s: made", name)
			_ = s.Close()
		}
		if Exists(o.Path) {
			t.Fatalf("%s: left a file", name)
		}
	}
}

// A store of version 1 has the passphrase's vault in the place of the header.
func TestVersion1(t *testing.T) {
	o := options(t.TempDir())
	key := bytes.Repeat([]byte{3}, keySize)
	sealedKey, err := vault.Seal(rand.Reader, secret, key, cheap)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Content{Identity: []byte("identity")}.encode()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ecc.SealAtRest(rand.Reader, key, sealedKey, plain)
	if err != nil {
		t.Fatal(err)
	}
	if err := secretfile.Replace(o.Path, ecc.Encode(ecc.LabelPatientFile, []byte{1}, sealedKey, sealed)); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		s, err := Open(o, Passphrase(secret))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.content.Consents); got != i || string(s.content.Identity) != "identity" {
			t.Errorf("%d consents, identity %q", got, s.content.Identity)
		}
		if err := s.Update(func(c *Content) error { c.Consents = append(c.Consents, Consent{Name: fmt.Sprint(i)}); return nil }); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
	}
	if err := opens(t, o, prf(1)); !errors.Is(err, ErrPassphrase) {
		t.Errorf("a PRF: %v", err)
	}
}

package ecc

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"testing"
)

// The zero value of every type fails or gives something that all else refuses, and never panics.
func TestZeroValues(t *testing.T) {
	good := mustScalar(t)
	info := []byte("info")
	issuer := mustIssuer(t)
	pk := need[PartialKey](t)(issuer.Issue(rand.Reader, nil, good.Public(), info))
	second := func(_ any, err error) error { return err }
	errs := map[string]error{
		"Issue to no X":           second(issuer.Issue(rand.Reader, nil, Point{}, info)),
		"Issue by zero":           second((&Issuer{}).Issue(rand.Reader, nil, good.Public(), info)),
		"Issue by nil":            second((*Issuer)(nil).Issue(rand.Reader, nil, good.Public(), info)),
		"NewIssuer without s":     second(NewIssuer(Scalar{}, bytes.Repeat([]byte{1}, 32))),
		"NewIssuer, short hedge":  second(NewIssuer(good, bytes.Repeat([]byte{1}, 31))),
		"NewIssuer, zero hedge":   second(NewIssuer(good, make([]byte, 32))),
		"Accept without x":        second(Accept(Scalar{}, info, pk, issuer.Public())),
		"Accept without d":        second(Accept(good, info, PartialKey{R: pk.R}, issuer.Public())),
		"Accept without R":        second(Accept(good, info, PartialKey{D: pk.D}, issuer.Public())),
		"Accept without PK":       second(Accept(good, info, pk, Point{})),
		"ImplicitKey without R":   second(ImplicitKey(info, Point{}, issuer.Public())),
		"ImplicitKey without PK":  second(ImplicitKey(info, pk.R, Point{})),
		"ProvePossession":         second(ProvePossession(rand.Reader, Scalar{}, Hash{})),
		"VerifyPossession":        VerifyPossession(Point{}, Hash{}, make([]byte, PossessionSize)),
		"SessionKey.Verify":       SessionKey{}.VerifyConfirm("D", nil, nil),
		"Channel.Seal":            second(Channel{}.Seal(1, nil, nil)),
		"Channel.Open":            second(Channel{}.Open(1, nil, make([]byte, 16))),
		"channel of no key":       second(SessionKey{}.Channel(PatientToDoctor, Hash{1}).Seal(1, nil, nil)),
		"KEMPublicKey.Setup":      second(KEMPublicKey{}.Setup(rand.Reader, nil)),
		"KEMPrivateKey.Open":      second(KEMPrivateKey{}.Open(nil, nil, make([]byte, 2000))),
		"GenerateKEM":             second(GenerateKEM(0, rand.Reader)),
		"DecodeKEMPrivateKey":     second(DecodeKEMPrivateKey(0, bytes.Repeat([]byte{1}, 32))),
		"zero KEM private key":    second(DecodeKEMPrivateKey(SuiteX25519, make([]byte, 32))),
		"Sender.Seal":             second((&Sender{}).Seal(nil, nil)),
		"nil Sender.Seal":         second((*Sender)(nil).Seal(nil, nil)),
		"VerifyKey.Verify":        VerifyKey{}.Verify(nil, make([]byte, 64)),
		"zero seed":               second(SigningKeyFromSeed(make([]byte, 32))),
		"SealAtRest, no key":      second(SealAtRest(rand.Reader, nil, nil, nil)),
		"SealAtRest, zero key":    second(SealAtRest(rand.Reader, make([]byte, 32), nil, nil)),
		"OpenAtRest, zero key":    second(OpenAtRest(make([]byte, 32), nil, make([]byte, 40))),
		"Sequence, zero message":  new(Sequence).Accept(0),
		"scalar add":              second(good.add(Scalar{})),
		"scalar mul":              second(Scalar{}.mul(good)),
		"point add":               second(good.Public().add(Point{})),
		"point mul without point": second(Point{}.mul(good)),
		"point mul without s":     second(good.Public().mul(Scalar{})),
	}
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s succeeds", name)
		}
	}
}

// What the zero values give out is refused where it would come in.
func TestZeroValuesGiveNothing(t *testing.T) {
	outputs := map[string][]byte{
		"Point.Bytes": Point{}.Bytes(), "Scalar.SecretBytes": Scalar{}.SecretBytes(), "Scalar.Public": Scalar{}.Public().Bytes(),
		"Issuer.Public": (&Issuer{}).Public().Bytes(), "nil Issuer.Public": (*Issuer)(nil).Public().Bytes(),
		"SessionKey.SecretBytes": SessionKey{}.SecretBytes(), "KEMPublicKey.Bytes": KEMPublicKey{}.Bytes(),
		"KEMPrivateKey.SecretBytes": KEMPrivateKey{}.SecretBytes(), "KEMPrivateKey.Public": KEMPrivateKey{}.Public().Bytes(),
		"VerifyKey.Bytes": VerifyKey{}.Bytes(), "SigningKey.Seed": SigningKey{}.Seed(), "SigningKey.Sign": SigningKey{}.Sign([]byte("tbs")),
		"SigningKey.Public": SigningKey{}.Public().Bytes(), "Sender.Enc": (*Sender)(nil).Enc(), "Sender.Export": (*Sender)(nil).Export(),
	}
	for name, b := range outputs {
		if b != nil {
			t.Errorf("%s gives %x", name, b)
		}
	}
	for name, ok := range map[string]bool{
		"Point": Point{}.Equal(Point{}), "VerifyKey": VerifyKey{}.Equal(VerifyKey{}), "SigningKey": SigningKey{}.Equal(SigningKey{}),
		"KEMPublicKey": KEMPublicKey{}.Equal(KEMPublicKey{}), "Suite": Suite(0).Valid(), "Direction": Direction("").Valid(),
	} {
		if ok {
			t.Errorf("two unset %s are equal or valid", name)
		}
	}
	unset := SessionKey{}.Confirm("D", []byte("tbs"))
	k := need[SessionKey](t)(DecodeSessionKey(bytes.Repeat([]byte{1}, 32)))
	if k.VerifyConfirm("D", []byte("tbs"), unset[:]) == nil || (SessionKey{}).VerifyConfirm("D", []byte("tbs"), unset[:]) == nil {
		t.Error("an unset key's confirmation verifies")
	}
	if k.Channel("", Hash{1}).Valid() || k.Channel("P>H", Hash{1}).Valid() {
		t.Error("a channel in an unknown direction")
	}
}

// Without randomness nothing is generated.
func TestNoRandomness(t *testing.T) {
	k := mustKEM(t, SuiteX25519)
	x := mustScalar(t)
	issuer := mustIssuer(t)
	for name, r := range map[string]io.Reader{"nil": nil, "empty": bytes.NewReader(nil), "short": bytes.NewReader(make([]byte, 8))} {
		second := func(_ any, err error) error { return err }
		for what, err := range map[string]error{
			"GenerateScalar":     second(GenerateScalar(r)),
			"GenerateKEM":        second(GenerateKEM(SuiteX25519, r)),
			"GenerateSigningKey": second(GenerateSigningKey(r)),
			"Setup":              second(k.Public().Setup(r, nil)),
			"ProvePossession":    second(ProvePossession(r, x, Hash{})),
			"Issue":              second(issuer.Issue(r, nil, x.Public(), nil)),
			"SealAtRest":         second(SealAtRest(r, bytes.Repeat([]byte{1}, 32), nil, nil)),
		} {
			if !errors.Is(err, ErrRandom) {
				t.Errorf("%s from a %s reader: %v", what, name, err)
			}
		}
	}
}

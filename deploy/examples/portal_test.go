package examples_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/openapi/portal"
)

// A doctor's link ends in the hash of her credential. The portal gives her card for it, and
// whoever holds the keys of the public cloud and of the medical authority verifies the card.
func Example_portal() {
	p, err := portal.NewClientWithResponses(os.Getenv("PORTAL"), portal.WithHTTPClient(caller))
	if err != nil {
		fmt.Println(err)
		return
	}
	show(card(context.Background(), p, os.Getenv("LINK")))
	// Output:
	// Maya Okafor, licence L-dr-okafor, of hospital-2, acts in [OUTPATIENT]
	// her messages can be sealed with suite 1
}

func card(ctx context.Context, p *portal.ClientWithResponses, link string) error {
	_, hash, _ := strings.Cut(link, "#")
	r, err := p.GetCardWithResponse(ctx, hash)
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return failure(r.HTTPResponse, r.Body)
	}
	b, err := base64.RawURLEncoding.DecodeString(r.JSON200.Credential)
	if err != nil {
		return err
	}
	credential, err := message.DecodeCredential(b)
	if err != nil {
		return err
	}
	now := message.MillisOf(time.Now())
	doctor, err := doctorOf(credential, r.JSON200.Certificate, now)
	if err != nil {
		return err
	}
	fmt.Printf("%s, licence %s, of %s, acts in %s\n", doctor.Name, doctor.Licence, doctor.Affiliation, doctor.Departments)
	prekey, err := decodeSigned(r.JSON200.Prekey)
	if err != nil {
		return err
	}
	if _, err = message.OpenPrekey(prekey, credential.Hash(), doctor.Suite, doctor.SigningKey, now); err == nil {
		fmt.Println("her messages can be sealed with suite", uint8(doctor.Suite))
	}
	return err
}

// doctorOf checks credential and certificate, each under its own authority's pinned key, and
// that both are of the same doctor.
func doctorOf(c message.Credential, certificate string, now message.Millis) (d message.DoctorCertificate, err error) {
	pins, err := readPins()
	if err != nil {
		return d, err
	}
	jwks, err := os.ReadFile(os.Getenv("AUTHORITY_KEYS"))
	if err != nil {
		return d, err
	}
	authority, err := doctorcert.NewAuthority(os.Getenv("AUTHORITY"), jwks)
	if err != nil {
		return d, err
	}
	return message.VerifyDoctor(pins, authority.Verify, c, []byte(certificate), now)
}

package server

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"medunion/api/certs"
	"medunion/api/httpclient"
	"medunion/api/message"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/api/secretfile"
)

// Revoker is what the command to revoke is told. It speaks with a running public cloud
// as an operator, so that the act is authorized, limited and logged as every other one.
type Revoker struct {
	Cloud         string            `help:"Address of the public cloud." required:"" env:"PUBLICCLOUD_CLOUD"`
	PinsFile      string            `name:"pins" help:"File with the public cloud's pinned keys (JSON: cloud, pk, puk_c)." required:"" env:"PUBLICCLOUD_PINS"`
	CloudKey      httpclient.Pinned `embed:"" envprefix:"PUBLICCLOUD_"`
	Peer          httpclient.Peer   `embed:"" envprefix:"PUBLICCLOUD_"`
	OperatorToken string            `help:"File (mode 0600) with an operator's token." required:"" env:"PUBLICCLOUD_OPERATOR_TOKEN"`
}

// Whose credential is revoked.
const (
	RevokeDoctor   = "doctor"
	RevokeHospital = "hospital"
	RevokePatient  = "patient"
)

// ErrNotShown says that the public cloud shows no such credential of that role.
var ErrNotShown = errors.New("the public cloud shows no such credential")

// revokeTimeout bounds one exchange.
const revokeTimeout = 30 * time.Second

func (r Revoker) client() (*openapi.ClientWithResponses, error) {
	pins, err := certs.ParsePins(r.CloudKey.CloudSPKI)
	if err != nil {
		return nil, err
	}
	pair, err := r.Peer.Load("", "")
	if err != nil {
		return nil, err
	}
	token, err := secretfile.Passphrase(r.OperatorToken)
	if err != nil {
		return nil, fmt.Errorf("operator token: %w", err)
	}
	c := httpclient.New(httpclient.Secure{Pins: pins, Certificate: pair}.Transport(), revokeTimeout)
	return openapi.NewClientWithResponses(r.Cloud, openapi.WithHTTPClient(c), openapi.WithRequestEditorFn(httpclient.Bearer(string(token))))
}

// ParseCredential reads c_X as the command line has it: 64 hexadecimal digits.
func ParseCredential(text string) (c message.Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(c) {
		return c, errors.New("a credential is 64 hexadecimal digits")
	}
	return message.Hash(b), nil
}

// Look says whose credential it is, by what the public cloud shows: a doctor who can be
// consulted, or a hospital of the directory; otherwise ErrNotShown. Of patients it shows
// nobody.
func (r Revoker) Look(ctx context.Context, role string, credential message.Hash) (string, error) {
	c, err := r.client()
	if err != nil {
		return "", err
	}
	switch role {
	case RevokeDoctor:
		return lookDoctor(ctx, c, credential)
	case RevokeHospital:
		return r.lookHospital(ctx, c, credential)
	}
	return "a patient, if any", nil
}

func lookDoctor(ctx context.Context, c *openapi.ClientWithResponses, credential message.Hash) (string, error) {
	a, err := c.GetDoctorWithResponse(ctx, hex.EncodeToString(credential[:]))
	switch {
	case err != nil:
		return "", err
	case a.StatusCode() == http.StatusNotFound:
		return "", ErrNotShown
	case a.JSON200 == nil:
		return "", answered(a.StatusCode(), a.Body)
	}
	b, err := base64.RawURLEncoding.DecodeString(a.JSON200.Credential)
	if err != nil {
		return "", err
	}
	cred, err := message.DecodeCredential(b)
	if err != nil || cred.Hash() != credential {
		return "", errors.New("the public cloud shows another credential than was asked for")
	}
	return "doctor " + string(cred.Info.ID), nil
}

// pins are those of the file, with what has succeeded the root that they name.
func (r Revoker) pins(ctx context.Context, c *openapi.ClientWithResponses) (p message.Pins, err error) {
	if p, err = roots.ReadPins(r.PinsFile); err != nil {
		return p, err
	}
	keeper, err := roots.Open(p, forgetful{})
	if err != nil {
		return p, err
	}
	a, err := c.GetSuccessionsWithResponse(ctx)
	switch {
	case err != nil:
		return p, err
	case a.JSON200 == nil:
		return p, answered(a.StatusCode(), a.Body)
	}
	_, err = keeper.Learn(a.JSON200.Successions)
	return keeper.Pins(), err
}

// forgetful keeps nothing: the command learns of successions each time.
type forgetful struct{}

// Read implements roots.Store.
func (forgetful) Read() ([]byte, error) { return nil, fs.ErrNotExist }

// Replace implements roots.Store.
func (forgetful) Replace([]byte) error { return nil }

// lookHospital believes the directory as every party does: under the pins.
func (r Revoker) lookHospital(ctx context.Context, c *openapi.ClientWithResponses, credential message.Hash) (string, error) {
	a, err := c.GetDirectoryWithResponse(ctx)
	switch {
	case err != nil:
		return "", err
	case a.JSON200 == nil:
		return "", answered(a.StatusCode(), a.Body)
	}
	raw, err := base64.RawURLEncoding.DecodeString(a.JSON200.Signed)
	if err != nil {
		return "", err
	}
	s, err := message.DecodeSigned(raw)
	if err != nil {
		return "", err
	}
	pins, err := r.pins(ctx, c)
	if err != nil {
		return "", err
	}
	d, err := message.OpenDirectory(s, pins, message.MillisOf(time.Now()))
	if err != nil {
		return "", err
	}
	for _, h := range d.Hospitals {
		if h.Hash() == credential {
			return fmt.Sprintf("hospital %s at %s", h.Info.ID, h.Info.Attribute), nil
		}
	}
	return "", ErrNotShown
}

// Revoke revokes a credential, of whatever role, and with it those of its line, by which it was
// renewed and which it renewed. It holds at the public cloud when
// Revoke returns; again it changes nothing and succeeds. ErrNotShown if none was ever issued.
func (r Revoker) Revoke(ctx context.Context, credential message.Hash) error {
	return r.revoke(ctx, openapi.Revocation{Credential: hex.EncodeToString(credential[:])})
}

// RevokeAllBut is Revoke that leaves one other credential of the line good.
func (r Revoker) RevokeAllBut(ctx context.Context, credential, keep message.Hash) error {
	return r.revoke(ctx, openapi.Revocation{Credential: hex.EncodeToString(credential[:]), Keep: new(hex.EncodeToString(keep[:]))})
}

// RevokeUnknown is Revoke also of a credential that the public cloud has no record of.
func (r Revoker) RevokeUnknown(ctx context.Context, credential message.Hash) error {
	return r.revoke(ctx, openapi.Revocation{Credential: hex.EncodeToString(credential[:]), Unknown: new(true)})
}

func (r Revoker) revoke(ctx context.Context, body openapi.Revocation) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	a, err := c.RevokeCredentialWithResponse(ctx, body)
	switch {
	case err != nil:
		return err
	case a.StatusCode() == http.StatusNotFound:
		return ErrNotShown
	case a.StatusCode() != http.StatusNoContent:
		return answered(a.StatusCode(), a.Body)
	}
	return nil
}

// answered is an answer that is none of those that were expected.
func answered(status int, body []byte) error {
	if e, err := problem.Parse(body); err == nil {
		return fmt.Errorf("the public cloud answers %d: %s", status, e.Kind)
	}
	return fmt.Errorf("the public cloud answers %d", status)
}

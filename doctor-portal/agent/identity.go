package agent

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/skip2/go-qrcode"

	"medunion/api/doctorcert"
	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
)

// Doctor tells how far the set-up has come, and whether patients can reach it.
func (a *Agent) Doctor() api.Doctor {
	v := api.Doctor{ID: string(a.d.ID()), Suite: int(a.d.Suite()), State: api.New}
	if a.d.Certificate() != nil {
		v.State = api.Certified
	}
	if cred, err := a.d.Credential(); err == nil {
		v.State, v.Credential = api.Registered, optional(hexHash(cred.Hash()))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Online, v.Trouble = a.online, optional(a.trouble)
	return v
}

func hexHash(h message.Hash) string { return hex.EncodeToString(h[:]) }

// optional is nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Credential returns Cred_D; a conflict before registration.
func (a *Agent) Credential() (message.Credential, error) { return a.d.Credential() }

// RequestCertificate returns the JSON document that the medical authority takes:
// the doctor's keys and what q says, signed.
func (a *Agent) RequestCertificate(q message.CertificateRequest) ([]byte, error) {
	b, err := doctorcert.EncodeRequest(a.d.RequestCertificate(q))
	if err != nil {
		return nil, problem.Invalid("The certificate request is not valid.").Because(err)
	}
	return b, nil
}

// SetCertificate takes Cert_D from the medical authority.
func (a *Agent) SetCertificate(certificate []byte) error {
	if err := a.d.SetCertificate(certificate); err != nil {
		return err
	}
	return a.store.save()
}

// Register registers at the public cloud (M0) through the portal. The keys are
// durable before the request leaves and again before it returns.
func (a *Agent) Register(ctx context.Context) error {
	if err := a.again(func() error { return a.register(ctx) }); err != nil {
		return err
	}
	if err := a.store.save(); err != nil {
		return err
	}
	a.link.set("", a.cfg.Now()) // the session was the old credential's
	select {
	case a.wake <- struct{}{}:
	default:
	}
	return nil
}

func (a *Agent) register(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	challenge, err := a.challenge(ctx)
	if err != nil {
		return err
	}
	req, err := a.d.Register(challenge)
	if err != nil {
		return err
	}
	if err := a.store.save(); err != nil {
		return err
	}
	began := time.Now()
	sent := message.Sent{Type: message.TypeM0, From: message.Doctor, To: message.PublicCloud, Bytes: len(req.Encode())}
	a.cfg.Trace(sent)
	r, err := a.link.client.RelayRegistration(ctx, portal.Message(httpserver.NewMessage(req.Encode())))
	var m httpserver.Message
	if err := answer(r, err, smallAnswer, &m); err != nil {
		return err
	}
	b, err := m.Bytes(httpserver.MessageCap)
	if err != nil {
		return problem.Refused(err)
	}
	a.cfg.Trace(message.Sent{Type: message.TypeM0, From: message.PublicCloud, To: message.Doctor, Bytes: len(b), Took: time.Since(began)})
	reply, err := message.DecodeRegistrationReply(b)
	if err != nil {
		return problem.Refused(err)
	}
	return a.d.AcceptRegistration(reply)
}

func (a *Agent) challenge(ctx context.Context) ([]byte, error) {
	r, err := a.link.client.RelayChallenge(ctx)
	var c portal.Challenge
	if err := answer(r, err, smallAnswer, &c); err != nil {
		return nil, err
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(c.Challenge)
	if err != nil {
		return nil, problem.Refused(err)
	}
	return b, nil
}

// Card returns the visit link.
func (a *Agent) Card() (api.Card, error) {
	link, err := a.d.Card(a.origin)
	if err != nil {
		return api.Card{}, err
	}
	cred, err := a.d.Credential()
	if err != nil {
		return api.Card{}, err
	}
	return api.Card{Link: link, Credential: hexHash(cred.Hash())}, nil
}

// CardImage returns the visit link as a QR code, a PNG of 512 x 512 pixels.
func (a *Agent) CardImage() ([]byte, error) {
	card, err := a.Card()
	if err != nil {
		return nil, err
	}
	png, err := qrcode.Encode(card.Link, qrcode.Medium, 512)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return png, nil
}

package agent

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/practice"
	"medunion/ecc"
)

// errDevelopment: what signs whatever is asked of it stays among programs of one machine.
var errDevelopment = errors.New("development mode is for a portal on loopback only")

// preparer makes messages that testers send. It signs at the level of package message: the
// role refuses what a tester must be able to send, and its visits stay as they are.
type preparer struct {
	practice *practice.Practice
	httpserver.Exchanges[exchange]
}

// exchange is what a handle names.
type exchange interface {
	// open verifies a reply and says what it means.
	open(p *preparer, reply []byte) (api.Opened, error)
}

var (
	errNotNext = problem.Conflict("Another step comes before this one.")
	errReply   = errors.New("agent: not the reply to this exchange")
)

// find returns an exchange of one kind.
func find[X exchange](p *preparer, handle string) (X, error) {
	return httpserver.Exchange[X](&p.Exchanges, handle)
}

// signer is the doctor as her messages need her.
type signer struct {
	practice.Raw
	pins        message.Pins
	pk          ecc.Point // of the root that issued the credential
	suite       ecc.Suite
	sign        ecc.SigningKey
	certificate []byte
	credential  message.Credential
	c           message.Hash
	s           ecc.Scalar
}

func (p *preparer) signer() (*signer, error) {
	raw, err := p.practice.Raw()
	if err != nil {
		return nil, err
	}
	identity := raw.Identity()
	defer clear(identity)
	d := &signer{Raw: raw, pins: p.practice.Pins()}
	return d, d.decode(identity)
}

// decode reads doctor.Doctor.Export.
func (d *signer) decode(identity []byte) error {
	f, err := ecc.Decode(ecc.LabelDoctorIdentity, identity, 10)
	if err != nil {
		return problem.Internal(err)
	}
	if len(f[7]) == 0 {
		return problem.Conflict("The doctor is not registered.")
	}
	if d.credential, err = message.DecodeCredential(slices.Clone(f[7])); err != nil {
		return problem.Internal(err)
	}
	root, err := d.pins.Issuer(d.credential)
	if err != nil {
		return problem.Internal(err)
	}
	d.pk = root.PK
	d.suite, d.certificate, d.c = ecc.Suite(f[0][0]), slices.Clone(f[6]), d.credential.Hash()
	if d.sign, err = ecc.SigningKeyFromSeed(f[2]); err != nil {
		return problem.Internal(err)
	}
	d.s, err = ecc.DecodeScalar(f[8])
	return problemOf(err)
}

// problemOf keeps nil nil.
func problemOf(err error) error {
	if err == nil {
		return nil
	}
	return problem.From(err)
}

// at is the time T of a message.
func (d *signer) at(shift *api.TimeShift) message.Millis {
	return message.Millis(int64(d.Stamp()) + value(shift))
}

// begin starts a message that opens an exchange, and the one-time key of its reply.
func (d *signer) begin(t message.Type, shift *api.TimeShift, to ecc.KEMPublicKey, recipient message.ID) (*message.Sealing, oneTime, error) {
	h, err := message.NewHeader(rand.Reader, d.suite, t, [16]byte{}, d.at(shift))
	if err != nil {
		return nil, oneTime{}, problem.Internal(err)
	}
	sealing, err := message.Begin(rand.Reader, to, recipient, h)
	if err != nil {
		return nil, oneTime{}, problem.Refused(err)
	}
	key, err := ecc.GenerateKEM(d.suite, rand.Reader)
	if err != nil {
		return nil, oneTime{}, problem.Internal(err)
	}
	return sealing, oneTime{key: key, session: sealing.Header().Session}, nil
}

// toCloud is begin for the public cloud.
func (d *signer) toCloud(ctx context.Context, t message.Type, shift *api.TimeShift) (*message.Sealing, oneTime, error) {
	signed, err := d.CloudPrekey(ctx)
	if err != nil {
		return nil, oneTime{}, err
	}
	key, _, err := message.OpenCloudPrekey(signed, d.pins, d.suite, d.Stamp())
	if err != nil {
		return nil, oneTime{}, problem.Refused(err)
	}
	return d.begin(t, shift, key.Key, d.pins.CloudID)
}

// oneTime opens the reply to one message.
type oneTime struct {
	key     ecc.KEMPrivateKey
	session [16]byte
}

func (o oneTime) open(m message.Message, want message.Type, recipient message.ID) (ecc.Opened, error) {
	if !o.key.Valid() || m.Header.Type != want || m.Header.Session != o.session || m.Header.Seq != 1 {
		return ecc.Opened{}, problem.Refused(errReply)
	}
	opened, err := message.Open(m, o.key, recipient)
	if err != nil {
		return ecc.Opened{}, problem.Refused(err)
	}
	return opened, nil
}

func value[T any](v *T) (out T) {
	if v != nil {
		out = *v
	}
	return out
}

func text64(b []byte) *string {
	s := base64.RawURLEncoding.EncodeToString(b)
	return &s
}

// sealed is what a step that seals a message answers.
func sealed(handle string, m message.Message) api.Prepared {
	return api.Prepared{Handle: &handle, Message: text64(m.Encode())}
}

func (h handlers) PrepareMessage(c echo.Context) error {
	var q api.Step
	if err := httpserver.ReadJSON(c, &q); err != nil {
		return err
	}
	step, err := q.ValueByDiscriminator()
	if err != nil {
		return problem.Invalid("The step is not known.").Because(err)
	}
	p := h.a.preparer
	p.Lock()
	defer p.Unlock()
	out, err := p.prepare(c.Request().Context(), step)
	return reply(c, http.StatusOK, out, err)
}

func (p *preparer) prepare(ctx context.Context, step any) (api.Prepared, error) {
	switch q := step.(type) {
	case api.StepCertificateRequest:
		return p.applicant(q)
	case api.StepM0:
		return p.registration(q)
	}
	d, err := p.signer()
	if err != nil {
		return api.Prepared{}, err
	}
	switch q := step.(type) {
	case api.StepPrekey:
		return p.prekey(d, q)
	case api.StepLogin:
		return p.login(d, q)
	case api.StepM4:
		return p.search(ctx, d, q)
	case api.StepM6:
		return p.session(ctx, d, q)
	case api.StepM8:
		return p.request(d, q)
	case api.StepM11:
		return p.diagnosis(d, q)
	case api.StepM12:
		return p.indexing(ctx, d, q)
	}
	return api.Prepared{}, problem.Invalid("The step is not known.")
}

func (h handlers) OpenReply(c echo.Context) error {
	var q api.Reply
	if err := httpserver.ReadJSON(c, &q); err != nil {
		return err
	}
	b, err := httpserver.Message{Message: q.Message}.Bytes(httpserver.LargeMessageCap)
	if err != nil {
		return err
	}
	p := h.a.preparer
	p.Lock()
	defer p.Unlock()
	x, err := p.Find(q.Handle)
	if err != nil {
		return err
	}
	out, err := x.open(p, b)
	return reply(c, http.StatusOK, out, err)
}

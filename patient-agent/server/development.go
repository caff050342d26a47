package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/agent"
	"medunion/patient-agent/patient"
)

// errDevelopment: what signs whatever is asked of it stays among programs of one machine.
var errDevelopment = errors.New("development mode is for a public cloud and a page on loopback only")

// preparer makes messages that testers send.
type preparer struct {
	raw agent.Raw
	httpserver.Exchanges[exchange]
}

// exchange is what a handle names.
type exchange interface {
	// open verifies a reply and says what it means.
	open(reply []byte) (api.Opened, error)
}

var errNotReply = errors.New("server: not a reply of this exchange")

// find returns an exchange of one kind.
func find[X exchange](p *preparer, handle string) (X, error) {
	return httpserver.Exchange[X](&p.Exchanges, handle)
}

// person is who sends: a role whose clock is as far off as the step wants it.
type person struct {
	role  *patient.Patient
	ahead time.Duration
	uv    ecc.SigningKey // of a throwaway identity
	own   bool
}

func (p *preparer) stamp(who *person) func() time.Time {
	return func() time.Time { return p.raw.Stamp().Add(who.ahead) }
}

// as is she herself, or the throwaway identity of a handle.
func (p *preparer) as(handle *api.IdentityHandle, shift *api.TimeShift) (*person, error) {
	who, err := p.who(handle)
	if err == nil {
		who.ahead = ahead(shift)
	}
	return who, err
}

func ahead(shift *api.TimeShift) time.Duration { return time.Duration(value(shift)) * time.Millisecond }

func (p *preparer) who(handle *api.IdentityHandle) (*person, error) {
	if handle != nil {
		return find[*person](p, *handle)
	}
	who := &person{own: true}
	var err error
	who.role, err = p.raw.Own(p.stamp(who))
	return who, err
}

func (h handlers) PrepareMessage(ctx context.Context, r api.PrepareMessageRequestObject) (api.PrepareMessageResponseObject, error) {
	step, err := r.Body.ValueByDiscriminator()
	if err != nil {
		return nil, problem.Invalid("The step is not known.").Because(err)
	}
	h.preparer.Lock()
	defer h.preparer.Unlock()
	out, err := h.preparer.prepare(ctx, step)
	return api.PrepareMessage200JSONResponse(out), err
}

func (p *preparer) prepare(ctx context.Context, step any) (api.Prepared, error) {
	switch q := step.(type) {
	case api.StepM0:
		return p.registration(q)
	case api.StepEnrolment:
		return p.enrolment(ctx, q)
	case api.StepHospitalQuestion:
		return p.askHospital(ctx, q)
	case api.StepCloudQuestion:
		return p.askCloud(ctx, q)
	case api.StepM1:
		return p.consultation(ctx, q)
	case api.StepM3:
		return p.consent(q)
	}
	return api.Prepared{}, problem.Invalid("The step is not known.")
}

func (h handlers) OpenReply(_ context.Context, r api.OpenReplyRequestObject) (api.OpenReplyResponseObject, error) {
	b, err := httpserver.Message{Message: r.Body.Message}.Bytes(httpserver.LargeMessageCap)
	if err != nil {
		return nil, err
	}
	h.preparer.Lock()
	defer h.preparer.Unlock()
	x, err := h.preparer.Find(r.Body.Handle)
	if err != nil {
		return nil, err
	}
	out, err := x.open(b)
	return api.OpenReply200JSONResponse(out), err
}

// prepared is what a step that makes a message answers.
func (p *preparer) prepared(x exchange, m message.Message, err error) (api.Prepared, error) {
	if err != nil {
		return api.Prepared{}, problem.From(err)
	}
	return api.Prepared{Handle: p.Add(x), Message: httpserver.NewMessage(m.Encode()).Message}, nil
}

// registration makes M0 (Eq. 2-4).
func (p *preparer) registration(q api.StepM0) (api.Prepared, error) {
	challenge, err := unbase64(q.Challenge)
	if err != nil {
		return api.Prepared{}, err
	}
	who, err := p.throwaway(q.Identity)
	if err != nil {
		return api.Prepared{}, err
	}
	m0, err := who.role.RequestRegistration(challenge, q.Code)
	if err != nil {
		return api.Prepared{}, problem.From(err)
	}
	out := api.Prepared{Handle: value(q.Identity), Message: httpserver.NewMessage(m0.Encode()).Message}
	if q.Identity == nil {
		out.Handle = p.Add(who)
	}
	return out, nil
}

func (p *preparer) throwaway(handle *api.IdentityHandle) (*person, error) {
	if handle != nil {
		return find[*person](p, *handle)
	}
	uv, err := ecc.GenerateSigningKey(rand.Reader)
	if err != nil {
		return nil, problem.Internal(err)
	}
	who := &person{uv: uv}
	who.role, err = p.raw.Throwaway(uv.Public(), p.stamp(who))
	return who, err
}

func (who *person) open(b []byte) (api.Opened, error) {
	reply, err := message.DecodeRegistrationReply(b)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if err := who.role.AcceptRegistration(reply); err != nil {
		return api.Opened{}, err
	}
	c := reply.Credential
	return api.Opened{Type: api.OpenedTypeM0, Registration: &api.OpenedRegistration{ID: string(c.Info.ID), Credential: hexOf(c.Hash()),
		Until: c.Info.NotAfter.Time()}}, nil
}

func hexOf(h message.Hash) string { return hex.EncodeToString(h[:]) }

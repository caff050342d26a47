//go:build !js

package practice

import (
	"context"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
)

// Raw is the open practice for a program that makes messages beside the doctor's own work:
// the headless agent in development mode. The browser's program does not have it.
type Raw struct{ s *session }

// Raw fails with a conflict while the store is locked.
func (p *Practice) Raw() (Raw, error) {
	s, err := p.session()
	return Raw{s}, err
}

// Identity is doctor.Doctor.Export: all of the doctor's secrets.
func (r Raw) Identity() []byte { return r.s.d.Export() }

// Stamp is the time that the next message would bear.
func (r Raw) Stamp() message.Millis { return message.MillisOf(r.s.stamp()) }

// Visit is the role's side of a visit.
func (r Raw) Visit(id string) (*doctor.Visit, error) {
	_, v, err := r.s.p.visit(id)
	if err != nil {
		return nil, err
	}
	return v.role, nil
}

// Compose makes M_DINF of a draft, as Preview does.
func (r Raw) Compose(id string, d Draft) ([]byte, error) {
	_, v, err := r.s.p.visit(id)
	if err != nil {
		return nil, err
	}
	return r.s.compose(v, d)
}

// NewDoctor draws the keys of another doctor, in memory only.
func (r Raw) NewDoctor(id message.ID) (*doctor.Doctor, error) {
	cfg := r.s.p.cfg
	return doctor.New(doctor.Config{Pins: r.s.p, VerifyCertificate: r.s.p.authority.Verify, Now: cfg.Now, Rand: cfg.Rand, Seen: noM1{}}, r.s.d.Suite(), id)
}

// noM1 is the memory of a doctor who answers nobody.
type noM1 struct{}

func (noM1) Accept(context.Context, [16]byte, time.Time) error { return problem.Refused(nil) }

// Prekey is the doctor's current prekey, durable before it is shown.
func (r Raw) Prekey() (message.Signed, error) {
	signed, fresh, err := r.s.d.Prekey()
	if err == nil && fresh {
		err = r.s.store.Save()
	}
	return signed, err
}

// CloudPrekey is the public cloud's, to be verified by the caller.
func (r Raw) CloudPrekey(ctx context.Context) (message.Signed, error) {
	return r.s.cloudPrekey(ctx)
}

// Hospital is a hospital's latest credential in the signed directory, with its prekey, to
// be verified by the caller.
func (r Raw) Hospital(ctx context.Context, id message.ID) (cred message.Credential, prekey message.Signed, err error) {
	if cred, err = r.s.listed(ctx, id); err != nil {
		return cred, prekey, err
	}
	prekey, err = r.s.link.prekey(ctx, hexHash(cred.Hash()), int(r.s.d.Suite()))
	return cred, prekey, err
}

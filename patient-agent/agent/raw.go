package agent

import (
	"context"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// Raw is for a program that makes messages beside the agent's own work, in development
// mode. It changes nothing in the store.
type Raw struct{ a *Agent }

// Raw needs no open store; Own does.
func (a *Agent) Raw() Raw { return Raw{a} }

// Own is her role with a clock of its own for what she sends.
func (r Raw) Own(stamp func() time.Time) (*patient.Patient, error) {
	o, err := r.a.registered()
	if err != nil {
		return nil, err
	}
	return r.role(o.role().Identity(), stamp)
}

// Throwaway is somebody else, not registered yet, whom uv verifies. She lives in memory only.
func (r Raw) Throwaway(uv ecc.VerifyKey, stamp func() time.Time) (*patient.Patient, error) {
	id, err := patient.NewIdentity(r.a.cfg.Rand, r.a.cfg.Suite, uv)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return r.role(id, stamp)
}

func (r Raw) role(id patient.Identity, stamp func() time.Time) (*patient.Patient, error) {
	c := r.a.cfg
	role, err := patient.New(patient.Config{Now: c.Now, Rand: c.Rand, Pins: r.a.pins, VerifyCertificate: c.VerifyCertificate, Stamp: stamp}, id)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return role, nil
}

// Stamp is the time that the agent's next message would bear.
func (r Raw) Stamp() time.Time { return r.a.clock.stamp() }

// Verification is the key behind β_P of her own identity, by the passphrase.
func (r Raw) Verification(passphrase []byte) (ecc.SigningKey, error) {
	o, err := r.a.registered()
	if err != nil {
		return ecc.SigningKey{}, err
	}
	return r.a.verificationKey(o, passphrase)
}

// Hospital finds a hospital of the directory for the role, verified.
func (r Raw) Hospital(ctx context.Context, role *patient.Patient, id message.ID) (patient.Hospital, error) {
	return r.a.hospital(ctx, alone(role), id)
}

// CloudPrekey is the public cloud's; the role verifies it.
func (r Raw) CloudPrekey(ctx context.Context, role *patient.Patient) (message.Signed, error) {
	return r.a.cloudPrekey(ctx, alone(role))
}

// Doctor fetches and verifies the card behind a link.
func (r Raw) Doctor(ctx context.Context, role *patient.Patient, link string) (patient.Doctor, error) {
	_, d, _, err := r.a.doctor(ctx, alone(role), link)
	return d, err
}

// Departments are those of the signed parameters.
func (r Raw) Departments(ctx context.Context) ([]message.Code, error) {
	p, err := r.a.parameters(ctx)
	return p.Departments, err
}

// Department is the doctor's only one, or the one wanted if it is his.
func (Raw) Department(d patient.Doctor, wanted message.Code) (message.Code, error) {
	return department(d, wanted)
}

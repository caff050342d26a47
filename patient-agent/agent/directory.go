package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/patient-agent/patient"
)

// How long what the public cloud publishes is used before it is fetched again.
const (
	parametersLife  = time.Hour
	revocationsLife = 5 * time.Minute
)

var errOldList = errors.New("the public cloud has shown a newer revocation list before")

// lists remembers what the public cloud publishes.
type lists struct {
	mu          sync.Mutex
	parameters  message.Parameters
	fetched     time.Time // of the parameters
	revocations message.Revocations
	seen        time.Time // of the revocations
}

// learned is when the successions of the public cloud's root were asked for.
type learned struct {
	mu sync.Mutex
	at time.Time
}

// signed fetches one signed statement.
func signed(resp *http.Response, err error) (message.Signed, error) {
	w, err := decode[publiccloud.Signed](resp, err, http.StatusOK)
	if err != nil {
		return message.Signed{}, err
	}
	return openSigned(w.Signed)
}

// learn takes the successions of the public cloud's root that she does not know yet, if it
// is time to ask.
func (a *Agent) learn(ctx context.Context) error {
	l := &a.learned
	l.mu.Lock()
	defer l.mu.Unlock()
	now := a.cfg.Now()
	if !l.at.IsZero() && now.Sub(l.at).Abs() < revocationsLife {
		return nil
	}
	resp, err := a.cloud.GetSuccessions(ctx)
	list, err := decode[publiccloud.Successions](resp, err, http.StatusOK)
	if err != nil {
		return err
	}
	if _, err := a.pins.Learn(list.Successions); err != nil {
		return problem.Refused(err)
	}
	l.at = now
	return nil
}

// parameters returns the public parameters, verified under the pins.
func (a *Agent) parameters(ctx context.Context) (message.Parameters, error) {
	l := &a.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := a.cfg.Now(); !l.fetched.IsZero() && now.Sub(l.fetched) < parametersLife {
		return l.parameters, nil
	}
	if err := a.learn(ctx); err != nil {
		return message.Parameters{}, err
	}
	s, err := signed(a.cloud.GetParameters(ctx))
	if err != nil {
		return message.Parameters{}, err
	}
	p, err := message.OpenParameters(s, a.pins.Pins(), message.MillisOf(a.cfg.Now()))
	if err != nil {
		return message.Parameters{}, problem.Refused(err)
	}
	l.parameters, l.fetched = p, a.cfg.Now()
	return p, nil
}

// revocations returns a revocation list that is new enough, and never one older than
// a list shown before: nobody takes a revocation back.
func (a *Agent) revocations(ctx context.Context) (message.Revocations, error) {
	l := &a.lists
	l.mu.Lock()
	defer l.mu.Unlock()
	now := a.cfg.Now()
	if !l.seen.IsZero() && now.Sub(l.seen) < revocationsLife {
		return l.revocations, nil
	}
	if err := a.learn(ctx); err != nil {
		return message.Revocations{}, err
	}
	s, err := signed(a.cloud.GetRevocations(ctx))
	if err != nil {
		return message.Revocations{}, err
	}
	v, err := message.OpenRevocations(s, a.pins.Pins(), message.MillisOf(now))
	if err != nil {
		return message.Revocations{}, problem.Refused(err)
	}
	if v.Issued < l.revocations.Issued {
		return message.Revocations{}, problem.Refused(errOldList)
	}
	l.revocations, l.seen = v, now
	return v, nil
}

// directory returns the credentials of the hospitals, verified, without the revoked.
func (a *Agent) directory(ctx context.Context) ([]message.Credential, error) {
	revoked, err := a.revocations(ctx) // and, before them, what succeeded the public cloud's root
	if err != nil {
		return nil, err
	}
	s, err := signed(a.cloud.GetDirectory(ctx))
	if err != nil {
		return nil, err
	}
	d, err := message.OpenDirectory(s, a.pins.Pins(), message.MillisOf(a.cfg.Now()))
	if err != nil {
		return nil, problem.Refused(err)
	}
	var out []message.Credential
	for _, c := range d.Hospitals {
		if !revoked.Contains(c.Hash()) {
			out = append(out, c)
		}
	}
	return out, nil
}

// hospital finds a hospital of the directory and verifies its current prekey.
func (a *Agent) hospital(ctx context.Context, o *opened, id message.ID) (patient.Hospital, error) {
	all, err := a.directory(ctx)
	if err != nil {
		return patient.Hospital{}, err
	}
	for _, c := range all {
		if c.Info.ID == id {
			return a.verifyHospital(ctx, o, c)
		}
	}
	return patient.Hospital{}, problem.NotFound("The directory has no such hospital.").Coded("no-hospital")
}

func (a *Agent) verifyHospital(ctx context.Context, o *opened, c message.Credential) (patient.Hospital, error) {
	if err := checkAddress(string(c.Info.Attribute), a.cfg.AllowHTTP); err != nil {
		return patient.Hospital{}, err
	}
	h := c.Hash()
	prekey, err := signed(a.cloud.GetPrekey(ctx, hex.EncodeToString(h[:]), &publiccloud.GetPrekeyParams{}))
	if err != nil {
		return patient.Hospital{}, err
	}
	revoked, err := a.revocations(ctx)
	if err != nil {
		return patient.Hospital{}, err
	}
	return o.role().VerifyHospital(c, prekey, revoked)
}

// cloudPrekey fetches the public cloud's prekey of her suite; the role verifies it.
func (a *Agent) cloudPrekey(ctx context.Context, o *opened) (message.Signed, error) {
	if err := a.learn(ctx); err != nil {
		return message.Signed{}, err
	}
	suite := int(o.role().Identity().Suite)
	return signed(a.cloud.GetPrekey(ctx, "cloud", &publiccloud.GetPrekeyParams{Suite: &suite}))
}

package agent

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// minPassphrase is the fewest bytes of a passphrase for a new store.
const minPassphrase = 8

// Identity is what may be shown of her identity.
type Identity struct {
	ID         message.ID
	Credential message.Hash // c_P
	Suite      ecc.Suite
	NotAfter   time.Time
}

// Register makes an identity and a store for it under the passphrase, and registers
// it with the single-use code (M0). An attempt whose answer was lost is repeated
// with the same keys; if the public cloud then knows the identifier already, the
// partial key is lost with that answer, and a new identity takes its place.
func (a *Agent) Register(ctx context.Context, code string, passphrase []byte) (Identity, error) {
	if len(code) == 0 || len(code) > 64 {
		return Identity{}, problem.Invalid("The registration code is missing or too long.")
	}
	p, err := a.parameters(ctx)
	if err != nil {
		return Identity{}, err
	}
	if !slices.Contains(p.Suites, a.cfg.Suite) {
		return Identity{}, problem.Invalid("The public cloud does not offer this suite.")
	}
	if err := a.openOrCreate(passphrase); err != nil {
		return Identity{}, err
	}
	a.opening.Lock() // nobody else registers meanwhile
	defer a.opening.Unlock()
	o, err := a.opened()
	if err != nil {
		return Identity{}, err
	}
	if o.role.Registered() {
		return Identity{}, problem.Conflict("There is a registered identity already.")
	}
	key, err := a.verificationKey(o, passphrase)
	if err != nil {
		return Identity{}, err
	}
	err = a.register(ctx, o, code)
	if problem.KindOf(err) == problem.KindConflict {
		if o, err = a.renew(o, key.Public()); err == nil {
			err = a.register(ctx, o, code)
		}
	}
	if err != nil {
		return Identity{}, err
	}
	return a.Identity()
}

// openOrCreate opens the store, or makes one with a fresh identity. The keys are
// durable before the public cloud hears of them.
func (a *Agent) openOrCreate(passphrase []byte) error {
	if keystore.Exists(a.cfg.Store) {
		return a.Unlock(passphrase)
	}
	if len(passphrase) < minPassphrase {
		return problem.Invalid("The passphrase must have 8 bytes at least.")
	}
	a.opening.Lock()
	defer a.opening.Unlock()
	store, err := keystore.Create(a.storeOptions(), passphrase, func(c *keystore.Content) error {
		key, err := c.Verification.Key(passphrase)
		if err != nil {
			return err
		}
		c.Identity, err = a.freshIdentity(key.Public())
		return err
	})
	if err != nil {
		return storeProblem(err)
	}
	if err := a.adopt(store); err != nil {
		return errors.Join(err, store.Close())
	}
	return nil
}

func (a *Agent) freshIdentity(verification ecc.VerifyKey) ([]byte, error) {
	id, err := patient.NewIdentity(a.cfg.Rand, a.cfg.Suite, verification)
	return id.Encode(), err
}

// renew replaces an identity that was never registered.
func (a *Agent) renew(o *opened, verification ecc.VerifyKey) (*opened, error) {
	b, err := a.freshIdentity(verification)
	if err != nil {
		return nil, problem.Internal(err)
	}
	return a.replaceIdentity(o, b)
}

// replaceIdentity makes the identity durable and then current. A role is never
// changed while others may use it: a new one takes its place.
func (a *Agent) replaceIdentity(o *opened, identity []byte) (*opened, error) {
	id, err := patient.DecodeIdentity(identity)
	if err != nil {
		return nil, problem.Internal(err)
	}
	role, err := a.newRole(id)
	if err != nil {
		return nil, problem.Internal(err)
	}
	if err := o.store.Update(func(c *keystore.Content) error { c.Identity = identity; return nil }); err != nil {
		return nil, storeProblem(err)
	}
	a.setOpen(o.store, role)
	return a.opened()
}

// register runs M0 once, or twice if the challenge was too old when it arrived.
func (a *Agent) register(ctx context.Context, o *opened, code string) error {
	role, err := a.newRole(o.role.Identity())
	if err != nil {
		return problem.Internal(err)
	}
	reply, err := a.requestRegistration(ctx, role, code)
	if problem.KindOf(err) == problem.KindStale {
		reply, err = a.requestRegistration(ctx, role, code)
	}
	if err != nil {
		return err
	}
	if err := role.AcceptRegistration(reply); err != nil { // Eq. 4
		return err
	}
	_, err = a.replaceIdentity(o, role.Identity().Encode())
	return err
}

func (a *Agent) requestRegistration(ctx context.Context, role *patient.Patient, code string) (message.RegistrationReply, error) {
	resp, err := a.cloud.CreateChallenge(ctx)
	c, err := decode[publiccloud.Challenge](resp, err, http.StatusOK)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	challenge, err := unwrap(c.Challenge, message.ChallengeSize)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	begun := time.Now()
	q, err := role.RequestRegistration(challenge, code)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	m0 := q.Encode()
	a.cfg.Trace(message.Sent{Type: message.TypeM0, From: message.Patient, To: message.PublicCloud, Bytes: len(m0), Took: time.Since(begun)})
	begun = time.Now()
	resp, err = a.cloud.Register(ctx, publiccloud.Message{Message: encode(m0)})
	w, err := decode[wire](resp, err, http.StatusCreated)
	if err != nil {
		return message.RegistrationReply{}, err
	}
	b, err := unwrap(w.Message, message.TypeM1.Limit())
	if err != nil {
		return message.RegistrationReply{}, err
	}
	a.cfg.Trace(message.Sent{Type: message.TypeM0, From: message.PublicCloud, To: message.Patient, Bytes: len(b), Took: time.Since(begun)})
	reply, err := message.DecodeRegistrationReply(b)
	if err != nil {
		return message.RegistrationReply{}, problem.Refused(err)
	}
	return reply, nil
}

// Identity returns what may be shown of her identity.
func (a *Agent) Identity() (Identity, error) {
	o, err := a.registered()
	if err != nil {
		return Identity{}, err
	}
	c := o.role.Identity().Credential
	return Identity{ID: c.Info.ID, Credential: c.Hash(), Suite: c.Info.Suite, NotAfter: c.Info.NotAfter.Time()}, nil
}

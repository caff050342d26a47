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
	ID           message.ID
	Credential   message.Hash // c_P
	Suite        ecc.Suite
	Verification message.VerificationKind
	NotAfter     time.Time // or when the root that issued it ends, if that is earlier
	Renewal      string    // what she must know of its renewal: late, ended or elsewhere; "" for nothing
}

// Means are what open a new store and approve consents: a passphrase alone does both. A
// passkey approves consents and, if it has the PRF extension, opens the store; a
// passphrase beside it opens the store too.
type Means struct {
	Passphrase []byte
	Passkey    *NewPasskey
}

// Register registers with a passphrase: RegisterWith without a passkey.
func (a *Agent) Register(ctx context.Context, code string, passphrase []byte) (Identity, error) {
	return a.RegisterWith(ctx, code, Means{Passphrase: passphrase})
}

// RegisterWith makes an identity and a store for it, and registers it with the
// single-use code (M0). An attempt whose answer was lost is repeated with the same keys; if
// the public cloud then knows the identifier already, the partial key is lost with that
// answer, and a new identity takes its place. To repeat while the store is open, the code
// alone is enough; a new passkey, or a passphrase instead of one, makes the store anew.
func (a *Agent) RegisterWith(ctx context.Context, code string, m Means) (Identity, error) {
	if len(code) == 0 || len(code) > 64 {
		return Identity{}, problem.Invalid("The registration code is missing or too long.").Coded("code-missing")
	}
	p, err := a.parameters(ctx)
	if err != nil {
		return Identity{}, err
	}
	if !slices.Contains(p.Suites, a.cfg.Suite) {
		return Identity{}, problem.Invalid("The public cloud does not offer this suite.").Coded("suite-not-offered")
	}
	if err := a.openOrCreate(m); err != nil {
		return Identity{}, err
	}
	a.opening.Lock() // nobody else registers meanwhile
	defer a.opening.Unlock()
	o, err := a.opened()
	if err != nil {
		return Identity{}, err
	}
	if o.role().Registered() {
		return Identity{}, errRegistered
	}
	err = a.register(ctx, o, code)
	if problem.KindOf(err) == problem.KindConflict {
		if o, err = a.drawAnew(o); err == nil {
			err = a.register(ctx, o, code)
		}
	}
	if err != nil {
		return Identity{}, err
	}
	return a.Identity()
}

var errRegistered = problem.Conflict("There is a registered identity already.").Coded("registered-already")

// openOrCreate opens the store, or makes one with a fresh identity. The keys are
// durable before the public cloud hears of them.
func (a *Agent) openOrCreate(m Means) error {
	if !keystore.Exists(a.cfg.Store) {
		return a.create(m, false)
	}
	o, err := a.opened()
	switch {
	case err == nil && o.role().Registered():
		return errRegistered
	case err == nil && (m.Passkey != nil || m.Passphrase != nil && !slices.Contains(o.store.Header().Openers(), message.KindPassphrase)):
		return a.create(m, true)
	case m.Passphrase != nil:
		return a.Unlock(m.Passphrase)
	}
	return err
}

// discard deletes the open store, unless its identity has been registered meanwhile.
func (a *Agent) discard() error {
	a.opening.Lock()
	defer a.opening.Unlock()
	if o, err := a.opened(); err != nil {
		return err
	} else if o.role().Registered() {
		return errRegistered
	}
	return storeProblem(a.close().store.Discard())
}

// create makes a store, in the place of the open one if anew; that is deleted once the
// means of the new one have been checked.
func (a *Agent) create(m Means, anew bool) error {
	if m.Passphrase != nil && len(m.Passphrase) < minPassphrase {
		return errShort
	}
	n, err := a.newStore(m)
	if err != nil {
		return err
	}
	if anew {
		if err := a.discard(); err != nil {
			return err
		}
	}
	a.opening.Lock()
	defer a.opening.Unlock()
	store, err := keystore.Create(a.storeOptions(), n)
	if err != nil {
		return storeProblem(err)
	}
	if err := a.adopt(store); err != nil {
		return errors.Join(err, store.Close())
	}
	return nil
}

// newStore checks the means and says what the store is made of.
func (a *Agent) newStore(m Means) (n keystore.New, err error) {
	if m.Passphrase != nil {
		n.Openers = append(n.Openers, keystore.Passphrase(m.Passphrase))
	}
	if m.Passkey == nil {
		if m.Passphrase == nil {
			return n, errNoOpener
		}
		n.Begin = func(c *keystore.Content) error { return a.beginByPassphrase(c, m.Passphrase) }
		return n, nil
	}
	if m.Passkey.PRF != nil {
		n.Openers = append(n.Openers, keystore.Opener{PRF: m.Passkey.PRF, CredentialID: m.Passkey.CredentialID})
	}
	if len(n.Openers) == 0 {
		return n, errNoOpener
	}
	k, err := a.openPasskey(*m.Passkey)
	if err != nil {
		return n, err
	}
	n.Passkey = &keystore.Passkey{CredentialID: k.CredentialID, RPID: k.RPID}
	n.Begin = func(c *keystore.Content) (err error) {
		c.Passkey = &k
		c.Identity, err = a.freshIdentity(*c)
		return err
	}
	return n, nil
}

// beginByPassphrase makes the identity while the passphrase is at hand; its public
// verification key is kept, so that the identity can be made anew.
func (a *Agent) beginByPassphrase(c *keystore.Content, passphrase []byte) error {
	key, err := c.Verification.Key(passphrase)
	if err != nil {
		return err
	}
	c.Verification.Public = key.Public().Bytes()
	c.Identity, err = a.freshIdentity(*c)
	return err
}

// freshIdentity draws an identity whose β_P is that of the store's user verification.
func (a *Agent) freshIdentity(c keystore.Content) ([]byte, error) {
	if c.Passkey != nil {
		id, err := patient.NewPasskeyIdentity(a.cfg.Rand, a.cfg.Suite, passkeyOf(*c.Passkey))
		return id.Encode(), err
	}
	verification, err := ecc.DecodeVerifyKey(c.Verification.Public)
	if err != nil {
		return nil, err
	}
	id, err := patient.NewIdentity(a.cfg.Rand, a.cfg.Suite, verification)
	return id.Encode(), err
}

// drawAnew replaces an identity that was never registered.
func (a *Agent) drawAnew(o *opened) (*opened, error) {
	var b []byte
	err := o.store.View(func(c keystore.Content) (err error) { b, err = a.freshIdentity(c); return err })
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

// register registers the open store's identity.
func (a *Agent) register(ctx context.Context, o *opened, code string) error {
	if err := a.learn(ctx); err != nil {
		return err
	}
	role, err := a.newRole(o.role().Identity())
	if err != nil {
		return problem.Internal(err)
	}
	reply, err := a.requestRegistration(ctx, func(challenge []byte) (message.RegistrationRequest, error) {
		return role.RequestRegistration(challenge, code)
	})
	if err != nil {
		return err
	}
	if err := role.AcceptRegistration(reply); err != nil { // Eq. 4
		return err
	}
	_, err = a.replaceIdentity(o, role.Identity().Encode())
	return err
}

// requestRegistration runs M0 once, or twice if the challenge was too old when it arrived.
func (a *Agent) requestRegistration(ctx context.Context, request func(challenge []byte) (message.RegistrationRequest, error)) (message.RegistrationReply, error) {
	reply, err := a.runM0(ctx, request)
	if problem.KindOf(err) == problem.KindStale {
		reply, err = a.runM0(ctx, request)
	}
	return reply, err
}

func (a *Agent) runM0(ctx context.Context, request func(challenge []byte) (message.RegistrationRequest, error)) (message.RegistrationReply, error) {
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
	q, err := request(challenge)
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
	id := o.role().Identity()
	out := Identity{ID: id.ID, Credential: id.Credential.Hash(), Suite: id.Suite, Verification: id.Attribute.Kind}
	if out.NotAfter, err = o.role().Ends(); err != nil { // its root is none of those pinned any more
		out.NotAfter, out.Renewal = id.Credential.Info.NotAfter.Time(), renewalEnded
		return out, nil
	}
	out.Renewal, err = a.renewalTrouble(o, out.NotAfter)
	return out, err
}

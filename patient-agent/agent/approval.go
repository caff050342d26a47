package agent

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/internal/keystore"
	"medunion/patient-agent/patient"
)

// How long a prepared consent waits to be approved, and how many may wait.
const (
	approvalLife = 5 * time.Minute
	maxApprovals = 16
)

// Approval is a consent that waits to be approved: what it says, and the challenge that
// binds an approval to exactly this.
type Approval struct {
	ID           string
	Challenge    message.Hash // H⟨uv: Consent⟩
	Verification message.VerificationKind
	Passkey      *Passkey // of kind webauthn
	Until        time.Time

	Consent    message.Hash
	Doctor     Card
	Choices    patient.Choices
	Profile    *Profile // what M_SD says of who she is; nil if it says nothing
	Recordings int
}

// Proof is what approves a consent, by the kind of the credential: the passphrase, or
// the passkey's assertion over the challenge.
type Proof struct {
	Passphrase   []byte // not kept
	CredentialID []byte
	Passkey      *message.WebAuthnProof
}

// plan is everything that a visit needs but the approval.
type plan struct {
	Approval
	draft  *patient.Draft
	client *portal.Client
	again  keystore.Again
}

// approvals are the plans that wait; they go with the open store.
type approvals struct {
	mu   sync.Mutex
	list []plan
}

func (p *approvals) add(x plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) == maxApprovals {
		p.list = p.list[1:]
	}
	p.list = append(p.list, x)
}

// take finds a plan; used removes it.
func (p *approvals) take(id string, now time.Time, use bool) (plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = slices.DeleteFunc(p.list, func(x plan) bool { return !now.Before(x.Until) })
	i := slices.IndexFunc(p.list, func(x plan) bool { return x.ID == id })
	if i < 0 {
		return plan{}, errNoApproval
	}
	found := p.list[i]
	if use {
		p.list = slices.Delete(p.list, i, i+1)
	}
	return found, nil
}

// PrepareApproval verifies the doctor's card, turns what she decided into the consent
// that would be signed, and keeps it for five minutes. Nothing is sent to the doctor.
func (a *Agent) PrepareApproval(ctx context.Context, r Request) (Approval, error) {
	o, err := a.registered()
	if err != nil {
		return Approval{}, err
	}
	p, err := a.plan(ctx, o, r)
	if err != nil {
		return Approval{}, err
	}
	o.approvals.add(p)
	return p.Approval, nil
}

func (a *Agent) plan(ctx context.Context, o *opened, r Request) (p plan, err error) {
	var before *keystore.Again
	if r.Again != "" {
		if before, err = again(o, r.Again); err != nil {
			return p, err
		}
		r.Link = before.Link
	}
	origin, d, client, err := a.doctor(ctx, o, r.Link)
	if err != nil {
		return p, err
	}
	if before != nil {
		p.Choices = a.asBefore(*before)
	} else if p.Choices, err = a.choose(ctx, o, d, r); err != nil {
		return p, err
	}
	if p.draft, err = o.role().Prepare(d, p.Choices); err != nil {
		return p, err
	}
	if p.ID, err = a.newID(); err != nil {
		return p, problem.Internal(err)
	}
	now := a.cfg.Now()
	p.client, p.Doctor, p.Until = client, a.card(origin, d), now.Add(approvalLife)
	p.Challenge, p.Consent = p.draft.Challenge(), ecc.Sum(p.draft.Consent().Encode())
	p.Profile, p.Recordings = selfIn(p.Choices.MSD), countObservations(p.Choices.MSD)
	p.Verification, p.Passkey = o.role().Identity().Attribute.Kind, passkeyIn(o.store.Header())
	p.again = keystore.Again{Link: r.Link, Department: p.Choices.Department, Purpose: p.Choices.Purpose, Life: p.Choices.Expires.Sub(now),
		MaxUses: p.Choices.MaxUses, Grants: p.Choices.Grants, WriteTo: p.Choices.WriteTo, MSD: p.Choices.MSD}
	return p, nil
}

// asBefore takes over what was decided for an earlier visit, for as long from now.
func (a *Agent) asBefore(b keystore.Again) patient.Choices {
	return patient.Choices{Department: b.Department, Purpose: b.Purpose, Expires: a.cfg.Now().Add(b.Life), MaxUses: b.MaxUses,
		Grants: b.Grants, WriteTo: b.WriteTo, MSD: b.MSD}
}

// again returns what was decided for a visit that failed.
func again(o *opened, id string) (out *keystore.Again, err error) {
	err = o.store.View(func(c keystore.Content) error {
		v := c.Visit(id)
		if v == nil {
			return errNoVisit
		}
		if !repeatable(*v) {
			return errNotAgain
		}
		out = v.Again
		return nil
	})
	return out, storeProblem(err)
}

func repeatable(v keystore.Visit) bool { return v.State == Failed && v.Again != nil }

// Approve begins the visit of a prepared consent, if the proof holds: without it not
// even M1 leaves the device. An approval is used once; a wrong passkey uses it up, a
// wrong passphrase can be corrected. It returns the visit's local identifier.
func (a *Agent) Approve(id string, by Proof) (string, error) {
	o, err := a.registered()
	if err != nil {
		return "", err
	}
	p, err := o.approvals.take(id, a.cfg.Now(), by.Passkey != nil)
	if err != nil {
		return "", err
	}
	assertion, err := a.assertion(o, p.draft, by)
	if err != nil {
		return "", err
	}
	if by.Passkey == nil {
		if p, err = o.approvals.take(id, a.cfg.Now(), true); err != nil {
			return "", err // another request was faster
		}
	}
	return a.begin(o, p, assertion)
}

// assertion makes the user verification over the draft, of the kind that β_P is of.
func (a *Agent) assertion(o *opened, d *patient.Draft, by Proof) (message.Assertion, error) {
	if o.role().Identity().Attribute.Kind == message.KindPassphrase {
		if by.Passkey != nil {
			return message.Assertion{}, errByPassphrase
		}
		key, err := a.verificationKey(o, by.Passphrase)
		if err != nil {
			return message.Assertion{}, err
		}
		return message.AssertPassphrase(key, d.Epoch(), d.Consent()), nil
	}
	if by.Passkey == nil {
		return message.Assertion{}, errByPasskey
	}
	k, err := verificationPasskey(o)
	if err != nil {
		return message.Assertion{}, err
	}
	// Doctors and hospitals take every page of the relying party; here it must be ours, and
	// not one that another program serves at another port of localhost.
	if origin, err := by.Passkey.Origin(); err != nil || origin != a.cfg.Origin || !bytes.Equal(by.CredentialID, k.CredentialID) {
		return message.Assertion{}, errPasskey.Because(err)
	}
	return message.AssertWebAuthn(k.Key, message.RPIDHash(k.RPID), d.Epoch(), *by.Passkey), nil
}

func verificationPasskey(o *opened) (k keystore.VerificationPasskey, err error) {
	err = o.store.View(func(c keystore.Content) error {
		if c.Passkey == nil {
			return errors.New("agent: the credential names a passkey, and the store has none")
		}
		k = *c.Passkey
		return nil
	})
	return k, storeProblem(err)
}

// StartVisit is PrepareApproval and Approve in one step, with the passphrase. It is
// checked before anybody is asked for anything.
func (a *Agent) StartVisit(ctx context.Context, r Request) (string, error) {
	o, err := a.registered()
	if err != nil {
		return "", err
	}
	if o.role().Identity().Attribute.Kind != message.KindPassphrase {
		return "", errByPasskey
	}
	key, err := a.verificationKey(o, r.Passphrase)
	if err != nil {
		return "", err
	}
	p, err := a.plan(ctx, o, r)
	if err != nil {
		return "", err
	}
	return a.begin(o, p, message.AssertPassphrase(key, p.draft.Epoch(), p.draft.Consent()))
}

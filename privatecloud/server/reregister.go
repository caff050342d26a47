package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"medunion/api/command"
	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/roots"
	"medunion/api/secretfile"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/cloudclient"
)

// A hospital is registered anew, with the same ID and the same records, when no renewal can help: its credential has ended or
// is revoked, or no pinned root has issued it. It goes in steps, each one change of the key file, and whoever finds a
// registration that broke off goes on with it:
//
//  1. drafted: the new keys are drawn. They are on disk before the public cloud hears of them, and the ring says which
//     credential they follow.
//  2. accepted: the public cloud has issued the new credential, which an operator's token admits.
//  3. replaced: it is current, and the keys of all before it are destroyed, as nothing can be finished under them. Whoever
//     has an older key file is turned away. No instance starts before
//  4. done: the audit trail says so, and the index entries are due to be signed and published anew.

// Refusals of a registration anew.
var (
	ErrServing = errors.New("instances of this hospital run: stop all of them first (one that was killed counts for two minutes)")
	ErrHolds   = errors.New("the credential holds: `privatecloud keys renew` renews it while the hospital serves")
	ErrNoToken = errors.New("an operator token of the public cloud is needed")
	ErrAnew    = errors.New("the hospital is being registered anew: go on with `privatecloud keys reregister`")
	errPins    = errors.New("the public cloud does not sign as the pins say: are they the right ones, and is it the right one?")
)

// Unregistered are the errors of a registration anew that was not tried.
var Unregistered = []error{ErrServing, ErrHolds, ErrNoToken, ErrAnew}

// anewOf is the credential that a registration anew follows which is not over.
func anewOf(r keyring.Ring) (old message.Hash, begun bool) {
	b := r.Field(fieldAnew)
	if len(b) != len(old) {
		return old, false
	}
	return message.Hash(b), true
}

// replacedIn says that the credential which was to be followed has been, and that the rest is to be done.
func replacedIn(r keyring.Ring) bool {
	old, begun := anewOf(r)
	c, err := message.DecodeCredential(r.Field(fieldCredential))
	return begun && err == nil && c.Hash() != old
}

// RegisteringAnew says that a registration anew is not over.
func RegisteringAnew(r keyring.Ring) bool { _, begun := anewOf(r); return begun }

// Reregister registers the hospital anew, or goes on with a registration that broke off. No instance may run.
func Reregister(ctx context.Context, c Config, say keyroll.Say) error {
	return c.renewing(ctx, say, func(w renewing) error { return w.anew(ctx) })
}

// NextOfReregistration says in words what Reregister would do first.
func NextOfReregistration(ctx context.Context, c Config) (words string, err error) {
	err = c.renewing(ctx, nil, func(w renewing) error {
		a, err := w.ready(ctx)
		words = a.why
		return err
	})
	return words, err
}

// admitted is what a registration anew needs.
type admitted struct {
	why    string
	client *cloudclient.Client
	pins   *roots.Keeper
	token  string
}

// ready refuses what must not be tried, and says what would be done.
func (w renewing) ready(ctx context.Context) (a admitted, err error) {
	if err := w.stopped(ctx); err != nil {
		return a, err
	}
	r := w.roll.Ring()
	if replacedIn(r) {
		a.why = "would finish the registration anew: the credential is current, and what stands in the index is not due yet"
		return a, nil
	}
	if a.client, a.pins, err = w.config.asking(ctx); err != nil {
		return a, err
	}
	if err := a.client.Refresh(ctx); err != nil {
		return a, notSigned(err)
	}
	if a.why, err = w.over(r, a); err != nil {
		return a, err
	}
	a.token, err = w.token(r)
	return a, err
}

// notSigned is an error of a revocation list that was fetched and does not verify, or of one that was not fetched.
func notSigned(err error) error {
	if problem.KindOf(err) == problem.KindUnavailable {
		return explain(err)
	}
	return fmt.Errorf("%w (%s)", errPins, problem.Reason(err))
}

func (w renewing) stopped(ctx context.Context) error {
	running, _, err := w.roll.Running(ctx)
	if err == nil && running > 0 {
		err = ErrServing
	}
	return err
}

// over says in words why the credential does not hold, and fails with ErrHolds if it does, or if one does that a renewal
// has brought and that is not current yet.
func (w renewing) over(r keyring.Ring, a admitted) (string, error) {
	ids, err := identitiesOf(r)
	if err != nil {
		return "", err
	}
	why, err := w.end(ids.Current.Credential, a)
	if _, begun := anewOf(r); err == nil && ids.Next != nil && !begun {
		_, err = w.end(ids.Next.Credential, a)
	}
	c := ids.Current.Credential.Info
	return fmt.Sprintf("would register %s anew, with new keys and its records: of its credential %d, %s; all keys of that are destroyed at once", c.ID, c.Epoch, why), err
}

func (w renewing) end(c message.Credential, a admitted) (string, error) {
	pins, now := a.pins.Pins(), message.MillisOf(w.config.Now())
	switch err := c.Verify(pins, message.Hospital, now); {
	case !pins.Issued(c):
		return "no pinned root has issued it", nil
	case a.client.Revocations().Contains(c.Hash()):
		return "the public cloud says that it is revoked", nil
	case err == nil:
		return "", ErrHolds
	case now < c.Info.NotBefore:
		return "", fmt.Errorf("this machine's clock is before the credential's beginning: %w", err)
	case now < c.Info.NotAfter:
		return "the root that issued it has ended", nil
	}
	return "it ended on " + c.Info.NotAfter.Time().UTC().Format(time.DateOnly), nil
}

// token is the operator's; it is not needed when the credential is there already.
func (w renewing) token(r keyring.Ring) (string, error) {
	if RegisteringAnew(r) && phaseOf(r) == phaseAccepted {
		return "", nil
	}
	if w.config.OperatorToken == "" {
		return "", ErrNoToken
	}
	b, err := secretfile.Read(w.config.OperatorToken)
	if err != nil {
		return "", fmt.Errorf("operator token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (w renewing) anew(ctx context.Context) error {
	a, err := w.ready(ctx)
	if err != nil {
		return err
	}
	if !RegisteringAnew(w.roll.Ring()) {
		if err := w.draftAnew(ctx); err != nil {
			return err
		}
		w.say("new keys are drawn, and on disk")
	}
	if phaseOf(w.roll.Ring()) == phaseDrafted {
		if err := w.register(ctx, a); err != nil {
			return err
		}
	}
	if !replacedIn(w.roll.Ring()) {
		if err := w.replace(ctx); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

// draftAnew draws keys, in the place of those of a renewal: whoever has got hold of the key file knows these too.
func (w renewing) draftAnew(ctx context.Context) error {
	if v, drafted := inState(w.roll.Ring(), keySigning, keyring.Next); drafted {
		err := w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return givenUp(r, v.Number, w.config.Now()) })
		if err != nil {
			return err
		}
	}
	return w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		c, err := message.DecodeCredential(r.Field(fieldCredential))
		if err != nil {
			return r, errKeyFile
		}
		r, err = w.drafted(r)
		old := c.Hash()
		return r.WithField(fieldAnew, old[:]), err
	})
}

// register asks for the credential. Asked again with the same keys, after a reply that was lost, the public cloud
// issues another one, as long as nobody has used the first.
func (w renewing) register(ctx context.Context, a admitted) error {
	d, number, err := w.draft()
	if err != nil {
		return err
	}
	d.Address = cmp.Or(w.config.Address, d.Address)
	reply, err := a.client.Register(ctx, w.config.Rand, d, a.token)
	if err != nil {
		return fmt.Errorf("registration: %s; the new keys are kept: give the command again%s", problem.Reason(err), whenRefused(err, number))
	}
	c, s, err := d.Accept(reply, a.pins.Pins(), message.MillisOf(w.config.Now()))
	if err != nil {
		return fmt.Errorf("registration: %w", err)
	}
	return w.accepted(ctx, number, c, s)
}

// draft is the one that waits in the ring.
func (w renewing) draft() (d hospital.Draft, number uint32, err error) {
	ids, err := identitiesOf(w.roll.Ring())
	if err != nil {
		return d, 0, err
	}
	return draftOf(w.roll.Ring(), ids.Current.Credential.Info)
}

func whenRefused(err error, number uint32) string {
	switch problem.KindOf(err) {
	case problem.KindConflict:
		return " when no credential of this ID is good there: five minutes after the last one's end, or when the operator has revoked the old one with all of its line (the reply to a renewal may have been lost)"
	case problem.KindRefused:
		return fmt.Sprintf(" with a token that is good; if a credential of these keys was revoked, give them up first: `privatecloud keys destroy identity --version %d`", number)
	}
	return ""
}

// replace makes the accepted credential the current one, and turns away whoever has a key file of before.
func (w renewing) replace(ctx context.Context) error {
	if err := w.stopped(ctx); err != nil { // one may have started since
		return err
	}
	if err := w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return replaced(r, w.config.Now()) }); err != nil {
		return err
	}
	w.say("the new credential is current; the keys of those before it are destroyed")
	return nil
}

func replaced(r keyring.Ring, now time.Time) (keyring.Ring, error) {
	ids, err := identitiesOf(r)
	if err != nil {
		return r, err
	}
	if ids.Next == nil {
		return r, errKeyFile
	}
	if r, err = r.ReplaceTogether(now, identityKeys...); err != nil {
		return r, err
	}
	return followed(r, ids).WithField(fieldAddress, ids.Next.Credential.Info.Attribute), nil
}

// finish does what may be done twice: the line of the trail, and the index entries.
func (w renewing) finish(ctx context.Context) error {
	if err := w.roll.Fence(ctx); err != nil {
		return err
	}
	k, err := keysOf(w.roll.Ring())
	if err == nil {
		err = w.takeOver(ctx, k)
	}
	if err == nil {
		err = w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return r.Changed().WithField(fieldAnew, nil), nil })
	}
	if err != nil {
		return err
	}
	w.config.Logger.Warn("the hospital was registered anew", "number", k.credential.Info.Epoch)
	w.say("the hospital is registered anew: copy the key file to every instance, and start them")
	return nil
}

// takeOver opens the stores as an instance does, under the new credential.
func (w renewing) takeOver(ctx context.Context, k keys) error {
	wire, err := w.config.wire()
	if err != nil {
		return err
	}
	p, err := open(ctx, w.config, wire, k)
	if err != nil {
		return err
	}
	stop := p.keepLease(ctx)
	err = explained(p.takeOver(ctx, k, w.say))
	stop()
	return errors.Join(err, p.close())
}

// takeOver brings the stores under the new credential.
func (p *parts) takeOver(ctx context.Context, k keys, say keyroll.Say) error {
	old := k.former[len(k.former)-1]
	from, to := old.Hash(), k.credential.Hash()
	note := fmt.Sprintf("credential %d (%s) is followed by %d (%s)", old.Info.Epoch, hex.EncodeToString(from[:]), k.credential.Info.Epoch, hex.EncodeToString(to[:]))
	if err := p.hospital.RecordAnew(ctx, command.Operator(), note); err != nil {
		return err
	}
	n, unlinked, err := p.republish(ctx, old)
	if err != nil {
		return err
	}
	say("index entries of %d patients will be published under it", n)
	if unlinked > 0 {
		say("%d patients were registered under another root: the desk enrols each of them again, with her record", unlinked)
	}
	return nil
}

// republish makes all entries due; those of patients of another root are not, if the root has been replaced.
func (p *parts) republish(ctx context.Context, old message.Credential) (n, unlinked int, err error) {
	if p.pins.Pins().Issued(old) {
		n, err = p.hospital.Republish(ctx)
		return n, 0, err
	}
	return p.hospital.RepublishPinned(ctx)
}

// over says what is to be done about a credential that does not hold, or that is revoked as far as is known.
func (p *parts) over(c message.Credential) error {
	err := c.Verify(p.pins.Pins(), message.Hospital, message.MillisOf(p.config.Now()))
	if err == nil && p.cloud.Revocations().Contains(c.Hash()) {
		err = fmt.Errorf("%w: revoked", message.ErrCredential)
	}
	if err != nil {
		err = fmt.Errorf("the hospital's credential does not hold: %w. If pins and clock are right, `privatecloud keys reregister` registers the hospital anew and keeps its records", err)
	}
	return err
}

// warnOver says once that the credential of a running instance has ended or is revoked.
func (p *parts) warnOver() {
	err := p.over(p.hospital.Identity().Credential)
	if said := p.saidOver.Swap(err != nil); err != nil && !said {
		p.config.Logger.Error("nobody takes what this hospital signs", "reason", err.Error())
	}
}

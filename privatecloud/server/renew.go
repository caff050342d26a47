package server

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"medunion/api/keyring"
	"medunion/api/keyroll"
	"medunion/api/message"
	"medunion/api/roots"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/cloudclient"
)

// A renewal goes in steps, each one change of the key file, and whoever finds one that broke off goes
// on with it:
//
//  1. drafted: the new keys are drawn. They are on disk before the public cloud hears of them.
//  2. accepted: the public cloud has issued the new credential. Every instance answers who comes to it, and
//     makes nothing new under it.
//  3. promoted: all instances have loaded it, and it is current. Instances publish a prekey under it, sign all
//     index entries anew, and empty the old ones; what was begun under the old credential is finished under it.
//  4. destroyed: nothing needs the old keys, and their time is over.

// Errors of a renewal.
var (
	// ErrRenewing says that the keys of the credential before are still needed: one more renewal would have three.
	ErrRenewing = errors.New("the last renewal is not over")
	errEpoch    = errors.New("the public cloud has not given the new credential a later number")
)

// phase is how far a renewal has come, by what is in the ring.
type phase uint8

const (
	phaseIdle phase = iota
	phaseDrafted
	phaseAccepted
	phasePromoted
)

func phaseOf(r keyring.Ring) phase {
	_, drafted := inState(r, keySigning, keyring.Next)
	_, accepted := inState(r, keyS, keyring.Next)
	_, promoted := inState(r, keySigning, keyring.Retiring)
	switch {
	case accepted:
		return phaseAccepted
	case drafted:
		return phaseDrafted
	case promoted:
		return phasePromoted
	}
	return phaseIdle
}

// attempts counts the requests since the current credential, also those of drafts that were given up.
func attempts(r keyring.Ring) uint64 {
	b := r.Field(fieldAttempts)
	if len(b) != 4 {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(b))
}

func withAttempts(r keyring.Ring, n uint64) keyring.Ring {
	return r.WithField(fieldAttempts, binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// drafted draws the keys for another credential of the same identity.
func (w renewing) drafted(r keyring.Ring) (keyring.Ring, error) {
	ids, err := identitiesOf(r)
	if err != nil {
		return r, err
	}
	old := ids.Current.Credential.Info
	d, err := hospital.NewDraft(w.config.Rand, old.Suite, old.ID, string(old.Attribute))
	if err != nil {
		return r, err
	}
	secrets := map[string][]byte{keyX: d.X.SecretBytes(), keySigning: d.Sign.Seed(), keyKEM: d.KEM.SecretBytes()}
	return r.AddTogether(r.NextNumber(identityKeys...), secrets, w.config.Now())
}

// draftOf is the draft that waits in the ring.
func draftOf(r keyring.Ring, old message.Info) (d hospital.Draft, number uint32, err error) {
	x, a := inState(r, keyX, keyring.Next)
	signing, b := inState(r, keySigning, keyring.Next)
	kem, c := inState(r, keyKEM, keyring.Next)
	if !a || !b || !c {
		return d, 0, errKeyFile
	}
	d = hospital.Draft{Suite: old.Suite, ID: old.ID, Address: string(old.Attribute)}
	var e1, e2, e3 error
	d.X, e1 = ecc.DecodeScalar(x.SecretBytes())
	d.Sign, e2 = ecc.SigningKeyFromSeed(signing.SecretBytes())
	d.KEM, e3 = ecc.DecodeKEMPrivateKey(old.Suite, kem.SecretBytes())
	if errors.Join(e1, e2, e3) != nil {
		return d, 0, errKeyFile
	}
	return d, signing.Number, nil
}

// promoted makes the accepted identity the current one.
func promoted(r keyring.Ring, now time.Time) (keyring.Ring, error) {
	ids, err := identitiesOf(r)
	if err != nil {
		return r, err
	}
	if ids.Next == nil {
		return r, errKeyFile
	}
	if r, err = r.PromoteTogether(now, identityHold, identityKeys...); err != nil {
		return r, err
	}
	return followed(r, ids), nil
}

// followed writes down that the accepted credential is the current one.
func followed(r keyring.Ring, ids hospital.Identities) keyring.Ring {
	r = r.WithField(fieldCredential, ids.Next.Credential.Encode()).WithField(fieldNext, nil).WithField(fieldAttempts, nil)
	return r.WithField(fieldFormer, encodeFormer(append(ids.Former, ids.Current.Credential)))
}

// renewing is the work of one renewal.
type renewing struct {
	config Config
	roll   *keyroll.Roll
	store  keyStore
	say    keyroll.Say
}

// Renew renews the hospital's credential with new keys, beside running instances, or goes on
// with a renewal that broke off. When it returns nil everything is under the new credential. If wait is over
// before, it fails with keyroll.ErrBehind or keyroll.ErrRemains, and what was done holds.
func Renew(ctx context.Context, c Config, wait time.Duration, say keyroll.Say) error {
	return c.renewing(ctx, say, func(w renewing) error {
		if RegisteringAnew(w.roll.Ring()) {
			return ErrAnew
		}
		return w.run(ctx, time.Now().Add(wait))
	})
}

// NextOfRenewal says in words what Renew would do first.
func NextOfRenewal(ctx context.Context, c Config) (words string, err error) {
	err = c.renewing(ctx, nil, func(w renewing) error { words, err = w.next(ctx); return err })
	return words, err
}

func (c Config) renewing(ctx context.Context, say keyroll.Say, do func(renewing) error) error {
	c = c.withDefaults()
	if err := c.guard().Err(); err != nil {
		return err
	}
	if _, err := c.registered(ctx); err != nil {
		return err
	}
	return c.tools().with(ctx, func(w *keyroll.Roll, s keyStore) error { return do(renewing{config: c, roll: w, store: s, say: say}) })
}

func (c Config) tools() KeyTools {
	return KeyTools{Keys: c.Keys, PassphraseFile: c.PassphraseFile, KeyProvider: c.KeyProvider, MongoURI: c.MongoURI, Database: c.Database, Rand: c.Rand, Now: c.Now}
}

func (w renewing) next(ctx context.Context) (string, error) {
	if RegisteringAnew(w.roll.Ring()) {
		return "", ErrAnew
	}
	running, older, err := w.roll.Running(ctx)
	if err != nil {
		return "", err
	}
	switch phaseOf(w.roll.Ring()) {
	case phaseIdle:
		return "would draw new keys, ask the public cloud for a credential of them, wait until all instances have loaded it, and make it current", nil
	case phaseDrafted:
		return "would ask the public cloud again for a credential of the keys that are drawn", nil
	case phaseAccepted:
		return fmt.Sprintf("would make the accepted credential current, as soon as all of %d instances have loaded it; %d have not", running, older), nil
	}
	s, err := credentials(ctx, w.roll.Ring(), w.store)
	if err != nil {
		return "", err
	}
	return "the credential is renewed; of the one before it there remain: " + s.previous().Remains.String(), nil
}

func (w renewing) run(ctx context.Context, end time.Time) error {
	if phaseOf(w.roll.Ring()) == phaseIdle {
		if err := w.roll.Step(ctx, w.drafted); err != nil {
			return err
		}
		w.say("new keys are drawn, and on disk")
	}
	if phaseOf(w.roll.Ring()) == phaseDrafted {
		if err := w.request(ctx); err != nil {
			return err
		}
	}
	if phaseOf(w.roll.Ring()) == phaseAccepted {
		if err := w.promote(ctx, end); err != nil {
			return err
		}
	}
	return w.republished(ctx, end)
}

// request asks for the credential. That it was asked is written down before: a reply that is lost costs a
// number, and a number too many means that somebody else has these keys.
func (w renewing) request(ctx context.Context) error {
	err := w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return withAttempts(r.Changed(), attempts(r)+1), nil })
	if err != nil {
		return err
	}
	r := w.roll.Ring()
	ids, err := identitiesOf(r)
	if err != nil {
		return err
	}
	old := ids.Current
	d, number, err := draftOf(r, old.Credential.Info)
	if err != nil {
		return err
	}
	c, s, err := w.issued(ctx, d, old)
	if err != nil {
		return fmt.Errorf("renewal: %w; the new keys are kept: give the command again", err)
	}
	w.counted(old.Credential, c, attempts(r))
	return w.accepted(ctx, number, c, s)
}

// accepted puts what the public cloud has issued for a draft beside it.
func (w renewing) accepted(ctx context.Context, number uint32, c message.Credential, s ecc.Scalar) error {
	err := w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) {
		r, err := r.AddTogether(number, map[string][]byte{keyS: s.SecretBytes()}, w.config.Now())
		return r.WithField(fieldNext, c.Encode()), err
	})
	if err == nil {
		w.say("credential %d is issued, good until %s", c.Info.Epoch, c.Info.NotAfter.Time().UTC().Format(time.DateOnly))
	}
	return err
}

// issued asks the public cloud and verifies what it answers.
func (w renewing) issued(ctx context.Context, d hospital.Draft, old hospital.Identity) (c message.Credential, s ecc.Scalar, err error) {
	client, pins, err := w.config.asking(ctx)
	if err != nil {
		return c, s, err
	}
	reply, err := client.Renew(ctx, w.config.Rand, d, old)
	if err != nil {
		return c, s, explain(err)
	}
	if c, s, err = d.Accept(reply, pins.Pins(), message.MillisOf(w.config.Now())); err == nil && c.Info.Epoch <= old.Credential.Info.Epoch {
		err = errEpoch
	}
	return c, s, err
}

// asking is a client of the public cloud that knows of its successions, for a command.
func (c Config) asking(ctx context.Context) (*cloudclient.Client, *roots.Keeper, error) {
	wire, err := c.wire()
	if err != nil {
		return nil, nil, err
	}
	pins, err := c.keeper()
	if err != nil {
		return nil, nil, err
	}
	client, err := cloudclient.New(c.Cloud, pins, c.Now, wire.client.Transport())
	if err != nil {
		return nil, nil, err
	}
	if err := client.Learn(ctx); err != nil {
		return nil, nil, explain(err)
	}
	return client, pins, nil
}

// counted compares the number with those that our own requests have taken.
func (w renewing) counted(old, c message.Credential, asked uint64) {
	if c.Info.Epoch <= old.Info.Epoch+asked {
		return
	}
	const words = "ALARM: the new credential is number %d, and only %d were asked for here after number %d: SOMEBODY ELSE HAS RENEWED WITH THIS HOSPITAL'S KEYS. Have the operator of the public cloud revoke the numbers in between"
	w.say(words, c.Info.Epoch, asked, old.Info.Epoch)
	w.config.Logger.Error("somebody else has renewed the credential with this hospital's keys", "number", c.Info.Epoch, "asked", asked, "after", old.Info.Epoch)
}

// promote waits for the instances. Whoever starts with an older key file from then on is turned away.
func (w renewing) promote(ctx context.Context, end time.Time) error {
	if running, older, err := w.roll.Running(ctx); err == nil && older > 0 {
		w.say("%d of %d instances have not loaded the new credential yet", older, running)
	}
	if err := w.roll.Await(ctx, time.Until(end)); err != nil {
		return err
	}
	// An instance may have started between the count and the fence.
	if _, older, err := w.roll.Loaded(ctx); err != nil || older > 0 {
		return errors.Join(err, keyroll.ErrBehind)
	}
	err := w.roll.Step(ctx, func(r keyring.Ring) (keyring.Ring, error) { return promoted(r, w.config.Now()) })
	if err == nil {
		w.say("the new credential is current; the old one finishes what was begun under it")
	}
	return err
}

// republished waits until no index entry stands under the old credential, or no instance runs that would
// see to it.
func (w renewing) republished(ctx context.Context, end time.Time) error {
	said := ""
	return keyroll.Poll(ctx, end, func() (bool, error) {
		s, err := credentials(ctx, w.roll.Ring(), w.store)
		if err != nil || s.previous() == nil {
			return true, err
		}
		left := *s.previous().Remains
		if left.Enrolments == 0 {
			w.say("all index entries stand under the new credential; the old keys are kept until %s, and destroyed then", s.previous().Until.UTC().Format(time.RFC3339))
			return true, nil
		}
		if words := left.String(); words != said {
			w.say("of the old credential there remain: %s", words)
			said = words
		}
		running, _, err := w.roll.Running(ctx)
		if err != nil {
			return true, err
		}
		if running == 0 {
			w.say("no instance runs; the next one republishes them")
			return true, nil
		}
		return false, fmt.Errorf("%w: %s", keyroll.ErrRemains, left)
	})
}

// renewEvery is how often an instance looks whether it is time to renew by itself.
const renewEvery = time.Hour

// renewing looks at once and then every hour, more often while a renewal has begun.
func (p *parts) renewing(ctx context.Context) {
	if p.config.RenewBefore <= 0 {
		return
	}
	now := make(chan struct{}, 1)
	now <- struct{}{}
	p.every(ctx, renewEvery, now, p.renewInTime)
}

// renewInTime renews the credential if little is left of it, or goes on with a renewal that has begun. Several
// instances may try at once: each step is one's only, and the others find it done.
func (p *parts) renewInTime(ctx context.Context) bool {
	r, before := p.lease.Ring(), p.config.RenewBefore
	begun := phaseOf(r) == phaseDrafted || phaseOf(r) == phaseAccepted
	ends := p.hospital.Identity().Credential.Info.NotAfter.Time()
	if before <= 0 || phaseOf(r) == phasePromoted || !begun && ends.Sub(p.config.Now()) >= before || p.config.Now().Before(nextRequest(r)) {
		return true
	}
	log := p.config.Logger
	err := Renew(ctx, p.config, renewWait, func(format string, args ...any) {
		log.Info("renewal of the credential", "step", fmt.Sprintf(format, args...))
	})
	for _, later := range append(notYet, keyroll.ErrNewer) { // another instance is at it
		if errors.Is(err, later) {
			return false
		}
	}
	return p.failed(ctx, "the credential was not renewed", err) || phaseOf(p.lease.Ring()) == phaseDrafted
}

// hourly is how many requests a service makes by itself an hour apart; further ones are a day apart.
const hourly = 16

// nextRequest is from when on a service asks by itself for a credential of the keys that are drawn; whoever
// gives the command asks at once. Each request may cost a number though its answer is lost or does not hold, and the public cloud
// gives a line only so many (64): asked every few seconds, it would have none left when the fault is found.
func nextRequest(r keyring.Ring) time.Time {
	v, drafted := inState(r, keySigning, keyring.Next)
	if !drafted || phaseOf(r) != phaseDrafted {
		return time.Time{}
	}
	n := attempts(r)
	days := n - min(n, hourly)
	return v.Since.Add(time.Duration(min(n, hourly))*time.Hour + time.Duration(days)*24*time.Hour)
}

// renewWait is how long one attempt waits for the other instances.
const renewWait = time.Minute

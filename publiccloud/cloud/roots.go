package cloud

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// OwnRoot is a root with its secrets: s and PRK_C.
type OwnRoot struct {
	Issuer     *ecc.Issuer    // holds s
	SigningKey ecc.SigningKey // PRK_C
}

// Public is what the others pin of it.
func (r OwnRoot) Public() message.Root {
	return message.Root{PK: r.Issuer.Public(), PUKC: r.SigningKey.Public()}
}

func (r OwnRoot) valid() bool { return r.Issuer != nil && r.SigningKey.Valid() && r.Public().Valid() }

// Roots are all roots that the public cloud ever had, and the secrets of those that
// it still holds: one, or two around a succession.
type Roots struct {
	Pins message.Pins
	Held []OwnRoot
}

// OneRoot is a public cloud that has never changed its root.
func OneRoot(id message.ID, r OwnRoot) Roots {
	return Roots{Pins: message.Pins{CloudID: id, First: r.Public()}, Held: []OwnRoot{r}}
}

// signLead is how long after its beginning a new root is used to sign: clocks that are
// behind ours by less accept its statements from the first one on.
const signLead = backdate

// Signing is the root that issues and signs at a time: the newest that is good, but the older
// of two for a short while after the newer one began. All instances come to the
// same by their clocks; for two that differ, either root is good.
func (r Roots) Signing(at message.Millis) (OwnRoot, error) {
	good := r.Pins.Roots(at)
	if len(good) == 2 {
		if from, _, _ := r.Pins.Term(good[0]); at < from.Add(signLead) {
			good = good[1:]
		}
	}
	if len(good) > 0 {
		for _, held := range r.Held {
			if held.Public().Equal(good[0]) {
				return held, nil
			}
		}
	}
	return OwnRoot{}, errNoRoot
}

var errNoRoot = errors.New("the keys of the root that is to sign now are not here")

func (r Roots) check(id message.ID, now message.Millis) error {
	if !r.Pins.Valid() || r.Pins.CloudID != id {
		return errors.New("the roots are not those of this public cloud")
	}
	for _, held := range r.Held {
		if !held.valid() {
			return errors.New("no issuer or signing key")
		}
		if _, _, known := r.Pins.Term(held.Public()); !known {
			return errors.New("the keys of a root are held that no succession leads to")
		}
	}
	_, err := r.Signing(now)
	return err
}

// Current are the roots in use.
func (c *Cloud) Current() Roots { return *c.roots.Load() }

// SetRoots takes over what the key file holds now, without an interruption: an
// announced succession, or the keys of a root that were destroyed after its end. Roots that do not
// contain the successions in use are refused: a succession that was announced holds for ever.
func (c *Cloud) SetRoots(r Roots) error {
	if err := r.check(c.ID, c.now()); err != nil {
		return fmt.Errorf("cloud: %w", err)
	}
	c.rooting.Lock()
	defer c.rooting.Unlock()
	both, err := r.Pins.Extend(c.Pins().Successions()...)
	if err != nil {
		return fmt.Errorf("cloud: %w", err)
	}
	if !both.Equal(r.Pins) || !r.Pins.First.Equal(c.Pins().First) {
		return errors.New("cloud: a succession that was announced is missing")
	}
	c.roots.Store(&r)
	c.lists.forget()
	return nil
}

// Pins is what every other party may hold of this public cloud: its first root and
// the successions since.
func (c *Cloud) Pins() message.Pins { return c.Current().Pins }

// Successions are the signed successions, oldest first: message.SignedSuccession.
func (c *Cloud) Successions() [][]byte {
	out := [][]byte{}
	for _, s := range c.Pins().Successions() {
		out = append(out, s.Encode())
	}
	return out
}

// signing is the root that issues and signs now.
func (c *Cloud) signing() (OwnRoot, error) {
	r, err := c.Current().Signing(c.now())
	if err != nil {
		return r, problem.Unavailable(time.Minute, err)
	}
	return r, nil
}

// sign signs a statement by the root of now.
func (c *Cloud) sign(tbs []byte) (message.Signed, error) {
	r, err := c.signing()
	if err != nil {
		return message.Signed{}, err
	}
	return message.Sign(r.SigningKey, tbs), nil
}

// asked finds the root under whose hash a question was put, among those that are good
// now: the asker took it from the prekey, which may be of the root before.
func (c *Cloud) asked(holds func(self message.Hash) error) (OwnRoot, error) {
	r, err := c.Current(), error(problem.Refused(errNoRoot))
	for _, root := range r.Pins.Roots(c.now()) {
		if err = holds(root.Hash()); err != nil {
			continue
		}
		i := slices.IndexFunc(r.Held, func(h OwnRoot) bool { return h.Public().Equal(root) })
		if i < 0 {
			return OwnRoot{}, problem.Unavailable(time.Minute, errNoRoot)
		}
		return r.Held[i], nil
	}
	return OwnRoot{}, err
}

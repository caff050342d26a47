package hospital

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Identity is one credential of the hospital with its secrets.
type Identity struct {
	Credential message.Credential // Cred_HPC
	Sign       ecc.SigningKey     // PRK_HPC
	S          ecc.Scalar         // S_HPC
	self       message.Hash       // c_HPC
}

// NewIdentity is the identity of a credential and its secrets.
func NewIdentity(c message.Credential, sign ecc.SigningKey, s ecc.Scalar) Identity {
	return Identity{Credential: c, Sign: sign, S: s, self: c.Hash()}
}

// Hash is c_HPC.
func (i Identity) Hash() message.Hash { return i.self }

// Identities are those under which the hospital answers. It renews its credential while it
// runs: the new identity is first accepted only, then current, and the one before it stays until
// what was begun under it is over. An exchange is all of one identity: of the one whose prekey opened its first
// message.
type Identities struct {
	Current  Identity             // new prekeys, index entries and receipts of erasures are under it
	Previous *Identity            // finishes what was begun under it; nil if there is none
	Next     *Identity            // answers who comes to it, as other instances may have it as current; nil if there is none
	Former   []message.Credential // all that were current before; public
}

// IdentityKeys gives the identities as they stand now. What it returns holds for one
// operation: the next one asks again.
type IdentityKeys interface{ Identities() Identities }

// FixedIdentity is an identity that is never renewed.
type FixedIdentity Identity

// Identities implements IdentityKeys.
func (i FixedIdentity) Identities() Identities { return Identities{Current: Identity(i)} }

// held are the identities whose secrets are there, the current one first.
func (i Identities) held() []Identity {
	out := []Identity{i.Current}
	for _, x := range []*Identity{i.Previous, i.Next} {
		if x != nil {
			out = append(out, *x)
		}
	}
	return out
}

// find is the identity with this c_HPC, if its secrets are there.
func (i Identities) find(self message.Hash) (Identity, bool) {
	for _, x := range i.held() {
		if x.self == self {
			return x, true
		}
	}
	return Identity{}, false
}

// credential is the credential with this c_HPC that the hospital has or had.
func (i Identities) credential(self message.Hash) (message.Credential, bool) {
	if x, ok := i.find(self); ok {
		return x.Credential, true
	}
	for _, c := range i.Former {
		if c.Hash() == self {
			return c, true
		}
	}
	return message.Credential{}, false
}

// check says whether the secrets belong to the credentials, and whether the current one holds.
func (i Identities) check(pins message.Pins, now message.Millis) error {
	if err := i.Current.Credential.Verify(pins, message.Hospital, now); err != nil {
		return err
	}
	for _, x := range i.held() {
		if x.self != i.Current.self && !x.issuedUnder(pins) {
			continue // with its root it has ended
		}
		if err := x.check(pins); err != nil {
			return err
		}
	}
	return nil
}

func (i Identity) issuedUnder(pins message.Pins) bool {
	_, err := pins.Issuer(i.Credential)
	return err == nil
}

func (i Identity) check(pins message.Pins) error {
	a, err := i.Credential.ImplicitKey(pins)
	if err != nil || !i.S.Public().Equal(a) { // S_HPC P = R_HPC1 + e_HPC PK (7)
		return errors.New("hospital: S_HPC does not fit the credential")
	}
	if !i.Sign.Public().Equal(i.Credential.Info.Keys.Sign) {
		return errors.New("hospital: PRK_HPC does not fit the credential")
	}
	return nil
}

func (h *Hospital) identities() Identities { return h.Keys.Identities.Identities() }

// Identity is the current one.
func (h *Hospital) Identity() Identity { return h.identities().Current }

// Credential is the credential with this c_HPC, if it is or was one of this hospital's: what
// was signed under a former one still verifies.
func (h *Hospital) Credential(self message.Hash) (message.Credential, bool) {
	return h.identities().credential(self)
}

// errDestroyed says that a message is for an identity whose keys are not here any more.
var errDestroyed = fmt.Errorf("%w: of an identity that is no more", message.ErrExpired)

// identity is the one under which an exchange was begun. An instance that may not know of the
// newest keys says that it cannot answer now; one that knows them refuses.
func (h *Hospital) identity(self message.Hash) (Identity, error) {
	x, ok := h.identities().find(self)
	if ok {
		return x, nil
	}
	if _, err := h.keys.sealing(); err != nil {
		return x, err
	}
	return x, errDestroyed
}

// mayBegin refuses a new exchange under an identity that is not current and is over: ended, or
// revoked, as after a theft of its keys.
func (h *Hospital) mayBegin(x Identity) error {
	if x.self == h.Identity().self {
		return nil
	}
	if !h.good(x.Credential) {
		return errDestroyed
	}
	return nil
}

// good says whether others still take what is signed under a credential of this hospital.
func (h *Hospital) good(c message.Credential) bool {
	return c.Verify(h.Pins.Pins(), message.Hospital, h.now()) == nil && !h.Revocations.Revocations().Contains(c.Hash())
}

// writer is the identity under which new index entries are signed. It is the current one as
// soon as this instance has published a prekey for it: who finds an entry must be able to come.
func (h *Hospital) writer() Identity {
	ids := h.identities()
	if published := h.publishedFor.Load(); ids.Previous != nil && h.good(ids.Previous.Credential) && (published == nil || *published != ids.Current.self) {
		return *ids.Previous
	}
	return ids.Current
}

// signer is the identity for the entry that follows old: the writer, but never one of before
// that of old. Another instance may have gone ahead.
func (h *Hospital) signer(old message.Entry) Identity {
	w := h.writer()
	if len(old.Value) == 0 {
		return w
	}
	if x, ok := h.identities().find(old.Hospital.Hash()); ok && x.Credential.Info.Epoch > w.Credential.Info.Epoch {
		return x
	}
	return w
}

// renewBatch is how many enrolments are made due at a time: entries that have changed must
// not wait behind all of them.
const renewBatch = 200

// renewLook is how long nothing is looked for again when nothing was found: the question reads all
// enrolments, and the old identity stays for a day.
const renewLook = time.Minute

// RenewEntries has the next index entries that stand under an older credential signed and
// published under the current one, and says how many enrolments it has made due; PublishDue does the
// work. It may be called from several instances, and as often as one likes.
func (h *Hospital) RenewEntries(ctx context.Context) (n int, err error) {
	ids := h.identities()
	if ids.Previous == nil || h.writer().self != ids.Current.self || int64(h.now()) < h.renewAgain.Load() {
		return 0, nil
	}
	// Those that have just failed are tried again at their time, so that they do not stand before the others.
	left, err := h.Enrolments.EnrolmentsBefore(ctx, ids.Current.Credential.Info.Epoch, h.now().Add(retryDelay), renewBatch)
	if err != nil {
		return 0, stored(err)
	}
	if len(left) == 0 {
		h.renewAgain.Store(int64(h.now().Add(renewLook)))
	}
	for _, x := range left {
		if err := h.Enrolments.MarkDue(ctx, x, h.now()); err != nil {
			return n, stored(err)
		}
		n++
	}
	return n, nil
}

// Remains is what still needs the keys of a hospital's former credential.
type Remains struct {
	Enrolments int64 `json:"enrolments"` // with index entries under it, published or to be emptied
	Erasures   int64 `json:"erasures"`   // that are not done
	Prekeys    int64 `json:"prekeys"`    // under which an exchange may begin
}

// None says that nothing does.
func (r Remains) None() bool { return r == Remains{} }

// String is for an operator.
func (r Remains) String() string {
	return fmt.Sprintf("%d enrolments to be republished, %d erasures to be finished, %d prekeys", r.Enrolments, r.Erasures, r.Prekeys)
}

// CountRemains counts what needs the keys of a former credential, when current has followed it.
// Sessions are not counted: no new one begins without a prekey, and each ends within MaxSessionLife.
func CountRemains(ctx context.Context, e Enrolments, x Erasures, p Prekeys, former, current message.Credential) (r Remains, err error) {
	if r.Enrolments, err = e.CountBefore(ctx, current.Info.Epoch); err != nil {
		return r, stored(err)
	}
	c := former.Hash()
	err = p.EachPrekey(ctx, func(k StoredPrekey) error {
		if k.Owner == c {
			r.Prekeys++
		}
		return nil
	})
	if err != nil {
		return r, stored(err)
	}
	for after := (Handle{}); ; {
		open, err := x.UnfinishedErasures(ctx, after, erasureBatch)
		if err != nil || len(open) == 0 {
			return r, stored(err)
		}
		r.Erasures, after = r.Erasures+int64(len(open)), open[len(open)-1].Handle
	}
}

// Renewal is M0 for the credential that follows old: the same as a first request, admitted by both
// secrets of the old one.
func (d Draft) Renewal(rand io.Reader, challenge []byte, old Identity) (message.RegistrationRequest, error) {
	q, err := d.Request(rand, challenge)
	if err != nil {
		return q, err
	}
	r, err := message.Renew(rand, old.Credential, old.S, old.Sign, q.Registration, nil)
	q.Admission = r.Encode()
	return q, err
}

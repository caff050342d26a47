package hospital_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// renewable are identities that the test exchanges.
type renewable struct {
	mu  sync.Mutex
	ids hospital.Identities
}

func (r *renewable) Identities() hospital.Identities {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids
}

func (r *renewable) set(ids hospital.Identities) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = ids
}

// renewal is a scene in which the hospital renews its credential.
type renewal struct {
	*scene
	keys     *renewable
	old, new peers.Party
}

func identity(p peers.Party) *hospital.Identity {
	return new(hospital.NewIdentity(p.Cred, p.Sign, p.S))
}

func newRenewal(t *testing.T, suite ecc.Suite) *renewal {
	s := newScene(t, suite)
	r := &renewal{scene: s, keys: &renewable{}, old: s.h.Party}
	r.new = s.w.Register(message.Hospital, s.h.ID(), r.old.Cred.Info.Attribute, 2)
	r.keys.set(hospital.Identities{Current: *identity(r.old)})
	s.h = r.instance(r.keys)
	return r
}

func (r *renewal) instance(k hospital.IdentityKeys) *peers.Hospital {
	return r.w.Instance(r.t, r.old, r.h.Storage, r.s, func(c *hospital.Config) { c.Keys.Identities = k })
}

func (r *renewal) accept() {
	r.keys.set(hospital.Identities{Current: *identity(r.old), Next: identity(r.new)})
}

func (r *renewal) promoted() hospital.Identities {
	return hospital.Identities{Current: *identity(r.new), Previous: identity(r.old), Former: []message.Credential{r.old.Cred}}
}

func (r *renewal) promote() {
	r.keys.set(r.promoted())
	r.rotate()
}

func (r *renewal) destroy() {
	r.keys.set(hospital.Identities{Current: *identity(r.new), Former: []message.Credential{r.old.Cred}})
}

func (r *renewal) rotate() {
	r.t.Helper()
	if err := r.h.RotatePrekeys(r.t.Context()); err != nil {
		r.t.Fatal(problem.Reason(err))
	}
}

// as speaks with the hospital under one of its credentials.
func (r *renewal) as(p peers.Party) *renewal {
	out, s, h := *r, *r.scene, *r.h
	h.Party = p
	s.h = &h
	out.scene = &s
	return &out
}

// work does what a running instance does by itself, until nothing is left to do.
func (r *renewal) work(h *peers.Hospital) {
	r.t.Helper()
	for range 10 {
		n, err := h.RenewEntries(r.t.Context())
		sent, failed := h.PublishDue(r.t.Context())
		if err := errors.Join(err, failed); err != nil {
			r.t.Fatal(problem.Reason(err))
		}
		if n+sent == 0 {
			return
		}
	}
	r.t.Fatal("it does not come to an end")
}

func (r *renewal) remains() hospital.Remains {
	r.t.Helper()
	left, err := hospital.CountRemains(r.t.Context(), r.h.Mongo, r.h.Mongo, r.h.Mongo, r.old.Cred, r.new.Cred)
	if err != nil {
		r.t.Fatal(problem.Reason(err))
	}
	return left
}

// index is what a search finds: of each locator and credential the newest entry that opens.
type index map[message.Hash]map[message.Hash]message.IndexContent

// seen replays the index after each write and calls see.
func (r *renewal) seen(see func(index, message.Entry)) index {
	out := index{}
	for _, w := range r.w.Written() {
		e := w.Entry
		if out[e.Locator] == nil {
			out[e.Locator] = map[message.Hash]message.IndexContent{}
		}
		delete(out[e.Locator], e.Hospital.Hash())
		for _, d := range peers.Departments {
			kv := message.IndexKey(r.p.KLoc, d, r.h.ID())
			if c, err := message.OpenIndex(kv, e.Locator, e.Hospital.Hash(), e.Value); err == nil {
				out[e.Locator][e.Hospital.Hash()] = c
			}
		}
		if see != nil {
			see(out, e)
		}
	}
	return out
}

func (r *renewal) visit(p peers.Party) {
	r.t.Helper()
	r = r.as(p)
	x := r.open()
	if got, _ := r.release(x, message.Filter{}); len(got) < 3 {
		r.t.Errorf("released %v", names(got))
	}
	r.diagnose(x, fmt.Sprintf("under-%d-%d", p.Cred.Info.Epoch, len(r.w.Written())))
}

func (r *renewal) diagnose(x *peers.Session, id string) message.Stored {
	r.t.Helper()
	salted, d5 := x.D5([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"` + id + `","subject":{"display":"x"}}}]}`))
	m, err := r.h.StoreDiagnosis(r.t.Context(), x.M11(salted, d5))
	if err != nil {
		r.t.Fatal(problem.Reason(err))
	}
	return x.Stored(r.t, m, salted, d5)
}

// A visit that is under way while the credential is renewed ends as it began, under the old one; a new one goes
// under the new one. The evidence of both verifies. The index says at every moment, to who searches, what the record
// holds, and in the end it says it once: under the new credential. Then nothing needs the old
// keys, and when they are destroyed everything else goes on.
func TestRenewal(t *testing.T) {
	for _, suite := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(suite.String(), func(t *testing.T) {
			r := newRenewal(t, suite)
			r.rotate()
			r.publish()
			departments := len(r.seen(nil))
			bare := r.open() // its state names no identity
			r.accept()
			named := r.open()
			r.promote()
			if left := r.remains(); left.Enrolments != 1 || left.Prekeys == 0 {
				t.Errorf("nothing is said to remain: %s", left)
			}
			for _, x := range []*peers.Session{bare, named} {
				if got, _ := r.release(x, message.Filter{}); len(got) < 3 {
					t.Errorf("released %v", names(got))
				}
			}
			r.diagnose(bare, "in-flight")
			r.visit(r.old) // who had fetched its prekey before
			r.visit(r.new)
			r.w.Clock.Move(2*time.Minute + time.Second) // the doctors' time to send the entries themselves
			r.work(r.h)
			r.w.Clock.Move(-2*time.Minute - time.Second)
			full := 0
			got := r.seen(func(i index, e message.Entry) {
				switch {
				case len(i[e.Locator]) == 0:
					t.Error("a department is not found for a moment")
				case len(i) == departments:
					full++
				}
			})
			if full == 0 {
				t.Fatal("nothing was looked at")
			}
			for _, under := range got {
				if _, ok := under[r.new.Cred.Hash()]; !ok || len(under) != 1 {
					t.Errorf("a department stands under %d credentials", len(under))
				}
			}
			if left := r.remains(); left.Enrolments != 0 {
				t.Errorf("remains: %s", left)
			}
			r.evidence()
			r.destroy()
			r.visit(r.new)
		})
	}
}

// evidence verifies all receipts, each under the credential that it names.
func (r *renewal) evidence() {
	r.t.Helper()
	receipts, deks := r.receiptDocs()
	by := map[message.Hash]int{}
	for i, x := range receipts {
		access, answer := r.unsealed(x, deks)
		by[access.Hospital.Hash()]++
		if w, err := message.DecodeWriteEvidence(answer); err == nil {
			_, err = access.VerifyWrite(r.w.Pins, r.w.VerifyCertificate, w)
			if err != nil {
				r.t.Errorf("receipt %d: %v", i+1, err)
			}
			continue
		}
		released := peers.Must(message.DecodeSigned(answer))
		if _, err := access.VerifyRelease(r.w.Pins, r.w.VerifyCertificate, uint64(i+1), released); err != nil {
			r.t.Errorf("receipt %d: %v", i+1, err)
		}
	}
	if by[r.old.Cred.Hash()] != 5 || by[r.new.Cred.Hash()] != 2 {
		r.t.Errorf("receipts %v", by)
	}
}

// Attack: whoever goes on speaking to the old credential, with a session or a prekey of before, when its keys are
// destroyed is refused as every stranger is, and so is who comes under it when it is revoked.
func TestAttackDestroyedIdentity(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.rotate()
	r.accept()
	session, c := r.open(), r.consent()
	m6 := func() message.Message {
		return r.w.Visit(r.d, r.old.Cred, r.as(r.old).h.Prekey(t, r.w), r.p.Cred, c, r.w.Ticket(r.d, c.Consent, message.ModeRead)).M6
	}
	before, question := m6(), r.p.Ask(t, r.old.Cred, r.h.Prekey(t, r.w), message.Question{Kind: message.AskReleases})
	r.promote()
	r.w.Revoke(r.old.Cred.Hash())
	_, err := r.h.OpenSession(t.Context(), m6())
	r.refused(err, "a new session under a revoked credential")
	r.destroy()
	_, err = r.h.OpenSession(t.Context(), before)
	r.refused(err, "a session under a destroyed identity")
	_, err = r.h.Ask(t.Context(), question.M)
	r.refused(err, "a question under a destroyed identity")
	_, err = r.h.Release(t.Context(), session.M8(message.Filter{}))
	r.refused(err, "a session from before")
	_, err = r.h.OpenSession(t.Context(), r.w.Visit(r.d, r.new.Cred, r.as(r.old).h.Prekey(t, r.w), r.p.Cred, c, r.w.Ticket(r.d, c.Consent, message.ModeRead)).M6)
	r.refused(err, "the new credential under the old one's prekey")
}

// A credential that is revoked before its entries are republished loses none: the new entries come, and
// what stands under the old one, which nobody takes any more, is let go.
func TestRenewalAfterRevocation(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.rotate()
	r.publish()
	r.promote()
	before := len(r.w.Written())
	r.w.Revoke(r.old.Cred.Hash())
	r.work(r.h)
	for _, w := range r.w.Written()[before:] {
		if w.Entry.Hospital.Hash() != r.new.Cred.Hash() {
			t.Error("an entry under the revoked credential was taken")
		}
	}
	if left := r.remains(); left.Enrolments != 0 || len(r.w.Written()) == before {
		t.Errorf("remains: %s", left)
	}
}

// Two instances, of which one has not seen the promotion yet: each answers what comes to the other, under either
// credential, and the slower one takes nothing back in the index.
func TestRenewalLagging(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.rotate()
	r.publish()
	r.accept()
	ahead := &renewable{ids: r.promoted()}
	fast, slow := r.instance(ahead), r.h
	if err := fast.RotatePrekeys(t.Context()); err != nil {
		t.Fatal(problem.Reason(err))
	}
	for _, p := range []peers.Party{r.old, r.new} {
		for _, two := range [][2]*peers.Hospital{{fast, slow}, {slow, fast}} {
			first, second := *two[0], *two[1]
			first.Party, second.Party = p, p
			x := first.Open(t, r.w, r.d, r.p, r.consent(), message.ModeRead)
			r.h = &second
			if got, _ := r.release(x, message.Filter{}); len(got) < 3 {
				t.Errorf("released %v", names(got))
			}
		}
	}
	r.h = fast
	r.work(fast)
	n := len(r.w.Written())
	r.load(mrn, []hospital.Resource{resource("Immunization", "i1", "OUTPATIENT", "IMMUNIZATION", 0)})
	r.work(slow)
	later := r.w.Written()[n:]
	if len(later) != 1 || later[0].Entry.Hospital.Hash() != r.new.Cred.Hash() {
		t.Errorf("the slower instance wrote %d entries", len(later))
	}
}

// unsure is a storage key under which this instance may not seal.
type unsure struct{ hospital.FixedStorage }

func (unsure) Sealing() (hospital.Versions, error) { return hospital.Versions{}, errors.New("cut off") }

// An instance that has not heard of the new identity, and cannot know whether there is one, does not say
// that the message is wrong: it says that it cannot answer now.
func TestRenewalUnknown(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.accept()
	r.promote()
	cut := r.w.Instance(t, r.old, r.h.Storage, r.s, func(c *hospital.Config) { c.Keys.Storage = unsure{hospital.FixedStorage(r.h.Storage)} })
	c := r.consent()
	m6 := r.w.Visit(r.d, r.new.Cred, r.as(r.new).h.Prekey(t, r.w), r.p.Cred, c, r.w.Ticket(r.d, c.Consent, message.ModeRead)).M6
	_, err := cut.OpenSession(t.Context(), m6)
	wantKind(t, err, problem.KindUnavailable, "an instance that may be behind")
	if _, err := r.h.OpenSession(t.Context(), m6); err != nil {
		t.Errorf("the other one: %s", problem.Reason(err))
	}
}

// No entry goes under a credential for which no prekey is published: who found it could not come. While entries
// lead to the old one it has a good prekey, however long the renewal takes.
func TestRenewalPrekeys(t *testing.T) {
	r := newRenewal(t, ecc.SuiteX25519)
	r.rotate()
	r.publish()
	before := len(r.w.Written())
	r.keys.set(r.promoted())
	r.w.Break(errors.New("away"))
	if err := r.h.RotatePrekeys(t.Context()); err == nil {
		t.Fatal("the public cloud is away")
	}
	r.w.Break(nil)
	r.work(r.h)
	if n := len(r.w.Written()); n != before {
		t.Fatalf("%d entries without a prekey", n-before)
	}
	r.w.Clock.Move(23 * time.Hour)
	r.rotate()
	for _, p := range []peers.Party{r.old, r.new} {
		if _, found := r.w.FindPrekey(p.Cred); !found {
			t.Error("no prekey")
		}
	}
	r.work(r.h)
	if len(r.w.Written()) == before {
		t.Error("nothing is republished")
	}
	r.w.Clock.Move(20 * time.Hour)
	r.rotate()
	r.w.Clock.Move(5 * time.Hour)
	r.rotate()
	if left := r.remains(); !left.None() {
		t.Errorf("a day later remains: %s", left)
	}
}

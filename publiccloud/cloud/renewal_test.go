package cloud_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// renew runs M0 by a renewal to its end, or returns the registrar's refusal.
func (w *world) renew(p, old *peers.Party, operator bool, alter func(*message.Renewal)) error {
	w.Helper()
	reply, err := w.Register(w.Context(), p.Renewal(old, peers.Must(w.Challenge()), alter).Encode(), operator)
	if err != nil {
		return err
	}
	if err := p.Complete(w.Pins(), reply, w.now()); err != nil {
		w.Fatal(err)
	}
	return nil
}

func (w *world) renewed(old *peers.Party) *peers.Party {
	w.Helper()
	n := old.Next()
	w.ok(w.renew(n, old, false, nil))
	return n
}

// Each role renews without a code, an operator or a new certificate; the new credential has
// the next number, both are good, and the log has a line for each.
func TestRenewal(t *testing.T) {
	each(t, func(t *testing.T, w *world, s ecc.Suite) {
		for _, old := range []*peers.Party{w.patient(s), w.doctor(s, "SURGERY"), w.hospital(s)} {
			w.clock.advance(time.Hour)
			n := w.renewed(old)
			i, o := n.Credential.Info, old.Credential.Info
			if i.Epoch != 2 || i.ID != o.ID || !bytes.Equal(i.Attribute, o.Attribute) || n.Credential.Hash() == old.Credential.Hash() ||
				old.Role != message.Doctor && i.NotAfter <= o.NotAfter {
				t.Errorf("%s: renewed %+v by %+v", old.Role, o, i)
			}
			if last := w.renewed(n).Credential.Info; last.Epoch != 3 {
				t.Errorf("%s: the third has number %d", old.Role, last.Epoch)
			}
		}
		if lines := peers.Must(w.LogPage(t.Context(), 0, 1000)); len(lines) != 9 {
			t.Errorf("%d lines in the log of 9 credentials", len(lines))
		}
	})
}

// New keys of a patient and of a hospital, a new certificate of a doctor: whoever has both secrets
// of the old credential may exchange what the new one certifies.
func TestRenewalWithNewKeys(t *testing.T) {
	w := newWorld(t)
	for _, old := range []*peers.Party{w.patient(ecc.SuiteX25519), w.doctor(ecc.SuiteX25519, "SURGERY"), w.hospital(ecc.SuiteX25519)} {
		n := peers.New(ecc.SuiteX25519, old.Role, old.ID)
		n.Attribute = old.Attribute
		if old.Role == message.Doctor {
			w.certify(n, w.licence(old), "SURGERY")
		}
		w.ok(w.renew(n, old, false, nil))
		if n.Credential.Info.Epoch != 2 {
			t.Errorf("%s: number %d", old.Role, n.Credential.Info.Epoch)
		}
	}
}

func (w *world) licence(d *peers.Party) string {
	w.Helper()
	return peers.Must(w.config.VerifyCertificate(d.Certificate, w.now())).Licence
}

// A reply that was lost costs a number: the holder renews the old one again, whatever the number.
func TestLostRepliesCostNumbers(t *testing.T) {
	w := newWorld(t)
	old := w.patient(ecc.SuiteX25519)
	for range 30 {
		w.renewed(old)
	}
	if n := w.renewed(old).Credential.Info.Epoch; n != 32 {
		t.Errorf("number %d after 30 lost replies", n)
	}
}

// Of renewals at the same time each that is answered has a number of its own.
func TestRenewalsInParallel(t *testing.T) {
	w := newWorld(t)
	old := w.hospital(ecc.SuiteX25519)
	const n = 8
	parties, errs := make([]*peers.Party, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		parties[i] = old.Next()
		q := parties[i].Renewal(old, peers.Must(w.Challenge()), nil)
		wg.Go(func() {
			var reply []byte
			if reply, errs[i] = w.Register(t.Context(), q.Encode(), false); errs[i] == nil {
				errs[i] = parties[i].Complete(w.Pins(), reply, w.now())
			}
		})
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for i, err := range errs {
		switch {
		case err == nil && !seen[parties[i].Credential.Info.Epoch]:
			seen[parties[i].Credential.Info.Epoch] = true
		case err == nil || problem.KindOf(err) != problem.KindConflict:
			t.Errorf("%v (%s), number %d", err, problem.Reason(err), parties[i].Credential.Info.Epoch)
		}
	}
	if len(seen) == 0 {
		t.Error("nobody renewed")
	}
}

// The directory shows the newest credential that its hospital uses: not one whose reply may have
// been lost. What is signed under an older one that is good stays accepted.
func TestDirectoryShowsTheCredentialInUse(t *testing.T) {
	w := newWorld(t)
	old := w.hospital(ecc.SuiteX25519)
	shown := func(want *peers.Party) {
		t.Helper()
		w.clock.advance(time.Minute)
		d := w.directory()
		if len(d.Hospitals) != 1 || d.Hospitals[0].Hash() != want.Credential.Hash() {
			t.Errorf("%d hospitals shown, or another credential", len(d.Hospitals))
		}
	}
	shown(old)
	w.ok(w.PublishPrekey(t.Context(), old.Prekey(w.now(), nil)))
	w.renewed(old) // the reply is lost
	shown(old)
	n := w.renewed(old)
	shown(old)
	w.ok(w.PublishPrekey(t.Context(), n.Prekey(w.now(), nil)))
	shown(n)
	w.put(old, peers.Locators(1)[0])
	w.ok(w.PublishPrekey(t.Context(), old.Prekey(w.now(), nil)))
	shown(n)
	w.ok(w.RevokeAllBut(t.Context(), "kim", n.Credential.Hash(), old.Credential.Hash()))
	shown(old)
}

// A card of before says so as soon as the doctor can be reached under the next one.
func TestACardOfBeforeIsAnsweredClearly(t *testing.T) {
	w := newWorld(t)
	old := w.doctor(ecc.SuiteX25519, "SURGERY")
	w.ok(w.PublishPrekey(t.Context(), old.Prekey(w.now(), nil)))
	n := w.renewed(old)
	if _, err := w.Doctor(t.Context(), old.Credential.Hash()); err != nil {
		t.Errorf("before the next one is used: %v", err)
	}
	w.ok(w.PublishPrekey(t.Context(), n.Prekey(w.now(), nil)))
	_, err := w.Doctor(t.Context(), old.Credential.Hash())
	w.wants(problem.KindNotFound, err)
	if err.Error() != problem.NotFound("The doctor has a newer card; this one is of before.").Error() {
		t.Errorf("answered: %v", err)
	}
	if card := peers.Must(w.Doctor(t.Context(), n.Credential.Hash())); !bytes.Equal(card.Credential, n.Credential.Encode()) {
		t.Error("the next card is not hers")
	}
	if _, err := w.Prekey(t.Context(), old.Credential.Hash()); err != nil {
		t.Errorf("the prekey by hash: %v", err)
	}
}

// Neither secret alone renews, nor both for another's identity, role or suite.
func TestAttack23_OneSecretOnly(t *testing.T) {
	w := newWorld(t)
	old, other := w.patient(ecc.SuiteX25519), w.patient(ecc.SuiteX25519)
	refused := func(name string, p, old *peers.Party, alter func(*message.Renewal)) {
		t.Helper()
		if err := w.renew(p, old, true, alter); err == nil || problem.KindOf(err) != problem.KindRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	noS, noPRK := *old, *old
	noS.S, noPRK.Sign = other.S, other.Sign
	refused("without S_P", old.Next(), &noS, nil)
	refused("without PRK_P", old.Next(), &noPRK, nil)
	refused("no proof", old.Next(), old, func(r *message.Renewal) { r.Possession = make([]byte, 64) })
	refused("no signature", old.Next(), old, func(r *message.Renewal) { r.Signature = make([]byte, 64) })
	refused("another's ID", other.Next(), old, nil)
	refused("another's credential", old.Next(), old, func(r *message.Renewal) { r.Credential = other.Credential })
	refused("an unregistered ID", peers.New(ecc.SuiteX25519, message.Patient, ""), old, nil)
	h := w.hospital(ecc.SuiteX25519)
	foreign := h.Next()
	foreign.ID = old.ID
	refused("a patient's as a hospital's", foreign, old, nil)
	suite := peers.New(ecc.SuiteXWing, message.Patient, old.ID)
	suite.Attribute = old.Attribute
	refused("another suite", suite, old, nil)
	forged := *old
	forged.Credential.Info.Epoch++
	refused("a credential of one's own making", old.Next(), &forged, nil)
	w.renewed(old)
}

// The patient keeps β_P, the hospital its address unless an operator agrees, the doctor the licence.
func TestAttack23_AnotherAttribute(t *testing.T) {
	w := newWorld(t)
	p := w.patient(ecc.SuiteX25519)
	n := p.Next()
	n.Attribute = message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Hash{2}}.Encode()
	w.wants(problem.KindRefused, w.renew(n, p, false, nil))
	w.wants(problem.KindRefused, w.renew(n, p, true, nil)) // nor with an operator's token
	w.wants(problem.KindInvalid, w.renew(p.Next(), p, false, func(r *message.Renewal) { r.Certificate = []byte("x") }))

	h := w.hospital(ecc.SuiteX25519)
	moved := h.Next()
	moved.Attribute = []byte("https://moved.example.org")
	w.wants(problem.KindRefused, w.renew(moved, h, false, nil))
	w.ok(w.renew(moved, h, true, nil))
	moved.Attribute = []byte("http://moved.example.org")
	w.wants(problem.KindInvalid, w.renew(moved, h, true, nil))

	d := w.doctor(ecc.SuiteX25519, "SURGERY")
	next := d.Next()
	w.certify(next, "L-another", "SURGERY")
	w.wants(problem.KindRefused, w.renew(next, d, false, nil))
	w.wants(problem.KindRefused, w.renew(d.Next(), d, false, func(r *message.Renewal) { r.Certificate = next.Certificate })) // attr_D is not its hash
	w.wants(problem.KindRefused, w.renew(d.Next(), d, false, func(r *message.Renewal) { r.Certificate = nil }))
	strange := peers.New(ecc.SuiteX25519, message.Doctor, d.ID)
	strange.Certificate, strange.Attribute = d.Certificate, d.Attribute
	w.wants(problem.KindRefused, w.renew(strange, d, false, nil)) // keys that Cert_D does not certify
	w.certify(next, w.licence(d), "SURGERY")
	w.ok(w.renew(next, d, false, nil))
}

// A credential that was revoked or has ended renews nothing.
func TestAttack23_RevokedOrEnded(t *testing.T) {
	w := newWorld(t)
	revoked, ended := w.hospital(ecc.SuiteX25519), w.hospital(ecc.SuiteX25519)
	w.ok(w.RevokeCredential(t.Context(), "kim", revoked.Credential.Hash()))
	w.wants(problem.KindRefused, w.renew(revoked.Next(), revoked, true, nil))
	w.clock.advance(2*365*24*time.Hour + time.Hour)
	w.wants(problem.KindRefused, w.renew(ended.Next(), ended, true, nil))
	if lines := peers.Must(w.LogPage(t.Context(), 0, 1000)); len(lines) != 2 {
		t.Errorf("%d lines in the log of two registrations", len(lines))
	}
}

// A request is bound to one challenge, and a challenge is taken once.
func TestAttack23_Replayed(t *testing.T) {
	w := newWorld(t)
	old := w.patient(ecc.SuiteX25519)
	q := old.Next().Renewal(old, peers.Must(w.Challenge()), nil)
	_, err := w.Register(t.Context(), q.Encode(), false)
	w.ok(err)
	_, err = w.Register(t.Context(), q.Encode(), false)
	w.wants(problem.KindRefused, err)

	again := old.Next().Request(peers.Must(w.Challenge()), q.Admission, nil) // what was overheard, for another request
	_, err = w.Register(t.Context(), again.Encode(), false)
	w.wants(problem.KindRefused, err)
}

// A thief who renewed before the loss was noticed is out once the line is revoked, whichever of
// its credentials is named.
func TestAttack23_TheThiefsLineIsRevoked(t *testing.T) {
	w := newWorld(t)
	for name := range 3 {
		old := w.patient(ecc.SuiteX25519)
		thief := w.renewed(old)
		last := w.renewed(thief)
		line := []*peers.Party{old, thief, last}
		w.ok(w.RevokeCredential(t.Context(), "kim", line[name].Credential.Hash()))
		list := w.revocations()
		for i, p := range line {
			if !list.Contains(p.Credential.Hash()) {
				t.Errorf("number %d is good after a revocation of number %d", i+1, name+1)
			}
			w.wants(problem.KindRefused, w.renew(p.Next(), p, false, nil))
		}
	}
	w.wants(problem.KindNotFound, w.RevokeCredential(t.Context(), "kim", message.Hash{1}))
}

// racing calls act between the checks of a renewal and the storing of its record, or after it;
// or once when a line has been read.
type racing struct {
	cloud.Registry
	before, after, read func()
}

func (r *racing) Line(ctx context.Context, line message.Hash) ([]cloud.Record, error) {
	records, err := r.Registry.Line(ctx, line)
	if act := r.read; act != nil {
		r.read = nil
		act()
	}
	return records, err
}

func (r *racing) Add(ctx context.Context, rec cloud.Record) error {
	if r.before != nil {
		r.before()
	}
	err := r.Registry.Add(ctx, rec)
	if r.after != nil {
		r.after()
	}
	return err
}

// over is the world's cloud with another registry.
func (w *world) over(r cloud.Registry) *cloud.Cloud {
	cfg := w.config
	cfg.Registry = r
	return peers.Must(cloud.New(cfg))
}

// A line that is revoked while one of it is being renewed leaves no good credential behind, and
// where the renewal finds the revocation nobody is given the partial key.
func TestAttack23_RevokedWhileItIsRenewed(t *testing.T) {
	for _, name := range []string{"before the record", "after the record", "while the line is read"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.hospital(ecc.SuiteX25519)
			old := w.renewed(first)
			revoke := func(c *cloud.Cloud) { w.ok(c.RevokeCredential(t.Context(), "kim", first.Credential.Hash())) }
			renew := func(c *cloud.Cloud) error {
				_, err := c.Register(t.Context(), old.Next().Renewal(old, peers.Must(w.Challenge()), nil).Encode(), false)
				return err
			}
			switch act := func() { revoke(w.Cloud) }; name {
			case "before the record":
				w.wants(problem.KindRefused, renew(w.over(&racing{Registry: w.store, before: act})))
			case "after the record":
				w.wants(problem.KindRefused, renew(w.over(&racing{Registry: w.store, after: act})))
			default:
				revoke(w.over(&racing{Registry: w.store, read: func() { w.ok(renew(w.Cloud)) }}))
			}
			records := peers.Must(w.store.Line(t.Context(), first.Credential.Hash()))
			for _, rec := range records {
				if !peers.Must(w.store.AnyRevoked(t.Context(), []message.Hash{rec.Credential})) {
					t.Error("a credential of the line is good")
				}
			}
			if len(records) != 3 {
				t.Errorf("%d credentials: the test tests nothing", len(records))
			}
		})
	}
}

// Records of a program from before lines have none: they are the first of theirs.
func TestRenewalOfAnOlderRecord(t *testing.T) {
	w := newWorld(t)
	old := w.patient(ecc.SuiteX25519)
	c := old.Credential.Hash()
	client := peers.Must(mongo.Connect(t.Context(), options.Client().ApplyURI(mongoURI)))
	defer client.Disconnect(context.WithoutCancel(t.Context()))
	unset := bson.D{{Key: "$unset", Value: bson.D{{Key: "line", Value: ""}}}}
	if a := peers.Must(client.Database(w.database).Collection("credentials").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: c[:]}}, unset)); a.ModifiedCount != 1 {
		t.Fatal("there was no line")
	}
	n := w.renewed(old)
	w.ok(w.RevokeCredential(t.Context(), "kim", n.Credential.Hash()))
	w.wants(problem.KindRefused, w.renew(old.Next(), old, false, nil))
	if !w.revocations().Contains(c) {
		t.Error("the first of the line is good")
	}
}

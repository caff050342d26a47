package cloud_test

import (
	"context"
	"crypto/rand"
	"testing"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/floor"
	"medunion/publiccloud/cloud"
	"medunion/publiccloud/internal/peers"
)

// The handlers of the public cloud beside their floors, without the stores. Run them with
//
//	go test -run - -bench . ./publiccloud/cloud
//
// Of a search, BenchmarkSearch and its likes tell.

// unstored answers as a store would in which everything succeeds and nothing is kept.
type unstored struct {
	nowhere
	cloud.Registry
	found []cloud.StoredEntry
}

func (unstored) HasCode(context.Context, message.Hash, message.Millis) (bool, error) {
	return true, nil
}
func (unstored) Free(context.Context, cloud.Record) error     { return nil }
func (unstored) Add(context.Context, cloud.Record) error      { return nil }
func (unstored) Put(context.Context, cloud.StoredEntry) error { return nil }
func (u unstored) Latest(context.Context, []message.Hash, int, int) ([]cloud.StoredEntry, error) {
	return u.found, nil
}

// unlogged is a registration log that keeps nothing.
type unlogged struct{ cloud.Log }

func (unlogged) Append(context.Context, message.Hash, message.Role, message.Millis) error { return nil }

// unstoredRole is a second instance of the world's public cloud over such stores.
func unstoredRole(w *world, found ...cloud.StoredEntry) *cloud.Cloud {
	cfg, s := w.config, unstored{found: found}
	cfg.Index, cfg.Consents, cfg.Revocations, cfg.Registry, cfg.Log = s, s, s, s, unlogged{}
	return peers.Must(cloud.New(cfg))
}

// storedEntry is an entry as the index returns it.
func storedEntry(h *peers.Party, sk ecc.SigningKey, w *world) cloud.StoredEntry {
	e := peers.Entry(h, sk, w.now())
	return cloud.StoredEntry{Locator: e.Locator, Hospital: h.Credential.Hash(), Time: e.Time, Value: e.Value, SigIndex: e.SigIndex,
		Credential: h.Credential.Encode()}
}

// BenchmarkRegisterPatient is M0 (Eq. 2, 3). Its floor: X_P, PUK_P decoded; the proof
// of possession and S_PRK_P(Req) verified; the partial key issued, the credential signed.
func BenchmarkRegisterPatient(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		role := unstoredRole(w)
		ops := floor.Ops{Points: 1, VerifyKeys: 1, KEMKeys: 1, Proofs: 1, Verify: 1, Issue: 1, Sign: 1}
		floor.Compare(b, s, ops, func() func() {
			raw := peers.New(s, message.Patient, "").Request(peers.Must(role.Challenge()), []byte("code"), nil).Encode()
			return func() {
				_, err := role.Register(b.Context(), raw, false)
				w.ok(err)
			}
		})
	})
}

// BenchmarkRegisterDoctor is M0 under Cert_D: to a patient's floor come the keys that
// Cert_D certifies and the authority's signature.
func BenchmarkRegisterDoctor(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		role := unstoredRole(w)
		ops := floor.Ops{Points: 1, VerifyKeys: 2, KEMKeys: 2, Proofs: 1, Verify: 2, Issue: 1, Sign: 1}
		floor.Compare(b, s, ops, func() func() {
			d := peers.New(s, message.Doctor, "dr-bench")
			w.certify(d, "L-bench", "SURGERY")
			raw := d.Request(peers.Must(role.Challenge()), d.Certificate, nil).Encode()
			return func() {
				_, err := role.Register(b.Context(), raw, false)
				w.ok(err)
			}
		})
	})
}

// BenchmarkWriteEntry is a hospital's index write (section 4.2). Its floor: the message
// opened; vk_L, pk_e and Cred_HPC's point and keys decoded; Cred_HPC, Sig_idx and the
// write's signature verified; the receipt signed and sealed.
func BenchmarkWriteEntry(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		h, sk, c, role := w.hospital(s), peers.Locators(1)[0], w.knows(s), unstoredRole(w)
		cred := len(h.Credential.Encode())
		ops := floor.Ops{Open: []int{cred + s.PublicKeySize() + 600}, Points: 1, VerifyKeys: 2, KEMKeys: 2, Verify: 3, Sign: 1, Seal: []int{100}}
		floor.Compare(b, s, ops, func() func() {
			raw := c.WriteEntry(h, peers.Entry(h, sk, w.now()), sk.Public(), w.now()).Raw
			return func() {
				_, err := role.WriteEntry(b.Context(), raw)
				w.ok(err)
			}
		})
	})
}

// BenchmarkWriteDiagnosisEntry is M12 of a doctor whom the instance knows, as she has just
// searched. Its floor: the message opened; vk_L, pk_e and both credentials' points and keys
// decoded; Sig_D7, σ_L, Cred_HPC and Sig_idx verified; the evidence sealed at rest;
// Sig_C2 signed and sealed.
func BenchmarkWriteDiagnosisEntry(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		d, h, sks, c, role := w.doctor(s, "SURGERY"), w.hospital(s), peers.Locators(locatorsPerConsent), w.knows(s), unstoredRole(w)
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		size := len(d.Credential.Encode()) + len(h.Credential.Encode()) + len(d.Certificate) + s.PublicKeySize() + 1100
		ops := floor.Ops{Open: []int{size}, Points: 2, VerifyKeys: 3, KEMKeys: 3, Verify: 4, AEAD: []int{size}, Sign: 1, Seal: []int{100}}
		floor.Compare(b, s, ops, func() func() {
			raw := c.Diagnosis(d, g, 0, peers.Entry(h, sks[0], w.now()), w.now(), nil).Raw
			return func() {
				_, err := role.WriteDiagnosisEntry(b.Context(), raw)
				w.ok(err)
			}
		})
	})
}

// BenchmarkAskEntries is the patient's question for her entries of one department, of
// which there are two. Its floor: the question opened; vk_L and pk_e decoded; S_sk_L
// verified; the answer signed and sealed.
func BenchmarkAskEntries(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		sk, c := peers.Locators(1)[0], w.knows(s)
		h1, h2 := w.hospital(s), w.hospital(s)
		role := unstoredRole(w, storedEntry(h1, sk, w), storedEntry(h2, sk, w))
		answer := 2*(len(h1.Credential.Encode())+400) + 100
		ops := floor.Ops{Open: []int{s.PublicKeySize() + 200}, VerifyKeys: 1, KEMKeys: 1, Verify: 1, Sign: 1, Seal: []int{answer}, Hash: []int{answer}}
		floor.Compare(b, s, ops, func() func() {
			raw := c.Ask(sk, message.Question{Kind: message.AskEntries}, w.now()).Raw
			return func() {
				_, err := role.Ask(b.Context(), raw)
				w.ok(err)
			}
		})
	})
}

// BenchmarkSearchFound is a search by a known doctor that finds two hospitals' entries under
// each of six locators. To the floor of a search that finds none come the larger M5 and
// H(entries) of the ticket.
func BenchmarkSearchFound(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, s ecc.Suite) {
		w := newWorld(b)
		d, h1, h2, sks := w.doctor(s, "SURGERY"), w.hospital(s), w.hospital(s), peers.Locators(locatorsPerConsent)
		g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, w.now(), nil)
		var found []cloud.StoredEntry
		for _, sk := range sks {
			found = append(found, storedEntry(h1, sk, w), storedEntry(h2, sk, w))
		}
		role, f := unstoredRole(w, found...), newBare(w, d, g)
		f.reply = make([]byte, len(found)*(len(h1.Credential.Encode())+400)+460)
		rand.Read(f.reply)
		floor.Beside(b, func() { f.run(b, 2); ecc.Sum(f.reply) }, func() func() {
			raw := prepare(w, 1, d, g)[0]
			return func() {
				_, err := role.Search(b.Context(), raw)
				w.ok(err)
			}
		})
	})
}

package hospital_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/ecc/floor"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// The stores of BenchmarkM6M7 do nothing, so that only the hospital's own work is measured.
type noStore struct {
	hospital.Sessions
	hospital.Tickets
	hospital.AuditLog
}

func (noStore) CreateSession(context.Context, message.Hash, []byte, time.Duration) error { return nil }
func (noStore) UseTicket(context.Context, message.Hash, message.Millis) error            { return nil }
func (noStore) ProbeAudit(context.Context) error                                         { return nil }
func (noStore) AppendAudit(context.Context, []hospital.AuditEntry) error                 { return nil }
func (noStore) LastAudit(context.Context) (hospital.AuditEntry, error) {
	return hospital.AuditEntry{}, hospital.ErrNotFound
}

// BenchmarkM6M7 times OpenSession beside its floor: the cryptographic operations that any
// implementation of M6 and M7 must do.
func BenchmarkM6M7(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, suite ecc.Suite) {
		s := newScene(b, suite)
		h := s.w.Instance(b, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) {
			c.Window, c.Sessions, c.Tickets, c.Audit = openWindow{}, noStore{}, noStore{}, noStore{}
		})
		c, prekey, bare := s.consent(), s.h.Prekey(b, s.w), newBare(s)
		floor.Beside(b, func() { bare.run(b) }, func() func() {
			x := s.w.Visit(s.d, s.h.Party.Cred, prekey, s.p.Cred, c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
			return func() {
				_, err := h.OpenSession(b.Context(), x.M6)
				check(b, err)
			}
		})
	})
}

// bare holds the inputs of the bare operations of M6 and M7.
type bare struct {
	s               *scene
	prekey          ecc.KEMPrivateKey
	info, aad, c    []byte
	tbs, sig        []byte
	agreement       ecc.Agreement
	m7              []byte
	key             [32]byte
	state           []byte
	credInfo        []byte
	signKey, kemKey []byte
}

func newBare(s *scene) *bare {
	f := &bare{s: s, info: make([]byte, 80), aad: make([]byte, 127), state: make([]byte, 1200)}
	rand.Read(f.key[:])
	f.prekey = peers.Must(ecc.GenerateKEM(s.w.Suite, rand.Reader))
	body := make([]byte, len(s.d.Cred.Encode())+len(s.d.Cert)+400)
	f.c = peers.Must(peers.Must(f.prekey.Public().Setup(rand.Reader, f.info)).Seal(f.aad, body))
	f.tbs = make([]byte, 400)
	f.sig = s.d.Sign.Sign(f.tbs)
	f.m7 = make([]byte, len(s.h.Party.Cred.Encode())+200)
	r := peers.Must(ecc.GenerateScalar(rand.Reader)).Public()
	f.agreement = ecc.Agreement{Label: ecc.LabelSEK2, TH: message.Hash{1}, CInitiator: message.Hash{2}, CResponder: message.Hash{3}, RInitiator: r}
	f.credInfo = s.d.Cred.Info.Encode()
	f.signKey, f.kemKey = s.d.Cred.Info.Keys.Sign.Bytes(), s.d.Cred.Info.Keys.KEM.Bytes()
	return f
}

// run does what M6 and M7 cannot go without.
func (f *bare) run(b *testing.B) {
	s := f.s
	opened, err := f.prekey.Open(f.info, f.aad, f.c)
	check(b, err)
	// The points and keys inside: R_D3, R_D1, PUK_D, pk_e6, and PUK_D once more in Cert_D.
	for range 2 {
		_, err = ecc.DecodePoint(f.agreement.RInitiator.Bytes())
		check(b, err)
		_, err = ecc.DecodeVerifyKey(f.signKey)
		check(b, err)
		_, err = ecc.DecodeKEMPublicKey(s.w.Suite, f.kemKey)
		check(b, err)
	}
	reply, err := ecc.DecodeKEMPublicKey(s.w.Suite, f.kemKey)
	check(b, err)
	for range 3 { // Cred_D, Cert_D, Sig_D3
		check(b, s.d.Sign.Public().Verify(f.tbs, f.sig))
	}
	r8, err := ecc.GenerateScalar(rand.Reader)
	check(b, err)
	seal, err := reply.Setup(rand.Reader, f.info)
	check(b, err)
	aD, err := ecc.ImplicitKey(f.credInfo, s.d.Cred.R, s.w.Pins.First.PK)
	check(b, err)
	a := f.agreement
	a.RResponder, a.EncResponder = r8.Public(), seal.Enc()
	sek, err := a.Responder(ecc.Secrets{S: s.h.Party.S, R: r8, X1: opened.Export, X2: seal.Export()}, aD)
	check(b, err)
	sek.Confirm("H", f.tbs)
	s.h.Party.Sign.Sign(f.tbs)
	_, err = seal.Seal(f.aad, f.m7)
	check(b, err)
	_, err = ecc.SealAtRest(rand.Reader, f.key[:], f.aad, f.state) // the session
	check(b, err)
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(problem.Reason(err))
	}
}

// BenchmarkRelease times M8 and all pages of M9 over the real stores, for records of
// 50, 500 and 5000 resources of about 1 KB, all of them released.
func BenchmarkRelease(b *testing.B) {
	for _, n := range []int{50, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newScene(b, ecc.SuiteX25519)
			s.load(mrn, observations(n-len(s.rec)+1)) // the one of SURGERY is withheld
			size := 0
			for b.Loop() {
				b.StopTimer()
				x := s.open()
				m8 := x.M8(message.Filter{})
				b.StartTimer()
				r, err := s.h.Release(b.Context(), m8)
				if err != nil {
					b.Fatal(err)
				}
				pages, err := peers.All(r)
				if err != nil {
					b.Fatal(err)
				}
				size = 0
				for _, p := range pages {
					size += len(p.Ciphertext)
				}
			}
			b.ReportMetric(float64(size), "bytes/release")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/resource")
		})
	}
}

// BenchmarkImport times the import of 500 new resources of about 1 KB.
func BenchmarkImport(b *testing.B) {
	s := newScene(b, ecc.SuiteX25519)
	rs, bytes := observations(500), 0
	for _, r := range rs {
		bytes += len(r.Bytes)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.h.ImportPatient(b.Context(), fmt.Sprint("MRN-", i), rs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(500*b.N)/b.Elapsed().Seconds(), "resources/s")
	b.ReportMetric(float64(bytes*b.N)/1e6/b.Elapsed().Seconds(), "MB/s")
}

func observations(n int) []hospital.Resource {
	pad := make([]byte, 900)
	for i := range pad {
		pad[i] = 'a' + byte(i%26)
	}
	rs := make([]hospital.Resource, n)
	for i := range rs {
		rs[i] = resource("Observation", fmt.Sprintf("b%d", i), "OUTPATIENT", "LAB", 0)
		rs[i].Bytes = fmt.Appendf(nil, `{"resourceType":"Observation","id":"b%d","text":"%s"}`, i, pad)
	}
	return rs
}

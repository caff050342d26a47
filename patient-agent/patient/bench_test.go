package patient_test

import (
	"testing"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/floor"
	"medunion/patient-agent/internal/peers"
	"medunion/patient-agent/patient"
)

// What the patient's device computes, each step beside its floor: the bare cryptography
// that the step cannot do without. Run them with
//
//	go test -run - -bench . ./patient-agent/patient

func bench(b *testing.B, run func(b *testing.B, s *scene)) {
	floor.EachSuite(b, func(b *testing.B, suite ecc.Suite) {
		s := &scene{World: peers.NewWorld(b, suite)}
		s.p, s.uv = s.NewPatient()
		s.d = s.NewDoctor(peers.DoctorID)
		run(b, s)
	})
}

// BenchmarkM1 is Eq. 11-13 to a doctor whose card is verified. Its floor: r5 and R_P2 and
// the one-time key drawn, Sig_P1 made, the message sealed.
func BenchmarkM1(b *testing.B) {
	bench(b, func(b *testing.B, s *scene) {
		d := s.verified(s.d)
		size := len(s.p.Identity().Credential.Encode()) + s.Suite.PublicKeySize() + 150
		floor.Compare(b, s.Suite, floor.Ops{Draw: 1, Generate: 1, Sign: 1, Seal: []int{size}}, func() func() {
			return func() {
				_, _, err := s.p.Begin(d)
				s.Ok(err)
			}
		})
	})
}

// BenchmarkVerifyCard is what comes before M1. Its floor: Cred_D and the prekey's
// signature verified, the prekey decoded. (These tests' Cert_D costs nothing; a real one
// adds a signature.)
func BenchmarkVerifyCard(b *testing.B) {
	bench(b, func(b *testing.B, s *scene) {
		card, revoked := s.d.Card(), s.revocations()
		floor.Compare(b, s.Suite, floor.Ops{Verify: 2, KEMKeys: 1}, func() func() {
			return func() {
				_, err := s.p.VerifyCard(s.d.C, card, revoked)
				s.Ok(err)
			}
		})
	})
}

// BenchmarkM2M3 is Eq. 20-24 with the consent for three departments at two hospitals. Its floor: M2
// opened, R_D2 and Cred_D's point and keys decoded, Sig_D1 verified, SEK_1 agreed; σ_P, the
// assertion, σ_L for each of two locators and Sig_P2 signed; M3 sealed. Argon2id, which
// opens the verification key, is not in it: it is slow on purpose.
func BenchmarkM2M3(b *testing.B) {
	bench(b, func(b *testing.B, s *scene) {
		d := s.verified(s.d)
		ops := floor.Ops{Open: []int{len(s.d.Cred.Encode()) + 300}, Points: 2, VerifyKeys: 1, KEMKeys: 1, Verify: 1, Agree: 1, Sign: 5, AEAD: []int{2000}}
		floor.Compare(b, s.Suite, ops, func() func() {
			v, m1, err := s.p.Begin(d)
			s.Ok(err)
			m2 := peers.Must(s.d.M2(m1))
			return func() {
				s.Ok(v.ReceiveM2(m2))
				_, _, err := v.Share(s.choices(), s.uv)
				s.Ok(err)
			}
		})
	})
}

// BenchmarkM10 is Eq. 50. Its floor: M10 opened, H(M_DINF), Sig_D5 verified.
func BenchmarkM10(b *testing.B) {
	bench(b, func(b *testing.B, s *scene) {
		floor.Compare(b, s.Suite, floor.Ops{AEAD: []int{500}, Hash: []int{100}, Verify: 1}, func() func() {
			v, _ := s.shared()
			m10 := s.d.M10(finding, nil)
			return func() {
				_, err := v.ReceiveM10(m10)
				s.Ok(err)
			}
		})
	})
}

// BenchmarkAcceptRegistration is the patient's check of the registrar's reply (Eq. 4). Its
// floor: Cred_P verified, S_P accepted.
func BenchmarkAcceptRegistration(b *testing.B) {
	bench(b, func(b *testing.B, s *scene) {
		floor.Compare(b, s.Suite, floor.Ops{Verify: 1, Accept: 1}, func() func() {
			id, _ := s.NewIdentity()
			p := peers.Must(patient.New(s.Config(), id))
			reply := s.Reply(peers.Must(p.RequestRegistration(make([]byte, message.ChallengeSize), "CODE")))
			return func() { s.Ok(p.AcceptRegistration(reply)) }
		})
	})
}

package doctor_test

import (
	"context"
	"strings"
	"testing"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/doctor-portal/internal/peers"
	"medunion/ecc"
	"medunion/ecc/floor"
)

// What the doctor's client computes, each step beside its floor: the bare cryptography
// that the step cannot do without, on inputs of the same size. Run them with
//
//	go test -run - -bench . ./doctor-portal/doctor

func bench(b *testing.B, ops func(s *scene) floor.Ops, prepare func(b *testing.B, s *scene) (step func())) {
	floor.EachSuite(b, func(b *testing.B, suite ecc.Suite) {
		s := newScene(b, suite)
		floor.Compare(b, suite, ops(s), func() func() { return prepare(b, s) })
	})
}

// sizes of what travels: a credential, Cert_D, a one-time or published HPKE key.
func (s *scene) sizes() (cred, cert, key int) {
	return len(s.anna.Cred.Encode()), 600 + 2*s.Suite.PublicKeySize(), s.Suite.PublicKeySize()
}

// BenchmarkAnswerM1: Eq. 14-19. Its floor: M1 opened; R_P2, Cred_P's point and keys and pk_e
// decoded; Cred_P and Sig_P1 verified; SEK_1 agreed; Sig_D1 made, M2 sealed.
func BenchmarkAnswerM1(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, cert, key := s.sizes()
		return floor.Ops{Open: []int{cred + key + 150}, Points: 2, VerifyKeys: 1, KEMKeys: 2, Verify: 2, Agree: 1, Sign: 1, Seal: []int{cred + cert + 200}}
	}, func(b *testing.B, s *scene) func() {
		m1 := s.p.M1(s.d)
		return func() {
			_, _, err := s.d.AnswerM1(context.Background(), m1)
			s.Ok(err)
		}
	})
}

// BenchmarkReceiveM3: Eq. 24 and the checks of the consent. Its floor: M3 opened; vk_L and the
// assertion's key decoded; σ_P, the assertion, one σ_L and Sig_P2 verified.
func BenchmarkReceiveM3(b *testing.B) {
	bench(b, func(*scene) floor.Ops { return floor.Ops{AEAD: []int{2000}, VerifyKeys: 2, Verify: 4} }, func(b *testing.B, s *scene) func() {
		v := s.answered()
		m3 := s.p.M3(s.p.Consent(nil))
		return func() { s.Ok(v.ReceiveM3(m3)) }
	})
}

// BenchmarkM4: Eq. 25, 26. Its floor: the public cloud's prekey verified and decoded, the
// one-time key drawn, Sig_D2 made, M4 sealed.
func BenchmarkM4(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, cert, key := s.sizes()
		return floor.Ops{Verify: 1, KEMKeys: 1, Generate: 1, Sign: 1, Seal: []int{cred + cert + key + 700}}
	}, func(b *testing.B, s *scene) func() {
		v, prekey := s.opened(), s.Cloud.Prekey()
		return func() {
			_, _, err := v.BeginSearch(message.ModeRead, prekey)
			s.Ok(err)
		}
	})
}

// BenchmarkM5 with one entry: Eq. 31, 32. Its floor: M5 opened; Cred_HPC's point and keys
// decoded; the ticket, Cred_HPC and Sig_idx verified.
func BenchmarkM5(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, _, _ := s.sizes()
		return floor.Ops{Open: []int{cred + 900}, Points: 1, VerifyKeys: 1, KEMKeys: 1, Verify: 3}
	}, func(b *testing.B, s *scene) func() {
		q, m4, err := s.opened().BeginSearch(message.ModeRead, s.Cloud.Prekey())
		s.Ok(err)
		m5 := s.Cloud.M5(m4)
		return func() {
			_, err := q.ReceiveM5(m5)
			s.Ok(err)
		}
	})
}

// BenchmarkM6: Eq. 33-35. Its floor: the prekey verified and decoded; r7, R_D3 and the one-time key
// drawn; Sig_D3 made, M6 sealed. Cred_HPC was verified with the
// entry; the step does so again, as time may have passed since.
func BenchmarkM6(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, cert, key := s.sizes()
		return floor.Ops{Verify: 1, KEMKeys: 1, Draw: 1, Generate: 1, Sign: 1, Seal: []int{cred + cert + key + 200}}
	}, func(b *testing.B, s *scene) func() {
		q, _ := s.searched(s.opened(), message.ModeRead)
		prekey := s.anna.Prekey()
		return func() {
			_, _, err := q.BeginSession(s.anna.Cred, prekey)
			s.Ok(err)
		}
	})
}

// BenchmarkM7: Eq. 42-44. Its floor: M7 opened; R_HPC2 and Cred_HPC's point and keys decoded;
// Sig_HPC1 verified, SEK_2 agreed.
func BenchmarkM7(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, _, _ := s.sizes()
		return floor.Ops{Open: []int{cred + 200}, Points: 2, VerifyKeys: 1, KEMKeys: 1, Verify: 1, Agree: 1}
	}, func(b *testing.B, s *scene) func() {
		q, _ := s.searched(s.opened(), message.ModeRead)
		h, m6, err := q.BeginSession(s.anna.Cred, s.anna.Prekey())
		s.Ok(err)
		m7 := s.anna.M7(m6)
		return func() { s.Ok(h.ReceiveM7(m7)) }
	})
}

// BenchmarkReleasePage: one page of 2 MiB, Eq. 48, and Sig_HPC2. Its floor: the page opened,
// H(page), Sig_HPC2 verified.
func BenchmarkReleasePage(b *testing.B) {
	content := `{"resourceType":"Bundle","x":"` + strings.Repeat("x", message.PageSize-64) + `"}`
	bench(b, func(*scene) floor.Ops {
		return floor.Ops{AEAD: []int{message.PageSize}, Hash: []int{message.PageSize}, Verify: 1}
	}, func(b *testing.B, s *scene) func() {
		q, _ := s.searched(s.opened(), message.ModeRead)
		h := s.session(q)
		m9 := s.anna.M9(peers.Must(h.M8(message.Filter{})), content)[0]
		return func() {
			_, r, err := h.ReceiveM9(m9)
			s.Ok(err)
			if r == nil {
				b.Fatal("no release")
			}
		}
	})
}

// diagnosed is a visit with a diagnosis and a session at the hospital that it goes to.
func (s *scene) diagnosed() (*doctor.Visit, *doctor.Session, *doctor.Diagnosis) {
	v := s.opened()
	q, _ := s.searched(v, message.ModeRead)
	h := s.session(q)
	return v, h, peers.Must(v.Diagnose([]byte(diagnosis)))
}

// BenchmarkM10: Eq. 49. Its floor: H(M_DINF), Sig_D5 made, M10 sealed.
func BenchmarkM10(b *testing.B) {
	bench(b, func(*scene) floor.Ops { return floor.Ops{Hash: []int{200}, Sign: 1, AEAD: []int{500}} }, func(b *testing.B, s *scene) func() {
		v := s.opened()
		return func() {
			peers.Must(v.Diagnose([]byte(diagnosis)))
			peers.Must(v.M10())
		}
	})
}

// BenchmarkStored is the receipt of M11, without a changed entry. Its floor: the receipt opened,
// Sig_HPC3 verified. M8 and M11 themselves are one sealing.
func BenchmarkStored(b *testing.B) {
	bench(b, func(*scene) floor.Ops { return floor.Ops{AEAD: []int{200}, Verify: 1} }, func(b *testing.B, s *scene) func() {
		_, h, g := s.diagnosed()
		receipt := s.anna.Stored(peers.Must(h.M11(g)))
		return func() {
			_, err := h.ReceiveStored(receipt)
			s.Ok(err)
		}
	})
}

// BenchmarkM12 is the index write. Its floor: the prekey verified and decoded, the
// one-time key drawn, Sig_D7 made, M12 sealed.
func BenchmarkM12(b *testing.B) {
	bench(b, func(s *scene) floor.Ops {
		cred, cert, key := s.sizes()
		return floor.Ops{Verify: 1, KEMKeys: 1, Generate: 1, Sign: 1, Seal: []int{2*cred + cert + key + 900}}
	}, func(b *testing.B, s *scene) func() {
		v, h, g := s.diagnosed()
		stored := peers.Must(h.ReceiveStored(s.anna.Stored(peers.Must(h.M11(g)), s.anna.Entry(s.p))))
		prekey := s.Cloud.Prekey()
		return func() {
			_, _, err := v.BeginIndexing(stored, prekey)
			s.Ok(err)
		}
	})
}

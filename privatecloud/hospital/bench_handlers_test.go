package hospital_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
	"medunion/ecc/floor"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// The handlers of the hospital beside their floors. The stores are in memory, so that
// the hospital's own work is measured; BenchmarkRelease and BenchmarkImport use the real
// ones. Run them with
//
//	go test -run - -bench . ./privatecloud/hospital

// memory is the stores of a hospital with one patient. Her record is read once from the
// real store; what a benchmark writes is forgotten.
type memory struct {
	noStore
	hospital.Records
	hospital.Enrolments
	hospital.DeskCodes
	hospital.Consents
	receipts
	diagnoses
	patient  hospital.Patient
	versions []hospital.Version
	enrolled hospital.Enrolment
	session  hospital.StoredSession
	newcomer bool // nobody is enrolled with her record yet
}

// Under these names the ports can be embedded beside their methods of the same name.
type (
	receipts  = hospital.Receipts
	diagnoses = hospital.Diagnoses
)

func (m *memory) CreateSession(_ context.Context, _ message.Hash, sealed []byte, _ time.Duration) error {
	m.session = hospital.StoredSession{Version: 1, Sealed: sealed}
	return nil
}
func (m *memory) Session(context.Context, message.Hash) (hospital.StoredSession, error) {
	return m.session, nil
}
func (m *memory) SwapSession(_ context.Context, _ message.Hash, s hospital.StoredSession) error {
	m.session = s
	return nil
}
func (m *memory) Patient(context.Context, hospital.Handle) (hospital.Patient, error) {
	return m.patient, nil
}
func (m *memory) Versions(_ context.Context, _ hospital.Handle, from, to uint64, visit func(hospital.Version) error) error {
	for _, v := range m.versions {
		if v.Number < from || v.Number > to {
			continue
		}
		if err := visit(v); err != nil {
			return err
		}
	}
	return nil
}
func (m *memory) Outlines(_ context.Context, _ hospital.Handle, from, to uint64, visit func(hospital.Outline) error) error {
	for _, v := range m.versions {
		if v.Number < from || v.Number > to {
			continue
		}
		if err := visit(hospital.Outline{Number: v.Number, Key: v.Key, Content: v.Content}); err != nil {
			return err
		}
	}
	return nil
}
func (*memory) AppendVersions(context.Context, []hospital.Version) error { return nil }
func (*memory) MoveHead(context.Context, hospital.Handle, hospital.Head, hospital.Head) error {
	return nil
}
func (m *memory) EnrolmentOf(context.Context, message.Hash) (hospital.Enrolment, error) {
	return m.enrolled, nil
}
func (m *memory) EnrolmentByHandle(context.Context, hospital.Handle) (hospital.Enrolment, error) {
	if m.newcomer {
		return hospital.Enrolment{}, hospital.ErrNotFound
	}
	return m.enrolled, nil
}
func (*memory) PutEnrolment(context.Context, hospital.Enrolment) error { return nil }
func (*memory) CountTry(context.Context, message.Hash, message.Millis, message.Millis) (int, error) {
	return 1, nil
}
func (m *memory) UseDeskCode(context.Context, message.Hash, message.Millis) (hospital.Handle, error) {
	return m.patient.Handle, nil
}
func (*memory) ConsentRevoked(context.Context, message.Hash, hospital.Handle) (bool, error) {
	return false, nil
}
func (*memory) LastReceipt(context.Context, hospital.Handle) (uint64, error) { return 0, nil }
func (*memory) AddReceipt(context.Context, hospital.Receipt) error           { return nil }
func (*memory) CompleteReceipt(context.Context, hospital.Handle, uint64, []byte) error {
	return nil
}
func (*memory) AddDiagnosis(context.Context, hospital.Diagnosis) error { return nil }
func (*memory) Diagnosis(context.Context, message.Hash) (hospital.Diagnosis, error) {
	return hospital.Diagnosis{}, hospital.ErrNotFound
}

// inMemory is another instance of the scene's hospital over such stores, with its patient's
// record of n resources of about 1 KB, one of them in a department that her consents withhold.
func (s *scene) inMemory(b *testing.B, n int) (*peers.Hospital, *memory) {
	b.Helper()
	if n > len(s.rec) {
		s.load(mrn, observations(n-len(s.rec)))
	}
	var m memory
	h := s.w.Instance(b, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) {
		check(b, m.read(b.Context(), c))
		m.Records, m.Enrolments, m.DeskCodes, m.Consents, m.receipts, m.diagnoses = c.Records, c.Enrolments, c.DeskCodes, c.Consents, c.Receipts, c.Diagnoses
		c.Window, c.Sessions, c.Tickets, c.Audit = openWindow{}, &m, &m, &m
		c.Records, c.Enrolments, c.DeskCodes, c.Consents, c.Receipts, c.Diagnoses = &m, &m, &m, &m, &m, &m
	})
	return h, &m
}

// read takes the one patient, whose index entries are due since she was enrolled, from the store.
func (m *memory) read(ctx context.Context, c *hospital.Config) error {
	due, err := c.Enrolments.DueEnrolments(ctx, message.MillisOf(c.Now().Add(time.Hour)), 1)
	if err != nil || len(due) != 1 {
		return fmt.Errorf("%d enrolments: %w", len(due), err)
	}
	m.enrolled = due[0]
	if m.patient, err = c.Records.Patient(ctx, m.enrolled.Handle); err != nil {
		return err
	}
	return c.Records.Versions(ctx, m.patient.Handle, 1, m.patient.Head.Number, func(v hospital.Version) error {
		m.versions = append(m.versions, v)
		return nil
	})
}

// BenchmarkEnrol is the enrolment with six locators (section 4.2). Its floor: the message
// opened; Cred_P's point and keys, six vk_L and pk_e decoded; Cred_P, the enrolment's
// signature and that of each sk_L verified; the enrolment and the audit line sealed at rest;
// the receipt signed and sealed.
func BenchmarkEnrol(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, suite ecc.Suite) {
		s := newScene(b, suite)
		h, m := s.inMemory(b, 0)
		prekey, n := s.h.Prekey(b, s.w), len(peers.Departments)
		m.newcomer = true
		size := len(s.p.Cred.Encode()) + suite.PublicKeySize() + n*200 + 200
		ops := floor.Ops{Open: []int{size}, Points: 1, VerifyKeys: 1 + n, KEMKeys: 2, Verify: 2 + n, AEAD: []int{size, 300}, Sign: 1, Seal: []int{100}}
		floor.Compare(b, suite, ops, func() func() {
			x := s.p.Enrol(b, s.h.Party.Cred, prekey, "ABCD-EFGH-IJKL-MNOP")
			return func() {
				_, err := h.Enrol(b.Context(), x.M)
				check(b, err)
			}
		})
	})
}

// authorityOps are what M8 and M11 cannot go without before the record is touched: the
// message opened; Cred_P's point and keys and the assertion's key decoded; Cred_P, σ_P, the
// assertion and the ticket verified; session, data key and enrolment opened; the session's
// next state, the receipt with its evidence and the audit line sealed; one signature.
func (s *scene) authorityOps() floor.Ops {
	cred := len(s.p.Cred.Encode())
	return floor.Ops{AEAD: []int{cred + 1100, 1800, 48, cred + 1000, 1800, 500, 2000, 500, 400}, Points: 1, VerifyKeys: 2, KEMKeys: 1, Verify: 4, Sign: 1}
}

// releaseOps is a release of n resources: to authorityOps come, for each resource, one opening at rest
// and the links' hashes, the pages' hashes and sealing, and the transcript of all but the last.
func (s *scene) releaseOps(n int) floor.Ops {
	o, page := s.authorityOps(), n*1100
	for range n {
		o.AEAD, o.Hash = append(o.AEAD, 1100), append(o.Hash, 1300)
	}
	for ; page > 0; page -= message.PageSize {
		size := min(page, message.PageSize)
		o.AEAD, o.Hash = append(o.AEAD, size), append(o.Hash, size)
		if page > message.PageSize {
			o.Hash = append(o.Hash, size)
		}
	}
	return o
}

// BenchmarkM8M9 is a release of all pages, of a record of 4, 50, 500 and 5000 resources:
// the smallest shows the authorisation alone. alloc-MB is what one release allocates.
func BenchmarkM8M9(b *testing.B) {
	for _, n := range []int{4, 50, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newScene(b, ecc.SuiteX25519)
			h, _ := s.inMemory(b, n)
			m8 := func() message.Message { return s.openAt(h).M8(message.Filter{}) }
			floor.Compare(b, s.w.Suite, s.releaseOps(n), func() func() {
				m := m8()
				return func() { release(b, h, m) }
			})
			b.ReportMetric(float64(allocated(func() { release(b, h, m8()) })-allocated(func() { m8() }))/1e6, "alloc-MB")
		})
	}
}

func (s *scene) openAt(h *peers.Hospital) *peers.Session {
	c := s.consent()
	x := s.w.Visit(s.d, h.Party.Cred, s.h.Prekey(s.t, s.w), s.p.Cred, c, s.w.Ticket(s.d, c.Consent, message.ModeRead))
	m7, err := h.OpenSession(s.t.Context(), x.M6)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := x.ReceiveM7(m7); err != nil {
		s.t.Fatal(err)
	}
	return x
}

func release(b *testing.B, h *peers.Hospital, m8 message.Message) {
	r, err := h.Release(b.Context(), m8)
	check(b, err)
	_, err = peers.All(r)
	check(b, err)
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// BenchmarkM11 is a diagnosis written into a record of 50 and 500 resources. To
// authorityOps comes Sig_D5 verified, and its new version and evidence sealed; what the
// record's length adds is the index entry, which is made anew of all that is there.
func BenchmarkM11(b *testing.B) {
	for _, n := range []int{50, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newScene(b, ecc.SuiteX25519)
			h, _ := s.inMemory(b, n)
			ops := s.authorityOps()
			ops.Verify++
			ops.AEAD = append(ops.AEAD, 500, 2500, 48, 1000)
			for range n {
				ops.AEAD, ops.Hash = append(ops.AEAD, 1100), append(ops.Hash, 1300)
			}
			floor.Compare(b, s.w.Suite, ops, func() func() {
				m := diagnosisFor(s.openAt(h))
				return func() {
					_, err := h.StoreDiagnosis(b.Context(), m)
					check(b, err)
				}
			})
		})
	}
}

func diagnosisFor(x *peers.Session) message.Message { return x.M11(x.D5([]byte(conditionBundle))) }

const conditionBundle = `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:dx1",` +
	`"resource":{"resourceType":"Condition","id":"dx1","subject":{"reference":"Patient/p1"},"note":[{"text":"rest and fluids"}]}}]}`

// BenchmarkAskReleases is the patient's question who saw her record, with nothing to tell. Its
// floor: the question opened; Cred_P's point and keys and pk_e decoded; Cred_P and the
// question's signature verified; data key and enrolment opened, the audit line
// sealed; the answer signed and sealed.
func BenchmarkAskReleases(b *testing.B) {
	floor.EachSuite(b, func(b *testing.B, suite ecc.Suite) {
		s := newScene(b, suite)
		h, _ := s.inMemory(b, 0)
		prekey, cred := s.h.Prekey(b, s.w), len(s.p.Cred.Encode())
		ops := floor.Ops{Open: []int{cred + suite.PublicKeySize() + 200}, Points: 1, VerifyKeys: 1, KEMKeys: 2, Verify: 2,
			AEAD: []int{48, cred + 1000, 300}, Sign: 1, Seal: []int{100}}
		floor.Compare(b, suite, ops, func() func() {
			x := s.p.Ask(b, s.h.Party.Cred, prekey, message.Question{Kind: message.AskReleases})
			return func() {
				_, err := h.Ask(b.Context(), x.M)
				check(b, err)
			}
		})
	})
}

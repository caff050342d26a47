package hospital_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// tampered is the record store with one hand in it.
type tampered struct {
	hospital.Records
	patient func(*hospital.Patient)
	version func(*hospital.Version) bool // false: cut out
	append  func([]hospital.Version) error
	head    func() error
}

func (x *tampered) Patient(ctx context.Context, h hospital.Handle) (hospital.Patient, error) {
	p, err := x.Records.Patient(ctx, h)
	if x.patient != nil && err == nil {
		x.patient(&p)
	}
	return p, err
}

func (x *tampered) Versions(ctx context.Context, h hospital.Handle, from, to uint64, visit func(hospital.Version) error) error {
	return x.Records.Versions(ctx, h, from, to, func(v hospital.Version) error {
		if x.version != nil && !x.version(&v) {
			return nil
		}
		return visit(v)
	})
}

func (x *tampered) AppendVersions(ctx context.Context, vs []hospital.Version) error {
	if x.append != nil {
		if err := x.append(vs); err != nil {
			return err
		}
	}
	return x.Records.AppendVersions(ctx, vs)
}

func (x *tampered) MoveHead(ctx context.Context, h hospital.Handle, from, to hospital.Head) error {
	if x.head != nil {
		if err := x.head(); err != nil {
			return err
		}
	}
	return x.Records.MoveHead(ctx, h, from, to)
}

func (s *scene) tamper() *tampered {
	x := &tampered{Records: s.h.Mongo}
	s.h = s.w.Instance(s.t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Records = x })
	return x
}

// Whatever is done to the stored record, a release tells of it and gives nothing.
func TestDamagedRecordIsNoRelease(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.tamper()
	var second hospital.Version
	for name, damage := range map[string]func(){
		"gap":     func() { x.version = func(v *hospital.Version) bool { return v.Number != 2 } },
		"tail":    func() { x.version = func(v *hospital.Version) bool { return v.Number < 4 } },
		"blob":    func() { x.version = func(v *hospital.Version) bool { v.Blob[30] ^= 1; return true } },
		"key":     func() { x.version = func(v *hospital.Version) bool { v.Key[0] ^= 1; return true } },
		"content": func() { x.version = func(v *hospital.Version) bool { v.Content[0] ^= 1; return true } },
		"swap": func() {
			x.version = func(v *hospital.Version) bool {
				if v.Number == 2 {
					second = *v
				}
				if v.Number == 3 {
					v.Blob, v.Key, v.Content = second.Blob, second.Key, second.Content
				}
				return true
			}
		},
		"head moved back": func() {
			x.patient = func(p *hospital.Patient) {
				_ = s.h.Mongo.Versions(context.Background(), p.Handle, 3, 3, func(v hospital.Version) error {
					p.Head.Number, p.Head.Hash = 3, v.Hash
					return nil
				})
			}
		},
		"other data key": func() {
			x.patient = func(p *hospital.Patient) { p.Wrapped = slices.Clone(p.Wrapped); p.Wrapped[30] ^= 1 }
		},
	} {
		x.version, x.patient = nil, nil
		session := s.open()
		damage()
		err := s.asksM8(session)
		x.version, x.patient = nil, nil
		wantKind(t, err, problem.KindInternal, name)
	}
	if n := s.receipts(); n != 0 {
		t.Errorf("%d receipts", n)
	}
}

var errKilled = errors.New("killed")

// An import that dies between any two writes leaves a record that holds, and the same
// import again completes it.
func TestImportDiesAnywhere(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.tamper()
	var more []hospital.Resource
	for i := range 3 {
		more = append(more, resource("Observation", fmt.Sprintf("n%d", i), "OUTPATIENT", "LAB", 0))
	}
	steps := map[string]func(){
		"before the versions": func() { x.append = func([]hospital.Version) error { return errKilled } },
		"after some versions": func() {
			x.append = func(vs []hospital.Version) error {
				if err := s.h.Mongo.AppendVersions(t.Context(), vs[:1]); err != nil {
					return err
				}
				return errKilled
			}
		},
		"before the head": func() { x.head = func() error { return errKilled } },
	}
	n := 0
	for name, die := range steps {
		n++
		rs := slices.Clone(more)
		for i := range rs {
			rs[i].ID = fmt.Sprintf("%s-%d", rs[i].ID, n)
			rs[i].Bytes = []byte(fmt.Sprintf(`{"resourceType":"Observation","id":%q}`, rs[i].ID))
		}
		die()
		_, err := s.h.ImportPatient(t.Context(), mrn, rs)
		x.append, x.head = nil, nil
		if err == nil {
			t.Fatalf("%s: the import was acknowledged", name)
		}
		if got, _ := s.release(s.open(), message.Filter{}); len(got) < 3 {
			t.Errorf("%s: the record lost something: %v", name, names(got))
		}
		s.load(mrn, rs)
		got, _ := s.release(s.open(), message.Filter{})
		for _, r := range rs {
			if got["Observation/"+r.ID] != string(r.Bytes) {
				t.Errorf("%s: %s is missing", name, r.ID)
			}
		}
	}
}

// Writers that race each other lose nothing and break nothing.
func TestConcurrentImports(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	replica := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	const writers, each = 6, 10
	var wg sync.WaitGroup
	for w := range writers {
		h := []*peers.Hospital{s.h, replica}[w%2]
		wg.Go(func() {
			var rs []hospital.Resource
			for i := range each {
				rs = append(rs, resource("Observation", fmt.Sprintf("w%d-%d", w, i), "OUTPATIENT", "LAB", 0))
			}
			rs = append(rs, resource("Observation", "shared", "OUTPATIENT", "LAB", 0))
			if _, err := h.ImportPatient(t.Context(), mrn, rs); err != nil {
				t.Errorf("writer %d: %s", w, problem.Reason(err))
			}
		})
	}
	wg.Wait()
	got, _ := s.release(s.open(), message.Filter{})
	if len(got) != 3+writers*each+1 {
		t.Errorf("%d resources", len(got))
	}
}

// Receipts of concurrent releases have the numbers 1 to n.
func TestConcurrentReleases(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	replica := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	const n = 8
	sessions := make([]*peers.Session, n)
	for i := range sessions {
		sessions[i] = s.open()
	}
	var wg sync.WaitGroup
	for i, x := range sessions {
		h := []*peers.Hospital{s.h, replica}[i%2]
		wg.Go(func() {
			if _, err := h.Release(t.Context(), x.M8(message.Filter{})); err != nil {
				t.Error(problem.Reason(err))
			}
		})
	}
	wg.Wait()
	list, err := message.DecodeReleases(s.ask(message.Question{Kind: message.AskReleases}))
	if err != nil || len(list) != n {
		t.Fatalf("%d receipts, %v", len(list), err)
	}
	for i, r := range list {
		if r.Number != uint64(i+1) {
			t.Errorf("receipt %d stands at %d", r.Number, i+1)
		}
	}
}

// Of several M8 that a session gets at once, under one number, one is answered.
func TestConcurrentM8OfOneSession(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	var ms []message.Message
	for range 6 {
		ms = append(ms, x.SendAs(message.TypeM8, 2, s.w.Now(), message.M8{Authority: x.Authority()}.Encode()))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered := 0
	for _, m := range ms {
		wg.Go(func() {
			_, err := s.h.Release(t.Context(), m)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				answered++
			} else if problem.KindOf(err) != problem.KindRefused {
				t.Error(problem.Reason(err))
			}
		})
	}
	wg.Wait()
	if answered != 1 || s.receipts() != 1 {
		t.Errorf("%d answered, %d receipts", answered, s.receipts())
	}
}

// brokenAudit cannot append.
type brokenAudit struct{ hospital.AuditLog }

func (brokenAudit) AppendAudit(context.Context, []hospital.AuditEntry) error {
	return errors.New("disk full")
}

func TestNothingLeavesWithoutAudit(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	x := s.open()
	whole := s.h
	s.h = s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = brokenAudit{c.Audit} })
	wantKind(t, s.asksM8(x), problem.KindUnavailable, "M8")
	c := s.consent()
	wantKind(t, s.sendM6(s.visit(c, s.w.Ticket(s.d, c.Consent, message.ModeRead))), problem.KindUnavailable, "M6")
	q := s.p.Ask(t, s.h.Party.Cred, s.h.Prekey(t, s.w), message.Question{Kind: message.AskRecord})
	_, err := s.h.Ask(t.Context(), q.M)
	wantKind(t, err, problem.KindUnavailable, "question")
	// The session was not used up: with the trail back, the doctor goes on.
	s.h = whole
	if got, _ := s.release(x, message.Filter{}); len(got) != 3 {
		t.Errorf("received %v", names(got))
	}
}

func TestAuditTrailNoticesChanges(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	s.release(s.open(), message.Filter{})
	if len(s.trail()) < 4 {
		t.Fatalf("%d entries", len(s.trail()))
	}
	for name, change := range map[string]func([]hospital.AuditEntry) []hospital.AuditEntry{
		"cut out":  func(e []hospital.AuditEntry) []hospital.AuditEntry { return slices.Delete(e, 1, 2) },
		"changed":  func(e []hospital.AuditEntry) []hospital.AuditEntry { e[1].Sealed[30] ^= 1; return e },
		"rehashed": func(e []hospital.AuditEntry) []hospital.AuditEntry { e[1].Hash = ecc.Sum(e[1].Sealed); return e },
		"swapped":  func(e []hospital.AuditEntry) []hospital.AuditEntry { e[1], e[2] = e[2], e[1]; return e },
	} {
		h := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, func(c *hospital.Config) { c.Audit = changedAudit{c.Audit, change} })
		if _, err := h.Trail(t.Context(), 1, 100); problem.KindOf(err) != problem.KindInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type changedAudit struct {
	hospital.AuditLog
	change func([]hospital.AuditEntry) []hospital.AuditEntry
}

func (c changedAudit) AuditFrom(ctx context.Context, from uint64, limit int) ([]hospital.AuditEntry, error) {
	e, err := c.AuditLog.AuditFrom(ctx, from, limit)
	return c.change(e), err
}

func TestConcurrentAudit(t *testing.T) {
	s := newScene(t, ecc.SuiteX25519)
	replica := s.w.Instance(t, s.h.Party, s.h.Storage, s.s, nil)
	before := len(s.trail())
	var wg sync.WaitGroup
	for i := range 20 {
		h := []*peers.Hospital{s.h, replica}[i%2]
		wg.Go(func() {
			if _, _, err := h.NewDeskCode(t.Context(), mrn); err != nil {
				t.Error(problem.Reason(err))
			}
		})
	}
	wg.Wait()
	if n := len(s.trail()); n != before+20 {
		t.Errorf("%d entries, want %d", n, before+20)
	}
}

package hospital_test

import (
	"fmt"
	"os"
	"testing"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
	"medunion/privatecloud/hospital"
	"medunion/privatecloud/internal/peers"
)

// mongoURI is that of MONGODB_URI or of an embedded server; redisAddr that of an embedded one.
var mongoURI, redisAddr = os.Getenv("MONGODB_URI"), ""

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	if mongoURI == "" {
		server, err := embedmongo.Start(embedmongo.Options{})
		if err != nil {
			return 1, err
		}
		defer server.Close()
		mongoURI = server.URI()
	}
	server, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		return 1, err
	}
	defer server.Close()
	redisAddr = server.Addr()
	if err := peers.AwaitWindow(redisAddr, "tests"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// scene is a hospital with one enrolled patient who has a record, and a doctor.
type scene struct {
	t   testing.TB
	w   *peers.World
	s   peers.Stores
	h   *peers.Hospital
	p   *peers.Patient
	d   peers.Party
	rec []hospital.Resource
}

const mrn = "MRN-4711"

func newScene(t testing.TB, suite ecc.Suite) *scene {
	t.Helper()
	w := peers.NewWorld(suite)
	s := peers.NewStores(mongoURI, redisAddr)
	sc := &scene{t: t, w: w, s: s, h: w.NewHospital(t, "st-anna", s), p: w.NewPatient(), d: w.Doctor("dr-okafor", "OUTPATIENT", "SURGERY")}
	sc.rec = []hospital.Resource{
		resource("Patient", "p1", "GENERAL", "DEMOGRAPHIC", 0),
		resource("Observation", "o1", "OUTPATIENT", "LAB", 1_600_000_000_000),
		resource("Observation", "o2", "OUTPATIENT", "VITAL", 1_700_000_000_000),
		resource("Condition", "c1", "SURGERY", "PROBLEM", 1_650_000_000_000),
	}
	sc.load(mrn, sc.rec)
	sc.h.EnrolPatient(t, sc.p, mrn)
	return sc
}

func resource(typ, id string, department, class message.Code, date message.Millis) hospital.Resource {
	return hospital.Resource{Type: typ, ID: id, FullURL: "urn:uuid:" + id, Department: department, Class: class, Date: date,
		Bytes: []byte(fmt.Sprintf(`{ "resourceType" : %q, "id":%q , "note": "text of %s" }`, typ, id, id))}
}

func (s *scene) load(mrn string, rs []hospital.Resource) []hospital.Outcome {
	s.t.Helper()
	out, err := s.h.ImportPatient(s.t.Context(), mrn, rs)
	if err != nil {
		s.t.Fatal(problem.Reason(err))
	}
	return out
}

// consent grants all classes of two departments, SURGERY withheld, and writing here.
func (s *scene) consent() message.CON {
	return s.p.Consent(peers.Terms{Doctor: s.d, WriteTo: s.h.ID(),
		Grants: []message.Grant{s.h.Grant([]message.Code{"GENERAL", "OUTPATIENT"}, peers.AllClasses())}})
}

func (s *scene) open() *peers.Session { return s.openWith(s.consent()) }

func (s *scene) openWith(c message.CON) *peers.Session {
	s.t.Helper()
	return s.h.Open(s.t, s.w, s.d, s.p, c, message.ModeRead)
}

// wantKind fails unless err is a problem of this kind.
func wantKind(t testing.TB, err error, kind problem.Kind, what string) {
	t.Helper()
	if err == nil || problem.KindOf(err) != kind {
		t.Errorf("%s: want %v, got %v", what, kind, problem.Reason(err))
	}
}

// refused fails unless err is the one refusal, and the newest audit line gives a reason.
func (s *scene) refused(err error, what string) {
	s.t.Helper()
	wantKind(s.t, err, problem.KindRefused, what)
	trail := s.trail()
	if last := trail[len(trail)-1]; last.What != hospital.EventRefused || last.Reason == "" {
		s.t.Errorf("%s: the audit trail ends with %q", what, last.What)
	}
}

func (s *scene) trail() []hospital.Audited {
	s.t.Helper()
	var all []hospital.Audited
	for {
		next, err := s.h.Trail(s.t.Context(), uint64(len(all))+1, 500)
		if err != nil {
			s.t.Fatal(problem.Reason(err))
		}
		if all = append(all, next...); len(next) < 500 {
			return all
		}
	}
}

// release runs M8 and returns the resources received, by type and id.
func (s *scene) release(x *peers.Session, f message.Filter) (map[string]string, uint64) {
	s.t.Helper()
	r, err := s.h.Release(s.t.Context(), x.M8(f))
	if err != nil {
		s.t.Fatal(problem.Reason(err))
	}
	pages, err := peers.All(r)
	if err != nil {
		s.t.Fatal(err)
	}
	contents, receipt, _ := x.Pages(s.t, pages)
	return resources(s.t, contents), receipt
}

package system_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// operated is the suite with an operations listener for each service.
func operated(t *testing.T) *suite.Suite {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	s, err := suite.Start(t.Context(), suite.Options{Dir: dir, Suite: ecc.SuiteX25519, Hospitals: 1, Logger: stderrLog(8),
		Edge: func(_ string, e *httpserver.Edge) { e.OperationsListen = "127.0.0.1:0" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); _ = os.RemoveAll(dir) })
	return s
}

// Beside an operations listener no address of the protocol, of the administration or of an
// agent answers /readyz or /metrics; all of them answer /livez. The operations listener has
// nothing else, and lists the checks of its service.
func TestOperationsListeners(t *testing.T) {
	s := operated(t)
	ctx := t.Context()
	doctor, err := s.StartDoctor(ctx, suite.DoctorProfile{ID: "dr-ops", Name: "Dr. Ops", Departments: []message.Code{"OUTPATIENT"}, Affiliation: s.Hospitals[0].ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.StartPatient(ctx, "ops"); err != nil {
		t.Fatal(err)
	}
	patient, err := s.API("ops")
	if err != nil {
		t.Fatal(err)
	}
	h := s.Hospitals[0]
	for _, url := range []string{s.Cloud, s.Portal, h.URL, h.Admin, doctor.URL(), patient.URL} {
		for path, want := range map[string]int{"/livez": 200, "/readyz": 404, "/readyz?verbose": 404, "/metrics": 404} {
			if got := status(t, ctx, url+path); got != want {
				t.Errorf("%s%s: %d, not %d", url, path, got, want)
			}
		}
	}
	checks := map[string][]string{"publiccloud": {"audit", "clock", "keys", "mongodb", "redis"}, string(h.ID): {"audit", "clock", "keys", "mongodb", "redis", "revocations"},
		"portal": {"clock", "redis"}, "agents/doctor-dr-ops": {"keys"}, "agents/ops": {"keys"}}
	operations := s.Operations()
	if len(operations) != len(checks) {
		t.Errorf("operations listeners: %v", operations)
	}
	for party, want := range checks {
		url := operations[party]
		for _, path := range []string{"/v1/parameters", "/docs", "/openapi.json", "/"} {
			if got := status(t, ctx, url+path); got != 404 {
				t.Errorf("%s: %s is %d at the operations listener", party, path, got)
			}
		}
		if got := checkNames(t, ctx, url); !slices.Equal(got, want) {
			t.Errorf("%s checks %v, not %v", party, got, want)
		}
	}
}

func status(t *testing.T, ctx context.Context, url string) int {
	t.Helper()
	a, err := call(ctx, http.MethodGet, url, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.status
}

// checkNames are the checks of a service that is ready.
func checkNames(t *testing.T, ctx context.Context, url string) (names []string) {
	t.Helper()
	a, err := call(ctx, http.MethodGet, url+"/readyz?verbose", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Status any
		Checks []struct {
			Name string
			OK   bool
		}
	}
	if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 || v.Status != "ready" {
		t.Fatalf("%s: %d %s", url, a.status, a.body)
	}
	for _, c := range v.Checks {
		if !c.OK {
			t.Errorf("%s: %s fails in %s", url, c.Name, a.body)
		}
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

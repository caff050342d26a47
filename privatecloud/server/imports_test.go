package server_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"medunion/api/openapi/privateadmin"
	"medunion/api/token"
	"medunion/ecc"
)

// later asks for an import that goes on after its answer, and returns where its state is.
func (s *site) later(bundle, prefer string) (location string, state privateadmin.Import) {
	s.t.Helper()
	r, err := http.NewRequest("POST", s.h.AdminURL()+"/fhir/bundles", strings.NewReader(bundle))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token(token.ScopeFHIRImport))
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set("Prefer", prefer)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || resp.StatusCode != 202 || resp.Header.Get("Preference-Applied") != "respond-async" {
		s.t.Fatal(resp.StatusCode, resp.Header, err)
	}
	return resp.Header.Get("Location"), state
}

// watch reads the stream of an import to its end, which comes by itself.
func (s *site) watch(location string) (last privateadmin.Import) {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.h.AdminURL()+location+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token(token.ScopeFHIRImport))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
			last = privateadmin.Import{}
			if err := json.Unmarshal([]byte(data), &last); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	if err := lines.Err(); err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatal(err, resp.Header)
	}
	return last
}

func TestImportAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	location, begun := s.later(string(bundle("m1", "n", "t", 1)), "respond-async, wait=10")
	if location != "/fhir/imports/"+begun.ID || begun.State != privateadmin.Running {
		t.Fatal(location, begun)
	}
	end := s.watch(location)
	if end.State != privateadmin.Done || end.Ended == nil || end.Report == nil || end.Report.Total.Stored == 0 {
		t.Fatalf("%+v", end)
	}
	var read privateadmin.Import
	if a := s.do("GET", s.h.AdminURL()+location, s.token(token.ScopeFHIRImport), "", nil); a.status != 200 || json.Unmarshal(a.body, &read) != nil || read.State != end.State {
		t.Errorf("%d %s", a.status, a.body)
	}
	if again := s.importBundle(bundle("m1", "n", "t", 1), ""); again.Total["unchanged"] != end.Report.Total.Stored {
		t.Errorf("the same again: %+v", again.Total)
	}
	location, _ = s.later(`{"resourceType":"Bundle","type":"batch"}`, "Respond-Async")
	if end := s.watch(location); end.State != privateadmin.Refused || end.Reason == nil || !strings.Contains(*end.Reason, "refused") {
		t.Errorf("a bundle that is none: %+v", end)
	}
	for _, path := range []string{"/fhir/imports/" + strings.Repeat("0", 32), "/fhir/imports/" + strings.Repeat("0", 32) + "/events"} {
		if a := s.do("GET", s.h.AdminURL()+path, s.token(token.ScopeFHIRImport), "", nil); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := s.do("GET", s.h.AdminURL()+location, s.token(token.ScopeAdmin), "", nil); a.status != 403 {
		t.Errorf("without the scope: %d", a.status)
	}
}

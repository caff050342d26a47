package server_test

import (
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/ecc"
	"medunion/privatecloud/server"
)

// What is wrong with a bundle stands in its report; what is right in it is stored.
func TestImportReports(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	mixed := []byte(`{"resourceType":"Bundle","type":"collection","entry":[
		{"resource":{"resourceType":"Patient","id":"m1"}},
		{"resource":{"resourceType":"Nonsense","id":"x"}},
		{"resource":{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/m1"},"wrong":true}},
		{"resource":{"resourceType":"Condition","id":"c2","subject":{"reference":"Patient/m1"}}},
		{"resource":{"resourceType":"Condition","id":"c3","subject":{"reference":"Patient/stranger"}}}]}`)
	dry := s.importBundle(mixed, "?dryRun=true")
	if again := s.importBundle(mixed, ""); fmt.Sprint(dry.Total) != fmt.Sprint(again.Total) || again.Total["stored"] != 2 ||
		again.Total["unknown"] != 1 || again.Total["invalid"] != 1 || again.Total["unplaced"] != 1 || len(again.Problems) != 3 {
		t.Errorf("dry %+v, real %+v, %v", dry.Total, again.Total, again.Problems)
	}
	if later := s.importBundle([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"c4","subject":{"reference":"Patient/m1"}}}]}`), ""); later.Total["stored"] != 1 {
		t.Errorf("a bundle that only refers to a known patient: %+v", later.Total)
	}
	for name, b := range map[string]string{"batch": `{"resourceType":"Bundle","type":"batch"}`, "no JSON": `nonsense`, "cut": `{"resourceType":"Bundle"`} {
		a := s.do("POST", s.h.AdminURL()+"/fhir/bundles", s.token(token.ScopeFHIRImport), "application/fhir+json", []byte(b))
		if p, err := problem.Parse(a.body); a.status != 400 || err != nil || p.Kind != problem.KindInvalid {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestImportFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	if _, err := server.Import(t.Context(), s.config, synthea, false, nil); err == nil {
		t.Error("imported before the registration")
	}
	s.start()
	dry, err := server.Import(t.Context(), s.config, synthea, true, nil)
	if err != nil || dry.Files != 12 || dry.Total().Stored == 0 {
		t.Fatalf("%+v, %v", dry.Total(), err)
	}
	first, err := server.Import(t.Context(), s.config, synthea, false, nil)
	if err != nil || first.Total() != dry.Total() {
		t.Fatalf("%+v, dry run %+v, %v", first.Total(), dry.Total(), err)
	}
	second, err := server.Import(t.Context(), s.config, synthea, false, nil)
	if err != nil || second.Total().Unchanged != first.Total().Stored || second.Total().Stored != 0 {
		t.Errorf("again %+v, %v", second.Total(), err)
	}
}

// Index entries follow an enrolment and an import by themselves.
func TestEntriesArePublished(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	s.importBundle(bundle("m1", "n", "t", 1), "")
	s.enrol("m1")
	wait := func(n int) {
		t.Helper()
		for range 100 {
			if len(s.w.Written()) == n {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%d entries, want %d\n%s", len(s.w.Written()), n, s.log)
	}
	wait(1)
	s.importBundle([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"m1"}},`+
		`{"resource":{"resourceType":"Immunization","id":"i1","status":"completed","patient":{"reference":"Patient/m1"},"vaccineCode":{"text":"x"},"occurrenceString":"2020"}}]}`), "")
	wait(2)
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteXWing)
	s.config.PassphraseFile = s.file(t.TempDir(), "passphrase", []byte("correct horse\n"))
	s.start()
	if err := s.h.Close(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*server.Config){
		"wrong passphrase": func(c *server.Config) { c.PassphraseFile = s.file(t.TempDir(), "p", []byte("wrong\n")) },
		"no passphrase":    func(c *server.Config) { c.PassphraseFile = "" },
		"another hospital": func(c *server.Config) { c.ID = "mercy" },
		"absent":           func(c *server.Config) { c.Keys += "2"; c.InitKeys = false },
		"no operator":      func(c *server.Config) { c.Keys += "3"; c.OperatorToken = "" },
		"plain HTTP":       func(c *server.Config) { c.Listen = "0.0.0.0:0" },
		"address":          func(c *server.Config) { c.Address = "http://hospital.example" },
		"suite":            func(c *server.Config) { c.Suite = 3 },
	} {
		c := s.config
		change(&c)
		if h, err := server.Start(t.Context(), c); err == nil {
			h.Close()
			t.Errorf("%s: started", name)
		}
	}
	if err := os.Chmod(s.config.Keys, 0o644); err != nil {
		t.Fatal(err)
	}
	if h, err := server.Start(t.Context(), s.config); err == nil {
		h.Close()
		t.Error("started with a key file that others may read")
	}
}

// Redis going away refuses everything that needs it, and nothing is replayed when it is back.
func TestAttack1_RedisOutage(t *testing.T) {
	t.Parallel()
	s := newSiteOver(t, ecc.SuiteX25519, redistest.Start(t))
	s.start()
	s.importBundle(bundle("m1", "n", "t", 1), "")
	p := s.enrol("m1")
	ask := func() message.Message {
		return p.Ask(t, s.h.Credential(), s.w.OpenPrekey(t, s.h.Credential()), message.Question{Kind: message.AskReleases}).M
	}
	accepted := ask()
	s.send("/v1/questions", accepted)
	s.redis.Kill9()
	if a := s.do("POST", s.h.URL()+"/v1/questions", "", "application/json", wire(ask().Encode())); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %d %s", a.status, a.body)
	}
	s.redis.Restart()
	for end := time.Now().Add(5 * time.Second); ; {
		if a := s.do("POST", s.h.URL()+"/v1/questions", "", "application/json", wire(accepted.Encode())); a.status == 200 {
			t.Fatal("an accepted message was accepted again after the outage")
		}
		if a := s.do("POST", s.h.URL()+"/v1/questions", "", "application/json", wire(ask().Encode())); a.status == http.StatusOK {
			break
		} else if time.Now().After(end) {
			t.Fatalf("still %d %s", a.status, a.body)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if a := s.do("POST", s.h.URL()+"/v1/questions", "", "application/json", wire(accepted.Encode())); a.status == 200 {
		t.Error("an accepted message was accepted again when Redis was back")
	}
}

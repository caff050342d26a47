package bridge_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/deploy/local/source"
	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
	"medunion/ecc"
	patient "medunion/patient-agent/agent"
)

// pageVisit is what a page knows of a visit.
type pageVisit struct {
	ID, State string
	Patient   struct{ ID, Credential string }
	Search    *struct{ State string }
	Hospitals []struct {
		Hospital, State string
		Resources       int
	}
}

type diagnosis struct {
	Delivered bool
	Stored    *struct{ Hospital string }
	Indexed   *struct{ Time int64 }
	Failures  []struct{ Code string }
}

// One whole visit with the doctor in the browser: the real clouds, hospitals and portal,
// and a patient's agent. Letters come as events, records as bytes.
func TestVisitInTheBrowser(t *testing.T) {
	worker, browser := needWorker(t), openBrowser(t)
	log := &visit.Log{}
	world := must(suite.Start(t.Context(), suite.Options{Dir: t.TempDir(), Suite: ecc.SuiteX25519, Hospitals: 2, Trace: log.Add, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(func() { _ = world.Close() })
	src := must(source.Read(os.DirFS("../../local/testdata/synthea"), 2))
	plan := visit.NewPlan(src)
	src.Files = []source.File{plan.File}
	if err := visit.Import(t.Context(), world, src); err != nil {
		t.Fatal(err)
	}
	people := must(visit.Join(t.Context(), world, plan, log))
	var logs lockedBuffer
	wire := tapPortal(t, world, &logs)

	s := newStation(browser, t, world.Portal, worker)
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	wire.forget()
	s.register(world, plan)
	var card struct{ Link string }
	s.must(&card, "card")
	id := must(people.Patient.StartVisit(t.Context(), patient.Request{Link: card.Link, Passphrase: people.Passphrase, Department: plan.Department}))
	v := s.callIn()
	s.must(nil, "fetch", v.ID)
	s.await("the records", func() bool {
		s.must(&v, "visit", v.ID)
		return v.Search != nil && v.Search.State != "running"
	})
	s.checkRecords(plan, v)
	s.checkDiagnosis(v.ID)
	s.await("the patient's diagnosis", func() bool { return must(people.Patient.Visit(id)).State == patient.Diagnosed })
	s.checkEvidence(v.ID)
	s.must(nil, "close", v.ID)
	s.must(nil, "lock")
	checkTap(t, wire, logs.String(), map[string]string{"a diagnosis": note, "the patient": v.Patient.ID, "her credential": v.Patient.Credential,
		"a resource": `"resourceType":"`, "a person of the record": family(t, plan)})
	if kept := s.stored(); bytes.Contains(kept, []byte(`"resourceType"`)) {
		t.Error("a record lies in the browser's storage")
	}
}

// note is what the doctor writes, and nothing else in the world.
const note = "Quetzalcoatlus northropi, measured at home"

// family is the patient's family name in her record.
func family(t *testing.T, plan visit.Plan) string {
	t.Helper()
	var p struct{ Name []struct{ Family string } }
	if err := json.Unmarshal(plan.File.Patient().Raw, &p); err != nil || len(p.Name) == 0 || len(p.Name[0].Family) < 5 {
		t.Fatal("the patient has no name to look for")
	}
	return p.Name[0].Family
}

// checkTap looks for what no portal may learn, in what passed through it and in its log.
func checkTap(t *testing.T, wire *tap, logs string, canaries map[string]string) {
	t.Helper()
	passed := wire.passed()
	if !strings.Contains(passed, "/v1/inbox/events") || !strings.Contains(passed, `{"message":"`) || !strings.Contains(logs, "/v1/inbox/messages") {
		t.Fatalf("the visit passes elsewhere: %d bytes at the tap, %d in the log", len(passed), len(logs))
	}
	for what, text := range canaries {
		if holds(passed, text) || holds(logs, text) {
			t.Errorf("%s reached the portal", what)
		}
	}
}

// lockedBuffer is a log of many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *station) await(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if is() {
			return
		}
	}
	s.t.Fatal("waited in vain for", what)
}

// register takes the doctor from her first key to being reachable.
func (s *station) register(world *suite.Suite, plan visit.Plan) {
	s.t.Helper()
	s.must(nil, "create", object{"id": "dr-webb", "suite": 1, "opener": passkey("a2V5")})
	var request string
	s.must(&request, "requestCertificate", object{"licence": "L-9", "name": "Jonas Webb",
		"departments": []message.Code{plan.Department}, "affiliation": world.Hospitals[plan.Home].ID})
	resp := must(http.Post(world.Authority+"/v1/certificates", "application/json", strings.NewReader(request)))
	defer resp.Body.Close()
	var issued struct{ Certificate string }
	if err := json.Unmarshal(must(io.ReadAll(resp.Body)), &issued); err != nil || issued.Certificate == "" {
		s.t.Fatal("no certificate:", resp.Status, err)
	}
	s.must(nil, "setCertificate", issued.Certificate)
	s.must(nil, "register")
	var d struct{ Online bool }
	s.await("going online", func() bool { s.must(&d, "doctor"); return d.Online })
}

// callIn waits for the patient and opens her visit.
func (s *station) callIn() (v pageVisit) {
	s.t.Helper()
	s.await("the patient in the waiting room", func() bool {
		var all []pageVisit
		s.must(&all, "visits")
		if len(all) == 1 {
			v = all[0]
		}
		return v.State == "waiting"
	})
	s.must(&v, "open", v.ID)
	return v
}

// checkRecords compares each byte with the files that the hospitals imported.
func (s *station) checkRecords(plan visit.Plan, v pageVisit) {
	s.t.Helper()
	var r struct {
		Records []struct {
			Type, ID, Hospital string
			Offset, Length     int
		}
		Data blob
	}
	s.must(&r, "records", v.ID)
	imported := map[string]int{}
	for _, item := range plan.File.Items {
		imported[string(item.Raw)] += len(item.Hospitals)
	}
	for _, x := range r.Records {
		raw := string(r.Data.Base64[x.Offset : x.Offset+x.Length])
		if imported[raw]--; imported[raw] < 0 {
			s.t.Fatalf("%s %s of %s is not what was imported", x.Type, x.ID, x.Hospital)
		}
	}
	if len(r.Records) != plan.File.Count() || len(v.Hospitals) != 2 {
		s.t.Errorf("%d of %d resources of %d hospitals", len(r.Records), plan.File.Count(), len(v.Hospitals))
	}
}

func (s *station) checkDiagnosis(id string) {
	s.t.Helper()
	var preview struct{ Bundle string }
	s.must(&preview, "preview", id, object{"text": "Hypertension, newly found", "note": note,
		"attachment": object{"name": "a.pdf", "type": "application/pdf", "data": blob{[]byte("%PDF-1.4 small")}}})
	var d diagnosis
	s.must(&d, "sign", id, preview.Bundle)
	if !d.Delivered || d.Stored == nil || d.Indexed == nil || len(d.Failures) > 0 {
		s.t.Errorf("diagnosis %+v", d)
	}
}

func (s *station) checkEvidence(id string) {
	s.t.Helper()
	var e struct {
		Statements []struct {
			Name     string
			Verified bool
		}
	}
	s.must(&e, "evidence", id)
	for _, x := range e.Statements {
		if !x.Verified {
			s.t.Errorf("%s is not verified", x.Name)
		}
	}
	var file blob
	if s.must(&file, "evidenceFile", id); len(e.Statements) < 8 || !json.Valid(file.Base64) {
		s.t.Errorf("%d statements, a file of %d bytes", len(e.Statements), len(file.Base64))
	}
}

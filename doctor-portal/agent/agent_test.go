package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	"medunion/doctor-portal/agent"
	"medunion/doctor-portal/internal/peers"
)

// canary stands in everything clinical: nothing but a sealed file may hold it.
const canary = "Quetzalcoatlus-Northropi"

// oddly has bytes that a JSON library would change.
const oddly = `{"resourceType": "Observation","id":"o1",` + "\n\t" + `"valueQuantity":{"value":1.50e0}, "note":[{"text":"` + canary + ` \u00e9/\/"}]}`

func page(resources ...string) string {
	var entries []string
	for i, r := range resources {
		entries = append(entries, fmt.Sprintf(`{"fullUrl":"urn:uuid:%d","resource":%s}`, i, r))
	}
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(entries, ",") + `]}`
}

// setUp registers the agent's doctor through its API, as an operator would.
func (u *union) setUp(api *doctoragent.ClientWithResponses) {
	u.t.Helper()
	ctx := context.Background()
	req, err := api.RequestCertificateWithResponse(ctx, doctoragent.Person{Authority: peers.AuthorityName, Licence: "L-1",
		Name: "Dr Okafor", Departments: []string{"GENERAL"}})
	if err != nil || req.StatusCode() != 200 {
		u.t.Fatal(err, string(req.Body))
	}
	cert := must(u.w.Authority.Issue(must(u.w.Authority.Open(req.Body)), u.w.Now))
	set, err := api.SetCertificateWithResponse(ctx, doctoragent.Certificate{Certificate: string(cert)})
	if err != nil || set.JSON200 == nil || set.JSON200.State != doctoragent.Certified {
		u.t.Fatal(err, string(set.Body))
	}
	reg, err := api.RegisterWithResponse(ctx)
	if err != nil || reg.JSON200 == nil || reg.JSON200.State != doctoragent.Registered {
		u.t.Fatal(err, string(reg.Body))
	}
	u.online(api)
}

func (u *union) online(api *doctoragent.ClientWithResponses) {
	u.t.Helper()
	u.eventually("going online", func() bool {
		d := must(api.GetDoctorWithResponse(context.Background())).JSON200
		return d != nil && d.Online
	})
}

// setCredential takes Cred_D from what the agent presents at its login.
func (u *union) setCredential(a *agent.Agent) { doctorCredential = must(a.Credential()) }

// waiting returns the only visit in the waiting list.
func (u *union) waiting(api *doctoragent.ClientWithResponses) string {
	u.t.Helper()
	var id string
	u.eventually("a patient in the waiting list", func() bool {
		for _, v := range must(api.ListVisitsWithResponse(context.Background(), nil)).JSON200.Visits {
			if v.State == doctoragent.Waiting {
				id = v.ID
			}
		}
		return id != ""
	})
	return id
}

func (u *union) fetched(api *doctoragent.ClientWithResponses, id string) *doctoragent.Visit {
	u.t.Helper()
	status(u.t, 202)(api.FetchRecords(context.Background(), id, doctoragent.Filter{}))
	var v *doctoragent.Visit
	u.eventually("the end of the search", func() bool {
		v = must(api.GetVisitWithResponse(context.Background(), id)).JSON200
		return v.Search.State != doctoragent.SearchStateRunning
	})
	return v
}

func TestVisitThroughThePortal(t *testing.T) {
	u := newUnion(t)
	a, api := u.start()
	u.setUp(api)
	u.setCredential(a)
	ctx := context.Background()
	p := u.w.NewPatient(peers.PatientID)
	u.w.Cloud.Entries = []message.Entry{u.anna.Entry(p), u.other.Entry(p)}
	u.records[peers.AnnaID] = []string{page(oddly, `{"resourceType":"Encounter","id":"e1"}`), page(`{"resourceType":"Observation","id":"o2"}`)}
	u.records[peers.ElseID] = []string{page(`{"resourceType":"Condition","id":"c1"}`)}
	u.setDown(peers.ElseID)

	u.enter(p, nil)
	id := u.waiting(api)
	status(t, 409)(api.FetchRecords(ctx, id, doctoragent.Filter{}))
	status(t, 200)(api.OpenVisit(ctx, id))
	signals := must(api.GetSignalsWithResponse(ctx, id))
	if !bytes.Equal(signals.Body, peers.Signals) {
		t.Errorf("signals: %s", signals.Body)
	}

	v := u.fetched(api, id) // one hospital is down
	if got := progress(v); got != "st-anna verified 3; st-else failed 0 The hospital does not answer." {
		t.Errorf("with a hospital down: %s", got)
	}
	u.setDown()
	v = u.fetched(api, id) // asked again, under the same ticket
	if got := progress(v); got != "st-anna verified 3; st-else verified 1" || u.searches != 1 {
		t.Errorf("asked again: %s, %d searches", got, u.searches)
	}
	u.checkRecords(api, id)
	u.checkDiagnosis(api, id, p)
	u.checkTrace()
	u.checkEvidence(a, id)
	u.checkAtRest()
}

func progress(v *doctoragent.Visit) string {
	var out []string
	for _, h := range v.Hospitals {
		s := fmt.Sprintf("%s %s %d", h.Hospital, h.State, h.Resources)
		if h.Reason != nil {
			s += " " + *h.Reason
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func (u *union) checkRecords(api *doctoragent.ClientWithResponses, id string) {
	u.t.Helper()
	ctx := context.Background()
	list := must(api.ListRecordsWithResponse(ctx, id, nil)).JSON200.Records
	if len(list) != 4 || list[0].Hospital != "st-anna" || *list[0].ID != "o1" || *list[0].FullURL != "urn:uuid:0" {
		u.t.Fatalf("records %+v", list)
	}
	if got := must(api.GetRecordWithResponse(ctx, id, 1)).Body; string(got) != oddly {
		u.t.Errorf("the record changed on the way:\n%s", got)
	}
	status(u.t, 404)(api.GetRecord(ctx, id, 5))
	r := must(api.DownloadRecords(ctx, id)) // the generated parser takes NDJSON for one JSON value
	defer r.Body.Close()
	lines := strings.Split(strings.TrimSpace(string(must(io.ReadAll(r.Body)))), "\n")
	var first doctoragent.Record
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 4 {
		u.t.Fatal("download", err, len(lines))
	}
	if got := must(base64.RawURLEncoding.DecodeString(*first.Data)); string(got) != oddly {
		u.t.Errorf("the download changed a record:\n%s", got)
	}
}

func (u *union) checkDiagnosis(api *doctoragent.ClientWithResponses, id string, p *peers.Patient) {
	u.t.Helper()
	ctx, text, note := context.Background(), "Iron deficiency anaemia", canary
	d := doctoragent.Diagnosis{Code: &doctoragent.Coding{System: "http://snomed.info/sct", Code: "87522002"}, Text: &text, Note: &note}
	for range 2 { // the second time nothing is left to do
		r := must(api.SendDiagnosisWithResponse(ctx, id, d))
		if r.JSON200 == nil || !r.JSON200.Delivered || r.JSON200.Stored == nil || r.JSON200.Stored.Hospital != "st-anna" ||
			r.JSON200.Indexed == nil || len(r.JSON200.Failures) != 0 {
			u.t.Fatalf("diagnosis: %s", r.Body)
		}
	}
	text = "Something else"
	status(u.t, 409)(api.SendDiagnosis(ctx, id, d))
	letters := u.mail(p, "0-0")
	m10 := must(message.Decode(must(base64.RawURLEncoding.DecodeString(letters[len(letters)-1].Message))))
	body := must(message.DecodeM10(must(message.OpenSession(p.In, m10))))
	if _, err := message.OpenD5(body.SigD5, p.Doctor, peers.PatientID, p.Con.Consent.Hash(), body.Diagnosis); err != nil {
		u.t.Error("Sig_D5:", err)
	}
	entries := must(fhirbundle.Split(must(message.Unsalted(body.Diagnosis))))
	if len(entries) != 2 || entries[0].Type != "DiagnosticReport" || entries[1].Type != "Condition" {
		u.t.Errorf("diagnosis %+v", entries)
	}
}

// checkTrace: each message of the visit is reported once.
func (u *union) checkTrace() {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	count := map[message.Type]int{}
	for _, s := range u.trace {
		if s.Bytes == 0 || s.From == s.To {
			u.t.Errorf("trace %+v", s)
		}
		count[s.Type]++
	}
	want := map[message.Type]int{"M0": 2, "M1": 1, "M2": 1, "M3": 1, "M4": 1, "M5": 1, "M6": 3, "M7": 2, "M8": 2, "M9": 3, "M10": 1,
		"M11": 1, "M11R": 1, "M12": 1, "M12R": 1}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		u.t.Errorf("trace %v, want %v", count, want)
	}
}

func (u *union) checkEvidence(a *agent.Agent, id string) {
	u.t.Helper()
	e, err := a.Evidence(id)
	if err != nil {
		u.t.Fatal(err)
	}
	var names []string
	for _, s := range e.Statements {
		names = append(names, s.Name)
	}
	for _, want := range []string{"Sig_P1", "Sig_P2", "Sig_C", "Sig_HPC2", "Sig_D5", "Sig_HPC3", "Sig_C2"} {
		if !strings.Contains(strings.Join(names, " "), want) {
			u.t.Errorf("the evidence has no %s: %v", want, names)
		}
	}
}

// checkAtRest looks for the canary in every file and in the log.
func (u *union) checkAtRest() {
	u.t.Helper()
	files := 0
	err := filepath.WalkDir(u.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b := must(os.ReadFile(path))
		if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte(peers.PatientID)) {
			u.t.Errorf("%s is readable", path)
		}
		if info := must(e.Info()); info.Mode().Perm()&0o077 != 0 {
			u.t.Errorf("%s can be read by others", path)
		}
		return nil
	})
	if err != nil || files < 3 {
		u.t.Error("walk", err, files)
	}
	if log := u.log.String(); strings.Contains(log, canary) || strings.Contains(log, string(peers.PatientID)) {
		u.t.Error("the log names the patient")
	}
}

// ready is a union whose doctor has called a patient in.
func ready(t *testing.T) (*union, *doctoragent.ClientWithResponses, *peers.Patient, string) {
	u := newUnion(t)
	a, api := u.start()
	u.setUp(api)
	u.setCredential(a)
	p := u.w.NewPatient(peers.PatientID)
	u.mu.Lock()
	u.w.Cloud.Entries = []message.Entry{u.anna.Entry(p)}
	u.records[peers.AnnaID] = []string{page(oddly), page(oddly), page(oddly)}
	u.mu.Unlock()
	u.enter(p, nil)
	id := u.waiting(api)
	status(t, 200)(api.OpenVisit(context.Background(), id))
	return u, api, p, id
}

func (u *union) tamper(pages func([]message.Message) []message.Message) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pages = pages
}

// TestBrokenReleases: attack 14 over HTTP. Nothing of a release that is not whole
// is shown, and a later search gets it.
func TestBrokenReleases(t *testing.T) {
	u, api, _, id := ready(t)
	const unverified = "st-anna failed 0 What came from the hospital could not be verified."
	for name, c := range map[string]struct {
		pages func([]message.Message) []message.Message
		want  string
	}{
		"cut":       {func(m []message.Message) []message.Message { return m[:2] }, "st-anna failed 0 The hospital does not answer."},
		"reordered": {func(m []message.Message) []message.Message { return []message.Message{m[1], m[0], m[2]} }, unverified},
		"altered":   {func(m []message.Message) []message.Message { m[2].Ciphertext[40] ^= 1; return m }, unverified},
		"repeated":  {func(m []message.Message) []message.Message { return []message.Message{m[0], m[0], m[1], m[2]} }, unverified},
	} {
		u.tamper(c.pages)
		if got := progress(u.fetched(api, id)); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		if list := must(api.ListRecordsWithResponse(context.Background(), id, nil)).JSON200.Records; len(list) != 0 {
			t.Errorf("%s: %d records of a broken release are shown", name, len(list))
		}
	}
	u.tamper(nil)
	if got := progress(u.fetched(api, id)); got != "st-anna verified 3" {
		t.Errorf("whole again: %s", got)
	}
}

// TestLostM7: whether M6 arrived is not known, so the ticket is tried again; that it is
// spent the hospital's refusal says, and the next search brings another.
func TestLostM7(t *testing.T) {
	u, api, _, id := ready(t)
	u.mu.Lock()
	u.lose = true
	u.mu.Unlock()
	for i, want := range []struct {
		progress string
		searches int
	}{{"st-anna failed 0 The hospital does not answer.", 1}, {"st-anna failed 0 The hospital refused.", 1}, {"st-anna verified 3", 2}} {
		if got := progress(u.fetched(api, id)); got != want.progress || u.searches != want.searches {
			t.Errorf("search %d: %s, %d tickets", i, got, u.searches)
		}
	}
}

// TestDiagnosisWithoutRecords: no session is open, so a ticket to write is fetched;
// the clock at the public cloud is ahead of ours, which the agent follows.
func TestDiagnosisWithoutRecords(t *testing.T) {
	u, api, _, id := ready(t)
	u.mu.Lock()
	u.stale = 3 * time.Minute
	u.mu.Unlock()
	bundle := base64.RawURLEncoding.EncodeToString([]byte(page(`{"resourceType":"Condition","id":"c"}`)))
	r := must(api.SendDiagnosisWithResponse(context.Background(), id, doctoragent.Diagnosis{Bundle: &bundle}))
	if r.JSON200 == nil || r.JSON200.Stored == nil || r.JSON200.Indexed == nil || !r.JSON200.Delivered {
		t.Fatalf("diagnosis: %s\n%s", r.Body, u.log)
	}
	u.mu.Lock()
	ahead := time.Until(u.anna.Told.Time())
	u.mu.Unlock()
	if ahead < 2*time.Minute {
		t.Errorf("M11 was stamped %v ahead: the agent did not follow the server's clock", ahead)
	}
}

// TestBadDiagnosis: what is no FHIR collection is neither signed nor sent.
func TestBadDiagnosis(t *testing.T) {
	_, api, _, id := ready(t)
	bundle := func(s string) doctoragent.Diagnosis {
		b := base64.RawURLEncoding.EncodeToString([]byte(s))
		return doctoragent.Diagnosis{Bundle: &b}
	}
	both, text := bundle(page(`{"resourceType":"Condition"}`)), "words"
	both.Text = &text
	for name, d := range map[string]doctoragent.Diagnosis{"nothing": {}, "a note alone": {Note: &text}, "both": both,
		"a resource": bundle(`{"resourceType":"Patient"}`), "a batch": bundle(`{"resourceType":"Bundle","type":"batch"}`),
		"an empty collection": bundle(`{"resourceType":"Bundle","type":"collection"}`), "no JSON": bundle(`{`)} {
		r := must(api.SendDiagnosis(context.Background(), id, d))
		if r.Body.Close(); r.StatusCode != 400 {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
	}
	if v := must(api.GetVisitWithResponse(context.Background(), id)).JSON200; v.Diagnosis != nil {
		t.Error("a refused diagnosis was signed")
	}
}

// TestRestart: keys and what has been answered outlive the agent.
func TestRestart(t *testing.T) {
	u := newUnion(t)
	a, api := u.start()
	u.setUp(api)
	u.setCredential(a)
	card := must(api.GetCardWithResponse(context.Background())).JSON200
	if !strings.HasPrefix(card.Link, u.portal+"/visit#"+card.Credential) {
		t.Errorf("card %+v", card)
	}
	if png := must(api.GetCardImageWithResponse(context.Background())); !bytes.HasPrefix(png.Body, []byte("\x89PNG")) {
		t.Error("the card's image is no PNG")
	}
	u.enter(u.w.NewPatient(peers.PatientID), nil)
	u.waiting(api)

	if _, err := agent.Start(context.Background(), u.cfg); err == nil {
		t.Error("a second agent runs on the same store")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wrong := u.cfg
	wrong.Passphrase = []byte("wrong horse")
	if _, err := agent.Start(context.Background(), wrong); err == nil {
		t.Error("the store opens under another passphrase")
	}
	a, api = u.start()
	u.online(api)
	if got := must(a.Credential()); got.Hash() != doctorCredential.Hash() {
		t.Error("another credential after the restart")
	}
	// The mailbox still has the M1: it must not be answered a second time.
	u.eventually("the refusal of the old M1", func() bool { return strings.Contains(u.log.String(), "this message has been answered") })
	if v := a.Visits(); len(v) != 0 {
		t.Errorf("a replayed M1 made %d visits", len(v))
	}
	// And a new patient is served.
	p := u.w.NewPatient("fedcba9876543210fedcba9876543210")
	u.enter(p, nil)
	u.waiting(api)
}

// TestRefusedConsent: the patient's consent is for another department; the visit
// never reaches the waiting list.
func TestRefusedConsent(t *testing.T) {
	u := newUnion(t)
	a, api := u.start()
	u.setUp(api)
	u.setCredential(a)
	u.enter(u.w.NewPatient(peers.PatientID), func(c *message.CON) { c.Consent.Department = "SURGERY" })
	u.eventually("the end of the visit", func() bool {
		v := a.Visits()
		return len(v) == 1 && v[0].State == doctoragent.Closed
	})
}

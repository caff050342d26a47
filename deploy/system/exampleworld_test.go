package system_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/openapi"
	"medunion/deploy/local/authority"
	"medunion/deploy/local/suite"
	doctor "medunion/doctor-portal/agent"
	"medunion/ecc"
)

// exampleWorld is a suite with one doctor and one patient who both work over HTTP only.
type exampleWorld struct {
	*tester
	r        *recorder
	searches sync.Mutex    // who has it holds up the doctor's searches
	hers     *doctor.Agent // the doctor's agent
	pass     string
	first    string // the patient's name of her first visit
}

func newExampleWorld(t *testing.T, r *recorder) *exampleWorld {
	t.Helper()
	s, err := suite.Start(t.Context(), suite.Options{Dir: t.TempDir(), Suite: ecc.SuiteX25519, Hospitals: 2, Development: true,
		Logger: slog.New(slog.DiscardHandler)})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	w := &exampleWorld{tester: &tester{T: t, s: s, mrn: "4711-08-15"}, r: r, pass: passphrase}
	r.knows(s.Cloud, openapi.PublicCloud)
	for _, h := range s.Hospitals {
		r.knows(h.URL, openapi.PrivateCloud)
		r.knows(h.Admin, openapi.PrivateAdmin)
	}
	w.frontPortal()
	w.at = must(describe(s))
	return w
}

// frontPortal puts the recorder between the agents and the portal.
func (w *exampleWorld) frontPortal() {
	var behind *url.URL
	// Streams that their reader leaves are no errors to be written.
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Transport: w.r, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(behind)
		q.Out.Header.Del("Accept-Encoding") // the transport compresses and expands by itself
	}}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/searches") {
			w.searches.Lock()
			defer w.searches.Unlock()
		}
		proxy.ServeHTTP(rw, q)
	}))
	w.Cleanup(front.Close)
	at := startPortal(w.T, w.s, front.URL, filepath.Join(w.TempDir(), "session-key"))
	behind = must(url.Parse(at))
	w.r.knows(at, openapi.Portal)
	w.s.Portal = front.URL
}

// do sends JSON to an agent or an administration and wants a status.
func (w *exampleWorld) do(p program, method, path string, body any, status int, into any) {
	w.Helper()
	var b []byte
	kind := ""
	switch body := body.(type) {
	case nil:
	case []byte:
		b, kind = body, "application/fhir+json"
	default:
		b, kind = must(json.Marshal(body)), "application/json"
	}
	a, err := call(w.Context(), method, p.url+path, p.bearer, kind, b)
	ok(w, err)
	if a.status != status {
		w.Fatalf("%s %s: status %d, %.500s", method, path, a.status, a.body)
	}
	if into != nil {
		ok(w, json.Unmarshal(a.body, into))
	}
}

// until asks for something until it is as it should be.
func (w *exampleWorld) until(what string, p program, path string, good func(object) bool) (last object) {
	w.Helper()
	ok(w, suite.WaitFor(w.Context(), time.Minute, 100*time.Millisecond, what, func() (bool, error) {
		last = nil
		err := ask(w.Context(), http.MethodGet, p.url+path, p.bearer, nil, &last)
		return err == nil && good(last), err
	}))
	return last
}

// records imports her record at both hospitals.
func (w *exampleWorld) records() {
	for i := range w.s.Hospitals {
		w.do(w.admin(i), "POST", "/fhir/bundles", exampleBundle(w.mrn, i), 200, nil)
	}
}

// importLater imports without waiting for the answer, and follows the import to its end.
func (w *exampleWorld) importLater(hospital int, bundle []byte) {
	at := w.admin(hospital)
	q := must(http.NewRequestWithContext(w.Context(), http.MethodPost, at.url+"/fhir/bundles", bytes.NewReader(bundle)))
	q.Header = http.Header{"Authorization": {"Bearer " + at.bearer}, "Content-Type": {"application/fhir+json"}, "Prefer": {"respond-async"}}
	a, err := do(q)
	ok(w, err)
	if a.status != http.StatusAccepted {
		w.Fatalf("an import for later: status %d, %.300s", a.status, a.body)
	}
	where := a.header.Get("Location")
	w.do(at, "GET", where+"/events", nil, 200, nil)
	w.until("the import", at, where, func(i object) bool { return i["state"] == "done" })
}

// exampleBundle is what one hospital holds of a person whom nobody is.
func exampleBundle(mrn string, hospital int) []byte {
	about := fmt.Sprintf(`"subject":{"reference":"Patient/%s"}`, mrn)
	resources := []string{
		fmt.Sprintf(`{"resourceType":"Patient","id":%q,"identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"value":%q}],"name":[{"family":"Sample","given":["Ana"]}],"gender":"female","birthDate":"1961-04-12"}`, mrn, mrn),
		fmt.Sprintf(`{"resourceType":"Condition","id":"hypertension-%d","code":{"coding":[{"system":"http://snomed.info/sct","code":"38341003","display":"Hypertensive disorder"}]},%s,"recordedDate":"2024-05-02"}`, hospital, about),
		fmt.Sprintf(`{"resourceType":"Observation","id":"potassium-%d","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2823-3","display":"Potassium"}]},%s,"effectiveDateTime":"2026-02-17T08:40:00Z","valueQuantity":{"value":4.%d,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}`, hospital, about, hospital+1),
	}
	return []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + strings.Join(resources, `},{"resource":`) + `}]}`)
}

// doctorSetUp takes a doctor through everything from a new store to her waiting room.
func (w *exampleWorld) doctorSetUp() {
	dir := w.TempDir()
	pass := filepath.Join(dir, "passphrase")
	ok(w, os.WriteFile(pass, []byte(w.pass+"\n"), 0o600))
	pins, keys := w.s.Files()
	var err error
	w.hers, err = doctor.Start(context.WithoutCancel(w.Context()), doctor.Config{Dev: true, Listen: "127.0.0.1:0", Store: filepath.Join(dir, "store"), PassphraseFile: pass,
		TokenFile: filepath.Join(dir, "token"), Portal: w.s.Portal, PinsFile: pins, Authority: authority.DefaultName, AuthorityFile: keys,
		ID: "dr-okafor", Development: true, Logger: slog.New(slog.DiscardHandler)})
	ok(w, err)
	w.Cleanup(func() { _ = w.hers.Close() })
	w.doctor = program{w.hers.URL(), strings.TrimSpace(string(must(os.ReadFile(filepath.Join(dir, "token")))))}
	w.r.knows(w.doctor.url, openapi.DoctorAgent)

	var request json.RawMessage
	w.do(w.doctor, "POST", "/v1/doctor/certificate-request", object{"authority": authority.DefaultName, "licence": "L-20417", "name": "Maya Okafor",
		"departments": []string{"OUTPATIENT"}, "affiliation": string(w.s.Hospitals[0].ID)}, 200, &request)
	w.do(w.doctor, "PUT", "/v1/doctor/certificate", object{"certificate": must(w.s.Certify(w.Context(), request))}, 200, nil)
	w.do(w.doctor, "POST", "/v1/doctor/registration", nil, 200, nil)
	w.until("the doctor", w.doctor, "/v1/doctor", func(d object) bool { return d["online"] == true })
	var card struct{ Link string }
	w.do(w.doctor, "GET", "/v1/doctor/card", nil, 200, &card)
	w.do(w.doctor, "GET", "/v1/doctor/card.png", nil, 200, nil)
	w.link = card.Link
}

// patientSetUp takes a patient from a new device to a record at both hospitals.
func (w *exampleWorld) patientSetUp() {
	_, err := w.s.StartNewPatient(w.Context(), "ana")
	ok(w, err)
	w.patient = w.agent("ana")
	w.r.knows(w.patient.url, openapi.PatientAgent)
	p := w.patient
	w.do(program{url: p.url}, "POST", "/v1/page-sessions", object{"token": p.bearer}, 204, nil)
	w.do(p, "DELETE", "/v1/page-sessions", nil, 204, nil)
	w.do(p, "POST", "/v1/passkeys/challenges", nil, 201, nil)
	var code struct{ Code string }
	w.do(program{w.s.Cloud, w.at.Operator}, "POST", "/v1/operator/patient-codes", nil, 201, &code)
	w.do(p, "POST", "/v1/registration", object{"code": code.Code, "passphrase": w.pass}, 201, nil)
	w.do(p, "POST", "/v1/lock", nil, 204, nil)
	w.do(p, "POST", "/v1/unlock", object{"passphrase": w.pass}, 204, nil)
	w.do(p, "PUT", "/v1/profile", object{"name": "Ana Sample", "birthDate": "1961-04-12", "sex": "female"}, 200, nil)
	for i, h := range w.s.Hospitals {
		w.do(w.admin(i), "POST", "/v1/desk-codes", object{"mrn": w.mrn}, 201, &code)
		w.do(p, "POST", "/v1/hospitals/"+string(h.ID)+"/enrolment", object{"code": code.Code}, 201, nil)
	}
	for _, path := range []string{"/v1/status", "/v1/profile", "/v1/identity", "/v1/defaults", "/v1/record/" + string(w.s.Hospitals[0].ID)} {
		w.do(p, "GET", path, nil, 200, nil)
	}
	w.until("her records", p, "/v1/hospitals", func(all object) bool {
		for _, h := range all["hospitals"].([]any) {
			if len(h.(object)["holdings"].([]any)) == 0 {
				return false
			}
		}
		return true
	})
}

// directory reads what the public cloud and the portal publish.
func (w *exampleWorld) directory() {
	_, cD, _ := strings.Cut(w.link, "#")
	for _, path := range []string{"/v1/parameters", "/v1/directory", "/v1/revocations", "/v1/successions", "/v1/log", "/v1/doctors/" + cD, "/v1/prekeys/" + cD} {
		w.do(program{url: w.s.Cloud}, "GET", path, nil, 200, nil)
	}
	for _, path := range []string{"/config.json", "/v1/relay/cloud/v1/parameters"} {
		w.do(program{url: w.s.Portal}, "GET", path, nil, 200, nil)
	}
}

// aFewBeats is a recording that fits a page.
const aFewBeats = "t_s,MLII_mV\n0.00000,-0.145\n0.00278,-0.145\n0.00556,-0.150\n0.00833,-0.140\n"

// wholeExampleVisit is a visit of the two agents, M1 to M12.
func (w *exampleWorld) wholeExampleVisit() {
	p, d := w.patient, w.doctor
	recordings := []object{{"csv": aFewBeats, "kind": "ecg", "hz": "360", "name": "ecg.csv", "start": "2026-03-02T08:55:00Z"}}
	w.do(p, "POST", "/v1/cards", object{"link": w.link}, 200, nil)
	w.do(p, "POST", "/v1/signals/preview", object{"recordings": recordings}, 200, nil)
	stop := w.listen(d, "/v1/events")
	w.first = w.consult(object{"link": w.link, "department": "OUTPATIENT", "purpose": "TREATMENT", "maxUses": 3, "grants": w.grants(),
		"writeTo": string(w.s.Hospitals[0].ID), "recordings": recordings})
	id := w.waitingVisit(1)
	w.do(d, "GET", "/v1/visits/"+id+"/signals", nil, 200, nil)
	w.do(d, "POST", "/v1/visits/"+id+"/open", nil, 200, nil)
	stop()
	w.do(d, "POST", "/v1/visits/"+id+"/records", object{"departments": []string{"GENERAL"}, "classes": []string{"DEMOGRAPHIC", "LAB", "PROBLEM"}}, 202, nil)
	w.until("the record", d, "/v1/visits/"+id, func(v object) bool {
		s, _ := v["search"].(object)
		return s != nil && s["state"] == "done"
	})
	for _, path := range []string{"", "/records", "/records/1", "/download", "/evidence", "/evidence.json"} {
		w.do(d, "GET", "/v1/visits/"+id+path, nil, 200, nil)
	}
	w.do(d, "POST", "/v1/visits/"+id+"/diagnosis", object{"code": object{"system": "http://snomed.info/sct", "code": "38341003", "display": "Hypertensive disorder"},
		"text": "Hypertension", "note": "Measure at home for two weeks."}, 200, nil)
	w.do(d, "GET", "/v1/visits/"+id, nil, 200, nil)
	w.until("the diagnosis", p, "/v1/visits/"+w.first, func(v object) bool { return v["state"] == "diagnosed" })
}

// grants allow all of the first hospital's record, and what a diagnosis adds to it; she
// keeps her problems at the second one to herself.
func (w *exampleWorld) grants() []object {
	return []object{{"hospital": "hospital-1", "departments": []string{"GENERAL", "OUTPATIENT"}, "classes": []string{"DEMOGRAPHIC", "LAB", "PROBLEM"}},
		{"hospital": "hospital-2", "departments": []string{"GENERAL"}, "classes": []string{"DEMOGRAPHIC", "LAB"}}}
}

// consult takes the two steps of a patient: what she allows, then her approval.
func (w *exampleWorld) consult(q object) string {
	w.Helper()
	var approval, begun struct{ ID string }
	w.do(w.patient, "POST", "/v1/approvals", q, 201, &approval)
	w.do(w.patient, "POST", "/v1/visits", object{"approval": approval.ID, "passphrase": w.pass}, 202, &begun)
	return begun.ID
}

// waitingVisit is the doctor's name of visit number n, once its consent is verified.
func (w *exampleWorld) waitingVisit(n int) string {
	w.Helper()
	all := w.until("the waiting list", w.doctor, "/v1/visits", func(all object) bool {
		list := all["visits"].([]any)
		return len(list) == n && list[n-1].(object)["state"] == "waiting"
	})
	return all["visits"].([]any)[n-1].(object)["id"].(string)
}

// listen opens a stream of events; it is read until the returned function is called.
func (w *exampleWorld) listen(p program, path string) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	q := must(http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil))
	q.Header.Set("Authorization", "Bearer "+p.bearer)
	a, err := http.DefaultClient.Do(q)
	ok(w, err)
	if a.StatusCode != http.StatusOK {
		w.Fatalf("%s: status %d", path, a.StatusCode)
	}
	first, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(a.Body)
		lines.Buffer(nil, 8<<20)
		for n := 0; lines.Scan(); n++ {
			if n == 1 {
				close(first)
			}
		}
	}()
	return func() {
		select {
		case <-first:
		case <-time.After(20 * time.Second):
			w.Errorf("%s: no event came", path)
		}
		cancel()
		<-ended
		_ = a.Body.Close()
	}
}

// afterwards she looks at what happened and revokes.
func (w *exampleWorld) afterwards() {
	p := w.patient
	w.listen(p, "/v1/events")()
	var consents struct{ Consents []struct{ Consent string } }
	w.do(p, "GET", "/v1/consents", nil, 200, &consents)
	consent := consents.Consents[0].Consent
	for _, path := range []string{"/v1/visits", "/v1/diagnoses", "/v1/releases", "/v1/consents/" + consent + "/uses"} {
		w.do(p, "GET", path, nil, 200, nil)
	}
	w.do(p, "POST", "/v1/consents/"+consent+"/revocation", nil, 200, nil)
	w.do(p, "GET", "/v1/consents", nil, 200, nil)
}

// endedVisits are one that the doctor closes and one that the patient leaves.
func (w *exampleWorld) endedVisits() {
	begun := w.consult(object{"link": w.link, "department": "OUTPATIENT"})
	id := w.waitingVisit(2)
	w.do(w.doctor, "POST", "/v1/visits/"+id+"/open", nil, 200, nil)
	w.searches.Lock() // the search does not come further than to the portal
	defer w.searches.Unlock()
	w.do(w.doctor, "POST", "/v1/visits/"+id+"/records", object{"departments": []string{"GENERAL"}}, 202, nil)
	w.do(w.doctor, "POST", "/v1/visits/"+id+"/cancel", nil, 202, nil)
	w.do(w.patient, "POST", "/v1/visits/"+begun+"/end", nil, 200, nil)
	w.do(w.doctor, "POST", "/v1/visits/"+id+"/close", nil, 200, nil)
}

// byHand is a visit whose messages this test posts itself, to the clouds directly.
func (w *exampleWorld) byHand() {
	w.mrn = "4711-08-16"
	for i := range w.s.Hospitals {
		w.importLater(i, threeObservations(w.mrn, i))
	}
	her := w.person()
	w.wholeVisit(her)
	w.registrations(her)
	w.exchange(w.admin(0), object{}, w.s.Cloud+"/v1/index-entries", 200, "M12R", "")
}

// last is what needs keys of the test's own, or ends something.
func (w *exampleWorld) last() {
	w.do(w.admin(0), "GET", "/v1/audit", nil, 200, nil)
	d, err := registerDoctor(w.Context(), w.at, "dr-retired")
	ok(w, err)
	c := d.credential.Hash()
	w.do(program{w.s.Cloud, w.at.Operator}, "POST", "/v1/operator/revocations", object{"credential": hex.EncodeToString(c[:])}, 204, nil)
	w.do(program{w.s.Portal, w.portalSession()}, "GET", "/v1/inbox?after=0-0", nil, 200, nil)
	ok(w, w.hers.Close())
	ok(w, suite.WaitFor(w.Context(), 10*time.Second, 50*time.Millisecond, "the inbox to end", func() (bool, error) {
		w.r.mu.Lock()
		defer w.r.mu.Unlock()
		return w.r.called[openapi.Portal]["streamInbox"], nil
	}))
}

// portalSession is the doctor's at the portal, as her agent got it.
func (w *exampleWorld) portalSession() string {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	var out struct{ Token string }
	ok(w, json.Unmarshal(w.r.kept[openapi.Portal]["login.answer.example"].value, &out))
	return out.Token
}

// exampleSummary says in words what an example is, where its name does not.
func exampleSummary(name string) string {
	parts := strings.Split(name, ".")
	return exampleWords[parts[len(parts)-1]]
}

var exampleWords = map[string]string{
	"M0": "M0, a registration", "M1": "M1, a consultation", "M2": "M2, the doctor's answer", "M3": "M3, consent and measurements", "M4": "M4, a search",
	"M5": "M5, entries and ticket", "M6": "M6, a session", "M7": "M7, the hospital's answer", "M8": "M8, a request for the record", "M9": "M9, a page of the record",
	"M10": "M10, the diagnosis", "M2-M10": "M2 and M10", "M1-M3": "M1 and M3", "M11": "M11, a diagnosis for the record", "M11R": "the receipt Sig_HPC3", "M12": "M12, a changed entry",
	"M12R": "the receipt Sig_C2", "index": "a hospital's entry", "enrol": "an enrolment", "enrolled": "the hospital's receipt", "ask": "a question", "answer": "its answer",
	"prekey": "a signed prekey", "certificate-request": "a certificate request", "enrolment": "her link with a hospital", "hospital-question": "a question to a hospital",
	"cloud-question": "a question to the public cloud",
}

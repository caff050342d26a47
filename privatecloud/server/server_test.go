package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/ecc"
	"medunion/privatecloud/internal/peers"
	"medunion/privatecloud/server"
)

const synthea = "../../deploy/local/testdata/synthea"

// The twelve bundles come out of a release byte for byte as they went in, also after a
// restart of the hospital.
func TestSyntheaByteIdentical(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	files, err := filepath.Glob(synthea + "/*.json")
	if err != nil || len(files) != 12 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	sources := map[string]map[string][]byte{} // by MRN
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		mrn, resources := sourceOf(t, b)
		sources[mrn] = resources
		r := s.importBundle(b, "")
		if r.Patients != 1 || r.Refused != 0 || r.Total["stored"] != len(resources) || r.Total["found"] != len(resources) {
			t.Errorf("%+v, want %d stored", r.Total, len(resources))
		}
		if again := s.importBundle(b, ""); again.Total["unchanged"] != len(resources) {
			t.Errorf("again: %+v", again.Total)
		}
	}
	d := s.w.Doctor("dr-okafor", "OUTPATIENT")
	patients := map[string]*peers.Patient{}
	for mrn, want := range sources {
		patients[mrn] = s.enrol(mrn)
		_, pages := s.fetch(d, patients[mrn], peers.Departments)
		compare(t, want, pages)
	}
	address := s.h.URL()
	if err := s.h.Close(); err != nil {
		t.Fatal(err)
	}
	s.cloud.Close() // it starts without the public cloud, at its registered address
	s.config.OperatorToken = ""
	h, err := server.Start(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if h.URL() != address {
		t.Errorf("listens on %s, registered as %s", h.URL(), address)
	}
}

func sourceOf(t testing.TB, b []byte) (mrn string, resources map[string][]byte) {
	t.Helper()
	bundle, err := fhirbundle.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	resources = map[string][]byte{}
	for _, e := range bundle.Entries {
		resources[e.Type+"/"+e.ID] = e.Resource
		if e.Type == "Patient" {
			mrn = recordNumber(t, e.Resource)
		}
	}
	return mrn, resources
}

// recordNumber is the identifier of type MR.
func recordNumber(t testing.TB, patient []byte) string {
	t.Helper()
	var p struct {
		Identifier []struct {
			Value string
			Type  struct{ Coding []struct{ Code string } }
		}
	}
	if err := json.Unmarshal(patient, &p); err != nil {
		t.Fatal(err)
	}
	for _, id := range p.Identifier {
		for _, c := range id.Type.Coding {
			if c.Code == "MR" {
				return id.Value
			}
		}
	}
	t.Fatal("a patient without a record number")
	return ""
}

func compare(t testing.TB, want map[string][]byte, pages [][]byte) {
	t.Helper()
	got := 0
	for _, p := range pages {
		entries, err := fhirbundle.Split(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			got++
			if !bytes.Equal(want[e.Type+"/"+e.ID], e.Resource) {
				t.Errorf("%s/%s differs", e.Type, e.ID)
			}
		}
	}
	if got != len(want) {
		t.Errorf("%d resources, want %d", got, len(want))
	}
}

// bundle is one patient with a canary in everything that identifies or describes her.
func bundle(mrn, name, note string, more int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:%[1]s","resource":{"resourceType":"Patient","id":"%[1]s",`+
		`"identifier":[{"type":{"coding":[{"code":"MR"}]},"value":"%[1]s"}],"name":[{"family":"%[2]s"}]}}`, mrn, name)
	fmt.Fprintf(&b, `,{"resource":{"resourceType":"Condition","id":"%s-c","subject":{"reference":"urn:uuid:%s"},"note":[{"text":"%s"}]}}`, mrn, mrn, note)
	for i := range more {
		fmt.Fprintf(&b, `,{"resource":{"resourceType":"Observation","id":"%s-o%d","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:%s"}}}`, mrn, i, mrn)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// A patient's name, number and words are in no store file, key, log line or metric.
func TestCanary(t *testing.T) {
	t.Parallel()
	s := newSiteOver(t, ecc.SuiteX25519, redistest.Start(t))
	s.start()
	const mrn, name, note, dx = "canary-mrn-7741", "Canaryname", "canary note of a cough", "canary diagnosis text"
	s.importBundle(bundle(mrn, name, note, 3), "")
	p := s.enrol(mrn)
	d := s.w.Doctor("dr-canarydoctor", "OUTPATIENT")
	x, _ := s.fetch(d, p, peers.Departments)
	salted, d5 := x.D5([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Condition","id":"dx","subject":{"display":"x"},"note":[{"text":"` + dx + `"}]}}]}`))
	x.Stored(t, s.send("/v1/diagnoses", x.M11(salted, d5)), salted, d5)
	q := p.Ask(t, s.h.Credential(), s.w.OpenPrekey(t, s.h.Credential()), message.Question{Kind: message.AskReleases})
	q.Answer(t, s.send("/v1/questions", q.M))
	// Failures must not give more away: a refused message, a bad bundle, a wrong desk.
	s.do("POST", s.h.URL()+"/v1/questions", "", "application/json", wire(q.M.Encode()))
	s.do("POST", s.h.AdminURL()+"/fhir/bundles", s.token(token.ScopeFHIRImport), "application/json", []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"`+mrn+`","`+name+`":1}}]}`))
	s.do("POST", s.h.AdminURL()+"/v1/desk-codes", s.token(token.ScopeAdmin), "application/json", []byte(`{"mrn":"`+name+`"}`))

	places := map[string]string{"log": s.log.String(), "metrics": string(s.do("GET", s.h.URL()+"/metrics", "", "", nil).body),
		"admin metrics": string(s.do("GET", s.h.AdminURL()+"/metrics", "", "", nil).body), "redis": dumpRedis(s)}
	if s.mongo != "" {
		places["mongodb"] = dumpFolder(t, s.mongo)
	}
	if len(places["redis"]) < 100 || s.mongo != "" && len(places["mongodb"]) < 10_000 {
		t.Fatalf("the dumps are empty: %d, %d", len(places["redis"]), len(places["mongodb"]))
	}
	cP := p.Cred.Hash()
	for what, secret := range map[string]string{"MRN": mrn, "name": name, "note": note, "diagnosis": dx, "ID_P": string(p.Cred.Info.ID),
		"licence": "L-dr-canarydoctor", "c_P": string(cP[:]), "c_P in hex": fmt.Sprintf("%x", cP), "sid": fmt.Sprintf("%x", x.M6.Header.Session)} {
		for place, content := range places {
			if strings.Contains(content, secret) {
				t.Errorf("the %s is in the %s", what, place)
			}
		}
	}
}

func dumpRedis(s *site) string {
	var b strings.Builder
	keys, _ := s.redis.Do("KEYS", "*").([]any)
	for _, k := range keys {
		fmt.Fprintln(&b, k, s.redis.Do("DUMP", fmt.Sprint(k)))
		switch s.redis.Do("TYPE", fmt.Sprint(k)) {
		case "hash":
			fmt.Fprintln(&b, s.redis.Do("HGETALL", fmt.Sprint(k)))
		case "set":
			fmt.Fprintln(&b, s.redis.Do("SMEMBERS", fmt.Sprint(k)))
		}
	}
	return b.String()
}

func dumpFolder(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		b.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every kind of bad input gets one clear problem and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t, ecc.SuiteX25519)
	s.start()
	q := s.w.NewPatient().Ask(t, s.h.Credential(), s.w.OpenPrekey(t, s.h.Credential()), message.Question{Kind: message.AskReleases})
	good := q.M.Encode()
	stale := q.M
	stale.Header.Time -= 60_000
	long := bytes.Repeat([]byte("a"), 90_000)
	imports, admin := s.token(token.ScopeFHIRImport), s.token(token.ScopeAdmin)
	for name, c := range map[string]struct {
		method, url, token, contentType string
		body                            []byte
		status                          int
		kind                            string
	}{
		"empty body":          {"POST", "/v1/questions", "", "application/json", nil, 400, "invalid"},
		"no JSON":             {"POST", "/v1/questions", "", "application/json", []byte("nonsense"), 400, "invalid"},
		"unknown field":       {"POST", "/v1/questions", "", "application/json", []byte(`{"message":"AA","x":1}`), 400, "invalid"},
		"wrong type":          {"POST", "/v1/questions", "", "application/json", []byte(`{"message":1}`), 400, "invalid"},
		"no message":          {"POST", "/v1/questions", "", "application/json", []byte(`{}`), 400, "invalid"},
		"bad base64":          {"POST", "/v1/questions", "", "application/json", []byte(`{"message":"A=="}`), 400, "invalid"},
		"trailing JSON":       {"POST", "/v1/questions", "", "application/json", append(wire(good), '1'), 400, "invalid"},
		"truncated message":   {"POST", "/v1/questions", "", "application/json", wire(good[:len(good)-1]), 400, "invalid"},
		"trailing bytes":      {"POST", "/v1/questions", "", "application/json", wire(append(bytes.Clone(good), 0)), 400, "invalid"},
		"another step":        {"POST", "/v1/sessions", "", "application/json", wire(good), 400, "invalid"},
		"content type":        {"POST", "/v1/questions", "", "text/plain", wire(good), 415, "unsupported-media-type"},
		"too large":           {"POST", "/v1/questions", "", "application/json", wire(long), 413, "too-large"},
		"stale":               {"POST", "/v1/questions", "", "application/json", wire(stale.Encode()), 422, "stale"},
		"not enrolled":        {"POST", "/v1/questions", "", "application/json", wire(good), 403, "refused"},
		"method":              {"GET", "/v1/questions", "", "", nil, 405, "method-not-allowed"},
		"address":             {"POST", "/v1/nothing", "", "application/json", nil, 404, "not-found"},
		"development is off":  {"POST", "admin/v1/development/index-entries", admin, "application/json", []byte(`{}`), 404, "not-found"},
		"its other address":   {"POST", "admin/v1/development/replies", "", "application/json", []byte(`{}`), 404, "not-found"},
		"its other method":    {"GET", "admin/v1/development/replies", "", "", nil, 404, "not-found"},
		"admin here":          {"POST", "/v1/desk-codes", admin, "application/json", []byte(`{"mrn":"x"}`), 404, "not-found"},
		"no token":            {"POST", "admin/v1/desk-codes", "", "application/json", []byte(`{"mrn":"x"}`), 401, "unauthenticated"},
		"bad token":           {"POST", "admin/v1/desk-codes", "x.y.z", "application/json", []byte(`{"mrn":"x"}`), 401, "unauthenticated"},
		"import's token":      {"POST", "admin/v1/desk-codes", imports, "application/json", []byte(`{"mrn":"x"}`), 403, "refused"},
		"admin's token":       {"POST", "admin/fhir/bundles", admin, "application/json", bundle("m", "n", "t", 0), 403, "refused"},
		"unknown record":      {"POST", "admin/v1/desk-codes", admin, "application/json", []byte(`{"mrn":"x"}`), 404, "not-found"},
		"MRN of wrong type":   {"POST", "admin/v1/desk-codes", admin, "application/json", []byte(`{"mrn":7}`), 400, "invalid"},
		"bad parameter":       {"GET", "admin/v1/audit?from=x", admin, "", nil, 400, "invalid"},
		"import of text":      {"POST", "admin/fhir/bundles", imports, "text/plain", bundle("m", "n", "t", 0), 415, "unsupported-media-type"},
		"import without body": {"POST", "admin/fhir/bundles", imports, "application/json", nil, 400, "invalid"},
	} {
		url := s.h.URL() + c.url
		if path, ok := strings.CutPrefix(c.url, "admin"); ok {
			url = s.h.AdminURL() + path
		}
		a := s.do(c.method, url, c.token, c.contentType, c.body)
		var doc map[string]any
		if err := json.Unmarshal(a.body, &doc); err != nil || a.status != c.status || doc["type"] != "urn:medunion:problem:"+c.kind ||
			a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, c.status, c.kind)
		}
	}
}

// What signs what a tester asks for stays on one machine.
func TestDevelopmentIsLocal(t *testing.T) {
	for name, edit := range map[string]func(*server.Config){
		"a protocol that others reach":        func(c *server.Config) { c.Listen, c.TLS.Behind = "0.0.0.0:0", true },
		"an administration that others reach": func(c *server.Config) { c.AdminListen, c.TLS.Behind = "0.0.0.0:0", true },
		"a public cloud elsewhere":            func(c *server.Config) { c.Cloud = "https://cloud.example" },
	} {
		c := server.Config{Dev: true, ID: "st-anna", Keys: filepath.Join(t.TempDir(), "keys"), Cloud: "http://127.0.0.1:1", Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
			Development: true}
		edit(&c)
		if h, err := server.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--development: ") {
			t.Errorf("%s: %v %v", name, h, err)
		}
	}
}

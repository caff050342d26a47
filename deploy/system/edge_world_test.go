package system_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/api/token"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// door is one of the six surfaces, with what a client that is let in asks there.
type door struct {
	name, addr string
	get        string   // a route without a body that answers 200
	post       string   // a method and route whose body has the usual cap
	headers    string   // that let both in
	large      []upload // routes with another cap
	hosts      bool     // only its own names are answered
}

type upload struct {
	target string // method and path
	kind   string
	limit  int64 // bytes of a body
}

// doors starts a suite and two agents, and returns what to knock at.
func doors(t *testing.T) ([]door, *logbook) {
	log := &logbook{}
	s, err := suite.Start(t.Context(), suite.Options{Dir: filepath.Join(t.TempDir(), "edge"), Suite: ecc.SuiteX25519, Hospitals: 1,
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ok(t, err)
	t.Cleanup(func() { ok(t, s.Close()) })
	_, err = s.StartDoctor(t.Context(), suite.DoctorProfile{ID: "dr-edge", Name: "Edge", Departments: []message.Code{"SURGERY"}})
	ok(t, err)
	_, _, err = s.StartPatient(t.Context(), "edge")
	ok(t, err)
	at, err := describe(s)
	ok(t, err)
	x := newStrangers(t, at, "at-the-door")
	h := s.Hospitals[0]
	local := func(name string) (string, string) {
		a := must(s.API(name))
		return host(a.URL), "Authorization: Bearer " + readToken(t, a) + "\r\n"
	}
	doctor, doctorToken := local("doctor-dr-edge")
	patient, patientToken := local("edge")
	admin := "Authorization: Bearer " + must(h.Token(token.ScopeAdmin, token.ScopeFHIRImport)) + "\r\n"
	session := "Authorization: Bearer " + x.session + "\r\nVisit-Capability: " + encode(bytes.Repeat([]byte{5}, 16)) + "\r\n"
	cD := x.doctor.credential.Hash()
	large := httpserver.MessageBody(httpserver.LargeMessageCap)
	return []door{
		{name: "public cloud", addr: host(at.Cloud), get: "/v1/parameters", post: "POST /v1/searches",
			large: []upload{{"PUT /v1/prekeys", "application/json", httpserver.MessageBody(4 << 10)}}},
		{name: "hospital", addr: host(h.URL), get: "/livez", post: "POST /v1/questions", large: []upload{{"POST /v1/diagnoses", "application/json", large}}},
		{name: "hospital's administration", addr: host(h.Admin), get: "/v1/audit", post: "POST /v1/desk-codes", headers: admin,
			large: []upload{{"POST /fhir/bundles", "application/fhir+json", 64 << 20}}},
		{name: "doctor portal", addr: host(at.Portal), get: "/config.json", post: "POST /v1/doctors/" + hex.EncodeToString(cD[:]) + "/messages", headers: session,
			large: []upload{{"POST /v1/visit/messages", "application/json", large}, {"POST /v1/inbox/messages", "application/json", large},
				{"POST /v1/relay/hospitals/hospital-1/v1/diagnoses", "application/json", large}}},
		{name: "doctor's agent", addr: doctor, get: "/v1/doctor", post: "PUT /v1/doctor/certificate", headers: doctorToken, hosts: true,
			large: []upload{{"POST /v1/visits/00000000000000ff/diagnosis", "application/json", 3 << 20}}},
		{name: "patient's agent", addr: patient, get: "/v1/status", post: "POST /v1/cards", headers: patientToken, hosts: true,
			large: []upload{{"POST /v1/visits", "application/json", 24 << 20}, {"POST /v1/approvals", "application/json", 24 << 20}, {"POST /v1/signals/preview", "application/json", 24 << 20}}},
	}, log
}

// line is a connection on which a test says what it likes.
type line struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func (d door) dial(t *testing.T) *line {
	t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	ok(t, err)
	t.Cleanup(func() { conn.Close() })
	ok(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return &line{t, conn, bufio.NewReader(conn)}
}

// ask sends bytes and reads one answer. Sending and reading go on together: who is
// refused early does not hear it otherwise.
func (d door) ask(t *testing.T, parts ...io.Reader) answer {
	t.Helper()
	l := d.dial(t)
	go func() { _, _ = io.Copy(l.Conn, io.MultiReader(parts...)) }()
	return l.hear()
}

func (l *line) hear() answer {
	l.t.Helper()
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.t.Errorf("no answer: %v", err)
		return answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Errorf("half an answer: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// head is a request up to its last header; more is appended to it.
func (d door) head(target, more string) string {
	return target + " HTTP/1.1\r\nHost: " + d.addr + "\r\nConnection: close\r\n" + d.headers + more + "\r\n"
}

// json is a request whose body has the usual cap.
func (d door) json(more string) string {
	return d.head(d.post, "Content-Type: application/json\r\n"+more)
}

func text(format string, args ...any) io.Reader {
	return strings.NewReader(fmt.Sprintf(format, args...))
}

// spaces are n bytes of white space, which JSON may end in.
func spaces(n int64) io.Reader { return io.LimitReader(repeated(" "), n) }

// repeated is a text again and again, without an end.
type repeated string

// Read implements io.Reader. It fills whole repetitions, as far as they fit.
func (r repeated) Read(p []byte) (int, error) {
	if len(p) < len(r) {
		return copy(p, r), io.ErrShortBuffer
	}
	n := 0
	for n+len(r) <= len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

// whole reports whether the answer is a whole problem document of its status.
func (a answer) whole() bool {
	var doc problem.Document
	return json.Unmarshal(a.body, &doc) == nil && doc.Status == a.status && a.header.Get("Content-Type") == problem.MediaType &&
		strings.HasPrefix(doc.Instance, "urn:") && doc.Title != ""
}

// plain reports whether net/http itself has answered, before any code of ours.
func (a answer) plain() bool {
	return a.header.Get("X-Request-Id") == "" && len(a.body) < 100 && strings.HasPrefix(a.header.Get("Content-Type"), "text/plain")
}

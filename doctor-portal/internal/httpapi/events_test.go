package httpapi_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"medunion/api/httpserver"
	"medunion/api/message"
	documents "medunion/api/openapi"
	"medunion/api/openapi/portal"
	"medunion/api/replay/redistest"
	"medunion/doctor-portal/internal/httpapi"
	"medunion/doctor-portal/internal/mailbox"
)

// sessions takes the one token of each doctor; a session lasts for life.
type sessions struct{ life time.Duration }

func (s sessions) Issue(message.Hash, time.Time) (string, time.Time, error) {
	return "", time.Time{}, errors.New("not in these tests")
}

func (s sessions) Verify(token string, now time.Time) (message.Hash, time.Time, error) {
	d, ok := map[string]message.Hash{"anna": {1}, "bert": {2}}[token]
	if !ok {
		return d, now, errors.New("no such session")
	}
	return d, now.Add(s.life), nil
}

// nobody is revoked in these tests.
func nobody(context.Context, message.Hash) (bool, error) { return false, nil }

type bench struct {
	t    *testing.T
	mail *mailbox.Store
	run  *httpserver.Running
}

// startEvents serves the API over a real Redis.
func startEvents(t *testing.T, address string, life, beat time.Duration) *bench {
	t.Helper()
	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: []string{address}, ContextTimeoutEnabled: true, MaxRetries: -1})
	b := &bench{t: t, mail: mailbox.New(client, "portal")}
	api := &httpapi.API{Mail: b.mail, Sessions: sessions{life}, Revoked: nobody, Now: time.Now, Heartbeat: beat}
	spec, err := documents.Load(documents.Portal)
	if err != nil {
		t.Fatal(err)
	}
	e, err := httpserver.New(httpserver.Options{Service: "portal", Logger: slog.New(slog.DiscardHandler), Spec: spec,
		Authenticate: api.Authenticate})
	if err != nil {
		t.Fatal(err)
	}
	portal.RegisterHandlers(e, api)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.run = httpserver.Start(t.Context(), ln, e, httpserver.ServeOptions{}, client.Close)
	t.Cleanup(func() { _ = b.run.Close() })
	return b
}

// events is an open stream, read by lines.
type events struct {
	*http.Response
	lines *bufio.Reader
}

func (b *bench) open(token string, headers ...string) events {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.run.URL()+"/v1/inbox/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Encoding", "gzip, br")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = resp.Body.Close() })
	return events{resp, bufio.NewReader(resp.Body)}
}

// next is the next event without its last empty line: a comment, or a letter.
func (e events) next(t *testing.T) string {
	t.Helper()
	var all string
	for {
		line, err := e.lines.ReadString('\n')
		if err != nil {
			t.Fatal("the stream ended:", err)
		}
		if line == "\n" {
			return all
		}
		all += line
	}
}

// letter reads to the next letter and returns its id and content.
func (e events) letter(t *testing.T) (id, content string) {
	t.Helper()
	for {
		fields := strings.Split(e.next(t), "\n")
		if fields[0] == ":" {
			continue
		}
		if len(fields) != 4 || fields[0] != "event: letter" || !strings.HasPrefix(fields[1], "id: ") || !strings.HasPrefix(fields[2], "data: ") {
			t.Fatalf("event %q", fields)
		}
		b, err := base64.RawURLEncoding.DecodeString(fields[2][6:])
		if err != nil {
			t.Fatal(err)
		}
		return fields[1][4:], string(b)
	}
}

// ended says whether the stream ends properly within a time, and not before least.
func (e events) ended(t *testing.T, least, most time.Duration) {
	t.Helper()
	began := time.Now()
	_, err := io.Copy(io.Discard, e.lines)
	if took := time.Since(began); err != nil || took < least || took > most {
		t.Errorf("it ended after %v: %v", took, err)
	}
}

func (b *bench) consult(doctor byte, session byte, content string) {
	b.t.Helper()
	if _, err := b.mail.Inbox(b.t.Context(), message.Hash{doctor}, "0-0", 0, nil); err != nil { // she has been here
		b.t.Fatal(err)
	}
	if err := b.mail.Consult(b.t.Context(), message.Hash{doctor}, [16]byte{session}, []byte(content)); err != nil {
		b.t.Fatal(err)
	}
}

func TestEventsCarryLetters(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), time.Minute, time.Minute)
	b.consult(1, 1, "early")
	s := b.open("anna")
	h := s.Header
	if s.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Encoding") != "" {
		t.Fatal(s.Status, h)
	}
	first, content := s.letter(t)
	if content != "early" {
		t.Errorf("first %q", content)
	}
	b.consult(2, 2, "another doctor's")
	b.consult(1, 3, "late")
	second, content := s.letter(t)
	if content != "late" {
		t.Errorf("second %q", content)
	}
	if _, content := b.open("anna", "Last-Event-ID", first).letter(t); content != "late" {
		t.Errorf("after the first came %q", content)
	}
	b.consult(1, 4, "last")
	if _, content := b.open("anna", "Last-Event-ID", second).letter(t); content != "last" {
		t.Errorf("after the second came %q", content)
	}
}

// More letters than one answer takes come all, in their order.
func TestEventsCarryAWholeWaitingRoom(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), time.Minute, time.Minute)
	for i := range 3*mailbox.MaxLetters + 1 {
		b.consult(1, byte(i), string(rune('A'+i)))
	}
	s := b.open("anna")
	for i := range 3*mailbox.MaxLetters + 1 {
		if _, content := s.letter(t); content != string(rune('A'+i)) {
			t.Fatalf("letter %d is %q", i, content)
		}
	}
}

func TestEventsBeat(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), time.Minute, 50*time.Millisecond)
	s := b.open("anna")
	for range 3 {
		if e := s.next(t); e != ":\n" {
			t.Fatalf("want a comment, got %q", e)
		}
	}
}

func TestEventsEndWithTheSession(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), 700*time.Millisecond, time.Minute)
	b.open("anna").ended(t, 500*time.Millisecond, 10*time.Second)
}

func TestEventsEndWithTheServer(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), time.Minute, time.Minute)
	s := b.open("anna")
	s.next(t)
	began := time.Now()
	if err := b.run.Close(); err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("the server stopped after %v: %v", time.Since(began), err)
	}
	s.ended(t, 0, time.Second)
}

// A fifth stream ends the first: a lost connection never keeps a doctor out.
func TestEventsOfOneDoctorAreBounded(t *testing.T) {
	b := startEvents(t, redistest.Start(t).Addr(), time.Minute, 100*time.Millisecond)
	first, stranger := b.open("anna"), b.open("bert")
	var others []events
	for range 4 {
		others = append(others, b.open("anna"))
	}
	first.ended(t, 0, 10*time.Second)
	for _, s := range append(others, stranger) {
		for range 3 {
			s.next(t)
		}
	}
}

func TestEventsRefusals(t *testing.T) {
	server := redistest.Start(t)
	b := startEvents(t, server.Addr(), time.Minute, time.Minute)
	for name, c := range map[string]struct {
		token, last string
		status      int
	}{
		"no session": {"nobody", "0-0", 401}, "an id of another form": {"anna", "$", 400}, "an endless id": {"anna", strings.Repeat("1", 21) + "-0", 400},
	} {
		if s := b.open(c.token, "Last-Event-ID", c.last); s.StatusCode != c.status || s.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s", name, s.Status, s.Header.Get("Content-Type"))
		}
	}
	down := startEvents(t, "127.0.0.1:1", time.Minute, time.Minute)
	if s := down.open("anna"); s.StatusCode != 503 || s.Header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %s", s.Status)
	}
}

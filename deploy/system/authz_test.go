package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	documents "medunion/api/openapi"
)

// surface is one of the six, as it runs.
type surface struct {
	name, url string
	document  documents.Document
	service   string // as the log names it
}

func (w *guarded) surfaces() []surface {
	h, a := w.at.Hospitals[0], w.agents[0]
	return []surface{
		{"public cloud", w.at.Cloud, documents.PublicCloud, "publiccloud"},
		{"hospital", h.URL, documents.PrivateCloud, "privatecloud"},
		{"hospital's administration", h.Admin, documents.PrivateAdmin, "privateadmin"},
		{"doctor portal", w.at.Portal, documents.Portal, "portal"},
		{"doctor's agent", a.doctor.URL, documents.DoctorAgent, "doctoragent"},
		{"patient's agent", a.patient.URL, documents.PatientAgent, "patientagent"},
	}
}

// Whoever may use a route can, and nobody else: every credential of the suite at every
// route of its six surfaces, for what is one's own, another's, and absent. What is not
// there and what is not for one look alike to the byte.
func TestAuthorization(t *testing.T) {
	heavy(t)
	w := newGuarded(t)
	all := w.principals()
	var doc strings.Builder
	for i, s := range w.surfaces() {
		rules := authorization[i].rules
		if authorization[i].surface != s.name {
			t.Fatalf("the table has %q at the place of %q", authorization[i].surface, s.name)
		}
		w.complete(s, rules)
		m := matrix{surface: s.name, principals: all}
		samples := w.samples(s.name)
		for _, r := range rules {
			a, found := samples[r.route]
			if !found {
				t.Errorf("%s: no request is made for %s", s.name, r.route)
				continue
			}
			m.rows = append(m.rows, row{r.route, w.try(s, r, a, all)})
		}
		m.write(&doc)
	}
	signers := w.signed()
	w.silentOf(all)
	writeDerived(t, "authorization.md", "matrix", doc.String())
	writeDerived(t, "authorization.md", "signers", signers)
}

// complete compares the rules with the routes that there are: those of the document, and
// those that the running server names beside it.
func (w *guarded) complete(s surface, rules []rule) {
	w.t.Helper()
	spec, err := documents.Load(s.document)
	ok(w.t, err)
	there := map[string]bool{}
	for path, item := range spec.Paths.Map() {
		for method := range item.Operations() {
			there[method+" "+path] = true
		}
	}
	beside := w.besideTheDocument(s.service)
	for _, path := range beside {
		there["GET "+path] = true
	}
	for _, route := range built[s.name] {
		if slices.Contains(beside, "/assets/*") && !there[route] {
			w.t.Errorf("%s: the table has %s, and the built page has not", s.name, route)
		}
		delete(there, route)
	}
	for _, r := range rules {
		if !there[r.route] {
			w.t.Errorf("%s: the table has %s, and the service has not", s.name, r.route)
		}
		delete(there, r.route)
	}
	for route := range there {
		w.t.Errorf("%s: the table does not say who may use %s", s.name, route)
	}
}

// besideTheDocument are the routes that a server has logged at its start.
func (w *guarded) besideTheDocument(service string) (routes []string) {
	for line := range bytes.Lines(w.log.from(0)) {
		var l struct {
			Msg, Service string
			Routes       []string
		}
		if json.Unmarshal(line, &l) == nil && l.Msg == "routes beside the document" && l.Service == service {
			routes = l.Routes
		}
	}
	if len(routes) < 3 {
		w.t.Errorf("%s names %d routes beside its document", service, len(routes))
	}
	return routes
}

// requestID goes with the requests whose answers are compared.
const requestID = "00112233445566778899aabbccddeeff"

// whole is an answer with every byte that a caller can compare, but for the date.
type whole struct {
	status int
	text   string
}

// send makes a request as a principal. Of a stream it reads the beginning only.
func (w *guarded) send(s surface, q request, p principal) whole {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.method, s.url+q.path, bytes.NewReader(q.body))
	ok(w.t, err)
	if q.kind != "" {
		r.Header.Set("Content-Type", q.kind)
	}
	r.Header.Set("X-Request-Id", requestID)
	p.set(r.Header)
	resp, err := http.DefaultClient.Do(r)
	ok(w.t, err)
	defer resp.Body.Close()
	var b []byte
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		b, err = io.ReadAll(resp.Body)
		ok(w.t, err)
	}
	resp.Header.Del("Date")
	resp.Header.Del("RateLimit") // counts the requests of this very caller
	var head bytes.Buffer
	ok(w.t, resp.Header.Write(&head))
	return whole{resp.StatusCode, fmt.Sprintf("%s %s\n%s\n%s", resp.Proto, resp.Status, head.Bytes(), b)}
}

// try makes the requests of one route as everybody, those whom it lets in last, and
// returns what each saw.
func (w *guarded) try(s surface, r rule, a asks, all []principal) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, admitted := range []bool{false, true} {
		for _, p := range all {
			if (r.refuses(p) == 0) == admitted {
				out[p.name] = w.tryAs(s, r, a, p)
			}
		}
	}
	return out
}

func (r rule) lets(p principal) bool {
	return slices.Equal(r.let, everybody) || slices.Contains(r.let, p.name)
}

// refuses is the status by which a principal is sent away, 0 if it is not.
func (r rule) refuses(p principal) int {
	switch {
	case p.foreign && !strings.HasPrefix(r.route, "GET "):
		return 403 // by the edge, whatever the route
	case r.lets(p):
		return 0
	case slices.Contains(r.without, p.name):
		return 403
	}
	return 401
}

func (w *guarded) tryAs(s surface, r rule, a asks, p principal) string {
	w.t.Helper()
	want := [3]int{r.own, r.other, r.absent}
	if refusal := r.refuses(p); refusal != 0 {
		for i := range want {
			want[i] = min(want[i], 1) * refusal
		}
	}
	var got [3]whole
	var cells []string
	for i, ask := range []func(principal) request{a.own, a.other, a.absent} {
		if want[i] == 0 || ask == nil {
			if want[i] == inVisitOnly {
				cells = append(cells, w.seen(s, r.route))
			}
			continue
		}
		q := ask(p)
		got[i] = w.send(s, q, p)
		if got[i].status != want[i] && !(want[i] == 200 && got[i].status == 503 && r.route == "GET /") { // an unbuilt page says so
			w.t.Errorf("%s, %s as %s, %s: %d, want %d\n%s", s.name, r.route, p.name, []string{"own", "another's", "absent"}[i], got[i].status, want[i], got[i].text)
		}
		cells = append(cells, fmt.Sprint(want[i]))
	}
	w.alike(s, r, p, got)
	if r.refuses(p) != 0 {
		return cells[0]
	}
	return strings.Join(cells, " / ")
}

// alike: refused, one learns nothing of what is there; let in, another's is as absent.
func (w *guarded) alike(s surface, r rule, p principal, got [3]whole) {
	w.t.Helper()
	if r.refuses(p) != 0 {
		for _, g := range got[1:] {
			if g.status != 0 && got[0].status != 0 && g.text != got[0].text {
				w.t.Errorf("%s, %s as %s: two refusals differ:\n%s\n---\n%s", s.name, r.route, p.name, got[0].text, g.text)
			}
		}
		return
	}
	if got[1].status != 0 && got[2].status != 0 && got[1].text != got[2].text {
		w.t.Errorf("%s, %s as %s: another's and the absent differ:\n%s\n---\n%s", s.name, r.route, p.name, got[1].text, got[2].text)
	}
}

// seen is the success of a route that only the agents' visit can have.
func (w *guarded) seen(s surface, route string) string {
	_, path, _ := strings.Cut(route, " ")
	want := fmt.Sprintf(`"service":%q`, s.service)
	pattern := fmt.Sprintf(`"route":%q,"status":200`, strings.NewReplacer("{", ":", "}", "").Replace(path))
	for line := range strings.Lines(string(w.log.from(0))) {
		if strings.Contains(line, want) && strings.Contains(line, pattern) {
			return "200"
		}
	}
	w.t.Errorf("%s: nobody ever succeeded at %s", s.name, route)
	return "-"
}

// silentOf: no credential is in any log.
func (w *guarded) silentOf(all []principal) {
	var needles []needle
	for _, p := range all {
		if p.secret != "" {
			needles = append(needles, needleOf(p.name, []byte(p.secret)))
		}
	}
	for _, p := range []*party{w.a, w.b} {
		needles = append(needles, needleOf("a capability", p.visit[:]))
	}
	if found := in(w.log.from(0), needles); len(found) > 0 || len(needles) < 30 {
		w.t.Errorf("of %d credentials the log tells %q", len(needles), found)
	}
	for line := range bytes.Lines(w.log.from(0)) {
		if !json.Valid(line) {
			w.t.Errorf("a line of the log is no JSON: %q", line)
		}
	}
}

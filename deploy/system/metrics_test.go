package system_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"medunion/api/certs"
	"medunion/api/certs/certtest"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/deploy/local/suite"
	"medunion/ecc"
)

// seen is a suite whose operators look at it, in which a patient with strings of her own
// has had a visit.
type seen struct {
	s      *suite.Suite
	story  *story
	log    *logbook
	mu     sync.Mutex
	traces map[string]*collector // by party
}

var sight struct {
	sync.Once
	*seen
}

// watched is the suite with the visit, once for all tests.
func watched(t *testing.T) *seen {
	t.Helper()
	heavy(t)
	sight.Do(func() { sight.seen = newSeen(t) })
	if sight.seen == nil {
		t.Fatal("the visit failed, as an earlier test says")
	}
	return sight.seen
}

func closeWatched() error {
	if sight.seen == nil {
		return nil
	}
	err := sight.s.Close()
	for _, c := range sight.traces {
		c.Close()
	}
	return err
}

// edge gives a party its operations listener and its own collector of traces.
func (w *seen) edge(party string, e *httpserver.Edge) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.traces[party] == nil {
		w.traces[party] = newCollector()
	}
	e.OperationsListen, e.OTLPEndpoint = "127.0.0.1:0", w.traces[party].URL
}

func newSeen(t *testing.T) *seen {
	w := &seen{log: &logbook{}, traces: map[string]*collector{}}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	w.s, err = suite.Start(t.Context(), suite.Options{Dir: filepath.Join(scratch, "seen"), Suite: ecc.SuiteX25519, Hospitals: 2, Logger: log, Edge: w.edge})
	ok(t, err)
	words := newWords()
	d, err := w.s.StartDoctor(t.Context(), suite.DoctorProfile{ID: "dr-seen", Name: words.doctor, Departments: []message.Code{"OUTPATIENT"},
		Affiliation: w.s.Hospitals[0].ID})
	ok(t, err)
	p := &story{s: w.s, doctor: d, words: words, sids: &sidCatcher{}, log: log, store: filepath.Join(scratch, "seen", "patients", "store")}
	if err := p.play(t.Context(), p.importRecord, p.startPatient, p.enrol, p.visit, p.questions); err != nil {
		t.Fatalf("the visit: %s", problem.Reason(err))
	}
	w.story = p
	w.askAgents(t)
	return w
}

// askAgents uses the local API of the doctor's agent and of a patient's agent, as pages do.
func (w *seen) askAgents(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	_, _, err := w.s.StartPatient(ctx, "seen")
	ok(t, err)
	for name, path := range map[string]string{"seen": "/v1/status", "doctor-dr-seen": "/v1/visits"} {
		api, err := w.s.API(name)
		ok(t, err)
		token, err := os.ReadFile(api.TokenFile)
		ok(t, err)
		a, err := call(ctx, http.MethodGet, api.URL+path, strings.TrimSpace(string(token)), "", nil)
		if ok(t, err); a.status != http.StatusOK {
			t.Fatalf("%s of %s: %d %s", path, name, a.status, a.body)
		}
	}
}

// needles are what identifies the patient and the doctor of the story.
func (w *seen) needles() []needle {
	k := w.story.known
	k.Canaries = append(w.story.words.all(), w.story.words.doctor, "dr-seen", "L-dr-seen")
	for _, sid := range w.story.sids.all() {
		k.Hashes = append(k.Hashes, fmt.Sprintf("%x", sid))
	}
	everywhere, logs := k.needles()
	return append(everywhere, logs...)
}

// scrape reads the metrics of a party as Prometheus does.
func scrape(t *testing.T, url string) (text []byte, families map[string]*dto.MetricFamily) {
	t.Helper()
	a, err := call(t.Context(), http.MethodGet, url+"/metrics", "", "", nil)
	if ok(t, err); a.status != http.StatusOK {
		t.Fatalf("%s: %d", url, a.status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err = parser.TextToMetricFamilies(bytes.NewReader(a.body))
	ok(t, err)
	return a.body, families
}

// scrapeTLS reads the metrics of an operations listener with a certificate, and of a service
// that shows one to those it calls.
func scrapeTLS(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	shown := certtest.New(t, t.TempDir(), "shown")
	pair, err := certs.LoadPair(shown.Cert, shown.Key)
	ok(t, err)
	operations := httpserver.NewOperations()
	operations.Require(nil, new(httpserver.Secured).Reloads(pair))
	r, err := operations.Start(t.Context(), "tls", slog.New(slog.DiscardHandler), httpserver.Edge{OperationsListen: "127.0.0.1:0"}, borrowed.TLS, false)
	ok(t, err)
	defer r.Close()
	resp, err := borrowed.Client().Get(r.URL() + "/metrics")
	ok(t, err)
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	ok(t, err)
	return families
}

// labels are all labels that a metric may have, and the form of their values: names of
// the program, nothing that came in a request.
var labels = map[string]*regexp.Regexp{
	"check": word, "store": word, "client": word, "state": word, "kind": word, "outcome": word, "event": word, "mailbox": word, "service": word, "use": word, "reason": word,
	"command": regexp.MustCompile(`^[a-zA-Z]{1,20}$`),
	"step":    regexp.MustCompile(`^(M\d{1,2}|enrol|ask|index)$`),
	"route":   regexp.MustCompile(`^(unmatched|/|(/[a-zA-Z0-9.:*_-]{1,30})+)$`),
	"method":  regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other)$`),
	"status":  regexp.MustCompile(`^\d{3}$`),
	"version": regexp.MustCompile(`^[A-Za-z0-9.()+-]{1,60}$`),
	"commit":  regexp.MustCompile(`^([0-9a-f]{40}|unknown)$`),
	"le":      number, "quantile": number,
	"goversion": regexp.MustCompile(`^go[0-9.a-z -]{1,40}$`),
}

var (
	word   = regexp.MustCompile(`^[a-z][a-z_ -]{0,30}$`)
	number = regexp.MustCompile(`^[0-9.e+-]+$|^\+Inf$`)
	// identifier is what no label may look like, whatever its name.
	identifier = regexp.MustCompile(`[0-9a-f]{16,}|[A-Za-z0-9_-]{22,}|\d{5,}`)
)

// After a whole visit no metric of any service names anybody: labels have the names and
// the forms of the list above, and nothing of the patient or the doctor occurs. All of
// them pass promtool's linter, and the document lists them.
func TestMetricsAfterAVisit(t *testing.T) {
	w := watched(t)
	promtool := tool(t, "promtool")
	all := map[string]metric{}
	for party, url := range w.s.Operations() {
		text, families := scrape(t, url)
		if found := in(text, w.needles()); len(found) > 0 {
			t.Errorf("%s: the metrics tell %q", party, found)
		}
		lint(t, promtool, party, text)
		for name, f := range families {
			for _, m := range f.Metric {
				checkLabels(t, party, name, m)
			}
			if strings.HasPrefix(name, "medunion_") {
				all[name] = all[name].add(kindOf(party), f)
			}
		}
	}
	for name, f := range scrapeTLS(t) { // the suite has no TLS
		for _, party := range secured[name] {
			all[name] = all[name].add(party, f)
		}
	}
	for _, name := range []string{"medunion_replay_refusals_total", "medunion_audit_appended_total", "medunion_steps_total", "medunion_mailbox_depth_messages"} {
		if _, there := all[name]; !there {
			t.Errorf("no %s: the test sees too little", name)
		}
	}
	derived(t, "../doc/metrics.md", table(all))
}

// secured says who has the metrics of certificates.
var secured = map[string][]string{
	"medunion_tls_certificate_not_after_timestamp_seconds":  {"public cloud", "hospital", "portal"},
	"medunion_peer_certificate_not_after_timestamp_seconds": {"hospital", "portal"}, // the public cloud calls nobody
}

func checkLabels(t *testing.T, party, name string, m *dto.Metric) {
	t.Helper()
	for _, l := range m.Label {
		form := labels[l.GetName()]
		switch {
		case form == nil:
			t.Errorf("%s: %s has the label %s, which the test does not know", party, name, l.GetName())
		case !form.MatchString(l.GetValue()):
			t.Errorf("%s: %s has %s=%q", party, name, l.GetName(), l.GetValue())
		case l.GetName() != "commit" && l.GetName() != "version" && l.GetName() != "route" && l.GetName() != "quantile" && identifier.MatchString(l.GetValue()):
			t.Errorf("%s: %s has %s=%q, which looks like an identifier", party, name, l.GetName(), l.GetValue())
		}
	}
}

// tool finds a program of Prometheus.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not here (apt-get install prometheus)", name)
	}
	return path
}

func lint(t *testing.T, promtool, party string, text []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: promtool check metrics: %v\n%s", party, err, out)
	}
}

// kindOf is what kind of party has a name.
func kindOf(party string) string {
	switch {
	case strings.HasPrefix(party, "hospital"):
		return "hospital"
	case strings.HasPrefix(party, "agents/doctor"):
		return "doctor's agent"
	case strings.HasPrefix(party, "agents/"):
		return "patient's agent"
	case party == "publiccloud":
		return "public cloud"
	}
	return party
}

// metric is what the document says of a metric.
type metric struct {
	kind, help string
	labels, of []string
}

func (m metric) add(party string, f *dto.MetricFamily) metric {
	m.kind, m.help = strings.ToLower(f.GetType().String()), f.GetHelp()
	for _, x := range f.Metric {
		for _, l := range x.Label {
			m.labels = append(m.labels, l.GetName())
		}
	}
	m.of = append(m.of, party)
	for _, list := range []*[]string{&m.labels, &m.of} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return m
}

func table(all map[string]metric) string {
	var b strings.Builder
	b.WriteString("| Metric | Type | Labels | Of | Meaning |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		of := strings.Join(m.of, ", ")
		if len(m.of) == 5 {
			of = "all"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, m.kind, strings.Join(m.labels, ", "), of, m.help)
	}
	return b.String()
}

// derived holds what stands in a document behind its derived mark against what was seen,
// or writes it there.
func derived(t *testing.T, path, want string) {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	head, have, found := strings.Cut(string(b), "<!-- derived -->\n")
	if !found {
		t.Fatalf("%s has no derived part", path)
	}
	if *update {
		ok(t, os.WriteFile(path, []byte(head+"<!-- derived -->\n"+want), 0o644))
	} else if have != want {
		t.Errorf("%s does not say what was seen; write it anew with -args -update. Seen:\n%s", path, want)
	}
}

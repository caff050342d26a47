package agent_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"

	"medunion/api/message"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/practice"
)

// desk is a doctor's page without the page: the practice over files in memory, with the
// real portal behind it.
type desk struct {
	*practice.Practice
	u      *union
	files  *drawer
	portal *wire
	mu     sync.Mutex
	events []practice.Event
}

// drawer is files in memory.
type drawer struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (d *drawer) Read(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(b), nil
}

func (d *drawer) Replace(name string, b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = slices.Clone(b)
	return nil
}

func (d *drawer) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *drawer) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.files)), nil
}

// alter changes a bit of a file.
func (d *drawer) alter(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name][len(d.files[name])-1] ^= 1
}

// wire is the network between the page and the portal, which can be cut.
type wire struct {
	origin string
	mu     sync.Mutex
	cut    context.CancelFunc
	ctx    context.Context
	inbox  []string // the Last-Event-ID of each stream of the inbox
}

func (w *wire) Exchange(ctx context.Context, r practice.Request) (*practice.Response, error) {
	w.mu.Lock()
	if w.ctx == nil {
		w.ctx, w.cut = context.WithCancel(context.Background())
	}
	line := w.ctx
	if r.Path == "/v1/inbox/events" {
		w.inbox = append(w.inbox, r.Header["Last-Event-ID"])
	}
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(line, cancel)
	req, err := http.NewRequestWithContext(ctx, r.Method, w.origin+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	a, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	return &practice.Response{Status: a.StatusCode, Body: a.Body}, nil
}

// drop cuts every exchange under way; new ones go through.
func (w *wire) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut()
	w.ctx = nil
}

func (w *wire) streams() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.inbox)
}

// ours opens the desk's store: a passkey, for a passphrase costs Argon2 each time.
var ours = practice.Opener{PRF: bytes.Repeat([]byte{7}, 32), CredentialID: "BwcH"}

func (u *union) desk() *desk {
	u.t.Helper()
	d := &desk{u: u, files: &drawer{files: map[string][]byte{}}, portal: &wire{origin: u.portal}}
	d.Practice = must(practice.New(practice.Config{Portal: d.portal, Files: d.files, Rand: rand.Reader, Origin: u.portal, Pins: u.w.Pins,
		Authority: peers.AuthorityName, JWKS: must(u.w.Authority.JWKS()), Log: slog.New(slog.NewJSONHandler(u.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Trace: u.traced, Changed: d.heard}))
	u.t.Cleanup(d.Lock)
	return d
}

func (d *desk) heard(e practice.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *desk) told(e practice.Event) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.events, e)
}

// registered takes the desk through the doctor's set-up.
func (d *desk) registered() *desk {
	t := d.u.t
	t.Helper()
	d.ok(d.Create(practice.NewStore{ID: "dr-okafor", Suite: 1, Opener: ours}))
	text := must(d.RequestCertificate(practice.Person{Licence: "L-1", Name: "Dr Okafor", Departments: []string{"GENERAL"}}))
	d.ok(d.SetCertificate(string(must(d.u.w.Authority.Issue(must(d.u.w.Authority.Open([]byte(text))), d.u.w.Now)))))
	d.ok(d.Register(context.Background()))
	d.online()
	doctorCredential = must(d.Credential())
	return d
}

func (d *desk) ok(err error) {
	d.u.t.Helper()
	if err != nil {
		d.u.t.Fatal(err, practice.ProblemOf(err))
	}
}

func (d *desk) online() {
	d.u.t.Helper()
	d.u.eventually("going online", func() bool { v, err := d.Doctor(); return err == nil && v.Online })
}

// visiting returns the only visit in this state.
func (d *desk) visiting(in practice.VisitState) string {
	d.u.t.Helper()
	var id string
	d.u.eventually("a visit "+string(in), func() bool {
		for _, v := range must(d.Visits()) {
			if v.State == in {
				id = v.ID
			}
		}
		return id != ""
	})
	return id
}

// enteredDesk has a patient called in, with records at two hospitals.
func enteredDesk(t *testing.T) (*union, *desk, *peers.Patient, string) {
	u := newUnion(t)
	d := u.desk().registered()
	p := u.w.NewPatient(peers.PatientID)
	u.mu.Lock()
	u.w.Cloud.Entries = []message.Entry{u.anna.Entry(p), u.other.Entry(p)}
	u.records[peers.AnnaID] = []string{page(oddly), page(oddly)}
	u.records[peers.ElseID] = []string{page(`{"resourceType":"Condition","id":"c1"}`)}
	u.mu.Unlock()
	u.enter(p, nil)
	id := d.visiting(practice.VisitWaiting)
	must(d.Open(id))
	return u, d, p, id
}

// searched waits for the end of a search.
func (d *desk) searched(id string) practice.Visit {
	d.u.t.Helper()
	d.ok(d.Fetch(id, practice.Filter{}))
	return d.ended(id)
}

func (d *desk) ended(id string) practice.Visit {
	d.u.t.Helper()
	var v practice.Visit
	d.u.eventually("the end of the search", func() bool {
		v = must(d.Visit(id))
		return v.Search.State != practice.SearchRunning
	})
	return v
}

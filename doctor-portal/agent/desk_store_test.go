package agent_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/practice"
)

func TestDeskLocks(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	d.searched(id)
	shown := must(d.Preview(id, draft()))
	d.Lock()
	d.Lock() // locking what is locked is nothing
	if st := must(d.Status()); st.Store != practice.StoreLocked || fmt.Sprint(st.Openers) != "[{passkey BwcH}]" {
		t.Errorf("status %+v", st)
	}
	_, visits := d.Visits()
	_, records := d.Records(id, "")
	_, sign := d.Sign(context.Background(), id, shown.Bundle)
	_, export := d.ExportStore("a passphrase for the drawer")
	_, doctor := d.Doctor()
	_, evidence := d.Evidence(id)
	_, directory := d.Directory(context.Background())
	for name, err := range map[string]error{"visits": visits, "records": records, "sign": sign, "export": export, "doctor": doctor,
		"evidence": evidence, "directory": directory, "fetch": d.Fetch(id, practice.Filter{}), "add": d.AddOpener(ours)} {
		if p := practice.ProblemOf(err); p.Kind != "conflict" || p.Code != "locked" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	u.eventually("the event", func() bool { return d.told(practice.Event{Type: "locked"}) })
	refusedAs(t, d.Unlock(practice.Opener{PRF: bytes.Repeat([]byte{8}, 32), CredentialID: "BwcH"}), "refused", "wrong-opener")
	d.ok(d.Unlock(ours))
	refusedAs(t, d.Unlock(ours), "conflict", "store-open")
	d.online()
	if v := must(d.Visits()); len(v) != 0 {
		t.Errorf("%d visits outlived the lock", len(v))
	}
	if e := must(d.Evidence(id)); len(e.Statements) == 0 {
		t.Error("the evidence did not outlive the lock")
	}
}

// TestDeskEarlierVisits: after a lock, each visit whose evidence is sealed is listed and
// its file verifies; one that was altered is said to be.
func TestDeskEarlierVisits(t *testing.T) {
	u, d, p, id := enteredDesk(t)
	d.searched(id)
	if list := must(d.EarlierVisits()); len(list) != 0 {
		t.Errorf("a visit of this session is an earlier one: %+v", list)
	}
	must(d.Close(id))
	u.enter(p, nil)
	second := d.visiting(practice.VisitWaiting)
	must(d.Open(second))
	shown := must(d.Preview(second, draft()))
	must(d.Sign(context.Background(), second, shown.Bundle))
	d.Lock()
	_, err := d.EarlierVisits()
	refusedAs(t, err, "conflict", "locked")
	d.ok(d.Unlock(ours))
	for range 2 { // the second time as remembered
		list := must(d.EarlierVisits())
		if len(list) != 2 {
			t.Fatalf("earlier visits: %+v", list)
		}
		slices.SortFunc(list, func(a, b practice.EarlierVisit) int { return cmp.Compare(len(b.Hospitals), len(a.Hospitals)) })
		if got := fmt.Sprintf("%s %v %v, %s %v %v", list[0].ID, list[0].Hospitals, list[0].Diagnosed, list[1].ID, list[1].Hospitals, list[1].Diagnosed); got !=
			id+" [st-anna st-else] false, "+second+" [st-anna] true" || list[0].Patient != string(peers.PatientID) || list[0].Since == 0 || list[0].Reason != nil {
			t.Errorf("earlier visits: %+v", list)
		}
	}
	e, err := practice.VerifyEvidenceFile(must(d.EvidenceFile(second)), u.w.Pins, must(doctorcert.NewAuthority(peers.AuthorityName, must(u.w.Authority.JWKS()))))
	if err != nil || len(e.Statements) == 0 || slices.ContainsFunc(e.Statements, func(s practice.Statement) bool { return !s.Verified }) {
		t.Errorf("the file of an earlier visit: %v %+v", err, e)
	}

	d.Lock()
	d.files.alter("evidence-" + id)
	d.ok(d.Unlock(ours))
	list := must(d.EarlierVisits())
	if len(list) != 2 || list[0].ID != second || list[1].ID != id || list[1].Reason == nil || list[1].Reason.Code != "evidence-unreadable" || list[1].Patient != "" {
		t.Errorf("with an altered file: %+v", list)
	}
}

func TestDeskOpeners(t *testing.T) {
	byPassphrase := practice.Opener{Passphrase: "correct horse battery"}
	u := newUnion(t)
	d := u.desk()
	if st := must(d.Status()); st.Store != practice.StoreAbsent || len(strings.Fields(st.Fingerprint)) != 8 {
		t.Errorf("status %+v", st)
	}
	refusedAs(t, d.Unlock(byPassphrase), "notFound", "store-absent")
	refusedAs(t, d.Create(practice.NewStore{ID: "dr-okafor", Suite: 1, Opener: practice.Opener{Passphrase: "short"}}), "invalid", "passphrase-length")
	if err := d.Create(practice.NewStore{ID: "Dr Okafor", Suite: 1, Opener: byPassphrase}); practice.ProblemOf(err).Kind != "invalid" {
		t.Errorf("a bad ID: %v", err)
	}
	if len(d.files.files) != 0 {
		t.Error("a refused creation left a file")
	}
	key := practice.Opener{PRF: bytes.Repeat([]byte{1}, 32), CredentialID: "AQID"}
	d.ok(d.Create(practice.NewStore{ID: "dr-okafor", Suite: 2, Opener: key}))
	refusedAs(t, d.RemoveOpener(practice.OpenerKind{Kind: "passkey", CredentialID: "AQID"}), "conflict", "last-opener")
	d.ok(d.AddOpener(byPassphrase))
	d.ok(d.RemoveOpener(practice.OpenerKind{Kind: "passkey", CredentialID: "AQID"}))
	d.Lock()
	refusedAs(t, d.Unlock(key), "refused", "wrong-opener")
	refusedAs(t, d.Create(practice.NewStore{ID: "dr-okafor", Suite: 1, Opener: byPassphrase}), "conflict", "store-exists")
	d.ok(d.Unlock(byPassphrase))
	if v := must(d.Doctor()); v.State != practice.DoctorNew || v.Suite != 2 || v.ID != "dr-okafor" {
		t.Errorf("doctor %+v", v)
	}
}

// TestDeskPins: a store opens only for what it was made for.
func TestDeskPins(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	export := must(d.ExportStore("a passphrase for the drawer"))
	d.Lock()
	jwks := must(u.w.Authority.JWKS())
	configure := func(edit func(*practice.Config)) *practice.Practice {
		cfg := practice.Config{Portal: d.portal, Files: d.files, Rand: rand.Reader, Origin: u.portal, Pins: u.w.Pins,
			Authority: peers.AuthorityName, JWKS: jwks}
		edit(&cfg)
		return must(practice.New(cfg))
	}
	empty := &drawer{files: map[string][]byte{}}
	for name, edit := range map[string]func(*practice.Config){
		"another portal":       func(c *practice.Config) { c.Origin = "http://localhost:1" },
		"another authority":    func(c *practice.Config) { c.Authority = "another board" },
		"another public cloud": func(c *practice.Config) { c.Pins.CloudID = "another-cloud" },
	} {
		p := configure(edit)
		refusedAs(t, p.Unlock(ours), "refused", "other-pins")
		p = configure(func(c *practice.Config) { edit(c); c.Files = empty })
		refusedAs(t, p.ImportStore(practice.Import{File: export, Passphrase: "a passphrase for the drawer", Opener: ours}), "refused", "other-pins")
		if name != "another portal" && must(p.Status()).Fingerprint == must(d.Status()).Fingerprint {
			t.Errorf("%s has the same fingerprint", name)
		}
	}
	spaced := bytes.ReplaceAll(jwks, []byte(","), []byte(" , "))
	p := configure(func(c *practice.Config) { c.JWKS = spaced })
	d.ok(p.Unlock(ours)) // the same keys, written otherwise
	p.Lock()
}

func TestDeskLists(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	ctx := context.Background()
	hospitals := must(d.Directory(ctx))
	if len(hospitals) != 2 || hospitals[1].ID != string(peers.ElseID) || hospitals[1].Address != u.otherURL {
		t.Errorf("directory %+v", hospitals)
	}
	if got := fmt.Sprint(must(d.Departments(ctx)), must(d.Classes(ctx))); got != "[GENERAL SURGERY] [LAB OTHER]" {
		t.Errorf("codes %s", got)
	}
	v := must(d.Doctor())
	if v.Name != "Dr Okafor" || v.Licence != "L-1" || fmt.Sprint(v.Departments) != "[GENERAL]" || v.CertificateUntil == 0 ||
		v.State != practice.DoctorRegistered {
		t.Errorf("doctor %+v", v)
	}
	refusedAs(t, d.SetCertificate("a.b.c"), "refused", "certificate-refused")
	if c := must(d.Card()); c.Link != u.portal+"/visit#"+c.Credential || c.Credential != v.Credential {
		t.Errorf("card %+v", c)
	}
}

// TestDeskReconnects: the stream of the inbox is cut; it goes on after the last letter.
func TestDeskReconnects(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	u.enter(u.w.NewPatient(peers.PatientID), nil)
	d.visiting(practice.VisitWaiting)
	d.portal.drop()
	u.eventually("another stream", func() bool { return len(d.portal.streams()) > 1 })
	d.online()
	if ids := d.portal.streams(); ids[0] != "0-0" || ids[len(ids)-1] == "0-0" {
		t.Errorf("asked after %v", ids)
	}
	u.enter(u.w.NewPatient("fedcba9876543210fedcba9876543210"), nil)
	u.eventually("the second patient", func() bool {
		all := must(d.Visits())
		return len(all) == 2 && all[1].State == practice.VisitWaiting
	})
}

// TestTwoWorkstations: the doctor's store moved to a second place. A patient is
// answered once, by the place whose prekey she used; the other leaves her alone.
func TestTwoWorkstations(t *testing.T) {
	u := newUnion(t)
	first := u.desk().registered()
	export := must(first.ExportStore("a passphrase for the drawer"))
	second := u.desk()
	wrong := practice.Import{File: export, Passphrase: "another passphrase", Opener: ours}
	refusedAs(t, second.ImportStore(wrong), "refused", "wrong-opener")
	refusedAs(t, second.ImportStore(practice.Import{File: []byte("x"), Passphrase: "another passphrase", Opener: ours}), "invalid", "not-a-store")
	second.ok(second.ImportStore(practice.Import{File: export, Passphrase: "a passphrase for the drawer",
		Opener: practice.Opener{Passphrase: "another place, another one"}}))
	second.online()
	if must(second.Credential()).Hash() != must(first.Credential()).Hash() {
		t.Error("the second place has another credential")
	}
	u.enter(u.w.NewPatient(peers.PatientID), nil) // under the second's prekey, published last
	id := second.visiting(practice.VisitWaiting)
	u.eventually("both to have read the mail", func() bool { return u.letters() >= 2 })
	if v := must(first.Visits()); len(v) != 0 {
		t.Errorf("the first place has %d visits", len(v))
	}
	if v := must(first.Doctor()); !v.Online || v.Trouble != nil {
		t.Errorf("the first place: %+v", v)
	}
	must(second.Open(id))
	if warned := strings.Count(u.log.String(), "a message was not accepted"); warned != 0 {
		t.Errorf("%d warnings for mail of the other place", warned)
	}
	first.Lock()
	first.ok(first.Unlock(ours)) // who unlocks publishes a prekey: the next patients come here
	first.online()
	u.enter(u.w.NewPatient("fedcba9876543210fedcba9876543210"), nil)
	first.visiting(practice.VisitWaiting)
	if v := must(second.Visits()); len(v) != 1 || v[0].State != practice.VisitOpen {
		t.Errorf("the second place: %+v", v)
	}
}

// letters counts what was left alone by a place that cannot open it.
func (u *union) letters() int {
	return strings.Count(u.log.String(), "for another workstation")
}

// TestExportHoldsNoPrekey: a file in a drawer must not open recorded messages.
func TestExportHoldsNoPrekey(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	whole := len(must(d.ExportStore("a passphrase for the drawer")))
	if stored := len(d.files.files["store"]); whole >= stored {
		t.Errorf("the export has %d bytes, the store %d", whole, stored)
	}
	if !slices.ContainsFunc(u.traceOf(), func(s message.Sent) bool { return s.Type == message.TypeM0 }) {
		t.Error("the registration was not traced")
	}
}

func (u *union) traceOf() []message.Sent {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.trace)
}

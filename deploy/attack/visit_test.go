package attack_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

var (
	signals   = []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Observation","id":"pulse"}}]}`)
	diagnosis = []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:uuid:6f1d8a51-4c3b-4d55-9d8a-2f1f0a9c7e11","resource":` +
		`{"resourceType":"Condition","id":"c1","code":{"text":"anaemia"},"subject":{"display":"the patient"}}}]}`)
)

// terms are what a patient allows in an ordinary visit: laboratory results of GENERAL
// at both hospitals, the diagnosis to St Anna.
func (u *union) terms() patient.Choices {
	grant := func(h *house) message.Grant {
		return message.Grant{Hospital: h.id, Departments: []message.Code{"GENERAL", "OUTPATIENT"}, Classes: []message.Code{"LAB", "PROBLEM"}}
	}
	return patient.Choices{Department: "OUTPATIENT", Purpose: "TREATMENT", Expires: u.clock.Now().Add(10 * time.Minute), MaxUses: 3,
		Grants: []message.Grant{grant(u.anna), grant(u.bern)}, WriteTo: u.anna.id, MSD: signals}
}

// visit is one consultation between a patient and a doctor.
type visit struct {
	u  *union
	p  *person
	d  *physician
	pv *patient.Visit
	dv *doctor.Visit

	m1, m2, m3 message.Message
	con        message.CON
	consent    message.Hash
}

// begun runs M1 and M2.
func (u *union) begun(p *person, d *physician) *visit {
	u.Helper()
	v := &visit{u: u, p: p, d: d}
	var err error
	v.pv, v.m1, err = p.Begin(p.card(d))
	ok(u, err)
	v.dv, v.m2, err = d.AnswerM1(u.Context(), v.m1)
	ok(u, err)
	ok(u, v.pv.ReceiveM2(v.m2))
	return v
}

// open runs M1 to M3.
func (u *union) open(p *person, d *physician, c patient.Choices) *visit {
	u.Helper()
	v := u.begun(p, d)
	v.share(c)
	ok(u, v.dv.ReceiveM3(v.m3))
	return v
}

func (v *visit) share(c patient.Choices) {
	v.u.Helper()
	given, m3, err := v.pv.Share(c, v.p.uv)
	ok(v.u, err)
	v.m3, v.con, v.consent = m3, given.CON, given.CON.Consent.Hash()
}

// search runs M4 and M5.
func (v *visit) search(mode message.Mode) (*doctor.Search, []doctor.Found) {
	v.u.Helper()
	s, m4, err := v.dv.BeginSearch(mode, v.u.cloudPrekey(v.d.Suite()))
	ok(v.u, err)
	found, err := s.ReceiveM5(v.u.mustAsk(v.u.pc(), m4))
	ok(v.u, err)
	return s, found
}

// session runs M6 and M7.
func (v *visit) session(s *doctor.Search, h *house) *doctor.Session {
	v.u.Helper()
	x, m6, err := s.BeginSession(h.cred, v.u.prekey(h.cred))
	ok(v.u, err)
	ok(v.u, x.ReceiveM7(v.u.mustAsk(h.node, m6)))
	return x
}

// fetch runs M8 and M9.
func (v *visit) fetch(x *doctor.Session, h *house, f message.Filter) *doctor.Release {
	v.u.Helper()
	m8, err := x.M8(f)
	ok(v.u, err)
	pages, err := v.u.send(h.node, m8)
	ok(v.u, err)
	var r *doctor.Release
	for _, p := range pages {
		_, r, err = x.ReceiveM9(p)
		ok(v.u, err)
	}
	return r
}

// store runs M11 and its receipt.
func (v *visit) store(x *doctor.Session, h *house, g *doctor.Diagnosis) doctor.Stored {
	v.u.Helper()
	m11, err := x.M11(g)
	ok(v.u, err)
	s, err := x.ReceiveStored(v.u.mustAsk(h.node, m11))
	ok(v.u, err)
	return s
}

// index runs M12 and its receipt.
func (v *visit) index(s doctor.Stored) {
	v.u.Helper()
	i, m12, err := v.dv.BeginIndexing(s, v.u.cloudPrekey(v.d.Suite()))
	ok(v.u, err)
	_, err = i.ReceiveIndexed(v.u.mustAsk(v.u.pc(), m12))
	ok(v.u, err)
}

// whole runs a visit from M1 to M12.
func (u *union) whole(p *person, d *physician) *visit {
	u.Helper()
	v := u.open(p, d, u.terms())
	s, _ := v.search(message.ModeRead)
	x := v.session(s, u.anna)
	v.fetch(x, u.anna, message.Filter{})
	g := must(v.dv.Diagnose(diagnosis))
	got, err := v.pv.ReceiveM10(must(v.dv.M10()))
	ok(u, err)
	if !bytes.Equal(got.Content, diagnosis) {
		u.Fatal("the diagnosis changed on the way")
	}
	v.index(v.store(x, u.anna, g))
	return v
}

func suites(t *testing.T, test func(*testing.T, ecc.Suite)) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(s.String(), func(t *testing.T) { test(t, s) })
	}
}

// TestHonestParties: registration of all, enrolment at two hospitals, index, M1 to M12,
// a second visit that finds the first one's diagnosis, questions, revocation.
func TestHonestParties(t *testing.T) {
	suites(t, func(t *testing.T, s ecc.Suite) {
		u := newUnion(t, s)
		p, d := u.patient(), u.doctor()
		p.enrol(u.anna, lab("a1", 10), lab("a2", 10))
		p.enrol(u.bern, lab("b1", 10))
		first := u.firstVisit(p, d)
		u.secondVisit(p, u.doctor())
		u.questions(p, first)
		u.revocation(p, d)
	})
}

func (u *union) firstVisit(p *person, d *physician) *visit {
	u.Helper()
	v := u.open(p, d, u.terms())
	if got := must(v.dv.Signals()); !bytes.Equal(got, signals) {
		u.Error("M_SD changed on the way")
	}
	s, found := v.search(message.ModeRead)
	var names []string
	for _, f := range found {
		names = append(names, fmt.Sprint(f.Hospital.Info.ID, f.Departments, f.Classes))
	}
	if got := strings.Join(names, " "); got != "bernhard[GENERAL] [LAB] st-anna[GENERAL] [LAB]" {
		u.Fatalf("found %s", got)
	}
	anna, bern := v.session(s, u.anna), v.session(s, u.bern)
	ra, rb := v.fetch(anna, u.anna, message.Filter{}), v.fetch(bern, u.bern, message.Filter{})
	if a, b := string(ra.Pages[0]), string(rb.Pages[0]); !strings.Contains(a, `"a1"`) || !strings.Contains(a, `"a2"`) || !strings.Contains(b, `"b1"`) {
		u.Errorf("released %s and %s", a, b)
	}
	g := must(v.dv.Diagnose(diagnosis))
	got, err := v.pv.ReceiveM10(must(v.dv.M10()))
	ok(u, err)
	if !bytes.Equal(got.Content, diagnosis) {
		u.Error("the diagnosis changed on the way")
	}
	stored := v.store(anna, u.anna, g)
	if !stored.Indexable() {
		u.Fatal("the diagnosis changed no entry of the consent's department")
	}
	v.index(stored)
	if r := v.fetch(anna, u.anna, message.Filter{Departments: []message.Code{"OUTPATIENT"}}); !strings.Contains(string(r.Pages[0]), "anaemia") {
		u.Error("the session that wrote the diagnosis cannot read it")
	}
	return v
}

func (u *union) secondVisit(p *person, d *physician) {
	u.Helper()
	v := u.open(p, d, u.terms())
	s, found := v.search(message.ModeRead)
	i := slices.IndexFunc(found, func(f doctor.Found) bool { return f.Hospital.Info.ID == u.anna.id })
	if i < 0 || !slices.Contains(found[i].Departments, "OUTPATIENT") || !slices.Contains(found[i].Classes, "PROBLEM") {
		u.Fatalf("the second doctor does not find the first one's diagnosis: %v", found)
	}
	r := v.fetch(v.session(s, u.anna), u.anna, message.Filter{})
	if !strings.Contains(string(r.Pages[0]), "anaemia") || !strings.Contains(string(r.Pages[0]), `"a1"`) {
		u.Errorf("the second doctor read %s", r.Pages[0])
	}
}

func (u *union) questions(p *person, v *visit) {
	u.Helper()
	if n := len(p.receipts(u.anna)); n != 4 { // two releases and the diagnosis, one release
		u.Errorf("%d receipts at St Anna, want 4", n)
	}
	written := must(message.DecodeDiagnoses(p.asks(u.anna, message.Question{Kind: message.AskDiagnoses})))
	if len(written) != 1 {
		u.Fatalf("%d diagnoses", len(written))
	}
	if got, err := p.OpenWritten(written[0]); err != nil || !bytes.Equal(got.Content, diagnosis) {
		u.Errorf("the diagnosis in the record: %v", err)
	}
	if own := p.asks(u.bern, message.Question{Kind: message.AskRecord}); !bytes.Contains(own, []byte(`"b1"`)) {
		u.Errorf("her own record is %s", own)
	}
	if n := p.uses(v.consent); n != 1 {
		u.Errorf("%d uses of the first consent", n)
	}
	entries := must(message.DecodeEntries(p.asksCloud(message.Question{Kind: message.AskEntries})))
	if opened, ignored, err := p.OpenEntries("GENERAL", entries); err != nil || len(opened) != 2 || ignored != 0 {
		u.Errorf("%d entries, %d ignored, %v", len(opened), ignored, err)
	}
}

func (u *union) revocation(p *person, d *physician) {
	u.Helper()
	v := u.open(p, d, u.terms())
	s, _ := v.search(message.ModeRead)
	x := v.session(s, u.anna)
	p.asks(u.anna, message.Question{Kind: message.AskRevoke, Consent: v.consent})
	m8, err := x.M8(message.Filter{})
	ok(u, err)
	u.refused("M8 after the revocation", u.attempt(u.anna.node, m8))
	_, again, err := v.dv.BeginSearch(message.ModeRead, u.cloudPrekey(u.suite))
	ok(u, err)
	u.mustAsk(u.pc(), again) // revoked at the hospital, not here
	p.asksCloud(message.Question{Kind: message.AskRevoke, Consent: v.consent})
	_, again, err = v.dv.BeginSearch(message.ModeRead, u.cloudPrekey(u.suite))
	ok(u, err)
	u.refused("M4 after the revocation", u.attempt(u.pc(), again))
}

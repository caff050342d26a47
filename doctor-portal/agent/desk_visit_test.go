package agent_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"medunion/api/doctorcert"
	"medunion/api/fhirbundle"
	"medunion/api/message"
	"medunion/doctor-portal/internal/peers"
	"medunion/doctor-portal/practice"
)

// refusedAs wants an error with this kind and code.
func refusedAs(t *testing.T, err error, kind, code string) {
	t.Helper()
	p := practice.ProblemOf(err)
	if err == nil || p.Kind != kind || p.Code != code || p.Detail == "" {
		t.Errorf("%v is %+v, want %s %s", err, p, kind, code)
	}
}

func TestDeskVisit(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	v := d.searched(id)
	if v.Patient.ID != string(peers.PatientID) || v.Patient.Verification != practice.KindPassphrase || len(v.Patient.Credential) != 64 {
		t.Errorf("patient %+v", v.Patient)
	}
	if c := v.Consent; c == nil || c.Uses != 1 || c.MaxUses != 3 || len(c.Hash) != 64 || len(c.Grants) != 2 {
		t.Errorf("consent %+v", v.Consent)
	}
	for _, h := range v.Hospitals {
		if h.State != practice.HospitalVerified || h.Signed == 0 || h.Receipt == 0 || fmt.Sprint(h.Held) != "{[GENERAL] [LAB]}" {
			t.Errorf("hospital %+v", h)
		}
	}
	for _, e := range []practice.Event{{Type: "doctor"}, {Type: "visits"}, {Type: "visit", ID: id}} {
		u.eventually("event "+e.Type, func() bool { return d.told(e) })
	}
	d.checkRecords(id)
	if got := must(d.Signals(id)); got != string(peers.Signals) {
		t.Errorf("signals %s", got)
	}
	if v = d.searched(id); v.Consent.Uses != 2 {
		t.Errorf("%d uses after a second search", v.Consent.Uses)
	}
}

func (d *desk) checkRecords(id string) {
	t := d.u.t
	t.Helper()
	all := must(d.Records(id, ""))
	one := must(d.Records(id, string(peers.AnnaID)))
	if len(all.Records) != 3 || len(one.Records) != 2 || len(must(d.Records(id, "nowhere")).Records) != 0 {
		t.Fatalf("%d records, %d of one hospital", len(all.Records), len(one.Records))
	}
	for _, r := range one.Records {
		if string(one.Data[r.Offset:r.Offset+r.Length]) != oddly || r.Type != "Observation" || r.Number < 1 {
			t.Errorf("record %+v", r)
		}
	}
}

// TestDeskWithheld: what the index names and the consent does not grant is said.
func TestDeskWithheld(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	p := u.w.NewPatient(peers.PatientID)
	u.mu.Lock()
	u.w.Cloud.Entries = []message.Entry{u.anna.EntryOf(p, []message.Code{"GENERAL", "SURGERY"}, []message.Code{"GENETIC", "LAB", "PROBLEM"})}
	u.records[peers.AnnaID] = []string{page(oddly)}
	u.mu.Unlock()
	u.enter(p, nil)
	id := d.visiting(practice.VisitWaiting)
	must(d.Open(id))
	h := d.searched(id).Hospitals[0]
	if fmt.Sprint(h.Held) != "{[GENERAL] [LAB]}" || fmt.Sprint(h.Withheld) != "{[SURGERY] [GENETIC PROBLEM]}" {
		t.Errorf("held %v, withheld %v", h.Held, h.Withheld)
	}
}

// TestDeskCancel: what is here stays, what is not is cancelled and asked again.
func TestDeskCancel(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	refusedAs(t, d.Cancel(id), "conflict", "no-search")
	release := u.stall(peers.ElseID)
	d.ok(d.Fetch(id, practice.Filter{}))
	refusedAs(t, d.Fetch(id, practice.Filter{}), "conflict", "search-running")
	u.eventually("the first hospital", func() bool {
		h := must(d.Visit(id)).Hospitals
		return len(h) == 2 && h[0].State == practice.HospitalVerified && h[1].State == practice.HospitalReceiving
	})
	d.ok(d.Cancel(id))
	v := d.ended(id)
	if v.Search.State != practice.SearchCancelled || v.Hospitals[1].State != practice.HospitalCancelled || v.Hospitals[1].Reason.Code != "cancelled" ||
		v.Hospitals[0].State != practice.HospitalVerified {
		t.Errorf("cancelled: %+v %+v", v.Search, v.Hospitals)
	}
	release()
	if got := len(must(d.Records(id, "")).Records); got != 2 {
		t.Errorf("%d records after the cancel", got)
	}
	if v = d.searched(id); v.Hospitals[1].State != practice.HospitalVerified || len(must(d.Records(id, "")).Records) != 3 {
		t.Errorf("asked again: %+v", v.Hospitals)
	}
}

// TestDeskAsksOneHospitalAgain: only the one that is named, under the same ticket as long
// as it opens a session there; a ticket that is spent there costs another use, and what
// failed beside it goes on with the new one.
func TestDeskAsksOneHospitalAgain(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	anna, other := practice.Filter{Hospital: string(peers.AnnaID)}, practice.Filter{Hospital: string(peers.ElseID)}
	refusedAs(t, d.Fetch(id, anna), "conflict", "not-failed")
	u.setDown(peers.AnnaID, peers.ElseID)
	d.expect(practice.Filter{}, id, "st-anna failed, st-else failed", 1)
	u.setDown(peers.AnnaID)
	d.expect(other, id, "st-anna failed, st-else verified", 1)
	refusedAs(t, d.Fetch(id, other), "conflict", "not-failed")
	refusedAs(t, d.Fetch(id, practice.Filter{Hospital: "nobody"}), "conflict", "not-failed")
	if v := must(d.Visit(id)); v.Search.State != practice.SearchDone {
		t.Errorf("a refused call leaves the search %s", v.Search.State)
	}
	u.setDown()
	d.expect(anna, id, "st-anna verified, st-else verified", 1)
	if got := len(must(d.Records(id, "")).Records); got != 3 {
		t.Errorf("%d records", got)
	}
}

// TestDeskAsksOneHospitalAgainWithANewTicket: the ticket is spent at the first hospital
// when its release breaks, and the other one has never been asked under it.
func TestDeskAsksOneHospitalAgainWithANewTicket(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	u.setDown(peers.ElseID)
	u.tamper(func(m []message.Message) []message.Message { return m[:1] })
	d.expect(practice.Filter{}, id, "st-anna failed, st-else failed", 1)
	u.tamper(nil)
	d.expect(practice.Filter{Hospital: string(peers.AnnaID)}, id, "st-anna verified, st-else failed", 2)
	u.setDown()
	d.expect(practice.Filter{Hospital: string(peers.ElseID)}, id, "st-anna verified, st-else verified", 2)
}

// expect fetches and compares the hospitals' states and the uses of the consent.
func (d *desk) expect(f practice.Filter, id, states string, uses int64) {
	d.u.t.Helper()
	d.ok(d.Fetch(id, f))
	v := d.ended(id)
	var got []string
	for _, h := range v.Hospitals {
		got = append(got, h.Hospital+" "+string(h.State))
	}
	if now := strings.Join(got, ", "); now != states || v.Consent.Uses != uses || int64(d.u.searches) != uses {
		d.u.t.Errorf("asking %q again: %s; %d uses, %d searches", f.Hospital, now, v.Consent.Uses, d.u.searches)
	}
}

func draft() practice.Draft {
	return practice.Draft{Code: &practice.Coding{System: "http://snomed.info/sct", Code: "87522002"}, Text: "Iron deficiency anaemia", Note: canary,
		Attachment: &practice.Attachment{Name: "letter.pdf", Type: "application/pdf", Data: []byte("%PDF-1.7 " + canary)}}
}

// TestDeskSignsWhatWasPreviewed: exactly those bytes, over exactly those releases.
func TestDeskSignsWhatWasPreviewed(t *testing.T) {
	u, d, p, id := enteredDesk(t)
	ctx := context.Background()
	_, err := d.Sign(ctx, id, "{}")
	refusedAs(t, err, "conflict", "not-previewed")
	shown := must(d.Preview(id, draft()))
	if shown.Patient != string(peers.PatientID) || shown.WriteTo != string(peers.AnnaID) || len(shown.Releases) != 0 {
		t.Errorf("preview %+v", shown)
	}
	d.searched(id)
	_, err = d.Sign(ctx, id, shown.Bundle)
	refusedAs(t, err, "conflict", "preview-outdated")
	shown = must(d.Preview(id, draft()))
	if len(shown.Releases) != 2 || shown.Releases[0].Receipt == 0 {
		t.Errorf("releases %+v", shown.Releases)
	}
	_, err = d.Sign(ctx, id, strings.Replace(shown.Bundle, "anaemia", "anemia", 1))
	refusedAs(t, err, "conflict", "not-previewed")
	done := must(d.Sign(ctx, id, shown.Bundle))
	if !done.Delivered || done.Stored == nil || done.Indexed == nil || len(done.Failures) != 0 {
		t.Errorf("diagnosis %+v", done)
	}
	letters := u.mail(p, "0-0")
	m10 := must(message.Decode(must(base64.RawURLEncoding.DecodeString(letters[len(letters)-1].Message))))
	body := must(message.DecodeM10(must(message.OpenSession(p.In, m10))))
	if got := must(message.Unsalted(body.Diagnosis)); string(got) != shown.Bundle {
		t.Errorf("signed\n%s, previewed\n%s", got, shown.Bundle)
	}
	checkDocument(t, shown.Bundle)
	_, err = d.Preview(id, draft())
	refusedAs(t, err, "conflict", "already-signed")
	if again := must(d.Sign(ctx, id, shown.Bundle)); !again.Delivered {
		t.Errorf("signed again: %+v", again)
	}
}

// checkDocument finds the attachment, byte for byte.
func checkDocument(t *testing.T, bundle string) {
	t.Helper()
	entries := must(fhirbundle.Split([]byte(bundle)))
	var doc struct {
		Status  string
		Content []struct {
			Attachment struct {
				ContentType, Title string
				Data               []byte
				Size               int
			}
		}
	}
	if err := json.Unmarshal(entries[2].Resource, &doc); err != nil || entries[2].Type != "DocumentReference" || len(doc.Content) != 1 {
		t.Fatalf("%s, %v", entries[2].Resource, err)
	}
	if a := doc.Content[0].Attachment; a.ContentType != "application/pdf" || a.Title != "letter.pdf" || string(a.Data) != "%PDF-1.7 "+canary || a.Size != len(a.Data) {
		t.Errorf("attachment %+v", a)
	}
}

func TestDeskBadDrafts(t *testing.T) {
	_, d, _, id := enteredDesk(t)
	file := func(name, kind string, size int) practice.Draft {
		return practice.Draft{Text: "x", Attachment: &practice.Attachment{Name: name, Type: kind, Data: make([]byte, size)}}
	}
	for name, c := range map[string]struct {
		draft practice.Draft
		code  string
	}{
		"nothing": {practice.Draft{}, "diagnosis-empty"}, "a note alone": {practice.Draft{Note: "x"}, "diagnosis-empty"},
		"no system": {practice.Draft{Code: &practice.Coding{Code: "1"}}, "diagnosis-code"},
		"long":      {practice.Draft{Text: strings.Repeat("x", 1025)}, "diagnosis-long"},
		"not text":  {practice.Draft{Text: "\xff"}, "diagnosis-long"},
		"no name":   {file("", "text/plain", 1), "attachment-invalid"}, "no type": {file("a", "text", 1), "attachment-invalid"},
		"parameters": {file("a", "text/plain; charset=x", 1), "attachment-invalid"}, "empty": {file("a", "text/plain", 0), "attachment-invalid"},
		"large": {file("a", "text/plain", practice.MaxAttachment+1), "attachment-large"},
	} {
		_, err := d.Preview(id, c.draft)
		if p := practice.ProblemOf(err); p.Kind != "invalid" || p.Code != c.code {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if _, err := d.Preview(id, file("a", "text/plain", practice.MaxAttachment)); err != nil {
		t.Errorf("the largest attachment: %v", err)
	}
}

// TestDeskResend: what failed is named with a code, and done later.
func TestDeskResend(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	ctx := context.Background()
	_, err := d.Resend(ctx, id)
	refusedAs(t, err, "conflict", "no-diagnosis")
	u.mu.Lock()
	u.lose = true // the M7 of the session to write in
	u.mu.Unlock()
	done := must(d.Sign(ctx, id, must(d.Preview(id, draft())).Bundle))
	if !done.Delivered || done.Stored != nil || len(done.Failures) != 1 || done.Failures[0].Code != "not-stored" ||
		done.Failures[0].Because != "hospital-silent" {
		t.Errorf("with a lost answer: %+v", done)
	}
	if done = must(d.Resend(ctx, id)); done.Stored == nil || done.Indexed == nil || len(done.Failures) != 0 {
		t.Errorf("sent again: %+v\n%s", done, u.log)
	}
}

// TestDeskEvidence: each signature is verified anew, and the file verifies elsewhere.
func TestDeskEvidence(t *testing.T) {
	u, d, _, id := enteredDesk(t)
	d.searched(id)
	must(d.Sign(context.Background(), id, must(d.Preview(id, draft())).Bundle))
	e := must(d.Evidence(id))
	for _, s := range e.Statements {
		if !s.Verified || s.Why != nil || s.Covers == "unknown" || s.Signer.Role == "" || s.Signer.ID == "" || s.Time == 0 {
			t.Errorf("statement %+v", s)
		}
	}
	if len(e.Statements) != 3+4+1+2*3+1+3 { // the consent's, M1-M5, two hospitals, diagnosis
		t.Errorf("%d statements", len(e.Statements))
	}
	file := must(d.EvidenceFile(id))
	authority := must(doctorcert.NewAuthority(peers.AuthorityName, must(u.w.Authority.JWKS())))
	if got := must(practice.VerifyEvidenceFile(file, u.w.Pins, authority)); fmt.Sprint(got) != fmt.Sprint(e) {
		t.Errorf("offline %+v", got)
	}
	diagnosed := bytes.Index(file, []byte(`"Sig_D5"`))
	bent := bytes.Clone(file)
	at := diagnosed + bytes.Index(file[diagnosed:], []byte(`"signature": "`)) + 20
	bent[at] ^= 1
	got, err := practice.VerifyEvidenceFile(bent, u.w.Pins, authority)
	if err == nil && !hasWhy(got, "signature-invalid") {
		t.Errorf("an altered file: %+v", got)
	}
	for name, f := range map[string]string{"no JSON": "{", "another format": `{"format":"x"}`, "a member more": strings.Replace(string(file), `"format"`, `"more":1,"format"`, 1)} {
		if _, err := practice.VerifyEvidenceFile([]byte(f), u.w.Pins, authority); practice.ProblemOf(err).Kind != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = d.Evidence("0000000000000000")
	refusedAs(t, err, "notFound", "no-evidence")
}

func hasWhy(e practice.Evidence, code string) bool {
	for _, s := range e.Statements {
		if s.Why != nil && s.Why.Code == code {
			return true
		}
	}
	return false
}

// TestDeskDecline: closing a waiting visit; the patient who does not go on.
func TestDeskDecline(t *testing.T) {
	u := newUnion(t)
	d := u.desk().registered()
	u.enter(u.w.NewPatient(peers.PatientID), nil)
	id := d.visiting(practice.VisitWaiting)
	if v := must(d.Close(id)); v.State != practice.VisitClosed || v.Reason.Code != "closed-by-doctor" {
		t.Errorf("%+v", v)
	}
	_, err := d.Open(id)
	refusedAs(t, err, "conflict", "not-waiting")
	refusedAs(t, d.Fetch(id, practice.Filter{}), "conflict", "not-open")
	_, err = d.Visit("ffffffffffffffff")
	refusedAs(t, err, "notFound", "no-visit")
	if e := must(d.Evidence(id)); len(e.Statements) != 6 {
		t.Errorf("%d statements are left", len(e.Statements))
	}
}

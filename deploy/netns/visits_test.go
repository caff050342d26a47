package netns

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"medunion/api/certs/certtest"
	"medunion/api/message"
	"medunion/api/openapi/doctoragent"
	patient "medunion/patient-agent/agent"
)

// books is what the stores of both clouds hold of visits.
type books struct{ consents, tickets, receipts, diagnoses int64 }

func (v *visitors) books() books {
	v.t.Helper()
	c, h := v.atCloud.counts(), v.atHPC.counts()
	return books{c["consents"], h["tickets"], h["receipts"], h["diagnoses"]}
}

func (b books) since(a books) books {
	return books{b.consents - a.consents, b.tickets - a.tickets, b.receipts - a.receipts, b.diagnoses - a.diagnoses}
}

// complete is what one whole visit adds: a consent used at the public cloud, a ticket spent
// at the hospital, a release and a diagnosis in its receipts.
var complete = books{consents: 1, tickets: 1, receipts: 2, diagnoses: 1}

// whole takes a visit from its begin to its end, without a fault, and holds what both sides
// keep of it against each other.
func (v *visitors) whole(t *testing.T) {
	t.Helper()
	v.t = t
	before := v.books()
	atDoctor, atPatient := v.sits()
	if s := v.searched(atDoctor); !whole(s) {
		t.Fatalf("the record does not come: %+v %+v", s.Search, s.Hospitals)
	}
	v.diagnosed(atDoctor)
	v.agree(before, v.closes(atDoctor, atPatient), complete)
}

// diagnosed sends the diagnosis until it is stored and indexed, which without a fault is at
// once.
func (v *visitors) diagnosed(id string) {
	v.t.Helper()
	v.until("the diagnosis to be stored", func() bool {
		r := v.diagnose(id)
		return r.Delivered && r.Stored != nil && r.Indexed != nil && len(r.Failures) == 0
	})
}

// agree holds the stores of both clouds and what the patient has against each other: the
// visit is in all of them, once.
func (v *visitors) agree(before books, seen patient.Visit, want books) {
	v.t.Helper()
	got := v.books().since(before)
	if got.tickets > want.tickets && got.tickets <= 3 {
		got.tickets = want.tickets // a session that broke is opened anew, which spends another
	}
	if got != want {
		v.t.Errorf("the stores have more by %+v, not %+v", got, want)
	}
	list, unanswered, err := v.p.Patient.Diagnoses(v.t.Context())
	ok(v.t, err)
	of := slices.DeleteFunc(list, func(d patient.Diagnosis) bool { return d.Consent != *seen.Consent })
	if len(unanswered) > 0 || len(of) != 1 || !of[0].FromVisit || len(of[0].StoredAt) != 1 || of[0].StoredAt[0].Hospital != hospitalID {
		v.t.Errorf("%d diagnoses of the visit, hospitals without an answer: %v", len(of), unanswered)
	}
	releases, err := v.p.Patient.Releases(v.t.Context())
	if err != nil || !releases.Complete {
		v.t.Errorf("the hospital's receipts: %+v, %v", releases, err)
	}
	uses, err := v.p.Patient.Uses(v.t.Context(), *seen.Consent)
	if err != nil || len(uses) == 0 {
		v.t.Errorf("uses of the consent: %d, %v", len(uses), err)
	}
}

// refused says that a search, or a diagnosis, ended in a word to the doctor, and that the
// hospital holds nothing of it.
func (v *visitors) untouched(before books) {
	v.t.Helper()
	got := v.books().since(before)
	if got.tickets+got.receipts+got.diagnoses != 0 {
		v.t.Errorf("of a refused step the hospital keeps %+v", got)
	}
}

// Both clouds in namespaces of their own: visits that nothing disturbs, and visits that are
// cut, slowed, half deaf or not let in. Each ends completed, or refused with nothing kept at
// the hospital, and after the fault the same visit goes on and a new one completes.
func TestTwoClouds(t *testing.T) {
	v := meet(t)
	for _, scenario := range []struct {
		name string
		run  func(*visitors)
	}{
		{"a visit", func(*visitors) {}},
		{"callers that are no peers", (*visitors).strangers},
		{"partition before the search", (*visitors).partitionBeforeSearch},
		{"partition before the diagnosis", (*visitors).partitionBeforeDiagnosis},
		{"answers are lost", (*visitors).oneWayLoss},
		{"partition while the record comes", (*visitors).partitionInTheRecord},
		{"a slow wire", (*visitors).latency},
		{"a peer's certificate ends", (*visitors).expiry},
		{"the hospital's certificate ends", (*visitors).hospitalExpiry},
		{"a peer's key is exchanged", (*visitors).rotation},
	} {
		done := t.Run(scenario.name, func(t *testing.T) {
			v.t = t
			scenario.run(v)
			v.t = t
			v.whole(t)
		})
		if !done {
			for name, p := range v.services {
				t.Logf("%s said:\n%s", name, p.said())
			}
			t.FailNow()
		}
	}
	v.t = t
	v.audit()
}

// Whoever shows no certificate of a listed peer is refused where only peers may call,
// whatever it says.
func (v *visitors) strangers() {
	for _, url := range []string{cloudURL + "/v1/index-entries", cloudURL + "/v1/searches", cloudURL + "/v1/diagnosis-entries", hospitalURL + "/v1/sessions",
		hospitalURL + "/v1/releases", hospitalURL + "/v1/diagnoses"} {
		if status, body := v.post(url, "", "application/json", []byte(`{"message":"AAAA"}`)); status != http.StatusForbidden {
			v.t.Errorf("%s: %d %s", url, status, body)
		}
	}
	// What devices call is open: the message alone is wrong.
	for _, url := range []string{cloudURL + "/v1/questions", hospitalURL + "/v1/questions", hospitalURL + "/v1/enrolments"} {
		if status, body := v.post(url, "", "application/json", []byte(`{"message":"AAAA"}`)); status != http.StatusBadRequest {
			v.t.Errorf("%s: %d %s", url, status, body)
		}
	}
}

// apart cuts the clouds from each other in both directions.
func (v *visitors) apart() {
	v.net.cut(v.t, cloud, "to-hospital")
	v.net.cut(v.t, hospital, "to-cloud")
}

// The search is answered by the public cloud, and the hospital is away: the doctor reads so,
// the hospital knows of nothing. When it is back the same visit goes on.
func (v *visitors) partitionBeforeSearch() {
	before := v.books()
	atDoctor, atPatient := v.sits()
	v.apart()
	if s := v.searched(atDoctor); whole(s) || len(s.Hospitals) != 1 || s.Hospitals[0].Reason == nil {
		v.t.Errorf("with the hospital away: %+v %+v", s.Search, s.Hospitals)
	}
	v.untouched(before)
	v.net.heal(v.t, cloud, hospital)
	v.until("the record", func() bool { return whole(v.searched(atDoctor)) })
	v.diagnosed(atDoctor)
	v.agree(before, v.closes(atDoctor, atPatient), complete)
}

// The record has come and the hospital is away when the diagnosis is sent: the patient has
// it, the doctor reads that it is not stored, and after the partition it is, once.
func (v *visitors) partitionBeforeDiagnosis() {
	before := v.books()
	atDoctor, atPatient := v.sits()
	if s := v.searched(atDoctor); !whole(s) {
		v.t.Fatalf("the record does not come: %+v %+v", s.Search, s.Hospitals)
	}
	v.apart()
	if r := v.diagnose(atDoctor); r.Stored != nil || r.Indexed != nil || len(r.Failures) == 0 {
		v.t.Errorf("with the hospital away: %+v", r)
	}
	if got := v.books().since(before); got.diagnoses != 0 {
		v.t.Errorf("the hospital keeps %+v", got)
	}
	v.net.heal(v.t, cloud, hospital)
	v.diagnosed(atDoctor)
	v.agree(before, v.closes(atDoctor, atPatient), complete)
}

// The hospital hears and is not heard: it stores the diagnosis, and its answer is lost. The
// doctor reads that he does not know; he sends again, and it is stored once.
func (v *visitors) oneWayLoss() {
	before := v.books()
	atDoctor, atPatient := v.sits()
	if s := v.searched(atDoctor); !whole(s) {
		v.t.Fatalf("the record does not come: %+v %+v", s.Search, s.Hospitals)
	}
	v.net.cut(v.t, cloud, "to-hospital")
	if r := v.diagnose(atDoctor); r.Stored != nil || r.Indexed != nil || len(r.Failures) == 0 {
		v.t.Errorf("without the hospital's answer: %+v", r)
	}
	if got := v.books().since(before); got.diagnoses != 1 {
		v.t.Errorf("the hospital, which heard everything, keeps %+v", got)
	}
	v.net.heal(v.t, cloud)
	v.diagnosed(atDoctor)
	v.agree(before, v.closes(atDoctor, atPatient), complete)
}

// The record is on its way when the clouds lose each other: the hospital's receipt says so,
// and the doctor, who has not got its signed end, has nothing of it. After the partition he
// asks again; the hospital's receipts then tell both releases.
func (v *visitors) partitionInTheRecord() {
	v.net.slow(v.t, cloud, hospital, 300*time.Millisecond, 10*time.Millisecond)
	before := v.books()
	atDoctor, atPatient := v.sits()
	_, err := v.p.Doctor.FetchRecords(atDoctor, message.Filter{})
	ok(v.t, err)
	v.until("the release", func() bool { return v.books().since(before).receipts == 1 })
	v.net.cut(v.t, cloud, "slow")
	v.net.cut(v.t, hospital, "slow")
	s := v.ended(atDoctor)
	records, err := v.p.Doctor.Records(atDoctor)
	if whole(s) || len(s.Hospitals) != 1 || s.Hospitals[0].Reason == nil || len(records) > 0 {
		v.t.Errorf("with half a record: %+v %+v, %d resources, %v", s.Search, s.Hospitals, len(records), err)
	}
	v.net.heal(v.t, cloud, hospital)
	v.until("the record", func() bool { return whole(v.searched(atDoctor)) })
	v.diagnosed(atDoctor)
	seen, twice := v.closes(atDoctor, atPatient), complete
	twice.receipts = v.books().since(before).receipts
	if twice.receipts < 3 {
		v.t.Errorf("the hospital tells of %d releases and diagnoses, and there were two and one at least", twice.receipts)
	}
	v.agree(before, seen, twice)
}

// Half a second there and back between the clouds, and never the same: slower, not other.
func (v *visitors) latency() {
	v.net.slow(v.t, cloud, hospital, 200*time.Millisecond, 50*time.Millisecond)
	v.whole(v.t)
}

// The portal's client certificate ends while it runs: neither cloud lets it in, which the
// doctor reads. Nothing is counted or kept. A renewed certificate over the same key is taken
// without a restart, and the same visit goes on.
func (v *visitors) expiry() {
	before := v.books()
	p := v.pairs["portal-peer"]
	end := time.Now().Add(4 * time.Second).Truncate(time.Second)
	p.Renew(time.Now().Add(-time.Hour), end)
	v.services["doctor-portal"].hangup()
	atDoctor, atPatient := v.sits()
	v.until("the end of the certificate", func() bool { return time.Now().After(end.Add(time.Second)) })
	s := v.searched(atDoctor)
	if s.Search.State != doctoragent.SearchStateFailed || s.Search.Reason == nil {
		v.t.Errorf("with an expired certificate: %+v %+v", s.Search, s.Hospitals)
	}
	if got := v.books().since(before); got != (books{}) {
		v.t.Errorf("of a refused search the stores keep %+v", got)
	}
	p.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	v.services["doctor-portal"].hangup()
	v.until("the record", func() bool { return whole(v.searched(atDoctor)) })
	v.diagnosed(atDoctor)
	v.agree(before, v.closes(atDoctor, atPatient), complete)
}

// The hospital's client certificate ends: what it writes into the index waits there, and goes
// out once the certificate is renewed, without a restart and without a second import.
func (v *visitors) hospitalExpiry() {
	p := v.pairs["hospital-peer"]
	end := time.Now().Add(2 * time.Second).Truncate(time.Second)
	p.Renew(time.Now().Add(-time.Hour), end)
	v.services["privatecloud"].hangup()
	v.until("the end of the certificate", func() bool { return time.Now().After(end.Add(time.Second)) })
	before := v.atCloud.counts()["entries"]
	v.desk("/fhir/bundles", "application/fhir+json", v.later())
	v.until("the hospital to say so", func() bool { return v.services["privatecloud"].logged("index entries were not published") })
	if n := v.atCloud.counts()["entries"]; n != before {
		v.t.Errorf("%d index entries were written with an expired certificate", n-before)
	}
	p.Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	v.services["privatecloud"].hangup()
	v.until("the index entry", func() bool { return v.atCloud.counts()["entries"] > before })
}

// later is a Bundle with one more result of the patient's, younger than all others.
func (v *visitors) later() []byte {
	patient := v.plan.File.Patient()
	return fmt.Appendf(nil, `{"resourceType":"Bundle","type":"collection","entry":[{"resource":%s},{"resource":{"resourceType":"Observation","id":"netns-later","status":"final",`+
		`"code":{"text":"weight"},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q}}]}`, patient.Raw, patient.ID, time.Now().UTC().Format(time.RFC3339))
}

// The hospital's listener gets another key, and the portal another by which the clouds know
// it: first both lists name the next key, then it is used, then the old one is taken off.
// Nothing is restarted, and visits complete in each step.
func (v *visitors) rotation() {
	t := v.t
	v.pairs[hospital].Rekey()
	v.pairs[hospital].Renew(time.Now().Add(-time.Hour), time.Now().Add(time.Hour), address[hospital])
	v.services["privatecloud"].hangup()
	portal := v.pairs["portal-peer"]
	old := portal.Pin()
	next := certtest.New(t, v.dir, "portal-next")
	v.list(old, next.Pin())
	v.whole(t)
	for from, to := range map[string]string{next.Cert: portal.Cert, next.Key: portal.Key} {
		ok(t, certtest.Replace(to, must(os.ReadFile(from))))
	}
	v.services["doctor-portal"].hangup()
	v.whole(t)
	v.list(next.Pin())
}

// audit lets the hospital verify its chained trail and export it, beside the service.
func (v *visitors) audit() {
	out := v.path("audit.ndjson")
	c := v.net.in(hospital, "privatecloud", slices.Concat([]string{"audit", "export", "--out=" + out, "--id=" + string(hospitalID), "--keys=" + v.path("hospital.keys")},
		v.shows("hospital-peer"), v.keeps(v.atHPC), v.trusts())...)
	ok(v.t, command(c))
	if b := must(os.ReadFile(out)); len(b) == 0 {
		v.t.Error("the trail is empty")
	}
}

package system_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// m4 is a search, for what is refused.
func (x *tester) m4(visit string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, also(object{"step": "M4", "visit": visit, "mode": "read"}, more)).Message
}

func (x *tester) m8(session string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, also(object{"step": "M8", "session": session}, more)).Message
}

func (x *tester) m6(search string, more object) string {
	x.Helper()
	return x.prepare(x.doctor, also(object{"step": "M6", "search": search, "hospital": string(x.s.Hospitals[0].ID)}, more)).Message
}

// times: a message is as old as its signer says.
func (x *tester) times(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	search := x.search(visit)
	session, home := x.session(search, 0), x.s.Hospitals[0].URL
	for what, ms := range map[string]int{"a minute ago": -60_000, "the future": 60_000} {
		shift := object{"time": ms}
		x.sends("M4 from "+what, x.s.Cloud+"/v1/searches", x.m4(visit, shift), 422, "stale")
		x.sends("M6 from "+what, home+"/v1/sessions", x.m6(search, shift), 422, "stale")
		x.sends("M8 from "+what, home+"/v1/releases", x.m8(session, shift), 422, "stale")
		m11 := x.prepare(x.doctor, object{"step": "M11", "session": session, "text": "Gout", "time": ms}).Message
		x.sends("M11 from "+what, home+"/v1/diagnoses", m11, 422, "stale")
		ask := x.prepare(x.patient, object{"step": "hospital-question", "identity": her, "hospital": "hospital-1", "question": "releases", "time": ms}).Message
		x.sends("a question from "+what, home+"/v1/questions", ask, 422, "stale")
	}
	pages := x.sends("M8 after all", home+"/v1/releases", x.m8(session, nil), 200, "")
	x.opened(x.doctor, session, pages[0], "M9", "page")
}

// refusals are of what is used twice, or where it does not belong.
func (x *tester) refusals(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	other, _ := x.visit(her, x.terms(time.Hour, 0))
	anna, beth := x.s.Hospitals[0].URL, x.s.Hospitals[1].URL
	first := x.m4(visit, nil)
	x.sends("M4", x.s.Cloud+"/v1/searches", first, 200, "")
	x.sends("M4 once more", x.s.Cloud+"/v1/searches", first, 403, "refused")

	ticket, foreign := x.search(visit), x.search(other)
	x.sends("M6 for another hospital", beth+"/v1/sessions", x.m6(ticket, nil), 403, "refused")
	session := x.session(ticket, 0)
	x.sends("M6 with a spent ticket", anna+"/v1/sessions", x.m6(ticket, nil), 403, "refused")
	x.sends("M8 at another hospital", beth+"/v1/releases", x.m8(session, nil), 403, "refused")
	x.sends("M8 with the ticket of another visit", anna+"/v1/releases", x.m8(session, object{"ticket": foreign}), 403, "refused")
	x.sends("M8 with the consent of another visit", anna+"/v1/releases", x.m8(session, object{"consent": other}), 403, "refused")

	// The public cloud was asked under another consent than the hospital is shown.
	skipped := x.prepare(x.doctor, object{"step": "M6", "search": foreign, "hospital": "hospital-1", "consent": visit})
	x.opened(x.doctor, skipped.Handle, x.sends("M6 with a foreign ticket", anna+"/v1/sessions", skipped.Message, 200, "")[0], "M7", "session")
	x.sends("M8 without a search", anna+"/v1/releases", x.m8(skipped.Handle, object{"consent": visit}), 403, "refused")
	ungranted := x.session(x.search(visit), 1)
	x.sends("M8 at a hospital that the consent does not name", beth+"/v1/releases", x.m8(ungranted, nil), 403, "refused")
}

// outside: a filter cannot widen the consent, nor the consent cover an entry that it does not name.
func (x *tester) outside(her string) {
	narrow := x.terms(time.Hour, 0)
	narrow["grants"] = []object{{"hospital": "hospital-1", "departments": []string{"GENERAL"}, "classes": []string{"VITAL"}}}
	visit, _ := x.visit(her, narrow)
	session, home := x.session(x.search(visit), 0), x.s.Hospitals[0]
	pages := x.sends("M8 for more than is granted", home.URL+"/v1/releases", x.m8(session, object{"filter": object{"classes": []string{"LAB"}}}), 200, "")
	if p := x.opened(x.doctor, session, pages[0], "M9", "page"); p["resources"] != 0.0 {
		x.Errorf("released: %v", p)
	}
	_, stored := x.exchange(x.doctor, object{"step": "M11", "session": session, "text": "Migraine"}, home.URL+"/v1/diagnoses", 200, "M11R", "stored")
	if stored["entry"] != true || stored["indexable"] != false {
		x.Errorf("M11: %v", stored)
	}
	m12 := x.prepare(x.doctor, object{"step": "M12", "session": session}).Message
	x.sends("M12 of an entry that the consent does not name", x.s.Cloud+"/v1/diagnosis-entries", m12, 403, "refused")
}

func also(q, more object) object {
	for k, v := range more {
		q[k] = v
	}
	return q
}

// revoked: at the public cloud and at the hospital.
func (x *tester) revoked(her string) {
	visit, consent := x.visit(her, x.terms(time.Hour, 0))
	anna := x.s.Hospitals[0]
	session := x.session(x.search(visit), 0)
	x.asked(object{"step": "hospital-question", "identity": her, "hospital": string(anna.ID), "question": "revoke", "consent": consent}, anna.URL)
	x.sends("M8 under a revoked consent", anna.URL+"/v1/releases", x.m8(session, nil), 403, "refused")
	x.asked(object{"step": "cloud-question", "identity": her, "department": "GENERAL", "question": "revoke", "consent": consent}, x.s.Cloud)
	x.sends("M4 under a revoked consent", x.s.Cloud+"/v1/searches", x.m4(visit, nil), 403, "refused")
}

// over: a consent that is used up, and one whose time is over.
func (x *tester) over(her string) {
	once := x.terms(time.Hour, 0)
	once["maxUses"] = 1
	used, _ := x.visit(her, once)
	x.sends("the one search", x.s.Cloud+"/v1/searches", x.m4(used, nil), 200, "")
	x.sends("a search too many", x.s.Cloud+"/v1/searches", x.m4(used, nil), 403, "refused")
	ends := time.Now().Add(3 * time.Second)
	short, _ := x.visit(her, x.terms(3*time.Second, 0))
	time.Sleep(time.Until(ends) + 100*time.Millisecond)
	x.sends("M4 under a consent that is over", x.s.Cloud+"/v1/searches", x.m4(short, nil), 403, "refused")
}

// certified has a doctor certified, always of the same licence, and makes M0.
func (x *tester) certified(id string) (q prepared, m0 func() string) {
	q = x.prepare(x.doctor, object{"step": "certificate-request", "id": id, "person": object{"authority": x.at.Authority, "licence": "L-1",
		"name": "Thrown Away", "departments": []string{"SURGERY"}}})
	jwt, err := x.s.Certify(x.Context(), q.Request)
	ok(x, err)
	return q, func() string {
		return x.prepare(x.doctor, object{"step": "M0", "doctor": q.Handle, "certificate": jwt, "challenge": x.challenge()}).Message
	}
}

// registrations are a doctor's M0, and prekeys.
func (x *tester) registrations(string) {
	q, m0 := x.certified("dr-thrown-away")
	reply := x.sends("M0", x.s.Cloud+"/v1/registrations", m0(), 201, "")
	if len(reply) != 1 || x.opened(x.doctor, q.Handle, reply[0], "M0", "registration")["id"] != "dr-thrown-away" {
		x.Errorf("registered: %v", reply)
	}
	x.sends("the same doctor renews", x.s.Cloud+"/v1/registrations", m0(), 201, "")
	_, other := x.certified("dr-somebody-else")
	x.sends("another doctor of the licence", x.s.Cloud+"/v1/registrations", other(), 409, "conflict")
	for _, c := range []struct{ time, status int }{{0, 204}, {-600_000, 409}, {-100_000_000, 422}} {
		p := x.prepare(x.doctor, object{"step": "prekey", "doctor": q.Handle, "time": c.time})
		a, err := call(x.Context(), http.MethodPut, x.s.Cloud+"/v1/prekeys", "", "application/json", must(json.Marshal(object{"signed": p.Signed})))
		if err != nil || a.status != c.status {
			x.Errorf("prekey %d: %v %d %s", c.time, err, a.status, a.body)
		}
	}
	if own := x.prepare(x.doctor, object{"step": "prekey"}); own.Signed == "" {
		x.Error("no prekey of the agent's own")
	}
}

// indexWrites are a hospital's own.
func (x *tester) indexWrites(string) {
	entries, admin := x.s.Cloud+"/v1/index-entries", x.admin(0)
	m, _ := x.exchange(admin, object{}, entries, 200, "M12R", "")
	x.sends("the entry once more", entries, m.Message, 403, "refused")
	x.sends("an index write from a minute ago", entries, x.prepare(admin, object{"time": -60_000}).Message, 422, "stale")
	x.sends("an entry older than the one stored", entries, x.prepare(admin, object{"handle": m.Handle, "entryTime": -60_000}).Message, 409, "conflict")
	x.exchange(admin, object{"handle": m.Handle}, entries, 200, "M12R", "")
}

// replies: one that does not verify is refused, and a step that is not next is a conflict.
func (x *tester) replies(her string) {
	visit, _ := x.visit(her, x.terms(time.Hour, 0))
	m4 := x.prepare(x.doctor, object{"step": "M4", "visit": visit, "mode": "read"})
	m5 := x.sends("M4", x.s.Cloud+"/v1/searches", m4.Message, 200, "")[0]
	b := must(base64.RawURLEncoding.DecodeString(m5))
	b[len(b)-1] ^= 1
	early := x.prepare(x.doctor, object{"step": "M4", "visit": visit, "mode": "write"})
	for what, c := range map[string]struct {
		path   string
		body   object
		status int
	}{
		"a changed M5":        {"replies", object{"handle": m4.Handle, "message": encode(b)}, 403},
		"M5 of another":       {"replies", object{"handle": early.Handle, "message": m5}, 403},
		"no such handle":      {"replies", object{"handle": strings.Repeat("0", 32), "message": m5}, 404},
		"M6 before M5":        {"messages", object{"step": "M6", "search": early.Handle, "hospital": "hospital-1"}, 409},
		"M8 of a search":      {"messages", object{"step": "M8", "session": m4.Handle}, 404},
		"an unknown step":     {"messages", object{"step": "M7"}, 400},
		"a member too many":   {"messages", object{"step": "M4", "visit": visit, "mode": "read", "session": m4.Handle}, 400},
		"an unknown visit":    {"messages", object{"step": "M4", "visit": strings.Repeat("0", 16), "mode": "read"}, 404},
		"an unknown hospital": {"messages", object{"step": "M6", "search": m4.Handle, "hospital": "nowhere"}, 409},
	} {
		a, err := call(context.Background(), http.MethodPost, x.doctor.url+"/v1/development/"+c.path, x.doctor.bearer, "application/json", must(json.Marshal(c.body)))
		if err != nil || a.status != c.status {
			x.Errorf("%s: %v %d %s", what, err, a.status, a.body)
		}
	}
}

package system_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/mongodb"
	"medunion/api/problem"
	"medunion/api/strictjson"
	"medunion/ecc"
)

// spoken is a word that bad requests carry wherever they can.
const spoken = "Zanzibarquartz"

// bad is one bad request and the problem that must answer it.
type bad struct {
	name        string
	method, url string
	bearer      string
	capability  string
	kind        string // content type
	body        []byte
	length      int64 // announced instead of the body's, which is then held back
	coding      string
	want        problem.Kind
}

// Bad input at every address that takes messages, at the administrations and at the
// portal: one problem document each, nothing changed, nothing of it logged.
func TestBadInputEverywhere(t *testing.T) {
	heavy(t)
	w := visited(t)
	s := newStrangers(t, w.at, "nobody")
	before := quiet(t, w)
	logged := len(w.log.from(0))
	n := 0
	for _, e := range s.endpoints() {
		for _, b := range e.bad(t) {
			n++
			b.check(t, e.name)
		}
	}
	for _, b := range s.plain() {
		n++
		b.check(t, "plain")
	}
	t.Logf("%d bad requests", n)
	unchanged(t, before, quiet(t, w))
	s.silent(t, w.log.from(logged))
	s.good(t)
}

func (e endpoint) bad(t *testing.T) []bad {
	now := time.Now()
	raw := e.build(now, nil)
	wrap := func(text string) []byte { return fmt.Appendf(nil, `{%q:%q}`, e.member, text) }
	with := func(name string, want problem.Kind, body []byte) bad {
		return bad{name: name, method: e.method, url: e.url, bearer: e.bearer, capability: e.capability, kind: "application/json", body: body, want: want}
	}
	invalid := func(name string, body []byte) bad { return with(name, problem.KindInvalid, body) }
	good := wrap(encode(raw))
	list := []bad{
		invalid("no body", nil), invalid("no JSON", []byte(spoken)), invalid("an array", []byte("[]")), invalid("empty", []byte("{}")),
		invalid("unknown member", []byte(strings.Replace(string(good), "{", `{"`+spoken+`":1,`, 1))),
		invalid("member twice", []byte(strings.Replace(string(good), "{", string(good[:len(good)-1])+",", 1))),
		invalid("wrong type", fmt.Appendf(nil, `{%q:1}`, e.member)), invalid("null", fmt.Appendf(nil, `{%q:null}`, e.member)),
		invalid("JSON behind it", append(bytes.Clone(good), `{}`...)), invalid("half of the JSON", good[:len(good)/2]),
		invalid("no bytes", wrap("")), invalid("padding", wrap("AAA=")), invalid("stray bits", wrap("AAB")), invalid("line break", wrap("AA\nAA")),
		invalid("the other alphabet", wrap("+/+/")), invalid("one character", wrap("A")), invalid("a word", wrap(spoken)),
		invalid("truncated", wrap(encode(raw[:len(raw)-1]))), invalid("trailing", wrap(encode(append(bytes.Clone(raw), 0)))),
		invalid("half", wrap(encode(raw[:len(raw)/2]))), invalid("zeros", wrap(encode(make([]byte, 200)))),
		with("another address' message", problem.KindInvalid, wrap(encode(e.foreign()))),
	}
	too := with("oversized", problem.KindTooLarge, nil)
	too.length = 70 << 20
	plain := with("plain text", problem.KindUnsupportedMedia, good)
	plain.kind = "text/plain"
	untyped := with("no content type", problem.KindUnsupportedMedia, good)
	untyped.kind = ""
	zipped := with("compressed", problem.KindUnsupportedMedia, good)
	zipped.coding = "gzip"
	method := with("wrong method", problem.KindMethodNotAllowed, good)
	method.method = http.MethodPatch
	path := with("unknown path", problem.KindNotFound, good)
	path.url += spoken
	list = append(list, too, plain, untyped, zipped, method, path)
	if e.bearer != "" || e.capability != "" {
		list = append(list, e.unauthenticated(with, good)...)
	}
	return append(list, e.timedAndPointed(t, now, with, wrap)...)
}

// foreign is canonical, and of a type that this address does not take.
func (e endpoint) foreign() []byte {
	if e.member == "signed" {
		return must(json.Marshal(spoken))
	}
	h := must(message.NewHeader(rand.Reader, ecc.SuiteX25519, message.TypeM7, [16]byte{5}, message.MillisOf(time.Now())))
	return message.Message{Header: h, Ciphertext: make([]byte, 100)}.Encode()
}

func (e endpoint) unauthenticated(with func(string, problem.Kind, []byte) bad, good []byte) []bad {
	none := with("no token", problem.KindUnauthenticated, good)
	none.bearer, none.capability = "", ""
	forged := with("forged token", problem.KindUnauthenticated, good)
	forged.bearer, forged.capability = e.bearer+"A", spoken
	return []bad{none, forged}
}

func (e endpoint) timedAndPointed(t *testing.T, now time.Time, with func(string, problem.Kind, []byte) bad, wrap func(string) []byte) (list []bad) {
	if e.timed {
		list = append(list, with("stale", problem.KindStale, wrap(encode(e.build(now.Add(-time.Minute), nil)))),
			with("ahead of time", problem.KindStale, wrap(encode(e.build(now.Add(time.Minute), nil)))))
	}
	if e.point == nil {
		return list
	}
	for name, x := range map[string][]byte{"the identity as a point": make([]byte, 32), "no canonical point": bytes.Repeat([]byte{0xff}, 32)} {
		raw := e.build(now, func(body []byte) []byte {
			if !bytes.Contains(body, e.point) {
				t.Errorf("%s: the body has no such point", e.name)
			}
			return bytes.Replace(body, e.point, x, 1)
		})
		list = append(list, with(name, e.pointed, wrap(encode(raw))))
	}
	return list
}

// check sends the request and holds the answer against RFC 9457 and what is wanted.
func (b bad) check(t *testing.T, where string) {
	t.Helper()
	a, err := b.send(t.Context())
	if err != nil {
		t.Errorf("%s, %s: %v", where, b.name, err)
		return
	}
	var doc problem.Document
	p, perr := problem.Parse(a.body)
	switch {
	case perr != nil || strictjson.Decode(a.body, &doc) != nil:
		t.Errorf("%s, %s: %d, no problem document: %.200s", where, b.name, a.status, a.body)
	case p.Kind != b.want || a.status != b.want.Status() || doc.Status != a.status:
		t.Errorf("%s, %s: %d %s, want %s", where, b.name, a.status, a.body, b.want)
	case a.header.Get("Content-Type") != problem.MediaType || !strings.HasPrefix(doc.Instance, "urn:") || doc.Title != b.want.Title():
		t.Errorf("%s, %s: %v %+v", where, b.name, a.header, doc)
	case b.want == problem.KindStale && time.Since(p.Now).Abs() > 10*time.Second:
		t.Errorf("%s, %s: the server says it is %s", where, b.name, doc.Now)
	case bytes.Contains(a.body, []byte(spoken)):
		t.Errorf("%s, %s: the problem repeats the request", where, b.name)
	}
}

func (b bad) send(ctx context.Context) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, b.method, b.url, bytes.NewReader(b.body))
	if err != nil {
		return answer{}, err
	}
	if b.length > 0 {
		r.Body, r.ContentLength = io.NopCloser(io.LimitReader(zeros{}, b.length)), b.length
		r.Header.Set("Expect", "100-continue") // the refusal comes before the body goes
	}
	for name, v := range map[string]string{"Content-Type": b.kind, "Content-Encoding": b.coding, "Visit-Capability": b.capability} {
		if v != "" {
			r.Header.Set(name, v)
		}
	}
	if b.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+b.bearer)
	}
	return do(r)
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// quiet waits until the stores do not change by themselves, and dumps them. The audit
// trail and the counts of wrong desk codes tell of refusals, as they must.
func quiet(t *testing.T, w *visitedSuite) map[string]string {
	t.Helper()
	var last map[string]string
	for same := 0; same < 5; {
		now := map[string]string{}
		for _, db := range []string{"publiccloud", "hospital-1", "hospital-2"} {
			docs, err := dumpDatabase(t.Context(), w.s.Mongo, db)
			ok(t, err)
			for _, d := range docs {
				if d.collection != "audit" && d.collection != "tries" && d.collection != mongodb.Keyring { // there instances say now and then that they are there
					now[fmt.Sprintf("%s.%s %x", db, d.collection, d.raw)] = ""
				}
			}
		}
		if same++; fmt.Sprint(now) != fmt.Sprint(last) {
			same = 0
		}
		last = now
		time.Sleep(100 * time.Millisecond)
	}
	return last
}

func unchanged(t *testing.T, before, after map[string]string) {
	t.Helper()
	if len(before) < 100 {
		t.Errorf("only %d documents were compared", len(before))
	}
	for d := range after {
		if _, was := before[d]; !was {
			t.Errorf("written by bad input: %.60s", d)
		}
	}
	for d := range before {
		if _, is := after[d]; !is {
			t.Errorf("deleted by bad input: %.60s", d)
		}
	}
}

// silent: the log has lines of the bad requests and names nobody.
func (s *strangers) silent(t *testing.T, log []byte) {
	t.Helper()
	needles := []needle{needleOf("a word of the requests", []byte(spoken)), needleOf("the session token", []byte(s.session)),
		needleOf("the operator's token", []byte(s.at.Operator)), needleOf("the importer's token", []byte(s.at.Hospitals[0].Token))}
	for _, x := range []*registrant{s.patient, s.doctor} {
		c := x.credential.Hash()
		needles = append(needles, needleOf("ID of "+string(x.role), []byte(x.id)), needleOf("c of "+string(x.role), c[:]))
	}
	l := s.openC.Locators[0]
	needles = append(needles, needleOf("L", l[:]))
	if found := in(log, needles); len(found) > 0 {
		t.Errorf("the log tells %q", found)
	}
	if n := bytes.Count(log, []byte(`"status":4`)); n < 300 {
		t.Errorf("the log has %d lines of refused requests", n)
	}
}

// good shows that what was spoilt would have been taken, or refused by a later check:
// the bad input was bad in the one way only.
func (s *strangers) good(t *testing.T) {
	for _, e := range s.endpoints() {
		body := fmt.Appendf(nil, `{%q:%q}`, e.member, encode(e.build(time.Now(), nil)))
		a, err := bad{method: e.method, url: e.url, bearer: e.bearer, capability: e.capability, kind: "application/json", body: body}.send(t.Context())
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		} else if a.status >= 300 && a.status != http.StatusForbidden && a.status != http.StatusConflict {
			t.Errorf("%s: a good message is answered by %d %s", e.name, a.status, a.body)
		}
	}
}

// plain are bad requests at the addresses that take no messages.
func (s *strangers) plain() []bad {
	admin, token := s.at.Hospitals[0].Admin, s.at.Hospitals[0].Token
	revoke, desk := s.at.Cloud+"/v1/operator/revocations", admin+"/v1/desk-codes"
	hash := strings.Repeat("ab", 32)
	post := func(name, url, bearer, kind, body string, want problem.Kind) bad {
		return bad{name: name, method: http.MethodPost, url: url, bearer: bearer, kind: kind, body: []byte(body), want: want}
	}
	get := func(name, url, bearer string, want problem.Kind) bad {
		return bad{name: name, method: http.MethodGet, url: url, bearer: bearer, want: want}
	}
	const j = "application/json"
	list := []bad{
		post("challenge with a body", s.at.Cloud+"/v1/registrations/challenges", "", j, `{"x":1}`, problem.KindInvalid),
		post("login challenge with a body", s.at.Portal+"/v1/logins/challenges", "", j, `{"x":1}`, problem.KindInvalid),
		post("code with a body", s.at.Cloud+"/v1/operator/patient-codes", s.at.Operator, j, `{"x":1}`, problem.KindInvalid),
		post("code without token", s.at.Cloud+"/v1/operator/patient-codes", "", "", "", problem.KindUnauthenticated),
		post("code with a hospital's token", s.at.Cloud+"/v1/operator/patient-codes", token, "", "", problem.KindUnauthenticated),
		post("revocation of a short hash", revoke, s.at.Operator, j, `{"credential":"ab"}`, problem.KindInvalid),
		post("revocation of nobody", revoke, s.at.Operator, j, `{"credential":"`+hash+`"}`, problem.KindNotFound),
		post("revocation with more", revoke, s.at.Operator, j, `{"credential":"`+hash+`","`+spoken+`":1}`, problem.KindInvalid),
		post("desk code with the public cloud's token", desk, s.at.Operator, j, `{"mrn":"x"}`, problem.KindUnauthenticated),
		post("desk code of a number", desk, token, j, `{"mrn":1}`, problem.KindInvalid),
		post("desk code twice", desk, token, j, `{"mrn":"a","mrn":"a"}`, problem.KindInvalid),
		post("desk code with more", desk, token, j, `{"mrn":"a","`+spoken+`":1}`, problem.KindInvalid),
		post("desk code of nobody", desk, token, j, `{"mrn":"`+spoken+`"}`, problem.KindNotFound),
		post("import without token", admin+"/fhir/bundles", "", "application/fhir+json", "{}", problem.KindUnauthenticated),
		post("import of text", admin+"/fhir/bundles", token, "text/plain", "{}", problem.KindUnsupportedMedia),
		post("import as something else", admin+"/fhir/bundles?dryRun="+spoken, token, "application/fhir+json", "{}", problem.KindInvalid),
		{name: "import of too much", method: http.MethodPost, url: admin + "/fhir/bundles", bearer: token, kind: "application/fhir+json", length: 70 << 20, want: problem.KindTooLarge},
		get("audit from nowhere", admin+"/v1/audit?from="+spoken, token, problem.KindInvalid),
		get("audit without token", admin+"/v1/audit", "", problem.KindUnauthenticated),
		get("log from nowhere", s.at.Cloud+"/v1/log?from=-1", "", problem.KindInvalid),
		get("doctor of capitals", s.at.Cloud+"/v1/doctors/"+strings.ToUpper(hash), "", problem.KindInvalid),
		get("unknown doctor", s.at.Cloud+"/v1/doctors/"+hash, "", problem.KindNotFound),
		get("prekey of suite 3", s.at.Cloud+"/v1/prekeys/cloud?suite=3", "", problem.KindInvalid),
		get("card of a word", s.at.Portal+"/v1/doctors/"+spoken+"/card", "", problem.KindInvalid),
		get("inbox of nobody", s.at.Portal+"/v1/inbox", "", problem.KindUnauthenticated),
		get("inbox for ever", s.at.Portal+"/v1/inbox?wait=100000", s.session, problem.KindInvalid),
		get("visit without capability", s.at.Portal+"/v1/visit/messages", "", problem.KindUnauthenticated),
		post("unknown hospital", s.at.Portal+"/v1/relay/hospitals/"+strings.ToLower(spoken)+"/v1/sessions", s.session, j,
			`{"message":"`+encode(s.m6()(time.Now(), nil))+`"}`, problem.KindNotFound),
	}
	return append(list, s.badLogins()...)
}

func (s *strangers) badLogins() (list []bad) {
	c := encode(s.doctor.credential.Encode())
	sig := encode(make([]byte, 64))
	zero := encode(make([]byte, 32))
	for name, x := range map[string]struct {
		body string
		want problem.Kind
	}{
		"forged":              {`{"credential":"` + c + `","challenge":"` + zero + `","signature":"` + sig + `"}`, problem.KindRefused},
		"truncated":           {`{"credential":"` + c[:len(c)-4] + `","challenge":"` + zero + `","signature":"` + sig + `"}`, problem.KindInvalid},
		"stray bits":          {`{"credential":"` + c + `","challenge":"` + zero[:len(zero)-1] + `B","signature":"` + sig + `"}`, problem.KindInvalid},
		"a line break":        {`{"credential":"` + c + `","challenge":"` + zero[:4] + `\n` + zero[4:] + `","signature":"` + sig + `"}`, problem.KindInvalid},
		"more":                {`{"credential":"` + c + `","challenge":"` + zero + `","signature":"` + sig + `","` + spoken + `":1}`, problem.KindInvalid},
		"without a signature": {`{"credential":"` + c + `","challenge":"` + zero + `"}`, problem.KindInvalid},
		"as a list":           {`[]`, problem.KindInvalid},
	} {
		list = append(list, bad{name: "login, " + name, method: http.MethodPost, url: s.at.Portal + "/v1/logins", kind: "application/json", body: []byte(x.body), want: x.want})
	}
	return list
}

package server_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"medunion/api/message"
	openapi "medunion/api/openapi/publiccloud"
	"medunion/api/problem"
	"medunion/api/replay/redistest"
	"medunion/api/token"
	"medunion/ecc"
	"medunion/publiccloud/internal/peers"
)

// The public cloud's part of a visit, over HTTP, in both suites.
func TestVisit(t *testing.T) {
	for _, s := range []ecc.Suite{ecc.SuiteX25519, ecc.SuiteXWing} {
		t.Run(s.String(), func(t *testing.T) { visit(t, newWorld(t), s) })
	}
}

func visit(t *testing.T, w *world, s ecc.Suite) {
	pins, now := w.instance.Pins(), message.MillisOf(time.Now())
	p, d, h := w.patient(s), w.doctor(s), w.hospital(s)
	if params := peers.Must(message.OpenParameters(w.signed("/v1/parameters"), pins, now)); params.CloudID != "cloud" {
		t.Error("other parameters")
	}
	if dir := peers.Must(message.OpenDirectory(w.signed("/v1/directory"), pins, now)); len(dir.Hospitals) != 1 {
		t.Error("the hospital is not in the directory")
	}
	for _, x := range []*peers.Party{d, h} {
		if status, b := w.call("PUT", "/v1/prekeys", "", openapi.Signed{Signed: base(x.Prekey(time.Now(), nil))}); status != 204 {
			t.Fatalf("%d %s", status, b)
		}
		peers.Must(message.OpenPrekey(w.signed("/v1/prekeys/"+hexOf(x.Credential.Hash())), x.Credential.Hash(), s, x.Sign.Public(), message.MillisOf(time.Now())))
	}
	card := get[openapi.DoctorCard](w, "/v1/doctors/"+hexOf(d.Credential.Hash()))
	if card.Certificate != string(d.Certificate) || card.Credential != base(d.Credential.Encode()) {
		t.Error("the card is not the doctor's")
	}

	c, sks := w.knows(s), peers.Locators(3)
	e := peers.Entry(h, sks[1], time.Now())
	write := c.WriteEntry(h, e, sks[1].Public(), time.Now())
	reply, refusal := w.send("/v1/index-entries", "", write.Raw)
	w.taken(refusal)
	w.ok(c.OpenIndexed(write, reply, h.ID, e))

	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, time.Now(), nil)
	m4 := c.Search(d, g, time.Now(), nil)
	reply, refusal = w.send("/v1/searches", "", m4.Raw)
	w.taken(refusal)
	m5, ticket, err := c.OpenM5(d, g, m4, reply)
	w.ok(err)
	if len(m5.Entries) != 1 || !bytes.Equal(m5.Entries[0].Value, e.Value) {
		t.Error("the entry is not found")
	}

	changed := peers.Entry(h, sks[1], time.Now())
	m12 := c.Diagnosis(d, g, 1, changed, time.Now(), nil)
	reply, refusal = w.send("/v1/diagnosis-entries", "", m12.Raw)
	w.taken(refusal)
	w.ok(c.OpenIndexed(m12, reply, d.ID, changed))

	q := message.Question{Kind: message.AskUses, Consent: g.Consent.Hash()}
	ask := c.Ask(sks[0], q, time.Now())
	reply, refusal = w.send("/v1/questions", "", ask.Raw)
	w.taken(refusal)
	a, err := c.OpenAnswer(ask, sks[0], q, reply)
	w.ok(err)
	if uses := peers.Must(message.DecodeUses(a.Content)); len(uses) != 1 || uses[0].Request != ticket.Request {
		t.Error("the search is not listed")
	}

	if status, b := w.call("POST", "/v1/operator/revocations", w.operator(token.ScopeOperator), openapi.Revocation{Credential: hexOf(d.Credential.Hash())}); status != 204 {
		t.Fatalf("%d %s", status, b)
	}
	if v := peers.Must(message.OpenRevocations(w.signed("/v1/revocations"), pins, now)); !v.Contains(d.Credential.Hash()) {
		t.Error("the doctor is not on the list")
	}
	_, refusal = w.send("/v1/searches", "", c.Search(d, g, time.Now(), nil).Raw)
	w.refused(problem.KindRefused, refusal)

	page := get[openapi.LogPage](w, "/v1/log?from=1")
	if len(page.Entries) != 2 || page.Entries[0].Credential != hexOf(d.Credential.Hash()) || page.Entries[1].Previous != page.Entries[0].Hash {
		t.Errorf("the log says %+v", page)
	}
	w.clean(string(p.ID), string(d.ID), hexOf(d.Credential.Hash()), base(d.Certificate), hexOf(g.OpenC.Locators[0]), "127.0.0.1:1")
}

func (w *world) taken(refusal *problem.Error) {
	w.Helper()
	if refusal != nil {
		w.Fatal(problem.Reason(refusal))
	}
}

func (w *world) refused(k problem.Kind, refusal *problem.Error) {
	w.Helper()
	if refusal == nil || refusal.Kind != k {
		w.Fatalf("got %v, want %v", refusal, k)
	}
}

func TestBadInput(t *testing.T) {
	w := newWorld(t)
	d := w.doctor(ecc.SuiteX25519)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", peers.Locators(1), time.Now(), nil)
	c := w.knows(d.Suite)
	good := c.Search(d, g, time.Now(), nil)
	text := func(s string) []byte { return []byte(s) }
	wrap := func(raw []byte) []byte { return text(`{"message":"` + base(raw) + `"}`) }
	for _, x := range []struct {
		name, method, path string
		body               []byte
		want               problem.Kind
	}{
		{"oversized body", "POST", "/v1/searches", bytes.Repeat(text("x"), 100<<10), problem.KindTooLarge},
		{"no body", "POST", "/v1/searches", nil, problem.KindInvalid},
		{"no JSON", "POST", "/v1/searches", text("x"), problem.KindInvalid},
		{"unknown member", "POST", "/v1/searches", text(`{"message":"AAAA","more":1}`), problem.KindInvalid},
		{"member twice", "POST", "/v1/searches", text(`{"message":"AAAA","message":"AAAA"}`), problem.KindInvalid},
		{"wrong type", "POST", "/v1/searches", text(`{"message":1}`), problem.KindInvalid},
		{"padding", "POST", "/v1/searches", text(`{"message":"AAA="}`), problem.KindInvalid},
		{"truncated", "POST", "/v1/searches", wrap(good.Raw[:len(good.Raw)-1]), problem.KindInvalid},
		{"trailing", "POST", "/v1/searches", wrap(append(bytes.Clone(good.Raw), 0)), problem.KindInvalid},
		{"trailing JSON", "POST", "/v1/searches", append(wrap(good.Raw), '1'), problem.KindInvalid},
		{"another route's message", "POST", "/v1/questions", wrap(good.Raw), problem.KindInvalid},
		{"stale", "POST", "/v1/searches", wrap(c.Search(d, g, time.Now().Add(-time.Minute), nil).Raw), problem.KindStale},
		{"future", "POST", "/v1/searches", wrap(c.Search(d, g, time.Now().Add(time.Minute), nil).Raw), problem.KindStale},
		{"a bad point", "POST", "/v1/searches", wrap(c.Seal(message.TypeM4, time.Now(), badPoint(d, g)).Raw), problem.KindRefused},
		{"prekey of nothing", "PUT", "/v1/prekeys", text(`{"signed":"AAAA"}`), problem.KindInvalid},
		{"big prekey", "PUT", "/v1/prekeys", text(`{"signed":"` + strings.Repeat("A", 8<<10) + `"}`), problem.KindTooLarge},
		{"hash in capitals", "GET", "/v1/doctors/" + strings.Repeat("A", 64), nil, problem.KindInvalid},
		{"short hash", "GET", "/v1/doctors/abc", nil, problem.KindInvalid},
		{"nobody's hash", "GET", "/v1/doctors/" + strings.Repeat("a", 64), nil, problem.KindNotFound},
		{"unknown suite", "GET", "/v1/prekeys/cloud?suite=3", nil, problem.KindInvalid},
		{"unknown parameter", "GET", "/v1/log?from=-1", nil, problem.KindInvalid},
		{"unknown route", "GET", "/v1/nothing", nil, problem.KindNotFound},
		{"wrong method", "DELETE", "/v1/searches", nil, problem.KindMethodNotAllowed},
		{"operator without token", "POST", "/v1/operator/patient-codes", nil, problem.KindUnauthenticated},
		{"revocation without token", "POST", "/v1/operator/revocations", text(`{"credential":"` + strings.Repeat("a", 64) + `"}`), problem.KindUnauthenticated},
	} {
		var body any
		if x.body != nil {
			body = x.body
		}
		status, b := w.call(x.method, x.path, "", body)
		p, err := problem.Parse(b)
		if err != nil || p.Kind != x.want || status != x.want.Status() {
			t.Errorf("%s: %d %s", x.name, status, b)
		}
	}
	_, refusal := w.send("/v1/searches", "", good.Raw) // nothing of it burnt the good message
	w.taken(refusal)
	w.clean(string(d.ID), hexOf(d.Credential.Hash()))
}

// badPoint is an M4 whose credential holds the identity as R_X1.
func badPoint(d *peers.Party, g peers.Granted) func(message.Header, ecc.KEMPublicKey) []byte {
	return func(_ message.Header, pke ecc.KEMPublicKey) []byte {
		m := message.M4{Doctor: d.Credential, Certificate: d.Certificate, Department: "SURGERY", Consent: g.Consent, OpenC: g.OpenC,
			Authorizers: g.Auth, Mode: message.ModeRead, PKe: pke, SigD2: make([]byte, 64)}
		return bytes.Replace(m.Encode(), d.Credential.R.Bytes(), make([]byte, 32), 1)
	}
}

func TestAttack4_OverHTTP(t *testing.T) {
	w := newWorld(t)
	h := peers.New(ecc.SuiteX25519, message.Hospital, "hospital-x")
	h.Attribute = []byte("https://x.example.org")
	w.refused(problem.KindRefused, w.register(h, nil, ""))
	w.refused(problem.KindUnauthenticated, w.register(h, nil, "rubbish"))
	w.refused(problem.KindRefused, w.register(h, nil, w.operator(token.ScopeAdmin)))
	foreign := peers.Must(token.NewIssuer(token.Access, operatorsName, signingKey(), rand.Reader))
	forged := peers.Must(foreign.Issue(token.Grant{Subject: "x", Audience: "publiccloud", Scopes: []token.Scope{token.ScopeOperator}, Life: time.Hour}, time.Now()))
	w.refused(problem.KindUnauthenticated, w.register(h, nil, string(forged)))
	w.taken(w.register(h, nil, w.operator(token.ScopeOperator)))
	other := peers.New(ecc.SuiteX25519, message.Hospital, h.ID)
	other.Attribute = h.Attribute
	w.refused(problem.KindConflict, w.register(other, nil, w.operator(token.ScopeOperator)))
}

// Attack 1: inside the window, at another replica, after a restart of Redis, and during its outage.
func TestAttack1_ReplayOverHTTP(t *testing.T) {
	w := newWorldOver(t, redistest.Start(t))
	d, sks := w.doctor(ecc.SuiteX25519), peers.Locators(1)
	g := peers.Grant(d.Credential.Hash(), "SURGERY", sks, time.Now(), func(c *message.Consent) { c.MaxUses = 100 })
	c := w.knows(d.Suite)
	sent := c.Search(d, g, time.Now(), nil)
	_, refusal := w.send("/v1/searches", "", sent.Raw)
	w.taken(refusal)
	_, refusal = w.send("/v1/searches", "", sent.Raw)
	w.refused(problem.KindRefused, refusal)
	w.start() // another replica, on the same stores
	_, refusal = w.send("/v1/searches", "", sent.Raw)
	w.refused(problem.KindRefused, refusal)

	w.redis.Kill9()
	_, refusal = w.send("/v1/searches", "", c.Search(d, g, time.Now(), nil).Raw)
	w.refused(problem.KindUnavailable, refusal)
	w.redis.Restart()
	redistest.Eventually(t, 5*time.Second, "fresh searches after the restart", func() bool {
		_, refusal := w.send("/v1/searches", "", sent.Raw)
		if refusal == nil {
			t.Fatal("a replay got in after the restart of Redis")
		}
		_, refusal = w.send("/v1/searches", "", c.Search(d, g, time.Now(), nil).Raw)
		return refusal == nil
	})
}

// 50 searches at once over two instances, under a consent for three.
func TestAttack11_ParallelOverHTTP(t *testing.T) {
	w := newWorld(t)
	d, sks := w.doctor(ecc.SuiteX25519), peers.Locators(2)
	g, c := peers.Grant(d.Credential.Hash(), "SURGERY", sks, time.Now(), nil), w.knows(d.Suite)
	first := *w
	w.start()
	var wg sync.WaitGroup
	var mu sync.Mutex
	granted, refused := 0, 0 // a window that is too slow under the load refuses too
	for i := range 50 {
		at := []*world{&first, w}[i%2]
		sent := c.Search(d, g, time.Now(), nil)
		wg.Go(func() {
			_, refusal := at.send("/v1/searches", "", sent.Raw)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case refusal == nil:
				granted++
			case refusal.Kind == problem.KindRefused, refusal.Kind == problem.KindUnavailable:
				refused++
			default:
				t.Errorf("%v", refusal)
			}
		})
	}
	wg.Wait()
	if granted != 3 || refused != 47 {
		t.Errorf("%d granted, %d refused", granted, refused)
	}
}

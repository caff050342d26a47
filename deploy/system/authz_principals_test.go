package system_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"medunion/api/token"
	portal "medunion/doctor-portal/server"
	patientapi "medunion/patient-agent/server"

	"medunion/deploy/local/authority"
	"medunion/ecc"
)

// principal is whoever holds one credential, of whatever surface. The credential is used
// at every surface.
type principal struct {
	name string
	// set puts the credential into a request.
	set func(http.Header)
	// of is the party whose messages it sends; the other one is whom it reaches for.
	of, other *party
	foreign   bool   // it comes from a page of another origin
	secret    string // must not be logged
}

// The names of the principals, as the table has them.
const (
	nobody         = "nobody"
	patientA       = "patient A's visit"
	patientB       = "patient B's visit"
	inventedVisit  = "an invented visit"
	doctorA        = "doctor A"
	doctorB        = "doctor B"
	revokedDoctor  = "revoked doctor"
	expiredDoctor  = "doctor A, session expired"
	foreignSession = "doctor A at another portal"
	forgedSession  = "doctor A, forged session"
	cloudOperator  = "public cloud: operator"
	cloudAdmin     = "public cloud: admin"
	cloudImport    = "public cloud: fhir:import"
	cloudSession   = "public cloud: session"
	hospitalOp     = "hospital A: operator"
	hospitalAdmin  = "hospital A: admin"
	hospitalImport = "hospital A: fhir:import"
	hospitalSess   = "hospital A: session"
	hospitalB      = "hospital B: every scope"
	expiredCloud   = "public cloud: every scope, expired"
	expiredHosp    = "hospital A: every scope, expired"
	issuerCloud    = "public cloud: every scope, another issuer"
	issuerHosp     = "hospital A: every scope, another issuer"
	forgedCloud    = "public cloud: every scope, forged"
	forgedHosp     = "hospital A: every scope, forged"
	kindCloud      = "public cloud: every scope, as a session"
	kindHosp       = "hospital A: every scope, as a session"
	twoTokens      = "two tokens"
	doctorsAgentA  = "doctor A's agent"
	doctorsAgentB  = "doctor B's agent"
	patientsAgentA = "patient A's agent"
	patientsAgentB = "patient B's agent"
	pageA          = "patient A's page"
	pageB          = "patient B's page"
	pageCookie     = "patient A's page, the cookie alone"
	pageForeign    = "patient A's page, from another origin"
	pageExpired    = "patient A's page, expired"
)

var everyScope = []token.Scope{token.ScopeAdmin, token.ScopeOperator, token.ScopeFHIRImport, token.ScopeSession}

// principals are all of them, with real credentials.
func (w *guarded) principals() []principal {
	list := []principal{{name: nobody, set: func(http.Header) {}},
		{name: patientA, set: func(h http.Header) { h.Set("Visit-Capability", encode(w.a.visit[:])) }},
		{name: patientB, set: func(h http.Header) { h.Set("Visit-Capability", encode(w.b.visit[:])) }, of: w.b, other: w.a},
		{name: inventedVisit, set: func(h http.Header) { h.Set("Visit-Capability", encode(bytes.Repeat([]byte{9}, 16))) }}}
	list = append(list, w.doctors()...)
	list = append(list, w.operators()...)
	list = append(list, w.local()...)
	for i := range list {
		if list[i].of == nil {
			list[i].of, list[i].other = w.a, w.b
		}
	}
	return list
}

func bearer(name, text string) principal {
	return principal{name: name, secret: text, set: func(h http.Header) { h.Set("Authorization", "Bearer "+text) }}
}

// doctors have sessions at the portal, or something like it.
func (w *guarded) doctors() []principal {
	issue := func(origin string, key ecc.SigningKey, at time.Time) string {
		c := w.a.doctor.credential.Hash()
		return string(must(must(token.NewIssuer(token.Session, origin, key, rand.Reader)).Issue(token.Grant{Subject: hex.EncodeToString(c[:]),
			Audience: origin, Scopes: []token.Scope{token.ScopeSession}, Life: 15 * time.Minute}, at)))
	}
	ring := must(must(portal.KeyTools{SessionKeyFile: filepath.Join(w.dir, "keys", "portal")}.Open()).Load(w.t.Context()))
	key, now := must(ecc.SigningKeyFromSeed(must(ring.Current("session")).SecretBytes())), time.Now()
	b := bearer(doctorB, w.b.session)
	b.of, b.other = w.b, w.a
	return []principal{bearer(doctorA, w.a.session), b, bearer(revokedDoctor, w.revoked.session),
		bearer(expiredDoctor, issue(w.at.Portal, key, now.Add(-16*time.Minute))),
		bearer(foreignSession, issue("http://localhost:1", key, now)),
		bearer(forgedSession, issue(w.at.Portal, must(ecc.GenerateSigningKey(rand.Reader)), now))}
}

// operators have tokens for administration.
func (w *guarded) operators() []principal {
	key := must(ecc.SigningKeyFromSeed(must(os.ReadFile(filepath.Join(w.dir, "keys", "operators")))))
	issue := func(kind token.Kind, name string, key ecc.SigningKey, audience string, at time.Time, scopes ...token.Scope) string {
		return string(must(must(token.NewIssuer(kind, name, key, rand.Reader)).Issue(
			token.Grant{Subject: "guarded", Audience: audience, Scopes: scopes, Life: 10 * time.Minute}, at)))
	}
	const operators, cloud = "development operators", "publiccloud"
	a, b, now := string(w.at.Hospitals[0].ID), string(w.at.Hospitals[1].ID), time.Now()
	past, other := now.Add(-time.Hour), must(ecc.GenerateSigningKey(rand.Reader))
	var list []principal
	for i, scope := range everyScope {
		list = append(list, bearer([]string{cloudAdmin, cloudOperator, cloudImport, cloudSession}[i], issue(token.Access, operators, key, cloud, now, scope)),
			bearer([]string{hospitalAdmin, hospitalOp, hospitalImport, hospitalSess}[i], issue(token.Access, operators, key, a, now, scope)))
	}
	both := principal{name: twoTokens, set: func(h http.Header) {
		h.Add("Authorization", "Bearer "+issue(token.Access, operators, key, cloud, now, everyScope...))
		h.Add("Authorization", "Bearer "+w.a.session)
	}}
	return append(list, both, bearer(hospitalB, issue(token.Access, operators, key, b, now, everyScope...)),
		bearer(expiredCloud, issue(token.Access, operators, key, cloud, past, everyScope...)),
		bearer(expiredHosp, issue(token.Access, operators, key, a, past, everyScope...)),
		bearer(issuerCloud, issue(token.Access, "other operators", key, cloud, now, everyScope...)),
		bearer(issuerHosp, issue(token.Access, "other operators", key, a, now, everyScope...)),
		bearer(forgedCloud, issue(token.Access, operators, other, cloud, now, everyScope...)),
		bearer(forgedHosp, issue(token.Access, operators, other, a, now, everyScope...)),
		bearer(kindCloud, issue(token.Session, operators, key, cloud, now, everyScope...)),
		bearer(kindHosp, issue(token.Session, operators, key, a, now, everyScope...)))
}

// local are those of the agents on loopback.
func (w *guarded) local() []principal {
	a, b := w.agents[0], w.agents[1]
	page := func(name string, s pageSession, more ...string) principal {
		return principal{name: name, secret: s.cookie, set: func(h http.Header) {
			for _, at := range []string{a.patient.URL, b.patient.URL} { // under the names of both agents' cookies
				_, port, _ := net.SplitHostPort(strings.TrimPrefix(at, "http://"))
				h.Add("Cookie", "medunion-patient-"+port+"="+s.cookie)
			}
			for i := 0; i < len(more); i += 2 {
				h.Set(more[i], more[i+1])
			}
		}}
	}
	expired := w.expiredPage(a)
	const site, own = "Sec-Fetch-Site", "same-origin"
	foreign := page(pageForeign, a.page, "Page-Key", a.page.key, "Origin", "http://localhost:1")
	foreign.foreign = true
	return []principal{bearer(doctorsAgentA, readToken(w.t, a.doctor)), bearer(doctorsAgentB, readToken(w.t, b.doctor)),
		bearer(patientsAgentA, readToken(w.t, a.patient)), bearer(patientsAgentB, readToken(w.t, b.patient)),
		page(pageA, a.page, "Page-Key", a.page.key, site, own), page(pageB, b.page, "Page-Key", b.page.key, site, own),
		page(pageCookie, a.page, site, own), foreign,
		page(pageExpired, expired, "Page-Key", expired.key, site, own)}
}

// expiredPage is a session that the agent gave 31 days ago: another instance with its
// token file, whose clock shows that day.
func (w *guarded) expiredPage(a agents) pageSession {
	pins := w.s.Pins()
	_, keys := w.s.Files()
	i, err := patientapi.Start(w.t.Context(), patientapi.Config{Dev: true, Listen: "127.0.0.1:0", Store: filepath.Join(w.dir, "old-store"),
		TokenFile: a.patient.TokenFile, Cloud: w.at.Cloud, Pins: &pins, Authority: authority.DefaultName, AuthorityFile: keys, Suite: 1,
		Now: func() time.Time { return time.Now().Add(-31 * 24 * time.Hour) }, Logger: stderrLog(100)})
	ok(w.t, err)
	defer func() { ok(w.t, i.Close()) }()
	u := must(url.Parse(i.URL()))
	return w.openPage("http://127.0.0.1:"+u.Port(), readToken(w.t, a.patient))
}

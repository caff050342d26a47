package system_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"medunion/deploy/local/authority"
)

// doctorSamples are requests to doctor A's agent; the other visit is one at doctor B's.
func (w *guarded) doctorSamples() map[string]asks {
	own, other, absent := w.agents[0].doctorsVisit(), w.agents[1].doctorsVisit(), "00000000000000ff"
	visit := func(method, path string) asks {
		at := func(id string) request { return request{method: method, path: "/v1/visits/" + id + path} }
		return three(at(own), at(other), at(absent))
	}
	person := map[string]any{"authority": authority.DefaultName, "licence": "L-1", "name": "Guarded", "departments": []string{"OUTPATIENT"}}
	certificate := func(text string) request {
		return request{method: "PUT", path: "/v1/doctor/certificate"}.json(map[string]string{"certificate": text})
	}
	search := func(id string) request {
		return prepare("messages", map[string]any{"step": "M4", "visit": id, "mode": "read"})
	}
	return map[string]asks{
		"POST /v1/development/messages":           three(search(own), search(other), search(absent)),
		"POST /v1/development/replies":            {absent: fixed(replied())},
		"GET /v1/doctor":                          one(get("/v1/doctor")),
		"POST /v1/doctor/certificate-request":     one(posted("/v1/doctor/certificate-request").json(person)),
		"PUT /v1/doctor/certificate":              three(certificate(w.certificateOfA()), certificate(string(w.b.doctor.certificate)), certificate("a.b.c")),
		"POST /v1/doctor/registration":            one(posted("/v1/doctor/registration")),
		"GET /v1/doctor/card":                     one(get("/v1/doctor/card")),
		"GET /v1/doctor/card.png":                 one(get("/v1/doctor/card.png")),
		"GET /v1/visits":                          one(get("/v1/visits")),
		"GET /v1/visits/{visit}":                  visit("GET", ""),
		"POST /v1/visits/{visit}/open":            visit("POST", "/open"),
		"GET /v1/visits/{visit}/signals":          visit("GET", "/signals"),
		"POST /v1/visits/{visit}/records":         visit("POST", "/records"),
		"GET /v1/visits/{visit}/records":          visit("GET", "/records"),
		"GET /v1/visits/{visit}/records/{record}": visit("GET", "/records/1"),
		"GET /v1/visits/{visit}/download":         visit("GET", "/download"),
		"POST /v1/visits/{visit}/cancel":          visit("POST", "/cancel"),
		"GET /v1/visits/{visit}/evidence":         visit("GET", "/evidence"),
		"GET /v1/visits/{visit}/evidence.json":    visit("GET", "/evidence.json"),
		"GET /v1/events":                          one(get("/v1/events")),
		"POST /v1/visits/{visit}/diagnosis":       visit("POST", "/diagnosis"),
		"POST /v1/visits/{visit}/close":           visit("POST", "/close"),
	}
}

// certificateOfA is the Cert_D that doctor A's agent has.
func (w *guarded) certificateOfA() string {
	card := must(w.agents[0].story.doctor.Card())
	var out struct{ Certificate string }
	ok(w.t, ask(w.t.Context(), "GET", w.at.Cloud+"/v1/doctors/"+card.Link[strings.Index(card.Link, "#")+1:], "", nil, &out))
	return out.Certificate
}

// patientSamples are requests to patient A's agent; what is the other's is at patient B's.
func (w *guarded) patientSamples() map[string]asks {
	a, b := w.agents[0], w.agents[1]
	link := must(a.story.doctor.Card()).Link
	portal, _, _ := strings.Cut(link, "#")
	noLink, herself := portal+"#"+nothing, portal+"#"+b.patientHash(w)
	object := func(method, path, own, other, absent string) asks {
		at := func(id string) request { return request{method: method, path: fmt.Sprintf(path, id)} }
		return three(at(own), at(other), at(absent))
	}
	visit := func(link string) request {
		return posted("/v1/visits").json(map[string]string{"link": link, "passphrase": string(a.story.pass)})
	}
	word := func(pass string) request { return posted("/v1/unlock").json(map[string]string{"passphrase": pass}) }
	card := func(link string) request { return posted("/v1/cards").json(map[string]string{"link": link}) }
	session := func(token string) request {
		return posted("/v1/page-sessions").json(map[string]string{"token": token})
	}
	m := w.plainPatientSamples()
	m["POST /v1/page-sessions"] = three(session(readToken(w.t, a.patient)), session(readToken(w.t, b.patient)), session(strings.Repeat("0", 64)))
	m["POST /v1/unlock"] = three(word(string(a.story.pass)), word(string(b.story.pass)), word("an invented one"))
	m["POST /v1/cards"] = three(card(link), card(herself), card(noLink))
	m["POST /v1/visits"] = three(visit(link), visit(herself), visit(noLink))
	m["GET /v1/visits/{visit}"] = object("GET", "/v1/visits/%s", a.visit, b.visit, nothing[:32])
	m["POST /v1/visits/{visit}/end"] = object("POST", "/v1/visits/%s/end", a.visit, b.visit, nothing[:32])
	m["GET /v1/consents/{consent}/uses"] = object("GET", "/v1/consents/%s/uses", a.consent, b.consent, nothing)
	m["POST /v1/consents/{consent}/revocation"] = object("POST", "/v1/consents/%s/revocation", a.consent, b.consent, nothing)
	m["POST /v1/hospitals/{hospital}/enrolment"] = w.enrolmentSamples()
	question := func(hospital string) request {
		return prepare("messages", map[string]any{"step": "hospital-question", "hospital": hospital, "question": "releases"})
	}
	m["POST /v1/development/messages"] = asks{own: fixed(question(string(w.s.Hospitals[1].ID))), absent: fixed(question("nowhere"))}
	m["POST /v1/development/replies"] = asks{absent: fixed(replied())}
	return m
}

// patientHash is c_P of the agent's patient, whom no link names.
func (g agents) patientHash(w *guarded) string {
	c := must(g.story.agent.Identity()).Credential
	return hexOf(c)
}

func (w *guarded) enrolmentSamples() asks {
	h := w.s.Hospitals[1] // at the first one wrong codes have been tried: there are five tries
	code := func(g agents) string { return must(h.DeskCode(w.t.Context(), g.story.words.mrn)) }
	used := code(w.agents[1])
	_, err := w.agents[1].story.agent.Enrol(w.t.Context(), h.ID, used)
	ok(w.t, err)
	with := func(code string) request {
		return posted("/v1/hospitals/" + string(h.ID) + "/enrolment").json(map[string]string{"code": code})
	}
	return asks{own: func(principal) request { return with(code(w.agents[0])) }, other: fixed(with(used)), absent: fixed(with("1111-1111-1111"))}
}

func (w *guarded) plainPatientSamples() map[string]asks {
	link := must(w.agents[0].story.doctor.Card()).Link
	recordings := map[string]any{"recordings": []map[string]any{{"fhir": json.RawMessage(w.agents[0].story.words.signals())}}}
	profile := request{method: "PUT", path: "/v1/profile"}.json(map[string]string{"name": "Guarded"})
	return map[string]asks{
		"GET /":                        one(get("/")),
		"GET /v1/events":               one(get("/v1/events")),
		"GET /v1/defaults":             one(get("/v1/defaults")),
		"POST /v1/passkeys/challenges": one(posted("/v1/passkeys/challenges")),
		"GET /v1/profile":              one(get("/v1/profile")),
		"PUT /v1/profile":              one(profile),
		"POST /v1/signals/preview":     one(posted("/v1/signals/preview").json(recordings)),
		"POST /v1/approvals":           one(posted("/v1/approvals").json(map[string]string{"link": link})),
		"GET /v1/status":               one(get("/v1/status")),
		"POST /v1/registration":        one(posted("/v1/registration").json(map[string]string{"code": "0000-0000-0000", "passphrase": string(w.agents[0].story.pass)})),
		"GET /v1/identity":             one(get("/v1/identity")),
		"GET /v1/hospitals":            one(get("/v1/hospitals")),
		"GET /v1/record/{hospital}":    {own: fixed(get("/v1/record/%s", w.at.Hospitals[0].ID)), absent: fixed(get("/v1/record/nobody"))},
		"GET /v1/visits":               one(get("/v1/visits")),
		"GET /v1/diagnoses":            one(get("/v1/diagnoses")),
		"GET /v1/consents":             one(get("/v1/consents")),
		"GET /v1/releases":             one(get("/v1/releases")),
		"POST /v1/lock":                one(posted("/v1/lock")),
		"DELETE /v1/page-sessions":     one(request{method: "DELETE", path: "/v1/page-sessions"}),
	}
}

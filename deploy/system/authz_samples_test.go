package system_test

import (
	"bytes"
	"maps"
	"strings"
	"time"

	"medunion/api/message"
)

// asks makes the requests of a route for what is one's own, what is the other's, and what
// does not exist. A missing one does not apply.
type asks struct {
	own, other, absent func(p principal) request
}

// fixed is the same request for whoever asks.
func fixed(q request) func(principal) request { return func(principal) request { return q } }

func one(q request) asks { return asks{own: fixed(q)} }

func three(own, other, absent request) asks { return asks{fixed(own), fixed(other), fixed(absent)} }

func (w *guarded) samples(surface string) map[string]asks {
	out := map[string]asks{}
	for _, r := range probes {
		_, path, _ := strings.Cut(r.route, " ")
		out[r.route] = one(get("%s", path))
	}
	maps.Copy(out, map[string]func() map[string]asks{"public cloud": w.cloudSamples, "hospital": w.hospitalSamples,
		"hospital's administration": w.adminSamples, "doctor portal": w.portalSamples, "doctor's agent": w.doctorSamples,
		"patient's agent": w.patientSamples}[surface]())
	return out
}

func (w *guarded) cloudSamples() map[string]asks {
	operator, used := w.unlinked.patient.credential.Hash(), w.usedCode()
	m := w.sealedSamples()
	maps.Copy(m, map[string]asks{
		"GET /v1/parameters":                one(get("/v1/parameters")),
		"GET /v1/directory":                 one(get("/v1/directory")),
		"GET /v1/revocations":               one(get("/v1/revocations")),
		"GET /v1/successions":               one(get("/v1/successions")),
		"GET /v1/log":                       one(get("/v1/log?from=1")),
		"GET /v1/doctors/{credential}":      w.cards("/v1/doctors/%s"),
		"GET /v1/prekeys/{owner}":           w.prekeys("/v1/prekeys/%s"),
		"POST /v1/registrations/challenges": one(posted("/v1/registrations/challenges")),
		"POST /v1/registrations": {
			own:    func(principal) request { return w.newcomer(must(w.at.patientCode(w.t.Context()))) },
			other:  func(principal) request { return w.newcomer(used) },
			absent: func(principal) request { return w.newcomer([]byte("0000-0000-0000")) },
		},
		"POST /v1/index-entries": {
			own: func(p principal) request { return posted("/v1/index-entries").message(p.of.anew().indexWrite()) },
			other: func(p principal) request {
				return posted("/v1/index-entries").message(p.of.posing(p.other).indexWrite())
			},
			absent: func(p principal) request {
				return posted("/v1/index-entries").message(p.of.posingAsNobody().indexWrite())
			},
		},
		"POST /v1/questions": {
			own: func(p principal) request { return posted("/v1/questions").message(p.of.askOf(p.of.locator.Public())) },
			other: func(p principal) request {
				return posted("/v1/questions").message(p.of.askOf(p.other.locator.Public()))
			},
			absent: func(p principal) request {
				return posted("/v1/questions").message(p.of.askOf(p.of.inventing().locator.Public()))
			},
		},
		"POST /v1/operator/patient-codes": one(posted("/v1/operator/patient-codes")),
		"POST /v1/operator/revocations": {
			own:    fixed(posted("/v1/operator/revocations").json(map[string]string{"credential": hexOf(operator)})),
			absent: fixed(posted("/v1/operator/revocations").json(map[string]string{"credential": nothing})),
		},
	})
	return m
}

// sealedSamples are the messages that go to the public cloud, directly or by the relay.
func (w *guarded) sealedSamples() map[string]asks {
	put := func(b builder) request { return request{method: "PUT", path: "/v1/prekeys"}.signed(b) }
	both := func(path string, build func(*strangers) builder) asks {
		return asks{
			own:    func(p principal) request { return posted(path).message(build(p.of.anew())) },
			other:  func(p principal) request { return posted(path).message(build(p.of.carrying(p.other))) },
			absent: func(p principal) request { return posted(path).message(build(p.of.posingAsNobody())) },
		}
	}
	return map[string]asks{
		"POST /v1/searches":          both("/v1/searches", (*strangers).m4),
		"POST /v1/diagnosis-entries": both("/v1/diagnosis-entries", (*strangers).m12),
		"PUT /v1/prekeys": {
			own:    func(p principal) request { return put(prekeyOf(p.of.doctor)) },
			other:  func(p principal) request { return put(p.of.prekeyFor(p.other.doctor.credential.Hash())) },
			absent: func(p principal) request { return put(p.of.prekeyFor(message.Hash(random(32)))) },
		},
	}
}

// cards are a doctor's, a patient's and nobody's. What is public of the first must not
// show of the second that she exists.
func (w *guarded) cards(path string) asks {
	return asks{
		own:    func(p principal) request { return get(path, hexOf(p.of.doctor.credential.Hash())) },
		other:  func(p principal) request { return get(path, hexOf(p.other.patient.credential.Hash())) },
		absent: fixed(get(path, nothing)),
	}
}

func (w *guarded) prekeys(path string) asks {
	a := w.cards(path)
	a.own = fixed(get(path, "cloud"))
	return a
}

// usedCode is a patient's registration code that somebody has used.
func (w *guarded) usedCode() []byte {
	code := must(w.at.patientCode(w.t.Context()))
	ok(w.t, newPatient().register(w.t.Context(), w.at, code, ""))
	return code
}

func (w *guarded) hospitalSamples() map[string]asks {
	_, err := importBundle(w.t.Context(), w.at.Hospitals[0], map[string][]byte{"Patient/guarded-c": patientResource("guarded-c")})
	ok(w.t, err)
	used := w.code("guarded-c")
	w.must(w.at.Hospitals[0].URL, w.enrolment(w.newlyRegistered(w.a), used), "")
	m := w.sessionSamples("")
	maps.Copy(m, map[string]asks{
		"POST /v1/enrolments": {
			own:    func(p principal) request { return w.enrolment(w.newlyRegistered(p.of), w.code("guarded-c")) },
			other:  func(principal) request { return w.enrolment(w.unlinked.strangers, used) },
			absent: func(principal) request { return w.enrolment(w.unlinked.strangers, "1111-1111-1111") },
		},
		"POST /v1/questions": {
			own: func(p principal) request { return posted("/v1/questions").message(p.of.hospitalQuestion()) },
			other: func(p principal) request {
				return posted("/v1/questions").message(p.of.posing(p.other).hospitalQuestion())
			},
			absent: func(principal) request { return posted("/v1/questions").message(w.unlinked.hospitalQuestion()) },
		},
	})
	return m
}

// sessionSamples are the doctor's messages to a hospital, below a prefix.
func (w *guarded) sessionSamples(prefix string) map[string]asks {
	in := func(path string, t message.Type) asks {
		return asks{
			other:  func(p principal) request { return posted(path).message(p.of.inSessionOf(w.opened(p.other), t)) },
			absent: func(p principal) request { return posted(path).message(p.of.inSessionOf([16]byte(random(16)), t)) },
		}
	}
	sessions, releases, diagnoses := prefix+"/v1/sessions", prefix+"/v1/releases", prefix+"/v1/diagnoses"
	return map[string]asks{
		"POST /v1/sessions": {
			own:    func(p principal) request { return posted(sessions).message(p.of.m6()) },
			other:  func(p principal) request { return posted(sessions).message(p.of.posing(p.other).m6()) },
			absent: func(p principal) request { return posted(sessions).message(p.of.posingAsNobody().m6()) },
		},
		"POST /v1/releases":  in(releases, message.TypeM8),
		"POST /v1/diagnoses": in(diagnoses, message.TypeM11),
	}
}

// opened is a session that the party's doctor has opened at the first hospital.
func (w *guarded) opened(p *party) [16]byte {
	raw := p.m6()(time.Now(), nil)
	_, err := post(w.t.Context(), w.at.Hospitals[0].URL+"/v1/sessions", "", raw)
	ok(w.t, err)
	return must(message.Decode(raw)).Header.Session
}

// noHandle names no exchange that a tester has begun.
var noHandle = strings.Repeat("5a", 16)

func prepare(what string, body map[string]any) request {
	return posted("/v1/development/" + what).json(body)
}

// replied is a reply to a message that nobody has prepared.
func replied() request {
	return prepare("replies", map[string]any{"handle": noHandle, "message": encode([]byte("nothing"))})
}

func (w *guarded) adminSamples() map[string]asks {
	bundle := []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + string(patientResource("guarded-imported")) + `}]}`)
	desk := func(mrn string) request { return posted("/v1/desk-codes").json(map[string]string{"mrn": mrn}) }
	return map[string]asks{
		"POST /fhir/bundles":                one(posted("/fhir/bundles").raw("application/fhir+json", bundle)),
		"GET /fhir/imports/{import}":        {absent: fixed(get("/fhir/imports/%s", noHandle))},
		"GET /fhir/imports/{import}/events": {absent: fixed(get("/fhir/imports/%s/events", noHandle))},
		"POST /v1/desk-codes":               {own: fixed(desk(w.a.mrn)), absent: fixed(desk("nobody"))},
		"GET /v1/audit":                     one(get("/v1/audit?from=1")),

		"POST /v1/development/index-entries": {own: fixed(prepare("index-entries", map[string]any{})),
			absent: fixed(prepare("index-entries", map[string]any{"handle": noHandle}))},
		"POST /v1/development/replies": {absent: fixed(replied())},
	}
}

func (w *guarded) portalSamples() map[string]asks {
	const relay = "/v1/relay/cloud"
	hospital := "/v1/relay/hospitals/" + string(w.at.Hospitals[0].ID)
	m := w.visitSamples()
	maps.Copy(m, map[string]asks{
		"GET /":                             one(get("/")),
		"GET /visit":                        one(get("/visit")),
		"GET /visit.css":                    one(get("/visit.css")),
		"GET /config.json":                  one(get("/config.json")),
		"GET /v1/doctors/{credential}/card": w.cards("/v1/doctors/%s/card"),
		"POST /v1/logins/challenges":        one(posted("/v1/logins/challenges")),
		"POST /v1/logins": {
			own:    func(p principal) request { return w.login(p.of, p.of.doctor.sign, nil) },
			other:  func(p principal) request { return w.login(p.other, p.of.doctor.sign, nil) },
			absent: func(p principal) request { return w.login(p.of, p.of.doctor.sign, random(32)) },
		},
		"GET /v1/inbox":        one(get("/v1/inbox")),
		"GET /v1/inbox/events": one(get("/v1/inbox/events")),

		"GET /v1/relay/cloud/v1/parameters":                one(get(relay + "/v1/parameters")),
		"GET /v1/relay/cloud/v1/directory":                 one(get(relay + "/v1/directory")),
		"GET /v1/relay/cloud/v1/revocations":               one(get(relay + "/v1/revocations")),
		"GET /v1/relay/cloud/v1/successions":               one(get(relay + "/v1/successions")),
		"GET /v1/relay/cloud/v1/prekeys/{owner}":           w.prekeys(relay + "/v1/prekeys/%s"),
		"POST /v1/relay/cloud/v1/registrations/challenges": one(posted(relay + "/v1/registrations/challenges")),
		"POST /v1/relay/cloud/v1/registrations": {
			own:    func(principal) request { return w.colleague(nil).below(relay) },
			other:  func(p principal) request { return w.colleague(p.other.doctor.certificate).below(relay) },
			absent: func(principal) request { return w.colleague([]byte("a.b.c")).below(relay) },
		},
	})
	for route, a := range w.sealedSamples() {
		method, path, _ := strings.Cut(route, " ")
		m[method+" "+relay+path] = a.below(relay)
	}
	for route, a := range w.sessionSamples(hospital) {
		m[strings.Replace(route, " ", " /v1/relay/hospitals/{hospital}", 1)] = a
	}
	return m
}

func (q request) below(prefix string) request { q.path = prefix + q.path; return q }

func (a asks) below(prefix string) asks {
	under := func(f func(principal) request) func(principal) request {
		if f == nil {
			return nil
		}
		return func(p principal) request { return f(p).below(prefix) }
	}
	return asks{under(a.own), under(a.other), under(a.absent)}
}

// visitSamples are the messages between patients and doctors. Each visit is new, because
// each step happens once.
func (w *guarded) visitSamples() map[string]asks {
	m3 := func(p *party, sid [16]byte) request {
		return posted("/v1/visit/messages").message(p.inSessionOf(sid, message.TypeM3))
	}
	return map[string]asks{
		"POST /v1/doctors/{credential}/messages": {
			own: func(p principal) request { return p.of.consult(p.of.doctor.credential.Hash(), [16]byte(random(16))) },
			other: func(p principal) request {
				return p.of.consult(p.other.patient.credential.Hash(), [16]byte(random(16)))
			},
			absent: func(p principal) request {
				return p.of.consult(message.Hash(bytes.Repeat([]byte{0xa5}, 32)), [16]byte(random(16)))
			},
		},
		"POST /v1/visit/messages": {
			own:    func(p principal) request { p.of.visit = w.meetDoctor(p.of); return m3(p.of, p.of.visit) },
			other:  func(p principal) request { return m3(p.of, w.meetDoctor(p.other)) },
			absent: func(p principal) request { return m3(p.of, [16]byte(random(16))) },
		},
		"GET /v1/visit/messages": one(get("/v1/visit/messages")),
		"POST /v1/inbox/messages": {
			own:    func(p principal) request { return p.of.toPatient(w.begun(p.of)) },
			other:  func(p principal) request { return p.of.toPatient(w.begun(p.other)) },
			absent: func(p principal) request { return p.of.toPatient([16]byte(random(16))) },
		},
	}
}

// begun is a new visit of the party that waits for its doctor.
func (w *guarded) begun(p *party) [16]byte {
	sid := [16]byte(random(16))
	w.must(w.at.Portal, p.consult(p.doctor.credential.Hash(), sid), "")
	return sid
}

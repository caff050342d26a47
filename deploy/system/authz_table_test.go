package system_test

import "slices"

// rule says who may use a route, and what answers them. Whoever it does not name is
// answered with 401.
//
// own, other and absent are the statuses for what belongs to the one who asks, for what
// belongs to somebody else, and for what does not exist: 0 where there is no such thing.
// The last two must be told apart by nobody.
type rule struct {
	route              string
	let                []string // principals
	own, other, absent int
	without            []string // principals of this service without the scope: 403
}

// everybody is all principals: no credential is asked for, and none is looked at.
var everybody = []string{"everybody"}

// Sets of principals that several rules name.
var (
	inVisit   = []string{patientA, patientB, inventedVisit}
	doctors   = []string{doctorA, doctorB}
	theDoctor = []string{doctorsAgentA}
	herself   = []string{patientsAgentA, pageA}
	toImport  = []string{hospitalImport}
	toAdmin   = []string{hospitalAdmin}
	operator  = []string{cloudOperator}
	// noToken are those whose request has no Authorization header.
	noToken = slices.Concat([]string{nobody}, inVisit, []string{pageA, pageB, pageCookie, pageForeign, pageExpired})

	notOperator = []string{cloudAdmin, cloudImport, cloudSession}
	notImport   = []string{hospitalAdmin, hospitalOp, hospitalSess}
	notAdmin    = []string{hospitalImport, hospitalOp, hospitalSess}
)

// authorization is the whole of it, by surface. A route that no rule names fails the test,
// and so does a rule without a route.
var authorization = []struct {
	surface string
	rules   []rule
}{
	{"public cloud", slices.Concat(probes, []rule{
		{"GET /v1/parameters", everybody, 200, 0, 0, nil},
		{"GET /v1/directory", everybody, 200, 0, 0, nil},
		{"GET /v1/revocations", everybody, 200, 0, 0, nil},
		{"GET /v1/successions", everybody, 200, 0, 0, nil},
		{"GET /v1/log", everybody, 200, 0, 0, nil},
		{"GET /v1/doctors/{credential}", everybody, 200, 404, 404, nil},
		{"GET /v1/prekeys/{owner}", everybody, 200, 404, 404, nil},
		{"PUT /v1/prekeys", everybody, 204, 403, 403, nil},
		{"POST /v1/registrations/challenges", everybody, 200, 0, 0, nil},
		{"POST /v1/registrations", slices.Concat(noToken, operator), 201, 403, 403, notOperator}, // a token is optional, and must hold
		{"POST /v1/searches", everybody, 200, 403, 403, nil},
		{"POST /v1/index-entries", everybody, 200, 403, 403, nil},
		{"POST /v1/diagnosis-entries", everybody, 200, 403, 403, nil},
		{"POST /v1/questions", everybody, 200, 403, 403, nil},
		{"POST /v1/operator/patient-codes", operator, 201, 0, 0, notOperator},
		{"POST /v1/operator/revocations", operator, 204, 0, 404, notOperator},
	})},
	{"hospital", slices.Concat(probes, []rule{
		{"POST /v1/enrolments", everybody, 200, 403, 403, nil},
		{"POST /v1/questions", everybody, 200, 403, 403, nil},
		{"POST /v1/sessions", everybody, 200, 403, 403, nil},
		{"POST /v1/releases", everybody, inVisitOnly, 403, 403, nil},
		{"POST /v1/diagnoses", everybody, inVisitOnly, 403, 403, nil},
	})},
	{"hospital's administration", slices.Concat(probes, []rule{
		{"POST /fhir/bundles", toImport, 200, 0, 0, notImport},
		{"GET /fhir/imports/{import}", toImport, 0, 0, 404, notImport},
		{"GET /fhir/imports/{import}/events", toImport, 0, 0, 404, notImport},
		{"POST /v1/desk-codes", toAdmin, 201, 0, 404, notAdmin},
		{"GET /v1/audit", toAdmin, 200, 0, 0, notAdmin},
		{"POST /v1/development/index-entries", toAdmin, 200, 0, 404, notAdmin},
		{"POST /v1/development/replies", toAdmin, 0, 0, 404, notAdmin},
	})},
	{"doctor portal", slices.Concat(probes, []rule{
		{"GET /", everybody, 200, 0, 0, nil},
		{"GET /visit", everybody, 200, 0, 0, nil},
		{"GET /visit.css", everybody, 200, 0, 0, nil},
		{"GET /config.json", everybody, 200, 0, 0, nil},
		{"GET /v1/doctors/{credential}/card", everybody, 200, 404, 404, nil},
		{"POST /v1/doctors/{credential}/messages", everybody, 202, 404, 404, nil},
		{"POST /v1/visit/messages", []string{patientA, patientB}, 202, 403, 403, []string{inventedVisit}},
		{"GET /v1/visit/messages", inVisit, 200, 0, 0, nil}, // an invented visit has an empty mailbox
		{"POST /v1/logins/challenges", everybody, 200, 0, 0, nil},
		{"POST /v1/logins", everybody, 200, 403, 403, nil},
		{"GET /v1/inbox", doctors, 200, 0, 0, nil},
		{"GET /v1/inbox/events", doctors, 200, 0, 0, nil},
		{"POST /v1/inbox/messages", doctors, 202, 403, 403, nil},
		{"GET /v1/relay/cloud/v1/parameters", everybody, 200, 0, 0, nil},
		{"GET /v1/relay/cloud/v1/directory", everybody, 200, 0, 0, nil},
		{"GET /v1/relay/cloud/v1/revocations", everybody, 200, 0, 0, nil},
		{"GET /v1/relay/cloud/v1/successions", everybody, 200, 0, 0, nil},
		{"GET /v1/relay/cloud/v1/prekeys/{owner}", everybody, 200, 404, 404, nil},
		{"PUT /v1/relay/cloud/v1/prekeys", doctors, 204, 403, 403, nil},
		{"POST /v1/relay/cloud/v1/registrations/challenges", everybody, 200, 0, 0, nil},
		{"POST /v1/relay/cloud/v1/registrations", everybody, 201, 403, 403, nil},
		{"POST /v1/relay/cloud/v1/searches", doctors, 200, 403, 403, nil},
		{"POST /v1/relay/cloud/v1/diagnosis-entries", doctors, 200, 403, 403, nil},
		{"POST /v1/relay/hospitals/{hospital}/v1/sessions", doctors, 200, 403, 403, nil},
		{"POST /v1/relay/hospitals/{hospital}/v1/releases", doctors, inVisitOnly, 403, 403, nil},
		{"POST /v1/relay/hospitals/{hospital}/v1/diagnoses", doctors, inVisitOnly, 403, 403, nil},
	})},
	{"doctor's agent", slices.Concat(probes, []rule{
		{"GET /v1/doctor", theDoctor, 200, 0, 0, nil},
		{"POST /v1/doctor/certificate-request", theDoctor, 200, 0, 0, nil},
		{"PUT /v1/doctor/certificate", theDoctor, 200, 403, 403, nil},
		{"POST /v1/doctor/registration", theDoctor, 409, 0, 0, nil}, // a visit is open
		{"GET /v1/doctor/card", theDoctor, 200, 0, 0, nil},
		{"GET /v1/doctor/card.png", theDoctor, 200, 0, 0, nil},
		{"GET /v1/visits", theDoctor, 200, 0, 0, nil},
		{"GET /v1/visits/{visit}", theDoctor, 200, 404, 404, nil},
		{"POST /v1/visits/{visit}/open", theDoctor, 200, 404, 404, nil},
		{"GET /v1/visits/{visit}/signals", theDoctor, 200, 404, 404, nil},
		{"POST /v1/visits/{visit}/cancel", theDoctor, 409, 404, 404, nil}, // nothing runs
		{"POST /v1/visits/{visit}/records", theDoctor, 202, 404, 404, nil},
		{"GET /v1/visits/{visit}/records", theDoctor, 200, 404, 404, nil},
		{"GET /v1/visits/{visit}/records/{record}", theDoctor, 200, 404, 404, nil},
		{"GET /v1/visits/{visit}/download", theDoctor, 200, 404, 404, nil},
		{"GET /v1/visits/{visit}/evidence", theDoctor, 200, 404, 404, nil},
		{"GET /v1/visits/{visit}/evidence.json", theDoctor, 200, 404, 404, nil},
		{"GET /v1/events", theDoctor, 200, 0, 0, nil},
		{"POST /v1/visits/{visit}/diagnosis", theDoctor, 200, 404, 404, nil},
		{"POST /v1/development/messages", theDoctor, 200, 404, 404, nil},
		{"POST /v1/development/replies", theDoctor, 0, 0, 404, nil},
		{"POST /v1/visits/{visit}/close", theDoctor, 200, 404, 404, nil},
	})},
	{"patient's agent", slices.Concat(probes, []rule{
		{"GET /", everybody, 200, 0, 0, nil},
		{"POST /v1/page-sessions", everybody, 204, 401, 401, nil}, // the token is in the body
		{"GET /v1/events", []string{patientsAgentA, pageA, pageCookie}, 200, 0, 0, nil},
		{"GET /v1/defaults", herself, 200, 0, 0, nil},
		{"POST /v1/passkeys/challenges", herself, 201, 0, 0, nil},
		{"GET /v1/profile", herself, 200, 0, 0, nil},
		{"PUT /v1/profile", herself, 200, 0, 0, nil},
		{"POST /v1/signals/preview", herself, 200, 0, 0, nil},
		{"POST /v1/approvals", herself, 201, 0, 0, nil},
		{"GET /v1/status", herself, 200, 0, 0, nil},
		{"POST /v1/unlock", herself, 204, 400, 400, nil},   // with her passphrase, another's, an invented one
		{"POST /v1/registration", herself, 409, 0, 0, nil}, // she is registered
		{"GET /v1/identity", herself, 200, 0, 0, nil},
		{"GET /v1/hospitals", herself, 200, 0, 0, nil},
		{"POST /v1/hospitals/{hospital}/enrolment", herself, 201, 403, 403, nil}, // with her code, another's, an invented one
		{"GET /v1/record/{hospital}", herself, 200, 0, 404, nil},
		{"POST /v1/cards", herself, 200, 404, 404, nil},
		{"POST /v1/visits", herself, 202, 404, 404, nil},
		{"GET /v1/visits", herself, 200, 0, 0, nil},
		{"GET /v1/visits/{visit}", herself, 200, 404, 404, nil},
		{"POST /v1/visits/{visit}/end", herself, 409, 404, 404, nil}, // it is over
		{"GET /v1/diagnoses", herself, 200, 0, 0, nil},
		{"GET /v1/consents", herself, 200, 0, 0, nil},
		{"GET /v1/consents/{consent}/uses", herself, 200, 404, 404, nil},
		{"POST /v1/consents/{consent}/revocation", herself, 200, 404, 404, nil},
		{"GET /v1/releases", herself, 200, 0, 0, nil},
		{"POST /v1/development/messages", herself, 200, 0, 404, nil},
		{"POST /v1/development/replies", herself, 0, 0, 404, nil},
		{"POST /v1/lock", herself, 204, 0, 0, nil},
		{"DELETE /v1/page-sessions", herself, 204, 0, 0, nil},
	})},
}

// inVisitOnly is a success that needs the keys of a session: the visit of the agents has
// had it, as the service's log says.
const inVisitOnly = -200

// probes are for the tools of an operator and for readers of the API's document, and name nobody.
var probes = []rule{
	{"GET /openapi.json", everybody, 200, 0, 0, nil},
	{"GET /docs", everybody, 200, 0, 0, nil},
	{"GET /docs/index.html", everybody, 200, 0, 0, nil},
	{"GET /docs/start.js", everybody, 200, 0, 0, nil},
	{"GET /docs/swagger-ui.css", everybody, 200, 0, 0, nil},
	{"GET /docs/swagger-ui-bundle.js", everybody, 200, 0, 0, nil},
	{"GET /livez", everybody, 200, 0, 0, nil},
	{"GET /readyz", everybody, 200, 0, 0, nil},
	{"GET /metrics", everybody, 200, 0, 0, nil},
}

// built are the files of a page, there once it is built. Nothing is asked of whoever
// fetches them.
var built = map[string][]string{
	"doctor portal":   {"GET /icon.svg", "GET /assets/*", "GET /viewer/*"},
	"patient's agent": {"GET /assets/*"},
}

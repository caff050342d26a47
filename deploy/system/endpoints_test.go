package system_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// endpoint is an address that takes sealed or signed bytes.
type endpoint struct {
	name, method, url string
	bearer            string
	capability        string // Visit-Capability
	member            string // of the JSON body: message or signed
	// build makes a message that is well formed and signed for its time; spoil, unless
	// nil, changes the body before it is sealed.
	build func(now time.Time, spoil func([]byte) []byte) []byte
	point []byte // that the body holds, where this receiver reads it
	// pointed is the problem of a body with a bad point: whatever is wrong behind a seal is refused.
	pointed problem.Kind
	timed   bool // the receiver holds the time against its clock
}

// strangers are parties of the test's own, and what they need to be taken seriously.
type strangers struct {
	t         *testing.T
	at        site
	cloud     cloudPeer
	hospital  *registrant // registered, without a service
	doctor    *registrant
	patient   *registrant
	session   string // of the doctor at the portal
	target    message.Credential
	prekey    ecc.KEMPublicKey // of the hospital that is tried
	deskCode  string           // with which the patient enrols
	locator   ecc.SigningKey
	openC     message.OpenC
	consent   message.Consent
	newcomer  message.RegistrationRequest // of a patient without a good code
	colleague message.RegistrationRequest // of a doctor with another's certificate
}

// newStrangers registers parties of the test's own. The name tells them from others.
func newStrangers(t *testing.T, at site, name string) *strangers {
	ctx := t.Context()
	s := &strangers{t: t, at: at, deskCode: "0000-0000-0000", locator: must(ecc.GenerateSigningKey(rand.Reader))}
	var err error
	s.cloud, err = meet(ctx, at)
	ok(t, err)
	s.hospital, err = registerHospital(ctx, at, message.ID("hospital-of-"+name), "http://127.0.0.1:1")
	ok(t, err)
	s.doctor, err = registerDoctor(ctx, at, message.ID("dr-"+name))
	ok(t, err)
	s.patient, err = registerPatient(ctx, at)
	ok(t, err)
	s.findHospital(ctx)
	s.login(ctx)
	s.openC = message.OpenC{Locators: []message.Hash{message.Locator(s.locator.Public())}}
	now := message.MillisOf(time.Now())
	s.consent = message.Consent{Doctor: s.doctor.credential.Hash(), Department: "SURGERY", Purpose: "TREATMENT", NotBefore: now.Add(-time.Hour),
		Expires: now.Add(time.Hour), MaxUses: 3, CommitC: s.openC.Commit(), CommitH: message.Hash{7}}
	s.newcomer = s.request(ctx, message.Patient, s.patient.attribute, []byte("0000-0000-0000"))
	s.colleague = s.request(ctx, message.Doctor, s.doctor.attribute, s.doctor.certificate)
	return s
}

func (s *strangers) request(ctx context.Context, role message.Role, attribute, admission []byte) message.RegistrationRequest {
	r := newRegistrant(role, message.ID(strings.Repeat("0f", 16)))
	r.attribute = attribute
	q := must(r.request(ctx, s.at, must(ecc.GenerateScalar(rand.Reader))))
	q.Admission = admission
	return q
}

func (s *strangers) signed(ctx context.Context, path string) message.Signed {
	var out struct{ Signed string }
	ok(s.t, ask(ctx, http.MethodGet, s.at.Cloud+path, "", nil, &out))
	return must(message.DecodeSigned(must(base64.RawURLEncoding.DecodeString(out.Signed))))
}

func (s *strangers) findHospital(ctx context.Context) {
	now := message.MillisOf(time.Now())
	d := must(message.OpenDirectory(s.signed(ctx, "/v1/directory"), s.at.Pins, now))
	for _, h := range d.Hospitals {
		if h.Info.ID == s.at.Hospitals[0].ID {
			s.target = h
		}
	}
	c := s.target.Hash()
	k := must(message.OpenPrekey(s.signed(ctx, "/v1/prekeys/"+hex.EncodeToString(c[:])), c, ecc.SuiteX25519, s.target.Info.Keys.Sign, now))
	s.prekey = k.Key
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (s *strangers) login(ctx context.Context) {
	var c struct{ Challenge, Origin string }
	ok(s.t, ask(ctx, http.MethodPost, s.at.Portal+"/v1/logins/challenges", "", nil, &c))
	tbs := message.TBSPortalLogin(must(base64.RawURLEncoding.DecodeString(c.Challenge)), s.doctor.credential.Hash(), c.Origin)
	var out struct{ Token string }
	ok(s.t, ask(ctx, http.MethodPost, s.at.Portal+"/v1/logins", "", map[string]string{"credential": encode(s.doctor.credential.Encode()),
		"challenge": c.Challenge, "signature": encode(s.doctor.sign.Sign(tbs))}, &out))
	s.session = out.Token
}

type builder = func(now time.Time, spoil func([]byte) []byte) []byte

// sealedFor builds a message for the holder of an HPKE key.
func sealedFor(to ecc.KEMPublicKey, recipient message.ID, t message.Type, body func(message.Header, ecc.KEMPublicKey) []byte) builder {
	return func(now time.Time, spoil func([]byte) []byte) []byte {
		return must(seal(to, recipient, t, now, func(h message.Header, pke ecc.KEMPublicKey) []byte {
			b := body(h, pke)
			if spoil != nil {
				b = spoil(b)
			}
			return b
		})).raw
	}
}

func (s *strangers) toCloud(t message.Type, body func(message.Header, ecc.KEMPublicKey) []byte) builder {
	return sealedFor(s.cloud.prekey.Key, s.at.Pins.CloudID, t, body)
}

func (s *strangers) toHospital(t message.Type, body func(message.Header, ecc.KEMPublicKey) []byte) builder {
	return sealedFor(s.prekey, s.target.Info.ID, t, body)
}

func (s *strangers) authorizer() message.Authorizer {
	return message.Authorizer{VK: s.locator.Public(), SigmaL: s.locator.Sign(message.TBSSigmaL(s.consent))}
}

func (s *strangers) m4() builder {
	return s.toCloud(message.TypeM4, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		m := message.M4{Doctor: s.doctor.credential, Certificate: s.doctor.certificate, Department: "SURGERY", Consent: s.consent, OpenC: s.openC,
			Authorizers: []message.Authorizer{s.authorizer()}, Mode: message.ModeRead, PKe: pke}
		m.SigD2 = s.doctor.sign.Sign(m.TBS(h, s.at.Pins.CloudID))
		return m.Encode()
	})
}

func (s *strangers) m12() builder {
	return s.toCloud(message.TypeM12, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		e := s.hospital.entry(s.locator, h.Time)
		m := message.M12{Doctor: s.doctor.credential, Certificate: s.doctor.certificate, Consent: s.consent, OpenC: s.openC,
			Authorizer: s.authorizer(), Entry: e, PKe: pke}
		m.SigD7 = s.doctor.sign.Sign(message.TBSD7(h, s.doctor.credential.Hash(), e, s.consent.Hash(), pke))
		return m.Encode()
	})
}

func (s *strangers) indexWrite() builder {
	return s.toCloud(message.TypeIndex, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		e := s.hospital.entry(s.locator, h.Time)
		sig := s.hospital.sign.Sign(message.TBSIndexWrite(h, s.hospital.credential.Hash(), e, pke))
		return message.IndexWrite{Entry: e, VK: s.locator.Public(), PKe: pke, Signature: sig}.Encode()
	})
}

func (s *strangers) cloudQuestion() builder {
	return s.toCloud(message.TypeAsk, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		q := message.Question{Kind: message.AskEntries}
		sig := s.locator.Sign(message.TBSAsk(h, message.Locator(s.locator.Public()), message.CloudHash(s.at.Pins.First.PUKC), q, pke))
		return message.CloudQuestion{VK: s.locator.Public(), Question: q, PKe: pke, Signature: sig}.Encode()
	})
}

func (s *strangers) enrolment() builder {
	return s.toHospital(message.TypeEnrol, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		cP, cH := s.patient.credential.Hash(), s.target.Hash()
		var list []message.EnrolledLocator
		for _, d := range message.SortCodes([]message.Code{"EMERGENCY", "GENERAL", "INPATIENT", "OBSTETRICS", "OUTPATIENT", "SURGERY"}) {
			list = append(list, message.NewEnrolledLocator(s.locator, cP, cH, d, message.Hash{1}))
		}
		e := message.Enrolment{Patient: s.patient.credential, Code: s.deskCode, Locators: list, PKe: pke}
		e.Signature = s.patient.sign.Sign(message.TBSEnrol(h, cP, cH, e.Code, list, pke))
		return e.Encode()
	})
}

func (s *strangers) hospitalQuestion() builder {
	return s.toHospital(message.TypeAsk, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		q := message.Question{Kind: message.AskReleases}
		m := message.HospitalQuestion{Patient: s.patient.credential, Question: q, PKe: pke}
		m.Signature = s.patient.sign.Sign(message.TBSAsk(h, s.patient.credential.Hash(), s.target.Hash(), q, pke))
		return m.Encode()
	})
}

// m6R is R_D3 of every M6 of the stranger.
var m6R = must(ecc.GenerateScalar(rand.Reader)).Public()

func (s *strangers) m6() builder {
	return s.toHospital(message.TypeM6, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		m := message.M6{Doctor: s.doctor.credential, Certificate: s.doctor.certificate, R: m6R, PKe: pke, Consent: s.consent.Hash(), Ticket: message.Hash(random(32))}
		m.SigD3 = s.doctor.sign.Sign(message.TBSD3(h, s.target.Hash(), s.doctor.credential.Hash(), m.R, pke, m.Consent, m.Ticket, s.at.Pins.First.PK))
		return m.Encode()
	})
}

// inSession builds a message of a session that nobody has opened.
func (s *strangers) inSession(t message.Type) builder { return s.inSessionOf([16]byte{5}, t) }

// inSessionOf builds a message of a session without its keys.
func (s *strangers) inSessionOf(sid [16]byte, t message.Type) builder {
	return func(now time.Time, _ func([]byte) []byte) []byte {
		h := must(message.NewHeader(rand.Reader, ecc.SuiteX25519, t, sid, message.MillisOf(now)))
		h.To, h.Seq = message.PeerID(s.target.Hash()), 2
		c := make([]byte, 600)
		rand.Read(c)
		return message.Message{Header: h, Ciphertext: c}.Encode()
	}
}

// registration is M0; it has no header and no time of its own.
func registration(q message.RegistrationRequest) builder {
	return func(_ time.Time, spoil func([]byte) []byte) []byte {
		b := q.Encode()
		if spoil != nil {
			b = spoil(b)
		}
		return b
	}
}

// prekeyOf is a prekey that its owner has signed.
func prekeyOf(x *registrant) builder {
	return func(now time.Time, _ func([]byte) []byte) []byte {
		at := message.MillisOf(now)
		k := message.Prekey{Suite: ecc.SuiteX25519, Owner: x.credential.Hash(), Key: x.kem.Public(), NotBefore: at, NotAfter: at.Add(time.Hour)}
		return message.Sign(x.sign, k.Encode()).Encode()
	}
}

// endpoints are all that take messages, with what is good for each.
func (s *strangers) endpoints() []endpoint {
	cloud, h, portal := s.at.Cloud, s.at.Hospitals[0].URL, s.at.Portal
	relay, hospital := portal+"/v1/relay/cloud", portal+"/v1/relay/hospitals/"+string(s.target.Info.ID)
	cD := s.doctor.credential.Hash()
	capability := encode(bytes.Repeat([]byte{5}, 16))
	rD, rH, rP := s.doctor.credential.R.Bytes(), s.hospital.credential.R.Bytes(), s.patient.credential.R.Bytes()
	X, colleagueX := s.newcomer.Registration.X.Bytes(), s.colleague.Registration.X.Bytes()
	list := []endpoint{
		{name: "registrations", url: cloud + "/v1/registrations", build: registration(s.newcomer), point: X},
		{name: "searches", url: cloud + "/v1/searches", build: s.m4(), point: rD, timed: true},
		{name: "index entries", url: cloud + "/v1/index-entries", build: s.indexWrite(), point: rH, timed: true},
		{name: "diagnosis entries", url: cloud + "/v1/diagnosis-entries", build: s.m12(), point: rD, timed: true},
		{name: "questions", url: cloud + "/v1/questions", build: s.cloudQuestion(), point: s.locator.Public().Bytes(), timed: true},
		{name: "prekeys", url: cloud + "/v1/prekeys", method: http.MethodPut, member: "signed", build: prekeyOf(s.doctor)},
		{name: "enrolments", url: h + "/v1/enrolments", build: s.enrolment(), point: rP, timed: true},
		{name: "hospital questions", url: h + "/v1/questions", build: s.hospitalQuestion(), point: rP, timed: true},
		{name: "sessions", url: h + "/v1/sessions", build: s.m6(), point: m6R.Bytes(), timed: true},
		{name: "releases", url: h + "/v1/releases", build: s.inSession(message.TypeM8), timed: true},
		{name: "diagnoses", url: h + "/v1/diagnoses", build: s.inSession(message.TypeM11), timed: true},
		{name: "waiting room", url: portal + "/v1/doctors/" + hex.EncodeToString(cD[:]) + "/messages", build: s.inSession(message.TypeM1)},
		{name: "visit", url: portal + "/v1/visit/messages", capability: capability, build: s.inSession(message.TypeM3)},
		{name: "to the patient", url: portal + "/v1/inbox/messages", bearer: s.session, build: s.inSession(message.TypeM2)},
		{name: "relayed registration", url: relay + "/v1/registrations", build: registration(s.colleague), point: colleagueX},
		{name: "relayed prekey", url: relay + "/v1/prekeys", method: http.MethodPut, bearer: s.session, member: "signed", build: prekeyOf(s.doctor)},
		{name: "relayed search", url: relay + "/v1/searches", bearer: s.session, build: s.m4(), point: rD, timed: true},
		{name: "relayed entry", url: relay + "/v1/diagnosis-entries", bearer: s.session, build: s.m12(), point: rD, timed: true},
		{name: "relayed session", url: hospital + "/v1/sessions", bearer: s.session, build: s.m6(), point: m6R.Bytes(), timed: true},
		{name: "relayed release", url: hospital + "/v1/releases", bearer: s.session, build: s.inSession(message.TypeM8), timed: true},
		{name: "relayed diagnosis", url: hospital + "/v1/diagnoses", bearer: s.session, build: s.inSession(message.TypeM11), timed: true},
	}
	for i := range list {
		e := &list[i]
		if e.method == "" {
			e.method = http.MethodPost
		}
		e.pointed = problem.KindInvalid
		if e.timed {
			e.pointed = problem.KindRefused
		}
		if e.member == "" {
			e.member = "message"
		}
	}
	return list
}

package system_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// request is one request without its credential.
type request struct {
	method, path, kind string
	body               []byte
}

func get(format string, args ...any) request {
	return request{method: http.MethodGet, path: fmt.Sprintf(format, args...)}
}

func posted(path string) request { return request{method: http.MethodPost, path: path} }

func (q request) json(v any) request {
	q.kind, q.body = "application/json", must(json.Marshal(v))
	return q
}

func (q request) raw(kind string, body []byte) request { q.kind, q.body = kind, body; return q }

// message puts canonical bytes into the body.
func (q request) message(build builder) request {
	return q.json(map[string]string{"message": encode(build(time.Now(), nil))})
}

func (q request) signed(build builder) request {
	return q.json(map[string]string{"signed": encode(build(time.Now(), nil))})
}

func hexOf(h message.Hash) string { return hex.EncodeToString(h[:]) }

// nothing is the hash of nobody's credential and of no consent.
var nothing = hexOf(message.Hash(bytes.Repeat([]byte{0xa5}, 32)))

// anew is the party with a consent that was not used before.
func (p *party) anew() *strangers {
	s := *p.strangers
	rand.Read(s.consent.CID[:])
	return &s
}

// posing are messages that name the other party and are signed by this one.
func (p *party) posing(as *party) *strangers {
	s := as.anew()
	s.doctor, s.patient, s.hospital = as.doctor.signedBy(p.doctor), as.patient.signedBy(p.patient), as.hospital.signedBy(p.hospital)
	return s
}

// posingAsNobody are messages that name parties whom the public cloud never registered.
func (p *party) posingAsNobody() *strangers {
	s := p.anew()
	s.doctor, s.patient, s.hospital = p.doctor.unregistered(), p.patient.unregistered(), p.hospital.unregistered()
	s.consent.Doctor = s.doctor.credential.Hash()
	return s
}

// carrying are messages of this party's doctor with a consent that the other's patient
// gave to another doctor.
func (p *party) carrying(of *party) *strangers {
	s := of.anew()
	s.doctor, s.hospital = p.doctor, p.hospital
	return s
}

// inventing are messages of this party's doctor under a consent to her that no patient
// has signed.
func (p *party) inventing() *strangers {
	s := p.anew()
	s.locator = must(ecc.GenerateSigningKey(rand.Reader))
	return s
}

func (h *registrant) signedBy(x *registrant) *registrant { c := *h; c.sign = x.sign; return &c }

func (h *registrant) unregistered() *registrant {
	c := *h
	c.credential.Info.Epoch++
	return &c
}

// consult is M1 to a doctor.
func (p *party) consult(doctor message.Hash, sid [16]byte) request {
	return posted("/v1/doctors/" + hexOf(doctor) + "/messages").message(p.inSessionOf(sid, message.TypeM1))
}

func (p *party) toPatient(sid [16]byte) request {
	return posted("/v1/inbox/messages").message(p.inSessionOf(sid, message.TypeM2))
}

// enrolment is the party's patient with a desk code of the first hospital.
func (w *guarded) enrolment(p *strangers, code string) request {
	s := *p
	s.deskCode = code
	return posted("/v1/enrolments").message(s.enrolment())
}

// newlyRegistered is the party with another patient, whom no hospital has seen.
func (w *guarded) newlyRegistered(p *party) *strangers {
	s := p.anew()
	s.patient, s.locator = must(registerPatient(w.t.Context(), w.at)), must(ecc.GenerateSigningKey(rand.Reader))
	return s
}

// askOf is a question to the public cloud under a locator key that vk names and sk signs.
func (p *party) askOf(vk ecc.VerifyKey) builder {
	return p.toCloud(message.TypeAsk, func(h message.Header, pke ecc.KEMPublicKey) []byte {
		q := message.Question{Kind: message.AskEntries}
		sig := p.locator.Sign(message.TBSAsk(h, message.Locator(vk), message.CloudHash(p.at.Pins.First.PUKC), q, pke))
		return message.CloudQuestion{VK: vk, Question: q, PKe: pke, Signature: sig}.Encode()
	})
}

// prekeyFor is a prekey of an owner, signed by this party's doctor.
func (p *party) prekeyFor(owner message.Hash) builder {
	return func(now time.Time, _ func([]byte) []byte) []byte {
		at := message.MillisOf(now)
		k := message.Prekey{Suite: ecc.SuiteX25519, Owner: owner, Key: p.doctor.kem.Public(), NotBefore: at, NotAfter: at.Add(time.Hour)}
		return message.Sign(p.doctor.sign, k.Encode()).Encode()
	}
}

// newcomer is the registration of a patient who has nothing but a code.
func (w *guarded) newcomer(code []byte) request {
	q := must(newPatient().request(w.t.Context(), w.at, must(ecc.GenerateScalar(rand.Reader))))
	q.Admission = code
	return posted("/v1/registrations").message(registration(q))
}

// colleague is the registration of a doctor under somebody's certificate; nil is her own.
func (w *guarded) colleague(certificate []byte) request {
	d := must(certifiedDoctor(w.t.Context(), w.at, message.ID("dr-"+hex.EncodeToString(random(8)))))
	if certificate == nil {
		certificate = d.certificate
	}
	q := must(d.request(w.t.Context(), w.at, must(ecc.GenerateScalar(rand.Reader))))
	q.Admission = certificate
	return posted("/v1/registrations").message(registration(q))
}

func random(n int) []byte { b := make([]byte, n); rand.Read(b); return b }

// login is the party's doctor at the portal, who answers a challenge with a key.
func (w *guarded) login(p *party, key ecc.SigningKey, challenge []byte) request {
	if challenge == nil {
		var c struct{ Challenge string }
		ok(w.t, ask(w.t.Context(), http.MethodPost, w.at.Portal+"/v1/logins/challenges", "", nil, &c))
		challenge = must(base64.RawURLEncoding.DecodeString(c.Challenge))
	}
	tbs := message.TBSPortalLogin(challenge, p.doctor.credential.Hash(), w.at.Portal)
	return posted("/v1/logins").json(map[string]string{"credential": encode(p.doctor.credential.Encode()),
		"challenge": encode(challenge), "signature": encode(key.Sign(tbs))})
}

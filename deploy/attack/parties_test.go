package attack_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
	"medunion/patient-agent/patient"
	"medunion/privatecloud/hospital"
)

// seenStore stands for the doctor's sealed file.
type seenStore struct {
	mu   sync.Mutex
	seen map[[16]byte]bool
}

func (s *seenStore) Accept(_ context.Context, id [16]byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[id] {
		return problem.Refused(errors.New("answered before"))
	}
	s.seen[id] = true
	return nil
}

// physician is a doctor with all that she keeps.
type physician struct {
	*doctor.Doctor
	u     *union
	seen  *seenStore
	ahead time.Duration // of what she stamps
	rand  io.Reader
	cred  message.Credential
}

func (p *physician) config() doctor.Config {
	return doctor.Config{Pins: p.u, VerifyCertificate: p.u.verify, Now: p.u.clock.Now, Rand: p.rand, Seen: p.seen,
		Stamp: func() time.Time { return p.u.clock.Now().Add(p.ahead) }}
}

// doctor certifies and registers a doctor.
func (u *union) doctor(departments ...string) *physician {
	u.Helper()
	return u.doctorOf(u.suite, rand.Reader, departments...)
}

func (u *union) doctorOf(s ecc.Suite, random io.Reader, departments ...string) *physician {
	u.Helper()
	u.serial++
	if departments == nil {
		departments = []string{"OUTPATIENT"}
	}
	p := &physician{u: u, seen: &seenStore{seen: map[[16]byte]bool{}}, rand: random}
	d, err := doctor.New(p.config(), s, message.ID(fmt.Sprintf("dr-%d", u.serial)))
	ok(u, err)
	p.Doctor = d
	q, _ := d.RequestCertificate(message.CertificateRequest{Authority: authorityName, Licence: fmt.Sprintf("L-%d", u.serial), Name: "Dr Okafor",
		Departments: departments})
	ok(u, d.SetCertificate(must(u.authority.Issue(q, u.clock.Now()))))
	req, err := d.Register(must(u.cloud.Challenge()))
	ok(u, err)
	reply, err := u.cloud.Register(u.Context(), req.Encode(), false)
	ok(u, err)
	ok(u, d.AcceptRegistration(must(message.DecodeRegistrationReply(reply))))
	p.cred = must(d.Credential())
	p.refresh()
	return p
}

// refresh fetches the revocation list and publishes the prekey.
func (p *physician) refresh() {
	p.u.Helper()
	p.u.clock.move(6 * time.Second)
	ok(p.u, p.AcceptRevocations(must(message.DecodeSigned(must(p.u.cloud.RevocationList(p.u.Context()))))))
	pre, _, err := p.Prekey()
	ok(p.u, err)
	ok(p.u, p.u.cloud.PublishPrekey(p.u.Context(), pre.Encode()))
}

// person is a patient with her device.
type person struct {
	*patient.Patient
	u     *union
	uv    ecc.SigningKey
	ahead time.Duration
	keys  patient.Identity
	rand  io.Reader
}

func (p *person) config() patient.Config {
	return patient.Config{Now: p.u.clock.Now, Rand: p.rand, Pins: p.u, VerifyCertificate: p.u.verify,
		Stamp: func() time.Time { return p.u.clock.Now().Add(p.ahead) }}
}

// with is the same device with other keys in it.
func (p *person) with(edit func(*patient.Identity)) *person {
	keys := p.keys
	edit(&keys)
	q := &person{u: p.u, uv: p.uv, keys: keys, rand: rand.Reader}
	q.Patient = must(patient.New(q.config(), keys))
	return q
}

// stranger has keys but no credential.
func (u *union) stranger(s ecc.Suite, random io.Reader) *person {
	p := &person{u: u, uv: must(ecc.GenerateSigningKey(rand.Reader)), rand: random}
	p.keys = must(patient.NewIdentity(random, s, p.uv.Public()))
	p.Patient = must(patient.New(p.config(), p.keys))
	return p
}

// patient registers a patient.
func (u *union) patient() *person {
	u.Helper()
	return u.patientOf(u.suite, rand.Reader)
}

func (u *union) patientOf(s ecc.Suite, random io.Reader) *person {
	u.Helper()
	p := u.stranger(s, random)
	req, err := p.RequestRegistration(must(u.cloud.Challenge()), u.code())
	ok(u, err)
	reply, err := u.cloud.Register(u.Context(), req.Encode(), false)
	ok(u, err)
	ok(u, p.AcceptRegistration(must(message.DecodeRegistrationReply(reply))))
	p.keys = p.Identity()
	return p
}

func (u *union) code() string {
	u.Helper()
	code, _, err := u.cloud.NewPatientCode(u.Context())
	ok(u, err)
	return code
}

func (u *union) revoked() message.Revocations {
	s := must(message.DecodeSigned(must(u.cloud.RevocationList(u.Context()))))
	return must(message.OpenRevocations(s, u.pins, u.clock.millis()))
}

func (u *union) prekey(c message.Credential) message.Signed {
	u.Helper()
	return must(message.DecodeSigned(must(u.cloud.Prekey(u.Context(), c.Hash()))))
}

func (u *union) cloudPrekey(s ecc.Suite) message.Signed {
	u.Helper()
	return must(message.DecodeSigned(must(u.cloud.OwnPrekey(u.Context(), s))))
}

// card is a doctor as her QR code and the public cloud show her, verified.
func (p *person) card(d *physician) patient.Doctor {
	p.u.Helper()
	c := must(p.u.cloud.Doctor(p.u.Context(), d.cred.Hash()))
	return must(p.VerifyCard(d.cred.Hash(), patient.Card{Credential: must(message.DecodeCredential(c.Credential)), Certificate: c.Certificate,
		Prekey: must(message.DecodeSigned(c.Prekey))}, p.u.revoked()))
}

func (p *person) hospital(h *house) patient.Hospital {
	p.u.Helper()
	return must(p.VerifyHospital(h.cred, p.u.prekey(h.cred), p.u.revoked()))
}

var departments = []message.Code{"EMERGENCY", "GENERAL", "INPATIENT", "OBSTETRICS", "OUTPATIENT", "SURGERY"}

// enrol imports records at a hospital, enrols the patient with them and lets the
// hospital publish their index entries.
func (p *person) enrol(h *house, records ...hospital.Resource) {
	p.u.Helper()
	mrn := "mrn-" + rand.Text()
	_, err := h.node.ImportPatient(p.u.Context(), mrn, records)
	ok(p.u, err)
	pending, m, err := p.Enrol(p.hospital(h), p.deskCode(h, mrn), departments)
	ok(p.u, err)
	_, err = pending.Accept(p.u.mustAsk(h.node, m))
	ok(p.u, err)
	p.u.settle(h) // the hospital's own publisher may have been faster and not be done
}

func (p *person) deskCode(h *house, mrn string) string {
	p.u.Helper()
	code, _, err := h.node.NewDeskCode(p.u.Context(), mrn)
	ok(p.u, err)
	return code
}

// lab is a laboratory result of the department GENERAL, padded to a size.
func lab(id string, size int) hospital.Resource {
	pad := make([]byte, size)
	for i := range pad {
		pad[i] = 'x'
	}
	return hospital.Resource{Type: "Observation", ID: id, Department: "GENERAL", Class: "LAB", Date: 1_600_000_000_000,
		Bytes: fmt.Appendf(nil, `{"resourceType":"Observation","id":%q,"status":"final","note":[{"text":%q}]}`, id, pad)}
}

// asks puts a question to a hospital and returns the answer's content.
func (p *person) asks(h *house, q message.Question) []byte {
	p.u.Helper()
	pending, m, err := p.AskHospital(p.hospital(h), q)
	ok(p.u, err)
	a, err := pending.Open(p.u.mustAsk(h.node, m))
	ok(p.u, err)
	return a.Content
}

// asksCloud puts a question to the public cloud under the locator of GENERAL.
func (p *person) asksCloud(q message.Question) []byte {
	p.u.Helper()
	pending, m, err := p.AskCloud(p.u.cloudPrekey(p.keys.Suite), "GENERAL", q)
	ok(p.u, err)
	a, err := pending.Open(p.u.mustAsk(p.u.pc(), m))
	ok(p.u, err)
	return a.Content
}

func (p *person) receipts(h *house) []message.Release {
	p.u.Helper()
	list := must(message.DecodeReleases(p.asks(h, message.Question{Kind: message.AskReleases, From: 1})))
	ok(p.u, patient.CheckReleases(0, list))
	return list
}

func (p *person) uses(consent message.Hash) int {
	p.u.Helper()
	return len(must(message.DecodeUses(p.asksCloud(message.Question{Kind: message.AskUses, Consent: consent}))))
}

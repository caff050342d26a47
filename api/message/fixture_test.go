package message_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

const now = message.Millis(1_790_000_000_000)

// world is one deterministic set of parties, so that golden files pin every byte.
type world struct {
	t                         testing.TB
	rand                      io.Reader
	suite                     ecc.Suite
	issuer                    *ecc.Issuer
	cloud                     ecc.SigningKey
	pins                      message.Pins
	patient, doctor, hospital party
	uv                        ecc.SigningKey
	kLoc                      []byte
}

type party struct {
	cred message.Credential
	sign ecc.SigningKey
	kem  ecc.KEMPrivateKey
	s    ecc.Scalar
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newWorld(t testing.TB, suite ecc.Suite) *world {
	w := &world{t: t, rand: rand.NewChaCha8([32]byte{1, byte(suite)}), suite: suite, kLoc: bytes.Repeat([]byte{7}, 32)}
	w.issuer = must(ecc.NewIssuer(must(ecc.GenerateScalar(w.rand)), bytes.Repeat([]byte{9}, 32)))
	w.cloud = must(ecc.GenerateSigningKey(w.rand))
	w.uv = must(ecc.GenerateSigningKey(w.rand))
	w.pins = message.Pins{CloudID: "cloud.example", First: message.Root{PK: w.issuer.Public(), PUKC: w.cloud.Public()}}
	attrP := message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Beta(w.uv.Public().Bytes(), message.Hash{}, 1)}
	w.patient = w.register(message.Patient, "0123456789abcdef0123456789abcdef", attrP.Encode())
	hc := ecc.Sum(certD)
	w.doctor = w.register(message.Doctor, "dr-okafor", hc[:])
	w.hospital = w.register(message.Hospital, "st-anna", []byte("https://st-anna.example"))
	return w
}

// certD stands for the compact JWT of Cert_D, whose inside is not read here.
var certD = []byte("eyJ0eXAiOiJkb2N0b3ItY2VydCtqd3QifQ.e30.c2ln")

func (w *world) certificate() message.DoctorCertificate {
	return message.DoctorCertificate{Licence: "L-1", Name: "M. Okafor", Departments: []string{"OUTPATIENT"}, Suite: w.suite,
		SigningKey: w.doctor.sign.Public(), KEMKey: w.doctor.kem.Public(), NotBefore: now.Time(), Expires: now.Time().Add(time.Hour)}
}

func (w *world) register(role message.Role, id message.ID, attr []byte) party {
	x := must(ecc.GenerateScalar(w.rand))
	p := party{sign: must(ecc.GenerateSigningKey(w.rand)), kem: must(ecc.GenerateKEM(w.suite, w.rand))}
	info := message.Info{Suite: w.suite, Role: role, ID: id, Attribute: attr, Epoch: 1, NotBefore: now - 1000, NotAfter: now.Add(24 * time.Hour),
		Keys: message.PublicKeys{Sign: p.sign.Public(), KEM: p.kem.Public()}}
	pk := must(w.issuer.Issue(w.rand, []byte("req"), x.Public(), info.Encode()))
	p.s = must(ecc.Accept(x, info.Encode(), pk, w.pins.First.PK))
	p.cred = message.Credential{Info: info, R: pk.R, Signature: w.cloud.Sign(message.TBSCredential(info, pk.R))}
	return p
}

func (w *world) header(t message.Type) message.Header {
	return must(message.NewHeader(w.rand, w.suite, t, [16]byte{}, now))
}

func (w *world) consent() message.CON {
	var l []message.Hash
	keys := map[message.Hash]ecc.SigningKey{}
	for _, d := range []message.Code{"GENERAL", "OUTPATIENT"} {
		k := must(message.LocatorKey(w.kLoc, d))
		l = append(l, message.Locator(k.Public()))
		keys[message.Locator(k.Public())] = k
	}
	c := message.CON{OpenC: message.OpenC{Salt: [16]byte{1}, Locators: message.SortHashes(l)}}
	c.OpenH = message.OpenH{Salt: [16]byte{2}, Patient: w.patient.cred.Info.ID, WriteTo: "st-anna", Grants: []message.Grant{
		{Hospital: "mercy", Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB"}},
		{Hospital: "st-anna", Departments: []message.Code{"GENERAL", "OUTPATIENT"}, Classes: []message.Code{"LAB", "VITAL"}}}}
	c.Consent = message.Consent{CID: [16]byte{3}, Doctor: w.doctor.cred.Hash(), Department: "OUTPATIENT", Purpose: "TREATMENT",
		NotBefore: now, Expires: now.Add(24 * time.Hour), MaxUses: 3, CommitC: c.OpenC.Commit(), CommitH: c.OpenH.Commit()}
	w.signConsent(&c, keys)
	c.IndexKeys = []message.SharedIndexKey{w.indexKey("GENERAL", "mercy"), w.indexKey("GENERAL", "st-anna"), w.indexKey("OUTPATIENT", "st-anna")}
	return c
}

func (w *world) indexKey(department message.Code, hospital message.ID) message.SharedIndexKey {
	return message.SharedIndexKey{Department: department, Hospital: hospital, Key: message.IndexKey(w.kLoc, department, hospital)}
}

func (w *world) signConsent(c *message.CON, keys map[message.Hash]ecc.SigningKey) {
	c.SigmaP = w.patient.sign.Sign(message.TBSSigmaP(c.Consent))
	c.Assertion = message.AssertPassphrase(w.uv, 1, c.Consent)
	c.Authorizers = nil
	for _, l := range c.OpenC.Locators {
		k := keys[l]
		c.Authorizers = append(c.Authorizers, message.Authorizer{VK: k.Public(), SigmaL: k.Sign(message.TBSSigmaL(c.Consent))})
	}
}

func (w *world) entry() (message.Entry, ecc.SigningKey) {
	k := must(message.LocatorKey(w.kLoc, "GENERAL"))
	l, cH := message.Locator(k.Public()), w.hospital.cred.Hash()
	v := must(message.SealIndex(w.rand, message.IndexKey(w.kLoc, "GENERAL", "st-anna"), l, cH, w.content()))
	tbs := message.TBSIndex(cH, l, k.Public(), v, now)
	return message.Entry{Locator: l, Value: v, Time: now, SigIndex: w.hospital.sign.Sign(tbs), Hospital: w.hospital.cred}, k
}

func (w *world) content() message.IndexContent {
	return message.IndexContent{Hospital: "st-anna", Departments: []message.Code{"GENERAL"}, Classes: []message.Code{"LAB", "VITAL"}, First: now - 10, Last: now}
}

func (w *world) ticket(c message.CON) message.Signed {
	t := message.Ticket{Header: w.header(message.TypeM5), Doctor: w.doctor.cred.Hash(), Department: "OUTPATIENT",
		Consent: c.Consent.Hash(), Mode: message.ModeRead, Issued: now, Expires: now.Add(5 * time.Minute)}
	return message.Sign(w.cloud, t.Encode())
}

func (w *world) authority() message.Authority {
	c := w.consent()
	return message.Authority{PatientID: w.patient.cred.Info.ID, Patient: w.patient.cred, Consent: c.Consent, OpenH: c.OpenH,
		SigmaP: c.SigmaP, Assertion: c.Assertion, Ticket: w.ticket(c)}
}

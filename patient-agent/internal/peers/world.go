// Package peers has the other parties of the protocol as a patient meets them, made
// of the messages and the cryptography alone: a registrar and public cloud, doctors,
// hospitals. They are honest; tests make them otherwise. For tests only.
package peers

import (
	"crypto/rand"
	"errors"
	"io"
	"testing"
	"time"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
	"medunion/patient-agent/patient"
)

// Names of the world.
const (
	CloudID  message.ID = "cloud"
	DoctorID message.ID = "dr-okafor"
	AnnaID   message.ID = "st-anna"
	ElseID   message.ID = "elsewhere"
)

// Must returns v or panics: peers do not fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// World is everything around one patient.
type World struct {
	T      testing.TB
	Suite  ecc.Suite
	Now    time.Time
	Rand   io.Reader
	Pins   message.Pins
	Life   time.Duration // of the credentials that the registrar issues
	Cloud  *Cloud
	issuer *ecc.Issuer
	certs  map[string]message.DoctorCertificate
}

// NewWorld makes a registrar and the public cloud.
func NewWorld(t testing.TB, suite ecc.Suite) *World {
	w := &World{T: t, Suite: suite, Life: 365 * 24 * time.Hour, Now: time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC), Rand: rand.Reader, certs: map[string]message.DoctorCertificate{}}
	s := Must(ecc.GenerateScalar(rand.Reader))
	w.issuer = Must(ecc.NewIssuer(s, []byte("hedge key of at least 32 bytes ..")))
	w.Cloud = &Cloud{w: w, Sign: Must(ecc.GenerateSigningKey(rand.Reader)), KEM: Must(ecc.GenerateKEM(suite, rand.Reader))}
	w.Pins = message.Pins{CloudID: CloudID, First: message.Root{PK: s.Public(), PUKC: w.Cloud.Sign.Public()}}
	return w
}

// Succeeded are the pins of whoever knows that another root takes over.
func (w *World) Succeeded(from, until time.Time) message.Pins {
	next := Must(ecc.GenerateSigningKey(rand.Reader))
	return Must(w.Pins.Extend(message.SignSuccession(w.Cloud.Sign, next, message.Succession{CloudID: CloudID, Number: 1, Old: w.Pins.First,
		New: message.Root{PK: Must(ecc.GenerateScalar(rand.Reader)).Public(), PUKC: next.Public()}, From: message.MillisOf(from), Until: message.MillisOf(until)})))
}

// Millis is the time of the world.
func (w *World) Millis() message.Millis { return message.MillisOf(w.Now) }

// Config is for a patient in this world.
func (w *World) Config() patient.Config {
	return patient.Config{Now: func() time.Time { return w.Now }, Rand: w.Rand, Pins: w.Pins, VerifyCertificate: w.VerifyCertificate}
}

// VerifyCertificate stands for the medical authority: it knows what it has certified.
func (w *World) VerifyCertificate(cert []byte, now time.Time) (message.DoctorCertificate, error) {
	c, ok := w.certs[string(cert)]
	if !ok || now.Before(c.NotBefore) || !now.Before(c.Expires) {
		return message.DoctorCertificate{}, errors.New("not a certificate")
	}
	return c, nil
}

// Reply is the registrar's answer to a request (Eq. 2, 3).
func (w *World) Reply(q message.RegistrationRequest) message.RegistrationReply {
	return w.ReplyAs(q, 1)
}

// ReplyAs is the answer that issues the credential of a number.
func (w *World) ReplyAs(q message.RegistrationRequest, epoch uint64) message.RegistrationReply {
	r := q.Registration
	info := message.Info{Suite: r.Suite, Role: r.Role, ID: r.ID, Attribute: r.Attribute, Keys: r.Keys, Epoch: epoch,
		NotBefore: w.Millis().Add(-time.Hour), NotAfter: w.Millis().Add(w.Life)}
	pk := Must(w.issuer.Issue(rand.Reader, r.Encode(), r.X, info.Encode()))
	cred := message.Credential{Info: info, R: pk.R, Signature: w.Cloud.Sign.Sign(message.TBSCredential(info, pk.R))}
	return message.RegistrationReply{Credential: cred, D: pk.D}
}

// Ok fails the test on an error, with its reason.
func (w *World) Ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatalf("%v: %s", err, problem.Reason(err))
	}
}

// NewIdentity draws a patient's identity and her user-verification key.
func (w *World) NewIdentity() (patient.Identity, ecc.SigningKey) {
	uv := Must(ecc.GenerateSigningKey(rand.Reader))
	return Must(patient.NewIdentity(rand.Reader, w.Suite, uv.Public())), uv
}

// NewPatient is a registered patient with her user-verification key.
func (w *World) NewPatient() (*patient.Patient, ecc.SigningKey) {
	w.T.Helper()
	id, uv := w.NewIdentity()
	p := Must(patient.New(w.Config(), id))
	q := Must(p.RequestRegistration(make([]byte, message.ChallengeSize), "CODE"))
	w.Ok(q.Verify())
	w.Ok(p.AcceptRegistration(w.Reply(q)))
	return p, uv
}

// Party is a registered doctor or hospital.
type Party struct {
	W    *World
	Cred message.Credential
	C    message.Hash
	Sign ecc.SigningKey
	S    ecc.Scalar
	Pre  ecc.KEMPrivateKey
}

func (w *World) party(role message.Role, id message.ID, attr func(message.PublicKeys) []byte) Party {
	p := Party{W: w, Sign: Must(ecc.GenerateSigningKey(rand.Reader)), Pre: Must(ecc.GenerateKEM(w.Suite, rand.Reader))}
	x := Must(ecc.GenerateScalar(rand.Reader))
	keys := message.PublicKeys{Sign: p.Sign.Public(), KEM: Must(ecc.GenerateKEM(w.Suite, rand.Reader)).Public()}
	rep := w.Reply(message.RegistrationRequest{Registration: message.Registration{Suite: w.Suite, Role: role, ID: id, X: x.Public(), Keys: keys,
		Attribute: attr(keys), Challenge: make([]byte, message.ChallengeSize)}})
	p.Cred, p.C = rep.Credential, rep.Credential.Hash()
	p.S = Must(ecc.Accept(x, p.Cred.Info.Encode(), ecc.PartialKey{R: p.Cred.R, D: rep.D}, w.Pins.First.PK))
	return p
}

// Prekey is the party's signed prekey, good for an hour.
func (p Party) Prekey() message.Signed {
	k := message.Prekey{Suite: p.W.Suite, Owner: p.C, Key: p.Pre.Public(), NotBefore: p.W.Millis().Add(-time.Minute), NotAfter: p.W.Millis().Add(time.Hour)}
	return message.Sign(p.Sign, k.Encode())
}

// reply seals an answer under a one-time key.
func (p Party) reply(to message.Header, t message.Type, key ecc.KEMPublicKey, recipient message.ID, body func(message.Header) []byte) message.Message {
	return seal(p.W, to, t, key, recipient, body)
}

func seal(w *World, to message.Header, t message.Type, key ecc.KEMPublicKey, recipient message.ID, body func(message.Header) []byte) message.Message {
	h := Must(message.NewHeader(rand.Reader, key.Suite(), t, to.Session, w.Millis()))
	s := Must(message.Begin(rand.Reader, key, recipient, h))
	return Must(s.Seal(body(s.Header())))
}

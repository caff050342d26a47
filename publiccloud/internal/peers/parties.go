// Package peers is for tests: the parties that speak to the public cloud, building
// their messages from api/message and ecc as their own roles do. Every builder
// lets a test alter what is about to be signed or sealed.
package peers

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"medunion/api/message"
	"medunion/ecc"
)

// Party is a patient, doctor or hospital with its keys and, once registered, its
// credential.
type Party struct {
	Role        message.Role
	ID          message.ID
	Suite       ecc.Suite
	Sign        ecc.SigningKey
	KEM         ecc.KEMPrivateKey
	X           ecc.Scalar // x_X
	Attribute   []byte     // attr_X
	Certificate []byte     // Cert_D of a doctor
	Credential  message.Credential
	S           ecc.Scalar // S_X
}

// Must panics on an error: the fixtures of a test cannot fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// New draws a party's keys. A patient gets a random ID and an attribute.
func New(s ecc.Suite, role message.Role, id message.ID) *Party {
	p := &Party{Role: role, ID: id, Suite: s, X: Must(ecc.GenerateScalar(rand.Reader)),
		Sign: Must(ecc.GenerateSigningKey(rand.Reader)), KEM: Must(ecc.GenerateKEM(s, rand.Reader))}
	if role == message.Patient {
		p.Attribute = message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Hash{1}}.Encode()
		if id == "" {
			p.ID = RandomID()
		}
	}
	return p
}

// RandomID is an ID as a patient's agent draws it.
func RandomID() message.ID {
	var b [16]byte
	rand.Read(b[:])
	return message.ID(hex.EncodeToString(b[:]))
}

// Keys are PUK_X.
func (p *Party) Keys() message.PublicKeys {
	return message.PublicKeys{Sign: p.Sign.Public(), KEM: p.KEM.Public()}
}

// Request is the party's part of M0, signed. alter may change Req before it is proved and signed.
func (p *Party) Request(challenge, admission []byte, alter func(*message.Registration)) message.RegistrationRequest {
	q := message.Registration{Suite: p.Suite, Role: p.Role, ID: p.ID, X: p.X.Public(), Keys: p.Keys(),
		Attribute: p.Attribute, Challenge: challenge}
	if alter != nil {
		alter(&q)
	}
	req := q.Encode()
	proof := Must(ecc.ProvePossession(rand.Reader, p.X, ecc.Sum(req)))
	return message.RegistrationRequest{Registration: q, Possession: proof, Signature: p.Sign.Sign(req), Admission: admission}
}

// Complete takes the registrar's reply: Eq. 4, 7, 10 and Cred_X.
func (p *Party) Complete(pins message.Pins, reply []byte, now time.Time) error {
	r, err := message.DecodeRegistrationReply(reply)
	if err != nil {
		return err
	}
	root, err := r.Credential.VerifyIssued(pins, p.Role, message.MillisOf(now))
	if err != nil {
		return err
	}
	p.S, err = ecc.Accept(p.X, r.Credential.Info.Encode(), ecc.PartialKey{R: r.Credential.R, D: r.D}, root.PK)
	p.Credential = r.Credential
	return err
}

// Prekey is a prekey of the party, signed.
func (p *Party) Prekey(from time.Time, alter func(*message.Prekey)) []byte {
	begin := message.MillisOf(from)
	k := message.Prekey{Suite: p.Suite, Owner: p.Credential.Hash(), Key: Must(ecc.GenerateKEM(p.Suite, rand.Reader)).Public(),
		NotBefore: begin, NotAfter: begin.Add(message.MaxPrekeyLife)}
	if alter != nil {
		alter(&k)
	}
	return message.Sign(p.Sign, k.Encode()).Encode()
}

// Locators are n locator keys sk_L of one patient, in the order of their locators.
func Locators(n int) []ecc.SigningKey {
	kLoc := make([]byte, 32)
	rand.Read(kLoc)
	byL := map[message.Hash]ecc.SigningKey{}
	var ls []message.Hash
	for i := range n {
		sk := Must(message.LocatorKey(kLoc, message.Code("DEPT_"+string(rune('A'+i%26))+string(rune('A'+i/26)))))
		l := message.Locator(sk.Public())
		byL[l], ls = sk, append(ls, l)
	}
	out := make([]ecc.SigningKey, n)
	for i, l := range message.SortHashes(ls) {
		out[i] = byL[l]
	}
	return out
}

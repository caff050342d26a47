package system_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/ecc"
)

// registrant is a party without a service or an agent: keys, and a credential that the
// public cloud gave to them.
type registrant struct {
	role        message.Role
	id          message.ID
	attribute   []byte // attr_X
	certificate []byte // Cert_D of a doctor
	sign        ecc.SigningKey
	kem         ecc.KEMPrivateKey
	credential  message.Credential
}

func newRegistrant(role message.Role, id message.ID) *registrant {
	return &registrant{role: role, id: id, sign: must(ecc.GenerateSigningKey(rand.Reader)), kem: must(ecc.GenerateKEM(ecc.SuiteX25519, rand.Reader))}
}

func (h *registrant) keys() message.PublicKeys {
	return message.PublicKeys{Sign: h.sign.Public(), KEM: h.kem.Public()}
}

// registerHospital takes a hospital through M0 with an operator's token.
func registerHospital(ctx context.Context, s site, id message.ID, address string) (*registrant, error) {
	h := newRegistrant(message.Hospital, id)
	h.attribute = []byte(address)
	return h, h.register(ctx, s, nil, s.Operator)
}

// registerDoctor takes a doctor through the development authority and M0.
func registerDoctor(ctx context.Context, s site, id message.ID) (*registrant, error) {
	d, err := certifiedDoctor(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return d, d.register(ctx, s, d.certificate, "")
}

// certifiedDoctor has a Cert_D of the development authority, and no credential yet.
func certifiedDoctor(ctx context.Context, s site, id message.ID) (*registrant, error) {
	d := newRegistrant(message.Doctor, id)
	q := message.CertificateRequest{Authority: s.Authority, Licence: "L-" + string(id), Name: "Of the Tests", Departments: []string{"SURGERY"}, Keys: d.keys()}
	body, err := doctorcert.EncodeRequest(q, d.sign.Sign(q.TBS()))
	if err != nil {
		return nil, err
	}
	var out struct{ Certificate string }
	a, err := call(ctx, http.MethodPost, s.AuthorityURL+"/v1/certificates", "", "application/json", body)
	if err == nil {
		err = a.into(&out)
	}
	if err != nil {
		return nil, err
	}
	d.certificate = []byte(out.Certificate)
	sum := ecc.Sum(d.certificate)
	d.attribute = sum[:]
	return d, nil
}

// registerPatient takes a patient through M0 with a code of the operator's desk.
func registerPatient(ctx context.Context, s site) (*registrant, error) {
	p := newPatient()
	code, err := s.patientCode(ctx)
	if err != nil {
		return nil, err
	}
	return p, p.register(ctx, s, code, "")
}

// newPatient has keys and a random ID_P, and no credential yet.
func newPatient() *registrant {
	var id [16]byte
	rand.Read(id[:])
	p := newRegistrant(message.Patient, message.ID(hex.EncodeToString(id[:])))
	p.attribute = message.PatientAttribute{Kind: message.KindPassphrase, Beta: message.Hash{1}}.Encode()
	return p
}

// patientCode is a registration code of the operator's desk.
func (s site) patientCode(ctx context.Context) ([]byte, error) {
	var out struct{ Code string }
	err := ask(ctx, http.MethodPost, s.Cloud+"/v1/operator/patient-codes", s.Operator, nil, &out)
	return []byte(out.Code), err
}

func (h *registrant) register(ctx context.Context, s site, admission []byte, bearer string) error {
	x, err := ecc.GenerateScalar(rand.Reader)
	if err != nil {
		return err
	}
	q, err := h.request(ctx, s, x)
	if err != nil {
		return err
	}
	q.Admission = admission
	raw, err := post(ctx, s.Cloud+"/v1/registrations", bearer, q.Encode())
	if err != nil {
		return err
	}
	return h.complete(s, x, raw)
}

func (h *registrant) request(ctx context.Context, s site, x ecc.Scalar) (q message.RegistrationRequest, err error) {
	var out struct{ Challenge string }
	if err := ask(ctx, http.MethodPost, s.Cloud+"/v1/registrations/challenges", "", nil, &out); err != nil {
		return q, err
	}
	challenge, err := base64.RawURLEncoding.DecodeString(out.Challenge)
	if err != nil {
		return q, err
	}
	q.Registration = message.Registration{Suite: ecc.SuiteX25519, Role: h.role, ID: h.id, X: x.Public(),
		Keys: h.keys(), Attribute: h.attribute, Challenge: challenge}
	req := q.Registration.Encode()
	q.Possession, err = ecc.ProvePossession(rand.Reader, x, ecc.Sum(req))
	q.Signature = h.sign.Sign(req)
	return q, err
}

// complete checks Cred_X and Eq. 4, 7, 10.
func (h *registrant) complete(s site, x ecc.Scalar, raw []byte) error {
	r, err := message.DecodeRegistrationReply(raw)
	if err != nil {
		return err
	}
	if err := r.Credential.Verify(s.Pins, h.role, message.MillisOf(time.Now())); err != nil {
		return err
	}
	h.credential = r.Credential
	_, err = ecc.Accept(x, r.Credential.Info.Encode(), ecc.PartialKey{R: r.Credential.R, D: r.D}, s.Pins.First.PK)
	return err
}

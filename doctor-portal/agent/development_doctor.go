package agent

import (
	"crypto/rand"
	"encoding/json"

	"medunion/api/doctorcert"
	"medunion/api/message"
	api "medunion/api/openapi/doctoragent"
	"medunion/api/problem"
	"medunion/doctor-portal/doctor"
	"medunion/ecc"
)

// applicant is a doctor in memory, for a registration.
type applicant struct{ role *doctor.Doctor }

// applicant draws her keys and asks for Cert_D.
func (p *preparer) applicant(q api.StepCertificateRequest) (api.Prepared, error) {
	raw, err := p.practice.Raw()
	if err != nil {
		return api.Prepared{}, err
	}
	role, err := raw.NewDoctor(message.ID(q.ID))
	if err != nil {
		return api.Prepared{}, err
	}
	b, err := doctorcert.EncodeRequest(role.RequestCertificate(message.CertificateRequest{Authority: q.Person.Authority, Licence: q.Person.Licence,
		Name: q.Person.Name, Departments: q.Person.Departments, Affiliation: value(q.Person.Affiliation)}))
	if err != nil {
		return api.Prepared{}, problem.Invalid("The certificate request is not valid.").Because(err)
	}
	var request api.CertificateRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	return api.Prepared{Handle: new(p.Add(&applicant{role})), Request: &request}, nil
}

// registration makes M0 (Eq. 8-10).
func (p *preparer) registration(q api.StepM0) (api.Prepared, error) {
	x, err := find[*applicant](p, q.Doctor)
	if err != nil {
		return api.Prepared{}, err
	}
	challenge, err := decode64(q.Challenge)
	if err != nil {
		return api.Prepared{}, err
	}
	if err := x.role.SetCertificate([]byte(q.Certificate)); err != nil {
		return api.Prepared{}, err
	}
	m0, err := x.role.Register(challenge)
	if err != nil {
		return api.Prepared{}, err
	}
	return api.Prepared{Handle: &q.Doctor, Message: text64(m0.Encode())}, nil
}

func (x *applicant) open(_ *preparer, b []byte) (api.Opened, error) {
	reply, err := message.DecodeRegistrationReply(b)
	if err != nil {
		return api.Opened{}, problem.Refused(err)
	}
	if err := x.role.AcceptRegistration(reply); err != nil {
		return api.Opened{}, err
	}
	c := reply.Credential
	return api.Opened{Type: api.OpenedTypeM0, Registration: &api.OpenedRegistration{ID: string(c.Info.ID), Credential: hexHash(c.Hash()),
		Until: c.Info.NotAfter.Time()}}, nil
}

// impersonate makes the signer an applicant who has registered.
func (p *preparer) impersonate(d *signer, doctor api.Handle) error {
	x, err := find[*applicant](p, doctor)
	if err != nil {
		return err
	}
	identity := x.role.Export()
	defer clear(identity)
	return d.decode(identity)
}

// login proves the doctor's key to the challenge of a portal, at whatever origin is given.
func (p *preparer) login(d *signer, q api.StepLogin) (api.Prepared, error) {
	challenge, err := decode64(q.Challenge)
	if err != nil {
		return api.Prepared{}, err
	}
	if q.Doctor != nil {
		if err := p.impersonate(d, *q.Doctor); err != nil {
			return api.Prepared{}, err
		}
	}
	signature := d.sign.Sign(message.TBSPortalLogin(challenge, d.c, q.Origin))
	return api.Prepared{Handle: q.Doctor, Login: &api.PreparedLogin{Credential: *text64(d.credential.Encode()), Challenge: q.Challenge,
		Signature: *text64(signature)}}, nil
}

// prekey is the doctor's own current one: a patient may use it at once. That of an
// applicant is lost when it is made.
func (p *preparer) prekey(d *signer, q api.StepPrekey) (api.Prepared, error) {
	if q.Doctor == nil {
		signed, err := d.Prekey()
		return api.Prepared{Signed: text64(signed.Encode())}, err
	}
	if err := p.impersonate(d, *q.Doctor); err != nil {
		return api.Prepared{}, err
	}
	key, err := ecc.GenerateKEM(d.suite, rand.Reader)
	if err != nil {
		return api.Prepared{}, problem.Internal(err)
	}
	begins := d.at(q.Time)
	statement := message.Prekey{Suite: d.suite, Owner: d.c, Key: key.Public(), NotBefore: begins, NotAfter: begins.Add(doctor.PrekeyRotation)}
	return api.Prepared{Handle: q.Doctor, Signed: text64(message.Sign(d.sign, statement.Encode()).Encode())}, nil
}

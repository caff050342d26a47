package practice

import (
	"context"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/api/problem"
)

// Doctor tells how far the set-up has come, what Cert_D says, and whether patients can
// reach the doctor.
func (p *Practice) Doctor() (Doctor, error) {
	s, err := p.session()
	if err != nil {
		return Doctor{}, err
	}
	v := Doctor{ID: string(s.d.ID()), Suite: int(s.d.Suite()), State: DoctorNew}
	if jwt := s.d.Certificate(); jwt != nil {
		v.State = DoctorCertified
		p.describe(&v, jwt)
	}
	if cred, err := s.d.Credential(); err == nil {
		v.State, v.Credential = DoctorRegistered, hexHash(cred.Hash())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Online = s.online
	if s.trouble != nil {
		v.Trouble = copied(s.trouble)
	}
	return v, nil
}

// describe fills in what Cert_D says, as long as it holds.
func (p *Practice) describe(v *Doctor, jwt []byte) {
	cert, err := p.authority.Verify(jwt, p.cfg.Now())
	if err != nil {
		v.Trouble = copied(&reasonUnlicensed)
		return
	}
	v.Name, v.Licence, v.Departments, v.Affiliation = cert.Name, cert.Licence, cert.Departments, cert.Affiliation
	v.CertificateUntil = cert.Expires.UnixMilli()
}

// Credential returns Cred_D; a conflict before registration.
func (p *Practice) Credential() (message.Credential, error) {
	s, err := p.session()
	if err != nil {
		return message.Credential{}, err
	}
	return s.d.Credential()
}

// RequestCertificate returns the JSON document that the medical authority takes: the
// doctor's keys and what q says, signed.
func (p *Practice) RequestCertificate(q Person) (string, error) {
	return p.RequestCertificateFrom(p.cfg.Authority, q)
}

// RequestCertificateFrom is RequestCertificate to an authority by another name.
func (p *Practice) RequestCertificateFrom(authority string, q Person) (string, error) {
	s, err := p.session()
	if err != nil {
		return "", err
	}
	b, err := doctorcert.EncodeRequest(s.d.RequestCertificate(message.CertificateRequest{Authority: authority, Licence: q.Licence,
		Name: q.Name, Departments: q.Departments, Affiliation: q.Affiliation}))
	if err != nil {
		return "", problem.Invalid("The certificate request is not valid.").Because(err)
	}
	return string(b), nil
}

// SetCertificate takes Cert_D, the medical authority's JWT.
func (p *Practice) SetCertificate(jwt string) error {
	s, err := p.session()
	if err != nil {
		return err
	}
	if err := s.d.SetCertificate([]byte(jwt)); err != nil {
		return problem.From(err).Because(&coded{Reason{Code: "certificate-refused",
			Says: "The certificate is not this authority's, not for these keys, or not in force."}, err})
	}
	defer p.events.emit(Event{Type: EventDoctor})
	return s.store.Save()
}

// Register registers at the public cloud (M0) through the portal, or renews a registration
// that holds. The keys are durable before the request leaves and again before it returns. A
// renewal changes the card, and is a conflict while a visit is open.
func (p *Practice) Register(ctx context.Context) error {
	s, err := p.session()
	if err != nil {
		return err
	}
	ctx, cancel := s.within(ctx)
	defer cancel()
	if err := s.enter(ctx); err != nil {
		return err
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// register makes M0 by one of the role's two ways to ask.
func (s *session) register(ctx context.Context, ask func(challenge []byte) (message.RegistrationRequest, error)) error {
	if err := s.learn(ctx); err != nil {
		return blame(err, peerCloud)
	}
	var c struct {
		Challenge string `json:"challenge"`
	}
	if err := s.link.call(ctx, "POST", pathChallenge, nil, smallAnswer, &c); err != nil {
		return blame(err, peerCloud)
	}
	challenge, err := decode64(c.Challenge)
	if err != nil {
		return blame(err, peerCloud)
	}
	req, err := ask(challenge)
	if err != nil {
		return err
	}
	if err := s.store.Save(); err != nil {
		return err
	}
	return blame(s.exchangeM0(ctx, req), peerCloud)
}

func (s *session) exchangeM0(ctx context.Context, req message.RegistrationRequest) error {
	began, trace := time.Now(), s.p.cfg.Trace
	trace(message.Sent{Type: message.TypeM0, From: message.Doctor, To: message.PublicCloud, Bytes: len(req.Encode())})
	var a envelope
	if err := s.link.call(ctx, "POST", pathRegistration, wrap(req.Encode()), smallAnswer, &a); err != nil {
		return err
	}
	b, err := decode64(a.Message)
	if err != nil {
		return err
	}
	trace(message.Sent{Type: message.TypeM0, From: message.PublicCloud, To: message.Doctor, Bytes: len(b), Took: time.Since(began)})
	reply, err := message.DecodeRegistrationReply(b)
	if err != nil {
		return problem.Refused(err)
	}
	return s.d.AcceptRegistration(reply)
}

// Card returns the visit link. It never changes while the credential does not.
func (p *Practice) Card() (Card, error) {
	s, err := p.session()
	if err != nil {
		return Card{}, err
	}
	link, err := s.d.Card(p.cfg.Origin)
	if err != nil {
		return Card{}, err
	}
	cred, err := s.d.Credential()
	if err != nil {
		return Card{}, err
	}
	return Card{Link: link, Credential: hexHash(cred.Hash())}, nil
}

// Directory returns the hospitals of the signed directory.
func (p *Practice) Directory(ctx context.Context) ([]Hospital, error) {
	s, err := p.session()
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.within(ctx)
	defer cancel()
	d, err := s.directory(ctx)
	if err != nil {
		return nil, blame(err, peerCloud)
	}
	out := []Hospital{}
	for _, c := range d.Hospitals {
		out = append(out, Hospital{ID: string(c.Info.ID), Address: string(c.Info.Attribute)})
	}
	return out, nil
}

func (s *session) directory(ctx context.Context) (message.Directory, error) {
	if err := s.learn(ctx); err != nil {
		return message.Directory{}, err
	}
	signed, err := s.link.signed(ctx, pathDirectory)
	if err != nil {
		return message.Directory{}, err
	}
	d, err := message.OpenDirectory(signed, s.p.Pins(), message.MillisOf(s.p.cfg.Now()))
	if err != nil {
		return message.Directory{}, problem.Refused(err)
	}
	return d, nil
}

// Departments returns the department codes of the signed parameters.
func (p *Practice) Departments(ctx context.Context) ([]string, error) {
	v, err := p.parameters(ctx)
	return texts(v.Departments), err
}

// Classes returns the record classes of the signed parameters.
func (p *Practice) Classes(ctx context.Context) ([]string, error) {
	v, err := p.parameters(ctx)
	return texts(v.Classes), err
}

// parameters fetches the signed parameters once in a session.
func (p *Practice) parameters(ctx context.Context) (message.Parameters, error) {
	s, err := p.session()
	if err != nil {
		return message.Parameters{}, err
	}
	s.mu.Lock()
	known := s.parameters
	s.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	ctx, cancel := s.within(ctx)
	defer cancel()
	if err := s.learn(ctx); err != nil {
		return message.Parameters{}, blame(err, peerCloud)
	}
	signed, err := s.link.signed(ctx, pathParameters)
	if err != nil {
		return message.Parameters{}, blame(err, peerCloud)
	}
	v, err := message.OpenParameters(signed, p.Pins(), message.MillisOf(p.cfg.Now()))
	if err != nil {
		return message.Parameters{}, blame(problem.Refused(err), peerCloud)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parameters = &v
	return v, nil
}

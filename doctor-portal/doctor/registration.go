package doctor

import (
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// Keys returns PUK_D: what the certificate request asks the medical authority to
// certify.
func (d *Doctor) Keys() message.PublicKeys {
	return message.PublicKeys{Sign: d.sign.Public(), KEM: d.kem.Public()}
}

// SetCertificate takes Cert_D. It must verify against the medical authority's keys
// now and certify the doctor's own keys. A registration under an earlier
// certificate stays in use until the next one is accepted.
func (d *Doctor) SetCertificate(certificate []byte) error {
	if _, err := d.verifyCertificate(certificate); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.certificate = append([]byte(nil), certificate...)
	return nil
}

func (d *Doctor) verifyCertificate(certificate []byte) (message.DoctorCertificate, error) {
	cert, err := d.cfg.VerifyCertificate(certificate, d.cfg.Now())
	if err != nil {
		return cert, problem.Refused(err)
	}
	if cert.Suite != d.suite || !cert.SigningKey.Equal(d.sign.Public()) || !cert.KEMKey.Equal(d.kem.Public()) {
		return cert, problem.Refused(errPeer)
	}
	return cert, nil
}

// Register makes the registration request of M0 for the registrar's challenge (56
// bytes): a fresh x_D, the proof that it is known, and S_PRK_D(Req) under the key
// of Cert_D. A doctor whose credential is good renews it: the keys stay, x_D, S_D and Cred_D
// are new, and Cert_D may be a newer one for the same keys. It may be repeated; only the
// last request can be completed, and until then the registration in use stays in use.
func (d *Doctor) Register(challenge []byte) (message.RegistrationRequest, error) {
	return d.register(challenge, true)
}

// RegisterAnew is Register by the certificate alone, as at first: for a public cloud that does not
// know the credential any more, since it was restored from a backup of before.
func (d *Doctor) RegisterAnew(challenge []byte) (message.RegistrationRequest, error) {
	return d.register(challenge, false)
}

func (d *Doctor) register(challenge []byte, renew bool) (message.RegistrationRequest, error) {
	if len(challenge) != message.ChallengeSize {
		return message.RegistrationRequest{}, problem.Invalid("The registrar's challenge is malformed.")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.certificate == nil {
		return message.RegistrationRequest{}, order("there is no certificate to register with")
	}
	x, err := ecc.GenerateScalar(d.cfg.Rand)
	if err != nil {
		return message.RegistrationRequest{}, problem.Internal(err)
	}
	attr := ecc.Sum(d.certificate) // attr_D = H(Cert_D)
	req := message.Registration{Suite: d.suite, Role: message.Doctor, ID: d.id, X: x.Public(), Keys: d.Keys(),
		Attribute: attr[:], Challenge: challenge} // X_D = x_D P
	tbs := req.Encode()
	proof, err := ecc.ProvePossession(d.cfg.Rand, x, ecc.Sum(tbs))
	if err != nil {
		return message.RegistrationRequest{}, problem.Internal(err)
	}
	admission := d.certificate
	if renew = renew && d.renewable(); renew {
		if admission, err = d.renewal(req); err != nil {
			return message.RegistrationRequest{}, problem.Internal(err)
		}
	}
	d.x, d.renewing = x, renew
	return message.RegistrationRequest{Registration: req, Possession: proof, Signature: d.sign.Sign(tbs), Admission: admission}, nil
}

// renewable reports whether there is a registration that holds. The caller holds the lock.
func (d *Doctor) renewable() bool {
	return d.self != nil && d.self.credential.Verify(d.pins(), message.Doctor, d.now()) == nil
}

// renewal admits by the registration in use, and holds Cert_D. The caller holds the lock.
func (d *Doctor) renewal(q message.Registration) ([]byte, error) {
	r, err := message.Renew(d.cfg.Rand, d.self.credential, d.self.s, d.sign, q, d.certificate)
	return r.Encode(), err
}

// AcceptRegistration completes the key from the registrar's reply (Eq. 8-10). It
// checks that Cred_D is valid, says what was asked, and of a renewal that it has a later number
// than the one in use. x_D is dropped afterwards.
func (d *Doctor) AcceptRegistration(reply message.RegistrationReply) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.x.Valid() {
		return order("no registration has been asked for")
	}
	cred := reply.Credential
	root, err := cred.VerifyIssued(d.pins(), message.Doctor, d.now())
	if err != nil {
		return problem.Refused(err)
	}
	if d.renewing && cred.Info.Epoch <= d.self.credential.Info.Epoch {
		return problem.Refused(errNumber)
	}
	partial := ecc.PartialKey{R: cred.R, D: reply.D}                // R_D1 (Eq. 8), d_D (Eq. 9)
	s, err := ecc.Accept(d.x, cred.Info.Encode(), partial, root.PK) // S_D = d_D + x_D, Eq. 10
	if err != nil {
		return problem.Refused(err)
	}
	if err := d.restore(d.certificate, cred, s); err != nil {
		return err
	}
	d.x = ecc.Scalar{}
	return nil
}

// restore makes (Cred_D, S_D) the registration in use if both belong to the keys,
// the identifier and the certificate at hand. The caller holds the lock, or is the
// only one who knows d.
func (d *Doctor) restore(certificate []byte, cred message.Credential, s ecc.Scalar) error {
	attr := ecc.Sum(certificate)
	i := cred.Info
	if i.Role != message.Doctor || i.Suite != d.suite || i.ID != d.id || string(i.Attribute) != string(attr[:]) ||
		!i.Keys.Sign.Equal(d.sign.Public()) || !i.Keys.KEM.Equal(d.kem.Public()) {
		return problem.Refused(errPeer)
	}
	a, err := cred.ImplicitKey(d.pins())
	if err != nil || !s.Public().Equal(a) { // S_D P = R_D1 + e_D PK, Eq. 10
		return problem.Refused(ecc.ErrKey)
	}
	self := &registered{id: d.id, suite: d.suite, sign: d.sign, certificate: certificate, credential: cred, c: cred.Hash(), s: s}
	// A certificate that has expired since leaves the times zero: active refuses it.
	if cert, err := d.verifyCertificate(certificate); err == nil {
		self.departments, self.notBefore, self.expires = cert.Departments, cert.NotBefore, cert.Expires
	}
	d.self = self
	return nil
}

// RequestCertificate completes a certificate request with PUK_D and signs it. The
// caller has filled in the other fields; the authority decides on them.
func (d *Doctor) RequestCertificate(q message.CertificateRequest) (message.CertificateRequest, []byte) {
	q.Keys = d.Keys()
	return q, d.sign.Sign(q.TBS())
}

// SignLogin answers the portal's challenge: S_PRK_D⟨portal login: challenge, c_D,
// origin⟩. The origin is the portal's as the doctor opened it, not as the portal
// says, so that another site cannot pass the challenge on.
func (d *Doctor) SignLogin(challenge []byte, origin string) ([]byte, error) {
	self, err := d.active()
	if err != nil {
		return nil, err
	}
	return self.sign.Sign(message.TBSPortalLogin(challenge, self.c, origin)), nil
}

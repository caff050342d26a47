package cloud

import (
	"context"
	"encoding/base32"
	"errors"
	"io"
	"math"
	"net/netip"
	"net/url"
	"strings"

	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// admission is what lets a request in: a unique handle, so that one code, one
// licence or one hospital is registered once at a time, and a bound on the credential's life.
type admission struct {
	handle      message.Hash // of a first registration
	certificate []byte
	notAfter    message.Millis

	after        uint64       // the number of the identity's credential that this one follows; 0 without one
	taken        int          // how many numbers after that may be taken
	former, line message.Hash // of a renewal: the credential renewed, and the first of its line
}

const unbounded = message.Millis(math.MaxInt64)

var (
	errCode        = errors.New("the code is unknown, used or expired")
	errNoOperator  = errors.New("a hospital is admitted by an operator's token only")
	errCertificate = errors.New("Cert_D does not certify these keys")
)

// admit checks what the role demands. Nothing is changed.
func (c *Cloud) admit(ctx context.Context, q message.RegistrationRequest, operator bool) (admission, error) {
	if r, err := message.DecodeRenewal(q.Admission); err == nil {
		return c.admitRenewal(ctx, q.Registration, r, operator)
	}
	switch q.Registration.Role {
	case message.Patient:
		return c.admitPatient(ctx, q)
	case message.Doctor:
		return c.admitDoctor(ctx, q)
	case message.Hospital:
		return c.admitHospital(ctx, q, operator)
	}
	return admission{}, problem.Invalid("The role is unknown.")
}

// admitPatient wants a random ID, attr_P, and a code that is good. Adding the
// record uses the code up, not this.
func (c *Cloud) admitPatient(ctx context.Context, q message.RegistrationRequest) (admission, error) {
	if !randomID(q.Registration.ID) {
		return admission{}, problem.Invalid("A patient's ID is 32 random hexadecimal digits.")
	}
	if _, err := message.DecodePatientAttribute(q.Registration.Attribute); err != nil {
		return admission{}, problem.Invalid("The patient's attribute is malformed.").Because(err)
	}
	code := c.handle(handleCode, q.Admission)
	ok, err := c.Registry.HasCode(ctx, code, c.now())
	if err != nil {
		return admission{}, err
	}
	if !ok {
		return admission{}, problem.Refused(errCode)
	}
	return admission{handle: code, notAfter: unbounded}, nil
}

// randomID refuses whatever could be a national number: an ID_P that means
// something to somebody would make the credential a name.
func randomID(id message.ID) bool {
	return len(id) == 32 && strings.Trim(string(id), "0123456789abcdef") == ""
}

// admitDoctor wants Cert_D to certify exactly these keys, and no credential of its
// licence to be good. The request's signature answered the challenge under the key in it.
func (c *Cloud) admitDoctor(ctx context.Context, q message.RegistrationRequest) (admission, error) {
	cert, err := c.certified(q.Registration, q.Admission)
	if err != nil {
		return admission{}, err
	}
	a := admission{certificate: q.Admission, notAfter: message.MillisOf(cert.Expires)}
	err = c.admitLicence(ctx, q.Registration, cert.Licence, &a)
	return a, err
}

// certified checks that Cert_D is good now and certifies exactly these keys.
func (c *Cloud) certified(q message.Registration, certificate []byte) (message.DoctorCertificate, error) {
	cert, err := c.VerifyCertificate(certificate, c.Now())
	if err != nil {
		return cert, problem.Refused(err)
	}
	h := ecc.Sum(certificate)
	if string(q.Attribute) != string(h[:]) || cert.Suite != q.Suite ||
		!cert.SigningKey.Equal(q.Keys.Sign) || !cert.KEMKey.Equal(q.Keys.KEM) {
		return cert, problem.Refused(errCertificate)
	}
	return cert, nil
}

// admitHospital wants an operator's token, and no credential of the ID to be good.
func (c *Cloud) admitHospital(ctx context.Context, q message.RegistrationRequest, operator bool) (admission, error) {
	if !operator {
		return admission{}, problem.Refused(errNoOperator)
	}
	if len(q.Admission) != 0 {
		return admission{}, problem.Invalid("A hospital's request carries no admission.")
	}
	if !baseURL(string(q.Registration.Attribute)) {
		return admission{}, errAddress()
	}
	a := admission{notAfter: unbounded}
	err := c.admitHospitalID(ctx, q.Registration, &a)
	return a, err
}

func errAddress() error {
	return problem.Invalid("The hospital's attribute is not the base URL of an https server (http on loopback only).")
}

// baseURL accepts scheme and host, nothing else, in the one spelling that parses
// to itself. Plain http stays on the machine.
func baseURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || s != u.Scheme+"://"+u.Host || s != strings.ToLower(s) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// codeBytes is the entropy of a patient's code: 100 bits, 20 characters.
const codeBytes = 13

var codeAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// NewPatientCode mints a single-use registration code and returns it with its
// expiry. Only its handle is stored: the code cannot be shown again.
func (c *Cloud) NewPatientCode(ctx context.Context) (string, message.Millis, error) {
	var b [codeBytes]byte
	if _, err := io.ReadFull(c.Rand, b[:]); err != nil {
		return "", 0, problem.Internal(err)
	}
	s := codeAlphabet.EncodeToString(b[:])
	code := strings.Join([]string{s[:5], s[5:10], s[10:15], s[15:20]}, "-")
	now := c.now()
	expires := now.Add(c.CodeLife)
	if err := c.Registry.AddCode(ctx, c.handle(handleCode, []byte(code)), now, expires); err != nil {
		return "", 0, err
	}
	return code, expires, nil
}

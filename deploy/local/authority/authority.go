// Package authority is a medical authority for development and tests: it gives
// Cert_D to whoever asks with a well-formed request. It checks no licence and no
// face, so it must never be pinned outside a machine of one's own.
package authority

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/doctorcert"
	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/problem"
	"medunion/ecc"
)

// DefaultName says in every certificate what it is worth.
const DefaultName = "medunion development authority"

// defaultLife of a certificate.
const defaultLife = 365 * 24 * time.Hour

// notice is what the authority says of itself.
const notice = "This is a development authority: it certifies whoever asks and checks no licence. Never pin its keys in production."

// Config configures New. Logger and Departments are required, all else has a default.
type Config struct {
	Logger *slog.Logger
	// Departments are the codes ID_DE that a certificate may name.
	Departments []string
	// Name is the issuer; default DefaultName.
	Name string
	// Key signs the certificates; the zero key has one generated, which is gone
	// with the process.
	Key ecc.SigningKey
	// Life of a certificate; default 365 days.
	Life time.Duration
	// Now is the clock and Rand the randomness; default those of the machine.
	Now  func() time.Time
	Rand io.Reader
}

// Authority is a running development authority.
type Authority struct {
	departments []string
	issuer      *doctorcert.Issuer
	jwks        []byte
	now         func() time.Time
	echo        *echo.Echo
}

// New makes an authority; its routes are POST /v1/certificates, GET
// /v1/jwks.json, and at / a form for people.
func New(c Config) (*Authority, error) {
	if c.Logger == nil || len(c.Departments) == 0 {
		return nil, errors.New("authority: Logger and Departments are required")
	}
	c, err := withDefaults(c)
	if err != nil {
		return nil, err
	}
	a := &Authority{departments: slices.Clone(c.Departments), now: c.Now}
	if a.issuer, err = doctorcert.NewIssuer(c.Name, c.Key, c.Life, c.Rand); err != nil {
		return nil, err
	}
	if a.jwks, err = a.issuer.JWKS(); err != nil {
		return nil, err
	}
	if a.echo, err = httpserver.New(httpserver.Options{Service: "authority", Logger: c.Logger, Edge: httpserver.Edge{}.At(false)}); err != nil {
		return nil, err
	}
	a.echo.POST("/v1/certificates", a.certify)
	a.echo.GET("/v1/jwks.json", func(e echo.Context) error { return e.JSONBlob(http.StatusOK, a.jwks) })
	a.echo.GET("/", a.showForm)
	a.echo.POST("/", a.takeForm)
	c.Logger.Warn("development authority: certifies whoever asks", "name", c.Name)
	return a, nil
}

func withDefaults(c Config) (Config, error) {
	if c.Name == "" {
		c.Name = DefaultName
	}
	if c.Life == 0 {
		c.Life = defaultLife
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	var err error
	if !c.Key.Valid() {
		c.Key, err = ecc.GenerateSigningKey(c.Rand)
	}
	return c, err
}

// Handler serves the authority, for httpserver.Serve.
func (a *Authority) Handler() http.Handler { return a.echo }

// JWKS is the key set to pin, as JSON.
func (a *Authority) JWKS() []byte { return slices.Clone(a.jwks) }

// certificate is the answer to a request.
type certificate struct {
	Certificate string `json:"certificate"`
}

func (a *Authority) certify(c echo.Context) error {
	var raw json.RawMessage
	if err := httpserver.ReadJSON(c, &raw); err != nil {
		return err
	}
	jwt, err := a.issue(raw)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, certificate{string(jwt)})
}

// issue certifies whoever has signed the request.
func (a *Authority) issue(request []byte) ([]byte, error) {
	q, err := a.issuer.Open(request)
	if err != nil {
		return nil, asProblem(err)
	}
	if err := a.checkDepartments(q); err != nil {
		return nil, err
	}
	jwt, err := a.issuer.Issue(q, a.now())
	if err != nil {
		return nil, problem.Internal(err)
	}
	return jwt, nil
}

// asProblem tells a request that is malformed from one that is not the doctor's.
func asProblem(err error) error {
	if errors.Is(err, ecc.ErrSignature) {
		return problem.Refused(err)
	}
	return problem.Invalid("The certificate request is malformed, or meant for another authority.").Because(err)
}

func (a *Authority) checkDepartments(q message.CertificateRequest) error {
	for _, d := range q.Departments {
		if !slices.Contains(a.departments, d) {
			return problem.Invalid("The request names a department that this authority does not know.")
		}
	}
	return nil
}

package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/api/token"
)

var (
	errOtherVisit = errors.New("portal: the capability is of another visit")
	errChallenge  = errors.New("portal: challenge unknown, used or too old")
	errRevoked    = errors.New("portal: credential revoked")

	errNoCapability = errors.New("portal: no capability, or more than one")
)

// Login verifies Cred_D under the pinned PUK_C, that it is not revoked, and the
// signature over a challenge of this portal; it then opens a session for c_D.
func (a *API) Login(c echo.Context) error {
	var in portal.Login
	if err := httpserver.ReadJSON(c, &in); err != nil {
		return err
	}
	cred, challenge, sig, err := decodeLogin(in)
	if err != nil {
		return err
	}
	if err := a.prove(c.Request().Context(), cred, challenge, sig); err != nil {
		return err
	}
	if err := a.Mail.Welcome(c.Request().Context(), cred.Hash()); err != nil {
		return err
	}
	text, expires, err := a.Sessions.Issue(cred.Hash(), a.Now())
	if err != nil {
		return problem.Internal(err)
	}
	return c.JSON(http.StatusOK, portal.PortalSession{Token: text, Expires: expires.UTC().Truncate(time.Millisecond)})
}

func decodeLogin(in portal.Login) (cred message.Credential, challenge, sig []byte, err error) {
	strict := base64.RawURLEncoding.Strict() // line breaks the document's pattern excludes
	raw, err1 := strict.DecodeString(in.Credential)
	challenge, err2 := strict.DecodeString(in.Challenge)
	sig, err3 := strict.DecodeString(in.Signature)
	if err := errors.Join(err1, err2, err3); err != nil {
		return cred, nil, nil, problem.Invalid("not base64url").Because(err)
	}
	cred, err = message.DecodeCredential(raw)
	if err != nil {
		return cred, nil, nil, problem.Invalid("the credential is not canonical").Because(err)
	}
	return cred, challenge, sig, nil
}

// prove checks signatures first, so that a stranger cannot use up challenges.
func (a *API) prove(ctx context.Context, cred message.Credential, challenge, sig []byte) error {
	if err := cred.Verify(a.Pins.Pins(), message.Doctor, message.MillisOf(a.Now())); err != nil {
		return problem.Refused(err)
	}
	if err := cred.Info.Keys.Sign.Verify(message.TBSPortalLogin(challenge, cred.Hash(), a.Origin), sig); err != nil {
		return problem.Refused(err)
	}
	revoked, err := a.Relay.Revocations(ctx)
	if err != nil {
		return err
	}
	if revoked.Contains(cred.Hash()) {
		return problem.Refused(errRevoked)
	}
	fresh, err := a.Mail.TakeChallenge(ctx, challenge)
	if err != nil {
		return err
	}
	if !fresh {
		return problem.Refused(errChallenge)
	}
	return nil
}

// bearer verifies the session token and sets the doctor. Her session ends with her
// credential: it was given for that.
func (a *API) bearer(c echo.Context) error {
	text, err := token.Bearer(c)
	if err != nil {
		return problem.Unauthenticated(err)
	}
	doctor, expires, err := a.Sessions.Verify(text, a.Now())
	if err != nil {
		return problem.Unauthenticated(err)
	}
	revoked, err := a.Revoked(c.Request().Context(), doctor)
	if err != nil {
		return err
	}
	if revoked {
		return problem.Unauthenticated(errRevoked)
	}
	httpserver.SetIdentity(c, string(doctor[:]))
	c.Set(doctorKey, doctor)
	c.Set(expiresKey, expires)
	return nil
}

// capability reads the session id, 16 bytes, that the patient shows.
func (a *API) capability(c echo.Context) error {
	values := c.Request().Header.Values("Visit-Capability")
	if len(values) != 1 {
		return problem.Unauthenticated(errNoCapability)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(values[0])
	if err != nil || len(raw) != 16 {
		return problem.Unauthenticated(errNoCapability)
	}
	httpserver.SetIdentity(c, string(raw))
	c.Set(sessionKey, [16]byte(raw))
	return nil
}

func parseHash(s string) (message.Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(message.Hash{}) {
		return message.Hash{}, problem.Invalid("not a hash")
	}
	return message.Hash(b), nil
}

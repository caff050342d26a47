// Package httpapi is the portal's HTTP surface: it decodes, authenticates and
// calls the mailboxes or the relay. Of a message it reads the header only.
package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
	"medunion/doctor-portal/internal/mailbox"
	"medunion/doctor-portal/internal/relay"
)

// Sessions issues and verifies the doctors' short sessions. All instances of a
// portal share the key.
type Sessions interface {
	Issue(doctor message.Hash, now time.Time) (token string, expires time.Time, err error)
	Verify(token string, now time.Time) (doctor message.Hash, expires time.Time, err error)
}

// API implements the generated server interface.
type API struct {
	Mail     *mailbox.Store
	Relay    *relay.Relay
	Sessions Sessions
	// Revoked says whether a doctor's credential is revoked (relay.Relay.Revoked).
	Revoked func(context.Context, message.Hash) (bool, error)
	Pins    message.Pinned
	Origin  string // the portal's own, as doctors know it: scheme, name, port
	Now     func() time.Time
	Config  []byte // answer of /config.json
	// Heartbeat is how long a stream of events is silent at most; default 15 s.
	Heartbeat time.Duration

	streams streams
}

var _ portal.ServerInterface = (*API)(nil)

const (
	doctorKey  = "doctor"  // message.Hash, set by Authenticate
	expiresKey = "expires" // time.Time, the end of the doctor's session, set by Authenticate
	sessionKey = "session" // [16]byte, set by Authenticate
)

// Authenticate checks the two security schemes of the document.
func (a *API) Authenticate(c echo.Context, scheme string, _ []string) error {
	if scheme == "visitCapability" {
		return a.capability(c)
	}
	return a.bearer(c)
}

// readType reads a message and its header, and refuses one of another type.
func readType(c echo.Context, types ...message.Type) (message.Message, []byte, error) {
	limit := 0
	for _, t := range types {
		limit = max(limit, t.Limit())
	}
	raw, err := httpserver.ReadMessage(c, limit)
	if err != nil {
		return message.Message{}, nil, err
	}
	m, err := message.Decode(raw)
	if err != nil {
		return message.Message{}, nil, problem.Invalid("the message is not canonical").Because(err)
	}
	for _, t := range types {
		if m.Header.Type == t {
			return m, raw, nil
		}
	}
	return message.Message{}, nil, problem.Invalid("not a message for this address")
}

// GetCard relays the doctor's card; the patient verifies all of it.
func (a *API) GetCard(c echo.Context, credential portal.Credential) error {
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodGet, "/v1/doctors/"+credential, nil, nil)
}

// Consult takes M1.
func (a *API) Consult(c echo.Context, credential portal.Credential) error {
	m, raw, err := readType(c, message.TypeM1)
	if err != nil {
		return err
	}
	doctor, err := parseHash(credential)
	if err != nil {
		return err
	}
	if err := a.Mail.Consult(c.Request().Context(), doctor, m.Header.Session, raw); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// SendToDoctor takes M3. The capability must be the session of the message.
func (a *API) SendToDoctor(c echo.Context) error {
	m, raw, err := readType(c, message.TypeM3)
	if err != nil {
		return err
	}
	if c.Get(sessionKey) != m.Header.Session {
		return problem.Refused(errOtherVisit)
	}
	if err := a.Mail.ToDoctor(c.Request().Context(), m.Header.Session, m.Header.Type, raw); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// SendToPatient takes M2 or M10 of the visit's doctor.
func (a *API) SendToPatient(c echo.Context) error {
	m, raw, err := readType(c, message.TypeM2, message.TypeM10)
	if err != nil {
		return err
	}
	if err := a.Mail.ToPatient(c.Request().Context(), c.Get(doctorKey).(message.Hash), m.Header.Session, m.Header.Type, raw); err != nil {
		return err
	}
	return c.NoContent(http.StatusAccepted)
}

// FetchInbox waits for M1 and M3.
func (a *API) FetchInbox(c echo.Context, p portal.FetchInboxParams) error {
	ctx := c.Request().Context()
	letters, err := a.Mail.Inbox(ctx, c.Get(doctorKey).(message.Hash), value(p.After, "0-0"), seconds(p.Wait), httpserver.Stopping(ctx))
	return answerMail(c, letters, err)
}

// GetConfig answers with what the doctor's page begins with.
func (a *API) GetConfig(c echo.Context) error { return c.JSONBlob(http.StatusOK, a.Config) }

// FetchForPatient waits for M2 and M10.
func (a *API) FetchForPatient(c echo.Context, p portal.FetchForPatientParams) error {
	ctx := c.Request().Context()
	letters, err := a.Mail.Mail(ctx, c.Get(sessionKey).([16]byte), value(p.After, "0-0"), seconds(p.Wait), httpserver.Stopping(ctx))
	return answerMail(c, letters, err)
}

func answerMail(c echo.Context, letters []mailbox.Letter, err error) error {
	if err != nil {
		return err
	}
	out := portal.Mail{Messages: make([]portal.Letter, len(letters))}
	for i, l := range letters {
		out.Messages[i] = portal.Letter{ID: l.ID, Message: base64.RawURLEncoding.EncodeToString(l.Message)}
	}
	return c.JSON(http.StatusOK, out)
}

func value[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func seconds(p *int) time.Duration { return time.Duration(value(p, 0)) * time.Second }

// CreateLoginChallenge draws 32 bytes and keeps them for a minute.
func (a *API) CreateLoginChallenge(c echo.Context) error {
	challenge := make([]byte, 32)
	if _, err := rand.Read(challenge); err != nil {
		return problem.Internal(err)
	}
	if err := a.Mail.NewChallenge(c.Request().Context(), challenge); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, portal.LoginChallenge{Challenge: base64.RawURLEncoding.EncodeToString(challenge), Origin: a.Origin})
}

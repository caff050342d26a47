package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/api/message"
	"medunion/api/openapi/portal"
	"medunion/api/problem"
)

// get relays a read of the public cloud.
func (a *API) get(c echo.Context, path string, query url.Values) error {
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodGet, path, query, nil)
}

// sealed relays a message of one type to the public cloud. The body is written
// anew: nothing but the message itself passes.
func (a *API) sealed(c echo.Context, path string, t message.Type) error {
	_, raw, err := readType(c, t)
	if err != nil {
		return err
	}
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodPost, path, nil, wrap(raw))
}

// toHospital relays a message of one type to a hospital of the directory.
func (a *API) toHospital(c echo.Context, hospital portal.Hospital, path string, t message.Type) error {
	_, raw, err := readType(c, t)
	if err != nil {
		return err
	}
	return a.Relay.Hospital(c.Request().Context(), c.Response(), message.ID(hospital), path, wrap(raw))
}

func wrap(raw []byte) []byte {
	b, err := json.Marshal(httpserver.NewMessage(raw))
	if err != nil {
		panic(err) // a string always marshals
	}
	return b
}

// RelayParameters relays the public parameters.
func (a *API) RelayParameters(c echo.Context) error { return a.get(c, "/v1/parameters", nil) }

// RelayDirectory relays the directory of hospitals.
func (a *API) RelayDirectory(c echo.Context) error { return a.get(c, "/v1/directory", nil) }

// RelayRevocations relays the revocation list.
func (a *API) RelayRevocations(c echo.Context) error { return a.get(c, "/v1/revocations", nil) }

// RelaySuccessions relays the successions of the public cloud's root.
func (a *API) RelaySuccessions(c echo.Context) error { return a.get(c, "/v1/successions", nil) }

// RelayPrekey relays a prekey.
func (a *API) RelayPrekey(c echo.Context, owner string, p portal.RelayPrekeyParams) error {
	return a.get(c, "/v1/prekeys/"+owner, url.Values{"suite": {strconv.Itoa(value(p.Suite, 1))}})
}

// RelayPublishPrekey relays a doctor's new prekey.
func (a *API) RelayPublishPrekey(c echo.Context) error {
	var in portal.Signed
	if err := httpserver.ReadJSON(c, &in); err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return problem.Internal(err)
	}
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodPut, "/v1/prekeys", nil, body)
}

// RelayChallenge relays a challenge to register with.
func (a *API) RelayChallenge(c echo.Context) error {
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodPost, "/v1/registrations/challenges", nil, nil)
}

// RelayRegistration relays a doctor's registration; other roles have no business
// at a portal.
func (a *API) RelayRegistration(c echo.Context) error {
	raw, err := httpserver.ReadMessage(c, httpserver.MessageCap)
	if err != nil {
		return err
	}
	q, err := message.DecodeRegistrationRequest(raw)
	if err != nil {
		return problem.Invalid("the message is not canonical").Because(err)
	}
	if q.Registration.Role != message.Doctor {
		return problem.Invalid("not the registration of a doctor")
	}
	return a.Relay.Cloud(c.Request().Context(), c.Response(), http.MethodPost, "/v1/registrations", nil, wrap(raw))
}

// RelaySearch relays M4.
func (a *API) RelaySearch(c echo.Context) error { return a.sealed(c, "/v1/searches", message.TypeM4) }

// RelayDiagnosisEntry relays M12.
func (a *API) RelayDiagnosisEntry(c echo.Context) error {
	return a.sealed(c, "/v1/diagnosis-entries", message.TypeM12)
}

// RelaySession relays M6.
func (a *API) RelaySession(c echo.Context, h portal.Hospital) error {
	return a.toHospital(c, h, "/v1/sessions", message.TypeM6)
}

// RelayRelease relays M8 and streams the pages back.
func (a *API) RelayRelease(c echo.Context, h portal.Hospital) error {
	return a.toHospital(c, h, "/v1/releases", message.TypeM8)
}

// RelayDiagnosis relays M11.
func (a *API) RelayDiagnosis(c echo.Context, h portal.Hospital) error {
	return a.toHospital(c, h, "/v1/diagnoses", message.TypeM11)
}

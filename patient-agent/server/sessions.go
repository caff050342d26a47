package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
	"medunion/api/token"
)

// pageSessions let the agent's own page in by a cookie. A page cannot keep a secret that
// survives its reload from scripts in any other way, and it needs none: the cookie is
// HttpOnly, and SameSite=Strict keeps it from every other site.
//
// The cookie is an end of validity under a key made from the token, so that it needs no
// memory: it survives a restart of the agent, and ends with the token file. It is not
// enough alone: browsers take all ports of a host for one site. A page served at another
// port of localhost could send requests that carry the cookie, so that they must say that
// they come from our origin. And the program that serves that page sees the cookie and
// can say what it likes; so they must also carry the page key, which belongs to this cookie
// and is kept where browsers keep ports apart, in the page's own storage.
type pageSessions struct {
	key    []byte
	name   string // of the cookie
	origin string
	now    func() time.Time
}

const (
	pageScheme  = "pageSession"
	pageKey     = "Page-Key"   // the header of the page key
	eventsPath  = "/v1/events" // tells only which lists have changed
	sessionLife = 30 * 24 * time.Hour
)

var errNoSession = errors.New("page session: no cookie that holds")

func newPageSessions(t token.Local, port, origin string, now func() time.Time) *pageSessions {
	mac := hmac.New(sha256.New, []byte(t.Secret()))
	mac.Write([]byte("medunion patient page session"))
	if now == nil {
		now = time.Now
	}
	return &pageSessions{key: mac.Sum(nil), name: "medunion-patient-" + port, origin: origin, now: now}
}

func (p *pageSessions) seal(end uint64) string {
	b := binary.BigEndian.AppendUint64(nil, end)
	mac := hmac.New(sha256.New, p.key)
	mac.Write(b)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(b))
}

// keyOf is the page key of a cookie.
func (p *pageSessions) keyOf(cookie string) string {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte("page key " + cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// open returns the header of a new session's cookie, and its page key.
func (p *pageSessions) open() (cookie, key string) {
	c := p.cookie()
	c.Value, c.MaxAge = p.seal(uint64(p.now().Add(sessionLife).Unix())), int(sessionLife/time.Second)
	return c.String(), p.keyOf(c.Value)
}

// end is the header that deletes the cookie.
func (p *pageSessions) end() string {
	c := p.cookie()
	c.MaxAge = -1
	return c.String()
}

func (p *pageSessions) cookie() *http.Cookie {
	return &http.Cookie{Name: p.name, Path: "/v1/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: p.origin[:5] == "https"}
}

// authenticate lets a request in that has the cookie with its page key and comes from our
// page. An EventSource can send no header of its own.
func (p *pageSessions) authenticate(c echo.Context) error {
	r := c.Request()
	cookie, err := r.Cookie(p.name)
	if err != nil {
		return problem.Unauthenticated(errNoSession)
	}
	b, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(b) != 8+sha256.Size {
		return problem.Unauthenticated(errNoSession)
	}
	end := binary.BigEndian.Uint64(b)
	if !hmac.Equal([]byte(p.seal(end)), []byte(cookie.Value)) || uint64(p.now().Unix()) >= end {
		return problem.Unauthenticated(errNoSession)
	}
	if r.URL.Path != eventsPath && !hmac.Equal([]byte(p.keyOf(cookie.Value)), []byte(r.Header.Get(pageKey))) {
		return problem.Unauthenticated(errors.New("page session: the cookie without its page key"))
	}
	if !p.fromOurPage(r) {
		return problem.Unauthenticated(errors.New("page session: the request does not come from the page"))
	}
	return nil
}

// fromOurPage judges by what a browser says and no script can change. A browser
// without Sec-Fetch-Site names the origin of what changes something; what it reads,
// no other origin sees.
func (p *pageSessions) fromOurPage(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site != "" && site != "same-origin" || origin != "" && origin != p.origin {
		return false
	}
	return site != "" || origin != "" || r.Method == http.MethodGet
}

package server

import (
	"bytes"
	"embed"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/httpserver"
	"medunion/doctor-portal/web"
)

// page is what patients see who open a doctor's link without their agent.
//
//go:embed page
var page embed.FS

// Policies of the doctor's page and of the viewer of documents that it frames. The
// viewer gets a document's bytes as a message and can reach nobody, its own server
// included, but for its scripts.
const (
	pagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
		"img-src 'self' blob: data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	viewerPolicy = "sandbox allow-scripts; default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; " +
		"img-src blob: data:; font-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
	visitPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// newSite is the doctor's page.
func newSite(cfg Config) (*httpserver.Site, error) {
	return httpserver.NewSite(httpserver.SiteOptions{Files: web.Built(), Unbuilt: web.Unbuilt(), Policy: pagePolicy,
		Features: []string{"publickey-credentials-create", "publickey-credentials-get"},
		Framed:   "viewer", FramedPolicy: viewerPolicy, HTTPS: strings.HasPrefix(cfg.Origin, "https://")})
}

// visitFiles are the page that a doctor's link leads to, whose fragment never
// reaches us, by their routes.
var visitFiles = map[string]string{"/visit": "page/visit.html", "/visit.css": "page/visit.css"}

// addVisit serves visitFiles.
func addVisit(e *echo.Echo, site *httpserver.Site) {
	for route, name := range visitFiles {
		e.Match([]string{http.MethodGet, http.MethodHead}, route, func(c echo.Context) error {
			b, err := page.ReadFile(name)
			if err != nil {
				return err
			}
			site.Protect(c, name)
			h := c.Response().Header()
			h.Set("Content-Security-Policy", visitPolicy)
			h.Set("Cache-Control", "no-cache")
			http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(b))
			return nil
		})
	}
}

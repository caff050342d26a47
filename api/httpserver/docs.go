package httpserver

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	swagger "github.com/swaggo/files/v2"
)

// Addresses of the OpenAPI document and of the page that shows it.
const (
	documentPath = "/openapi.json"
	docsPath     = "/docs"
)

// docsPolicy lets the page run its own script and ask this server, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed docs
var docsFiles embed.FS

// docsParts are the files of the page: those of Swagger UI, and ours.
var docsParts = []struct {
	name, kind string
	files      fs.FS
}{
	{"swagger-ui.css", "text/css; charset=utf-8", swagger.FS},
	{"swagger-ui-bundle.js", "text/javascript; charset=utf-8", swagger.FS},
	{"start.js", "text/javascript; charset=utf-8", sub(docsFiles, "docs")},
	{"index.html", "text/html; charset=utf-8", sub(docsFiles, "docs")},
}

func sub(f fs.FS, dir string) fs.FS {
	below, err := fs.Sub(f, dir)
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return below
}

// docsRoutes are the patterns of the document and its page.
func docsRoutes() []string {
	routes := []string{documentPath, docsPath}
	for _, p := range docsParts {
		routes = append(routes, path.Join(docsPath, p.name))
	}
	return routes
}

// addDocs serves the document and the page. Whoever reads the document here can ask here:
// that comes before the addresses that it names by itself.
func addDocs(e *echo.Echo, spec *openapi3.T) error {
	served := *spec
	served.Servers = append(openapi3.Servers{{URL: "/", Description: "where this document was read"}}, spec.Servers...)
	text, err := json.Marshal(&served)
	if err != nil {
		return err
	}
	e.GET(documentPath, func(c echo.Context) error { return c.JSONBlob(http.StatusOK, text) })
	for _, p := range docsParts {
		content, err := fs.ReadFile(p.files, p.name)
		if err != nil {
			return err
		}
		show := func(c echo.Context) error {
			c.Response().Header().Set("Content-Security-Policy", docsPolicy)
			return c.Blob(http.StatusOK, p.kind, content)
		}
		e.GET(path.Join(docsPath, p.name), show)
		if p.name == "index.html" {
			e.GET(docsPath, show)
		}
	}
	return nil
}

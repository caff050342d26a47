package httpserver

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// SiteOptions say what NewSite serves, and under which policies. Files, Unbuilt and
// Policy are required.
type SiteOptions struct {
	// Files is the folder that the page's build wrote, index.html at its root. Beside
	// a file x may lie x.br and x.gz, its compressed forms. Files below a folder named
	// assets carry a hash of their content in their names.
	Files fs.FS
	// Unbuilt is the page shown while Files holds no index.html.
	Unbuilt []byte
	// Policy is the Content-Security-Policy of the page and of its assets: a Worker is
	// bound by that of its own script.
	Policy string
	// Features are what the page may ask of the browser ("camera"). All others that
	// browsers know are refused to it.
	Features []string
	// Framed names the folder of a document that the page shows in a frame of opaque
	// origin (sandbox without allow-same-origin); "" if there is none. Such a frame is a
	// stranger to its own server, so that its files are open to every origin.
	Framed string
	// FramedPolicy is the Content-Security-Policy of what is below Framed.
	FramedPolicy string
	// HTTPS says that browsers reach the site by https, and shall never do otherwise.
	HTTPS bool
}

// Site serves a built page from memory. Only the names that the build wrote exist:
// no path reaches a file system.
type Site struct {
	o        SiteOptions
	features string
	files    map[string]*siteFile // by path without the leading slash
	routes   []string
}

// siteFile is a file in all its forms. The first is the plain one.
type siteFile struct {
	kind  string
	forms []siteForm
}

type siteForm struct {
	coding string // of Content-Encoding; "" for the plain form
	data   []byte
	tag    string // strong ETag
}

// codings are the compressed forms by the ending of their names, the best first.
var codings = []struct{ ending, name string }{{".br", "br"}, {".gz", "gzip"}}

// NewSite reads all files. The error says what is wrong with the options or with the
// build.
func NewSite(o SiteOptions) (*Site, error) {
	if o.Files == nil || len(o.Unbuilt) == 0 || o.Policy == "" || (o.Framed == "") != (o.FramedPolicy == "") {
		return nil, errors.New("httpserver: a site needs files, the page without them, and its policies")
	}
	for _, f := range o.Features {
		if !slices.Contains(powers, f) {
			return nil, fmt.Errorf("httpserver: %q is no feature of browsers that can be refused", f)
		}
	}
	s := &Site{o: o, features: permissions(o.Features), files: map[string]*siteFile{}, routes: []string{"/"}}
	err := fs.WalkDir(o.Files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == ".":
			return nil // nothing is built
		case err != nil || d.IsDir():
			return err
		}
		return s.read(name)
	})
	if err != nil {
		return nil, fmt.Errorf("httpserver: site: %w", err)
	}
	return s, nil
}

// read adds a file with its compressed forms; those alone are no files of the site.
func (s *Site) read(name string) error {
	if compressed(name) {
		return nil
	}
	plain, err := fs.ReadFile(s.o.Files, name)
	if err != nil {
		return err
	}
	f := &siteFile{kind: kindOf(name), forms: []siteForm{{data: plain, tag: tagOf(plain)}}}
	for _, c := range codings {
		data, err := fs.ReadFile(s.o.Files, name+c.ending)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		f.forms = append(f.forms, siteForm{coding: c.name, data: data, tag: tagOf(data)})
	}
	s.files[name] = f
	if r := routeOf(name); !slices.Contains(s.routes, r) {
		s.routes = append(s.routes, r)
	}
	return nil
}

func compressed(name string) bool {
	return slices.ContainsFunc(codings, func(c struct{ ending, name string }) bool { return strings.HasSuffix(name, c.ending) })
}

func tagOf(data []byte) string {
	h := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(h[:18]) + `"`
}

// kinds are the types of what a build writes. The machine's own table may lack them or
// say otherwise.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png",
	".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8", ".ico": "image/vnd.microsoft.icon",
	".webmanifest": "application/manifest+json", ".ttf": "font/ttf", ".woff2": "font/woff2",
}

func kindOf(name string) string {
	if k, ok := kinds[path.Ext(name)]; ok {
		return k
	}
	if k := mime.TypeByExtension(path.Ext(name)); k != "" {
		return k
	}
	return "application/octet-stream"
}

// routeOf is the pattern under which a file is served: one for each file at the root,
// and one for each folder.
func routeOf(name string) string {
	folder, _, nested := strings.Cut(name, "/")
	switch {
	case nested:
		return "/" + folder + "/*"
	case name == "index.html":
		return "/"
	}
	return "/" + name
}

// Routes are the patterns that Register adds, for Options.Unspecified.
func (s *Site) Routes() []string { return slices.Clone(s.routes) }

// Built says whether there is a page to show.
func (s *Site) Built() bool { return s.files["index.html"] != nil }

// Version changes whenever a file of the site does. A page that stays open for days
// compares it to see that it is out of date.
func (s *Site) Version() string {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		fmt.Fprintf(all, "%q %s\n", name, s.files[name].forms[0].tag)
	}
	return base64.RawURLEncoding.EncodeToString(all.Sum(nil)[:9])
}

// Register adds the site's routes to a server of New.
func (s *Site) Register(e *echo.Echo) {
	for _, r := range s.routes {
		e.Match([]string{http.MethodGet, http.MethodHead}, r, s.serve)
	}
}

package httpserver

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// DecodedLength names the header that tells a page how long a compressed answer is
// when it has been decoded: a loading bar counts decoded bytes, and Content-Length
// does not.
const DecodedLength = "Decoded-Length"

const (
	forever = "public, max-age=31536000, immutable" // the name changes with the content
	asked   = "no-cache"                            // kept, and asked for each time by its ETag
)

// serve answers with the named file in the best form that the client takes.
func (s *Site) serve(c echo.Context) error {
	name := strings.TrimPrefix(c.Request().URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	s.Protect(c, name)
	f := s.files[name]
	switch {
	case f == nil && name == "index.html":
		return c.Blob(http.StatusServiceUnavailable, kindOf(name), s.o.Unbuilt)
	case f == nil:
		return problem.NotFound("")
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, f.kind)
	h.Set(echo.HeaderCacheControl, lifeOf(name))
	f.write(c.Response(), c.Request())
	return nil
}

func lifeOf(name string) string {
	if folders := strings.Split(name, "/"); slices.Contains(folders[:len(folders)-1], "assets") {
		return forever
	}
	return asked
}

// write chooses a form. Both caches and this server tell forms apart by their ETags.
func (f *siteFile) write(w http.ResponseWriter, r *http.Request) {
	h, form := w.Header(), f.forms[0]
	if len(f.forms) > 1 {
		h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
		form = f.choose(r.Header.Get(echo.HeaderAcceptEncoding))
	}
	h.Set("ETag", form.tag)
	if form.coding != "" {
		h.Set(echo.HeaderContentEncoding, form.coding)
		h.Set(echo.HeaderContentLength, strconv.Itoa(len(form.data)))
		h.Set(DecodedLength, strconv.Itoa(len(f.forms[0].data)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(form.data))
}

// choose takes the first compressed form that the client accepts (RFC 9110, section
// 12.5.3), by our order and not by its weights: a smaller form suits both.
func (f *siteFile) choose(accept string) siteForm {
	takes := acceptedCodings(accept)
	for _, form := range f.forms[1:] {
		if accepted, named := takes[form.coding]; accepted || !named && takes["*"] {
			return form
		}
	}
	return f.forms[0]
}

// acceptedCodings says of each coding that the header names whether it is accepted.
func acceptedCodings(header string) map[string]bool {
	takes := map[string]bool{}
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(part, ";")
		weight, weighted := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		takes[strings.ToLower(strings.TrimSpace(coding))] = !weighted || err == nil && q > 0
	}
	return takes
}

// Protect sets the site's security headers for the file of a name (no leading slash).
// A service calls it for pages of its own beside the site's.
func (s *Site) Protect(c echo.Context, name string) {
	h := c.Response().Header()
	h.Set("Content-Security-Policy", s.o.Policy)
	h.Set("Permissions-Policy", s.features)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	if s.o.HTTPS {
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}
	if s.o.Framed != "" && strings.HasPrefix(name, s.o.Framed+"/") {
		h.Set("Content-Security-Policy", s.o.FramedPolicy)
		h.Set("Permissions-Policy", permissions(nil))
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// powers are the features that a page can be refused (Permissions Policy): what reads
// sensors and devices, what identifies a person, what shows her screen. A browser without
// one of them notes that in its console and goes on.
var powers = []string{
	"accelerometer", "autoplay", "browsing-topics", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen",
	"gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "local-fonts", "magnetometer", "microphone",
	"midi", "otp-credentials", "payment", "picture-in-picture", "publickey-credentials-create", "publickey-credentials-get",
	"screen-wake-lock", "serial", "storage-access", "usb", "window-management", "xr-spatial-tracking",
}

// permissions is the header that allows the named features to the page itself and
// refuses the others.
func permissions(allowed []string) string {
	parts := make([]string, len(powers))
	for i, p := range powers {
		parts[i] = p + "=()"
		if slices.Contains(allowed, p) {
			parts[i] = p + "=(self)"
		}
	}
	return strings.Join(parts, ", ")
}

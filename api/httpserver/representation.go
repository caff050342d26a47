package httpserver

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// compressed compresses the answers of operations whose document allows it: public data.
// An answer that holds a secret beside text that its reader chose would show the secret by
// its compressed length.
func (d *document) compressed() echo.MiddlewareFunc {
	return middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.DefaultCompression, MinLength: 512,
		Skipper: func(c echo.Context) bool { op := d.operation(c); return op == nil || !op.Compress }})
}

// tagged gives the answers of operations whose document says so an ETag, and answers 304 to
// whoever has that one (RFC 9110, section 13.1.2). The tag is weak: the same bytes may go
// out compressed. They may be kept, and are asked for again before they are used.
func (d *document) tagged(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if op := d.operation(c); op == nil || !op.ETag {
			return next(c)
		}
		original := c.Response().Writer
		held := &holder{ResponseWriter: original, status: http.StatusOK}
		c.Response().Writer = held
		err := next(c)
		c.Response().Writer = original
		if err != nil {
			return err
		}
		return held.release(c.Request())
	}
}

// holder keeps an answer until it is whole.
type holder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *holder) WriteHeader(status int)      { h.status = status }
func (h *holder) Write(b []byte) (int, error) { return h.body.Write(b) }

// Flush implements http.Flusher: nothing goes out before the answer is whole.
func (h *holder) Flush() {}

func (h *holder) release(r *http.Request) error {
	if h.status != http.StatusOK {
		h.ResponseWriter.WriteHeader(h.status)
		_, err := h.ResponseWriter.Write(h.body.Bytes())
		return err
	}
	sum := sha256.Sum256(h.body.Bytes())
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	h.Header().Set("ETag", tag)
	h.Header().Set("Cache-Control", "no-cache")
	if matches(r.Header.Values("If-None-Match"), tag) {
		h.Header().Del("Content-Type")
		h.ResponseWriter.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.ResponseWriter.WriteHeader(http.StatusOK)
	_, err := h.ResponseWriter.Write(h.body.Bytes())
	return err
}

// matches compares weakly: whether a tag is weak makes no difference (RFC 9110, section 8.8.3.2).
func matches(fields []string, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, known := range strings.Split(strings.Join(fields, ","), ",") {
		if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == opaque {
			return true
		}
	}
	return false
}

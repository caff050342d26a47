package practice

import (
	"context"
	"io"
	"log/slog"
	"time"

	"medunion/api/message"
	"medunion/doctor-portal/keystore"
)

// Portal carries one HTTP exchange to the doctor's portal and nowhere else.
type Portal interface {
	// Exchange sends the request and returns once the answer's header is here; its
	// body is a stream. It follows no redirect and sends no cookie. An error means
	// that no answer came. The end of ctx ends the stream too.
	Exchange(ctx context.Context, r Request) (*Response, error)
}

// Request is an HTTP request. The path begins with "/" and holds the query.
type Request struct {
	Method string
	Path   string
	Header map[string]string
	Body   []byte // nil for none
}

// Response is an HTTP answer. Whoever gets it closes Body.
type Response struct {
	Status int
	Body   io.ReadCloser
}

// Config is what a practice is given from outside. Portal, Files, Rand, Origin, Pins,
// Authority and JWKS are required.
type Config struct {
	Portal Portal
	Files  keystore.Files
	Rand   io.Reader        // cryptographically secure
	Now    func() time.Time // time.Now by default

	Origin    string       // the portal's, as the doctor means it: scheme, host and port
	Pins      message.Pins // of the public cloud
	Authority string       // the medical authority's issuer name
	JWKS      []byte       // its key set

	// Changed, if set, is told what may be shown anew. It is called from any goroutine,
	// one call at a time, with no lock held, and must return soon.
	Changed func(Event)
	// Trace, if set, is told each message of the protocol; it must return at once.
	Trace func(message.Sent)
	Log   *slog.Logger // nothing is logged without one
}

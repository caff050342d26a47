package problem

import (
	"context"
	"errors"
	"time"
)

// defaultRetry is how long a caller is asked to wait when nothing better is known.
const defaultRetry = time.Second

// Error is a failure with a public face. Make it with the constructors below.
type Error struct {
	Kind Kind
	// Detail is the public sentence: a constant of the program, never a value
	// of the request and never the cause's text. Refused has no choice of it.
	Detail string
	// Code is a stable name of the sentence, for a page that says it in another
	// language; it may be empty, and is shown only where the sentence is.
	Code string
	// Now is the server's time, for KindStale only.
	Now time.Time
	// RetryAfter is how long to wait before trying again, for KindUnavailable
	// and KindTooMany only.
	RetryAfter time.Duration

	cause error
}

// Invalid says that the input is malformed; detail names what, never its value.
func Invalid(detail string) *Error { return &Error{Kind: KindInvalid, Detail: detail} }

// Refused is every failed cryptographic, consent or permission check. Its
// public form is the same whatever the cause.
func Refused(cause error) *Error { return &Error{Kind: KindRefused, cause: cause} }

// NotFound says that there is no such thing, or none that this caller may see.
func NotFound(detail string) *Error { return &Error{Kind: KindNotFound, Detail: detail} }

// Conflict says that what would be made exists already, or that another
// request was faster.
func Conflict(detail string) *Error { return &Error{Kind: KindConflict, Detail: detail} }

// Stale refuses a message for its time. now is the server's clock: the client
// may correct its offset by it and sign anew.
func Stale(now time.Time) *Error { return &Error{Kind: KindStale, Now: now} }

// Unavailable says that something that is needed does not answer. A wait of
// zero or less becomes one second.
func Unavailable(retryAfter time.Duration, cause error) *Error {
	return &Error{Kind: KindUnavailable, RetryAfter: orDefault(retryAfter), cause: cause}
}

// Unauthenticated asks for a bearer token, or for a better one.
func Unauthenticated(cause error) *Error { return &Error{Kind: KindUnauthenticated, cause: cause} }

// MethodNotAllowed says that the address exists but does not know the method.
func MethodNotAllowed() *Error { return &Error{Kind: KindMethodNotAllowed} }

// TooLarge says that the body, or the message in it, exceeds its cap.
func TooLarge() *Error { return &Error{Kind: KindTooLarge} }

// UnsupportedMedia says which content type is read here; detail names it.
func UnsupportedMedia(detail string) *Error {
	return &Error{Kind: KindUnsupportedMedia, Detail: detail}
}

// TooMany says that the caller exceeds its rate. A wait of zero or less
// becomes one second.
func TooMany(retryAfter time.Duration) *Error {
	return &Error{Kind: KindTooMany, RetryAfter: orDefault(retryAfter)}
}

// Internal is a fault of ours; nothing of the cause is shown.
func Internal(cause error) *Error { return &Error{Kind: KindInternal, cause: cause} }

func orDefault(d time.Duration) time.Duration {
	if d <= 0 {
		return defaultRetry
	}
	return d
}

// Because returns a copy of the error that keeps cause for the audit log.
func (e *Error) Because(cause error) *Error {
	with := *e
	with.cause = cause
	return &with
}

// Coded returns a copy of the error whose sentence has a code: lower-case words
// with hyphens between.
func (e *Error) Coded(code string) *Error {
	with := *e
	with.Code = code
	return &with
}

// Error is the public face in one line. It never holds the cause: an error
// that ends in a log by accident tells no secret.
func (e *Error) Error() string { return e.Kind.String() + ": " + e.public() }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Is matches the error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind.known()
}

// public is the sentence shown outside. Kinds whose wording could tell which
// check failed have one sentence only.
func (e *Error) public() string {
	if e.fixed() || e.Detail == "" {
		return kinds[e.Kind.known()].detail
	}
	return e.Detail
}

func (e *Error) fixed() bool {
	return e.Kind == KindRefused || e.Kind == KindUnauthenticated || e.Kind.known() == KindInternal
}

// From classifies any error: the outermost Error in its chain, Unavailable for
// a deadline that passed or a caller that left, otherwise Internal. From(nil)
// is nil.
func From(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable(defaultRetry, err)
	}
	return Internal(err)
}

// KindOf is the kind of any error that is not nil.
func KindOf(err error) Kind {
	if err == nil {
		return KindInternal
	}
	return From(err).Kind.known()
}

// Reason says why, for the audit log and never for an answer: the kind and the
// chain of causes. Causes must not hold patients' data or keys.
func Reason(err error) string {
	e := From(err)
	if e == nil {
		return ""
	}
	var wrapped *Error
	switch {
	case e.cause == nil:
		return e.Error()
	case errors.As(e.cause, &wrapped):
		return e.Kind.String() + ": " + Reason(e.cause)
	}
	return e.Kind.String() + ": " + e.cause.Error()
}

// Package problem holds the kinds of error that cross a wall of the system and
// their public form, an RFC 9457 problem document.
//
// An Error has two faces. Outside it shows a kind, a sentence written by the
// programmer, and nothing else. Inside it keeps the cause, which only Reason
// reveals, for the audit log. Every failure of cryptography or of consent is
// Refused, and all refusals look alike outside, so that a stranger cannot learn
// which check stopped him.
//
// The package knows no HTTP: roles make errors, api/httpserver writes them.
package problem

// Kind says what sort of failure an error is. The zero value is KindInternal, so
// that an error that nobody classified reveals nothing.
//
// A Kind is itself an error, to be matched: errors.Is(err, problem.KindRefused).
type Kind uint8

// The first six after KindInternal are made in the roles, the others at the edge.
const (
	KindInternal Kind = iota // 500: a fault of ours

	KindInvalid     // 400: malformed input, whoever sends it
	KindRefused     // 403: a cryptographic, consent or permission check failed
	KindNotFound    // 404: there is no such thing, or not for this caller
	KindConflict    // 409: it exists already, or another request was first
	KindStale       // 422: the message's time is outside the window; carries the server's time
	KindUnavailable // 503: a store or peer that is needed does not answer

	KindUnauthenticated  // 401: no token, or none that holds
	KindMethodNotAllowed // 405: the address knows other methods
	KindTooLarge         // 413: the body, or the message in it, exceeds its cap
	KindUnsupportedMedia // 415: the body is not of the type that is read here
	KindTooMany          // 429: the caller exceeds its rate
)

// kinds holds the public words of each kind: one table, so that no two places
// can word the same refusal differently.
var kinds = [...]struct {
	name, title, detail string
	status              int
}{
	KindInternal:         {"internal", "Internal error", "The request could not be completed.", 500},
	KindInvalid:          {"invalid", "Invalid request", "The request is malformed.", 400},
	KindRefused:          {"refused", "Refused", "The request is refused.", 403},
	KindNotFound:         {"not-found", "Not found", "There is nothing at this address.", 404},
	KindConflict:         {"conflict", "Conflict", "The request conflicts with what is stored.", 409},
	KindStale:            {"stale", "Stale message", "The time of the message is outside the accepted window.", 422},
	KindUnavailable:      {"unavailable", "Unavailable", "The service cannot answer now; try again later.", 503},
	KindUnauthenticated:  {"unauthenticated", "Authentication required", "A valid bearer token is required.", 401},
	KindMethodNotAllowed: {"method-not-allowed", "Method not allowed", "This address does not know the method.", 405},
	KindTooLarge:         {"too-large", "Too large", "The request body is too large.", 413},
	KindUnsupportedMedia: {"unsupported-media-type", "Unsupported media type", "The content type is not accepted here.", 415},
	KindTooMany:          {"too-many", "Too many requests", "The caller sends too many requests; try again later.", 429},
}

// known turns a Kind that is not in the table into KindInternal.
func (k Kind) known() Kind {
	if int(k) < len(kinds) {
		return k
	}
	return KindInternal
}

// String is the kind's short name, the last part of its type URI.
func (k Kind) String() string { return kinds[k.known()].name }

// Error makes a Kind a target of errors.Is.
func (k Kind) Error() string { return k.String() }

// Status is the HTTP status code of the kind (RFC 9110).
func (k Kind) Status() int { return kinds[k.known()].status }

// Title is the kind's short public summary; it never varies (RFC 9457, section 3.1.3).
func (k Kind) Title() string { return kinds[k.known()].title }

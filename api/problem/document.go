package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MediaType is the content type of a problem document (RFC 9457, section 3).
const MediaType = "application/problem+json"

// typePrefix opens every type URI; the kind's name follows.
const typePrefix = "urn:medunion:problem:"

// instancePrefix opens every instance URI; the request id follows.
const instancePrefix = "urn:medunion:request:"

// Document is the public form of an Error (RFC 9457, section 3.1, with three
// members of our own).
type Document struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Code     string `json:"code,omitempty"` // of the sentence, stable
	Instance string `json:"instance,omitempty"`
	// Now is the server's time (RFC 3339, with milliseconds), of a stale problem only.
	Now string `json:"now,omitempty"`
	// RetryAfter is in whole seconds, rounded up, as in the header of that name.
	RetryAfter int64 `json:"retryAfter,omitempty"`
}

// Document is the error's public form. requestID may be empty; apart from it,
// two refusals have the same bytes.
func (e *Error) Document(requestID string) Document {
	k := e.Kind.known()
	doc := Document{Type: k.Type(), Title: k.Title(), Status: k.Status(), Detail: e.public()}
	if !e.fixed() {
		doc.Code = e.Code
	}
	if requestID != "" {
		doc.Instance = instancePrefix + requestID
	}
	switch k {
	case KindStale:
		doc.Now = e.Now.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)
	case KindUnavailable, KindTooMany:
		doc.RetryAfter = int64((e.RetryAfter + time.Second - 1) / time.Second)
	}
	return doc
}

// Type is the kind's type URI.
func (k Kind) Type() string { return typePrefix + k.String() }

// Parse reads a problem document that a peer sent, as its client does. It
// returns an Error of the same kind whose public sentence is this package's
// own: a peer's words are kept as the cause and not passed on.
// The error says that data is no problem document of this system.
func Parse(data []byte) (*Error, error) {
	var doc Document
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, errors.New("problem: not a JSON document")
	}
	k, err := kindOfType(doc.Type)
	if err != nil {
		return nil, err
	}
	e := &Error{Kind: k, cause: &remote{doc}}
	switch k {
	case KindStale:
		if e.Now, err = time.Parse(time.RFC3339, doc.Now); err != nil {
			return nil, errors.New("problem: a stale problem without the peer's time")
		}
	case KindUnavailable, KindTooMany:
		const most = 3600 // a peer cannot make its caller wait for longer
		e.RetryAfter = orDefault(time.Duration(min(doc.RetryAfter, most)) * time.Second)
	}
	return e, nil
}

func kindOfType(uri string) (Kind, error) {
	name, ok := strings.CutPrefix(uri, typePrefix)
	for k := range kinds {
		if ok && kinds[k].name == name {
			return Kind(k), nil
		}
	}
	return KindInternal, errors.New("problem: unknown problem type")
}

// remote is what a peer said, as a cause.
type remote struct{ doc Document }

func (r *remote) Error() string {
	return fmt.Sprintf("the peer answered %d %q (%s)", r.doc.Status, r.doc.Detail, r.doc.Instance)
}

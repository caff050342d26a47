package httpserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// traits are what an OpenAPI document says of an operation beside OpenAPI's own words,
// as extensions. The edge keeps to them, so that the document cannot be untrue:
//
//	x-limits: { body: 87446, seconds: 30 }           the most bytes of a body, the most time
//	x-rate-limit: { address: 6000, identity: 600 }   requests a minute of one caller
//	x-etag: true                                     answers carry an ETag and may be asked for by it
//	x-compress: true                                 answers may be compressed: they hold no secret
//	x-idempotency-key: true                          a write may be sent again with its Idempotency-Key
//	x-peer: required                                 only listed peers may call it, where there is a list; `token`: with a bearer token
//
// The first two also stand at the document's root, for all operations that say nothing.
type traits struct {
	Limits struct {
		Body    int64 `json:"body"`
		Seconds int   `json:"seconds"`
	} `json:"x-limits"`
	Rate        Rate   `json:"x-rate-limit"`
	ETag        bool   `json:"x-etag"`
	Compress    bool   `json:"x-compress"`
	Idempotency bool   `json:"x-idempotency-key"`
	Peer        string `json:"x-peer"`

	own bool // the rate is the operation's own, and so is its count
}

// readTraits reads the extensions of an operation over those of its document.
func readTraits(spec *openapi3.T, op *openapi3.Operation) (traits, error) {
	var t traits
	for _, level := range []map[string]any{spec.Extensions, op.Extensions} {
		known := map[string]any{}
		for name, value := range level {
			if strings.HasPrefix(name, "x-") {
				known[name] = value
			}
		}
		text, err := json.Marshal(known)
		if err != nil {
			return t, err
		}
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&t); err != nil {
			return t, fmt.Errorf("extensions of %s: %w", op.OperationID, err)
		}
	}
	if !slices.Contains([]string{"", peerNone, peerRequired, peerToken}, t.Peer) {
		return t, fmt.Errorf("extensions of %s: x-peer is none, required or token", op.OperationID)
	}
	_, t.own = op.Extensions["x-rate-limit"]
	return t, nil
}

// over fills in, for each limit that l does not set, the document's, then the default.
func (t traits) over(l Limits) Limits {
	for _, body := range []int64{t.Limits.Body, MessageBody(MessageCap)} {
		if l.Body == 0 {
			l.Body = body
		}
	}
	for _, timeout := range []time.Duration{time.Duration(t.Limits.Seconds) * time.Second, defaultTimeout} {
		if l.Timeout == 0 {
			l.Timeout = timeout
		}
	}
	return l
}

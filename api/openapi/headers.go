package openapi

import (
	"maps"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// Headers that answers carry because of what the document says by extensions, and not in
// OpenAPI's own words.
const (
	requestID   = "X-Request-Id"
	rate        = "RateLimit"
	ratePolicy  = "RateLimit-Policy"
	etag        = "ETag"
	ifNoneMatch = "If-None-Match"
)

// described are those headers, with an example of each.
var described = map[string]struct{ says, example string }{
	requestID: {"the request's id, 32 hexadecimal digits: the client's if it sent one of that form, else a new one. It stands in the server's log, in the audit trail, and in `instance` of a problem",
		"5d1f8c0e7a9b46338f20c1d4e6a7b899"},
	rate: {"for each policy, how many requests are left (r) and in how many seconds all are again (t); draft-ietf-httpapi-ratelimit-headers",
		`"address";r=5998;t=1`},
	ratePolicy: {"the policies: so many requests (q) in so many seconds (w) from one address, or with the token of one identity", `"address";q=6000;w=60`},
	etag:       {"names these bytes; sent back in If-None-Match, it saves sending them again", `W/"WzvzLUJLpBD1oRkqLbOtpQ"`},
}

// writeOut writes out in OpenAPI's own words what the extensions say of headers: the
// request's id on every answer, what is left of a rate where the document has one, and of
// an operation with x-etag the ETag and the question by it.
func writeOut(spec *openapi3.T) {
	everywhere := []string{requestID}
	if spec.Extensions["x-rate-limit"] != nil {
		everywhere = append(everywhere, rate, ratePolicy)
	}
	define(spec, append(everywhere, etag))
	done := map[*openapi3.Response]bool{}
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Extensions["x-etag"] == true {
				conditional(op)
			}
			for _, r := range op.Responses.Map() {
				if r.Value != nil && !done[r.Value] {
					done[r.Value] = true
					carry(r.Value, everywhere...)
				}
			}
		}
	}
}

// define adds the headers to the document's components.
func define(spec *openapi3.T, names []string) {
	if spec.Components.Headers == nil {
		spec.Components.Headers = openapi3.Headers{}
	}
	for _, name := range names {
		spec.Components.Headers[name] = &openapi3.HeaderRef{Value: header(name)}
	}
}

func header(name string) *openapi3.Header {
	d := described[name]
	return &openapi3.Header{Parameter: openapi3.Parameter{Description: d.says, Schema: openapi3.NewStringSchema().NewRef(), Example: d.example}}
}

// carry says that an answer has these headers.
func carry(r *openapi3.Response, names ...string) {
	r.Headers = maps.Clone(r.Headers)
	if r.Headers == nil {
		r.Headers = openapi3.Headers{}
	}
	for _, name := range names {
		r.Headers[name] = &openapi3.HeaderRef{Ref: "#/components/headers/" + name, Value: header(name)}
	}
}

// conditional makes an operation one that may be asked by ETag. Its answer may be a
// component that others share, so it gets one of its own.
func conditional(op *openapi3.Operation) {
	found := *op.Responses.Status(http.StatusOK).Value
	carry(&found, etag)
	op.Responses.Set("200", &openapi3.ResponseRef{Value: &found})
	op.AddParameter(openapi3.NewHeaderParameter(ifNoneMatch).WithSchema(openapi3.NewStringSchema()).
		WithDescription("the ETag of what is known: 304 if it is still that"))
}

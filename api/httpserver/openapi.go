package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// Authenticator checks one security requirement of the OpenAPI document: the
// name of the scheme and the scopes that the operation wants. Its errors are
// Unauthenticated or Refused.
type Authenticator func(c echo.Context, scheme string, scopes []string) error

// document is an OpenAPI document by the routes with which Echo serves it.
//
// kin-openapi's filter is called directly. The middleware of oapi-codegen would
// match each path a second time by rules of its own, and of an OpenAPI 3.1
// document it loses which parameter was wrong.
type document struct {
	operations map[string]map[string]*operation // Echo's pattern, then method
	skip       []string
	words      words
	options    openapi3filter.Options
}

// operation is one operation of the document, as the edge serves it.
type operation struct {
	*routers.Route
	traits
}

type echoKey struct{}

// validate holds every request against the document: its security, its
// parameters, its body. What does not fit is Invalid and says where, in the
// document's words only: nothing of the request is quoted.
func (d *document) validate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := d.check(c); err != nil {
			return err
		}
		return next(c)
	}
}

func newDocument(o Options) (*document, error) {
	if o.Spec == nil {
		return &document{}, nil
	}
	// The examples are held against their schemas by a test: at a start it takes seconds.
	if err := o.Spec.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, err
	}
	names, err := vocabulary(o.Spec)
	if err != nil {
		return nil, err
	}
	d := &document{
		operations: map[string]map[string]*operation{},
		skip:       slices.Concat(operations, o.Unspecified),
		words:      names,
		options: openapi3filter.Options{
			AuthenticationFunc:                authentication(o.Authenticate),
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
		},
	}
	if err := d.read(o.Spec); err != nil {
		return nil, err
	}
	if o.Authenticate == nil && secured(o.Spec) {
		return nil, errors.New("it asks for authentication, and there is no Authenticator")
	}
	return d, nil
}

func (d *document) read(spec *openapi3.T) error {
	for path, item := range spec.Paths.Map() {
		methods := map[string]*operation{}
		for method, op := range item.Operations() {
			t, err := readTraits(spec, op)
			if err != nil {
				return err
			}
			methods[method] = &operation{&routers.Route{Spec: spec, Path: path, PathItem: item, Method: method, Operation: op}, t}
		}
		d.operations[echoPattern(path)] = methods
	}
	return nil
}

func secured(spec *openapi3.T) bool {
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Security != nil && len(*op.Security) > 0 {
				return true
			}
		}
	}
	return len(spec.Security) > 0
}

// Agree says whether the routes of a server and the operations of its document are the
// same, but for those named, such as pages, the server's own, and those that only development
// mode describes. A service checks it when it starts.
func Agree(e *echo.Echo, spec *openapi3.T, unspecified ...string) error {
	known := map[string]bool{}
	for _, pattern := range slices.Concat(operations, docsRoutes(), unspecified) {
		known[http.MethodGet+" "+pattern], known[http.MethodHead+" "+pattern] = true, true
	}
	missing := map[string]bool{}
	for path, item := range spec.Paths.Map() {
		for method := range item.Operations() {
			known[method+" "+echoPattern(path)], missing[method+" "+echoPattern(path)] = true, true
		}
	}
	for _, r := range e.Routes() {
		if !known[r.Method+" "+r.Path] && !strings.HasPrefix(r.Path, developmentPath) {
			return fmt.Errorf("httpserver: the OpenAPI document lacks %s %s", r.Method, r.Path)
		}
		delete(missing, r.Method+" "+r.Path)
	}
	for route := range missing {
		return fmt.Errorf("httpserver: nothing serves %s of the OpenAPI document", route)
	}
	return nil
}

// operation is the one that a request asks for; nil where the document has none.
func (d *document) operation(c echo.Context) *operation {
	return d.operations[c.Path()][c.Request().Method]
}

var pathParameter = regexp.MustCompile(`\{([^{}]+)\}`)

// echoPattern writes an OpenAPI path as the generated code registers it.
func echoPattern(path string) string { return pathParameter.ReplaceAllString(path, ":$1") }

func authentication(check Authenticator) openapi3filter.AuthenticationFunc {
	return func(ctx context.Context, in *openapi3filter.AuthenticationInput) error {
		return check(ctx.Value(echoKey{}).(echo.Context), in.SecuritySchemeName, in.Scopes)
	}
}

// check lets through what the document describes. A route that Echo knows and
// the document does not is not served.
func (d *document) check(c echo.Context) error {
	if d.operations == nil || slices.Contains(d.skip, c.Path()) {
		return nil
	}
	methods := d.operations[c.Path()]
	if methods == nil {
		return problem.NotFound("")
	}
	op := methods[c.Request().Method]
	if op == nil {
		c.Response().Header().Set("Allow", allowed(methods))
		return problem.MethodNotAllowed()
	}
	params, err := pathParams(c)
	if err != nil {
		return err
	}
	r := c.Request()
	ctx := context.WithValue(r.Context(), echoKey{}, c)
	err = openapi3filter.ValidateRequest(ctx, &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: op.Route, Options: &d.options,
	})
	// The filter has read the body and put it back into r; an Authenticator may
	// have replaced the request by one with a context of its own.
	current := c.Request()
	current.Body, current.GetBody, current.ContentLength = r.Body, r.GetBody, r.ContentLength
	return d.words.explain(err)
}

func allowed(methods map[string]*operation) string {
	var names []string
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// pathParams are the values in the path. Echo leaves them escaped when the path
// came with escapes that matter.
func pathParams(c echo.Context) (map[string]string, error) {
	params := map[string]string{}
	for i, name := range c.ParamNames() {
		value := c.ParamValues()[i]
		if c.Request().URL.RawPath != "" {
			plain, err := url.PathUnescape(value)
			if err != nil {
				return nil, problem.Invalid("The path is malformed.")
			}
			value = plain
		}
		params[name] = value
	}
	return params, nil
}

package httpserver

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

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
	routes  map[string]map[string]*routers.Route // Echo's pattern, then method
	skip    []string
	words   words
	options openapi3filter.Options
}

type echoKey struct{}

// validator holds every request against the document: its security, its
// parameters, its body. What does not fit is Invalid and says where, in the
// document's words only: nothing of the request is quoted.
func validator(o Options) (echo.MiddlewareFunc, error) {
	if o.Spec == nil {
		return func(next echo.HandlerFunc) echo.HandlerFunc { return next }, nil
	}
	d, err := newDocument(o)
	if err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := d.check(c); err != nil {
				return err
			}
			return next(c)
		}
	}, nil
}

func newDocument(o Options) (*document, error) {
	if err := o.Spec.Validate(context.Background()); err != nil {
		return nil, err
	}
	names, err := vocabulary(o.Spec)
	if err != nil {
		return nil, err
	}
	d := &document{
		routes: map[string]map[string]*routers.Route{},
		skip:   slices.Concat(operations, o.Unspecified),
		words:  names,
		options: openapi3filter.Options{
			AuthenticationFunc:                authentication(o.Authenticate),
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
		},
	}
	secured := len(o.Spec.Security) > 0
	for path, item := range o.Spec.Paths.Map() {
		pattern := echoPattern(path)
		d.routes[pattern] = map[string]*routers.Route{}
		for method, op := range item.Operations() {
			secured = secured || op.Security != nil && len(*op.Security) > 0
			d.routes[pattern][method] = &routers.Route{Spec: o.Spec, Path: path, PathItem: item, Method: method, Operation: op}
		}
	}
	if secured && o.Authenticate == nil {
		return nil, errors.New("it asks for authentication, and there is no Authenticator")
	}
	return d, nil
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
	if slices.Contains(d.skip, c.Path()) {
		return nil
	}
	methods := d.routes[c.Path()]
	if methods == nil {
		return problem.NotFound("")
	}
	route := methods[c.Request().Method]
	if route == nil {
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
		Request: r, PathParams: params, Route: route, Options: &d.options,
	})
	// The filter has read the body and put it back into r; an Authenticator may
	// have replaced the request by one with a context of its own.
	current := c.Request()
	current.Body, current.GetBody, current.ContentLength = r.Body, r.GetBody, r.ContentLength
	return d.words.explain(err)
}

func allowed(methods map[string]*routers.Route) string {
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

package system_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"medunion/api/message"
	"medunion/api/openapi"
)

// recorder is a transport that keeps, for each operation of the OpenAPI documents, what it
// was asked and what it answered.
type recorder struct {
	next http.RoundTripper

	mu    sync.Mutex
	hosts map[string]openapi.Document
	// kept are by document, operation, and "request.<variant>" or "answer.<variant>".
	kept   map[openapi.Document]map[string]sample
	called map[openapi.Document]map[string]bool
	routes map[openapi.Document][]route
}

// sample is one body. Of several the longest is kept: it shows the most.
type sample struct {
	value json.RawMessage
	size  int
}

// route is how an operation is recognised.
type route struct {
	operation, method string
	path              *regexp.Regexp
}

var templated = regexp.MustCompile(`\{[^{}]+\}`)

func newRecorder(next http.RoundTripper) (*recorder, error) {
	r := &recorder{next: next, hosts: map[string]openapi.Document{}, kept: map[openapi.Document]map[string]sample{},
		called: map[openapi.Document]map[string]bool{}, routes: map[openapi.Document][]route{}}
	for _, name := range openapi.Documents {
		spec, err := openapi.Load(name)
		if err != nil {
			return nil, err
		}
		r.kept[name], r.called[name] = map[string]sample{}, map[string]bool{}
		for path, item := range spec.Paths.Map() {
			pattern := "^" + templated.ReplaceAllString(strings.ReplaceAll(path, ".", `\.`), "[^/]+") + "$"
			for method, op := range item.Operations() {
				r.routes[name] = append(r.routes[name], route{op.OperationID, method, regexp.MustCompile(pattern)})
			}
		}
		// A path without parameters comes before one that it also fits.
		slices.SortFunc(r.routes[name], func(a, b route) int {
			return strings.Count(a.path.String(), "[^/]") - strings.Count(b.path.String(), "[^/]")
		})
	}
	return r, nil
}

// knows says whose document describes what is at an address.
func (r *recorder) knows(address string, d openapi.Document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := must(url.Parse(address))
	r.hosts[u.Host] = d
}

func (r *recorder) find(q *http.Request) (openapi.Document, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.hosts[q.URL.Host]
	for _, known := range r.routes[d] {
		if known.method == q.Method && known.path.MatchString(q.URL.Path) {
			return d, known.operation
		}
	}
	return d, ""
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	d, operation := r.find(q)
	if operation == "" {
		return r.next.RoundTrip(q)
	}
	var asked []byte
	if q.Body != nil {
		var err error
		if asked, err = io.ReadAll(q.Body); err != nil {
			return nil, err
		}
		q = q.Clone(q.Context())
		q.Body = io.NopCloser(bytes.NewReader(asked))
	}
	a, err := r.next.RoundTrip(q)
	if err != nil || a.StatusCode >= 300 {
		return a, err
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	a.Body = &tee{ReadCloser: a.Body, done: func(answered []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.called[d][operation] = true
		r.keep(d, operation+".request", "application/json", asked, len(answered))
		answer := operation + ".answer"
		if a.StatusCode == http.StatusAccepted && operation == "importBundle" { // which may also answer at once
			answer = operation + ".accepted"
		}
		r.keep(d, answer, kind, answered, len(answered))
	}}
	return a, nil
}

// tee keeps what is read, and hands it over at the end.
type tee struct {
	io.ReadCloser
	read bytes.Buffer
	done func([]byte)
	once sync.Once
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.read.Write(p[:n])
	if err == io.EOF {
		t.once.Do(func() { t.done(t.read.Bytes()) })
	}
	return n, err
}

func (t *tee) Close() error {
	err := t.ReadCloser.Close()
	t.once.Do(func() { t.done(t.read.Bytes()) })
	return err
}

// keep takes a body as an example: JSON as it is, a stream of lines or events as a string.
func (r *recorder) keep(d openapi.Document, name, kind string, body []byte, size int) {
	var value json.RawMessage
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return
	case kind == "application/json" || kind == "application/fhir+json":
		value = json.RawMessage(body)
		if !json.Valid(value) {
			return
		}
	case strings.HasPrefix(kind, "text/") || kind == "application/x-ndjson":
		value = must(json.Marshal(string(body)))
	default:
		return
	}
	name += "." + variant(name, value)
	if old, found := r.kept[d][name]; !found || old.size < size {
		r.kept[d][name] = sample{value, size}
	}
}

// variant names what a body is among those of its operation: the step that is asked for, or
// the type of its message or messages.
func variant(name string, value json.RawMessage) string {
	var v struct {
		Step, Message, Type string
		Messages            []struct{ Message string }
		Request             json.RawMessage
		Signed              string
	}
	if json.Unmarshal(value, &v) != nil {
		return "example"
	}
	switch {
	case v.Step != "":
		return v.Step
	case v.Message != "":
		return typeOf(v.Message)
	case len(v.Messages) > 0:
		types := map[string]bool{}
		for _, m := range v.Messages {
			types[typeOf(m.Message)] = true
		}
		return strings.Join(slices.Sorted(maps.Keys(types)), "-")
	case strings.HasPrefix(name, "openReply.") && v.Type != "":
		return v.Type
	case strings.HasPrefix(name, "prepareMessage.") && v.Signed != "":
		return "prekey"
	case strings.HasPrefix(name, "prepareMessage.") && v.Request != nil:
		return "certificate-request"
	}
	return "example"
}

// typeOf is the type of a message in base64url. What M0 carries has no header.
func typeOf(text string) string {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return string(message.TypeM0)
	}
	m, err := message.Decode(raw)
	if err != nil {
		return string(message.TypeM0)
	}
	return string(m.Header.Type)
}

package httpserver

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"medunion/api/problem"
)

// developmentTag marks the operations of a document that exist in development mode only:
// those that make messages for testers.
const developmentTag = "development"

// developmentPath is where all of them are.
const developmentPath = "/v1/development/"

// DevelopmentWarning is what a service logs that starts in development mode.
const DevelopmentWarning = "development mode: messages are signed as testers ask for them"

// WithoutDevelopment takes those operations out of a document. Their routes, which the
// generated code registers all the same, then answer like any unknown address.
func WithoutDevelopment(spec *openapi3.T) {
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if slices.Contains(op.Tags, developmentTag) {
				item.SetOperation(method, nil)
			}
		}
		if len(item.Operations()) == 0 {
			spec.Paths.Delete(path)
		}
	}
}

// maxExchanges bounds the exchanges in memory; the oldest makes room.
const maxExchanges = 1024

// Exchanges names by handles, of 32 hexadecimal digits, what a tester has begun. The lock
// is of the exchanges too: one step at a time.
type Exchanges[X any] struct {
	sync.Mutex
	named map[string]X
	order []string
}

// Add returns the handle of a new exchange. The caller holds the lock, here and below.
func (e *Exchanges[X]) Add(x X) string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	handle := hex.EncodeToString(b)
	if e.named == nil {
		e.named = map[string]X{}
	}
	if len(e.order) == maxExchanges {
		delete(e.named, e.order[0])
		e.order = e.order[1:]
	}
	e.named[handle], e.order = x, append(e.order, handle)
	return handle
}

// Find fails with NotFound for a handle that names nothing.
func (e *Exchanges[X]) Find(handle string) (X, error) {
	x, ok := e.named[handle]
	if !ok {
		return x, errNoExchange
	}
	return x, nil
}

var errNoExchange = problem.NotFound("There is no such exchange, or it is of another kind.")

// Exchange is Find for an exchange of one kind.
func Exchange[K any, X any](e *Exchanges[X], handle string) (k K, err error) {
	x, err := e.Find(handle)
	if err != nil {
		return k, err
	}
	k, ok := any(x).(K)
	if !ok {
		return k, errNoExchange
	}
	return k, nil
}

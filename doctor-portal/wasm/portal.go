//go:build js && wasm

package main

import (
	"context"
	"io"
	"syscall/js"

	"medunion/doctor-portal/practice"
)

// portal is practice.Portal by the Worker's fetch.
type portal struct{ host }

// Exchange implements practice.Portal.
func (p portal) Exchange(ctx context.Context, r practice.Request) (*practice.Response, error) {
	header := js.Global().Get("Object").New()
	for name, value := range r.Header {
		header.Set(name, value)
	}
	body := js.Null()
	if r.Body != nil {
		body = bytes(r.Body)
	}
	abort := js.Global().Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	answer, err := await(ctx, p.Call("exchange", r.Method, r.Path, header, body, abort.Get("signal")))
	if err != nil {
		stop()
		return nil, err
	}
	return &practice.Response{Status: answer.Get("status").Int(), Body: &stream{ctx: ctx, next: answer.Get("next"), abort: abort, stop: stop}}, nil
}

// stream is the body of an answer, read chunk by chunk as it comes.
type stream struct {
	ctx   context.Context
	next  js.Value // a function: a promise of a Uint8Array, or of null at the end
	abort js.Value
	stop  func() bool
	chunk []byte
	err   error
}

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	for len(s.chunk) == 0 && s.err == nil {
		v, err := await(s.ctx, s.next.Invoke())
		switch {
		case err != nil:
			s.err = err
		case v.IsNull():
			s.err = io.EOF
		default:
			s.chunk = goBytes(v)
		}
	}
	if len(s.chunk) == 0 {
		return 0, s.err
	}
	n := copy(b, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

// Close gives up what has not been read.
func (s *stream) Close() error {
	s.stop()
	s.abort.Call("abort")
	return nil
}

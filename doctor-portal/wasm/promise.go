//go:build js && wasm

package main

import (
	"context"
	"sync"
	"syscall/js"
)

// thrown is what a promise rejected with, by its name only: a message may quote data.
type thrown struct{ name string }

func (t *thrown) Error() string { return "browser: " + t.name }

// await waits until a promise settles, or ctx ends; the promise is then left to itself.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	settled := make(chan result, 1)
	var onValue, onError js.Func
	release := sync.OnceFunc(func() { onValue.Release(); onError.Release() })
	onValue = js.FuncOf(func(_ js.Value, in []js.Value) any {
		release()
		settled <- result{value: in[0]}
		return nil
	})
	onError = js.FuncOf(func(_ js.Value, in []js.Value) any {
		release()
		settled <- result{err: &thrown{nameOf(in[0])}}
		return nil
	})
	promise.Call("then", onValue, onError)
	select {
	case r := <-settled:
		return r.value, r.err
	case <-ctx.Done():
		return js.Value{}, ctx.Err()
	}
}

// nameOf is the name of a JavaScript error, such as TypeError.
func nameOf(e js.Value) string {
	if e.Type() == js.TypeObject {
		if n := e.Get("name"); n.Type() == js.TypeString {
			return n.String()
		}
	}
	return "error"
}
